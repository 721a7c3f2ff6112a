"""Models made from the warehouse: labels, parts of the split, versions, figures, gates and promotion of every kind.

What is learned from a label and how well a model does belong to the stage; here it is only kept, and alike for all.
"""
