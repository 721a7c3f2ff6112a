"""LightGBM on the same columns: the network's rivals, one score for the principal and the order alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.models.limits import Limits, check_names, check_numbers, check_whole
from medcode_ml.ranking.gains import LAST_GAINING, gains
from medcode_ml.ranking.knowledge import BoolArray, FloatArray
from medcode_ml.ranking.lists import Lists

if TYPE_CHECKING:
    import lightgbm

OBJECTIVES: Final = ("lambdarank", "rank_xendcg", "regression")
"""LambdaMART, cross-entropy nDCG (Bruch 2021), and least squares on the gains of single rows."""
_MOST_OF_A_LIST: Final = 10_000
"""LightGBM takes no longer lists for its ranking objectives."""


class TreeParameterError(ValueError):
    """A choice of the trees is unknown or out of range; the message says which and what to choose."""


class TreesError(ValueError):
    """The trees cannot be fitted on these lists; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class TreeParameters:
    """Choices of LightGBM; the defaults suit some hundred stays.

    `rounds` trees of `leaves` leaves of at least `least` rows (fewer where there are few rows), each on a `columns`
    share of the columns.
    """

    rounds: int = 150
    learning_rate: float = 0.05
    leaves: int = 7
    least: int = 40
    columns: float = 0.5
    l2: float = 10.0
    seed: int = 20261122

    def __post_init__(self) -> None:
        """Refuse a choice that LightGBM cannot use."""
        share = Limits(above=0, most=1)
        check_whole(self, {"rounds": 1, "leaves": 2, "least": 1, "seed": 0}, TreeParameterError)
        check_numbers(self, {"learning_rate": share, "columns": share, "l2": Limits(least=0)}, TreeParameterError)

    def facts(self) -> dict[str, Any]:
        """The choices as JSON."""
        return asdict(self)

    @staticmethod
    def of(given: Mapping[str, Any]) -> TreeParameters:
        """The choices of `given` over the defaults.

        Raises:
            TreeParameterError: a name that is none of the choices, or a value out of range.
        """
        check_names(given, (f.name for f in fields(TreeParameters)), "the trees", TreeParameterError)
        return TreeParameters(**given)


class RankingTrees:
    """Trees that score codes; `fit` or load them. The principal is the candidate of the highest score."""

    def __init__(self, booster: lightgbm.Booster, objective: str) -> None:
        """Score with `booster`, which was fitted for `objective`."""
        self.booster = booster
        self.objective = objective

    @staticmethod
    def fit(lists: Lists, p: TreeParameters, objective: str) -> RankingTrees:
        """Fit on the rows of `lists` whose true place is known and that may lead or take part in the order.

        On one thread and with the seeds of `p`: the same lists give the same trees.

        Raises:
            TreeParameterError: `objective` is none of OBJECTIVES.
            TreesError: no encounter has two rows of different gain, or one has more rows than LightGBM takes.
        """
        if objective not in OBJECTIVES:
            raise TreeParameterError(f"the objective is {objective!r}: choose one of {', '.join(OBJECTIVES)}")
        import lightgbm

        used = _taught(lists)
        worth = gains(lists.place[used])
        _, group = np.unique(lists.encounter[used], return_counts=True)
        if not len(group):
            raise TreesError(
                f"none of {len(lists)} encounters teaches an order: an encounter is needed with two diagnoses whose "
                "true places are known"
            )
        if group.max() > _MOST_OF_A_LIST:
            raise TreesError(f"an encounter has {group.max()} codes: LightGBM takes no more than {_MOST_OF_A_LIST}")
        chosen = {
            "objective": objective,
            "learning_rate": p.learning_rate,
            "num_leaves": p.leaves,
            "min_data_in_leaf": min(p.least, max(1, len(worth) // 50)),
            "feature_fraction": p.columns,
            "lambda_l2": p.l2,
            "lambdarank_truncation_level": LAST_GAINING,
            "seed": p.seed,
            "objective_seed": p.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }
        # the ranking objectives want levels and take 2**level - 1 as the gain, which is what the gains are made of
        label = worth if objective == "regression" else np.log2(worth + 1.0)
        data = lightgbm.Dataset(lists.values[used], label, group=group, feature_name=_plain(lists.names))
        return RankingTrees(lightgbm.train(chosen, data, p.rounds), objective)

    def scores(self, values: npt.NDArray[np.floating], threads: int = 1) -> FloatArray:
        """Scores of rows of shape (n, m), shape (n,); `threads` 0 leaves their number to LightGBM."""
        if not len(values):
            return np.zeros(0)
        return np.asarray(self.booster.predict(values, raw_score=True, num_threads=threads), dtype=np.float64)

    def contributions(self, values: npt.NDArray[np.floating], threads: int = 1) -> FloatArray:
        """What each column adds to the score (TreeSHAP), shape (n, m); with one constant for all rows the exact sum."""
        if not len(values):
            return np.zeros(values.shape)
        found = self.booster.predict(values, pred_contrib=True, num_threads=threads)
        # the last column is the constant
        return np.asarray(found, dtype=np.float64)[:, :-1]


def _taught(lists: Lists) -> BoolArray:
    """Rows with a true place that may lead or take part in the order, in encounters where two differ in gain."""
    used: BoolArray = (lists.candidate | lists.ordered) & (lists.place > 0)
    worth = gains(lists.place)
    high, low = np.full(len(lists), -np.inf), np.full(len(lists), np.inf)
    np.maximum.at(high, lists.encounter[used], worth[used])
    np.minimum.at(low, lists.encounter[used], worth[used])
    return np.asarray(used & (high > low)[lists.encounter], dtype=np.bool_)


def _plain(names: tuple[str, ...]) -> list[str]:
    """Names as LightGBM's text form can hold them, without blanks and marks; distinct by their number."""
    return [f"{i}_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in name) for i, name in enumerate(names)]
