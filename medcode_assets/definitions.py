"""The code location: everything below `defs/`, found by folder."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Load every asset, check, job, schedule and sensor of medcode."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
