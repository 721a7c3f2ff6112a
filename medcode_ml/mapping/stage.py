"""The mapping stage: a day of `raw` becomes a day of `mapped`, in one transaction."""

from __future__ import annotations

from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import mapped, raw, review
from medcode_ml.contracts.stage import StageResult
from medcode_ml.mapping.documents import join_pages
from medcode_ml.mapping.identity import document_id, encounter_id
from medcode_ml.mapping.matching import Known, match_day
from medcode_ml.mapping.sections import split_documents
from medcode_ml.store.frames import days_of, read_frame, read_partition, replace_partition

WRITTEN = (
    "patient", "encounter", "document", "document_page", "document_section", "diagnosis", "procedure", "crosswalk",
    "charge", "medication", "microbiology", "unit_stay", "service", "unmatched",
)  # fmt: skip
_READ = ("patient", "encounter", "scanned_record", "procedure", "diagnosis", "charge", "medication", "microbiology",
         "unit_stay", "service", "code_map")  # fmt: skip


def run_mapping(engine: sa.Engine, start: date, end: date) -> StageResult:
    """Map the records received from `start` to `end`, day by day; each day is replaced in one transaction."""
    rows: dict[str, int] = dict.fromkeys(WRITTEN, 0)
    reasons: dict[tuple[str, str], int] = {}
    for day in days_of(start, end):
        with engine.begin() as connection:
            tables = map_day(connection, day)
            for name in WRITTEN:
                rows[name] += replace_partition(connection, getattr(mapped, name), day, tables[name])
        for kind, rule in tables["unmatched"][["record_kind", "rule"]].itertuples(index=False, name=None):
            reasons[(kind, rule)] = reasons.get((kind, rule), 0) + 1
    listing = tuple((kind, rule, n) for (kind, rule), n in sorted(reasons.items()))
    return StageResult("mapping", start, end, rows, {}, (("record", "rule", "set aside"), listing))


def map_day(connection: sa.Connection, day: date) -> dict[str, pd.DataFrame]:
    """Return the rows of every mapped table for the records received on `day`."""
    delivered = {name: read_partition(connection, raw.delivered_tables[name], day) for name in _READ}
    pages = read_partition(connection, raw.page, day)
    released = read_frame(connection, sa.select(review.release.c.record_id, review.release.c.rule))
    pairs = frozenset(released.itertuples(index=False, name=None))
    documents, places = join_pages(delivered["scanned_record"], pages, pairs)
    matched = match_day(delivered, documents, _known(connection, day))
    tables = matched.tables
    keys = places[["source", "hospital_id", "record_id"]]
    places["document_id"] = [document_id(*key) for key in keys.itertuples(index=False, name=None)]
    places = places[places["document_id"].isin(set(tables["document"]["document_id"]))]
    tables["document_page"] = places.drop(columns=["source", "hospital_id", "record_id"])
    tables["document_section"] = split_documents(tables["document"])
    columns = [c.name for c in mapped.unmatched.columns if c.name != "received_date"]
    tables["unmatched"] = pd.DataFrame(matched.unmatched, columns=columns, dtype=object)
    return tables


def _known(connection: sa.Connection, day: date) -> Known:
    patient, encounter = raw.delivered_tables["patient"], raw.delivered_tables["encounter"]
    patients = read_frame(
        connection,
        sa.select(patient.c.source, patient.c.hospital_id, patient.c.mrn)
        .where(patient.c.received_date < day)
        .distinct(),
    )
    received = connection.execute(
        sa.select(encounter.c.source, encounter.c.hospital_id, encounter.c.encounter_number)
        .where(encounter.c.received_date < day)
        .distinct()
    )
    return Known(patients, frozenset(encounter_id(*row) for row in received))
