"""A shadow run: what versions in shadow make of the days asked for, then what came in of all of their days since."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.cases import TARGETS
from medcode_ml.billing.amounts.in_use import model_in_use, model_of, prices_of
from medcode_ml.billing.payers import PayerBook
from medcode_ml.coding.in_use import coder_in_use, coder_of
from medcode_ml.contracts import billed, ml
from medcode_ml.contracts.stage import StageResult
from medcode_ml.models.bootstrap import RESAMPLES
from medcode_ml.models.registry import registered
from medcode_ml.models.warehouse.comparison import compared, compared_amounts, drgs_of
from medcode_ml.models.warehouse.stages import shadow_versions
from medcode_ml.ranking.in_use import ranker_in_use, ranker_of
from medcode_ml.shadow.outcomes import as_written, coding_outcome, ranking_outcome
from medcode_ml.shadow.truth import hold_against_labels, newly_paid_days, paid_of_day
from medcode_ml.store.frames import days_of, read_partition, replace_partition


@dataclass(frozen=True)
class Compared:
    """A day of a version: what it ran beside, its figures, and MS-DRGs by encounter where it changes any."""

    champion: str
    figures: pd.DataFrame
    encounters: pd.DataFrame | None = None


def run_shadow(
    engine: sa.Engine, home: Path, start: date, end: date, payers: PayerBook, *, resamples: int = RESAMPLES
) -> StageResult:
    """Compare every version in shadow with the champion on the days `start` to `end`; write `ml.shadow_figure`.

    A day of a version is replaced; figures of versions that left the shadow stay. Amounts are compared where a model of
    amounts is in use: there are no rules to compare with.

    Labels and payments come later than the record: each run also holds the earlier shadow days of the versions against
    those that came since. MS-DRGs of both are kept by encounter, so that no day is coded again for it.

    Args:
        engine: the database.
        home: where the registry lies.
        start, end: received days, both included.
        payers: contracts, for the MS-DRGs of claims.
        resamples: bootstrap draws.

    Raises:
        ModelFolderError: the folder of a version is gone or was changed.
    """
    rows, listing = Counter[str](shadow_figure=0, shadow_encounter=0), Counter[str]()
    versions = shadow_versions(engine)
    for kind, version in versions:
        days = set(days_of(start, end))
        if kind == "amounts":
            days |= newly_paid_days(engine, version)
        for day in sorted(days):
            with engine.connect() as connection:  # never committed
                found = _DAYS[kind](connection, home, day, registered(kind, version, home), payers, resamples)
            if found is not None:
                rows += write_day(engine, day, kind, version, found)
                listing[version] += 1
    labelled = hold_against_labels(engine, payers, resamples=resamples)
    return StageResult(
        "shadow", start, end, dict(rows), {"versions": len(versions), "held_against_labels": labelled},
        (("version in shadow", "days compared"), tuple(sorted(listing.items()))),
    )  # fmt: skip


def write_day(engine: sa.Engine, day: date, kind: str, version: str, found: Compared) -> Counter[str]:
    """Replace a day of a version, in one transaction; rows by table."""
    told = {"kind": kind, "shadow": version, "champion": found.champion}
    rows = Counter[str]()
    with engine.begin() as connection:
        for table, frame in ((ml.shadow_figure, found.figures), (ml.shadow_encounter, found.encounters)):
            if frame is not None:
                rows[table.name] += replace_partition(
                    connection, table, day, frame.assign(**told), where={"shadow": version}
                )
    return rows


def _coding(
    connection: sa.Connection, home: Path, day: date, folder: Path, payers: PayerBook, resamples: int
) -> Compared:
    ranker, champion = ranker_in_use(home, connection), coder_in_use(home, connection)
    one = as_written(connection, day, coder=champion.version, ranker=ranker.version)
    if one is None:
        one = coding_outcome(connection, day, champion, ranker, payers)
    other = coding_outcome(connection, day, coder_of(folder), ranker, payers)
    return Compared(champion.version, compared(one, other, resamples), drgs_of(one, other))


def _ranking(
    connection: sa.Connection, home: Path, day: date, folder: Path, payers: PayerBook, resamples: int
) -> Compared:
    champion = ranker_in_use(home, connection)
    one = as_written(connection, day, ranker=champion.version)
    if one is None:
        one = ranking_outcome(connection, day, champion, payers)
    other = ranking_outcome(connection, day, ranker_of(folder), payers)
    return Compared(champion.version, compared(one, other, resamples), drgs_of(one, other))


def _amounts(
    connection: sa.Connection, home: Path, day: date, folder: Path, payers: PayerBook, resamples: int
) -> Compared | None:
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
    paid = paid_of_day(connection, day)
    return Compared(champion.version, compared_amounts(one, other, (seconds[0], seconds[1]), paid, resamples))


_Day = Callable[[sa.Connection, Path, date, Path, PayerBook, int], Compared | None]
_DAYS: Final[dict[str, _Day]] = {"coding": _coding, "ranking": _ranking, "amounts": _amounts}
