"""Linkage on the database: the newest row of every patient record in, `mapped.person` and `mapped.person_link` out.

Both tables are replaced as a whole in one transaction: a record that arrives today can join two that arrived years ago.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import linkage, mapped, review
from medcode_ml.mapping.linkage.normalise import PATIENT_COLUMNS
from medcode_ml.mapping.linkage.patients import link_patients
from medcode_ml.store.frames import copy_in, read_frame
from medcode_ml.store.turns import take_turn


@dataclass(frozen=True)
class LinkageResult:
    """What a run of linkage did. `days`: received days with encounters whose person changed; they have to run again."""

    rows: dict[str, int]
    days: tuple[date, ...]
    figures: dict[str, float | int | str] = field(default_factory=dict)


def run_linkage(engine: sa.Engine) -> LinkageResult:
    """Link the patient records of all days and replace persons and links.

    A day is named in the result where one of its encounters is of a record whose person is made of other records than
    before; a record that is new and alone changes nothing.
    """
    with engine.begin() as connection:
        take_turn(connection, "mapped.person")
        before = read_frame(connection, sa.select(linkage.person))
        result = link_patients(_newest_patients(connection), read_frame(connection, sa.select(review.link_decision)))
        rows = {}
        for table, frame in ((linkage.person, result.person), (linkage.person_link, result.pairs)):
            connection.execute(sa.delete(table))
            rows[table.name] = copy_in(connection, table, frame)
        days = _days_of_records(connection, sorted(changed_records(before, result.person)))
    return LinkageResult(rows, days, result.figures)


def changed_records(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """Return the records whose person is made of other records than before. Frames as `mapped.person`."""
    old, new = _members(before), _members(after)
    alone = set(after.loc[after["record_count"] == 1, "patient_id"])
    both = new.index.intersection(old.index)
    moved = set(both[(new.loc[both] != old.loc[both]).to_numpy()])
    arrived = set(new.index.difference(old.index)) - alone
    return moved | arrived


def _members(person: pd.DataFrame) -> pd.Series:
    """A number by record that tells which records its person is made of."""
    if person.empty:
        return pd.Series(dtype="uint64")
    ids = person["patient_id"].to_numpy(dtype=object)
    sums = pd.Series(pd.util.hash_array(ids), dtype="uint64").groupby(person["person_id"].to_numpy()).transform("sum")
    return pd.Series(sums.to_numpy(), index=ids)


def _newest_patients(connection: sa.Connection) -> pd.DataFrame:
    columns = [mapped.patient.c[name] for name in (*PATIENT_COLUMNS, "unreadable")]
    newest = sa.select(*columns).distinct(mapped.patient.c.patient_id)
    return read_frame(connection, newest.order_by(mapped.patient.c.patient_id, mapped.patient.c.received_date.desc()))


def _days_of_records(connection: sa.Connection, records: list[str]) -> tuple[date, ...]:
    if not records:
        return ()
    days = sa.text(
        "SELECT DISTINCT received_date FROM mapped.encounter WHERE patient_id = ANY(:records) ORDER BY received_date"
    )
    return tuple(connection.execute(days, {"records": records}).scalars())


def days_of_decision(engine: sa.Engine, patient_id: str, other_patient_id: str) -> tuple[date, ...]:
    """Return the received days with encounters of the persons of two records: what a decision on them can change.

    The same before and after the decision took effect: two persons become one of the same records, or one becomes two.
    """
    found = sa.text(
        "SELECT patient_id FROM mapped.person WHERE person_id IN "
        "(SELECT person_id FROM mapped.person WHERE patient_id = ANY(:pair))"
    )
    with engine.connect() as connection:
        records = set(connection.execute(found, {"pair": [patient_id, other_patient_id]}).scalars())
        return _days_of_records(connection, sorted(records | {patient_id, other_patient_id}))
