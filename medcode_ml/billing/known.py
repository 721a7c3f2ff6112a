"""What is known of an encounter beyond its case: optional columns of the frames of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from medcode_ml.billing.claims import ClaimFrames


@dataclass(frozen=True, slots=True)
class Known:
    """Date of death, and the codes that may be principal; None where nothing says so."""

    death_date: date | None
    eligible: frozenset[str] | None


NOTHING_KNOWN = Known(None, None)


def known_of(frames: ClaimFrames) -> dict[str, Known]:
    """By encounter, of those about which anything is known."""
    deaths: dict[str, date | None] = {}
    if "death_date" in frames.encounters.columns:
        given = frames.encounters[["encounter_id", "death_date"]]
        deaths = {str(key): _date(day) for key, day in given.itertuples(index=False) if not pd.isna(day)}
    eligible: dict[str, set[str]] = {}
    if "eligible" in frames.codes.columns:
        for key, code, may in frames.codes[["encounter_id", "code", "eligible"]].itertuples(index=False):
            if may is None or pd.isna(may):
                continue
            own = eligible.setdefault(str(key), set())
            if may:
                own.add(code)
    return {
        key: Known(deaths.get(key), frozenset(eligible[key]) if key in eligible else None)
        for key in deaths.keys() | eligible.keys()
    }


def _date(value: Any) -> date:
    """A date; pandas makes time stamps of dates in passing."""
    day: date = value.date() if isinstance(value, pd.Timestamp) else value
    return day
