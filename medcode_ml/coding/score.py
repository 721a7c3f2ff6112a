"""The score of a code: between 0 and 1, from weights that can be read.

score = 1 - (1 - best) * 0.85^(further places), where best is the largest product, over the supporting mentions, of

- the term: lexicon 0.90, title 0.88, inclusion term 0.86, simplified title 0.80, turned title 0.72, index 0.78
  (a finding 0.66),  measurement 0.90
- the choice: 0.95 where the code is the unspecified one of a category the term names
- the section: what was concluded 1.0, past history 0.9, lists of medicines 0.85, findings 0.6, unlabelled text 0.9
- the document: discharge summary 1.0, other provider documents 0.95, reports 0.5
- the assertion: affirmed 1.0, family or historical 0.9, uncertain 0.8, hypothetical 0.2, negated 0.05

A code that is not accepted scores at most 0.49, an alternative a fifth of that. These are weights, not probabilities:
without coded records to calibrate on, no code is banded `auto`.
"""

from __future__ import annotations

from medcode_ml.coding.alphabetic import FINDING, INDEX
from medcode_ml.coding.assertion import AFFIRMED, FAMILY, HISTORICAL, HYPOTHETICAL, NEGATED, UNCERTAIN
from medcode_ml.coding.candidates import Candidate, Support
from medcode_ml.coding.dictionary import INCLUSION, LEXICON, SHORTENED, TITLE, TURNED

_TERM = {
    LEXICON: 0.90,
    TITLE: 0.88,
    INCLUSION: 0.86,
    SHORTENED: 0.80,
    TURNED: 0.72,
    INDEX: 0.78,
    FINDING: 0.66,
    "measurement": 0.90,
}
_UNSPECIFIED_CHOICE = 0.95
_SECTION = {
    "discharge_diagnoses": 1.0,
    "assessment_plan": 1.0,
    "impression": 1.0,
    "hospital_course": 1.0,
    "postoperative_diagnosis": 1.0,
    "problem_list": 0.95,
    "history_of_present_illness": 0.95,
    "chief_complaint": 0.95,
    "admission_diagnoses": 0.95,
    "preoperative_diagnosis": 0.95,
    "procedures": 0.9,
    "past_medical_history": 0.9,
    "past_surgical_history": 0.9,
    "family_history": 0.9,
    "social_history": 0.9,
    "allergies": 0.9,
    "medications": 0.85,
    "discharge_medications": 0.85,
    "physical_exam": 0.7,
    "review_of_systems": 0.6,
    "results": 0.6,
    "vital_signs": 0.6,
}
_ELSEWHERE = 0.9
_ASSERTION = {AFFIRMED: 1.0, FAMILY: 0.9, HISTORICAL: 0.9, UNCERTAIN: 0.8, HYPOTHETICAL: 0.2, NEGATED: 0.05}
_FURTHER = 0.85
_MOST_FURTHER = 6
_NOT_ACCEPTED_TOP = 0.49
_ALTERNATIVE = 0.2


def _weight(support: Support, chosen: bool) -> float:
    kind = (support.facts.document_type or "").lower()
    document = 1.0 if not kind or "discharge" in kind else 0.95 if support.facts.by_provider else 0.5
    return (
        _TERM[support.mention.kind]
        * (1.0 if chosen else _UNSPECIFIED_CHOICE)
        * _SECTION.get(support.mention.section, _ELSEWHERE)
        * document
        * _ASSERTION[support.judgement.assertion]
    )


def score(candidate: Candidate) -> float:
    """Score of one candidate, rounded to four places."""
    supports = (candidate.carrying if candidate.accepted else None) or candidate.supports
    best = max(_weight(s, candidate.chosen_by_words) for s in supports)
    places = {(s.facts.document_id, s.mention.section, s.mention.start // 400) for s in supports}
    total = 1 - (1 - best) * _FURTHER ** min(len(places) - 1, _MOST_FURTHER)
    if candidate.alternative:
        total *= _ALTERNATIVE
    return round(total if candidate.accepted else min(total * 0.5, _NOT_ACCEPTED_TOP), 4)
