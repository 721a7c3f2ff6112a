"""The mapping stage: a day of `raw` becomes a day of `mapped`, in one transaction and in flat memory.

Patients first, then encounters, then documents and lines, each in batches of a key range: a batch finds what it refers
to by asking the database for the numbers it holds.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import mapped, raw
from medcode_ml.contracts.stage import StageResult
from medcode_ml.mapping.copies import settle_copies
from medcode_ml.mapping.documents import join_pages
from medcode_ml.mapping.known import (
    ids_taken,
    lines_taken,
    patients_of,
    patients_of_hospitals,
    resolve_encounters,
    resolve_patients,
    stays_of,
)
from medcode_ml.mapping.matching import match_encounters, match_patients
from medcode_ml.mapping.numbers import look_up
from medcode_ml.mapping.parsers import LINES
from medcode_ml.mapping.payers import map_payers
from medcode_ml.mapping.providers import map_providers, npis_of
from medcode_ml.mapping.records import map_records
from medcode_ml.mapping.refiled import MOST, correct_rows, file_alone, seek_encounters, seek_patients, with_candidates
from medcode_ml.store.decisions import newest_decisions, released
from medcode_ml.store.frames import clear_partition, copy_in, copy_out, days_of, read_partition
from medcode_ml.store.ranges import KeyRange, key_ranges
from medcode_ml.store.registry import registry_of

WRITTEN = (
    "patient", "encounter", "provider", "payer", "document", "document_page", "document_section", "document_block",
    "copied_passage", "diagnosis", "procedure", "crosswalk", "charge", "medication", "microbiology", "observation",
    "unit_stay", "service", "unmatched",
)  # fmt: skip
BATCH = 20_000
"""Raw rows in a batch, about; a document counts as one."""
_PATIENT = ("source", "hospital_id", "mrn")
_ENCOUNTER = ("source", "hospital_id", "encounter_number")
_COPY = ["source", "hospital_id", "record_id", "copy_number"]
_PAGE = ("page_id", "source", "hospital_id", "record_id", "page_number", "text", "gate")


def run_mapping(engine: sa.Engine, start: date, end: date, batch: int = BATCH) -> StageResult:
    """Map the records received from `start` to `end`, day by day; each day is replaced in one transaction."""
    rows: Counter[str] = Counter(dict.fromkeys(WRITTEN, 0))
    reasons: Counter[tuple[str, str]] = Counter()
    for day in days_of(start, end):
        with engine.begin() as connection:
            run = _Day(connection, day, batch)
            run.map()
        rows.update(run.rows)
        reasons.update(run.reasons)
    listing = tuple((kind, rule, n) for (kind, rule), n in sorted(reasons.items()))
    return StageResult("mapping", start, end, dict(rows), {}, (("record", "rule", "set aside"), listing))


class _Day:
    """One day on its way from `raw` to `mapped`."""

    def __init__(self, connection: sa.Connection, day: date, batch: int) -> None:
        self.connection = connection
        self.day = day
        self.batch = batch
        self.rows: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        decisions = newest_decisions(connection)
        self.released = released(decisions)
        self.decisions = decisions[decisions["received_date"] == day]
        self.lost: list[pd.DataFrame] = []
        self.settled: set[tuple[Any, ...]] = set()
        self.code_map = read_partition(connection, raw.delivered_tables["code_map"], day)

    def map(self) -> None:
        """Map everything received on the day."""
        for name in WRITTEN:
            clear_partition(self.connection, getattr(mapped, name), self.day)
        patients, encounters = raw.delivered_tables["patient"], raw.delivered_tables["encounter"]
        self._registers()
        for part in key_ranges(self.connection, self.day, [patients], _PATIENT, self.batch):
            self._patients(self._read("patient", part))
        for part in key_ranges(self.connection, self.day, [encounters], _ENCOUNTER, self.batch):
            self._encounters(self._read("encounter", part))
        tables = [raw.delivered_tables[name] for name in ("scanned_record", *LINES)]
        self._settle_documents()
        for part in key_ranges(self.connection, self.day, tables, _ENCOUNTER, self.batch):
            self._records(part)
        if self.lost:
            self._refile(pd.concat(self.lost, ignore_index=True))

    def _read(self, name: str, part: KeyRange) -> pd.DataFrame:
        table = raw.delivered_tables[name]
        query = sa.select(table).where(part.of(table, self.day))
        rows = copy_out(self.connection, query.order_by(*table.primary_key))
        return correct_rows("document" if name == "scanned_record" else name, rows, self.decisions)

    def _write(self, name: str, frame: pd.DataFrame) -> None:
        self.rows[name] += copy_in(self.connection, getattr(mapped, name), frame.assign(received_date=self.day))

    def _set_aside(self, frame: pd.DataFrame) -> None:
        self._write("unmatched", frame)
        self.reasons.update(zip(frame["record_kind"], frame["rule"], strict=True))

    def _registers(self) -> None:
        """Hospitals, clinicians and payers: a few rows, every day."""
        hospital, clinician, payer = (
            read_partition(self.connection, raw.delivered_tables[name], self.day)
            for name in ("hospital", "clinician", "payer")
        )
        registry = registry_of(npis_of(hospital, clinician))
        self._write("provider", map_providers(hospital, clinician, registry, self.day))
        self._write("payer", map_payers(payer, self.day))

    def _patients(self, raw_rows: pd.DataFrame) -> None:
        frame, aside = match_patients(raw_rows)
        taken = ids_taken(self.connection, self.day, mapped.patient.c.patient_id, list(frame["patient_id"]))
        if taken:
            frame, aside = match_patients(raw_rows, taken)
        self._write("patient", frame)
        self._set_aside(aside)

    def _encounters(self, raw_rows: pd.DataFrame) -> None:
        patients = resolve_patients(self.connection, self.day, raw_rows)
        frame, aside = match_encounters(raw_rows, patients)
        taken = ids_taken(self.connection, self.day, mapped.encounter.c.encounter_id, list(frame["encounter_id"]))
        if taken:
            frame, aside = match_encounters(raw_rows, patients, taken)
        self._write("encounter", frame)
        self._set_aside(self._with_patients(raw_rows, patients, aside))

    def _with_patients(self, raw_rows: pd.DataFrame, patients: pd.DataFrame, aside: pd.DataFrame) -> pd.DataFrame:
        """Offer the patients that encounters with an unknown record number may be of; a person decides."""
        ids, _ = look_up(raw_rows, "mrn", patients)
        lost = raw_rows[[i is None for i in ids]]
        if lost.empty or len(lost) > MOST:
            return aside
        of_hospital = patients_of_hospitals(self.connection, self.day, lost)
        numbers = dict(zip(of_hospital["patient_id"], of_hospital["mrn"], strict=True))
        return with_candidates("encounter", aside, lost, seek_patients(lost, of_hospital), numbers)

    def _settle_documents(self) -> None:
        """Settle documents delivered more than once: their copies may name different encounters, of other ranges."""
        table = raw.delivered_tables["scanned_record"]
        again = table.alias()
        twice = sa.exists().where(
            again.c.received_date == self.day, again.c.copy_number > 1,
            *[again.c[c] == table.c[c] for c in ("source", "hospital_id", "record_id")],
        )  # fmt: skip
        rows = copy_out(self.connection, sa.select(table).where(table.c.received_date == self.day, twice))
        rows = correct_rows("document", rows, self.decisions)
        kept, aside = settle_copies("document", rows)
        self._set_aside(aside)
        left = rows[~rows.index.isin(kept.index)]
        self.settled = set(left[_COPY].itertuples(index=False, name=None))

    def _records(self, part: KeyRange) -> None:
        """Documents and lines of one range of encounter numbers."""
        delivered = {name: self._read(name, part) for name in ("scanned_record", *LINES)}
        if self.settled:
            documents = delivered["scanned_record"]
            keys = documents[_COPY].itertuples(index=False, name=None)
            carried = np.array([key not in self.settled for key in keys], dtype=bool)
            delivered["scanned_record"] = documents[carried].assign(copy_number=1)
        encounters = resolve_encounters(self.connection, self.day, list(delivered.values()))
        delivered["scanned_record"] = self._keep_lost(delivered["scanned_record"], encounters)
        filed = part.of(raw.delivered_tables["scanned_record"], self.day)
        self._write_all(self._mapped(delivered, _pages_of(filed), encounters))

    def _mapped(
        self, delivered: dict[str, pd.DataFrame], pages: sa.Select[Any], encounters: pd.DataFrame
    ) -> dict[str, pd.DataFrame]:
        """Documents and lines mapped, with what the database knows of their encounters."""
        ids = encounters["id"].dropna()
        stays = stays_of(self.connection, self.day, ids)
        taken = {
            kind: lines_taken(self.connection, self.day, getattr(mapped, kind), ids)
            for kind in LINES
            if len(delivered[kind])
        }
        read = copy_out(self.connection, pages)
        return map_records(delivered, read, encounters, stays, self.code_map, self.released, taken)

    def _write_all(self, tables: dict[str, pd.DataFrame]) -> None:
        for name, frame in tables.items():
            if name == "unmatched":
                self._set_aside(frame)
            else:
                self._write(name, frame)

    def _keep_lost(self, documents: pd.DataFrame, encounters: pd.DataFrame) -> pd.DataFrame:
        """Keep the documents without an encounter for the end of the day; return the others."""
        ids, _ = look_up(documents, "encounter_number", encounters)
        lost = np.array([i is None for i in ids], dtype=bool)
        if not lost.any() or sum(map(len, self.lost)) + lost.sum() > MOST:
            return documents
        self.lost.append(documents[lost])
        return documents[~lost]

    def _refile(self, lost: pd.DataFrame) -> None:
        """Seek the encounter of documents whose number nobody has, by everything else they say."""
        filed = raw.delivered_tables["scanned_record"].c
        ids = sa.literal(list(dict.fromkeys(lost["record_id"])), sa.ARRAY(sa.Text))
        pages = _pages_of(sa.and_(filed.received_date == self.day, filed.record_id == sa.func.any(ids)))
        whole, _ = join_pages(lost, copy_out(self.connection, pages), self.released)
        encounters = read_partition(self.connection, mapped.encounter, self.day)
        patients = patients_of(self.connection, encounters["patient_id"], self.day)
        candidates = seek_encounters(whole, encounters, patients)
        numbers = dict(zip(encounters["encounter_id"], encounters["encounter_number"], strict=True))
        tried = file_alone(lost, candidates, numbers)
        open_ = candidates[candidates["band"] == "review"]
        delivered = {name: tried.iloc[:0].reindex(columns=_columns(name)) for name in LINES} | {"scanned_record": tried}
        tables = self._mapped(delivered, pages, resolve_encounters(self.connection, self.day, [tried]))
        self._write_all({**tables, "unmatched": with_candidates("document", tables["unmatched"], lost, open_, numbers)})


def _pages_of(filed: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The pages of the documents `filed`, without their words."""
    record, page = raw.delivered_tables["scanned_record"], raw.page
    key = ("received_date", "source", "hospital_id", "record_id")
    return (
        sa.select(*[page.c[c] for c in _PAGE])
        .join(record, sa.and_(*[record.c[c] == page.c[c] for c in key]))
        .where(filed, record.c.copy_number == 1)
    )


def _columns(name: str) -> list[str]:
    return [c.name for c in raw.delivered_tables[name].columns]
