"""Writing the folder layout that `folder.FolderSource` reads: what `medcode export` hands to the next system.

A delivery appears whole or not at all: it is written beside its place and moved there at the end. Missing values and
empty text both become empty fields, as the layout has it; everything else comes back as it was.
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from medcode_ml.contracts.raw import DELIVERED, delivered_columns, optional_columns
from medcode_ml.intake.source import DeliveryError

PageFile = Path | Callable[[], bytes]
_LANDING_COLUMNS: Final = frozenset({"received_date", "source", "source_file", "source_line", "copy_number"})
"""Columns that landing added to `raw.*`; they are no part of a delivery."""


def write_layout(
    tables_by_day: Mapping[date, Mapping[str, pd.DataFrame]],
    root: Path,
    page_files: Mapping[date, Mapping[str, PageFile]] | None = None,
) -> None:
    """Write delivered tables, and the page files they name, as a delivery folder at `root`.

    Args:
        tables_by_day: received day -> delivered table -> rows, with or without the columns that landing added.
        root: the folder to make; it must not exist, or be empty. It is readable by its owner only: it holds records.
        page_files: received day -> name as `scanned_record.files` has it -> the file to copy there, or what reads it.

    Raises:
        DeliveryError: the folder is in use, a table or column is not of the layout, or a page name leads outside.
        OSError: a page file cannot be copied or the disk is full; nothing is left behind.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DeliveryError(f"{root}: there is something here already; name a new or empty folder")
    root.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
    try:
        for day, tables in tables_by_day.items():
            folder = unfinished / day.isoformat()
            folder.mkdir()
            for table, rows in tables.items():
                _write_table(folder / f"{table}.csv", table, rows)
        for day, files in (page_files or {}).items():
            for name, source in files.items():
                _copy_page(unfinished / day.isoformat(), name, source)
        if root.exists():
            root.rmdir()
        os.replace(unfinished, root)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _write_table(path: Path, table: str, rows: pd.DataFrame) -> None:
    if table not in DELIVERED:
        raise DeliveryError(f"no delivered table is named {table!r}; known: {', '.join(DELIVERED)}")
    columns = delivered_columns(table)
    missing = [column for column in columns if column not in rows and column not in optional_columns(table)]
    strange = [column for column in rows if column not in columns and column not in _LANDING_COLUMNS]
    if missing or strange:
        raise DeliveryError(
            f"table {table} cannot be written: missing {', '.join(missing) or 'none'}, unknown "
            f"{', '.join(map(str, strange)) or 'none'}; give it the columns of the layout"
        )
    present = [column for column in columns if column in rows]
    values = [["" if pd.isna(value) else str(value) for value in rows[column]] for column in present]
    # CRLF as line end makes the writer quote lone carriage returns too, which would otherwise not come back.
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(present)
        writer.writerows(zip(*values, strict=True))


def _copy_page(folder: Path, name: str, source: PageFile) -> None:
    target = (folder / name).resolve()
    if folder.resolve() not in target.parents:
        raise DeliveryError(f"a page file of {folder.name} would lie outside the delivery; name it relative to its day")
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, Path):
        shutil.copyfile(source, target)
    else:
        target.write_bytes(source())
