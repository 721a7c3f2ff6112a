"""Definitions of the filtered group."""
