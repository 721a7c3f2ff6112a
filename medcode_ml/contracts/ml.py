"""Schema `ml`: what models were trained on, how well they do, and which of them are in use. No copy of any text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from medcode_ml.contracts.tables import DATE, FLOAT, INT, JSON, TEXT, TIME, column, table

#: sources whose delivered diagnoses are what coders billed; elsewhere such a code is a referral's or a problem list's
CODED_SOURCES = ("mimic-iii", "mimic-iv")
Columns = tuple[sa.Column[Any], ...]


@dataclass(frozen=True)
class ModelTables:
    """The tables of one kind of model, from the labels it learns from to its promotion: alike for every kind.

    `who` is the column of the evaluation that names whom a figure is of: coder or ranker.
    """

    kind: str
    who: str
    training_set: sa.Table
    model: sa.Table
    model_encounter: sa.Table
    evaluation: sa.Table
    promotion: sa.Table


def _training_set(kind: str, comment: str, set_aside: str, *own: sa.Column[Any]) -> sa.Table:
    return table(
        "ml",
        f"{kind}_training_set",
        comment,
        ("encounter_id",),
        column("encounter_id", TEXT, "encounter; where none is known for the labels, a hash of their key"),
        column("patient_id", TEXT, "patient record of the encounter", null=True),
        column("person_id", TEXT, "person behind the record when the split was last made", null=True),
        column("source", TEXT, "source"),
        column("hospital_id", TEXT, "hospital"),
        column("setting", TEXT, "inpatient or outpatient", null=True),
        column(
            "discharge_date", DATE, "discharge date: decides the code set and, with the person, the part", null=True
        ),
        column("split", TEXT, "train, calibration or test; null where set aside", null=True),
        column(
            "set_aside",
            TEXT,
            f"why it is in no part: no_encounter, no_discharge_date, no_release, {set_aside} or labelled_again "
            "(a later day brought newer labels)",
            null=True,
        ),
        column("label_source", TEXT, "coder_label; delivered or crosswalked (codes that came with a research record)"),
        column("codes", JSON, "labels billable at discharge, in reporting order"),
        column("codes_outside_release", JSON, "labels left out: not billable at discharge"),
        *own,
        index=(("encounter_id",), ("person_id",)),
    )


def _model(kind: str, version: sa.Column[Any], learned: Columns, counts: Columns, data_hash: str) -> sa.Table:
    return table(
        "ml",
        f"{kind}_model",
        f"One row for every {kind} model trained: where it lies, from what, and how",
        ("version",),
        version,
        column("folder", TEXT, "model folder, relative to the home of medcode"),
        column("trained_at", TIME, "when"),
        column("seconds", FLOAT, "time the training took"),
        *learned,
        column("code_set_releases", JSON, "code set releases of the encounters, newest first"),
        column("train_encounters", INT, "encounters it learned from"),
        *counts,
        column("test_encounters", INT, "encounters kept for the evaluation"),
        column("code_count", INT, "distinct codes among the labels it learned from"),
        column("data_hash", TEXT, data_hash),
        column("parameters", JSON, "parameters of the training"),
        partitioned=False,
    )


def _model_encounter(kind: str, version: sa.Column[Any]) -> sa.Table:
    return table(
        "ml",
        f"{kind}_model_encounter",
        "Which encounter had which part in a model: what it learned from can be told later, and taken out",
        ("version", "encounter_id"),
        version,
        column("encounter_id", TEXT, "encounter"),
        column("person_id", TEXT, "person when the model was trained"),
        column("part", TEXT, "train, calibration or test"),
        partitioned=False,
        index=(("encounter_id",),),
    )


def _evaluation(kind: str, comment: str, version: sa.Column[Any], own: Columns, figure: str, low: str) -> sa.Table:
    """`own` are the part of the encounters and whom the figure is of."""
    return table(
        "ml",
        f"{kind}_evaluation",
        comment,
        ("version", *(c.name for c in own), "figure"),
        version,
        *own,
        column("figure", TEXT, f"what was measured, such as {figure}"),
        column("value", FLOAT, "value", null=True),
        column("low", FLOAT, low, null=True),
        column("high", FLOAT, "upper end of the 95% interval", null=True),
        column("encounters", INT, "encounters measured"),
        column("notes", TEXT, "unit and gold standard of the figure"),
        partitioned=False,
    )


def _promotion(kind: str, comment: str, version: sa.Column[Any]) -> sa.Table:
    return table(
        "ml",
        f"{kind}_promotion",
        comment,
        ("promotion_id",),
        column("promotion_id", TEXT, "hash of version and time"),
        version,
        column("replaced", TEXT, "version that was in use before", null=True),
        column("promoted_at", TIME, "when"),
        column("promoted_by", TEXT, "who, or the asset that did"),
        column("note", TEXT, "why"),
        partitioned=False,
    )


def _version(used_in: str) -> sa.Column[Any]:
    return column("version", TEXT, f"version of the model, as its folder and {used_in}.model_version say it")


coding_training_set = _training_set(
    "coding",
    "One row for every encounter that coders labelled: its part of the split, or why it cannot be learned from",
    "no_documents, no_codes",
    column("document_ids", JSON, "documents of the encounter, in the order in which their text is read"),
    column("character_count", INT, "characters of these documents"),
    column("text_hash", TEXT, "sha256 of their text; another hash means that the text changed since", null=True),
)
coding_model = _model(
    "coding",
    _version("coded.encounter"),
    (
        column(
            "text_source", TEXT, "documents, or deidentified_document where it learned from texts without identifiers"
        ),
    ),
    (column("calibration_encounters", INT, "encounters its probabilities and bands were set on"),),
    "hash of encounters, parts, labels and texts: equal hashes, equal data",
)
coding_model_encounter = _model_encounter("coding", _version("coded.encounter"))
coding_evaluation = _evaluation(
    "coding",
    "Figures of a model and of the coders it is measured against, on the encounters kept apart for its test",
    _version("coded.encounter"),
    (
        column("part", TEXT, "all documents of an encounter (encounter), or those of one type alone (the type)"),
        column(
            "coder", TEXT, "model, rival, ontology, champion (the model in use), or model - the other: the difference"
        ),
    ),
    "micro_f1",
    "lower end of the 95% interval, drawn by encounter; of a difference, by person",
)
coding_promotion = _promotion(
    "coding",
    "Which model codes from when on: one row a promotion, the newest counts; never overwritten",
    _version("coded.encounter"),
)

ranking_training_set = _training_set(
    "ranking",
    "One row for every encounter that coders put in order: its part of the split, or why it cannot be learned from",
    "no_codes, no_order (a label without its place), no_principal (the first label is not billable at discharge), "
    "one_code (nothing to order)",
    column("code_count", INT, "labels billable at discharge"),
    column(
        "poa", JSON, "present on admission as the coders gave it, in the order of the codes; null where they did not"
    ),
)
ranking_model = _model(
    "ranking",
    _version("ranked.encounter"),
    (),
    (
        column(
            "calibration_encounters",
            INT,
            "encounters kept to set its probability on; few ones are left out and it is set out of fold: see the card",
        ),
    ),
    "hash of encounters, parts, labels in order and all that is known of the encounters: equal hashes, equal data",
)
ranking_model_encounter = _model_encounter("ranking", _version("ranked.encounter"))
ranking_evaluation = _evaluation(
    "ranking",
    "Figures of a model and of the rankers it is measured against, on the encounters kept apart for its test",
    _version("ranked.encounter"),
    (
        column("part", TEXT, "all encounters (encounter), or those of one setting alone (inpatient, outpatient)"),
        column(
            "ranker",
            TEXT,
            "model, guidelines, champion (the model in use), or model - the other: the difference",
        ),
    ),
    "principal_top1",
    "lower end of the 95% interval, drawn by person",
)
ranking_promotion = _promotion(
    "ranking",
    "Which model ranks from when on: one row a promotion, the newest counts; never overwritten",
    _version("ranked.encounter"),
)

CODING = ModelTables(
    "coding", "coder", coding_training_set, coding_model, coding_model_encounter, coding_evaluation, coding_promotion
)
RANKING = ModelTables(
    "ranking", "ranker", ranking_training_set, ranking_model, ranking_model_encounter, ranking_evaluation,
    ranking_promotion,
)  # fmt: skip
