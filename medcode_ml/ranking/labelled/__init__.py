"""Readers of stays whose true order of codes is known."""
