"""The rehearsal: the whole loop from drift to a new champion on a simulated network (synthetic), run by the daemon.

What a hospital does is done here and nothing else: a day's delivery arrives, and its nightly run is asked for. What
follows of it (drift, alarm, retraining, gates, shadow, promotion) is left to the sensors.
"""
