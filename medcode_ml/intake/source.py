"""What a source is: days with deliveries, the delivered rows of a day, and the page files they name.

Belongs here: the protocol, the frames that sources hand over, their errors, and the choice of a source from the
settings. Reading a particular layout belongs in `folder`, `mimic_iii`, `mimic_iv` and `notes`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Protocol

import pandas as pd

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.settings import Settings

REJECTED_COLUMNS: Final = ("source_line", "rule", "reason", "original")
DEFAULT_RECEIVED: Final = date(2026, 10, 15)
"""The day on which a research layout, which has no received dates, counts as received."""
WHOLE_FILE: Final = 0
"""`source_line` of a rejection that concerns the whole file."""


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
    and columns the contract does not know are left behind. A row with an
    empty key column cannot be landed or followed, so it joins `rejected` with rule `missing_key`.
    """
    columns = delivered_columns(table)
    absent = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    # Values are object columns with None already; building the frame from its columns spares copies of them.
    shaped = pd.DataFrame({c: rows.get(c, absent) for c in columns}, dtype=object, copy=False)
    shaped["source_line"] = rows["source_line"].astype("int64")
    shaped = shaped.reset_index(drop=True)
    key = list(DELIVERED[table][1])
    keyless = shaped[key].isna().any(axis=1)
    found = []
    for record in shaped[keyless].to_dict("records"):
        empty = ", ".join(column for column in key if record[column] is None)
        original = json.dumps({c: record[c] for c in columns if record[c] is not None}, ensure_ascii=False)
        reason = f"{file}: the row has no {empty}, so it cannot be filed; deliver it again with {empty}"
        found.append((int(record["source_line"]), "missing_key", reason, original))
    parts = [part for part in (rejected, rejections(found)) if part is not None and len(part)]
    together = pd.concat(parts, ignore_index=True) if parts else rejections([])
    together = together.sort_values("source_line", kind="stable", ignore_index=True)
    landed = shaped[~keyless].reset_index(drop=True) if keyless.any() else shaped
    return DeliveredFile(table, file, landed, together, complete)


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
