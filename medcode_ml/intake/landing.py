"""Landing: one day's delivery into `raw`, pages read on the way, in one transaction and in flat memory."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import sqlalchemy as sa

from medcode_ml.contracts import raw
from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.contracts.stage import StageResult
from medcode_ml.intake.documents import page_paths, read_document_files
from medcode_ml.intake.gates import page_count_figures
from medcode_ml.intake.page_store import PageWork
from medcode_ml.intake.source import DeliveredFile, Source
from medcode_ml.store.frames import clear_partition, copy_in, copy_out, days_of

#: what the page gates ask of the documents, encounters and patients of a day
_RECORD_COLUMNS = [c.name for c in raw.delivered_tables["scanned_record"].columns if c.name != "text"]


@dataclass
class Landed:
    """What was landed: rows by raw table, pages by the gate that stopped them, and how surely pages were read."""

    rows: Counter[str] = field(default_factory=Counter)
    gates: Counter[str] = field(default_factory=Counter)
    pages_read: int = 0
    confidences: list[float] = field(default_factory=list)
    page_counts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Landed) -> None:
        """Add the counts of another day."""
        self.rows.update(other.rows)
        self.gates.update(other.gates)
        self.pages_read += other.pages_read
        self.confidences += other.confidences
        self.page_counts.update(other.page_counts)


def run_intake(
    engine: sa.Engine, source: Source, start: date, end: date, work: PageWork, progress: bool = False
) -> StageResult:
    """Land what `source` delivered from `start` to `end`, day by day; each day is replaced in one transaction.

    Only rows of this source are replaced, so that several sources can deliver on one day. A page that was read before
    is not read again: `work` keeps readings by content hash, so an interrupted run goes on where it ended.
    """
    _read_ahead(source, start, end, work, progress)
    landed = Landed(rows=Counter(dict.fromkeys((*DELIVERED, "set_aside", "delivery", "page"), 0)))
    for day in days_of(start, end):
        landed.add(land_day(engine, source, day, work))
    figures: dict[str, float | int | str] = {
        "pages_read": landed.pages_read, "rows_set_aside": landed.rows["set_aside"],
    }  # fmt: skip
    figures |= dict(landed.page_counts)
    if landed.confidences:
        figures["mean_confidence"] = round(sum(landed.confidences) / len(landed.confidences), 2)
    listing = tuple((gate, n) for gate, n in sorted(landed.gates.items(), key=lambda item: -item[1]))
    return StageResult("intake", start, end, dict(landed.rows), figures, (("outcome of the page", "pages"), listing))


def land_day(engine: sa.Engine, source: Source, day: date, work: PageWork) -> Landed:
    """Land one day, part by part as the source hands it on; memory holds one part, and the day's pages."""
    landed = Landed()
    deliveries: dict[tuple[str, str], dict[str, Any]] = {}
    with engine.begin() as connection:
        for table in (*raw.delivered_tables.values(), raw.set_aside, raw.delivery, raw.page):
            clear_partition(connection, table, day, where={"source": source.name})
        for number, part in enumerate(source.read(day)):
            table = raw.delivered_tables[part.table]
            rows = part.rows.assign(source_file=part.file, source=source.name, received_date=day)
            landed.rows[part.table] += _copy_numbered(connection, table, rows)
            landed.rows["set_aside"] += _copy_aside(connection, source.name, part, day, number)
            _count(deliveries, source.name, part)
        counted = pd.DataFrame(deliveries.values(), dtype=object).assign(received_date=day)
        landed.rows["delivery"] += copy_in(connection, raw.delivery, counted) if deliveries else 0
        pages, documents = _pages(connection, source, day, work)
        landed.rows["page"] += copy_in(connection, raw.page, pages.assign(received_date=day))
    if len(pages):
        landed.page_counts.update(page_count_figures(_named(pages), _named(documents)))
    landed.gates.update(gate or "read" for gate in pages["gate"])
    landed.pages_read = int(pages["text"].notna().sum())
    landed.confidences = [float(c) for c in pages["confidence"] if c is not None]
    return landed


def _copy_numbered(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame) -> int:
    """Copy a part in; `copy_number` counts the rows of one key, also those of the parts before.

    Keys are seldom delivered twice, so the part is numbered by itself first. The primary key tells when an earlier
    part has a key as well; then the part is numbered on from what stands.
    """
    key = list(DELIVERED[table.name][1])
    repeated = rows.duplicated(key).any() if len(rows) else False
    numbered = rows.assign(copy_number=rows.groupby(key, sort=False).cumcount() + 1 if repeated else 1)
    try:
        with connection.begin_nested():
            return copy_in(connection, table, numbered)
    except psycopg.errors.UniqueViolation:
        standing = _standing(connection, table, key, numbered)
        known = pd.to_numeric(numbered[key].merge(standing, on=key, how="left")["standing"]).fillna(0).astype("int64")
        numbered["copy_number"] += known.to_numpy()
        return copy_in(connection, table, numbered)


def _standing(connection: sa.Connection, table: sa.Table, key: list[str], rows: pd.DataFrame) -> pd.DataFrame:
    """(key columns, standing): how many rows of each key of `rows` the day's partition holds already."""
    day, source = rows["received_date"].iloc[0], rows["source"].iloc[0]
    asked = sa.Table(
        f"asked_{uuid.uuid4().hex}", sa.MetaData(), *(sa.Column(name, sa.Text) for name in key),
        schema="pg_temp", prefixes=["TEMPORARY"], postgresql_on_commit="DROP",
    )  # fmt: skip
    asked.create(connection)
    copy_in(connection, asked, rows[key].drop_duplicates())
    same = [table.c[name] == asked.c[name] for name in key]
    query = (
        sa.select(*(asked.c[name] for name in key), sa.func.max(table.c.copy_number).label("standing"))
        .join(table, sa.and_(*same, table.c.received_date == day, table.c.source == source))
        .group_by(*(asked.c[name] for name in key))
    )
    found = pd.DataFrame(connection.execute(query).all(), columns=[*key, "standing"], dtype=object)
    asked.drop(connection)
    return found


def _count(deliveries: dict[tuple[str, str], dict[str, Any]], source: str, part: DeliveredFile) -> None:
    one = deliveries.setdefault(
        (part.table, part.file),
        {
            "source": source, "table_name": part.table, "source_file": part.file, "rows_in": 0, "rows_landed": 0,
            "rows_set_aside": 0, "complete": True,
        },
    )  # fmt: skip
    one["rows_in"] += part.rows_in
    one["rows_landed"] += len(part.rows)
    one["rows_set_aside"] += len(part.rejected)
    one["complete"] &= part.complete


def _copy_aside(connection: sa.Connection, source: str, part: DeliveredFile, day: date, number: int) -> int:
    """Copy in what a part (the day's `number`-th) sets aside; a line may be set aside for several rules and items."""
    lines = part.rejected
    place = lines.groupby(["source_line", "rule"], sort=False).cumcount()

    def copy(*more: int) -> int:
        ids = [
            record_hash(source, part.table, part.file, line, rule, at, *more)
            for line, rule, at in zip(lines["source_line"], lines["rule"], place, strict=True)
        ]
        named = lines.assign(
            set_aside_id=pd.Series(ids, index=lines.index, dtype=object), source=source, table_name=part.table,
            source_file=part.file, received_date=day,
        )  # fmt: skip
        return copy_in(connection, raw.set_aside, named)

    try:
        with connection.begin_nested():
            return copy()
    except psycopg.errors.UniqueViolation:  # a line with very many items goes on in this part
        return copy(number)


def _read_ahead(source: Source, start: date, end: date, work: PageWork, progress: bool) -> None:
    """Read the pages of all days with one set of processes; landing a day then finds its readings in the store."""
    paths: list[Path] = []
    for day in days_of(start, end):
        for part in source.read(day, tables={"scanned_record"}):
            named = part.rows[part.rows["files"].notna()]
            paths += page_paths(named, lambda file, day=day: source.page_path(day, file))  # type: ignore[misc]
    work.readings(paths, progress)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Record ids that are unique across hospitals."""
    return frame.assign(record_id=frame["hospital_id"] + "\x1f" + frame["record_id"])


def _pages(
    connection: sa.Connection, source: Source, day: date, work: PageWork
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pages of the day's documents that name files, and those documents.

    The documents, and whom they are about, are read back for it.
    """

    def path_of(file: str) -> Path:
        return source.page_path(day, file)

    records, encounters, patients = (raw.delivered_tables[n] for n in ("scanned_record", "encounter", "patient"))

    def of_the_day(table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.received_date == day, table.c.source == source.name)

    with_files = sa.and_(of_the_day(records), records.c.files.is_not(None))
    named = copy_out(
        connection,
        sa.select(*(records.c[name] for name in _RECORD_COLUMNS))
        .where(with_files)
        .order_by(records.c.source_file, records.c.source_line, records.c.copy_number),
    )
    filed = sa.select(records.c.hospital_id, records.c.encounter_number).where(with_files)
    stays = sa.tuple_(encounters.c.hospital_id, encounters.c.encounter_number).in_(filed)
    stay_rows = copy_out(
        connection,
        sa.select(encounters).where(of_the_day(encounters), stays).order_by(*encounters.primary_key),
    )
    numbers = sa.select(encounters.c.hospital_id, encounters.c.mrn).where(of_the_day(encounters), stays)
    known = sa.tuple_(patients.c.hospital_id, patients.c.mrn).in_(numbers)
    patient_rows = copy_out(
        connection, sa.select(patients).where(of_the_day(patients), known).order_by(*patients.primary_key)
    )
    return read_document_files(named, patient_rows, stay_rows, path_of, work), named
