"""Versions in stage shadow on a day's live input, beside the champion: the stages' own code, and nothing of it is kept.

What the shadow codes and ranks is written as the stage writes it, grouped as billing groups it, and rolled back: the
same code as for real, and no row of it in any table but `ml.shadow_figure`.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.cases import TARGETS
from medcode_ml.billing.amounts.in_use import model_in_use, model_of, prices_of
from medcode_ml.billing.batch import bill_batch
from medcode_ml.billing.gathering import claim_frames, parts_of
from medcode_ml.billing.payers import PayerBook
from medcode_ml.coding.in_use import Coder, coder_in_use, coder_of
from medcode_ml.coding.stage import WRITTEN as CODED
from medcode_ml.coding.stage import code_day
from medcode_ml.contracts import billed, coded, ml, ranked
from medcode_ml.contracts.stage import StageResult
from medcode_ml.models.bootstrap import RESAMPLES
from medcode_ml.models.registry import registered
from medcode_ml.models.warehouse.comparison import Outcome, compared, compared_amounts
from medcode_ml.models.warehouse.stages import shadow_versions
from medcode_ml.ranking.in_use import Ranker, ranker_in_use, ranker_of
from medcode_ml.ranking.stage import WRITTEN as RANKED
from medcode_ml.ranking.stage import rank_day
from medcode_ml.store.frames import days_of, read_partition, replace_partition


def run_shadow(
    engine: sa.Engine, home: Path, start: date, end: date, payers: PayerBook, *, resamples: int = RESAMPLES
) -> StageResult:
    """Compare every version in shadow with the champion on the days `start` to `end`; write `ml.shadow_figure`.

    A day of a version is replaced; figures of versions that left the shadow stay. Amounts are compared where a model of
    amounts is in use: there are no rules to compare with.

    Args:
        engine: the database.
        home: where the registry lies.
        start, end: received days, both included.
        payers: contracts, for the MS-DRGs of claims.
        resamples: bootstrap draws.

    Raises:
        ModelFolderError: the folder of a version is gone or was changed.
    """
    rows, listing = 0, Counter[str]()
    versions = shadow_versions(engine)
    for day in days_of(start, end):
        for kind, version in versions:
            with engine.connect() as connection:  # never committed
                found = _DAYS[kind](connection, home, day, registered(kind, version, home), payers, resamples)
            if found is None:
                continue
            champion, figures = found
            frame = figures.assign(kind=kind, shadow=version, champion=champion)
            with engine.begin() as connection:
                rows += replace_partition(connection, ml.shadow_figure, day, frame, where={"shadow": version})
            listing[version] += 1
    return StageResult(
        "shadow", start, end, {"shadow_figure": rows}, {"versions": len(versions)},
        (("version in shadow", "days compared"), tuple(sorted(listing.items()))),
    )  # fmt: skip


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
        claims = [
            bill_batch(claim_frames(connection, day, part), day, payers, second_grouper=False, candidates=0).claims
            for part in list(parts_of(connection, day))
        ]
        undone.rollback()
    columns = ["encounter_id", "drg", "weight"]
    grouped = pd.concat([c[columns] for c in claims]) if claims else pd.DataFrame(columns=columns, dtype=object)
    encounters = tables["encounter"][["encounter_id", "principal_code"]].merge(grouped, on="encounter_id", how="left")
    return Outcome(encounters, tables["encounter_code"][["encounter_id", "code"]], seconds)


def _coding(
    connection: sa.Connection, home: Path, day: date, folder: Path, payers: PayerBook, resamples: int
) -> tuple[str, pd.DataFrame]:
    ranker, champion = ranker_in_use(home, connection), coder_in_use(home, connection)
    one, other = (coding_outcome(connection, day, coder, ranker, payers) for coder in (champion, coder_of(folder)))
    return champion.version, compared(one, other, resamples)


def _ranking(
    connection: sa.Connection, home: Path, day: date, folder: Path, payers: PayerBook, resamples: int
) -> tuple[str, pd.DataFrame]:
    champion = ranker_in_use(home, connection)
    one, other = (ranking_outcome(connection, day, ranker, payers) for ranker in (champion, ranker_of(folder)))
    return champion.version, compared(one, other, resamples)


def _amounts(
    connection: sa.Connection, home: Path, day: date, folder: Path, payers: PayerBook, resamples: int
) -> tuple[str, pd.DataFrame] | None:
    champion = model_in_use(home, connection)
    if champion is None:
        return None
    claims = read_partition(connection, billed.claim, day).drop(columns="received_date")
    priced, seconds = [], []
    for model in (champion, model_of(folder)):
        began = time.perf_counter()
        priced.append(prices_of(connection, claims, day, model))
        seconds.append(time.perf_counter() - began)
    one, other = (frame.reindex(columns=list(TARGETS)) for frame in priced)
    return champion.version, compared_amounts(one, other, (seconds[0], seconds[1]), resamples)


_DAYS: dict[str, Any] = {"coding": _coding, "ranking": _ranking, "amounts": _amounts}
