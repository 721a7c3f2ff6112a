"""The code location: everything below `defs/`, found by folder."""

import warnings
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Load every asset, check, job, schedule and sensor of medcode.

    By module, not by the project's file: an installed medcode, as in the containers, has no pyproject.toml beside it.
    """
    from medcode_assets import defs as folder

    with warnings.catch_warnings():
        # what Dagster's own loader by project file keeps quiet about too: parts of the loading are marked preview
        warnings.simplefilter("ignore", dg.PreviewWarning)
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.ComponentTree.from_module(defs_module=folder, project_root=Path(__file__).parent.parent).build_defs()
