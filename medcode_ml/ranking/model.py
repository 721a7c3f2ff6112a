"""The trained ranker: weights that decide the principal and the order after it, calibrated, with a review threshold.

A model folder holds the weights, the calibration and the names of the columns; nothing outside it is needed. What may
lead and which pairs are forced is not learned: `eligibility` and `order` decide it, whatever a model says.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from medcode_ml.models.calibration import Calibrator
from medcode_ml.models.contents import Writer, json_file
from medcode_ml.models.folder import ModelFolder, read_folder
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.ranking.columns import GROUPS, group_of
from medcode_ml.ranking.knowledge import FloatArray
from medcode_ml.ranking.lists import Lists
from medcode_ml.ranking.order import Order
from medcode_ml.ranking.scores import Scores

KIND: Final = "ranking"
_HEAD: Final = "model.json"
_NOTABLE: Final = 0.05
"""Contributions smaller than this decide nothing worth a word."""
_MOST_NAMED: Final = 2


class Scorer(Protocol):
    """What has learned to score: the network, or boosted trees where they won."""

    def principal_scores(self, lists: Lists) -> FloatArray:
        """Score of each row as principal; shape (rows,)."""

    def order_scores(self, lists: Lists) -> FloatArray:
        """Score of each row for the places after the principal; shape (rows,)."""

    def contributions(self, lists: Lists) -> tuple[FloatArray, FloatArray]:
        """What each column adds to either score; two arrays of shape (rows, columns)."""

    def files(self) -> dict[str, Writer]:
        """The files of a model folder that hold it."""


@dataclass(frozen=True)
class RankingModel:
    """A trained ranker; get it with `load_model`.

    Attributes:
        version: of the model folder.
        names: of the columns, in the order of the weights.
        scorer: what scores. decided_by: its name.
        calibrator: from the log-odds of a principal to the probability that it is right; None where nothing could be
            calibrated.
        review_below: probability below which an encounter goes to review; None where no threshold was certified.
    """

    version: str
    names: tuple[str, ...]
    scorer: Scorer
    decided_by: str
    calibrator: Calibrator | None
    review_below: float | None

    def scores(self, lists: Lists) -> Scores:
        """Score every row.

        Raises:
            ModelFolderError: the model was trained on other columns than this medcode makes.
        """
        if lists.names != self.names:
            raise ModelFolderError(
                f"the model {self.version} weighs other columns than this medcode makes of a code: train it anew"
            )
        return Scores(self.scorer.principal_scores(lists), self.scorer.order_scores(lists))

    def probability(self, log_odds: FloatArray) -> FloatArray:
        """The probability that a principal with these log-odds is right; NaN where it is not known."""
        known = ~np.isnan(log_odds)
        found = np.full(log_odds.shape, np.nan)
        if self.calibrator is not None:
            found[known] = self.calibrator.probabilities(log_odds[known])
        return found

    def weighed(self, lists: Lists, order: Order) -> npt.NDArray[np.object_]:
        """Say for each row what decided its place, in words; shape (rows,).

        For a principal: the groups of columns that speak for it against the runner-up. For the others: those that set
        it apart from the mean of its encounter.
        """
        lead, rest = (_by_group(self.names, values) for values in self.scorer.contributions(lists))
        counts = np.maximum(np.bincount(lists.encounter, minlength=len(lists)), 1)
        mean = np.zeros((len(lists), rest.shape[1]))
        np.add.at(mean, lists.encounter, rest)
        said: npt.NDArray[np.object_] = _words(rest - (mean / counts[:, None])[lists.encounter], "Weighed")
        led = order.principal >= 0
        first, second = order.principal[led], order.runner_up[led]
        codes = np.where(second >= 0, second, first)
        told = _words(lead[first] - lead[codes], "Ahead of the next in line")
        alone = second < 0
        told[alone] = "No other listed code may lead"
        said[first] = told
        return said

    def files(self) -> dict[str, Writer]:
        """The files of its model folder, by name."""
        head = {
            "names": list(self.names),
            "decided_by": self.decided_by,
            "calibrator": None if self.calibrator is None else asdict(self.calibrator),
            "review_below": self.review_below,
        }
        return {_HEAD: json_file(head), **self.scorer.files()}


def load_model(folder: Path) -> RankingModel:
    """Load the ranker of a model folder.

    Raises:
        ModelFolderError: there is none, or it is damaged or of another medcode.
    """
    held = read_folder(folder, KIND)
    try:
        head = held.value(_HEAD)
        said = head["calibrator"]
        calibrator = None if said is None else Calibrator(said["method"], tuple(said["numbers"]))
        return RankingModel(
            held.manifest.version,
            tuple(head["names"]),
            read_scorer(held, head["decided_by"], tuple(head["names"])),
            head["decided_by"],
            calibrator,
            head["review_below"],
        )
    except (KeyError, TypeError) as wrong:
        raise ModelFolderError(f"the model {folder} lacks a field ({wrong}): train it anew") from wrong


def read_scorer(folder: ModelFolder, decided_by: str, names: tuple[str, ...]) -> Scorer:
    """The scorer that a folder holds: the network, or the trees that won against it."""
    from medcode_ml.ranking.scorers import NETWORK, NetworkScorer, TreesScorer

    return NetworkScorer.read(folder) if decided_by == NETWORK else TreesScorer.read(folder, decided_by)


def _by_group(names: tuple[str, ...], contributions: FloatArray) -> FloatArray:
    """Contributions summed by group, shape (rows, groups)."""
    groups = list(GROUPS)
    sums = np.zeros((len(names), len(groups)))
    for place, name in enumerate(names):
        sums[place, groups.index(group_of(name))] = 1.0
    return np.asarray(contributions @ sums, dtype=np.float64)


def _words(values: FloatArray, start: str) -> npt.NDArray[np.object_]:
    """The groups with the largest values, by size, in words; shape (rows,)."""
    titles = list(GROUPS.values())
    best = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :_MOST_NAMED]
    size = np.take_along_axis(values, best, axis=1)
    said: npt.NDArray[Any] = np.full(len(values), f"{start}: nothing in particular", dtype=object)
    for row, (groups, amounts) in enumerate(zip(best.tolist(), size.tolist(), strict=True)):
        named = [
            f"{titles[group]} {amount:+.2f}"
            for group, amount in zip(groups, amounts, strict=True)
            if abs(amount) >= _NOTABLE
        ]
        if named:
            said[row] = f"{start}: {', '.join(named)}"
    return said
