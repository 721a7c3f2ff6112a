"""The resources that assets name."""

import dagster as dg

from medcode_assets.resources import ConfiguredInsurers, ConfiguredSource, Database


@dg.definitions
def resources() -> dg.Definitions:
    """Resources, and one process for a run: the stages are SQL and frames, and a process each would cost seconds."""
    return dg.Definitions(
        resources={
            "database": Database(),
            "configured_source": ConfiguredSource(),
            "configured_insurers": ConfiguredInsurers(),
        },
        executor=dg.in_process_executor,
    )
