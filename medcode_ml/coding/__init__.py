"""Documents to ICD-10-CM codes with assertion and evidence."""
