"""The bands auto, review and drop, with a promise that holds: Learn-then-Test (Angelopoulos et al. 2021).

**Auto**: codes at or above a threshold are taken without a person. The risk is the share of wrong codes among all codes
taken. **Drop**: codes below a threshold are not shown. The risk is the share of the true codes among those scored that
are lost so. Either threshold is *certified* where a valid test rejects "the risk is above the target" at the chosen
confidence; thresholds are tested one after the other in an order fixed before (fixed-sequence testing), so that no
correction for many thresholds is needed within a sequence.

What is assumed, and what is not:

- The groups (patients, or notes where patients are not known) are independent, and come from where later ones will.
- **The codes of one group are not taken as independent**: they may be right and wrong together. How much so is
  estimated (the correlation of errors within a group, at the upper end of its one-sided 90% interval) on the smallest
  choice that holds 50 errors; the codes then count as fewer independent ones (design effect), and the p-value is that
  of the exact binomial test on this effective number (Korn and Graubard 1998, as health surveys do for clustered
  samples). Where there are too few errors to estimate it, or `dependence="any"` is asked for, a group counts as a
  single observation, however many codes it has.
  The exact test is valid in finite samples; the estimated correlation makes it approximate. The simulation in the tests
  holds it to its promise, with groups whose errors come together.
- The rows are of groups the model did not learn from (kept apart, or scored out of fold).
- The thresholds tried are laid by counts of chosen codes, never by whether they are right. The calibrators of this room
  rise strictly, so that a calibrator fitted on the same rows does not change what a count chooses.
- Without enough groups there is no certificate, hence no auto band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

AUTO: Final = "auto"
REVIEW: Final = "review"
DROP: Final = "drop"
_STEPS: Final = 400  # thresholds tried in one sequence
_ERRORS: Final = 50
_STARTS: Final = (1.25, 2.5, 5.0)
"""Where the sequences of `auto_threshold` start, in multiples of the groups that would do if no code were wrong. Strict
thresholds choose too few codes to prove anything, lax ones choose too many wrong codes: no single start suits both a
good and a fair model. Each sequence gets its part of the error (Bonferroni)."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A certified threshold, or None and why there is none.

    `risk` is what was observed at the threshold, `p_value` the test's, `chosen` the rows at or above it (auto) or below
    it (drop), `groups` how many groups those rows are of.
    """

    value: float | None
    because: str
    target: float
    confidence: float
    risk: float | None = None
    p_value: float | None = None
    correlation: float | None = None
    chosen: int = 0
    groups: int = 0


@dataclass(frozen=True, slots=True)
class Bands:
    """The thresholds in use: `auto` and `drop` probabilities; None where there is no such band."""

    auto: float | None
    drop: float | None

    def of(self, probabilities: ArrayLike) -> NDArray[np.object_]:
        """The band of each probability."""
        p = np.asarray(probabilities, float)
        band = np.full(p.shape, REVIEW, object)
        if self.drop is not None:
            band[p < self.drop] = DROP
        if self.auto is not None:
            band[p >= self.auto] = AUTO
        return band

    def facts(self) -> dict[str, float | None]:
        """The thresholds for a model folder."""
        return {"auto": self.auto, "drop": self.drop}

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Bands:
        """The bands out of `facts`."""
        return cls(facts["auto"], facts["drop"])


def without_auto(bands: NDArray[np.object_]) -> NDArray[np.object_]:
    """The same bands where the auto band is suspended: a person looks at what would have gone through."""
    return np.where(bands == AUTO, REVIEW, bands).astype(object)


def auto_threshold(
    probabilities: ArrayLike,
    correct: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    precision: float = 0.95,
    confidence: float = 0.90,
    dependence: Literal["estimated", "any"] = "estimated",
) -> Threshold:
    """The laxest threshold whose chosen codes are certified to be right in at least `precision` of the cases.

    `probabilities` (rows,) of the codes scored, `correct` (rows,) whether a code is true, `groups` (rows,) whose
    patient or note it is. In at most 1 - `confidence` of calibration samples is a threshold certified whose true
    precision is below `precision`. A threshold that chooses nothing is never certified.
    """
    p, right, ids = _checked(probabilities, correct, groups, precision, confidence)
    target, level = 1.0 - precision, (1.0 - confidence) / len(_STARTS)
    order, ends = _cuts(p)
    chosen, wrong = _counts(order, ends, ids, ~right)
    correlation = 1.0 if dependence == "any" else error_correlation(chosen, wrong)
    # were no code wrong: the cuts at which there is enough to prove the target at all
    flawless = risk_p_values(chosen, np.zeros_like(wrong), target, correlation)
    p_values = risk_p_values(chosen, wrong, target, correlation)
    best = -1
    for start in _STARTS:
        enough = np.flatnonzero(flawless <= level**start)
        if len(enough):
            passed = _passed(p_values[enough[0] :] <= level)
            best = max(best, int(enough[0]) + passed - 1) if passed else best
    none = Threshold(None, "", target, confidence, correlation=correlation)
    if not (flawless <= level ** _STARTS[0]).any():
        return replace(none, because=f"too few data: {_have(chosen)}, too few to prove {precision:.0%} were all right")
    if best < 0:
        return replace(none, because=f"no threshold holds {precision:.0%} at {confidence:.0%} confidence")
    rows = int(ends[best])
    return Threshold(
        float(p[order[rows - 1]]),
        "certified",
        target,
        confidence,
        float(wrong[best].sum() / rows),
        float(p_values[best]),
        correlation,
        rows,
        int((chosen[best] > 0).sum()),
    )


def drop_threshold(
    probabilities: ArrayLike,
    correct: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    loss: float = 0.02,
    confidence: float = 0.90,
    dependence: Literal["estimated", "any"] = "estimated",
) -> Threshold:
    """The highest threshold below which at most the share `loss` of the true codes lies, certified like the auto band.

    True codes that were never scored are not counted: no threshold loses them. Tested from the lowest threshold up.
    Where nothing is certified the value is None: then nothing is dropped but what the model does not list.
    """
    p, true, ids = _checked(probabilities, correct, groups, 1.0 - loss, confidence)
    level = 1.0 - confidence
    # the cuts lie dense among the likely codes, where the true ones are; from the one that keeps every row upwards
    order, ends = _cuts(p)
    _, kept = (counted[::-1] for counted in _counts(order, ends, ids, true))
    ends = ends[::-1]
    all_true = np.broadcast_to(np.bincount(ids, true, minlength=kept.shape[1]).astype(float), kept.shape)
    lost = all_true - kept
    correlation = 1.0 if dependence == "any" else error_correlation(all_true, lost)
    p_values = risk_p_values(all_true, lost, loss, correlation)
    none = Threshold(None, "", loss, confidence, correlation=correlation)
    if not true.any() or p_values[0] > level:
        return replace(none, because=f"too few data: {_have(all_true)} are true, too few to prove a loss of {loss:.0%}")
    best = _passed(p_values <= level) - 1
    if best < 1:
        return replace(none, because=f"no threshold loses less than {loss:.0%} at {confidence:.0%} confidence")
    rows = int(ends[best])
    return Threshold(
        float(p[order[rows - 1]]),
        "certified",
        loss,
        confidence,
        float(lost[best].sum() / true.sum()),
        float(p_values[best]),
        correlation,
        len(p) - rows,
        len(np.unique(ids[order[rows:]])),
    )


def risk_p_values(
    chosen: NDArray[np.float64], bad: NDArray[np.float64], target: float, correlation: float
) -> NDArray[np.float64]:
    """p-values of "the risk is at least `target`" at each cut (a row each).

    `chosen` and `bad` (cuts, groups) are the codes of a group that a cut chooses, and the bad ones among them;
    `correlation` is that of errors within a group (1: a group is one observation).
    """
    from scipy.special import betainc

    codes = chosen.sum(1)
    together = np.divide((chosen**2).sum(1), codes, out=np.ones_like(codes), where=codes > 0)
    effect = 1.0 + correlation * (together - 1.0)
    n, k = codes / effect, bad.sum(1) / effect
    # P(Binomial(n, target) <= k), continued to n and k that are no whole numbers
    p: NDArray[np.float64] = betainc(np.maximum(n - k, 1e-12), k + 1.0, 1.0 - target)
    return np.where(bad.sum(1) >= target * codes, 1.0, p)


def error_correlation(chosen: NDArray[np.float64], bad: NDArray[np.float64]) -> float:
    """The correlation of errors within a group, the upper end of its one-sided 90% interval; 1 where it is unknown.

    Measured at the first cut that holds `_ERRORS` errors (the last where none does) from the products of pairs of codes
    of one group; the interval by linearisation over groups.
    """
    errors = bad.sum(1)
    if not len(errors) or errors.max() < _ERRORS / 5:
        return 1.0
    at = int(np.argmax(errors >= _ERRORS)) if errors.max() >= _ERRORS else int(np.argmax(errors))
    n, e = chosen[at], bad[at]
    risk = e.sum() / n.sum()
    spread = risk * (1.0 - risk)
    pairs = n * (n - 1.0)
    if spread == 0:
        return 1.0
    if not pairs.any():
        return 0.0
    products = (e - risk * n) ** 2 - (e * (1.0 - risk) ** 2 + (n - e) * risk**2)
    found = products.sum() / (spread * pairs.sum())
    error = np.sqrt(((products - found * spread * pairs) ** 2).sum()) / (spread * pairs.sum())
    return float(np.clip(found + 1.2816 * error, 0.0, 1.0))


def _passed(holds: NDArray[np.bool_]) -> int:
    """How many tests of a sequence pass before the first that fails."""
    return int(np.argmin(np.append(holds, False)))


def _have(chosen: NDArray[np.float64]) -> str:
    """What there is, in words."""
    rows, groups = (int(chosen[-1].sum()), int((chosen[-1] > 0).sum())) if len(chosen) else (0, 0)
    return f"{rows:,} codes of {groups:,} patients or notes"


def _cuts(keys: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by falling key, and the lengths of the beginnings that thresholds on the key choose (ties stay together)."""
    order = np.argsort(-keys, kind="stable")
    ordered = keys[order]
    possible = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) + 1 if len(keys) else np.zeros(0, int)
    if len(possible) <= _STEPS:
        return order, possible
    wanted = np.geomspace(possible[0], possible[-1], _STEPS)
    return order, possible[np.unique(np.searchsorted(possible, wanted).clip(0, len(possible) - 1))]


def _counts(
    order: NDArray[np.int64],
    ends: NDArray[np.int64],
    ids: NDArray[np.int64],
    bad: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chosen and bad rows of each group at each cut: two arrays (cuts, groups)."""
    groups = int(ids.max(initial=-1)) + 1
    step = np.searchsorted(ends, np.arange(len(order)), side="right")
    place = step * groups + ids[order]
    size = len(ends) * groups
    chosen = np.bincount(place, minlength=size).astype(float).reshape(len(ends), groups).cumsum(0)
    wrong = np.bincount(place, bad[order].astype(float), minlength=size).reshape(len(ends), groups).cumsum(0)
    return chosen, wrong


def _checked(
    probabilities: ArrayLike, correct: ArrayLike, groups: Any, level: float, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """The rows as arrays, groups numbered."""
    p = np.asarray(probabilities, float)
    right = np.asarray(correct, bool)
    if not 0 < level < 1 or not 0 < confidence < 1:
        raise ValueError(f"precision or loss ({level}) and confidence ({confidence}) lie between 0 and 1")
    if not np.isfinite(p).all() or p.shape != right.shape or len(p) != len(groups):
        raise ValueError(
            f"{len(p)} probabilities, {len(right)} labels, {len(groups)} groups: one of each a row, finite"
        )
    ids = np.unique(np.asarray(groups), return_inverse=True)[1]
    return p, right, ids.astype(np.int64)
