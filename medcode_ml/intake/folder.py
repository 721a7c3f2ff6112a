"""The folder layout: `<root>/<YYYY-MM-DD>/<table>.csv` or `.parquet`, with page and text files beside them.

Tables and columns are those of `contracts.raw.DELIVERED`; a table that was not delivered is simply absent. Fields are
text, empty means missing. A file with a missing, unknown or doubled column is set aside whole, row by row.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medcode_ml.contracts.raw import DELIVERED, delivered_columns, optional_columns
from medcode_ml.intake.delimited import Fault, ReadTable, column_twice, escaped, read_csv, whole_file_aside
from medcode_ml.intake.source import DeliveredFile, DeliveryError, TextDecodeError, delivered_file, rejections
from medcode_ml.logs import logger

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BYTE_ORDER_MARK: Final = "\ufeff"


class FolderSource:
    """Deliveries in a folder, one sub-folder for each received day."""

    def __init__(self, root: Path, name: str = "folder") -> None:
        """Read from `root`; rows are landed under `name`."""
        self.root = root
        self._name = name

    @property
    def name(self) -> str:
        """Name under which rows are landed."""
        return self._name

    def received_dates(self) -> list[date]:
        """Days that have a folder, oldest first.

        Raises:
            DeliveryError: the delivery folder does not exist.
        """
        if not self.root.is_dir():
            raise DeliveryError(
                f"{self.root}: there is no such delivery folder; set MEDCODE_SOURCE_DIR to the right one"
            )
        days = []
        for entry in self.root.iterdir():
            if entry.is_dir() and _DAY.fullmatch(entry.name):
                try:
                    days.append(date.fromisoformat(entry.name))
                except ValueError:
                    logger("intake.folder").warning("folder %s is no calendar day and was ignored", entry.name)
        return sorted(days)

    def read(self, day: date) -> Iterator[DeliveredFile]:
        """Every table file of `day`, in the order of the contract; nothing where the day has no folder.

        Raises:
            DeliveryError: a .csv or .parquet file is not named after a delivered table.
        """
        folder = self.root / day.isoformat()
        if not folder.is_dir():
            return
        for table, path in _table_files(folder):
            file = f"{day.isoformat()}/{path.name}"
            read = (
                _read_parquet(path, file, table)
                if path.suffix.lower() == ".parquet"
                else _read_table(path, file, table)
            )
            yield delivered_file(table, file, read.rows, read.rejected)

    def page_path(self, day: date, file: str) -> Path:
        """Path of a page or text file named by a scanned record of `day`; it need not exist.

        Raises:
            DeliveryError: the name is absolute or leads out of the day's folder, also by a link.
        """
        folder = (self.root / day.isoformat()).resolve()
        remedy = f"name it relative to {day.isoformat()}/ and keep it inside"
        if not file or "\0" in file:
            raise DeliveryError(f"a page file of {day.isoformat()} has an empty or unusable name; {remedy}")
        path = (folder / file).resolve()
        if Path(file).is_absolute() or folder not in path.parents:
            raise DeliveryError(f"a page file of {day.isoformat()} lies outside the delivery; {remedy}")
        return path


def read_text_file(path: Path) -> str:
    """Text of a delivered text document (UTF-8, byte order mark dropped, line ends as delivered).

    Raises:
        TextDecodeError: the file is not UTF-8 or holds a NUL; the message names the byte, counted from 0.
        OSError: the file cannot be opened.
    """
    data = path.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise TextDecodeError(
            f"byte {error.start} (0x{data[error.start]:02x}) of the text file is not UTF-8; save it as UTF-8 "
            "and deliver it again"
        ) from None
    if "\0" in text:
        raise TextDecodeError(
            f"byte {data.index(0)} of the text file is NUL; save it as UTF-8 text and deliver it again"
        )
    return text.removeprefix(_BYTE_ORDER_MARK)


def _table_files(folder: Path) -> list[tuple[str, Path]]:
    """(table, path) of the folder's table files in contract order, CSV before Parquet."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    tables = [path for path in paths if path.suffix.lower() in (".csv", ".parquet")]
    unknown = [path for path in tables if path.stem not in DELIVERED]
    if unknown:
        raise DeliveryError(
            f"{folder.name}/{unknown[0].name}: no delivered table is named {unknown[0].stem!r}; rename or remove the "
            f"file (known: {', '.join(DELIVERED)})"
        )
    # Only their kinds are logged: a stray file may well be named after a patient.
    ignored = Counter(path.suffix.lower() or "no suffix" for path in paths if path not in tables)
    if ignored:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(ignored.items()))
        logger("intake.folder").info("%s: files that are no tables were ignored: %s", folder.name, kinds)
    order = list(DELIVERED)
    return sorted(((path.stem, path) for path in tables), key=lambda pair: (order.index(pair[0]), pair[1].suffix))


def _column_fault(file: str, table: str, header: list[str]) -> Fault | None:
    """Why a file with these columns cannot be landed."""
    columns = delivered_columns(table)
    missing = [name for name in columns if name not in header and name not in optional_columns(table)]
    if missing:
        return "missing_column", f"{file}, line 1: column {', '.join(missing)} is missing; add it and deliver again"
    unknown = [name for name in header if name not in columns]
    if unknown:
        return "unknown_column", (
            f"{file}, line 1: {len(unknown)} column(s) the layout of {table} does not know, at place "
            f"{', '.join(str(header.index(name) + 1) for name in unknown)}; remove or rename them and deliver again "
            f"(known: {', '.join(columns)})"
        )
    return None


def _read_table(path: Path, file: str, table: str) -> ReadTable:
    return read_csv(path, file, lambda header: _column_fault(file, table, header))


def _read_parquet(path: Path, file: str, table: str) -> ReadTable:
    """Read a Parquet table as text; `source_line` counts its rows from 2, as in a CSV with a header."""
    try:
        delivered = pq.read_table(path)
        header = list(delivered.column_names)
        text = pd.DataFrame(
            {name: _as_text(delivered.column(place)) for place, name in enumerate(header)}, dtype=object
        )
    except (pa.ArrowException, OSError) as error:
        return whole_file_aside(file, "unreadable_file", f"cannot be read as Parquet text ({type(error).__name__})")
    text["source_line"] = range(2, len(text) + 2)
    fault = column_twice(file, header) or _column_fault(file, table, header)
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


def _as_text(values: pa.ChunkedArray) -> list[str | None]:
    """Values as text: dates and numbers as Arrow writes them, empty and null as None."""
    return [value or None for value in pc.cast(values, pa.string()).to_pylist()]
