"""Landing: one day's delivery into `raw`, pages read on the way, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import raw
from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.contracts.stage import StageResult
from medcode_ml.intake.documents import page_paths, read_document_files
from medcode_ml.intake.page_store import PageWork
from medcode_ml.intake.source import DeliveredFile, Source
from medcode_ml.store.frames import days_of, replace_partition


def run_intake(
    engine: sa.Engine, source: Source, start: date, end: date, work: PageWork, progress: bool = False
) -> StageResult:
    """Land what `source` delivered from `start` to `end`, day by day; each day is replaced in one transaction.

    Only rows of this source are replaced, so that several sources can deliver on one day. A page that was read before
    is not read again: `work` keeps readings by content hash, so an interrupted run goes on where it ended.
    """
    _read_ahead(source, start, end, work, progress)
    rows: dict[str, int] = {}
    gates: dict[str, int] = {}
    pages_read = 0
    confidences: list[float] = []
    for day in days_of(start, end):
        landed = land_day(engine, source, day, work)
        for name, frame in landed.items():
            rows[name] = rows.get(name, 0) + len(frame)
        for gate in landed["page"]["gate"]:
            gates[gate or "read"] = gates.get(gate or "read", 0) + 1
        pages_read += int(landed["page"]["text"].notna().sum())
        confidences += [float(c) for c in landed["page"]["confidence"] if c is not None]
    figures: dict[str, float | int | str] = {"pages_read": pages_read, "rows_set_aside": rows.get("set_aside", 0)}
    if confidences:
        figures["mean_confidence"] = round(sum(confidences) / len(confidences), 2)
    listing = tuple((gate, n) for gate, n in sorted(gates.items(), key=lambda item: -item[1]))
    return StageResult("intake", start, end, rows, figures, (("outcome of the page", "pages"), listing))


def land_day(engine: sa.Engine, source: Source, day: date, work: PageWork) -> dict[str, pd.DataFrame]:
    """Land one day and return the rows by raw table."""
    delivered = list(source.read(day))
    frames = _delivered_frames(source.name, delivered)
    frames["page"] = _pages(source, day, frames, work)
    with engine.begin() as connection:
        for name, frame in frames.items():
            table = raw.delivered_tables.get(name, getattr(raw, name, None))
            assert table is not None
            replace_partition(connection, table, day, frame, where={"source": source.name})
    return frames


def _delivered_frames(source: str, files: Sequence[DeliveredFile]) -> dict[str, pd.DataFrame]:
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in DELIVERED}
    aside: list[pd.DataFrame] = []
    deliveries: list[dict[str, Any]] = []
    for file in files:
        frames[file.table].append(file.rows.assign(source_file=file.file))
        aside.append(file.rejected.assign(table_name=file.table, source_file=file.file))
        deliveries.append(
            {
                "source": source, "table_name": file.table, "source_file": file.file, "rows_in": file.rows_in,
                "rows_landed": len(file.rows), "rows_set_aside": len(file.rejected), "complete": True,
            }
        )  # fmt: skip
    landed: dict[str, pd.DataFrame] = {}
    for name, parts in frames.items():
        table = raw.delivered_tables[name]
        columns = [c.name for c in table.columns if c.name != "received_date"]
        if not parts:
            landed[name] = pd.DataFrame(columns=columns, dtype=object)
            continue
        frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
        key = list(DELIVERED[name][1])
        frame = frame.assign(source=source, copy_number=frame.groupby(key, sort=False).cumcount() + 1)
        landed[name] = frame[columns]
    lines = pd.concat(aside, ignore_index=True) if aside else pd.DataFrame()
    landed["set_aside"] = _set_aside(source, lines)
    names = [c.name for c in raw.delivery.columns if c.name != "received_date"]
    landed["delivery"] = pd.DataFrame(deliveries, columns=names, dtype=object)
    return landed


def _set_aside(source: str, lines: pd.DataFrame) -> pd.DataFrame:
    names = [c.name for c in raw.set_aside.columns if c.name != "received_date"]
    if lines.empty:
        return pd.DataFrame(columns=names, dtype=object)
    place = lines.groupby(["source_file", "source_line"], sort=False).cumcount()
    ids = [
        record_hash(source, file, line, at)
        for file, line, at in zip(lines["source_file"], lines["source_line"], place, strict=True)
    ]
    return lines.assign(set_aside_id=ids, source=source)[names]


def _read_ahead(source: Source, start: date, end: date, work: PageWork, progress: bool) -> None:
    """Read the pages of all days with one set of processes; landing a day then finds its readings in the store."""
    paths: list[Path] = []
    for day in days_of(start, end):
        records = [f.rows for f in source.read(day) if f.table == "scanned_record"]
        for frame in records:
            paths += page_paths(frame, lambda file, day=day: source.page_path(day, file))  # type: ignore[misc]
    work.readings(paths, progress)


def _pages(source: Source, day: date, frames: dict[str, pd.DataFrame], work: PageWork) -> pd.DataFrame:
    def path_of(file: str) -> Path:
        return source.page_path(day, file)

    pages = read_document_files(frames["scanned_record"], frames["patient"], frames["encounter"], path_of, work)
    names = [c.name for c in raw.page.columns if c.name != "received_date"]
    return pages[names]
