"""The code set of notes without a date: the release that holds the largest share of their labels."""

from __future__ import annotations

from collections import Counter
from datetime import date

import numpy as np

from medcode_ml.codes.codeset import yyyymmdd
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.release import releases


def told_by_labels(labels: Counter[str]) -> tuple[date, float | None]:
    """First day of the release that holds most of `labels`, the newest among equals, and the share it holds.

    Args:
        labels: codes with the number of notes each stands in.

    Returns:
        The day, and the share of the labels billable on it: None without labels, when the newest release stands in.
    """
    starts = np.array([yyyymmdd(r.start) for r in releases()])
    held = _held(labels, starts)
    best = len(held) - 1 - int(np.argmax(held[::-1]))
    total = sum(labels.values())
    return releases()[best].start, (float(held[best]) / total if total else None)


def share_held(labels: Counter[str], day: date) -> float | None:
    """Share of `labels` that can be billed on `day`; None without labels."""
    total = sum(labels.values())
    return float(_held(labels, np.array([yyyymmdd(day)]))[0]) / total if total else None


def _held(labels: Counter[str], days: np.ndarray) -> np.ndarray:
    """Number of labels billable on each day. Shape (days,)."""
    spans = reference_table("diagnosis_code", ("code", "first_day", "last_day"))
    own = spans[spans["code"].isin(list(labels))]
    counts = np.array([labels[c] for c in own["code"]], dtype=np.int64)
    inside = (own["first_day"].to_numpy()[:, None] <= days) & (own["last_day"].to_numpy()[:, None] >= days)
    # the spans of one code never overlap, so no label counts twice
    held: np.ndarray = counts @ inside if len(own) else np.zeros(len(days), dtype=np.int64)
    return held
