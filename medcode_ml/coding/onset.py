"""Present on admission (rule 26): Y, or N where the documents say that a condition arose in the stay."""

from __future__ import annotations

from medcode_ml.codes.poa import is_poa_exempt
from medcode_ml.coding.candidates import Candidate, Support
from medcode_ml.coding.judgement import INPATIENT

_AT_ADMISSION = frozenset(
    {"chief_complaint", "history_of_present_illness", "past_medical_history", "admission_diagnoses", "problem_list"}
)
_IN_THE_STAY = frozenset({"hospital_course", "discharge_diagnoses", "postoperative_diagnosis"})
_STAY_DOCUMENTS = ("progress", "operative", "procedure_note", "icu")
_SAID_OUTRIGHT = frozenset({"hospital-acquired", "nosocomial", "iatrogenic"})


def _arose(support: Support) -> bool:
    if not support.mention.arisen:
        return False
    kind = (support.facts.document_type or "").lower()
    return (
        support.mention.section in _IN_THE_STAY
        or kind.startswith(_STAY_DOCUMENTS)
        or not _SAID_OUTRIGHT.isdisjoint(support.mention.words)
    )


def present_on_admission(candidate: Candidate, setting: str | None) -> str | None:
    """Y or N for an inpatient; None where the code is exempt or the visit is not inpatient."""
    if setting != INPATIENT or is_poa_exempt(candidate.code):
        return None
    supports = candidate.carrying
    if any(_arose(s) for s in supports) and not any(
        s.mention.section in _AT_ADMISSION and not s.mention.arisen for s in supports
    ):
        return "N"
    return "Y"
