"""Definitions of the coded group."""
