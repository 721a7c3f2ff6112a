"""Figures of predicted codes and their evidence against what coders gave, each with its bootstrap interval."""
