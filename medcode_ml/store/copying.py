"""COPY in and out: frames of object columns to and from PostgreSQL, by way of Arrow.

In a frame a missing value is None; dates are `datetime.date`, amounts `Decimal`, JSON plain lists and dicts.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects.postgresql import JSONB


class ContractError(ValueError):
    """A frame does not have the columns that its table's contract asks for."""


def copy_in(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame) -> int:
    """COPY `frame` into `table`; columns are matched by name, and all of the table's must be there.

    Raises:
        ContractError: a column that may not be null is missing, or one is not the table's.
    """
    names = [c.name for c in table.columns]
    missing = [n for n in names if n not in frame.columns and not table.c[n].nullable]
    unknown = [n for n in frame.columns if n not in table.columns]
    if missing or unknown:
        raise ContractError(f"{table.fullname}: columns missing {missing}, columns unknown {unknown}")
    if frame.empty:
        return 0
    names = [n for n in names if n in frame.columns]
    columns = pa.table([_arrow(table.c[n], frame[n]) for n in names], names=names)
    text = io.BytesIO()
    # A valid value is quoted, a null is not: so COPY tells an empty text from a missing one.
    pa_csv.write_csv(columns, text, pa_csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    quoted = connection.dialect.identifier_preparer
    listed = ", ".join(quoted.quote(n) for n in names)
    statement = f"COPY {quoted.format_table(table)} ({listed}) FROM STDIN (FORMAT csv)".encode()
    with _cursor(connection) as cursor, cursor.copy(statement) as copy:
        copy.write(text.getbuffer())
    return len(frame)


def copy_out(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """Run `query` by COPY and return its rows as a frame of object columns; None stays None, Decimal Decimal."""
    columns = list(query.selected_columns)
    compiled = query.compile(dialect=connection.dialect)
    data = bytearray()
    statement = f"COPY ({compiled}) TO STDOUT (FORMAT csv)".encode()
    with _cursor(connection) as cursor, cursor.copy(statement, compiled.params) as copy:
        for block in copy:
            data += block
    names = [c.key for c in columns]
    if not data:
        return pd.DataFrame({n: pd.Series([], dtype=object) for n in names}, dtype=object)
    read = pa_csv.read_csv(
        pa.BufferReader(pa.py_buffer(data)),
        # one block: a value longer than a block would not be read
        read_options=pa_csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pa_csv.ConvertOptions(
            column_types={c.key: _READ_AS.get(_kind(c.type), pa.string()) for c in columns},
            true_values=["t"],
            false_values=["f"],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    values = {c.key: _objects(_kind(c.type), read.column(n)) for n, c in enumerate(columns)}
    return pd.DataFrame(values, columns=names, dtype=object, copy=False)


def _cursor(connection: sa.Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver.cursor()


def _kind(type_: sa.types.TypeEngine[Any]) -> str:
    for kind, class_ in _KINDS.items():
        if isinstance(type_, class_):
            return kind
    return "text"


#: order counts: Double is a Numeric to SQLAlchemy
_KINDS: dict[str, type[Any]] = {
    "json": JSONB, "float": sa.Double, "bool": sa.Boolean, "int": sa.Integer, "date": sa.Date,
    "decimal": sa.Numeric,
}  # fmt: skip
_READ_AS = {"float": pa.float64(), "bool": pa.bool_(), "int": pa.int64(), "date": pa.date32()}


def _objects(kind: str, column: pa.ChunkedArray) -> NDArray[Any]:
    if kind == "decimal":
        return _by_value(column, Decimal)
    if kind == "json":
        return _object_array([_plain(v) for v in column.to_pylist()])
    if kind == "date":
        return _by_value(column.cast(pa.string()), date.fromisoformat)
    if kind == "text":
        return column.to_numpy()
    return _object_array(column.to_pylist())


def _plain(text: str | None) -> Any:
    if text == "[]":
        return []
    if text == "{}":
        return {}
    return None if text is None else json.loads(text)


def _by_value(column: pa.ChunkedArray, made: Callable[[str], Any]) -> NDArray[Any]:
    """Make each distinct value once."""
    coded = pc.dictionary_encode(column.combine_chunks())
    values = _object_array([*(made(v) for v in coded.dictionary.to_pylist()), None])
    places = pc.fill_null(coded.indices, len(values) - 1).to_numpy(zero_copy_only=False)
    return values[places]


def _object_array(values: list[Any]) -> NDArray[Any]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _arrow(column: sa.Column[Any], series: pd.Series) -> pa.Array:
    """The values of a column as Arrow, missing ones (None, NaN, NaT, NA) as null."""
    kind = _kind(column.type)
    values = series.to_numpy(dtype=object)
    if kind == "json":
        return pa.array([None if _is_missing(v) else _json(v) for v in values], pa.string())
    if kind in _READ_AS:
        return pa.array(values, _READ_AS[kind], from_pandas=True)
    if kind == "decimal":
        return pa.array([None if _is_missing(v) else str(v) for v in values], pa.string())
    try:
        return pa.array(values, pa.string(), from_pandas=True)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        # numbers and times written to a text or time column
        return pa.array([None if _is_missing(v) else str(v) for v in values], pa.string())


def _json(value: Any) -> str:
    if not value and isinstance(value, list | dict):
        return "[]" if isinstance(value, list) else "{}"  # most lists of repairs are empty
    return json.dumps(value, ensure_ascii=False)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)
