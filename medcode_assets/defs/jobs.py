"""Jobs: the whole lineage, and one for each stage."""

import dagster as dg

from medcode_assets.partitions import received_days

STAGES = {
    "intake": "raw",
    "mapping": "mapped",
    "filtering": "filtered",
    "coding": "coded",
    "ranking": "ranked",
    "billing": "billed",
}

lineage_job = dg.define_asset_job(
    "lineage_job",
    selection=dg.AssetSelection.groups(*STAGES.values(), "marts"),
    partitions_def=received_days,
    description="Scanned records in, claims out: every stage for the chosen days, then the marts",
)

stage_jobs = [
    dg.define_asset_job(
        f"{process}_job",
        selection=dg.AssetSelection.groups(group),
        partitions_def=received_days,
        description=f"The {process} stage alone, for the chosen days",
    )
    for process, group in STAGES.items()
]

deidentify_job = dg.define_asset_job(
    "deidentify_job",
    selection=dg.AssetSelection.groups("deidentified"),
    partitions_def=received_days,
    description="Copies of the documents without identifiers, for training sets; on request only",
)

marts_job = dg.define_asset_job(
    "marts_job", selection=dg.AssetSelection.groups("marts"), description="Refresh and count the marts"
)


@dg.definitions
def jobs() -> dg.Definitions:
    """All jobs."""
    return dg.Definitions(jobs=[lineage_job, *stage_jobs, deidentify_job, marts_job])
