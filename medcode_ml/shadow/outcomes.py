"""What a coder or a ranker makes of a day, down to its MS-DRGs: written as the stages write it, and rolled back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.batch import bill_batch
from medcode_ml.billing.gathering import Part, claim_frames, parts_of
from medcode_ml.billing.payers import PayerBook
from medcode_ml.coding.in_use import Coder
from medcode_ml.coding.stage import WRITTEN as CODED
from medcode_ml.coding.stage import code_day
from medcode_ml.contracts import coded, ranked
from medcode_ml.models.warehouse.comparison import Outcome
from medcode_ml.ranking.in_use import Ranker
from medcode_ml.ranking.stage import WRITTEN as RANKED
from medcode_ml.ranking.stage import rank_day
from medcode_ml.store.frames import read_frame, replace_partition

GROUPED = ["encounter_id", "drg", "weight"]


def as_written(connection: sa.Connection, day: date, *, ranker: str, coder: str | None = None) -> Outcome | None:
    """What the stages wrote of the day, if `ranker` (and `coder`, where it is given) made all of it and it was billed.

    The champion worked on the day already: to let it work again would double the time. None where the day was worked
    on by another version, in part, or not to its end.
    """
    known = {"day": day, "ranker": ranker, "coder": coder}
    rows = read_frame(connection, sa.text(_AS_WRITTEN), known)
    if not rows["whole"].all():
        return None
    table = ranked.encounter_code.c
    codes = read_frame(connection, sa.select(table.encounter_id, table.code).where(table.received_date == day))
    return Outcome(rows.drop(columns="whole"), codes, None)


def coding_outcome(connection: sa.Connection, day: date, coder: Coder, ranker: Ranker, payers: PayerBook) -> Outcome:
    """What comes of the day when `coder` codes it; nothing of it is kept."""
    with connection.begin_nested() as undone:
        began = time.perf_counter()
        tables = code_day(connection, day, coder)
        seconds = time.perf_counter() - began
        for name in CODED:
            replace_partition(connection, getattr(coded, name), day, tables[name])
        found = ranking_outcome(connection, day, ranker, payers)
        undone.rollback()
    return Outcome(found.encounters, found.codes, seconds)


def ranking_outcome(connection: sa.Connection, day: date, ranker: Ranker, payers: PayerBook) -> Outcome:
    """What comes of the day when `ranker` ranks it; nothing of it is kept."""
    with connection.begin_nested() as undone:
        began = time.perf_counter()
        tables = rank_day(connection, day, ranker)
        seconds = time.perf_counter() - began
        for name in RANKED:
            replace_partition(connection, getattr(ranked, name), day, tables[name])
        grouped = grouped_claims(connection, day, list(parts_of(connection, day)), payers)
        undone.rollback()
    encounters = tables["encounter"][["encounter_id", "principal_code"]].merge(grouped, on="encounter_id", how="left")
    return Outcome(encounters, tables["encounter_code"][["encounter_id", "code"]], seconds)


def grouped_claims(connection: sa.Connection, day: date, parts: Sequence[Part], payers: PayerBook) -> pd.DataFrame:
    """encounter_id, drg, weight of the claims that billing makes of what is ranked now."""
    claims = [
        bill_batch(claim_frames(connection, day, part), day, payers, second_grouper=False, candidates=0).claims
        for part in parts
    ]
    return pd.concat([c[GROUPED] for c in claims]) if claims else pd.DataFrame(columns=GROUPED, dtype=object)


_AS_WRITTEN = """
SELECT f.encounter_id, r.principal_code, c.drg, c.weight,
       coalesce(r.model_version = :ranker AND c.encounter_id IS NOT NULL
                AND (CAST(:coder AS text) IS NULL OR e.model_version = :coder), FALSE) AS whole
FROM filtered.encounter f
LEFT JOIN coded.encounter e USING (received_date, encounter_id)
LEFT JOIN ranked.encounter r USING (received_date, encounter_id)
LEFT JOIN billed.claim c USING (received_date, encounter_id)
WHERE f.received_date = :day
ORDER BY f.encounter_id
"""
