"""Single claims of hospitals whose other claims are known: their prices, and what their intervals are set on.

A claim varies more than a mean over discharges, and a hospital's dollars are those of its own years. So a claim is
priced with the means of its hospital's other claims in the frame, and its interval is conformal on claims that were
kept back, priced in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.billing.amounts.cases import COLUMNS, KNOWN, cases_of, drg_number
from medcode_ml.billing.amounts.intervals import calibrated

if TYPE_CHECKING:
    from medcode_ml.billing.amounts.model import AmountModel, ClaimTerms

NOISES: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Variances of the log amount of a single claim that are tried."""


@dataclass(frozen=True)
class OwnClaims:
    """Own claims as cases by `cases.COLUMNS`: the means that are known by hospital and DRG, and claims kept back."""

    known: pd.DataFrame
    calibration: pd.DataFrame


def claim_terms(model: AmountModel, claims: OwnClaims) -> ClaimTerms:
    """The noise of single claims by which those kept back are priced best, and ends that hold 90% of them.

    What the model learned of noise is that of means over many discharges: of a mean of two claims it would make too
    much. Claims kept back without an amount do not count.
    """
    from medcode_ml.billing.amounts.model import ClaimTerms

    asked = claims.calibration[_known_to(model, claims.calibration)]
    cases = cases_of(together(claims.known, asked))
    own = slice(len(cases) - len(asked), None)
    logs = {t: np.log(pd.to_numeric(asked[key]).to_numpy(dtype=np.float64)) for t, key in KNOWN.items()}
    tried = {noise: model.said(cases, noise) for noise in NOISES}

    def error(noise: float) -> float:
        return sum(float(np.nanmean(np.abs(y - tried[noise][t].log_price[own]))) for t, y in logs.items())

    best = min(NOISES, key=error)
    ends = {}
    for target, said in tried[best].items():
        there = ~np.isnan(logs[target])
        ends[target] = calibrated(logs[target][there], *(values[own][there] for values in said))
    return ClaimTerms(best, ends)


def price_claims(model: AmountModel, claims: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Prices of claims with 90% intervals of single claims, by `model.PRICED`; a claim's own amounts are not used.

    Args:
        model: one that was given claims to set intervals on.
        claims: cases by `cases.COLUMNS`, one a claim; those with a DRG that cannot be priced are passed over.
        known: means by hospital and DRG of other claims, as cases.

    Returns:
        A frame with the index of the claims that were priced, US dollars.

    Raises:
        ClaimIntervalsError: the model was given no claims.
    """
    asked = claims[_known_to(model, claims)]
    told = known[_known_to(model, known) & known["provider_id"].isin(set(asked["provider_id"])).to_numpy()]
    values = model.priced(cases_of(together(told, asked)), claims=True)
    return pd.DataFrame({name: own[len(told) :] for name, own in values.items()}, index=asked.index)


def together(known: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """The known cases, then those asked for without their amounts."""
    hidden = asked.assign(**dict.fromkeys(KNOWN.values()))
    frames = [frame[list(COLUMNS)].astype(object) for frame in (known, hidden) if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else known.iloc[:0]


def _known_to(model: AmountModel, cases: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which cases have a DRG that can be priced."""

    def priced(drg: Any) -> bool:
        return drg is not None and drg == drg and model.basis.knows(drg_number(drg))

    known = {drg: priced(drg) for drg in cases["drg"].unique()}
    return np.array([known[drg] for drg in cases["drg"]], dtype=np.bool_)
