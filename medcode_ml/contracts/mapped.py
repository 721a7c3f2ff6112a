"""Schema `mapped`: raw records matched, typed and crosswalked; what does not match stands in `mapped.unmatched`."""

from __future__ import annotations

from medcode_ml.contracts.tables import BOOL, DATE, FLOAT, INT, JSON, MONEY, TEXT, column, table

ENCOUNTER = ("encounter_id", TEXT, "medcode's id of the encounter: hash of source, hospital and encounter number")
REPAIRS = ("repairs", JSON, "repairs made: [{rule, column, from, to}]; the raw text stays in raw")
UNREADABLE = ("unreadable", JSON, "delivered values that could not be typed: {column: value as delivered}")

CANDIDATES = (
    "encounters (for an encounter: patients) it may belong to, for a person to choose: "
    "[{encounter_number or mrn, probability, weight, fields}]"
)

patient = table(
    "mapped",
    "patient",
    "Patients, typed, known by normalised hospital and medical record number",
    ("patient_id",),
    column("patient_id", TEXT, "medcode's id of the patient: hash of source, hospital and normalised MRN"),
    column("source", TEXT, "source"),
    column("hospital_id", TEXT, "hospital that registered the patient"),
    column("mrn", TEXT, "normalised medical record number"),
    column("mrn_folded", TEXT, "the number with letters that scanners confuse as digits; for look-ups only"),
    column("last_name", TEXT, "family name", null=True),
    column("first_name", TEXT, "given name", null=True),
    column("birth_date", DATE, "date of birth", null=True),
    column("sex", TEXT, "M, F or U", null=True),
    column("death_date", DATE, "date of death", null=True),
    column("ssn", TEXT, "social security number, digits only", null=True),
    column("address", TEXT, "street address", null=True),
    column("city", TEXT, "city", null=True),
    column("state", TEXT, "two-letter state", null=True),
    column("zip", TEXT, "ZIP, digits only", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
    index=(("source", "hospital_id", "mrn_folded"), ("patient_id",)),
)

encounter = table(
    "mapped",
    "encounter",
    "Encounters, typed and matched to their patient",
    ("encounter_id",),
    column(*ENCOUNTER),
    column("patient_id", TEXT, "patient"),
    column("source", TEXT, "source"),
    column("hospital_id", TEXT, "hospital"),
    column("encounter_number", TEXT, "normalised encounter number"),
    column("number_folded", TEXT, "the number with letters that scanners confuse as digits; for look-ups only"),
    column("mrn", TEXT, "normalised medical record number of its patient"),
    column("setting", TEXT, "inpatient or outpatient", null=True),
    column("admission_date", DATE, "admission or visit date", null=True),
    column("admission_hour", TEXT, "hour of admission, two digits", null=True),
    column("discharge_date", DATE, "discharge date: decides code set, editor and grouper (rule 1)", null=True),
    column("discharge_hour", TEXT, "hour of discharge, two digits", null=True),
    column("admission_type", TEXT, "priority of admission", null=True),
    column("admission_source", TEXT, "point of origin", null=True),
    column("discharge_status", TEXT, "patient discharge status, two digits", null=True),
    column("service", TEXT, "first hospital service", null=True),
    column("attending_npi", TEXT, "attending clinician", null=True),
    column("payer_id", TEXT, "first payer", null=True),
    column("member_id", TEXT, "member identifier at the first payer", null=True),
    column("admitting_code", TEXT, "admitting diagnosis, ICD-10-CM with its dot", null=True),
    column("document_count", INT, "documents the hospital says belong to the encounter", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
    index=(("source", "hospital_id", "number_folded"), ("patient_id",)),
)

document = table(
    "mapped",
    "document",
    "Documents matched to their encounter, text whole: electronic text, or the read pages joined by a blank line",
    ("document_id",),
    column("document_id", TEXT, "medcode's id of the document: hash of source, hospital and record id"),
    column(*ENCOUNTER),
    column("source", TEXT, "source"),
    column("record_id", TEXT, "the sender's id of the document"),
    column("document_type", TEXT, "type of the document"),
    column("written_date", DATE, "date of the document", null=True),
    column("author_npi", TEXT, "clinician who wrote it", null=True),
    column("origin", TEXT, "text or pages"),
    column("content_hash", TEXT, "sha256 of the text"),
    column("text", TEXT, "the text"),
    column("page_count", INT, "pages the sender says the document has", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
    index=(("encounter_id",),),
)

document_page = table(
    "mapped",
    "document_page",
    "Where each page's text stands in its document, so that a character leads back to a page box",
    ("document_id", "page_id"),
    column("document_id", TEXT, "document"),
    column("page_id", TEXT, "page"),
    column("page_number", INT, "place of the page in the document"),
    column("start_offset", INT, "first character of the page in the document text"),
    column("end_offset", INT, "character after the last"),
)

document_section = table(
    "mapped",
    "document_section",
    "Documents split into sections with a normalised type",
    ("document_id", "section_number"),
    column("document_id", TEXT, "document"),
    column("section_number", INT, "place in the document, 1 first"),
    column("section_type", TEXT, "normalised type of the section"),
    column("heading", TEXT, "heading as written, empty where there is none"),
    column("typed_by", TEXT, "what told the type: heading, content (no heading stands there) or document"),
    column("start_offset", INT, "first character of the section's text after the heading"),
    column("end_offset", INT, "character after the last"),
)

document_block = table(
    "mapped",
    "document_block",
    "Lists and tables of a document, kept as such",
    ("document_id", "block_number"),
    column("document_id", TEXT, "document"),
    column("block_number", INT, "place in the document, 1 first"),
    column("section_number", INT, "section it stands in"),
    column("kind", TEXT, "list or table"),
    column("start_offset", INT, "first character"),
    column("end_offset", INT, "character after the last"),
    column("cells", JSON, "list: [[start, end] an item]; table: a row is [[start, end] a cell], the head row first"),
)

copied_passage = table(
    "mapped",
    "copied_passage",
    "Passages carried forward from an earlier document of the encounter, with where each was first written",
    ("document_id", "passage_number"),
    column("document_id", TEXT, "document that repeats the passage"),
    column("passage_number", INT, "place in the document, 1 first"),
    column(*ENCOUNTER),
    column("start_offset", INT, "first character in the repeating document"),
    column("end_offset", INT, "character after the last"),
    column("first_document_id", TEXT, "document that has the passage first"),
    column("first_start_offset", INT, "first character there"),
    column("first_end_offset", INT, "character after the last there"),
    column("first_written_date", DATE, "date of that document", null=True),
)

diagnosis = table(
    "mapped",
    "diagnosis",
    "Delivered diagnosis codes with the ICD-10-CM code chosen for each",
    ("encounter_id", "line_number", "part_number"),
    column(*ENCOUNTER),
    column("line_number", INT, "place in the sender's order"),
    column("part_number", INT, "1; a delivered code that maps to a combination has a part for each code of it"),
    column("code", TEXT, "ICD-10-CM code chosen"),
    column("poa", TEXT, "present on admission as delivered", null=True),
    column("source_code", TEXT, "code as delivered"),
    column("source_system", TEXT, "code system as delivered"),
    column(*REPAIRS),
    column(*UNREADABLE),
)

procedure = table(
    "mapped",
    "procedure",
    "Delivered procedures with the ICD-10-PCS or HCPCS code chosen for each",
    ("encounter_id", "line_number"),
    column(*ENCOUNTER),
    column("line_number", INT, "place in the sender's order"),
    column("code", TEXT, "code chosen"),
    column("code_system", TEXT, "ICD-10-PCS, CPT or HCPCS"),
    column("procedure_date", DATE, "date of the procedure", null=True),
    column("source_code", TEXT, "code as delivered"),
    column("source_system", TEXT, "code system as delivered"),
    column(*REPAIRS),
    column(*UNREADABLE),
)

crosswalk = table(
    "mapped",
    "crosswalk",
    "Every alternative a crosswalk offered, with the one that was chosen",
    ("encounter_id", "kind", "line_number", "alternative_number"),
    column(*ENCOUNTER),
    column("kind", TEXT, "diagnosis or procedure"),
    column("line_number", INT, "line of the delivered code"),
    column("alternative_number", INT, "1 is the first the map lists"),
    column("source_code", TEXT, "code as delivered"),
    column("source_system", TEXT, "code system as delivered"),
    column("target_code", TEXT, "code offered", null=True),
    column("map_name", TEXT, "map that offered it, with its release"),
    column("approximate", BOOL, "the map calls the two codes approximately equivalent"),
    column("combination", BOOL, "the target stands only together with others of its scenario"),
    column("scenario", INT, "scenario of a combination", null=True),
    column("choice_list", INT, "choice list of a combination", null=True),
    column("chosen", BOOL, "this alternative was taken"),
    column("reason", TEXT, "why it was taken or not, in words"),
)

charge = table(
    "mapped",
    "charge",
    "Charge lines, typed",
    ("encounter_id", "line_number"),
    column(*ENCOUNTER),
    column("line_number", INT, "line of the account"),
    column("revenue_code", TEXT, "4-digit revenue code", null=True),
    column("hcpcs", TEXT, "HCPCS code", null=True),
    column("modifiers", JSON, "modifiers in order"),
    column("units", INT, "service units", null=True),
    column("charge", MONEY, "line charge in US dollars", null=True),
    column("service_date", DATE, "date of service", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
)

medication = table(
    "mapped",
    "medication",
    "Drugs given, by day of the stay",
    ("encounter_id", "line_number"),
    column(*ENCOUNTER),
    column("line_number", INT, "line"),
    column("drug", TEXT, "drug name as delivered", null=True),
    column("ndc", TEXT, "national drug code as delivered", null=True),
    column("start_date", DATE, "first day given", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
)

microbiology = table(
    "mapped",
    "microbiology",
    "Cultures",
    ("encounter_id", "line_number"),
    column(*ENCOUNTER),
    column("line_number", INT, "line"),
    column("specimen", TEXT, "specimen", null=True),
    column("organism", TEXT, "organism grown, null when none", null=True),
    column("specimen_date", DATE, "day taken", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
)

observation = table(
    "mapped",
    "observation",
    "Vital signs and laboratory results with value and unit in one standard form",
    ("encounter_id", "line_number"),
    column(*ENCOUNTER),
    column("line_number", INT, "line"),
    column("kind", TEXT, "vital or laboratory", null=True),
    column("name", TEXT, "what was observed, in the standard name where it is known", null=True),
    column("code", TEXT, "LOINC code where it is known", null=True),
    column("value", FLOAT, "value as a number, in `unit`", null=True),
    column("value_text", TEXT, "value as delivered", null=True),
    column("unit", TEXT, "unit of `value`, UCUM; the standard one of the observation where it is known", null=True),
    column("source_unit", TEXT, "unit as delivered", null=True),
    column("observed_date", DATE, "day of the observation", null=True),
    column("flag", TEXT, "L, H or A as delivered", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
)

unit_stay = table(
    "mapped",
    "unit_stay",
    "Stays on wards and intensive care units",
    ("encounter_id", "line_number"),
    column(*ENCOUNTER),
    column("line_number", INT, "order of the stays"),
    column("unit", TEXT, "unit name", null=True),
    column("start_date", DATE, "first day on the unit", null=True),
    column("hours", FLOAT, "hours on the unit", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
)

service = table(
    "mapped",
    "service",
    "Hospital services that had the patient, in order",
    ("encounter_id", "line_number"),
    column(*ENCOUNTER),
    column("line_number", INT, "order of the services"),
    column("service", TEXT, "service as delivered", null=True),
    column(*REPAIRS),
    column(*UNREADABLE),
)

provider = table(
    "mapped",
    "provider",
    "Hospitals and clinicians against the registry of provider identifiers",
    ("source", "provider_kind", "npi"),
    column("source", TEXT, "source"),
    column("provider_kind", TEXT, "hospital or clinician"),
    column("npi", TEXT, "national provider identifier as delivered"),
    column("hospital_id", TEXT, "hospital", null=True),
    column("name", TEXT, "name as delivered"),
    column("taxonomy", TEXT, "provider taxonomy code, normalised", null=True),
    column("effective_from", DATE, "first day, as the network says", null=True),
    column("effective_to", DATE, "last day, as the network says", null=True),
    column(
        "registry_status", TEXT, "active, deactivated, not_listed, other_kind, invalid_npi, no_registry (none loaded)"
    ),
    column("registry_name", TEXT, "name in the registry", null=True),
    column("registry_taxonomy", TEXT, "primary taxonomy in the registry", null=True),
    column("registry_from", DATE, "day the identifier was issued", null=True),
    column("registry_to", DATE, "day it was deactivated", null=True),
    column("findings", JSON, "what does not agree: [{rule, reason}]"),
)

payer = table(
    "mapped",
    "payer",
    "Payers by the days they hold",
    ("source", "payer_id"),
    column("source", TEXT, "source"),
    column("payer_id", TEXT, "payer identifier used on claims"),
    column("name", TEXT, "name as delivered", null=True),
    column("kind", TEXT, "medicare, medicaid, commercial or self_pay", null=True),
    column("contract", TEXT, "contract in the payers file", null=True),
    column("effective_from", DATE, "first day", null=True),
    column("effective_to", DATE, "last day", null=True),
    column("findings", JSON, "what does not agree: [{rule, reason}]"),
)

unmatched = table(
    "mapped",
    "unmatched",
    "Raw rows that match no encounter, patient or code system: set aside, never guessed",
    ("unmatched_id",),
    column("unmatched_id", TEXT, "hash of the raw row's key"),
    column("source", TEXT, "source"),
    column("record_kind", TEXT, "patient, encounter, document, procedure, diagnosis, charge"),
    column("record_id", TEXT, "the raw row, as hash of its key"),
    column("encounter_id", TEXT, "encounter the row names; it need not exist", null=True),
    column("hospital_id", TEXT, "hospital that sent the row", null=True),
    column("rule", TEXT, "name of the rule"),
    column("reason", TEXT, "what was wrong and what to do"),
    column("original", TEXT, "original value", null=True),
    column("candidates", JSON, CANDIDATES, null=True),
)
