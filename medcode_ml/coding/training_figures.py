"""Figures of a training: the model beside its rival and the ontology coder, by how often a code was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.figures.codes import PredictedCode, code_figures
from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.coding.proposals.charts import Chart, LabelledChart
from medcode_ml.coding.proposals.table import Proposals
from medcode_ml.coding.score import score
from medcode_ml.models.calibration import Reliability, reliability
from medcode_ml.models.manifest import Figure

MODEL, RIVAL, ONTOLOGY = "model", "re-ranker alone", "ontology"
CALIBRATION, OUT_OF_FOLD = "calibration", "out of fold"
_NAMES = ("micro_f1", "precision", "recall", "macro_f1", "map", "candidate_recall")


@dataclass(frozen=True)
class Measured:
    """What the figures are made from: proposals of labelled charts with the scores of model and rival.

    `rival` are logits, accepted from `rival_cut` on; `seen` counts the training charts of each code.
    """

    proposals: Proposals
    probability: npt.NDArray[np.float64]
    rival: npt.NDArray[np.float64]
    threshold: float
    right: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.object_]
    labelled: Sequence[LabelledChart]
    charts: Sequence[Chart]
    seen: Mapping[str, int]
    rival_cut: float


def figures_of(measured: Measured, part: str) -> tuple[list[Figure], Reliability]:
    """Figures for the manifest, named after the `part` of the data they stand on, and the calibration measured."""
    gold = [LabelledNote(c.record_id, "", c.codes, disputed=c.disputed) for c in measured.labelled]
    found: list[Figure] = []
    logistic = 1 / (1 + np.exp(-np.clip(measured.rival, -30, 30)))
    for coder, predicted in (
        (MODEL, _listed(measured, measured.probability, measured.probability >= measured.threshold)),
        (RIVAL, _listed(measured, logistic, measured.rival >= measured.rival_cut)),
        (ONTOLOGY, _of_ontology(measured)),
    ):
        told = code_figures(gold, predicted, seen_codes=measured.seen)
        for name in _NAMES:
            found += _figure(name, part, coder, told["full"], name, told["true_codes"])
        found += _figure("category_micro_f1", part, coder, told["category"], "micro_f1", told["true_codes"])
        for times, own in told["by_frequency"].items():
            if times == "0" and part == OUT_OF_FOLD:
                continue  # every code stands in its own chart, which the count takes in
            found += _figure("micro_f1", f"{part}, codes in {times} training charts", coder, own, "micro_f1", None)
    said = reliability(measured.probability, measured.right, measured.groups, part=part)
    return [*found, *said.figures], said


def _figure(name: str, part: str, coder: str, told: Mapping[str, object], key: str, count: int | None) -> list[Figure]:
    value, between = told.get(key), told.get(f"{key}_95")
    if not isinstance(value, float):
        return []
    low, high = between if isinstance(between, list | tuple) else (None, None)
    return [Figure(name, part, coder, value, low, high, count)]


def _listed(
    measured: Measured, scores: npt.NDArray[np.float64], accepted: npt.NDArray[np.bool_]
) -> dict[str, list[PredictedCode]]:
    out: dict[str, list[PredictedCode]] = {c.record_id: [] for c in measured.labelled}
    table = measured.proposals
    rows = zip(table.chart.tolist(), table.codes[table.code], scores.tolist(), accepted.tolist(), strict=True)
    for chart, code, value, taken in rows:
        out[measured.labelled[chart].record_id].append(PredictedCode(code, value, taken))
    return out


def _of_ontology(measured: Measured) -> dict[str, list[PredictedCode]]:
    return {
        own.record_id: [PredictedCode(c.code, score(c), c.accepted) for c in chart.coded.candidates.values()]
        for own, chart in zip(measured.labelled, measured.charts, strict=True)
    }
