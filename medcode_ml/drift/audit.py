"""The audit sample: a few encounters a day, drawn at random within strata, for a second coder to code blind."""

from __future__ import annotations

from datetime import date
from typing import Final

import pandas as pd

from medcode_ml.contracts.ids import record_hash

AUTO, REVIEW, NO_CODES = "auto", "review", "no_codes"
COLUMNS: Final = ("encounter_id", "hospital_id", "version", "stratum", "stratum_size", "drawn", "weight")


def strata(encounters: pd.Series, codes: pd.DataFrame) -> pd.Series:
    """Stratum of each encounter: auto (every accepted code is), review (at least one is to be looked at), no_codes.

    Args:
        encounters: ids. codes: encounter_id, band, accepted.
    """
    taken = codes[codes["accepted"].astype(bool)]
    by_band = taken.assign(looked=taken["band"] != AUTO).groupby("encounter_id")["looked"].any()
    told = encounters.map(by_band.to_dict())
    return told.map({True: REVIEW, False: AUTO}).where(told.notna(), NO_CODES).astype(object)


def draw(day: date, encounters: pd.DataFrame, size: int) -> pd.DataFrame:
    """Draw about `size` encounters of the day: two of every stratum, the rest as the strata are large.

    The order of drawing is a hash of day and encounter, so that a run made again draws the same.

    Args:
        day: received day. encounters: encounter_id, hospital_id, version, stratum. size: about so many.

    Returns:
        `COLUMNS`; the weights of a stratum add up to its size.
    """
    found = []
    groups = encounters.groupby("stratum", sort=True)
    for stratum, group in groups:
        wanted = min(len(group), max(2, round(size * len(group) / len(encounters))))
        order = group["encounter_id"].map(lambda e: record_hash("audit", day.isoformat(), e))
        drawn = group.loc[order.sort_values(kind="stable").index[:wanted]]
        found.append(drawn.assign(stratum=stratum, stratum_size=len(group), drawn=wanted, weight=len(group) / wanted))
    return pd.DataFrame(pd.concat(found)[list(COLUMNS)] if found else [], columns=list(COLUMNS), dtype=object)
