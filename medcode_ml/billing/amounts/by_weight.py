"""A price without any training: the relative weight times what a unit of weight costs in the nation."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from medcode_ml.billing.amounts.cases import CHARGES, PAYMENTS, AmountCaseError, drg_number
from medcode_ml.billing.amounts.weights import grouped

PER_WEIGHT: Final = {CHARGES: (26_700.0, 10_200.0, 57_000.0), PAYMENTS: (7_230.0, 4_760.0, 10_900.0)}
"""US dollars of FY2011 for a weight of 1: all discharges together, and 5% and 95% quantiles over hospitals and DRGs.

From the CMS inpatient charge data of FY2011 (the hundred most frequent MS-DRGs, public domain), divided by the weights
of IPPS Table 5 of FY2026. The interval is the spread of the nation: it knows nothing of the hospital.
"""


def price_by_weight(cases: pd.DataFrame) -> pd.DataFrame:
    """Price cases by the grouper's weight: a frame by `model.PRICED`, US dollars of FY2011, its index that of `cases`.

    Raises:
        AmountCaseError: a DRG has no weight.
    """
    drgs = [drg_number(drg) for drg in cases["drg"]]
    weights = {drg: grouped(drg) for drg in set(drgs)}
    unknown = sorted(drg for drg, facts in weights.items() if facts is None)
    if unknown:
        raise AmountCaseError(f"DRG {', '.join(unknown)} has no weight; leave such cases out")
    by_drg = {drg: facts.weight for drg, facts in weights.items() if facts is not None}
    weight = np.array([by_drg[drg] for drg in drgs], dtype=np.float64)
    return pd.DataFrame(
        {
            f"{target}{end}": weight * dollars
            for target, rates in PER_WEIGHT.items()
            for end, dollars in zip(("", "_low", "_high"), rates, strict=True)
        },
        index=cases.index,
    )
