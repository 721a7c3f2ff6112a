"""Looking at the tables themselves: do they have the contract's columns, unique keys, codes of their release."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.release import NoReleaseError
from medcode_ml.contracts import coded


def schema_faults(engine: sa.Engine, table: sa.Table) -> list[str]:
    """Return what differs between the table in the database and its contract; empty when they agree."""
    inspector = sa.inspect(engine)
    if not inspector.has_table(table.name, schema=table.schema):
        return [f"{table.fullname} does not exist"]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    there = {
        c["name"]: (c["type"].compile(dialect), c["nullable"]) for c in inspector.get_columns(table.name, table.schema)
    }
    wanted = {c.name: (c.type.compile(dialect), c.nullable) for c in table.columns}
    faults = [f"{name}: missing" for name in wanted if name not in there]
    faults += [f"{name}: not in the contract" for name in there if name not in wanted]
    return faults + [
        f"{name}: {there[name]} instead of {wanted[name]}"
        for name in wanted
        if name in there and there[name] != wanted[name]
    ]


def repeated_keys(engine: sa.Engine, table: sa.Table, start: date, end: date) -> int:
    """Count keys of the contract that stand more than once in the days `start` to `end`."""
    key = list(table.primary_key)
    repeated = (
        sa.select(*key)
        .where(table.c.received_date.between(start, end))
        .group_by(*key)
        .having(sa.func.count() > 1)
        .subquery()
    )
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(repeated)).scalar_one())


def rows_of(engine: sa.Engine, table: sa.Table, start: date, end: date) -> int:
    """Count the rows of `table` received from `start` to `end`."""
    query = sa.select(sa.func.count()).select_from(table).where(table.c.received_date.between(start, end))
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def codes_outside_release(engine: sa.Engine, start: date, end: date) -> list[tuple[str, date]]:
    """Return accepted codes that are not billable in the release of their discharge date, with that date (rule 1)."""
    code, encounter = coded.encounter_code.c, coded.encounter.c
    query = (
        sa.select(code.code, encounter.discharge_date)
        .join(
            coded.encounter,
            sa.and_(encounter.received_date == code.received_date, encounter.encounter_id == code.encounter_id),
        )
        .where(code.received_date.between(start, end), code.accepted)
        .distinct()
    )
    with engine.connect() as connection:
        found = [(str(c), d) for c, d in connection.execute(query)]
    outside = []
    for one, day in found:
        try:
            good = CodeSet.on(day).is_billable(one)
        except NoReleaseError:
            good = False
        if not good:
            outside.append((one, day))
    return outside
