"""What a source is: days with deliveries, the delivered rows of a day, and the page files they name.

Belongs here: the protocol, the frames that sources hand over, their errors, and the choice of a source from the
settings. Reading a particular layout belongs in `folder`, `mimic_iii`, `mimic_iv` and `notes`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

import pandas as pd

from medcode_ml.contracts.raw import DELIVERED, delivered_columns, delivered_tables
from medcode_ml.settings import Settings

REJECTED_COLUMNS: Final = ("source_line", "rule", "reason", "original")
DEFAULT_RECEIVED: Final = date(2026, 10, 15)
"""The day on which a research layout, which has no received dates, counts as received."""
WHOLE_FILE: Final = 0
"""`source_line` of a rejection that concerns the whole file."""
KEY_BYTES: Final = 200
"""The longest value that rows are filed by, in UTF-8: an index of four such columns holds 2,704 bytes a row."""


class DeliveryError(ValueError):
    """A delivery cannot be read as it stands; the message says what is wrong, where, and what to do."""


class TextDecodeError(ValueError):
    """A text document cannot be read as text; the message names the byte and what to do."""


@dataclass(frozen=True)
class DeliveredFile:
    """One delivered table of one file on one received day, or a part of it: large files come in several parts.

    `rows` holds every column of the contract as text (missing = None) and `source_line` (int, the header is line 1).
    `rejected` holds `source_line` (0 = the whole file), `rule`, `reason` and `original` of each row set aside.
    `complete` is false where the file is seen to end too early.
    """

    table: str
    file: str
    rows: pd.DataFrame
    rejected: pd.DataFrame
    complete: bool = True

    @property
    def rows_in(self) -> int:
        """Rows the file delivered: those to land and those set aside."""
        return len(self.rows) + len(self.rejected)


class Source(Protocol):
    """Where records come from."""

    @property
    def name(self) -> str:
        """Name under which rows are landed: folder, stream, simulated, mimic-iv, mimic-iii or notes."""

    def received_dates(self) -> list[date]:
        """Days with a delivery, oldest first."""

    def read(self, day: date, tables: Collection[str] | None = None) -> Iterator[DeliveredFile]:
        """What was received on `day`, part by part; nothing where the day has no delivery.

        `tables` narrows it to these delivered tables: the others are not read, or read and left out.
        """

    def page_path(self, day: date, file: str) -> Path:
        """Path of a page or text file that a scanned record of `day` names.

        Raises:
            DeliveryError: the name leads out of the delivery of that day.
        """


def rejections(found: Sequence[tuple[int, str, str, str | None]]) -> pd.DataFrame:
    """Frame of (source_line, rule, reason, original); shape (n, 4), also for none."""
    return pd.DataFrame(list(found), columns=list(REJECTED_COLUMNS), dtype=object).astype({"source_line": "int64"})


def delivered_file(
    table: str, file: str, rows: pd.DataFrame, rejected: pd.DataFrame | None = None, *, complete: bool = True
) -> DeliveredFile:
    """Bring `rows` into the shape of the contract and set aside those without a key.

    `rows` has `source_line` and any of the table's columns as text or None; the ones it lacks are missing throughout,
    and columns the contract does not know are left behind. A row with an empty key column cannot be landed or followed,
    so it joins `rejected` with rule `missing_key`; so does, with `key_too_long`, one that no index could hold.
    """
    columns = delivered_columns(table)
    absent = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    # Values are object columns with None already; building the frame from its columns spares copies of them.
    shaped = pd.DataFrame({c: rows.get(c, absent) for c in columns}, dtype=object, copy=False)
    shaped["source_line"] = rows["source_line"].astype("int64")
    shaped = shaped.reset_index(drop=True)
    keyless = shaped[list(DELIVERED[table][1])].isna().any(axis=1)
    unfiled = keyless | shaped[list(_filed_by(table))].map(_is_long).any(axis=1)
    found = []
    for record in shaped[unfiled].to_dict("records"):
        original = json.dumps({c: record[c] for c in columns if record[c] is not None}, ensure_ascii=False)
        found.append((int(record["source_line"]), *_unfiled(table, file, record), original))
    parts = [part for part in (rejected, rejections(found)) if part is not None and len(part)]
    together = pd.concat(parts, ignore_index=True) if parts else rejections([])
    together = together.sort_values("source_line", kind="stable", ignore_index=True)
    landed = shaped[~unfiled].reset_index(drop=True) if unfiled.any() else shaped
    return DeliveredFile(table, file, landed, together, complete)


def _unfiled(table: str, file: str, record: Mapping[Hashable, Any]) -> tuple[str, str]:
    """Rule and reason of a row that cannot be filed."""
    empty = ", ".join(column for column in DELIVERED[table][1] if record[column] is None)
    if empty:
        return "missing_key", f"{file}: the row has no {empty}, so it cannot be filed; deliver it again with {empty}"
    long = ", ".join(column for column in _filed_by(table) if _is_long(record[column]))
    return "key_too_long", (
        f"{file}: {long} of the row has more than {KEY_BYTES} bytes, so it cannot be filed; an id belongs there (have "
        "the sender's columns moved?); deliver it again with the right one"
    )


@lru_cache(maxsize=len(DELIVERED))
def _filed_by(table: str) -> tuple[str, ...]:
    """Delivered columns in the key or an index of their table."""
    contract = delivered_tables[table]
    held = {*contract.primary_key.columns.keys(), *(c.name for index in contract.indexes for c in index.columns)}
    return tuple(c for c in delivered_columns(table) if c in held)


def _is_long(value: str | None) -> bool:
    return value is not None and len(value) > KEY_BYTES // 4 and len(value.encode()) > KEY_BYTES


def open_source(settings: Settings) -> Source:
    """Return the source that the settings name: folder, stream, mimic-iv, mimic-iii or notes:<kind>.

    `simulated` is not opened here: it is a `FolderSource` over the delivery that the simulation writes.

    Raises:
        DeliveryError: the name is unknown, or the source needs a folder and none is set.
    """
    # Imported here because those modules build on this one.
    from medcode_ml.intake.folder import FolderSource
    from medcode_ml.intake.mimic_iii import MimicIIISource
    from medcode_ml.intake.mimic_iv import MimicIVSource
    from medcode_ml.intake.notes import KINDS, NotesSource

    name, _, kind = settings.source.partition(":")
    known = ["simulated", "folder", "stream", "mimic-iv", "mimic-iii", *(f"notes:{one}" for one in KINDS)]
    if settings.source not in known or name == "simulated":
        raise DeliveryError(f"no delivery can be opened for source {settings.source!r}; known: {', '.join(known)}")
    if name == "stream":
        return _landed_stream(settings)
    if settings.source_dir is None:
        raise DeliveryError(f"source {settings.source!r} needs a place to read from; set MEDCODE_SOURCE_DIR")
    if name == "folder":
        return FolderSource(settings.source_dir, attachments_dir=settings.attachments_dir)
    if name == "mimic-iv":
        return MimicIVSource(settings.source_dir)
    if name == "mimic-iii":
        return MimicIIISource(settings.source_dir)
    return NotesSource(kind, settings.source_dir, as_of=settings.notes_date)


def _landed_stream(settings: Settings) -> Source:
    from medcode_ml.intake.landed_stream import LandedStreamSource
    from medcode_ml.intake.page_store import PageStore
    from medcode_ml.store.database import engine

    pages = PageStore(settings.pages_url or settings.pages_dir)
    return LandedStreamSource(engine(), settings.source_dir, settings.attachments_dir, pages)
