"""Raw records matched to patients and encounters, documents split into sections, code systems crosswalked."""
