"""Columns of the table that are worked out over all proposals: what stands beside a code, over it, around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.assertion import AFFIRMED, STRENGTH, UNCERTAIN
from medcode_ml.coding.proposals.charts import Chart
from medcode_ml.coding.proposals.table import SPANS, Floats, Ints

STATED = min(STRENGTH.index(UNCERTAIN), STRENGTH.index(AFFIRMED))
"""From this place in `STRENGTH` on, something is said of the patient, here and now."""
Keys = npt.NDArray[np.int64]
Found = dict[str, npt.NDArray[np.generic]]


def rest(code: str) -> float:
    """1 for the unspecified code of its kind, 2 for an "other specified" one, else 0: by the last character."""
    last = code.replace("X", "")[-1] if "." in code else ""
    return 1.0 if last in ("9", "0") else 2.0 if last == "8" else 0.0


def ontology_columns(columns: dict[str, Floats], rows: Keys, found: Found) -> None:
    """What the ontology coder says of a code."""
    names = (
        "score", "accepted", "said", "places", "carrying", "kind", "chosen", "length", "made", "alternative",
        "overruled",
    )  # fmt: skip
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
    if not len(at):
        columns[f"{channel}_stated"] = np.full(len(rows), np.nan, dtype=np.float32)
        return
    # every sentence of the batch: its first and last token, and how much of it is neither denied nor said of others
    sentences = np.array([int(c.note.sentence[-1]) + 1 if len(c.note.sentence) else 0 for c in charts])
    sentence_base = np.r_[0, np.cumsum(sentences)]
    of = np.concatenate([c.note.sentence + base for c, base in zip(charts, sentence_base, strict=False)])
    said = np.concatenate([c.note.said for c in charts])
    stated = np.bincount(of, said >= STATED) / np.maximum(np.bincount(of), 1)
    place = sentence_base[chart[at]] + found["sentence"]
    columns[f"{channel}_stated"] = np.full(len(rows), np.nan, dtype=np.float32)
    columns[f"{channel}_stated"][at] = stated[place]
    first = np.searchsorted(of, place)
    last = np.searchsorted(of, place, side="right") - 1
    starts = np.concatenate([c.note.starts for c in charts])
    ends = np.concatenate([c.note.ends for c in charts])
    bare = spans[at, 0, 0] < 0
    spans[at[bare], 0, 0] = starts[first[bare]]
    spans[at[bare], 0, 1] = ends[last[bare]]


@dataclass(frozen=True)
class Hits:
    """Places in the texts of a batch that speak for a code: chart, first character, character after the last, code.

    `chance` says how likely the place means the code; `chart` ascends.
    """

    chart: Keys
    start: Ints
    end: Ints
    code: Ints
    chance: Floats

    def of(self, low: int, high: int) -> tuple[Ints, Ints, Ints, Floats]:
        """Start, end, code and chance of the rows from `low` up to `high`."""
        return self.start[low:high], self.end[low:high], self.code[low:high], self.chance[low:high]


def overruled(own: Hits, others: Hits, charts: int, *, equal: bool) -> Floats:
    """For each of `own` the best chance of another code among `others` at a longer phrase around it.

    With `equal` the same place counts too.
    """
    out = np.zeros(len(own.chart), dtype=np.float32)
    marks = np.arange(charts + 1)
    mine, theirs = np.searchsorted(own.chart, marks).tolist(), np.searchsorted(others.chart, marks).tolist()
    for (low, high), (first, last) in zip(pairwise(mine), pairwise(theirs), strict=True):
        if low == high or first == last:
            continue
        s, e, c, _ = own.of(low, high)
        os, oe, oc, chance = others.of(first, last)
        around = (s[:, None] >= os) & (e[:, None] <= oe) & (c[:, None] != oc)
        if not equal:
            around &= (e - s)[:, None] < (oe - os)
        out[low:high] = np.where(around, chance, 0).max(axis=1)
    return out


def together(one: Hits, other: Hits) -> Hits:
    """Both, by chart."""
    order = np.argsort(np.r_[one.chart, other.chart], kind="stable")
    return Hits(
        np.r_[one.chart, other.chart][order],
        np.r_[one.start, other.start][order],
        np.r_[one.end, other.end][order],
        np.r_[one.code, other.code][order],
        np.r_[one.chance, other.chance][order],
    )


def best_other(group: Keys, value: Floats) -> Floats:
    """The best `value` among the other rows of the same group, -1 where there is none."""
    order = np.lexsort((-value, group))
    # without rows there is no first one
    start = np.nonzero(np.r_[True, group[order][1:] != group[order][:-1]][: len(order)])[0]
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
