"""Schema `ml`: what a coding model was trained on, how well it codes, and which one is in use. No copy of any text."""

from __future__ import annotations

from medcode_ml.contracts.tables import DATE, FLOAT, INT, JSON, TEXT, TIME, column, table

#: sources whose delivered diagnoses are what coders billed; elsewhere such a code is a referral's or a problem list's
CODED_SOURCES = ("mimic-iii", "mimic-iv")
VERSION = ("version", TEXT, "version of the model, as its folder and coded.encounter.model_version say it")

coding_training_set = table(
    "ml",
    "coding_training_set",
    "One row for every encounter that coders labelled: its part of the split, or why it cannot be learned from",
    ("encounter_id",),
    column("encounter_id", TEXT, "encounter; where none is known for the labels, a hash of their key"),
    column("patient_id", TEXT, "patient record of the encounter", null=True),
    column("person_id", TEXT, "person behind the record when the split was last made", null=True),
    column("source", TEXT, "source"),
    column("hospital_id", TEXT, "hospital"),
    column("setting", TEXT, "inpatient or outpatient", null=True),
    column("discharge_date", DATE, "discharge date: decides the code set and, with the person, the part", null=True),
    column("split", TEXT, "train, calibration or test; null where set aside", null=True),
    column(
        "set_aside",
        TEXT,
        "why it is in no part: no_encounter, no_discharge_date, no_release, no_documents, no_codes or labelled_again "
        "(a later day brought newer labels)",
        null=True,
    ),
    column("label_source", TEXT, "coder_label; delivered or crosswalked (codes that came with a research record)"),
    column("codes", JSON, "labels billable at discharge, in reporting order"),
    column("codes_outside_release", JSON, "labels left out: not billable at discharge"),
    column("document_ids", JSON, "documents of the encounter, in the order in which their text is read"),
    column("character_count", INT, "characters of these documents"),
    column("text_hash", TEXT, "sha256 of their text; another hash means that the text changed since", null=True),
    index=(("encounter_id",), ("person_id",)),
)

coding_model = table(
    "ml",
    "coding_model",
    "One row for every coding model trained: where it lies, from what, and how",
    ("version",),
    column(*VERSION),
    column("folder", TEXT, "model folder, relative to the home of medcode"),
    column("trained_at", TIME, "when"),
    column("seconds", FLOAT, "time the training took"),
    column("text_source", TEXT, "documents, or deidentified_document where it learned from texts without identifiers"),
    column("code_set_releases", JSON, "code set releases of the encounters, newest first"),
    column("train_encounters", INT, "encounters it learned from"),
    column("calibration_encounters", INT, "encounters its probabilities and bands were set on"),
    column("test_encounters", INT, "encounters kept for the evaluation"),
    column("code_count", INT, "distinct codes among the labels it learned from"),
    column("data_hash", TEXT, "hash of encounters, parts, labels and texts: equal hashes, equal data"),
    column("parameters", JSON, "parameters of the training"),
    partitioned=False,
)

coding_model_encounter = table(
    "ml",
    "coding_model_encounter",
    "Which encounter had which part in a model: what it learned from can be told later, and taken out",
    ("version", "encounter_id"),
    column(*VERSION),
    column("encounter_id", TEXT, "encounter"),
    column("person_id", TEXT, "person when the model was trained"),
    column("part", TEXT, "train, calibration or test"),
    partitioned=False,
    index=(("encounter_id",),),
)

coding_evaluation = table(
    "ml",
    "coding_evaluation",
    "Figures of a model and of the coders it is measured against, on the encounters kept apart for its test",
    ("version", "part", "coder", "figure"),
    column(*VERSION),
    column("part", TEXT, "all documents of an encounter (encounter), or those of one type alone (the type)"),
    column("coder", TEXT, "model, rival, ontology, champion (the model in use), or model - the other: the difference"),
    column("figure", TEXT, "what was measured, such as micro_f1"),
    column("value", FLOAT, "value", null=True),
    column("low", FLOAT, "lower end of the 95% interval, drawn by encounter; of a difference, by person", null=True),
    column("high", FLOAT, "upper end of the 95% interval", null=True),
    column("encounters", INT, "encounters measured"),
    column("notes", TEXT, "unit and gold standard of the figure"),
    partitioned=False,
)

coding_promotion = table(
    "ml",
    "coding_promotion",
    "Which model codes from when on: one row a promotion, the newest counts; never overwritten",
    ("promotion_id",),
    column("promotion_id", TEXT, "hash of version and time"),
    column(*VERSION),
    column("replaced", TEXT, "version that was in use before", null=True),
    column("promoted_at", TIME, "when"),
    column("promoted_by", TEXT, "who, or the asset that did"),
    column("note", TEXT, "why"),
    partitioned=False,
)
