"""The codes of an encounter in reporting order, principal first, each place with its reason."""
