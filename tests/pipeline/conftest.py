"""Running the stages over a delivery folder, without Dagster: what most pipeline tests need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa


@pytest.fixture
def run_stages(database: sa.Engine, tmp_path: Path) -> Callable[[Path, date, date], None]:
    """Run every stage from raw to claim files, and delivered payments, over a delivery folder."""
    from medcode_ml.billing.answers.kept import KeptFiles
    from medcode_ml.billing.answers.stage import run_answers
    from medcode_ml.billing.files import run_claim_files
    from medcode_ml.billing.payers import load_payers
    from medcode_ml.billing.stage import run_billing
    from medcode_ml.coding.stage import run_coding
    from medcode_ml.filtering.stage import run_filtering
    from medcode_ml.intake.folder import FolderSource
    from medcode_ml.intake.landing import run_intake
    from medcode_ml.intake.page_store import PageWork
    from medcode_ml.mapping.stage import run_mapping
    from medcode_ml.ranking.stage import run_ranking

    def run(root: Path, first: date, last: date) -> None:
        run_intake(database, FolderSource(root), first, last, PageWork(tmp_path / "store", 1, 30))
        for stage in (run_mapping, run_filtering, run_coding, run_ranking):
            stage(database, first, last)
        run_billing(database, first, last, load_payers())
        run_claim_files(database, first, last, tmp_path / "outbox")
        run_answers(database, first, last, KeptFiles(tmp_path / "answers"))

    return run
