"""Dagster definitions and the command line of medcode."""
