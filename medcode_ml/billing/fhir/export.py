"""Claims and answers out of the database as FHIR files: what `medcode export --fhir` writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.fhir.answers import Answer, answers_by_encounter
from medcode_ml.billing.fhir.claims import (
    CLAIM,
    EXPLANATION,
    Billed,
    billed_claims,
    write_claims,
    write_explanations,
)
from medcode_ml.billing.fhir.ndjson import FhirExportError, FhirFiles
from medcode_ml.billing.gathering import ROWS_AT_ONCE, claim_frames, one_of, parts_of, rows_of_part
from medcode_ml.contracts import answers, billed, filtered
from medcode_ml.store.frames import read_frame

KINDS = {"claim": CLAIM, "explanation-of-benefit": EXPLANATION}
"""What can be asked for, by its name on the command line; all that it refers to comes with it."""
SIMULATED = "simulated"
MATCHED = "matched"
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Exported:
    """Resources written by type, and what was left out, by type and reason: together all that was asked for."""

    written: dict[str, int]
    left_out: dict[tuple[str, str], int]


def export_fhir(
    engine: sa.Engine,
    out: Path,
    kinds: Collection[str],
    first: date,
    last: date,
    progress: Progress | None = None,
    *,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Exported:
    """Write the claims of records received from `first` to `last`, and the answers that arrived then, as FHIR R4.

    The newest day comes first, so that a patient or payer stands there once, as known last. One snapshot of the
    database is read, a batch at a time; the same tables make the same bytes.

    Args:
        out: the folder to make; it must not exist, or be empty.
        kinds: keys of `KINDS`.
        progress: is told how many claims of a batch are done.
        rows_at_once: encounters, codes and charges that are in memory at a time, whatever the size of a day.

    Raises:
        FhirExportError: the folder is in use, or `kinds` names nothing known.
    """
    unknown = set(kinds) - KINDS.keys()
    if unknown or not kinds:
        raise FhirExportError(f"--fhir takes {' or '.join(KINDS)}, not {', '.join(sorted(unknown)) or 'nothing'}")
    wanted = {KINDS[kind] for kind in kinds}
    with (
        FhirFiles(out) as files,
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
    ):
        for kind in wanted:
            files.open(kind)
        claim_days = _claim_days(connection, first, last) if CLAIM in wanted else set()
        answered_days = _answered_days(connection, first, last) if EXPLANATION in wanted else set()
        for day in sorted(claim_days | answered_days, reverse=True):
            for claims in _claims_of(connection, day, rows_at_once):
                if day in claim_days:
                    write_claims(files, claims)
                if day in answered_days:
                    write_explanations(files, claims, _answers_to(connection, claims, first, last))
                if progress is not None:
                    progress(len(claims))
        if EXPLANATION in wanted:
            _leave_out_answers(connection, files, first, last)
    return Exported(dict(files.written), dict(files.left_out))


def _claim_days(connection: sa.Connection, first: date, last: date) -> set[date]:
    day = billed.claim.c.received_date
    return set(connection.execute(sa.select(day).where(day.between(first, last)).distinct()).scalars())


def _answered_days(connection: sa.Connection, first: date, last: date) -> set[date]:
    """Days whose claims were answered from `first` to `last`."""
    claim, answer = billed.claim.c, answers.remittance_claim.c
    query = (
        sa.select(claim.received_date)
        .where(answer.encounter_id == claim.encounter_id, answer.outcome == MATCHED)
        .where(answer.received_date.between(first, last))
        .distinct()
    )
    return set(connection.execute(query).scalars())


def _claims_of(connection: sa.Connection, day: date, rows_at_once: int) -> Iterator[list[Billed]]:
    """The claims of a day, part by part."""
    stay = filtered.encounter.c
    for part in list(parts_of(connection, day, rows_at_once)):
        simulated = sa.select(stay.encounter_id).where(part.of(filtered.encounter, day), stay.source == SIMULATED)
        synthetic = frozenset(connection.execute(simulated).scalars())
        claims = rows_of_part(connection, billed.claim, day, part)
        yield list(billed_claims(claim_frames(connection, day, part), claims, day, synthetic))


def _answers_to(
    connection: sa.Connection, claims: Sequence[Billed], first: date, last: date
) -> dict[str, list[Answer]]:
    """The answers that arrived from `first` to `last`, by encounter; those taken back by then are marked."""
    claim = answers.remittance_claim.c
    ours = one_of(claim.encounter_id, [one.claim.case.encounter_id for one in claims])
    which = sa.and_(ours, claim.outcome == MATCHED, claim.received_date <= last)
    came = sa.select(answers.remittance_claim).where(which)
    found = answers_by_encounter(
        read_frame(connection, came.order_by(claim.received_date, claim.remittance_id, claim.place)),
        _parts(connection, answers.remittance_line, "line_number", which),
        _parts(connection, answers.remittance_adjustment, "adjustment_number", which),
    )
    return {key: [a for a in some if a.received and a.received >= first] for key, some in found.items()}


def _parts(connection: sa.Connection, table: sa.Table, number: str, which: sa.ColumnElement[bool]) -> pd.DataFrame:
    """Rows of lines or adjustments of some answers, in their order."""
    claim = answers.remittance_claim.c
    query = (
        sa.select(table)
        .where(table.c.remittance_claim_id == claim.remittance_claim_id)
        .where(table.c.received_date == claim.received_date, which)
        .order_by(table.c.remittance_claim_id, table.c[number])
    )
    return read_frame(connection, query)


def _leave_out_answers(connection: sa.Connection, files: FhirFiles, first: date, last: date) -> None:
    """Name the answers that say nothing sure of a claim of ours: they wait for a person."""
    answer = answers.remittance_claim.c
    has_claim = sa.exists().where(billed.claim.c.encounter_id == answer.encounter_id)
    query = (
        sa.select(answer.remittance_claim_id, answer.outcome)
        .where(answer.received_date.between(first, last), sa.or_(answer.outcome != MATCHED, ~has_claim))
        .order_by(answer.received_date, answer.remittance_claim_id)
        .execution_options(yield_per=1000)
    )
    for key, outcome in connection.execute(query):
        because = "its claim is no longer there" if outcome == MATCHED else f"the answer is {outcome}"
        files.leave_out(EXPLANATION, key, because)
