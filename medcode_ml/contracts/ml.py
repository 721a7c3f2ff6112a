"""Schema `ml`: what models were trained on, how well they do, and which of them are in use. No copy of any text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from medcode_ml.contracts.tables import DATE, FACTOR, FLOAT, INT, JSON, MONEY, TEXT, TIME, column, table

#: sources whose delivered diagnoses are what coders billed; elsewhere such a code is a referral's or a problem list's
CODED_SOURCES = ("mimic-iii", "mimic-iv")
Columns = tuple[sa.Column[Any], ...]
#: columns of a training set that are set by the split of all days and by no day
OF_THE_SPLIT = ("encounter_received", "since", "recent_from")


@dataclass(frozen=True)
class ModelTables:
    """The tables of one kind of model, from the labels it learns from to its evaluation: alike for every kind.

    `kind` is that of the registry, whose tables `model` and `model_stage` are one for all kinds; `who` the column of
    the evaluation that names whom a figure is of: coder, ranker or pricer.
    """

    kind: str
    who: str
    training_set: sa.Table
    model: sa.Table
    model_encounter: sa.Table
    evaluation: sa.Table

    @property
    def promotion(self) -> str:
        """`schema.name` of the asset that moves versions of the kind; what it does stands in `ml.model_stage`."""
        return f"ml.{self.evaluation.name.removesuffix('_evaluation')}_promotion"


def _code_labels() -> Columns:
    return (
        column(
            "label_source",
            TEXT,
            "review (a chart that a coder closed as final), coder_label (delivered by the hospital), delivered or "
            "crosswalked (codes that came with a research record)",
        ),
        column("codes", JSON, "labels billable at discharge, in reporting order"),
        column("codes_outside_release", JSON, "labels left out: not billable at discharge"),
    )


def _training_set(kind: str, comment: str, set_aside: str, labels: Columns, *own: sa.Column[Any]) -> sa.Table:
    """`set_aside` are the reasons of the kind, beside that of newer labels; `labels` what is learned."""
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
            f"why it is in no part: {set_aside}, labelled_again (a later day brought newer labels) or before_window "
            "(the encounter was received before the day since)",
            null=True,
        ),
        *labels,
        *own,
        column(
            "encounter_received", DATE, "day the encounter itself was received last; its labels may come later",
            null=True,
        ),
        column("since", DATE, "window of the last split: encounters received before are set aside", null=True),
        column(
            "recent_from", DATE,
            "first day of the recent slice of the last split; null where it was made by person and time", null=True,
        ),
        index=(("encounter_id",), ("person_id",)),
    )  # fmt: skip


def _model(
    kind: str, version: sa.Column[Any], learned: Columns, counts: Columns, data_hash: str, *, codes: bool = True
) -> sa.Table:
    """`codes` says whether it learns codes, whose release and number are then kept."""
    releases = column("code_set_releases", JSON, "code set releases of the encounters, newest first")
    distinct = column("code_count", INT, "distinct codes among the labels it learned from")
    return table(
        "ml",
        f"{kind}_model",
        f"What every {kind} model was trained on, and how; its place and its parents stand in ml.model",
        ("version",),
        version,
        column("seconds", FLOAT, "time the training took"),
        *learned,
        *((releases,) if codes else ()),
        column("train_encounters", INT, "encounters it learned from"),
        *counts,
        column("test_encounters", INT, "encounters kept for the evaluation"),
        *((distinct,) if codes else ()),
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


def _version(used_in: str) -> sa.Column[Any]:
    return column("version", TEXT, f"version of the model, as its folder and {used_in}.model_version say it")


_NO_LABELS = "no_encounter, no_discharge_date, no_release"
coding_training_set = _training_set(
    "coding",
    "One row for every encounter that coders labelled: its part of the split, or why it cannot be learned from",
    f"{_NO_LABELS}, no_documents, no_codes",
    _code_labels(),
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

ranking_training_set = _training_set(
    "ranking",
    "One row for every encounter that coders put in order: its part of the split, or why it cannot be learned from",
    f"{_NO_LABELS}, no_codes, no_order (a label without its place), no_principal (the first label is not billable at "
    "discharge), one_code (nothing to order)",
    _code_labels(),
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

amount_training_set = _training_set(
    "amount",
    "One row for every claim billed: its part of the split, or why no amount can be learned from it",
    "held (an edit holds the claim), void, outpatient, no_drg, no_discharge_date, no_charge, no_payment",
    (
        column("drg", TEXT, "MS-DRG, three digits", null=True),
        column("charges", MONEY, "total charge of the claim in US dollars", null=True),
        column("payments", MONEY, "what the insurer allowed, the patient's share included, in US dollars", null=True),
        column(
            "payment_source", TEXT, "remittance, or contract: the expected payment of a claim not answered yet",
            null=True,
        ),
    ),
)  # fmt: skip
amount_model = _model(
    "amount",
    _version("billed.predicted_amount"),
    (
        column("sources", JSON, "names of the files it learned from beside the own claims"),
        column("source_cases", INT, "cases of these files: a hospital and an MS-DRG each"),
        column("hospitals", INT, "hospitals it learned from, own and others"),
    ),
    (column("calibration_encounters", INT, "claims its intervals were set on"),),
    "hash of claims, parts and amounts, and of the files: equal hashes, equal data",
    codes=False,
)
amount_model_encounter = _model_encounter("amount", _version("billed.predicted_amount"))
amount_evaluation = _evaluation(
    "amount",
    "Figures of a model and of the prices it is measured against, on the claims kept apart for its test",
    _version("billed.predicted_amount"),
    (
        column("part", TEXT, "all claims (encounter), or those of one hospital (its id)"),
        column(
            "pricer",
            TEXT,
            "model, drg_mean (mean of the hospital's claims of the DRG), champion (the model in use), or model - the "
            "other: the difference",
        ),
    ),
    "charges_mape",
    "lower end of the 95% interval, drawn by person",
)

model = table(
    "ml",
    "model",
    "The registry: one row for every version of every kind of model, with what it came from; never changed",
    ("version",),
    column("version", TEXT, "version of the model: kind, day made, first digits of the hash of its content"),
    column("kind", TEXT, "coding, ranking or amounts"),
    column("folder", TEXT, "model folder, relative to the home of medcode"),
    column("trained_at", TIME, "when"),
    column("trained_by", TEXT, "asset or person that had it trained"),
    column("first_day", DATE, "first received day of what it was made from", null=True),
    column("last_day", DATE, "last received day of what it was made from", null=True),
    column("since", DATE, "window of its training set: encounters received before were set aside", null=True),
    column(
        "recent_from", DATE,
        "its test are persons seen since this day; null where the test was the latest persons of all", null=True,
    ),
    column("reason", TEXT, "why it was trained, such as the drift that asked for it", null=True),
    column("figures", JSON, "figures its folder names: [{name, part, coder, value, low, high, count}]"),
    column("champion", TEXT, "parent: version that was champion when it was trained", null=True),
    column("tuned_from", TEXT, "parent: version whose parameters it was trained with", null=True),
    column("tuning", JSON, "its own search for parameters: {parameters, value, complete, pruned, failed}", null=True),
    column("mlflow_run", TEXT, "id of its run in MLflow", null=True),
    partitioned=False,
    index=(("kind", "trained_at"),),
)  # fmt: skip
model_stage = table(
    "ml",
    "model_stage",
    "The life of every version, only ever added to: candidate, shadow, champion, retired; the newest row counts",
    ("kind", "number"),
    column("kind", TEXT, "coding, ranking or amounts"),
    column("number", INT, "moves of the kind in their order, from 1"),
    column("version", TEXT, "version that moved"),
    column("stage", TEXT, "where to: candidate, shadow (runs beside the champion), champion (works), retired"),
    column("replaced", TEXT, "of a champion: the one whose place it took; null where there was none", null=True),
    column("at", TIME, "when"),
    column("by", TEXT, "person or asset"),
    column("why", TEXT, "why"),
    partitioned=False,
    index=(("version",),),
)

shadow_figure = table(
    "ml",
    "shadow_figure",
    "What a version in stage shadow did with a day's input, beside the champion: nothing of it is billed",
    ("kind", "shadow", "figure"),
    column("kind", TEXT, "coding, ranking or amounts"),
    column("shadow", TEXT, "version in stage shadow"),
    column("champion", TEXT, "what worked: the champion, or the rules where there is none (ontology, guidelines)"),
    column("figure", TEXT, "what was compared, such as drg_shift"),
    column("value", FLOAT, "value", null=True),
    column("low", FLOAT, "lower end of the 95% interval, drawn by encounter", null=True),
    column("high", FLOAT, "upper end of the 95% interval", null=True),
    column("encounters", INT, "encounters or claims compared"),
    column("notes", TEXT, "unit of the figure"),
    index=(("shadow",),),
)
shadow_encounter = table(
    "ml",
    "shadow_encounter",
    "MS-DRG of an encounter by a version in stage shadow, by what worked and, once they labelled it, by the coders",
    ("kind", "shadow", "encounter_id"),
    column("kind", TEXT, "coding or ranking"),
    column("shadow", TEXT, "version in stage shadow"),
    column("champion", TEXT, "what worked: the champion, or the rules where there is none (ontology, guidelines)"),
    column("encounter_id", TEXT, "encounter"),
    column("champion_drg", TEXT, "MS-DRG of what worked", null=True),
    column("champion_weight", FACTOR, "its relative weight", null=True),
    column("shadow_drg", TEXT, "MS-DRG of the version in shadow", null=True),
    column("shadow_weight", FACTOR, "its relative weight", null=True),
    column("labelled_on", DATE, "day the coders' codes were received; null until then", null=True),
    column("label_hash", TEXT, "hash of these codes: another one means that coders changed them", null=True),
    column("coder_drg", TEXT, "MS-DRG of the coders' codes in the coders' order; null where they give none", null=True),
    column("coder_weight", FACTOR, "its relative weight", null=True),
    index=(("shadow",), ("encounter_id",)),
)

CODING = ModelTables("coding", "coder", coding_training_set, coding_model, coding_model_encounter, coding_evaluation)
RANKING = ModelTables(
    "ranking", "ranker", ranking_training_set, ranking_model, ranking_model_encounter, ranking_evaluation
)
AMOUNT = ModelTables("amounts", "pricer", amount_training_set, amount_model, amount_model_encounter, amount_evaluation)
BY_KIND = {of.kind: of for of in (CODING, RANKING, AMOUNT)}
