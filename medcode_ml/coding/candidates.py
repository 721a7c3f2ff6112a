"""Candidate codes of one encounter, with the mentions behind each."""

from __future__ import annotations

from dataclasses import dataclass, field

from medcode_ml.coding.assertion import AFFIRMED, STRENGTH
from medcode_ml.coding.judgement import DocumentFacts, Judgement
from medcode_ml.coding.mentions import Mention


@dataclass(frozen=True, slots=True)
class Support:
    """One mention in its document, and what it was judged to be."""

    facts: DocumentFacts
    mention: Mention
    judgement: Judgement


@dataclass(slots=True)
class Candidate:
    """One code of an encounter: its supports, whether it is accepted, and why.

    `made_of` names the codes of a combination; an `alternative` is only listed beside the code that the note names.
    """

    code: str
    supports: list[Support] = field(default_factory=list)
    accepted: bool = False
    assertion: str = AFFIRMED
    reason: str = ""
    chosen_by_words: bool = False
    made_of: tuple[str, ...] = ()
    alternative: bool = False

    @property
    def carrying(self) -> list[Support]:
        """Supports that may carry the code."""
        return [s for s in self.supports if s.judgement.carries]

    def settle(self) -> None:
        """Take assertion, acceptance and reason from the supports: the best of those that carry, else the strongest."""
        carrying = self.carrying
        self.accepted = bool(carrying)
        pool = carrying or self.supports
        best = max(pool, key=lambda s: STRENGTH.index(s.judgement.assertion))
        self.assertion = best.judgement.assertion
        self.reason = best.judgement.reason

    def reject(self, reason: str) -> None:
        """Take the code back, saying why."""
        self.accepted = False
        self.reason = reason


Candidates = dict[str, Candidate]


def accepted(candidates: Candidates) -> list[Candidate]:
    """The accepted ones, by code."""
    return [candidates[code] for code in sorted(candidates) if candidates[code].accepted]
