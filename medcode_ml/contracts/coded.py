"""Schema `coded`: ICD-10-CM codes of an encounter with assertion, evidence and decision band."""

from __future__ import annotations

from medcode_ml.contracts.tables import BOOL, DATE, FLOAT, INT, JSON, TEXT, column, table

ENCOUNTER = ("encounter_id", TEXT, "encounter")

encounter = table(
    "coded",
    "encounter",
    "One row for every filtered encounter: what it was coded with and how far",
    ("encounter_id",),
    column(*ENCOUNTER),
    column("discharge_date", DATE, "discharge date that decided the code set"),
    column("code_set_release", TEXT, "code set release in force at discharge"),
    column("model_version", TEXT, "coder that proposed the codes"),
    column("document_count", INT, "documents read"),
    column("code_count", INT, "codes accepted"),
    column("outcome", TEXT, "coded, no_documents or no_codes"),
)

encounter_code = table(
    "coded",
    "encounter_code",
    "ICD-10-CM codes of an encounter, accepted and not",
    ("encounter_id", "code"),
    column(*ENCOUNTER),
    column("code", TEXT, "ICD-10-CM code with its dot, billable at discharge"),
    column("title", TEXT, "title of the code; null where the tabular list at hand has none yet", null=True),
    column("score", FLOAT, "score between 0 and 1"),
    column("band", TEXT, "auto, review or drop"),
    column("accepted", BOOL, "the code goes on to ranking"),
    column("assertion", TEXT, "affirmed, uncertain, historical, family, hypothetical or negated"),
    column("poa", TEXT, "present on admission: Y, N, U, W; null when exempt", null=True),
    column("origin", TEXT, "documents (read from text) or delivered (came with the record)"),
    column("mention_count", INT, "mentions in the documents"),
    column(
        "document_types", JSON, "where it was found: [[document type, section, count, place among the codes there]]"
    ),
    column("reason", TEXT, "why it was accepted or not, in a coder's words"),
)

evidence = table(
    "coded",
    "evidence",
    "The text behind a code: characters of a document and boxes of its pages",
    ("encounter_id", "code", "document_id", "start_offset", "end_offset"),
    column(*ENCOUNTER),
    column("code", TEXT, "ICD-10-CM code"),
    column("document_id", TEXT, "document"),
    column("start_offset", INT, "first character in the document text"),
    column("end_offset", INT, "character after the last"),
    column("text", TEXT, "the text between"),
    column("assertion", TEXT, "assertion of this mention"),
    column("section_type", TEXT, "section it stands in"),
    column("term", TEXT, "ontology term that matched, with its source"),
    column("boxes", JSON, "page boxes [{page_id, box}] where the document was scanned", null=True),
)

query = table(
    "coded",
    "query",
    "Questions to the clinician that the documents raise; a query never drops a code",
    ("encounter_id", "query_number"),
    column(*ENCOUNTER),
    column("query_number", INT, "place in the encounter"),
    column("rule", TEXT, "rule that raised it, such as excludes1 or finding_without_diagnosis"),
    column("codes", JSON, "codes concerned"),
    column("question", TEXT, "the question in words"),
)
