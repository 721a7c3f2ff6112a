"""837 claims: writing interchanges and validating them."""
