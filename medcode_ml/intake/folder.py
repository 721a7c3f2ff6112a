"""The folder layout: `<root>/<YYYY-MM-DD>/` with tables, messages, page files and text files of one received day.

- Tables `<table>.csv`, `.csv.gz` or `.parquet`, with the columns of `contracts.raw.DELIVERED`; a table that was not
  delivered is simply absent. Fields are text, empty means missing. A file with a missing, unknown or doubled column is
  set aside whole, row by row.
- Messages of any name: HL7 v2 in `*.hl7`, FHIR R4 in `*.ndjson` and `*.fhir.json`; see `hl7` and `fhir`.
- `senders.csv`, here or beside the days, where codes in messages are not the hospital_id itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Final

from medcode_ml.contracts.raw import DELIVERED, delivered_columns, optional_columns
from medcode_ml.intake.attachments import attachment_path
from medcode_ml.intake.delimited import Fault, ReadTable, read_csv_parts
from medcode_ml.intake.doors import MESSAGE_SUFFIXES, MESSAGE_TABLES, gather_messages
from medcode_ml.intake.parquet import read_parquet_parts
from medcode_ml.intake.senders import SENDERS_FILE
from medcode_ml.intake.source import DeliveredFile, DeliveryError, TextDecodeError, delivered_file
from medcode_ml.logs import logger

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BYTE_ORDER_MARK: Final = "\ufeff"
_TABLE_SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")


class FolderSource:
    """Deliveries in a folder, one sub-folder for each received day."""

    def __init__(self, root: Path, name: str = "folder", attachments_dir: Path | None = None) -> None:
        """Read from `root`; rows are landed under `name`.

        Page files that come inside messages are kept under `attachments_dir`, `.attachments` in `root` unless given.
        """
        self.root = root
        self.attachments_dir = attachments_dir or root / ".attachments"
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

    def read(self, day: date, tables: Collection[str] | None = None) -> Iterator[DeliveredFile]:
        """Every table file of `day` in the order of the contract, then what its messages hold; large ones in parts.

        Raises:
            DeliveryError: a .csv, .csv.gz or .parquet file is not named after a delivered table, or senders.csv is
                wrong.
        """
        folder = self.root / day.isoformat()
        if not folder.is_dir():
            return
        files, messages = _files(folder)
        gathered = None
        if messages and (tables is None or not MESSAGE_TABLES.isdisjoint(tables)):
            numbered = any(table == "observation" for table, _ in files)
            gathered = gather_messages(
                folder, self.root, messages, self.attachments_dir, lambda file: self.page_path(day, file), numbered
            )
        for table, path in files:
            if tables is not None and table not in tables:
                continue
            file = f"{day.isoformat()}/{path.name}"
            for read in _read_parts(path, file, table):
                part = delivered_file(table, file, read.rows, read.rejected)
                if gathered is not None:
                    gathered.register(part)
                yield part
        if gathered is not None:
            yield from gathered.files(tables)

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
        kept = attachment_path(self.attachments_dir, file)
        if kept is not None and not path.is_file():  # a delivery that `medcode export` wrote holds it as a file
            return kept
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


def _files(folder: Path) -> tuple[list[tuple[str, Path]], list[Path]]:
    """((table, path) of the folder's table files in contract order, CSV before Parquet; paths of its messages)."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    names = {path: path.name.lower() for path in paths}
    paths = [path for path in paths if path.name != SENDERS_FILE]
    tables = [(path, suffix) for path in paths for suffix in _TABLE_SUFFIXES if names[path].endswith(suffix)]
    messages = [path for path in paths if names[path].endswith(MESSAGE_SUFFIXES)]
    named = [(path.name[: -len(suffix)], path) for path, suffix in tables]
    unknown = [(table, path) for table, path in named if table not in DELIVERED]
    if unknown:
        table, path = unknown[0]
        raise DeliveryError(
            f"{folder.name}/{path.name}: no delivered table is named {table!r}; rename or remove the "
            f"file (known: {', '.join(DELIVERED)})"
        )
    # Only their kinds are logged: a stray file may well be named after a patient.
    taken = {*messages, *(path for path, _ in tables)}
    ignored = Counter(path.suffix.lower() or "no suffix" for path in paths if path not in taken)
    if ignored:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(ignored.items()))
        logger("intake.folder").info("%s: files that are no tables were ignored: %s", folder.name, kinds)
    order = list(DELIVERED)
    return sorted(named, key=lambda pair: (order.index(pair[0]), pair[1].name)), messages


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


def _read_parts(path: Path, file: str, table: str) -> Iterator[ReadTable]:
    def fault(header: list[str]) -> Fault | None:
        return _column_fault(file, table, header)

    if path.suffix.lower() == ".parquet":
        return read_parquet_parts(path, file, fault)
    return read_csv_parts(path, file, fault)
