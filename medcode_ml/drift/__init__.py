"""Watching the models: days held against a frozen reference, alarms, performance with and without labels, audits.

Reading and writing tables is in `stage`, `reading`, `reference` and `alarms`; all else are pure functions of frames and
sketches. What is done about an alarm (retraining, promotion) is not here.
"""
