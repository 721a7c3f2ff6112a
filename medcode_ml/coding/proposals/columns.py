"""Columns of the table that are worked out over all proposals: what stands beside a code, over it, around it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.proposals.charts import Chart
from medcode_ml.coding.proposals.table import SPANS, Floats, Ints

Keys = npt.NDArray[np.int64]
Found = dict[str, npt.NDArray[np.generic]]


def rest(code: str) -> float:
    """1 for the unspecified code of its kind, 2 for an "other specified" one, else 0: by the last character."""
    last = code.replace("X", "")[-1] if "." in code else ""
    return 1.0 if last in ("9", "0") else 2.0 if last == "8" else 0.0


def ontology_columns(columns: dict[str, Floats], rows: Keys, found: Found) -> None:
    """What the ontology coder says of a code."""
    names = ("score", "accepted", "said", "places", "carrying", "kind", "chosen", "length", "made")
    at = np.searchsorted(rows, found["key"])
    for number, name in enumerate(names):
        columns[f"ontology_{name}"] = np.full(len(rows), np.nan, dtype=np.float32)
        columns[f"ontology_{name}"][at] = found["values"][:, number]


def ontology_spans(spans: Ints, rows: Keys, found: Found) -> None:
    """The ontology coder's mentions, after the phrases that were learned."""
    for place, own in zip(np.searchsorted(rows, found["key"]).tolist(), found["spans"].tolist(), strict=True):
        free = int(np.argmax(spans[place, :, 0] < 0)) if (spans[place, :, 0] < 0).any() else SPANS
        for span in own[: SPANS - free]:
            spans[place, free] = span
            free += 1


def retrieved_columns(
    columns: dict[str, Floats],
    channel: str,
    rows: Keys,
    found: Found,
    charts: Sequence[Chart],
    chart: Ints,
    spans: Ints,
) -> None:
    """How much of a wording one sentence covers; a proposal without a phrase of its own gets the sentence as span."""
    at = np.searchsorted(rows, found["key"])
    for name in ("covered", "weight", "rank"):
        columns[f"{channel}_{name}"] = np.full(len(rows), np.nan, dtype=np.float32)
        columns[f"{channel}_{name}"][at] = found[name]
    said = np.full(len(rows), np.nan, dtype=np.float32)
    for place, sentence in zip(at.tolist(), found["sentence"].tolist(), strict=True):
        note = charts[chart[place]].note
        first = int(np.searchsorted(note.sentence, sentence))
        last = int(np.searchsorted(note.sentence, sentence, side="right"))
        own = note.said[first:last]
        said[place] = np.median(own) if len(own) else np.nan
        if spans[place, 0, 0] < 0 and last > first:
            spans[place, 0] = (note.starts[first], note.ends[last - 1])
    columns[f"{channel}_said"] = said


def overruled(chart: npt.NDArray[np.int64], start: Ints, end: Ints, code: Ints, chance: Floats) -> Floats:
    """For each hit the best chance of another code at a longer phrase around it."""
    out = np.zeros(len(chart), dtype=np.float32)
    bounds = np.searchsorted(chart, np.arange(int(chart[-1]) + 2)) if len(chart) else np.zeros(1, dtype=np.intp)
    for low, high in pairwise(bounds.tolist()):
        s, e, c, p = start[low:high], end[low:high], code[low:high], chance[low:high]
        longer = (s[:, None] >= s) & (e[:, None] <= e) & ((e - s)[:, None] < (e - s)) & (c[:, None] != c)
        out[low:high] = np.where(longer, p, 0).max(axis=1, initial=0)
    return out


def best_other(group: Keys, value: Floats) -> Floats:
    """The best `value` among the other rows of the same group, -1 where there is none."""
    order = np.lexsort((-value, group))
    start = np.nonzero(np.r_[True, group[order][1:] != group[order][:-1]])[0]
    size = np.diff(np.r_[start, len(order)])
    top = np.repeat(value[order][start], size)
    second = np.where(size > 1, value[order][np.minimum(start + 1, len(order) - 1)], -1.0)
    out = np.empty(len(value), dtype=np.float32)
    out[order] = top
    out[order[start]] = second
    return out


def place_within(chart: Ints, value: Floats) -> Floats:
    """Place of each row among those of its chart by `value`, the best 0."""
    order = np.lexsort((-value, chart))
    out = np.empty(len(value), dtype=np.float32)
    out[order] = np.arange(len(order)) - np.searchsorted(chart[order], chart[order])
    return out
