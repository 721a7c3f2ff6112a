"""The text behind a code: the spans that speak for it, merged to phrases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.proposals.charts import Chart

APART = 2
"""Characters between two spans that are still one phrase."""


def evidence_spans(chart: Chart, spans: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """The `spans` (shape (n, 2), -1 where none) in text order; those that touch or overlap are one.

    No span reaches over the end of a document.
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted((int(s), int(e)) for s, e in spans if s >= 0):
        if (
            found
            and start <= found[-1][1] + APART
            and chart.document_of(start)[0] == chart.document_of(found[-1][0])[0]
        ):
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
