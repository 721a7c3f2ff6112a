"""How many codes coders give an encounter, and how many wrong ones the coder adds, told from the stay alone.

Nothing that the coder said and no word of a text goes in: when notes name conditions in words it never learned, the
coder lists fewer codes, and a number of labels drawn from its own scores falls with them: its recall would seem
unharmed. Both numbers are Poisson regressions on what a hospital knows of the stay (setting, service, admission, age,
sex, how it ended, documents by type), fitted once on the labelled encounters of a reference.

They are noisier than scores, so they count only for a day on which the coder finds clearly fewer codes than the stays
foretell. Its wrong codes then are taken to come as often as ever (they stand on words that did not change): the odds of
every accepted code to be right are lowered by one factor that makes it so, as for a change of prior odds (Saerens,
Latinne and Decaestecker 2002). Limits: a day of fewer than 20 encounters is not judged; the day is judged as a whole,
so one small hospital among many hardly shows; and stays that have more or fewer conditions than before are foretold as
before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.drift.sketch import Floats

STAY: Final = ("setting", "service", "admission_type", "age_band", "sex", "discharge_status")
DOCUMENTS: Final = "documents "
"""Columns of numbers of documents begin with it; the type follows."""
FEWEST: Final = 100
"""Labelled encounters below which nothing is fitted."""
FEWEST_OF_DAY: Final = 20
_RIDGE: Final = 0.01
_CHANCE, _CLEAR = 2.0, 4.0
"""Standard errors up to which a day's gap is chance, and from which on the stays alone are believed."""


@dataclass(frozen=True)
class CountByStay:
    """Logarithm of a count of an encounter: what its categories add, and what its documents do.

    Attributes:
        base: of every encounter. added: "column=value" to what it adds; one that the reference did not have adds
        nothing. slopes: column of documents to what log(1 + number) is multiplied by.
    """

    base: float
    added: Mapping[str, float]
    slopes: Mapping[str, float]

    def of(self, stays: pd.DataFrame) -> Floats:
        """The count expected of each stay (rows of `stays_of`). Shape (n,)."""
        total = np.full(len(stays), self.base)
        for name in STAY:
            total += np.array([self.added.get(f"{name}={value}", 0.0) for value in stays[name]], np.float64)
        for name, slope in self.slopes.items():
            if name in stays:
                total += slope * np.log1p(stays[name].to_numpy(np.float64))
        return np.exp(total)

    @staticmethod
    def fitted(stays: pd.DataFrame, counts: npt.ArrayLike) -> CountByStay:
        """Fit on counts (n,) of stays; the counts expected of these add up to theirs."""
        from sklearn.linear_model import PoissonRegressor

        values = [f"{name}={value}" for name in STAY for value in sorted(set(stays[name].map(str)))]
        numbers = [name for name in stays if name.startswith(DOCUMENTS)]
        told = {name: name + "=" + stays[name].map(str) for name in STAY}
        columns = [(told[value.split("=", 1)[0]] == value).to_numpy(np.float64) for value in values]
        columns += [np.log1p(stays[name].to_numpy(np.float64)) for name in numbers]
        model = PoissonRegressor(alpha=_RIDGE, max_iter=1000).fit(np.column_stack(columns), np.asarray(counts, float))
        found = [round(float(c), 8) for c in model.coef_]
        added = dict(zip(values, found, strict=False))
        return CountByStay(float(model.intercept_), added, dict(zip(numbers, found[len(values) :], strict=True)))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"base": self.base, "added": dict(self.added), "slopes": dict(self.slopes)}

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> CountByStay:
        """The regression that `to_json` wrote."""
        return CountByStay(float(said["base"]), said["added"], said["slopes"])


@dataclass(frozen=True)
class Foretold:
    """What stays foretell: `labels` of coders, and `wrong` codes that the coder accepts.

    Attributes:
        error: variance of the mean gap between labels foretold and drawn from scores, of the reference.
    """

    labels: CountByStay
    wrong: CountByStay
    error: float

    def share(self, gap: Floats) -> float:
        """How far the stays are believed: 0 while the mean gap (labels foretold less drawn from scores) is chance."""
        if len(gap) < FEWEST_OF_DAY:
            return 0.0
        spread = float(np.sqrt(gap.var(ddof=1) / len(gap) + self.error))
        z = float(gap.mean()) / spread if spread > 0 else 0.0
        return float(np.clip((z - _CHANCE) / (_CLEAR - _CHANCE), 0.0, 1.0))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"labels": self.labels.to_json(), "wrong": self.wrong.to_json(), "error": self.error}

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Foretold:
        """What `to_json` wrote."""
        return Foretold(
            CountByStay.from_json(said["labels"]), CountByStay.from_json(said["wrong"]), float(said["error"])
        )


def stays_of(encounters: pd.DataFrame, documents: pd.DataFrame) -> pd.DataFrame:
    """Encounters with every column of `STAY` (None where unknown) and the number of their documents of each type.

    Args:
        encounters: encounter_id and what there is of `STAY`. documents: encounter_id, document_type.
    """
    stays = encounters.reset_index(drop=True).copy()
    for name in STAY:
        if name not in stays:
            stays[name] = None
    counts = documents.groupby(["encounter_id", "document_type"], sort=True).size().unstack(fill_value=0)
    for kind in counts:
        stays[f"{DOCUMENTS}{kind}"] = stays["encounter_id"].map(counts[kind]).fillna(0).to_numpy(np.float64)
    return stays


def fit_foretold(stays: pd.DataFrame, labels: Floats, wrong: Floats, from_scores: Floats) -> Foretold | None:
    """What the stays of a reference foretell; None with fewer than 100 labelled encounters.

    Args:
        stays: rows of `stays_of`. labels: of each. wrong: accepted codes that are wrong. from_scores: labels of each
            as its scores have it. Shapes (n,).
    """
    if len(stays) < FEWEST or not labels.sum() or not wrong.sum():
        return None
    by_stay = CountByStay.fitted(stays, labels)
    gap = by_stay.of(stays) - from_scores
    return Foretold(by_stay, CountByStay.fitted(stays, wrong), float(gap.var(ddof=1)) / len(gap))


def with_odds_for(probability: Floats, wrong: float) -> Floats:
    """Probabilities with their odds multiplied by the one factor that makes the expected number of wrong `wrong`.

    A number that cannot be (none wrong, or as many as there are) is taken as near as may be.
    """
    from scipy.optimize import brentq
    from scipy.special import expit, logit

    if not len(probability):
        return probability
    size = len(probability)
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    most = float(np.clip(wrong, 0.001 * size, 0.999 * size))
    start = logit(p)
    found = brentq(lambda shift: float((1.0 - expit(start + shift)).sum()) - most, -40.0, 40.0)
    return np.asarray(expit(start + found))
