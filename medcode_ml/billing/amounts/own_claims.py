"""The hospital's own claims as cases, and claims whose amounts lie outside their interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from medcode_ml.billing.amounts.cases import COLUMNS, KNOWN, TARGETS, AmountCaseError

if TYPE_CHECKING:
    from medcode_ml.billing.amounts.model import AmountModel

CLAIM_COLUMNS: Final = (
    "drg", "hospital_id", "hospital_name", "city", "state", "zip", "total_charge", "paid",
)  # fmt: skip
OUTSIDE_COLUMNS: Final = ("encounter_id", "target", "amount", "low", "high", "model_version")


def cases_from_claims(claims: pd.DataFrame) -> pd.DataFrame:
    """Cases of claims, one a claim, with the index of `claims`.

    Args:
        claims: `CLAIM_COLUMNS`; a total charge or payment that is missing or not above 0 is not known.

    Raises:
        AmountCaseError: a column is missing.
    """
    lacking = [name for name in CLAIM_COLUMNS if name not in claims.columns]
    if lacking:
        raise AmountCaseError(f"the claims have no column {', '.join(lacking)}")
    found = pd.DataFrame(
        {
            "drg": claims["drg"],
            "provider_id": claims["hospital_id"],
            "provider_name": claims["hospital_name"],
            "city": claims["city"],
            "state": claims["state"],
            "zip": claims["zip"],
            "referral_region": None,
            "total_discharges": 1,
            KNOWN["charges"]: _dollars(claims["total_charge"]),
            KNOWN["payments"]: _dollars(claims["paid"]),
        },
        index=claims.index,
    )
    return found.astype(object)[list(COLUMNS)]


def outside(claims: pd.DataFrame, model: AmountModel) -> pd.DataFrame:
    """The amounts of claims that lie outside their 90% interval, by `OUTSIDE_COLUMNS`.

    No claim's own amounts are used to price it; those of other claims of its hospital in the frame are.

    Args:
        claims: `CLAIM_COLUMNS` and encounter_id; claims without a DRG that can be priced are passed over.
        model: one trained on claims; a model of means over discharges has intervals that are too narrow for one claim.
    """
    known = [drg is not None and drg == drg and model.basis.knows(str(drg).zfill(3)) for drg in claims["drg"]]
    claims = claims[known]
    if claims.empty:
        return pd.DataFrame(columns=list(OUTSIDE_COLUMNS), dtype=object)
    cases = cases_from_claims(claims)
    prices = model.price(cases)
    parts = []
    for target in TARGETS:
        amount = pd.to_numeric(cases[KNOWN[target]])
        low, high = prices[f"{target}_low"], prices[f"{target}_high"]
        out = (amount < low) | (amount > high)
        parts.append(
            pd.DataFrame(
                {
                    "encounter_id": claims["encounter_id"][out],
                    "target": target,
                    "amount": amount[out],
                    "low": low[out].round(2),
                    "high": high[out].round(2),
                    "model_version": model.version,
                }
            )
        )
    return pd.concat(parts, ignore_index=True).astype(object)[list(OUTSIDE_COLUMNS)]


def _dollars(amounts: pd.Series) -> pd.Series:
    """Amounts as floats, None where there is none above 0: a price is a ratio to it."""
    values = pd.to_numeric(amounts, errors="coerce").astype(float)
    return values.astype(object).where(values > 0, None)
