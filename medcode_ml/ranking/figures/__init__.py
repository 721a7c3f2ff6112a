"""Figures of orders against the true ones: places, DRGs, certainty, and their 95% intervals by patient."""
