"""Where the documents name a code: reads `document_types` ([[type, section, count], ...]) into weights for each row."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd

from medcode_ml.ranking.knowledge import BoolArray, FloatArray

_PLACES: Final = (
    ("discharge", re.compile(r"(principal|primary|discharge|final|main)[ _]*(and[ _]*)?(admission[ _]*)?diagnos")),
    ("admission", re.compile(r"(admi(ssion|tting)|working|preoperative|postoperative)[ _]*diagnos|reason[ _]*for")),
    ("complaint", re.compile(r"chief[ _]*complaint|presenting|indication")),
    ("history", re.compile(r"past|family|social|(medical|surgical)[ _]*history|medications|allerg")),
    ("course", re.compile(r"present[ _]*illness|hpi|course|assessment|impression|plan|summary|diagnos|problem")),
)


@dataclass(frozen=True, slots=True)
class DocumentEvidence:
    """Which documents and sections name the code; each array of shape (rows,)."""

    discharge: BoolArray
    """Named in a section of discharge diagnoses."""
    admission: BoolArray
    """Named as admission diagnosis or reason for the visit."""
    complaint: BoolArray
    """Named in the chief complaint."""
    course: BoolArray
    """Named in the present illness, hospital course or assessment."""
    only_history: BoolArray
    """Named in sections of past history and nowhere else."""
    mentions: FloatArray
    """Mentions, 0 where none are known."""


@lru_cache(maxsize=4096)
def place_of(document_type: str, section: str) -> str:
    """Return discharge, admission, complaint, history, course or other for a section of a document."""
    lowered = section.lower()
    for place, pattern in _PLACES:
        if pattern.search(lowered):
            return place
    # a discharge summary without headings is read as its course
    return "course" if lowered in ("", "other") and "discharge" in document_type.lower() else "other"


def _entries(value: Any) -> list[tuple[str, str, int]]:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return []
    if isinstance(value, str):
        value = json.loads(value)
    return [(str(kind or ""), str(section or ""), int(times or 1)) for kind, section, times in value]


def document_evidence(rows: pd.DataFrame) -> DocumentEvidence:
    """Read `document_types` and `mention_count` of the code rows; rows without them have no evidence."""
    count = len(rows)
    seen = {name: np.zeros(count, dtype=np.bool_) for name, _ in _PLACES} | {"other": np.zeros(count, dtype=np.bool_)}
    mentions = np.nan_to_num(np.asarray(pd.to_numeric(rows["mention_count"], errors="coerce"), dtype=np.float64))
    column = rows["document_types"]
    for place in np.flatnonzero(column.notna().to_numpy()):
        total = 0
        for kind, section, times in _entries(column.iat[place]):
            seen[place_of(kind, section)][place] = True
            total += times
        mentions[place] = max(mentions[place], total)
    elsewhere = seen["discharge"] | seen["admission"] | seen["complaint"] | seen["course"] | seen["other"]
    return DocumentEvidence(
        discharge=seen["discharge"],
        admission=seen["admission"],
        complaint=seen["complaint"],
        course=seen["course"],
        only_history=seen["history"] & ~elsewhere,
        mentions=mentions,
    )
