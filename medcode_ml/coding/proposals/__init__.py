"""Proposals: the codes of the whole code set that a note may carry, a few hundred a note, with what speaks for each."""
