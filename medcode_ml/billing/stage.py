"""The billing stage: a day of `ranked` becomes claims with lines, edits and factors in `billed`, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from medcode_ml.billing.batch import BilledBatch, bill_batch, with_edits
from medcode_ml.billing.decisions import claim_decisions, with_delay_reasons
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.gathering import ROWS_AT_ONCE, claim_frames, one_of, parts_of
from medcode_ml.billing.notes import Notes
from medcode_ml.billing.payers import PayerBook
from medcode_ml.billing.records import claims_by_fingerprint
from medcode_ml.billing.sent import with_history
from medcode_ml.billing.x12.loops import ORIGINAL
from medcode_ml.contracts import billed, filtered
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.frames import clear_partition, copy_in, days_of

WRITTEN = {
    "claim": "claims", "claim_line": "lines", "claim_edit": "edits", "payment_factor": "factors", "what_if": "what_ifs",
    "predicted_amount": "predicted",
}  # fmt: skip


def run_billing(
    engine: sa.Engine, start: date, end: date, payers: PayerBook, *, rows_at_once: int = ROWS_AT_ONCE
) -> StageResult:
    """Edit, group and price the encounters received from `start` to `end`; each day is replaced in one transaction.

    `rows_at_once` encounters, codes and charges are in memory at a time, whatever the size of a day.
    """
    made = _Made()
    for day in days_of(start, end):
        with engine.begin() as connection:
            for table in WRITTEN:
                clear_partition(connection, getattr(billed, table), day)
            for batch in bill_day(connection, day, payers, rows_at_once=rows_at_once):
                for table, part in WRITTEN.items():
                    frame = getattr(batch, part).assign(received_date=day)
                    made.rows[table] += copy_in(connection, getattr(billed, table), frame)
                made.add(batch)
    return StageResult("billing", start, end, dict(made.rows), made.figures(), made.listing())


class _Made:
    """Rows and figures of what was billed so far."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter(dict.fromkeys(WRITTEN, 0))
        self._counted: Counter[str] = Counter()
        self._held_by: Counter[str] = Counter()
        self._expected = Decimal(0)
        self._said = Notes()

    def add(self, batch: BilledBatch) -> None:
        """Count a batch."""
        ready = batch.claims[batch.claims["status"] == "ready"]
        again = ready[ready["frequency_code"] != ORIGINAL]
        errors = batch.edits[batch.edits["level"] == "error"].drop_duplicates(["encounter_id", "edit"])
        released = errors["released_by"].notna()
        self._counted.update(
            claims_ready=len(ready), claims_held=len(batch.claims) - len(ready), replaced_or_voided=len(again),
            edits_released=int(released.sum()),
            claims_released=int(ready["encounter_id"].isin(errors.loc[released, "encounter_id"]).sum()),
        )  # fmt: skip
        self._expected += sum((p for p in ready["expected_payment"] if p is not None), Decimal(0))
        self._held_by.update(errors.loc[~released, "edit"])
        self._said += batch.said

    def figures(self) -> dict[str, float | int | str]:
        """Counts, US dollars, and what is to be said of all the claims together."""
        names = ("claims_ready", "claims_held", "claims_released", "edits_released", "replaced_or_voided")
        figures: dict[str, float | int | str] = {name: self._counted[name] for name in names}
        figures["expected_payment_usd"] = str(self._expected)
        if notes := self._said.sentences():
            figures["notes"] = " ".join(notes)
        return figures

    def listing(self) -> tuple[tuple[str, ...], tuple[tuple[str | int | float, ...], ...]]:
        """What holds claims, the most frequent edit first."""
        return ("edit that holds", "claims"), tuple(sorted(self._held_by.items(), key=lambda item: -item[1]))


def bill_day(
    connection: sa.Connection, day: date, payers: PayerBook, *, rows_at_once: int = ROWS_AT_ONCE
) -> Iterator[BilledBatch]:
    """Yield what billing makes of the encounters received on `day`, batch by batch; the day is the billing date."""
    from medcode_ml.billing.amounts.in_use import billed_amounts

    earlier: dict[str, str] = {}
    for part in list(parts_of(connection, day, rows_at_once)):
        frames = claim_frames(connection, day, part)
        decided = claim_decisions(connection, day, frames.encounters["encounter_id"].tolist())
        frames = with_delay_reasons(frames, decided.delay_reasons)
        batch = bill_batch(frames, day, payers, earlier=earlier, releases=decided.releases)
        earlier |= {mark: key for mark, key in claims_by_fingerprint(batch).items() if mark not in earlier}
        batch = with_edits(batch, _duplicates_of_earlier_days(connection, day, batch))
        batch = with_edits(batch, _lines_set_aside(connection, day, batch))
        batch = with_history(connection, day, batch, frames, decided.asked)
        amounts = billed_amounts(connection, batch.claims, day)
        yield replace(with_edits(batch, amounts.edits), predicted=amounts.predicted)


def _duplicates_of_earlier_days(connection: sa.Connection, day: date, batch: BilledBatch) -> dict[str, list[Edit]]:
    """Claims that another encounter, received before and not again today, has made already."""
    marks = {m: key for m, key in zip(batch.claims["fingerprint"], batch.claims["encounter_id"], strict=True) if m}
    if not marks:
        return {}
    table, today = billed.claim.c, filtered.encounter.c
    query = (
        sa.select(table.fingerprint, sa.func.min(table.encounter_id).label("other"))
        .where(one_of(table.fingerprint, list(marks)), table.received_date < day)
        .where(~sa.exists().where(today.received_date == day, today.encounter_id == table.encounter_id))
        .group_by(table.fingerprint)
    )
    return {marks[m]: [found("duplicate_claim", other=other)] for m, other in connection.execute(query)}


def _lines_set_aside(connection: sa.Connection, day: date, batch: BilledBatch) -> dict[str, list[Edit]]:
    """Encounters with lines that wait in quarantine: a claim without them would be wrong."""
    table = filtered.quarantine.c
    query = sa.select(table.encounter_id, table.record_kind, table.rule).where(
        table.received_date == day, table.record_kind.in_(("charge", "procedure", "diagnosis")),
        table.rule.not_in(("encounter_set_aside", "delivered_twice")),
        one_of(table.encounter_id, batch.claims["encounter_id"].tolist()),
    ).distinct()  # fmt: skip
    lines: dict[str, list[str]] = {}
    for row in connection.execute(query):
        lines.setdefault(row.encounter_id, []).append(f"{row.record_kind} ({row.rule})")
    return {key: [found("line_in_quarantine", lines=", ".join(sorted(own)))] for key, own in lines.items()}
