"""Definitions, a folder for each group; loaded by folder."""
