"""Reading one Parquet table as text, batch by batch, with the same outcomes as a CSV file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medcode_ml.intake.delimited import Fault, ReadTable, column_twice, escaped, whole_file_aside
from medcode_ml.intake.source import rejections

BATCH_ROWS: Final = 50_000
#: rows that a file may claim, or so many for each of its bytes: keys differ from row to row, so no real table has more
_ROWS_ALWAYS: Final = 10_000_000
_ROWS_PER_BYTE: Final = 100


def read_parquet_parts(
    path: Path, file: str, check_header: Callable[[list[str]], Fault | None], *, batch_rows: int = BATCH_ROWS
) -> Iterator[ReadTable]:
    """Read a Parquet table as text, `batch_rows` at a time; at least one part, perhaps without rows.

    `source_line` counts the rows from 2, as in a CSV file with a header. A damaged file is set aside whole: it is
    decoded once before its first row is handed on.
    """
    try:
        fault = _file_fault(path, batch_rows)
        if fault is not None:
            yield whole_file_aside(file, *fault)
            return
        with pq.ParquetFile(path) as opened:
            header = list(opened.schema_arrow.names)
            found = column_twice(file, header) or check_header(header)
            line = 2
            for batch in opened.iter_batches(batch_rows):
                yield _part(batch, file, header, found, line)
                line += len(batch)
            if line == 2:
                yield _part(opened.schema_arrow.empty_table(), file, header, found, line)
    except (pa.ArrowException, OSError) as error:
        yield whole_file_aside(file, "unreadable_file", f"cannot be read as Parquet text ({type(error).__name__})")


def _file_fault(path: Path, batch_rows: int) -> Fault | None:
    with pq.ParquetFile(path) as opened:
        rows = opened.metadata.num_rows
        if rows > max(_ROWS_ALWAYS, _ROWS_PER_BYTE * path.stat().st_size):
            return "unpacks_too_large", f"claims {rows} rows in {path.stat().st_size} bytes"
        for batch in opened.iter_batches(batch_rows):
            for place in range(batch.num_columns):
                pc.cast(batch.column(place), pa.string())
    return None


def _part(
    batch: pa.RecordBatch | pa.Table, file: str, header: list[str], fault: Fault | None, first_line: int
) -> ReadTable:
    columns = {name: _as_text(batch.column(place)) for place, name in enumerate(header)}
    text = pd.DataFrame(columns, dtype=object)
    text["source_line"] = range(first_line, first_line + len(text))
    if fault is not None:
        bad = pd.Series(True, index=text.index)
    else:
        # PostgreSQL text cannot hold NUL.
        fault = ("nul_byte", f"{file}: the row holds a NUL character; remove it and deliver the row again")
        bad = pd.Series(False, index=text.index)
        for name in header:
            bad |= pd.Series([value is not None and "\0" in value for value in text[name]], index=text.index)
    found = [
        (int(record.pop("source_line")), *fault, escaped(json.dumps(record, ensure_ascii=False)))
        for record in text[bad].to_dict("records")
    ]
    return ReadTable(header, text[~bad].reset_index(drop=True), rejections(found))


def _as_text(values: pa.Array) -> list[str | None]:
    """Values as text: dates and numbers as Arrow writes them, empty and null as None."""
    return [value or None for value in pc.cast(values, pa.string()).to_pylist()]
