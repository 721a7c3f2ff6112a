"""The training set of a kind: a day's labelled encounters put in, and all days split anew by person and time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.contracts.ml import ModelTables
from medcode_ml.contracts.stage import StageResult
from medcode_ml.models.splitting import split_encounters
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import days_of, read_frame, replace_partition

LABELLED_AGAIN: Final = "labelled_again"
_OUTSIDE: Final = "codes_outside_release"
RowsOfDay = Callable[[sa.Connection, date], pd.DataFrame]


def fill_training_set(engine: sa.Engine, of: ModelTables, start: date, end: date, rows_of: RowsOfDay) -> StageResult:
    """Replace the training set of the days `start` to `end`, then split all days anew, in one transaction.

    A day holds the encounters whose labels were received on it, with what was known of them by that day: labels come
    later than the record they belong to. The split is made over all days, since a person has one part.

    Args:
        engine: the database.
        of: the tables of the kind.
        start, end: received days, both included.
        rows_of: the rows of a day, not yet split: the columns of the table but received_date.
    """
    table = of.training_set
    written, dropped = 0, 0
    with engine.begin() as connection:
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": table.fullname}
        )
        for day in days_of(start, end):
            frame = rows_of(connection, day)
            written += replace_partition(connection, table, day, frame)
            if _OUTSIDE in frame:
                dropped += sum(len(codes) for codes in frame[_OUTSIDE])
        split_all(connection, table)
        query = sa.select(sa.func.coalesce(table.c.split, table.c.set_aside)).where(
            table.c.received_date.between(start, end)
        )
        outcomes = Counter(connection.execute(query).scalars())
    listing = tuple(sorted(outcomes.items(), key=lambda item: (-item[1], item[0])))
    figures: dict[str, float | int | str] = {_OUTSIDE: dropped} if _OUTSIDE in table.c else {}
    return StageResult(
        f"{of.kind} training set", start, end, {table.name: written}, figures,
        (("part or why set aside", "encounters"), listing),
    )  # fmt: skip


def split_all(connection: sa.Connection, table: sa.Table) -> None:
    """Give every row of a training set its person and its part; of encounters labelled twice the newest row counts.

    Persons are read anew: a link made since may have joined two that stood in different parts.
    """
    rows = read_frame(connection, sa.text(_TO_SPLIT.format(table=table.fullname)))
    if rows.empty:
        return
    newest = ~rows.duplicated("encounter_id", keep="last")  # in the order of received days
    rows["set_aside"] = [None if new else LABELLED_AGAIN for new in newest]
    rows["split"] = pd.Series([None] * len(rows), dtype=object)
    rows.loc[newest, "split"] = split_encounters(rows[newest])
    part = sa.Table(
        "training_part", sa.MetaData(),
        *[sa.Column(c, table.c[c].type) for c in ("received_date", "encounter_id", "person_id", "split", "set_aside")],
        prefixes=["TEMPORARY"], postgresql_on_commit="DROP",
    )  # fmt: skip
    part.create(connection)
    copy_in(connection, part, rows[[c.name for c in part.columns]])
    connection.execute(sa.text(_SET_PARTS.format(table=table.fullname)))


def training_encounters(source: sa.Engine | sa.Connection, of: ModelTables) -> pd.DataFrame:
    """The encounters of every part, by id: the columns of the training set."""
    table = of.training_set
    return read_frame(source, sa.select(table).where(table.c.split.is_not(None)).order_by(table.c.encounter_id))


def training_set_counts(engine: sa.Engine, of: ModelTables) -> dict[str, int]:
    """Encounters of the training set by part, over all days."""
    split = of.training_set.c.split
    query = sa.select(split, sa.func.count()).where(split.is_not(None)).group_by(split)
    with engine.connect() as connection:
        return {str(part): int(n) for part, n in connection.execute(query)}


def labels_outside_release(engine: sa.Engine, of: ModelTables, start: date, end: date) -> list[tuple[str, date]]:
    """Labels to learn from that are not billable at discharge, with that date (rule 1); days `start` to `end`."""
    table = of.training_set
    query = sa.select(table.c.codes, table.c.discharge_date).where(
        table.c.received_date.between(start, end), table.c.split.is_not(None)
    )
    rows = read_frame(engine, query)
    found = {(code, day) for codes, day in zip(rows["codes"], rows["discharge_date"], strict=True) for code in codes}
    return sorted((code, day) for code, day in found if not CodeSet.on(day).is_billable(code))


_TO_SPLIT = """
SELECT t.received_date, t.encounter_id, t.discharge_date, coalesce(p.person_id, t.patient_id) AS person_id
FROM {table} t LEFT JOIN mapped.person p USING (patient_id)
WHERE t.set_aside IS NULL OR t.set_aside = 'labelled_again'
ORDER BY t.encounter_id, t.received_date
"""
_SET_PARTS = """
UPDATE {table} t SET person_id = p.person_id, split = p.split, set_aside = p.set_aside
FROM training_part p WHERE p.received_date = t.received_date AND p.encounter_id = t.encounter_id
     AND (t.person_id, t.split, t.set_aside) IS DISTINCT FROM (p.person_id, p.split, p.set_aside)
"""
