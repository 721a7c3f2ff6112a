"""Made-up hospitals whose amounts follow a rule: a level by state, a price by DRG, and a hospital's own habit."""

from __future__ import annotations

import numpy as np
import pandas as pd

DRGS = ("189", "193", "291", "470", "871", "872", "690", "603", "392", "641")
STATES = {"MA": ("02114", 0.3), "TX": ("77030", -0.2), "CA": ("94110", 0.5), "OH": ("43210", -0.4)}


def made_up(hospitals: int, seed: int = 7) -> pd.DataFrame:
    """Cases by `cases.COLUMNS`, every DRG at every hospital but for a few."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(hospitals):
        state = list(STATES)[number % len(STATES)]
        zip_code, level = STATES[state]
        habit = draw.normal(0.0, 0.15)
        for place, drg in enumerate(DRGS):
            if draw.random() < 0.15:
                continue
            log = 9.0 + 0.15 * place + level + habit + draw.normal(0.0, 0.05)
            rows.append(
                {
                    "drg": drg,
                    "provider_id": f"{list(STATES).index(state) + 10:02d}{number + 1:04d}",
                    "provider_name": f"{('HARBOUR', 'VALLEY', 'ELM', 'HILL')[number % 3]} HOSPITAL {number}",
                    "city": "TOWN",
                    "state": state,
                    "zip": zip_code,
                    "referral_region": f"{state} - Town",
                    "total_discharges": float(draw.integers(11, 90)),
                    "aveCharges": float(np.exp(log + 1.0)),
                    "avePayments": float(np.exp(0.5 * log + 4.5 + draw.normal(0.0, 0.02))),
                }
            )
    return pd.DataFrame(rows).astype(object)
