"""The training set of a kind: a day's labelled encounters put in, and all days split anew by person.

The split is by person and time, or, where a retraining says from when on the world is another, with a slice of the
persons seen since as its test.
"""

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
from medcode_ml.models.warehouse.learned import learned_persons
from medcode_ml.models.warehouse.stages import champion_version
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import days_of, read_frame, replace_partition
from medcode_ml.store.turns import take_turn

LABELLED_AGAIN: Final = "labelled_again"
BEFORE_WINDOW: Final = "before_window"
_OUTSIDE: Final = "codes_outside_release"
RowsOfDay = Callable[[sa.Connection, date], pd.DataFrame]


def fill_training_set(
    engine: sa.Engine,
    of: ModelTables,
    start: date,
    end: date,
    rows_of: RowsOfDay,
    *,
    since: date | None = None,
    recent_from: date | None = None,
) -> StageResult:
    """Replace the training set of the days `start` to `end`, then split all days anew, in one transaction.

    A day holds the encounters whose labels were received on it, with what was known of them by that day: labels come
    later than the record they belong to. The split is made over all days, since a person has one part.

    Args:
        engine: the database.
        of: the tables of the kind.
        start, end: received days, both included.
        rows_of: the rows of a day, not yet split: the columns of the table but received_date and `OF_THE_SPLIT`.
        since: encounters received before are set aside, `before_window`; None for all.
        recent_from: first received day of the recent slice that becomes the test (`split_encounters`); persons that
            the champion learned from or was calibrated on are not in it. None for a split by person and time.
    """
    table = of.training_set
    written, dropped = 0, 0
    with engine.begin() as connection:
        take_turn(connection, table.fullname)
        for day in days_of(start, end):
            frame = rows_of(connection, day)
            written += replace_partition(connection, table, day, frame)
            if _OUTSIDE in frame:
                dropped += sum(len(codes) for codes in frame[_OUTSIDE])
        known = split_all(connection, of, since=since, recent_from=recent_from)
        query = sa.select(sa.func.coalesce(table.c.split, table.c.set_aside)).where(
            table.c.received_date.between(start, end)
        )
        outcomes = Counter(connection.execute(query).scalars())
    listing = tuple(sorted(outcomes.items(), key=lambda item: (-item[1], item[0])))
    figures: dict[str, float | int | str] = {_OUTSIDE: dropped} if _OUTSIDE in table.c else {}
    window = {"since": since, "recent_from": recent_from}
    figures |= {name: day.isoformat() for name, day in window.items() if day is not None}
    if recent_from is not None:
        figures["persons_known_to_champion"] = known
    return StageResult(
        f"{of.kind} training set", start, end, {table.name: written}, figures,
        (("part or why set aside", "encounters"), listing),
    )  # fmt: skip


def split_all(
    connection: sa.Connection, of: ModelTables, *, since: date | None = None, recent_from: date | None = None
) -> int:
    """Give every row of a training set its person and its part; of encounters labelled twice the newest row counts.

    Persons are read anew: a link made since may have joined two that stood in different parts.

    Returns:
        How many persons the champion knows, who are not tested; 0 without `recent_from`.
    """
    table = of.training_set
    rows = read_frame(connection, sa.text(_TO_SPLIT.format(table=table.fullname)))
    champion = champion_version(connection, of.kind) if recent_from is not None else None
    learned = learned_persons(connection, of, champion) if champion is not None else frozenset()
    if not rows.empty:
        again = rows.duplicated("encounter_id", keep="last")  # in the order of received days
        before = rows["encounter_received"] < since if since is not None else again & False
        rows["set_aside"] = [
            LABELLED_AGAIN if labelled else BEFORE_WINDOW if early else None
            for labelled, early in zip(again, before, strict=True)
        ]
        kept = rows["set_aside"].isna()
        rows["split"] = pd.Series([None] * len(rows), dtype=object)
        encounters = rows[kept].assign(received_date=rows.loc[kept, "encounter_received"])
        rows.loc[kept, "split"] = split_encounters(encounters, recent_from=recent_from, learned=learned)
        part = sa.Table(
            "training_part", sa.MetaData(), *[sa.Column(c, table.c[c].type) for c in _SPLIT],
            prefixes=["TEMPORARY"], postgresql_on_commit="DROP",
        )  # fmt: skip
        part.create(connection)
        copy_in(connection, part, rows[[c.name for c in part.columns]])
        connection.execute(sa.text(_SET_PARTS.format(table=table.fullname)))
    window = {"since": since, "recent_from": recent_from}
    connection.execute(sa.text(_SET_WINDOW.format(table=table.fullname)), window)
    return len(learned)


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


_SPLIT = ("received_date", "encounter_id", "encounter_received", "person_id", "split", "set_aside")
#: the day of a row is that of its labels; of which world an encounter is, the day of its own record says
_TO_SPLIT = """
SELECT t.received_date, t.encounter_id, t.discharge_date, coalesce(p.person_id, t.patient_id) AS person_id,
       coalesce((SELECT max(e.received_date) FROM filtered.encounter e
                 WHERE e.encounter_id = t.encounter_id AND e.received_date <= t.received_date),
                t.received_date) AS encounter_received
FROM {table} t LEFT JOIN mapped.person p USING (patient_id)
WHERE t.set_aside IS NULL OR t.set_aside IN ('labelled_again', 'before_window')
ORDER BY t.encounter_id, t.received_date
"""
_SET_PARTS = """
UPDATE {table} t SET encounter_received = p.encounter_received, person_id = p.person_id, split = p.split,
       set_aside = p.set_aside
FROM training_part p WHERE p.received_date = t.received_date AND p.encounter_id = t.encounter_id
     AND (t.encounter_received, t.person_id, t.split, t.set_aside)
         IS DISTINCT FROM (p.encounter_received, p.person_id, p.split, p.set_aside)
"""
_SET_WINDOW = """
UPDATE {table} SET since = :since, recent_from = :recent_from
WHERE (since, recent_from) IS DISTINCT FROM (CAST(:since AS date), CAST(:recent_from AS date))
"""
