"""What the documents say for a candidate, in named parts with the guidelines' weights and the words for a coder.

The weights are log-odds, few, and set by judgement. The discharge diagnoses and the assessment are written by the one
who answers for the stay, the reason for it first; a condition that they begin with is the condition "chiefly
responsible" as the clinician sees it (guideline II). Where it stands after that says little.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from medcode_ml.ranking.evidence import DocumentEvidence, named_first
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray

DOCUMENT_WEIGHTS: Final[dict[str, float]] = {
    "discharge": 0.5,
    "heads_discharge": 2.2,
    "first_in_discharge": 0.4,
    "heads_assessment": 1.8,
    "first_in_assessment": 0.3,
    "reason": 0.5,
    "reason_of_visit": 1.0,
    "first_reason": 0.5,
    "operation": 0.5,
    "first_in_story": 0.4,
    "first_in_opening": 0.3,
    "arrival": 0.5,
    "unclaimed": 1.2,
    "left_out": -0.6,
    "only_history": -1.0,
    "only_reports": -0.5,
    "mentions": 0.1,
}
"""Log-odds for one of each part; of `mentions` for each doubling."""
DOCUMENT_WORDS: Final[dict[str, str]] = {
    "heads_discharge": "Heads the discharge diagnoses",
    "discharge": "Named in the discharge diagnoses",
    "heads_assessment": "Heads the assessment",
    "reason": "Named as admission diagnosis, reason for the visit or chief complaint",
    "operation": "Named as diagnosis of the operation",
    "unclaimed": "The discharge diagnoses begin with words that no other listed code was found in; check the documents",
}
"""Words for the parts that a coder can look up, the most telling first."""
_MOST_MENTIONS: Final = 16.0


def document_parts(
    documents: DocumentEvidence,
    encounter: IntArray,
    outpatient: BoolArray,
    candidates: BoolArray,
    symptoms: BoolArray,
) -> dict[str, FloatArray]:
    """Return the parts of `DOCUMENT_WEIGHTS`, unweighted: 0 or 1, `mentions` in doublings.

    Args:
        documents: evidence of the rows.
        encounter: place of the encounter of each row, shape (rows,).
        outpatient: whether the row belongs to an outpatient encounter, shape (rows,).
        candidates: rows among which "first" is looked for: those that may be principal, shape (rows,).
        symptoms: rows of symptoms and findings, shape (rows,). Every stay begins with a complaint: that a symptom is
            named there speaks for it in visits only.
    """
    told = outpatient | ~symptoms
    reason = (documents.admission | documents.complaint) & told

    def first(place: FloatArray) -> BoolArray:
        return named_first(place, encounter, candidates & told)

    parts = {
        "discharge": documents.discharge,
        "heads_discharge": documents.discharge_place == 1,
        "first_in_discharge": first(documents.discharge_place),
        "heads_assessment": documents.assessment_place == 1,
        "first_in_assessment": first(documents.assessment_place),
        "reason": reason,
        "reason_of_visit": reason & outpatient,
        "first_reason": first(documents.reason_place),
        "operation": documents.operation,
        "first_in_story": first(documents.story_place),
        "first_in_opening": first(documents.opening_place),
        "arrival": documents.arrival,
        "unclaimed": documents.unclaimed,
        "left_out": documents.left_out,
        "only_history": documents.only_history,
        "only_reports": documents.only_reports,
        "mentions": np.log2(np.clip(documents.mentions, 1.0, _MOST_MENTIONS)),
    }
    return {name: np.asarray(values, dtype=np.float64) for name, values in parts.items()}


def document_score(parts: dict[str, FloatArray]) -> FloatArray:
    """Return the weighted sum of the parts, shape (rows,)."""
    total: FloatArray = np.zeros(len(parts["mentions"]), dtype=np.float64)
    for name, values in parts.items():
        total = total + DOCUMENT_WEIGHTS[name] * values
    return total


def heads(documents: DocumentEvidence) -> BoolArray:
    """Rows that the discharge diagnoses or the assessment begin with: the clinician calls them the diagnosis."""
    return np.asarray((documents.discharge_place == 1) | (documents.assessment_place == 1), dtype=np.bool_)
