"""Schema `filtered`: what the rules carried, what they set aside, and how often each rule spoke."""

from __future__ import annotations

import sqlalchemy as sa

from medcode_ml.contracts import mapped
from medcode_ml.contracts.tables import BOOL, INT, JSON, TEXT, column, table


def _carried(source: sa.Table, comment: str, index: tuple[tuple[str, ...], ...] = ()) -> sa.Table:
    """The filtered twin of a mapped table: same columns without what filtering settles."""
    settled = {"received_date", "unreadable", "mrn_folded", "number_folded"}
    key = tuple(c.name for c in source.primary_key if c.name not in settled)
    columns = [
        sa.Column(c.name, c.type, nullable=c.nullable, comment=c.comment)
        for c in source.columns
        if c.name not in settled
    ]
    return table("filtered", source.name, comment, key, *columns, index=index)


encounter = _carried(mapped.encounter, "Encounters that every rule let through", (("encounter_id",), ("patient_id",)))
patient = _carried(mapped.patient, "Patients that every rule let through")
document = _carried(mapped.document, "Documents that every rule let through", (("encounter_id",),))
procedure = _carried(mapped.procedure, "Procedures that every rule let through")
charge = _carried(mapped.charge, "Charge lines that every rule let through")
diagnosis = _carried(mapped.diagnosis, "Delivered diagnoses that every rule let through")
medication = _carried(mapped.medication, "Drugs given, of encounters carried")
microbiology = _carried(mapped.microbiology, "Cultures, of encounters carried")
observation = _carried(mapped.observation, "Vital signs and results that every rule let through")
unit_stay = _carried(mapped.unit_stay, "Unit stays, of encounters carried")
service = _carried(mapped.service, "Services, of encounters carried")

quarantine = table(
    "filtered",
    "quarantine",
    "Everything set aside on the way from raw to filtered, with its reason; a person can release it",
    ("quarantine_id",),
    column("quarantine_id", TEXT, "hash of stage, record and rule"),
    column("stage", TEXT, "stage that set it aside: raw, mapped or filtered"),
    column("record_kind", TEXT, "page, document, encounter, patient, procedure, diagnosis, charge, line"),
    column("record_id", TEXT, "id of the record at its stage"),
    column("encounter_id", TEXT, "encounter where known", null=True),
    column("hospital_id", TEXT, "hospital where known", null=True),
    column("rule", TEXT, "name of the rule"),
    column("severity", TEXT, "error, or scope: not asked for, which is no fault"),
    column("owner", TEXT, "who looks after such records"),
    column("reason", TEXT, "what was wrong, where, and what to do"),
    column("column_name", TEXT, "column with the fault", null=True),
    column("original", TEXT, "original value", null=True),
    column("candidates", JSON, mapped.CANDIDATES, null=True),
    column("releasable", BOOL, "a person may release it; false where there is nothing readable to carry"),
)

deidentified_document = table(
    "filtered",
    "deidentified_document",
    "Documents without identifiers (rule 42), for training sets; made on request, never read by the lineage",
    ("document_id",),
    column("document_id", TEXT, "document"),
    column("text", TEXT, "text with each identifier replaced by its kind in angle brackets"),
    column("replaced", JSON, "[{start, end, kind, new_start, new_end}]: characters of the document and of this text"),
    column("recogniser_version", TEXT, "hash of recognisers and their settings"),
)

rule_count = table(
    "filtered",
    "rule_count",
    "How often each rule was asked, passed, repaired, warned and set aside, per partition",
    ("rule",),
    column("rule", TEXT, "name of the rule"),
    column("trade_rule", INT, "number of the trade rule behind it", null=True),
    column("record_kind", TEXT, "records it looks at"),
    column("severity", TEXT, "error, warning, information or scope"),
    column("checked", INT, "records asked"),
    column("passed", INT, "records that pass"),
    column("repaired", INT, "records repaired"),
    column("warned", INT, "records carried with a warning"),
    column("set_aside", INT, "records set aside"),
)
