"""Code sets by date, tabular notes, crosswalks, DRG weights and identifier checks; no patient data."""
