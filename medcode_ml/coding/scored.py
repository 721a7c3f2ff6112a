"""An encounter coded, whoever coded it: the codes as candidates, with the score and the band of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from medcode_ml.coding.encounter import CodedEncounter, Document
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.score import score

AT_ONCE = 64
"""Encounters that are scored together."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One encounter coded; scores and bands by code."""

    coded: CodedEncounter
    scores: dict[str, float]
    bands: dict[str, str]


def by_ontology(documents: list[Document], setting: str | None, day: date) -> Scored:
    """Code with the ontology coder. Its scores are weights: without charts to calibrate on there is no auto band."""
    coded = OntologyCoder.for_day(day).code(documents, setting)
    found = coded.candidates.values()
    return Scored(coded, {c.code: score(c) for c in found}, {c.code: "review" if c.accepted else "drop" for c in found})
