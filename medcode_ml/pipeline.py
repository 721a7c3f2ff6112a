"""Batches through the stages: what the assets, the command line and later the API and the stream share.

Only composition lives here: which source is configured, and the stages called one after the other in memory.
"""

from __future__ import annotations

from medcode_ml.intake.documents import PageWork
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.source import Source, open_source
from medcode_ml.settings import settings


def configured_source(progress: bool = False) -> Source:
    """Open the source that the settings name; the simulated network is written first where it is not there yet."""
    chosen = settings()
    if chosen.source != "simulated":
        return open_source(chosen)
    from medcode_ml.simulation.delivery import write_delivery
    from medcode_ml.simulation.network import NetworkConfig

    root = write_delivery(NetworkConfig(), chosen.deliveries_dir / "simulated", progress=progress)
    return FolderSource(root, name="simulated")


def page_work() -> PageWork:
    """How pages are read here: where copies and readings are kept, how many processes, how long a page may take."""
    chosen = settings()
    return PageWork(chosen.pages_dir, chosen.ocr_workers, chosen.page_seconds)
