"""Schema `raw`: records as they were delivered. Values are text, exactly as written; nothing is repaired here.

`DELIVERED` lists, table by table, the columns of a delivery: the folder layout, the simulated network, the research
layouts and `medcode export` all follow it.
"""

from __future__ import annotations

import sqlalchemy as sa

from medcode_ml.contracts.tables import BOOL, FLOAT, INT, JSON, TEXT, column, table

#: delivered table -> (what it holds, key columns, {column: comment}). Columns ending in "?" may be absent or empty.
DELIVERED: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "hospital": (
        "Hospitals that bill, with what a claim and a price need",
        ("hospital_id",),
        {
            "hospital_id": "the network's own short id of the hospital",
            "name": "legal name",
            "npi": "national provider identifier of the facility",
            "tax_id": "employer identification number, 9 digits",
            "taxonomy": "provider taxonomy code",
            "address": "street address",
            "city": "city",
            "state": "two-letter state",
            "zip": "9-digit ZIP without hyphen",
            "hac_exempt?": "Y when the hospital is exempt from present-on-admission reporting",
            "effective_from?": "first day these facts hold, YYYY-MM-DD",
            "effective_to?": "last day these facts hold, YYYY-MM-DD",
        },
    ),
    "clinician": (
        "Clinicians named on documents and claims",
        ("npi",),
        {
            "npi": "national provider identifier of the person",
            "last_name": "family name",
            "first_name": "given name",
            "taxonomy?": "provider taxonomy code",
            "hospital_id?": "main hospital",
            "effective_from?": "first day the clinician has privileges, YYYY-MM-DD",
            "effective_to?": "last day the clinician has privileges, YYYY-MM-DD",
        },
    ),
    "payer": (
        "Payers and the contract each one pays by",
        ("payer_id",),
        {
            "payer_id": "payer identifier used on claims",
            "name": "payer name",
            "kind": "medicare, medicaid, commercial, self_pay",
            "contract?": "name of the contract in the payers file",
            "effective_from?": "first day the payer is billed, YYYY-MM-DD",
            "effective_to?": "last day the payer is billed, YYYY-MM-DD",
        },
    ),
    "patient": (
        "Patients as a hospital registered them",
        ("hospital_id", "mrn"),
        {
            "hospital_id": "hospital that registered the patient",
            "mrn": "medical record number at that hospital",
            "last_name": "family name",
            "first_name": "given name",
            "birth_date": "date of birth, YYYY-MM-DD",
            "sex": "M, F or U",
            "death_date?": "date of death",
            "ssn?": "social security number",
            "address?": "street address",
            "city?": "city",
            "state?": "two-letter state",
            "zip?": "5 or 9-digit ZIP",
        },
    ),
    "encounter": (
        "Stays and visits as a hospital registered them",
        ("hospital_id", "encounter_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "the hospital's account number of the encounter",
            "mrn": "medical record number the encounter was registered under",
            "setting": "inpatient or outpatient",
            "admission_date": "admission or visit date, YYYY-MM-DD",
            "admission_hour?": "hour of admission, 00-23",
            "discharge_date": "discharge or visit end date, YYYY-MM-DD",
            "discharge_hour?": "hour of discharge, 00-23",
            "admission_type?": "priority of admission, UB-04 form locator 14 code",
            "admission_source?": "point of origin, UB-04 form locator 15 code",
            "discharge_status?": "patient discharge status, two digits",
            "service?": "first hospital service",
            "attending_npi?": "attending clinician",
            "payer_id?": "first payer",
            "member_id?": "member identifier at the first payer",
            "admitting_code?": "admitting diagnosis, ICD-10-CM",
            "document_count?": "documents the hospital says belong to the encounter",
        },
    ),
    "scanned_record": (
        "Clinical documents as delivered: electronic text, or files of page images",
        ("hospital_id", "record_id"),
        {
            "hospital_id": "hospital that sent the document",
            "record_id": "the sender's opaque id of the document",
            "encounter_number": "encounter the document was filed under",
            "mrn": "medical record number the document was filed under",
            "document_type": "history_and_physical, progress_note, consultation, discharge_summary, operative_note, "
            "laboratory_report, radiology_report, emergency_note, clinic_note, pathology_report, nursing_note, other",
            "written_date?": "date of the document, YYYY-MM-DD",
            "author_npi?": "clinician who wrote it",
            "text?": "text of an electronic document",
            "files?": "page files relative to the delivery folder, separated by |",
            "page_count?": "pages the sender says the document has",
        },
    ),
    "procedure": (
        "Procedures the hospital recorded for an encounter",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "order in which the hospital lists the procedure",
            "code": "procedure code as delivered",
            "code_system": "ICD-10-PCS, ICD-9-PCS, CPT, HCPCS or a local system",
            "procedure_date?": "date of the procedure, YYYY-MM-DD",
        },
    ),
    "diagnosis": (
        "Diagnosis codes that arrive with the record (research layouts, transferred stays); not the coders' labels",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "place in the sender's order, 1 first",
            "code": "diagnosis code as delivered",
            "code_system": "ICD-10-CM, ICD-9-CM or a local system",
            "poa?": "present on admission as delivered",
        },
    ),
    "charge": (
        "Charge lines by revenue code",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "line of the account",
            "revenue_code": "4-digit revenue code",
            "hcpcs?": "HCPCS level II code",
            "modifiers?": "modifiers separated by |",
            "units": "service units",
            "charge": "line charge in US dollars",
            "service_date?": "date of service, YYYY-MM-DD",
        },
    ),
    "coder_label": (
        "Codes that the hospital's coders assigned: the truth that models are measured against, noise included",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "reporting order, 1 is the principal diagnosis",
            "code": "ICD-10-CM code",
            "poa?": "present on admission: Y, N, U, W or empty when exempt",
            "coder_id": "opaque id of the coder",
        },
    ),
    "medication": (
        "Drugs given",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "line",
            "drug": "drug name as delivered",
            "ndc?": "national drug code as delivered",
            "start_date?": "first day given, YYYY-MM-DD",
        },
    ),
    "microbiology": (
        "Cultures",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "line",
            "specimen": "specimen",
            "organism?": "organism grown, empty when none",
            "specimen_date?": "day taken, YYYY-MM-DD",
        },
    ),
    "observation": (
        "Vital signs and laboratory results as numbers or words",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "line",
            "kind?": "vital or laboratory",
            "name": "what was observed, as delivered",
            "code?": "code of the observation",
            "code_system?": "LOINC or a local system",
            "value?": "value as delivered",
            "unit?": "unit as delivered",
            "observed_date?": "day of the observation, YYYY-MM-DD",
            "flag?": "L, H, A or empty",
        },
    ),
    "unit_stay": (
        "Stays on wards and intensive care units",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "order of the stays",
            "unit": "unit name",
            "start_date?": "first day on the unit, YYYY-MM-DD",
            "hours?": "hours on the unit",
        },
    ),
    "service": (
        "Hospital services that had the patient, in order",
        ("hospital_id", "encounter_number", "line_number"),
        {
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "line_number": "order of the services",
            "service": "service as delivered",
        },
    ),
    "code_map": (
        "A hospital's own codes and the standard code each one stands for",
        ("hospital_id", "code_system", "code", "target_code"),
        {
            "hospital_id": "hospital that uses the code",
            "code_system": "name of the local system",
            "code": "local code",
            "target_system": "ICD-10-CM, ICD-10-PCS or HCPCS",
            "target_code": "standard code",
            "effective_from?": "first day the meaning holds, YYYY-MM-DD",
            "effective_to?": "last day the meaning holds, YYYY-MM-DD",
        },
    ),
    "remittance": (
        "What payers answered about earlier claims",
        ("payer_id", "trace_number", "line_number"),
        {
            "payer_id": "payer that paid",
            "trace_number": "trace number of the payment",
            "line_number": "claim within the payment",
            "hospital_id": "hospital of the encounter",
            "encounter_number": "encounter",
            "remittance_date": "date of the payment, YYYY-MM-DD",
            "charge": "submitted charge in US dollars",
            "paid": "amount paid in US dollars",
            "patient_responsibility": "amount left to the patient in US dollars",
            "drg?": "DRG the payer paid by",
            "adjustments?": "group:CARC:RARC:amount, separated by |",
        },
    ),
}


def delivered_columns(name: str) -> list[str]:
    """Column names of a delivered table, in layout order."""
    return [c.rstrip("?") for c in DELIVERED[name][2]]


def optional_columns(name: str) -> set[str]:
    """Columns of a delivered table that may be absent or empty."""
    return {c[:-1] for c in DELIVERED[name][2] if c.endswith("?")}


#: indexes beside the key: documents are looked up by the encounter they are filed under
_INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "scanned_record": (("received_date", "source", "hospital_id", "encounter_number"),),
}


def _delivered_table(name: str) -> sa.Table:
    comment, key, columns = DELIVERED[name]
    return table(
        "raw",
        name,
        f"{comment}. Values as delivered.",
        ("source", *key, "copy_number"),
        column("source", TEXT, "source that delivered the row: simulated, folder, mimic-iii, mimic-iv"),
        column("source_file", TEXT, "file the row came from"),
        column("source_line", INT, "line of that file, the header being line 1"),
        column("copy_number", INT, "1, or higher where the same key was delivered again in the partition"),
        *[column(c.rstrip("?"), TEXT, text, null=c.rstrip("?") not in key) for c, text in columns.items()],
        index=_INDEXES.get(name, ()),
    )


delivered_tables: dict[str, sa.Table] = {name: _delivered_table(name) for name in DELIVERED}

page = table(
    "raw",
    "page",
    "Pages of scanned records, read: text with word boxes, or the gate that stopped the page",
    ("page_id",),
    column("page_id", TEXT, "id of the page: record, file and page within the file, hashed"),
    column("source", TEXT, "source that delivered the page"),
    column("hospital_id", TEXT, "hospital that sent the document"),
    column("record_id", TEXT, "document the page was delivered with"),
    column("page_number", INT, "place of the page in the document, 1 first"),
    column("file", TEXT, "file relative to the delivery folder; opaque, never a name"),
    column("content_hash", TEXT, "sha256 of the page file; the name of its copy in the page store", null=True),
    column("text", TEXT, "text read, in reading order", null=True),
    column("words", JSON, "words as [{text, box [x0, y0, x1, y1] in pixels of the page as delivered, confidence, start, end}]", null=True),  # noqa: E501
    column("regions", JSON, "parts of the page that were marked, not guessed: [{kind: handwriting, stamp, unread or picture; box}]", null=True),  # noqa: E501
    column("rotation", INT, "degrees the sheet lay turned clockwise", null=True),
    column("skew", FLOAT, "degrees of skew repaired", null=True),
    column("confidence", FLOAT, "mean word confidence, 0-100", null=True),
    column("quality", JSON, "figures of the page gates: ink share, word count, contrast and so on", null=True),
    column("gate", TEXT, "page gate that set the page aside (rule 39), or null", null=True),
    column("gate_reason", TEXT, "what was wrong and what to do", null=True),
    column("seconds", FLOAT, "time taken to read the page"),
    index=(("received_date", "source", "hospital_id", "record_id"),),
)

set_aside = table(
    "raw",
    "set_aside",
    "Delivered rows that could not be landed: unreadable lines and files",
    ("set_aside_id",),
    column("set_aside_id", TEXT, "hash of source, file and line"),
    column("source", TEXT, "source that delivered it"),
    column("table_name", TEXT, "delivered table it belongs to"),
    column("source_file", TEXT, "file"),
    column("source_line", INT, "line of the file, the header being line 1; 0 for the whole file"),
    column("rule", TEXT, "name of the rule"),
    column("reason", TEXT, "what was wrong and what to do"),
    column("original", TEXT, "the line as delivered, undecodable bytes escaped", null=True),
)

delivery = table(
    "raw",
    "delivery",
    "What each delivered file held: rows in, landed and set aside",
    ("source", "table_name", "source_file"),
    column("source", TEXT, "source"),
    column("table_name", TEXT, "delivered table"),
    column("source_file", TEXT, "file"),
    column("rows_in", INT, "rows delivered"),
    column("rows_landed", INT, "rows now in raw"),
    column("rows_set_aside", INT, "rows in raw.set_aside"),
    column("complete", BOOL, "the file was read to its end"),
)
