"""A small hospital whose claims are billed by the stages, without Dagster, on a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from support.delivery import charge, note, patient, stay, write

from medcode_ml.billing.files import run_claim_files
from medcode_ml.billing.held import decide
from medcode_ml.billing.payers import load_payers
from medcode_ml.billing.stage import run_billing
from medcode_ml.contracts import billed, filtered
from medcode_ml.store.frames import read_partition

FIRST, SECOND = date(2026, 10, 5), date(2026, 10, 6)
_TEXT = "DISCHARGE DIAGNOSES:\n1. Pneumonia, unspecified organism.\n2. Acute kidney injury.\n"
_TABLES = (billed.claim, billed.claim_edit, billed.interchange_claim)


class BilledDays:
    """A hospital with its stages.

    `days` maps a received day to the encounters delivered on it; those of the day `without` lack a discharge date.
    """

    def __init__(
        self, database: sa.Engine, root: Path, days: dict[date, list[str]], without: date | None = None
    ) -> None:
        from medcode_ml.intake.folder import FolderSource
        from medcode_ml.intake.landing import run_intake
        from medcode_ml.intake.page_store import PageWork
        from medcode_ml.mapping.stage import run_mapping

        self.engine, self.outbox = database, root / "outbox"
        for day, numbers in days.items():
            lacks = {"discharge_date": ""} if day == without else {}
            write(
                root / "delivered", day.isoformat(),
                patient=[patient("M1")],
                encounter=[stay(number, "M1", **lacks) for number in numbers],
                charge=[charge(number, 7) for number in numbers],
                scanned_record=[note(f"R{number}", number, _TEXT) for number in numbers],
            )  # fmt: skip
        run_intake(database, FolderSource(root / "delivered"), FIRST, SECOND, PageWork(root / "store", 1, 30))
        run_mapping(database, FIRST, SECOND)
        self.filter_to_rank()
        self.bill()

    def filter_to_rank(self, last: date = SECOND) -> None:
        """The stages between mapping and billing, on both days or the first."""
        from medcode_ml.coding.stage import run_coding
        from medcode_ml.filtering.stage import run_filtering
        from medcode_ml.ranking.stage import run_ranking

        for stage in (run_filtering, run_coding, run_ranking):
            stage(self.engine, FIRST, last)

    def bill(self) -> dict[str, Any]:
        """Bill both days and write their files; return the figures of both."""
        billing = run_billing(self.engine, FIRST, SECOND, load_payers())
        return billing.figures | run_claim_files(self.engine, FIRST, SECOND, self.outbox).figures

    def claim(self, day: date = FIRST) -> dict[str, Any]:
        """The first claim of a day."""
        return read_partition(self.engine, billed.claim, day).to_dict("records")[0]

    def errors(self, day: date = FIRST) -> list[str]:
        """Edits that hold the first claim of a day."""
        edits = read_partition(self.engine, billed.claim_edit, day)
        own = edits[(edits["encounter_id"] == self.claim(day)["encounter_id"]) & (edits["level"] == "error")]
        return own.loc[own["released_by"].isna(), "edit"].tolist()

    def files(self) -> dict[str, bytes]:
        """What lies in the outbox."""
        return {p.name: p.read_bytes() for p in sorted(self.outbox.rglob("*.x12"))}

    def tables(self, day: date = FIRST) -> list[pd.DataFrame]:
        """The tables of a day that a run may not change."""
        return [read_partition(self.engine, table, day) for table in _TABLES]

    def changes(self, amount: str, day: date = FIRST) -> None:
        """The hospital corrects the charge."""
        with self.engine.begin() as connection:
            of_day = filtered.charge.c.received_date == day
            connection.execute(sa.update(filtered.charge).where(of_day).values(charge=Decimal(amount)))

    def answers(self, table: sa.Table, **values: Any) -> None:
        """An insurer answers; what the contract asks for and is not given is filled in."""
        claim = self.claim()
        row = {c.name: _FILLED[str(c.type)] for c in table.columns if not c.nullable and str(c.type) in _FILLED}
        known = {k: claim[k] for k in ("encounter_id", "claim_number") if k in table.c}
        with self.engine.begin() as connection:
            connection.execute(sa.insert(table), row | {"outcome": "matched"} | known | values)

    def decides(self, outcome: str, **given: Any) -> date:
        """A biller decides about the first claim of the first day."""
        claim = self.claim()["claim_number"]
        return decide(self.engine, claim, outcome, "b.biller", "checked", datetime.now(UTC), **given)


_FILLED: dict[str, Any] = {
    "TEXT": "x", "DATE": SECOND, "INTEGER": 1, "BIGINT": 1, "JSONB": [], "BOOLEAN": True, "NUMERIC(18, 2)": Decimal(0),
}  # fmt: skip
