"""Schema `billed`: claims with their lines, edits, DRG and expected payment, and the interchanges they went out in."""

from __future__ import annotations

from medcode_ml.contracts.tables import DATE, FACTOR, INT, JSON, MONEY, TEXT, TIME, column, table

claim = table(
    "billed",
    "claim",
    "One claim for every ranked encounter: ready, or held with what holds it",
    ("encounter_id",),
    column("encounter_id", TEXT, "encounter"),
    column("claim_number", TEXT, "patient control number (CLM01), stable for the encounter"),
    column("claim_type", TEXT, "837I or 837P"),
    column("hospital_id", TEXT, "billing hospital"),
    column("payer_id", TEXT, "payer", null=True),
    column("discharge_date", DATE, "discharge date"),
    column("principal_code", TEXT, "principal diagnosis", null=True),
    column("drg", TEXT, "MS-DRG, three digits", null=True),
    column("mdc", TEXT, "major diagnostic category", null=True),
    column("drg_title", TEXT, "title of the MS-DRG", null=True),
    column("grouper_version", TEXT, "grouper chosen by discharge date", null=True),
    column("weight", FACTOR, "relative weight", null=True),
    column("weight_source", TEXT, "table and fiscal year the weight comes from", null=True),
    column("second_drg", TEXT, "MS-DRG of the second grouper, for cross-checking", null=True),
    column("total_charge", MONEY, "sum of the line charges in US dollars"),
    column("expected_payment", MONEY, "expected payment in US dollars", null=True),
    column("contract", TEXT, "contract it was priced by", null=True),
    column("status", TEXT, "ready or held"),
    column("held_because", JSON, "edits that hold the claim, in words"),
    column("transmitted_codes", INT, "diagnoses on the claim, at most 25"),
    column(
        "fingerprint",
        TEXT,
        "hash of patient, provider, dates and codes: equal ones are duplicates; null where one of them is missing",
        null=True,
    ),
    column("filing_limit", DATE, "last day on which the payer takes the claim, by its contract", null=True),
    index=(("fingerprint",),),
)

claim_line = table(
    "billed",
    "claim_line",
    "Service lines of a claim as they were charged",
    ("encounter_id", "line_number"),
    column("encounter_id", TEXT, "encounter"),
    column("line_number", INT, "place on the claim, 1 first (LX01)"),
    column("charge_number", INT, "line number the hospital gave the charge"),
    column("revenue_code", TEXT, "revenue code, four digits", null=True),
    column("hcpcs", TEXT, "HCPCS code", null=True),
    column("modifiers", JSON, "modifiers in order"),
    column("units", FACTOR, "units of service, days for accommodation", null=True),
    column("charge", MONEY, "charge in US dollars", null=True),
    column("service_date", DATE, "date of service", null=True),
)

claim_edit = table(
    "billed",
    "claim_edit",
    "Edits raised on a claim",
    ("encounter_id", "place"),
    column("encounter_id", TEXT, "encounter"),
    column("place", INT, "place among the edits of the claim"),
    column("edit_number", INT, "number of the edit in the catalogue; it stays the same from release to release"),
    column("edit", TEXT, "name of the edit"),
    column("edited_by", TEXT, "medicare_code_editor, grouper or medcode"),
    column("level", TEXT, "error holds the claim; warning and information do not"),
    column("code", TEXT, "code concerned", null=True),
    column("sentence", TEXT, "what was found, for a person"),
    column("remedy", TEXT, "what to do"),
)

payment_factor = table(
    "billed",
    "payment_factor",
    "The expected payment factor by factor, so that a person can recompute it",
    ("encounter_id", "factor_number"),
    column("encounter_id", TEXT, "encounter"),
    column("factor_number", INT, "order of the calculation"),
    column("factor", TEXT, "name of the factor"),
    column("value", FACTOR, "value; US dollars for amounts"),
    column("note", TEXT, "where the value comes from"),
)

what_if = table(
    "billed",
    "what_if",
    "What the claim would be grouped and paid as with another eligible principal: for review, never applied",
    ("encounter_id", "principal_code"),
    column("encounter_id", TEXT, "encounter"),
    column("principal_code", TEXT, "the other principal; every other code keeps its place behind it"),
    column("rank", INT, "place of that code in the reporting order"),
    column("drg", TEXT, "MS-DRG, three digits"),
    column("drg_title", TEXT, "title of the MS-DRG", null=True),
    column("weight", FACTOR, "relative weight", null=True),
    column("expected_payment", MONEY, "expected payment in US dollars", null=True),
    column("difference", MONEY, "that less the expected payment of the claim, US dollars", null=True),
)

interchange = table(
    "billed",
    "interchange",
    "837 files written, one for each payer, claim type and day",
    ("payer_id", "claim_type"),
    column("payer_id", TEXT, "receiver"),
    column("claim_type", TEXT, "837I or 837P"),
    column("control_number", TEXT, "interchange control number (ISA13)"),
    column("file", TEXT, "file in the outbox"),
    column("sha256", TEXT, "hash of the file"),
    column("claims", INT, "claims in it"),
    column("total_charge", MONEY, "sum of CLM02 in US dollars"),
    column("validator", TEXT, "validator and its verdict"),
    column("written_at", TIME, "when the file was written"),
)

interchange_claim = table(
    "billed",
    "interchange_claim",
    "Which claim went out in which interchange",
    ("encounter_id",),
    column("encounter_id", TEXT, "encounter"),
    column("claim_number", TEXT, "patient control number"),
    column("control_number", TEXT, "interchange control number"),
    column("diagnoses", JSON, "codes in transmitted order, so that an 837 element leads back to its code"),
)
