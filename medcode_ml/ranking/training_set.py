"""The training set of the ranking model: encounters whose codes coders put in order.

Only ids, codes and indicators are kept: what else is known of a stay is read where the stage reads it.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.identifiers import written_code
from medcode_ml.contracts import ml
from medcode_ml.contracts.stage import StageResult
from medcode_ml.models.warehouse.labels import (
    CODER_LABEL,
    labelled_encounters,
    labels_of_day,
    labels_that_count,
    stays_of,
)
from medcode_ml.models.warehouse.training_set import fill_training_set


def run_training_set(
    engine: sa.Engine, start: date, end: date, *, since: date | None = None, recent_from: date | None = None
) -> StageResult:
    """Replace the training set of the days `start` to `end` and split all days anew (see `fill_training_set`)."""
    return fill_training_set(engine, ml.RANKING, start, end, training_set_of, since=since, recent_from=recent_from)


def training_set_of(connection: sa.Connection, day: date) -> pd.DataFrame:
    """Return the rows of `ml.ranking_training_set` for labels received on `day`, not yet split."""
    labels = labels_of_day(connection, day)
    return ordered_encounters(labels, stays_of(connection, day, labels["encounter_id"]))


def ordered_encounters(labels: pd.DataFrame, stays: pd.DataFrame) -> pd.DataFrame:
    """One row for every labelled encounter: kept, or set aside with its reason.

    Set aside are, besides those whose labels fit no encounter or release: `no_order`, a label without a place or two
    with the same; `no_principal`, the first label is not billable at discharge, so that what is left has no principal;
    `one_code`, where there is nothing to order.

    Args:
        labels: as `warehouse.labels.labels_of_day` gives them.
        stays: as `warehouse.labels.stays_of` gives them.

    Returns:
        The columns of `ml.ranking_training_set` but received_date and those of the split; `split` and
        `person_id` are still None.
    """
    rows = labelled_encounters(labels, stays)
    given = dict(iter(labels_that_count(labels).groupby("encounter_id")))
    aside, indicators = [], []
    for encounter, reason, codes in zip(rows["encounter_id"], rows["set_aside"], rows["codes"], strict=True):
        own = given[encounter]
        first = own["code"].iloc[0]
        checks = (
            ("no_order", _has_order(own)),
            ("no_principal", bool(codes) and first is not None and (written_code(first) or first) == codes[0]),
            ("one_code", len(codes) > 1),
        )
        aside.append(reason or next((name for name, good in checks if not good), None))
        poa: dict[str, Any] = {}
        for code, indicator in zip(own["code"], own["poa"], strict=True):
            if code:
                poa.setdefault(written_code(code) or code, indicator)
        indicators.append([poa[code] for code in codes])
    own_columns = {"set_aside": aside, "code_count": [len(codes) for codes in rows["codes"]], "poa": indicators}
    columns = {name: pd.Series(values, index=rows.index, dtype=object) for name, values in own_columns.items()}
    names = [c.name for c in ml.ranking_training_set.columns if c.name not in ("received_date", *ml.OF_THE_SPLIT)]
    return rows.assign(**columns)[names]


def _has_order(labels: pd.DataFrame) -> bool:
    """Every label has a place of its own; one delivered code may have become several, which share its place."""
    places = labels["place"]
    return bool(places.notna().all()) and not (
        labels["label_source"].iloc[0] == CODER_LABEL and places.duplicated().any()
    )
