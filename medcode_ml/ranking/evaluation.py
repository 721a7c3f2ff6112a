"""How well a trained version orders the encounters kept apart for its test, beside the rankers it is measured against.

Every ranker is given the coders' codes and what the stage knows of the encounter. Gold are the hospital's coders'
orders, errors included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import ml
from medcode_ml.models.bootstrap import RESAMPLES
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
from medcode_ml.ranking.batch import rank_frames
from medcode_ml.ranking.figures.measured import BY_PATIENT, BY_STAY, Gold, Measured, paired, summary
from medcode_ml.ranking.frames import PLACE
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.in_use import Rank, ranker_of
from medcode_ml.ranking.labelled.stay import LabelledStay
from medcode_ml.ranking.model import KIND
from medcode_ml.ranking.training_run import labelled_frames

RULE: Final = "guidelines"
#: a setting with fewer encounters tells nothing
FEWEST_OF_SETTING: Final = 10
#: every code comes out once for every time it went in, and no other does
KEPT: Final = "codes_kept"
TOP1: Final = "principal_top1"
NDCG: Final = "ndcg_at_10"
#: figures that are listed by part for people
SHOWN: Final = (TOP1, NDCG)
_GOLD: Final = "order of the hospital's coders, of the labels billable at discharge"
_KEPT_NOTES: Final = "unit: encounters; gold: the codes that went in"
_GROUPED_BY: Final = ("age", "sex", "discharge_date", "discharge_status")
INPATIENT: Final = "inpatient"
_BATCH: Final = 10_000
_COLUMNS: Final = [c.name for c in ml.ranking_evaluation.columns]


def evaluate_from_store(
    engine: sa.Engine,
    home: Path,
    version: str | None = None,
    *,
    measured: Callable[[Path, str], tuple[dict[str, Rank], str | None]] | None = None,
    resamples: int = RESAMPLES,
) -> EvaluationResult:
    """Evaluate `version` (the newest by default) on its test and replace its rows in `ml.ranking_evaluation`.

    `measured` says which rankers, as `rankers` does, which is the default.

    Raises:
        TrainingDataError: no model was trained, or encounters of its test are gone.
        ModelFolderError: the model's folder is gone or was changed.
    """
    version = version or newest_version(engine, ml.RANKING)
    _, test = encounters_of_version(engine, ml.RANKING, version)
    settle_pointer(engine, KIND, home)
    by, champion = (measured or rankers)(home, version)
    both = new_to_both(engine, ml.RANKING, version, champion, test)
    frames = labelled_frames(engine, test)
    result = evaluate(version, by, frames, new_to_champion=both.encounters, resamples=resamples)
    keep_figures(engine, result, champion, both.said)
    return result


def rankers(home: Path, version: str) -> tuple[dict[str, Rank], str | None]:
    """The rankers a version is measured with, itself and the guidelines, and the model in use if it is another.

    The second value is the version of that model.
    """
    found: dict[str, Rank] = {MODEL: ranker_of(home / "models" / KIND / version).rank, RULE: rank_frames}
    champion = promoted(KIND, home)
    if champion is None or champion.name == version:
        return found, None
    found[CHAMPION] = ranker_of(champion).rank
    return found, champion.name


def evaluate(
    version: str,
    rankers: Mapping[str, Rank],
    test: RankingFrames,
    *,
    new_to_champion: Collection[str] | None = None,
    resamples: int = RESAMPLES,
) -> EvaluationResult:
    """Rank the test encounters with every ranker, and measure all of them and those of each setting.

    Args:
        version: named in the rows.
        rankers: by name; `model` is compared with each other one.
        test: the test encounters, with the coders' places.
        new_to_champion: encounters that the champion is measured on, by itself and with the model; None for all.
        resamples: bootstrap draws, by person.
    """
    ids = list(test.encounters["encounter_id"])
    gold = Gold(_stays(test))
    setting = test.encounters["setting"].to_numpy(dtype=object)
    inpatient = np.asarray(setting == INPATIENT, dtype=np.bool_)
    measured = {name: _measured(rank, test, ids, gold, inpatient) for name, rank in rankers.items()}
    parts = {WHOLE: np.ones(len(ids), dtype=np.bool_)}
    for one in sorted({s for s in setting if s is not None}):
        parts[one] = np.asarray(setting == one, dtype=np.bool_)
    rows: list[tuple[Any, ...]] = []
    counted = {CHAMPION: np.array([new_to_champion is None or one in new_to_champion for one in ids], dtype=np.bool_)}
    if CHAMPION in rankers and not counted[CHAMPION].any():
        rows += [not_compared(ml.RANKING, version, name, f"gold: {_GOLD}") for name in (TOP1, NDCG)]
        del measured[CHAMPION]
    for part, chosen in parts.items():
        if part != WHOLE and chosen.sum() < FEWEST_OF_SETTING:
            continue
        of_part = {name: _chosen(one, chosen & counted.get(name, chosen)) for name, one in measured.items()}
        for name, one in of_part.items():
            found = summary(one, resamples=resamples)
            rows += [(version, part, name, *row) for row in _rows(found, one.counts())]
            if one.patients:
                # exact and without an interval: a single encounter counts
                kept = float(one.values[KEPT].mean())
                rows.append((version, part, name, KEPT, kept, None, None, len(one.patients), _KEPT_NOTES))
        for name, one in of_part.items():
            if name != MODEL and MODEL in of_part:
                own = _chosen(measured[MODEL], chosen & counted.get(name, chosen))
                found = paired(own, one, resamples=resamples)
                rows += [(version, part, difference(name), *row) for row in _rows(found, one.counts())]
    return EvaluationResult(ml.RANKING, version, len(ids), pd.DataFrame(rows, columns=_COLUMNS, dtype=object))


def _rows(
    found: Mapping[str, Mapping[str, Any]], counts: Mapping[str, int]
) -> Iterator[tuple[str, float | None, float | None, float | None, int, str]]:
    """(figure, value, low, high, encounters, notes) of a summary, without figures that no encounter has."""
    for means, suffix, unit in ((BY_STAY, "", "encounters"), (BY_PATIENT, "_by_person", "persons' means")):
        for name in (n for n in found[means] if not n.endswith("_95")):
            if name == KEPT or not counts.get(name):
                continue
            low, high = found[means].get(f"{name}_95") or (None, None)
            yield f"{name}{suffix}", found[means][name], low, high, counts[name], f"unit: mean of {unit}; gold: {_GOLD}"


def _measured(
    rank: Rank, test: RankingFrames, ids: Sequence[str], gold: Gold, inpatient: npt.NDArray[np.bool_]
) -> Measured:
    """The figures of one ranker; those of a DRG only for inpatients, whom a DRG pays for."""
    encounters, codes = _ranked(rank, test, ids)
    orders = _orders(codes, ids, "rank")
    found = gold.measure(orders)
    values = {name: np.where(inpatient, v, np.nan) if "drg" in name else v for name, v in found.values.items()}
    kept = [Counter(order) == Counter(truth) for order, truth in zip(orders, gold.truths, strict=True)]
    values[KEPT] = np.array(kept, dtype=np.float64)
    said = encounters.set_index("encounter_id").loc[list(ids)]
    if said["principal_probability"].notna().any():
        probability = pd.to_numeric(said["principal_probability"]).to_numpy(dtype=np.float64)
        review = said["needs_review"].to_numpy(dtype=np.bool_)
        right = values[TOP1]
        values["needs_review"] = review.astype(np.float64)
        values["principal_top1_without_review"] = np.where(review, np.nan, right)
        values["brier_score"] = (probability - right) ** 2
    ours, true = (np.where(inpatient, side, np.nan) for side in found.weights)
    return Measured(found.patients, values, (ours, true))


def _chosen(measured: Measured, chosen: npt.NDArray[np.bool_]) -> Measured:
    """The figures of chosen encounters; a mask of shape (encounters,)."""
    patients = tuple(patient for patient, own in zip(measured.patients, chosen, strict=True) if own)
    ours, true = (side[chosen] for side in measured.weights)
    return Measured(patients, {name: values[chosen] for name, values in measured.values.items()}, (ours, true))


def _ranked(rank: Rank, test: RankingFrames, ids: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Encounters and codes as ranked; the places of the coders are not handed over."""
    given = RankingFrames(test.encounters, test.codes.drop(columns=PLACE), **test.context())
    batches = [rank(given.of(list(ids[at : at + _BATCH]))) for at in range(0, max(len(ids), 1), _BATCH)]
    return pd.concat([b.encounters for b in batches]), pd.concat([b.codes for b in batches])


def _orders(codes: pd.DataFrame, ids: Sequence[str], place: str) -> list[list[str]]:
    """The codes of each encounter by `place`."""
    ordered = codes.sort_values(["encounter_id", place], kind="stable")
    found: dict[str, list[str]] = {}
    for encounter, code in zip(ordered["encounter_id"], ordered["code"], strict=True):
        found.setdefault(encounter, []).append(code)
    return [found.get(encounter, []) for encounter in ids]


def _stays(test: RankingFrames) -> list[LabelledStay]:
    """The encounters as the figures take them: the coders' order, and what a grouper asks for."""
    procedures: dict[str, list[dict[str, Any]]] = {}
    if test.procedures is not None:
        for row in test.procedures.to_dict("records"):
            procedures.setdefault(row["encounter_id"], []).append({"code": row["code"], "system": row["system"]})
    known = test.encounters.reindex(columns=["encounter_id", "patient_id", *_GROUPED_BY]).astype(object)
    truths = _orders(test.codes, list(known["encounter_id"]), PLACE)
    return [
        LabelledStay(
            row["encounter_id"],
            str(row["patient_id"]),
            tuple(truth),
            {**{name: row[name] for name in _GROUPED_BY}, "procedures": procedures.get(row["encounter_id"], [])},
        )
        for row, truth in zip(known.where(known.notna(), None).to_dict("records"), truths, strict=True)
    ]
