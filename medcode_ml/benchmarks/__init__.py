"""Measurements against labelled data: run by hand, never part of a stage."""
