"""Definitions of the marts group."""
