"""Definitions of the mapped group."""
