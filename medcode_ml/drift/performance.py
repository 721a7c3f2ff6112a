"""Rows of performance of a coder: realised where coders labelled, estimated from its probabilities elsewhere.

The estimate is that of confidence (CBPE, as in NannyML: a code with probability p is right p times). Codes that the
coder never listed cannot be seen in its scores: their number is carried over from the reference, as labels for each
expected right code. On a day on which the coder finds clearly fewer codes than the stays foretell (new words, bad
reading), labels and wrong codes are those that the stays foretell, see `by_stay`. No label of the day is used;
those of days before it correct what is shown, see `correction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.drift.by_stay import Foretold, with_odds_for
from medcode_ml.drift.sketch import Floats

#: codes of labelled encounters below which scores are taken as probabilities as they are
_FEWEST_TO_CALIBRATE = 200
#: expected right codes that what is known of codes as frequent counts for, against a code's own
_PRIOR: Final = 15.0
#: classes of frequency: once, 2-3, 4-7, 8-15, 16-31, 32 and more; each begins with so many right of as many expected
_FREQUENCIES: Final = 6
_STEADY: Final = 2.0


Names = npt.NDArray[np.object_]
Curve = tuple[tuple[float, ...], tuple[float, ...]]
"""Scores, ascending, and the probability at each; empty where scores are probabilities as they are."""


@dataclass(frozen=True)
class Calibration:
    """Scores to probabilities, as the reference's labels have them, and labels for each expected right code.

    Accepted and other codes have a curve each: a coder accepts for reasons that its score does not tell. Each code has
    a factor too: when the mix of diseases changes, so does the share of codes that a coder knows well.

    Attributes:
        accepted: curve of accepted codes. others: of the rest.
        factors: code (after "-" where it is not accepted) to what its probability is multiplied by.
        unseen: factors of accepted and other codes that the reference does not have.
        labels_per_expected: labels, also those never listed, for each expected right code.
        foretold: what stays foretell; None where the reference has too few labels.
    """

    accepted: Curve
    others: Curve
    factors: Mapping[str, float]
    unseen: tuple[float, float]
    labels_per_expected: float
    foretold: Foretold | None = None

    def probability(self, code: Names, score: npt.ArrayLike, accepted: npt.ArrayLike) -> Floats:
        """Probability of each code to be right; its score where there was nothing to calibrate on."""
        given, taken = np.asarray(score, np.float64), np.asarray(accepted, bool)
        curved = np.where(taken, _along(self.accepted, given), _along(self.others, given))
        if not self.factors or not len(given):
            return curved
        unique, place = np.unique(_named(code, taken), return_inverse=True)
        factor = [self.factors.get(name, self.unseen[name.startswith("-")]) for name in unique]
        return np.clip(curved * np.array(factor)[place], 0.0, 1.0)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "accepted": [list(side) for side in self.accepted],
            "others": [list(side) for side in self.others],
            "factors": dict(self.factors),
            "unseen": list(self.unseen),
            "labels_per_expected": self.labels_per_expected,
            "foretold": None if self.foretold is None else self.foretold.to_json(),
        }

    @staticmethod
    def from_json(said: dict[str, Any]) -> Calibration:
        """The calibration that `to_json` wrote."""
        accepted, others = ((tuple(x), tuple(y)) for x, y in (said["accepted"], said["others"]))
        unseen = (float(said["unseen"][0]), float(said["unseen"][1]))
        foretold = Foretold.from_json(said["foretold"]) if said.get("foretold") else None
        return Calibration(accepted, others, said["factors"], unseen, float(said["labels_per_expected"]), foretold)


AS_GIVEN: Final = Calibration(((), ()), ((), ()), {}, (1.0, 1.0), 1.0)


def _along(curve: Curve, score: Floats) -> Floats:
    return np.interp(score, *curve) if curve[0] else np.clip(score, 0.0, 1.0)


def calibrated(
    code: Names, score: npt.ArrayLike, accepted: npt.ArrayLike, right: npt.ArrayLike, labels: float
) -> Calibration:
    """Fit rising curves (isotonic) of right codes by score, and what each code differs from them by.

    Args:
        code: of every listed code. score: its score. accepted: whether it was. right: whether a coder gave it.
        labels: number of labels of the same encounters, listed or not.
    """
    scores, hits = np.asarray(score, np.float64), np.asarray(right, np.float64)
    taken = np.asarray(accepted, bool)
    curves = [_curve(scores[side], hits[side]) for side in (taken, ~taken)]
    plain = Calibration(curves[0], curves[1], {}, (1.0, 1.0), 1.0)
    curved = plain.probability(code, scores, taken)
    factors: dict[str, float] = {}
    unseen = [1.0, 1.0]
    for n, side in enumerate((taken, ~taken)):
        if curves[n][0]:
            own, unseen[n] = _factors(_named(code, taken)[side], hits[side], curved[side])
            factors |= own
    fitted = Calibration(curves[0], curves[1], factors, (unseen[0], unseen[1]), 1.0)
    expected = float(fitted.probability(code, scores, taken).sum())
    return replace(fitted, labels_per_expected=float(labels) / expected if labels and expected else 1.0)


def _factors(names: npt.NDArray[np.str_], hits: Floats, p: Floats) -> tuple[dict[str, float], float]:
    """Right over expected of each code, drawn towards that of codes about as frequent, and that of codes never seen.

    A code seen n times here is to later encounters what one seen n + 1 times is to the other encounters here, so those
    give the value to draw towards; codes seen once give that of unseen ones.
    """
    unique, place, count = np.unique(names, return_inverse=True, return_counts=True)
    right, expected = np.bincount(place, hits), np.bincount(place, p)
    frequency = np.minimum(np.log2(count), _FREQUENCIES - 1).astype(np.int64)
    by_frequency = [np.bincount(frequency, one, minlength=_FREQUENCIES) + _STEADY for one in (right, expected)]
    towards = by_frequency[0] / by_frequency[1]
    prior = towards[np.minimum(np.log2(count + 1), _FREQUENCIES - 1).astype(np.int64)]
    found = (right + _PRIOR * prior) / (expected + _PRIOR)
    return {str(name): round(float(f), 6) for name, f in zip(unique, found, strict=True)}, float(towards[0])


def _named(code: Names, accepted: npt.NDArray[np.bool_]) -> npt.NDArray[np.str_]:
    return np.where(accepted, code, "-" + code.astype(object)).astype(str)


def _curve(scores: Floats, hits: Floats) -> Curve:
    if len(scores) < _FEWEST_TO_CALIBRATE:
        return (), ()
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, hits)
    x, y = np.round(fitted.X_thresholds_, 6), np.round(fitted.y_thresholds_, 6)
    return tuple(x.tolist()), tuple(y.tolist())


def estimated_rows(
    encounter: npt.NDArray[np.int64],
    probability: Floats,
    accepted: npt.NDArray[np.bool_],
    stays: pd.DataFrame,
    calibration: Calibration,
) -> Floats:
    """Expected right, accepted, labels, noise and how far stays are believed, of each encounter of a day. Shape (n, 5).

    Args:
        encounter: number of the encounter of each listed code, 0 to n - 1.
        probability: that it is right, as `calibration` has it. accepted: whether it was.
        stays: the n encounters (`by_stay.stays_of`). calibration: of the reference.
    """
    size = len(stays)
    labels = calibration.labels_per_expected * np.bincount(encounter, probability, minlength=size)
    right = probability[accepted]
    share, chance = 0.0, np.zeros(size)
    if calibration.foretold is not None:
        by_stay = calibration.foretold.labels.of(stays)
        share = calibration.foretold.share(by_stay - labels)
        if share:
            labels = (1 - share) * labels + share * by_stay
            wrong = (1 - share) * float((1 - right).sum()) + share * float(calibration.foretold.wrong.of(stays).sum())
            right = with_odds_for(right, wrong)
            # a number of labels that scores do not tell varies by itself; F1 moves by at most half a right code a label
            chance = share * labels / 4
    own = encounter[accepted]
    return np.column_stack(
        [
            np.bincount(own, right, minlength=size),
            np.bincount(own, minlength=size),
            labels,
            np.bincount(own, right * (1.0 - right), minlength=size) + chance,
            np.full(size, share),
        ]
    )


def realised_rows(
    encounter: npt.NDArray[np.int64], right: npt.NDArray[np.bool_], accepted: npt.NDArray[np.bool_], labels: Floats
) -> Floats:
    """Right, accepted and labels of each encounter, and no noise. Shape (size, 4); `labels` has the size."""
    size = len(labels)
    return np.column_stack(
        [
            np.bincount(encounter, right & accepted, minlength=size),
            np.bincount(encounter, accepted, minlength=size),
            labels,
            np.zeros(size),
        ]
    )
