"""Group `models`: training sets, models, their evaluation and promotion. Nothing here runs with the lineage."""
