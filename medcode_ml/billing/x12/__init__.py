"""837 claims: writing interchanges, validating them and reading them back."""
