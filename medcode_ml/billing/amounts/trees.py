"""LightGBM on the columns of the cases: the network's rival. Three quantiles of either amount, by six boosters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from medcode_ml.billing.amounts.cases import TARGETS, Floats
from medcode_ml.billing.amounts.rows import NAMES, Rows
from medcode_ml.models.contents import Writer, booster_file
from medcode_ml.models.limits import Limits, check_names, check_numbers, check_whole

if TYPE_CHECKING:
    import lightgbm

    from medcode_ml.models.folder import ModelFolder

QUANTILES: Final = (0.05, 0.5, 0.95)
_CATEGORIES: Final = ("category",)


class TreeParameterError(ValueError):
    """A choice of the trees is unknown or out of range; the message says which and what to choose."""


@dataclass(frozen=True, slots=True)
class TreeParameters:
    """Choices of LightGBM: `rounds` trees of `leaves` leaves of at least `least` rows (fewer where there are few)."""

    rounds: int = 250
    learning_rate: float = 0.04
    leaves: int = 15
    least: int = 400
    columns: float = 0.3
    rows: float = 0.5
    l2: float = 20.0

    def __post_init__(self) -> None:
        """Refuse a choice that LightGBM cannot use."""
        check_whole(self, {"rounds": 1, "leaves": 2, "least": 1}, TreeParameterError, "trees.")
        share = Limits(above=0, most=1)
        numbers = {"learning_rate": share, "columns": share, "rows": share, "l2": Limits(least=0)}
        check_numbers(self, numbers, TreeParameterError, "trees.")

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


class AmountTrees:
    """Fitted trees."""

    def __init__(self, boosters: Mapping[str, lightgbm.Booster]) -> None:
        """Predict with boosters named `<target>-<quantile>`."""
        self.boosters = boosters

    @staticmethod
    def fit(rows: Rows, log_amounts: Mapping[str, Floats], p: TreeParameters, seed: int) -> AmountTrees:
        """Fit on cases whose amounts are known; on one thread, the same cases give the same trees."""
        import lightgbm

        boosters = {}
        for target in TARGETS:
            data = lightgbm.Dataset(
                rows.values,
                log_amounts[target] - rows.base[target],
                feature_name=[f"c{i}" for i in range(len(NAMES))],
                categorical_feature=[NAMES.index(name) for name in _CATEGORIES],
                free_raw_data=False,
            )
            for quantile in QUANTILES:
                chosen = {
                    "objective": "regression_l1" if quantile == 0.5 else "quantile",
                    "alpha": quantile,
                    "learning_rate": p.learning_rate,
                    "num_leaves": p.leaves,
                    "min_data_in_leaf": min(p.least, max(1, len(rows.drg) // 50)),
                    "feature_fraction": p.columns,
                    "bagging_fraction": p.rows,
                    "bagging_freq": 1,
                    "lambda_l2": p.l2,
                    "seed": seed,
                    "deterministic": True,
                    "force_row_wise": True,
                    "num_threads": 1,
                    "verbose": -1,
                }
                boosters[f"{target}-{quantile}"] = lightgbm.train(chosen, data, p.rounds)
        return AmountTrees(boosters)

    def quantiles(self, rows: Rows) -> dict[str, Floats]:
        """Log amounts at `QUANTILES`, by target, shape (n, 3)."""
        if not len(rows.drg):
            return {target: np.zeros((0, len(QUANTILES))) for target in TARGETS}
        return {
            target: rows.base[target][:, None]
            + np.column_stack([self.boosters[f"{target}-{q}"].predict(rows.values, num_threads=1) for q in QUANTILES])
            for target in TARGETS
        }

    def files(self) -> dict[str, Writer]:
        """The files of a model folder that hold it."""
        return {f"trees-{name}.txt": booster_file(booster) for name, booster in self.boosters.items()}

    @staticmethod
    def read(folder: ModelFolder) -> AmountTrees:
        """The trees of a model folder."""
        names = [f"{target}-{quantile}" for target in TARGETS for quantile in QUANTILES]
        return AmountTrees({name: folder.booster(f"trees-{name}.txt") for name in names})
