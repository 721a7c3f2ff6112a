"""The network that scores the candidate codes of a note: vocabulary, encoders, attention, training and scoring.

What proposes the candidates and what decides on the scores stand elsewhere; nothing here reads or writes files.
"""
