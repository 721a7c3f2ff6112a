"""Edits, MS-DRG, expected payment and 837 claims."""
