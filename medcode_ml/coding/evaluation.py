"""How well a trained version codes the encounters kept apart for its test, beside the coders it is measured against.

Every coder codes the documents as the stage does. Gold are the hospital's coders' labels, errors included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa

from medcode_ml.coding.batch import CodedBatch, code_batch
from medcode_ml.coding.figures.codes import PredictedCode, code_figures
from medcode_ml.coding.figures.marked import mark
from medcode_ml.coding.figures.probabilities import squared_errors
from medcode_ml.coding.in_use import KIND, Code, coder_of
from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.contracts import filtered, mapped, ml
from medcode_ml.models.bootstrap import RESAMPLES, Floats, Measure, estimates, ratio, share
from medcode_ml.models.registry import promoted
from medcode_ml.models.warehouse.evaluation import (
    CHAMPION,
    MODEL,
    WHOLE,
    EvaluationResult,
    difference,
    keep_figures,
    not_compared,
)
from medcode_ml.models.warehouse.learned import new_to_both
from medcode_ml.models.warehouse.stages import settle_pointer
from medcode_ml.models.warehouse.versions import encounters_of_version, newest_version
from medcode_ml.store.frames import read_frame

ONTOLOGY: Final = "ontology"
MICRO_F1, BRIER = "micro_f1", "brier"
#: figures that are listed by part for people
SHOWN: Final = (MICRO_F1,)
#: a document type with fewer encounters tells nothing
FEWEST_OF_TYPE: Final = 10
_GOLD: Final = "labels of the hospital's coders, billable at discharge"
_UNITS_OF_DIFFERENCE: Final = {
    MICRO_F1: f"unit: difference of micro-F1, drawn by person; gold: {_GOLD}",
    BRIER: f"unit: difference of the Brier score over the codes that either lists, less is better, drawn by person; "
    f"gold: {_GOLD}",
}
_OF_BRIER: Final = "mean squared error of the probabilities of listed codes, less is better"
_WEIGHTS: Final = " (its scores are weights)"
#: figure in `code_figures` -> its name in the table, and its unit
_FIGURES: Final = {
    ("full", "micro_f1"): ("micro_f1", "codes"),
    ("full", "precision"): ("precision", "accepted codes"),
    ("full", "recall"): ("recall", "true codes"),
    ("full", "macro_f1"): ("macro_f1", "mean over the true codes"),
    ("full", "map"): ("map", "mean over encounters, all listed codes by score"),
    ("full", "exact_match"): ("exact_match", "encounters"),
    ("full", "candidate_recall"): ("candidate_recall", "true codes listed at all"),
    ("category", "micro_f1"): ("category_micro_f1", "three-character categories"),
    ("unseen", "micro_f1"): ("unseen_micro_f1", "codes in no training encounter"),
}
_COLUMNS: Final = [c.name for c in ml.coding_evaluation.columns]


def evaluate_from_store(
    engine: sa.Engine,
    home: Path,
    version: str | None = None,
    *,
    measured: Callable[[Path, str], tuple[dict[str, Code], str | None]] | None = None,
    resamples: int = RESAMPLES,
) -> EvaluationResult:
    """Evaluate `version` (the newest by default) on its test encounters and replace its rows in `ml.coding_evaluation`.

    `measured` says which coders, as `coders` does, which is the default.

    Raises:
        TrainingDataError: no model was trained.
        ModelFolderError: the model's folder is gone or was changed.
    """
    version = version or newest_version(engine, ml.CODING)
    learned, test = encounters_of_version(engine, ml.CODING, version)
    seen = Counter(code for codes in learned["codes"] for code in codes)
    documents, sections = _documents(engine, test)
    settle_pointer(engine, KIND, home)
    by, champion = (measured or coders)(home, version)
    both = new_to_both(engine, ml.CODING, version, champion, test)
    result = evaluate(
        version, by, test, documents, sections, seen, new_to_champion=both.encounters, resamples=resamples
    )
    keep_figures(engine, result, champion, both.said)
    return result


def coders(home: Path, version: str) -> tuple[dict[str, Code], str | None]:
    """The coders a version is measured with, itself and the ontology coder, and the model in use if it is another.

    The second value is the version of that model.
    """
    found: dict[str, Code] = {MODEL: coder_of(home / "models" / KIND / version).code, ONTOLOGY: code_batch}
    champion = promoted(KIND, home)
    if champion is None or champion.name == version:
        return found, None
    found[CHAMPION] = coder_of(champion).code
    return found, champion.name


def evaluate(
    version: str,
    coders: Mapping[str, Code],
    test: pd.DataFrame,
    documents: pd.DataFrame,
    sections: pd.DataFrame,
    seen: Mapping[str, int],
    *,
    new_to_champion: Collection[str] | None = None,
    resamples: int = RESAMPLES,
) -> EvaluationResult:
    """Code the test encounters with every coder, all documents together and each type of document alone.

    Args:
        version: named in the rows.
        coders: by name; `model` is compared with each other one.
        test: encounter_id, person_id, codes, setting, discharge_date.
        documents: document_id, encounter_id, document_type, text, setting, discharge_date of the test encounters.
        sections: sections of these documents.
        seen: in how many training encounters each code stands.
        new_to_champion: encounters that the champion is measured on, by itself and with the model; None for all.
        resamples: bootstrap draws.
    """
    counted = {CHAMPION: frozenset(test["encounter_id"] if new_to_champion is None else new_to_champion)}
    gold = [
        LabelledNote(r.encounter_id, "", tuple(r.codes), patient_id=r.person_id, discharge_date=r.discharge_date)
        for r in test.itertuples(index=False)
    ]
    rows: list[tuple[Any, ...]] = []
    outside: set[tuple[str, str]] = set()
    for part in [WHOLE, *_types(documents)]:
        own = documents if part == WHOLE else documents[documents["document_type"] == part]
        there = set(test["encounter_id"] if part == WHOLE else own["encounter_id"])
        predicted, coded = {}, {}
        for name, coder in coders.items():
            asked = own[own["encounter_id"].isin(counted.get(name, there))]
            of_asked = sections[sections["document_id"].isin(set(asked["document_id"]))]
            coded[name] = [n for n in gold if n.record_id in there and n.record_id in counted.get(name, there)]
            if name in counted and not coded[name]:
                continue
            codes = predicted[name] = _predictions(coder(asked, of_asked))
            outside |= {(name, code) for code in _outside(coded[name], codes)}
            rows += _figure_rows(version, part, name, coded[name], codes, seen, resamples)
        for name in predicted:
            if name != MODEL and MODEL in predicted:
                rows += _difference_rows(version, part, name, coded[name], predicted[MODEL], predicted[name], resamples)
    if CHAMPION in coders and not counted[CHAMPION]:
        rows += [not_compared(ml.CODING, version, figure, unit) for figure, unit in _UNITS_OF_DIFFERENCE.items()]
    figures = pd.DataFrame(rows, columns=_COLUMNS, dtype=object)
    return EvaluationResult(ml.CODING, version, len(gold), figures, tuple(sorted(outside)))


def differences_by_person(
    gold: Sequence[LabelledNote],
    one: Mapping[str, Sequence[PredictedCode]],
    other: Mapping[str, Sequence[PredictedCode]],
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float | None, float | None, float | None]]:
    """`micro_f1` and `brier` of `one` minus those of `other` with 95% intervals: persons are drawn, both coders alike.

    The encounters of a person are of one mind, and both coders read the same ones: so the interval is of the difference
    itself and not of two figures apart. Of `brier`, the mean over the codes that either lists, less is better.
    """
    people = {person: n for n, person in enumerate(dict.fromkeys(note.patient_id for note in gold))}
    person = np.array([people[note.patient_id] for note in gold], dtype=np.intp)

    def by_person(*by_note: Floats) -> list[Floats]:
        return [np.bincount(person, weights=own, minlength=len(people)).astype(np.float64) for own in by_note]

    def parts(predicted: Mapping[str, Sequence[PredictedCode]]) -> list[Floats]:
        marked = mark(gold, predicted)
        hit = marked.by_note(marked.true & marked.accepted)
        return by_person(2 * hit, marked.by_note(marked.true) + marked.by_note(marked.accepted))

    (hit, both), (other_hit, other_both) = parts(one), parts(other)
    (errors, of_other), listed = squared_errors(gold, (one, other))

    def micro_f1(drawn: Floats) -> Floats:
        found: Floats = ratio(drawn @ hit, drawn @ both) - ratio(drawn @ other_hit, drawn @ other_both)
        return found

    measures: dict[str, Measure] = {MICRO_F1: micro_f1, BRIER: share(*by_person(errors - of_other, listed))}
    found = estimates(len(people), measures, resamples=resamples)
    told: dict[str, tuple[float | None, float | None, float | None]] = {}
    for name in measures:
        value, interval = found[name], found.get(f"{name}_95")
        low, high = interval if isinstance(interval, list) else (None, None)
        told[name] = (value if isinstance(value, float) else None), low, high
    return told


def _documents(engine: sa.Engine, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Documents of the test encounters with setting and discharge date, and their sections, both the newest."""
    ids = [document for own in test["document_ids"] for document in own]
    document, section = filtered.document.c, mapped.document_section
    wanted = sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text)))
    newest = (
        sa.select(
            document.document_id, document.encounter_id, document.text, document.document_type, document.received_date
        )
        .distinct(document.document_id)
        .where(document.document_id == wanted)
        .order_by(document.document_id, document.received_date.desc())
    )
    documents = read_frame(engine, newest, {"ids": ids})
    of_day = read_frame(
        engine,
        sa.select(section).where(section.c.document_id == wanted).order_by(*section.primary_key),
        {"ids": ids},
    )
    sections = of_day.merge(documents[["document_id", "received_date"]], on=["document_id", "received_date"])
    stays = test.set_index("encounter_id")[["setting", "discharge_date"]]
    return (
        documents.drop(columns="received_date").join(stays, on="encounter_id"),
        sections.drop(columns="received_date"),
    )


def _types(documents: pd.DataFrame) -> list[str]:
    counts = documents.groupby("document_type")["encounter_id"].nunique()
    return sorted(counts[counts >= FEWEST_OF_TYPE].index)


def _predictions(batch: CodedBatch) -> dict[str, list[PredictedCode]]:
    found: dict[str, list[PredictedCode]] = {}
    columns = (batch.codes[c] for c in ("encounter_id", "code", "score", "accepted", "band"))
    for encounter, code, score, accepted, band in zip(*columns, strict=True):
        found.setdefault(encounter, []).append(PredictedCode(code, float(score), bool(accepted), band))
    return found


def _outside(gold: Sequence[LabelledNote], predicted: Mapping[str, Sequence[PredictedCode]]) -> set[str]:
    """Accepted codes that are not billable at discharge (rule 1)."""
    from medcode_ml.codes.codeset import CodeSet

    return {
        one.code
        for note in gold
        if note.discharge_date is not None
        for one in predicted.get(note.record_id, ())
        if one.accepted and not CodeSet.on(note.discharge_date).is_billable(one.code)
    }


def _figure_rows(
    version: str,
    part: str,
    coder: str,
    gold: Sequence[LabelledNote],
    predicted: Mapping[str, Sequence[PredictedCode]],
    seen: Mapping[str, int],
    resamples: int,
) -> list[tuple[Any, ...]]:
    figures = code_figures(gold, predicted, seen_codes=seen, resamples=resamples)

    def row(name: str, held: Mapping[str, Any], key: str, unit: str) -> tuple[Any, ...]:
        low, high = held.get(f"{key}_95") or (None, None)
        return (version, part, coder, name, held.get(key), low, high, len(gold), f"unit: {unit}; gold: {_GOLD}")

    rows = [row(name, figures[level], key, unit) for (level, key), (name, unit) in _FIGURES.items()]
    for times, held in figures["by_frequency"].items():
        rows.append(row(f"micro_f1_seen_{times}", held, "micro_f1", f"codes in {times} training encounters"))
    for band, held in figures.get("by_band", {}).items():
        rows.append(row(f"precision_{band}", held, "precision", f"codes in the band {band}"))
        rows.append(row(f"codes_{band}", held, "codes", f"number of codes in the band {band}"))
    (errors,), listed = squared_errors(gold, (predicted,))
    held = estimates(len(gold), {BRIER: share(errors, listed)}, resamples=resamples)
    rows.append(row(BRIER, held, BRIER, f"{_OF_BRIER}{_WEIGHTS if coder == ONTOLOGY else ''}"))
    return rows


def _difference_rows(
    version: str,
    part: str,
    other: str,
    gold: Sequence[LabelledNote],
    predicted: Mapping[str, Sequence[PredictedCode]],
    by_other: Mapping[str, Sequence[PredictedCode]],
    resamples: int,
) -> list[tuple[Any, ...]]:
    found = differences_by_person(gold, predicted, by_other, resamples)
    return [
        (version, part, difference(other), figure, *found[figure], len(gold), unit)
        for figure, unit in _UNITS_OF_DIFFERENCE.items()
        if (figure, other) != (BRIER, ONTOLOGY)  # weights are no probabilities
    ]
