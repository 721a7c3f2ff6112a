"""How well a version prices the claims kept apart for its test, beside the prices it is measured against.

Every pricer is told the claims that the version learned from, and none the claim it prices.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.cases import KNOWN, TARGETS
from medcode_ml.billing.amounts.claim_rows import as_cases, hospitals_of, known_cells
from medcode_ml.billing.amounts.figures import NAMES, measured
from medcode_ml.billing.amounts.in_use import model_of
from medcode_ml.billing.amounts.model import KIND
from medcode_ml.billing.amounts.own_claims import price_claims
from medcode_ml.billing.amounts.weights import grouped
from medcode_ml.contracts import ml
from medcode_ml.models.bootstrap import RESAMPLES, estimates, share
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
from medcode_ml.models.warehouse.versions import TrainingDataError, encounters_of_version, newest_version

DRG_MEAN: Final = "drg_mean"
MAPE: Final = "mape"
COVERAGE: Final = "coverage"
#: a hospital with fewer claims in the test tells nothing
FEWEST_OF_HOSPITAL: Final = 30
_NOTES: Final = "unit: claims; gold: total charge and allowed amount of the own claims"
_COLUMNS: Final = [c.name for c in ml.amount_evaluation.columns]
Price = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""Cases of claims and known cases to prices, by `model.PRICED` or the targets alone, with the index of the claims."""


def figure_name(target: str, name: str) -> str:
    """The name of a figure of charges or payments."""
    return f"{target}_{name}"


#: figures that are listed by part for people
SHOWN: Final = tuple(figure_name(target, figure) for target in TARGETS for figure in (MAPE, COVERAGE))


def evaluate_from_store(
    engine: sa.Engine, home: Path, version: str | None = None, *, resamples: int = RESAMPLES
) -> EvaluationResult:
    """Evaluate `version` (the newest by default) on its test and replace its rows in `ml.amount_evaluation`.

    Raises:
        TrainingDataError: no model was trained, or nothing of its test is left.
        ModelFolderError: the model's folder is gone or was changed.
    """
    version = version or newest_version(engine, ml.AMOUNT)
    learned, test = encounters_of_version(engine, ml.AMOUNT, version)
    if test.empty:
        raise TrainingDataError(f"no claim of the test of {version} is left in ml.amount_training_set: train again")
    with engine.connect() as connection:
        known = known_cells(connection, among=learned["encounter_id"])
        test = hospitals_of(connection, test)
    settle_pointer(engine, KIND, home)
    by, champion = pricers(home, version)
    both = new_to_both(engine, ml.AMOUNT, version, champion, test)
    result = evaluate(version, by, test, known, new_to_champion=both.encounters, resamples=resamples)
    keep_figures(engine, result, champion, both.said)
    return result


def pricers(home: Path, version: str) -> tuple[dict[str, Price], str | None]:
    """The pricers a version is measured with: itself, the mean of the DRG, and the model in use if it is another.

    The second value is the version of that model.
    """

    def priced_by(folder: Path) -> Price:
        return lambda claims, known: price_claims(model_of(folder), claims, known)

    found = {MODEL: priced_by(home / "models" / KIND / version), DRG_MEAN: drg_mean}
    champion = promoted(KIND, home)
    if champion is None or champion.name == version:
        return found, None
    found[CHAMPION] = priced_by(champion)
    return found, champion.name


def drg_mean(claims: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The mean of a hospital's claims of a DRG; without any, its weight times what a weight of 1 costs there."""
    found = pd.DataFrame(index=claims.index)
    weight = {drg: facts.weight for drg in {*claims["drg"], *known["drg"]} if (facts := grouped(drg)) is not None}
    for target, key in KNOWN.items():
        rows = known[known[key].notna()]
        amount, size = (rows[name].astype(float) for name in (key, "total_discharges"))
        of_cell = dict(zip(zip(rows["provider_id"], rows["drg"], strict=True), amount, strict=True))
        weights = rows["drg"].map(weight).astype(float)
        there = weights.notna()
        sums = pd.DataFrame({"p": rows["provider_id"], "amount": amount * size, "weight": weights * size})[there]
        of_hospital = sums.groupby("p")[["amount", "weight"]].sum()
        rate = of_hospital["amount"] / of_hospital["weight"]
        usual = sums["amount"].sum() / sums["weight"].sum() if len(sums) else np.nan
        found[target] = [
            of_cell.get((p, d), float(rate.get(p, usual)) * weight.get(d, np.nan))
            for p, d in zip(claims["provider_id"], claims["drg"], strict=True)
        ]
    return found


def evaluate(
    version: str,
    by: Mapping[str, Price],
    test: pd.DataFrame,
    known: pd.DataFrame,
    *,
    new_to_champion: Collection[str] | None = None,
    resamples: int = RESAMPLES,
) -> EvaluationResult:
    """Price the test with every pricer, and measure all claims and those of each hospital with enough of them.

    Args:
        version: named in the rows.
        by: pricers by name; `model` is compared with each other one.
        test: rows of the training set with their hospitals (`hospitals_of`), person_id among them.
        known: cases of the claims the version learned from.
        new_to_champion: claims that the champion is measured on, by itself and with the model; None for all.
        resamples: bootstrap draws, by person.
    """
    claims = as_cases(test)
    prices = {name: price(claims, known).reindex(claims.index) for name, price in by.items()}
    # every pricer is measured on the same claims: those that all of them can price
    there = np.logical_and.reduce([p[list(TARGETS)].notna().all(axis=1).to_numpy() for p in prices.values()])
    parts = {WHOLE: there}
    for hospital in sorted(set(test["hospital_id"])):
        own = there & (test["hospital_id"] == hospital).to_numpy()
        if own.sum() >= FEWEST_OF_HOSPITAL:
            parts[hospital] = own
    new = there if new_to_champion is None else there & test["encounter_id"].isin(new_to_champion).to_numpy()
    rows: list[tuple[Any, ...]] = []
    for part, chosen in parts.items():
        of_part = {name: chosen & new if name == CHAMPION else chosen for name in prices}
        rows += [(version, part, *row) for row in _rows(prices, of_part, test, resamples)]
    if CHAMPION in prices and not new.any():
        rows += [not_compared(ml.AMOUNT, version, figure_name(target, MAPE), _NOTES) for target in TARGETS]
    return EvaluationResult(ml.AMOUNT, version, int(there.sum()), pd.DataFrame(rows, columns=_COLUMNS, dtype=object))


def _rows(
    prices: Mapping[str, pd.DataFrame],
    of_part: Mapping[str, npt.NDArray[np.bool_]],
    test: pd.DataFrame,
    resamples: int,
) -> Iterator[tuple[Any, ...]]:
    """(pricer, figure, value, low, high, claims, notes) of one part; `of_part` says which claims are a pricer's."""
    people = np.array([str(p or e) for p, e in zip(test["person_id"], test["encounter_id"], strict=True)], dtype=object)
    asked = {name: chosen for name, chosen in of_part.items() if chosen.any()}
    for target in TARGETS:
        true = test[target].to_numpy(dtype=np.float64)
        said = {name: own[target].to_numpy(dtype=np.float64) for name, own in prices.items()}
        for name, chosen in asked.items():
            own, ends = prices[name][chosen], None
            if f"{target}_low" in own.columns:
                low, high = (own[f"{target}_{end}"].to_numpy(dtype=np.float64) for end in ("low", "high"))
                ends = (low, high)
            found = measured(true[chosen], said[name][chosen], ends, list(people[chosen]), resamples=resamples)
            for figure in NAMES:
                if figure in found and figure != "mape_by_hospital":
                    row = found[figure], found.get(f"{figure}_95"), int(chosen.sum())
                    yield _row(name, figure_name(target, figure), *row)
        error = {name: np.abs(own / true - 1.0) for name, own in said.items()}
        for name, chosen in asked.items():
            if name != MODEL and MODEL in prices:
                found = _difference((error[MODEL] - error[name])[chosen], list(people[chosen]), resamples)
                row = found[MAPE], found.get(f"{MAPE}_95"), int(chosen.sum())
                yield _row(difference(name), figure_name(target, MAPE), *row)


def _row(who: str, figure: str, value: Any, ends: Any, claims: int) -> tuple[Any, ...]:
    low, high = ends or (None, None)
    return who, figure, value, low, high, claims, _NOTES


def _difference(
    values: npt.NDArray[np.float64], people: list[str], resamples: int
) -> dict[str, float | list[float] | None]:
    """The mean difference of relative errors, drawn by person."""
    _, place = np.unique(np.asarray(people, dtype=object).astype(str), return_inverse=True)
    units = int(place.max()) + 1 if len(place) else 0
    sums, rows = (np.bincount(place, of, minlength=units) for of in (values, np.ones(len(place))))
    return estimates(units, {MAPE: share(sums, rows)}, resamples=resamples)
