"""Rankers trained on the patients of the other folds: how the benchmark of ranking measures what can be learned."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from medcode_ml.learning import frames_of_stays
from medcode_ml.ranking.boosting import OBJECTIVES
from medcode_ml.ranking.figures.predictions import RankedStay, ranked_stays
from medcode_ml.ranking.labelled.stay import LabelledStay
from medcode_ml.ranking.records import rank_records
from medcode_ml.ranking.scorers import NETWORK

Ranker = Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]]
"""Lines of `medcode rank` to ranked lines, in the order given."""
Train = Callable[[Sequence[LabelledStay]], Ranker]


def cross_validated(
    stays: Sequence[LabelledStay], train: Train, *, folds: int, repeats: int, seed: int
) -> list[list[RankedStay]]:
    """Rank every stay by a ranker that was trained on other patients, once for each repeat.

    Variants of a stay are learned from and never measured: the answers are those of the stays of variant 0, in their
    order.

    Raises:
        ValueError: fewer than two folds, or fewer patients than folds.
    """
    from medcode_ml.models.splitting import folds_of

    patients = tuple(stay.patient_id for stay in stays)
    if not 2 <= folds <= len(set(patients)):
        raise ValueError(f"{folds} folds of {len(set(patients))} patients: choose from 2 to as many as there are")
    answers = []
    for repeat in range(repeats):
        fold = folds_of(patients, folds, seed + repeat)
        found: dict[str, RankedStay] = {}
        for part in range(folds):
            rank = train([stay for stay, own in zip(stays, fold, strict=True) if own != part])
            held = [stay for stay, own in zip(stays, fold, strict=True) if own == part and not stay.variant]
            found |= {one.encounter_id: one for one in ranked_stays(rank([stay.record for stay in held]))}
        answers.append([found[stay.encounter_id] for stay in stays if not stay.variant])
    return answers


def trained(stays: Sequence[LabelledStay]) -> Ranker:
    """What `medcode train ranking` makes of the stays, calibration and choice among rivals included."""
    from medcode_ml.ranking.model import load_model
    from medcode_ml.ranking.training import train

    with tempfile.TemporaryDirectory() as folder:
        model = load_model(train(frames_of_stays(stays), None, Path(folder) / "model").path)
    return lambda lines: rank_records(lines, model)


def contender(name: str) -> Train:
    """One way of learning by itself: the network, or trees with one objective. Says no probability worth the name."""

    def fit(stays: Sequence[LabelledStay]) -> Ranker:
        from medcode_ml.models.calibration import Calibrator
        from medcode_ml.ranking.columns import lists_of
        from medcode_ml.ranking.model import RankingModel
        from medcode_ml.ranking.reading import read_batch
        from medcode_ml.ranking.training import fit_scorer
        from medcode_ml.ranking.training_parameters import TrainingParameters

        lists = lists_of(read_batch(frames_of_stays(stays)))
        scorer = fit_scorer(lists, name, TrainingParameters())
        model = RankingModel(name, lists.names, scorer, name, Calibrator("platt", (1.0, 0.0)), None)

        def rank(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
            # the probability of an uncalibrated model is no probability
            return [{**line, "principal_probability": None} for line in rank_records(lines, model)]

        return rank

    return fit


TRAINERS: Final[Mapping[str, Train]] = {
    "trained": trained,
    **{name: contender(name) for name in (NETWORK, *OBJECTIVES)},
}
"""What --cross-validate can train."""
