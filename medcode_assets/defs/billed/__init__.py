"""Definitions of the billed group."""
