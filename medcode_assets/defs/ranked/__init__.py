"""Definitions of the ranked group."""
