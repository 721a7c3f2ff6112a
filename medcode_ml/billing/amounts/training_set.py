"""The training set of the amount model: claims with what was charged and what was paid for them."""

from __future__ import annotations

from datetime import date
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.claim_rows import INPATIENT, claims_of_day
from medcode_ml.contracts import ml
from medcode_ml.contracts.stage import StageResult
from medcode_ml.models.warehouse.training_set import fill_training_set

REMITTANCE, CONTRACT = "remittance", "contract"
_VOID: Final = "8"
_COLUMNS: Final = [c.name for c in ml.amount_training_set.columns if c.name not in ("received_date", *ml.OF_THE_SPLIT)]


def run_training_set(
    engine: sa.Engine, start: date, end: date, *, since: date | None = None, recent_from: date | None = None
) -> StageResult:
    """Replace the training set of the days `start` to `end` and split all days anew (see `fill_training_set`)."""
    return fill_training_set(engine, ml.AMOUNT, start, end, training_set_of, since=since, recent_from=recent_from)


def training_set_of(connection: sa.Connection, day: date) -> pd.DataFrame:
    """Return the rows of `ml.amount_training_set` for claims received on `day`, not yet split."""
    return learned_claims(claims_of_day(connection, day))


def learned_claims(claims: pd.DataFrame) -> pd.DataFrame:
    """One row for every claim: kept, or set aside with its reason.

    The payment is what the insurer allowed; of a claim not answered yet, what its contract lets expect. Set aside are
    claims an edit holds, whose charges may be wrong, and those without a DRG or an amount above 0.

    Args:
        claims: as `claim_rows.claims_of_day` gives them.

    Returns:
        The columns of `ml.amount_training_set` but received_date and those of the split; `split` and
        `person_id` are still None.
    """
    allowed, expected = (_above_zero(claims[name]) for name in ("allowed", "expected"))
    paid = allowed.notna()
    payments = allowed.where(paid, expected)
    checks = (
        ("held", claims["status"] != "ready"),
        ("void", claims["frequency_code"] == _VOID),
        ("outpatient", claims["setting"] != INPATIENT),
        ("no_drg", claims["drg"].isna()),
        ("no_discharge_date", claims["discharge_date"].isna()),
        ("no_charge", _above_zero(claims["charges"]).isna()),
        ("no_payment", payments.isna()),
    )
    aside = pd.Series([None] * len(claims), index=claims.index, dtype=object)
    for reason, wrong in checks[::-1]:
        aside[wrong.astype(bool)] = reason
    source = pd.Series(CONTRACT, index=claims.index, dtype=object).where(~paid, REMITTANCE)
    rows = claims.assign(
        person_id=None, split=None, set_aside=aside, payments=payments,
        payment_source=source.where(payments.notna(), None),
    )  # fmt: skip
    return rows.astype(object).where(lambda f: f.notna(), None)[_COLUMNS]


def _above_zero(amounts: pd.Series) -> pd.Series:
    """Amounts above 0, None where there is none."""
    return amounts.where([a is not None and a == a and a > 0 for a in amounts], None).astype(object)
