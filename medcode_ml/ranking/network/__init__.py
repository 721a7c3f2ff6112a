"""The model of the two decisions: principal and order, starting at the guidelines' weights; fitted with Lightning.

`parameters`, `fit` and `scorer` import without torch; scoring needs numpy only.
"""
