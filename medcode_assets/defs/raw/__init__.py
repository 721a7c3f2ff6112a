"""Definitions of the raw group."""
