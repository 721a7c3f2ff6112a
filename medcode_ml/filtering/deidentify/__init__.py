"""De-identified copies of documents for training sets, by the safe harbour list (rule 42)."""
