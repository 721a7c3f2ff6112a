"""A warehouse with claims that went out and the answers of insurers on them, for tests of stage and marts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import billed
from medcode_ml.store.frames import copy_in

_EMPTY: dict[type[sa.types.TypeEngine[Any]], Any] = {
    sa.Text: "", sa.Integer: 0, sa.BigInteger: 0, sa.Boolean: False, sa.Numeric: Decimal(0),
}  # fmt: skip


def put(engine: sa.Engine, table: sa.Table, *rows: dict[str, Any]) -> None:
    """Rows of a table; a column that is not given is null, empty or 0."""
    made = pd.DataFrame(
        [{c.name: row.get(c.name, None if c.nullable else _empty(c)) for c in table.columns} for row in rows],
        dtype=object,
    )
    with engine.begin() as connection:
        copy_in(connection, table, made)


def _empty(column: sa.Column[Any]) -> Any:
    found = next((value for type_, value in _EMPTY.items() if isinstance(column.type, type_)), None)
    return [] if found is None and not isinstance(column.type, sa.Date) else found


def put_claim(
    engine: sa.Engine, number: str, day: date, *, charge: str = "1000", sent: bool = True,
    set_number: str | None = "0001", control: str = "000000146", **more: Any,
) -> None:  # fmt: skip
    """One claim of encounter `E-<number>`, payer P1 and hospital H1, received and sent on `day` unless it is held."""
    encounter, amount = f"E-{number}", Decimal(charge)
    claim = {
        "received_date": day, "encounter_id": encounter, "claim_number": number, "claim_type": "837I",
        "frequency_code": "1", "hospital_id": "H1", "payer_id": "P1", "discharge_date": day, "total_charge": amount,
        "status": "ready" if sent else "held", "contract": "percent of charges",
    }  # fmt: skip
    put(engine, billed.claim, {**claim, **more})
    if sent:
        put(
            engine, billed.interchange_claim,
            {"received_date": day, "encounter_id": encounter, "claim_number": number, "control_number": control,
             "sequence": 1, "set_control_number": set_number, "frequency_code": "1", "total_charge": amount},
        )  # fmt: skip


def answer(engine: sa.Engine, folder: Path, day: date, *files: bytes) -> None:
    """The files arrive in the inbox on `day` and are read, as the stage does it."""
    from medcode_ml.billing.answers.arrivals import Inbox, run_answer_files
    from medcode_ml.billing.answers.kept import KeptFiles
    from medcode_ml.billing.answers.stage import run_answers

    kept, inbox = KeptFiles(folder / "kept"), folder / "inbox" / day.isoformat()
    inbox.mkdir(parents=True, exist_ok=True)
    for place, data in enumerate(files):
        (inbox / f"{place}.x12").write_bytes(data)
    run_answer_files(engine, day, day, [Inbox(folder / "inbox")], kept, date(2026, 1, 1))
    run_answers(engine, day, day, kept)


def rows_of(engine: sa.Engine, view: str, columns: Sequence[str] = (), where: str = "true") -> list[tuple[Any, ...]]:
    """Rows of a view of `mart`, sorted by all columns; of one column their values alone."""
    listed = ", ".join(columns) or "*"
    order = ", ".join(str(place) for place in range(1, len(columns) + 1)) or "1"
    with engine.connect() as connection:
        query = sa.text(f"SELECT {listed} FROM mart.{view} WHERE {where} ORDER BY {order}")
        return [tuple(row) for row in connection.execute(query)]
