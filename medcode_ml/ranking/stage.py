"""The ranking stage: a day of `coded` becomes a day of `ranked`, in one transaction."""

from __future__ import annotations

from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import ranked
from medcode_ml.contracts.stage import StageResult
from medcode_ml.ranking.in_use import Ranker, ranker_in_use
from medcode_ml.ranking.store_frames import frames_of_day
from medcode_ml.store.frames import days_of, replace_partition

WRITTEN = ("encounter", "encounter_code")


def run_ranking(engine: sa.Engine, start: date, end: date) -> StageResult:
    """Rank the encounters received from `start` to `end`, day by day; each day is replaced in one transaction.

    The ranker is the promoted model, or the guidelines where none is promoted; `model_version` says which.

    Raises:
        ModelFolderError: the promoted model is gone or damaged.
    """
    ranker = ranker_in_use(source=engine)
    rows: dict[str, int] = dict.fromkeys(WRITTEN, 0)
    outcomes: dict[str, int] = {}
    to_review = 0
    for day in days_of(start, end):
        with engine.begin() as connection:
            tables = rank_day(connection, day, ranker)
            for name in WRITTEN:
                rows[name] += replace_partition(connection, getattr(ranked, name), day, tables[name])
        for outcome in tables["encounter"]["outcome"]:
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        to_review += int(tables["encounter"]["needs_review"].sum())
    figures: dict[str, float | int | str] = {"ranker": ranker.version, "principals_to_review": to_review}
    listing = tuple(sorted(outcomes.items(), key=lambda item: -item[1]))
    return StageResult("ranking", start, end, rows, figures, (("outcome", "encounters"), listing))


def rank_day(connection: sa.Connection, day: date, ranker: Ranker) -> dict[str, pd.DataFrame]:
    """Return the rows of both ranked tables for the encounters received on `day`, ranked by `ranker`."""
    batch = ranker.rank(frames_of_day(connection, day))
    return {"encounter": batch.encounters, "encounter_code": batch.codes}
