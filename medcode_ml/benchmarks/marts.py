"""Measures how long the views of schema `mart` take to be read whole, on generated rows.

    python -m medcode_ml.benchmarks.marts [--claims N]

The rows are made in a database of their own beside medcode's (it is dropped at the end): N encounters over 120 days,
most of them claimed, sent, acknowledged and paid, one in eleven denied. The baseline reads `billed.claim` whole.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import sqlalchemy as sa

from medcode_ml.contracts import metadata
from medcode_ml.contracts.mart import VIEWS
from medcode_ml.store.database import engine
from medcode_ml.store.migrate import migrate

_DATABASE = "medcode_benchmark"
_DAY = "DATE '2026-07-01' + (g % 120)"
_WENT = "g % 12 <> 0 AND g % 40 <> 0"
_PAID = f"{_WENT} AND g % 50 <> 1 AND g % 7 <> 0"
_STAY = {"received_date": _DAY, "encounter_id": "'E' || g", "hospital_id": "'H' || g % 8", "payer_id": "'P' || g % 6",
         "discharge_date": f"{_DAY} - 3", "setting": "'inpatient'", "source": "'generated'"}  # fmt: skip
_CLAIM = {"received_date": _DAY, "encounter_id": "'E' || g", "claim_number": "'C' || g"}
_ANSWER = {**_CLAIM, "received_date": f"{_DAY} + 14", "remittance_claim_id": "'R' || g"}
#: table, expressions of its columns over the row's number g, which rows are there, most rows
_ROWS: tuple[tuple[str, dict[str, str], str, int | None], ...] = (
    ("raw.delivery", {"received_date": "DATE '2026-07-01' + g::int"}, "true", 133),
    ("mapped.encounter", _STAY, "true", None),
    ("filtered.encounter", _STAY, "true", None),
    ("ranked.encounter", {**_CLAIM, "needs_review": "g % 9 = 0"}, "true", None),
    ("mapped.charge", {**_CLAIM, "line_number": "1", "charge": "900"}, "true", None),
    ("billed.claim", {**_STAY, **_CLAIM, "total_charge": "1000 + g % 5000", "expected_payment": "800 + g % 3000",
                      "drg_title": "'PNEUMONIA WITH MCC'", "weight": "1.2",
                      "status": "CASE WHEN g % 12 = 0 THEN 'held' ELSE 'ready' END"}, "g % 40 <> 0", None),
    ("billed.claim_edit", {**_CLAIM, "place": "1", "edit_number": "300 + g % 40", "edit": "'edit' || g % 40",
                           "level": "'warning'"}, "true", None),
    ("billed.interchange_claim", {**_CLAIM, "control_number": "lpad((g % 720)::text, 9, '0')", "sequence": "1",
                                  "set_control_number": "'0001'", "frequency_code": "'1'"}, _WENT, None),
    ("billed.acknowledgement", {"received_date": "DATE '2026-07-02'", "acknowledgement_id": "'A' || g",
                                "level": "'transaction_set'", "group_control_number": "g::text",
                                "set_control_number": "'1'", "status": "'accepted'", "outcome": "'matched'"},
     "true", 720),
    ("billed.claim_status", {**_CLAIM, "claim_status_id": "'S' || g", "level": "'claim'", "outcome": "'matched'",
                             "status": "CASE WHEN g % 50 = 1 THEN 'rejected' ELSE 'accepted' END"}, _WENT, None),
    ("billed.remittance_claim", {**_ANSWER, "remittance_id": "'T' || g % 720", "payment_date": f"{_DAY} + 13",
                                 "status": "CASE WHEN g % 11 = 0 THEN 'denied' ELSE 'processed_as_primary' END",
                                 "charge": "1000 + g % 5000", "paid": "CASE WHEN g % 11 = 0 THEN 0 ELSE 780 END",
                                 "outcome": "'matched'", "payer_control_number": "'I' || g"}, _PAID, None),
    ("billed.denial", {**_ANSWER, "adjustment_number": "1", "kind": "'claim'", "denial_key": "'CO-16-M' || g % 30",
                       "amount": "1000 + g % 5000"}, f"g % 11 = 0 AND {_PAID}", None),
)  # fmt: skip


def _insert(name: str, given: dict[str, str], where: str, rows: int) -> str:
    """A statement that makes the rows; what is not given is null, empty or 0."""
    table = metadata.tables[name]
    columns = {c.name: given.get(c.name, _empty(c)) for c in table.columns if c.name in given or not c.nullable}
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
        f"FROM generate_series(1, {rows}) g WHERE {where}"
    )


def _empty(column: sa.Column[Any]) -> str:
    kinds: tuple[tuple[type[Any], str], ...] = (
        (sa.Text, "''"), (sa.JSON, "'[]'"), (sa.Boolean, "false"), (sa.Date, "DATE '2026-07-01'"),
        (sa.DateTime, "now()"),
    )  # fmt: skip
    return next((value for kind, value in kinds if isinstance(column.type, kind)), "0")


def _measure(made: sa.Engine, claims: int) -> None:
    migrate(made)
    with made.begin() as connection:
        for name, given, where, most in _ROWS:
            connection.exec_driver_sql(_insert(name, given, where, most or claims).replace("%", "%%"))
    with made.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
        for name in ("billed.claim", *(f"mart.{view.name}" for view in VIEWS)):
            began = time.perf_counter()
            # a table is made of the view: a count would leave out the columns that cost
            connection.exec_driver_sql(f"CREATE TEMP TABLE shown AS SELECT * FROM {name}")
            seconds = time.perf_counter() - began
            rows = connection.exec_driver_sql("SELECT count(*) FROM shown").scalar_one()
            connection.exec_driver_sql("DROP TABLE shown")
            sys.stdout.write(f"{name:32s}{rows:>9} rows{seconds:9.2f} s\n")


def main() -> None:
    """Make the database, measure, drop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=100_000, help="encounters to generate")
    claims = parser.parse_args().claims
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        server.exec_driver_sql(f"DROP DATABASE IF EXISTS {_DATABASE}")
        server.exec_driver_sql(f"CREATE DATABASE {_DATABASE}")
        made = sa.create_engine(engine().url.set(database=_DATABASE))
        try:
            _measure(made, claims)
        finally:
            made.dispose()
            server.exec_driver_sql(f"DROP DATABASE {_DATABASE}")


if __name__ == "__main__":
    main()
