"""Codes that a coder might choose instead: brothers of a code that the note names, listed but never accepted.

Of the category of every code that the note states: the code that says no more than the category, and those whose
words all stand in the documents ("cervical" for an enlarged node, somewhere). They share the evidence of the code they
stand beside and rank below everything the note says.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from medcode_ml.coding.candidates import Candidate, Candidates, Support
from medcode_ml.coding.judgement import Judgement
from medcode_ml.coding.resolve import Resolver

_BY_WORDS = 4
_VAGUE = frozenset({"disease", "lesion"})


def add_alternatives(candidates: Candidates, words: AbstractSet[str], resolver: Resolver) -> None:
    """Add the alternatives of every code that some mention states, in place; `words` are those of all documents.

    Factors of health status and external causes have none: their brothers are other facts, not other wordings.
    """
    stated = [c for c in candidates.values() if c.carrying and c.code[0] not in "VWXYZ"]
    for found in stated:
        category = found.code[:3]
        plain = resolver.unspecified(category)
        others = []
        if plain is not None and resolver.says_no_more(plain):
            others.append((plain, f"says less than {found.code} (rule 24)"))
        others.extend(
            (code, f"its words stand in the documents, but not with those of {found.code}")
            for code in resolver.by_words(category, words - _VAGUE, _BY_WORDS + 1)
        )
        listed = 0
        for code, reason in others:
            if code in candidates or listed > _BY_WORDS:
                continue
            listed += 1
            candidates[code] = Candidate(
                code,
                [
                    Support(s.facts, s.mention, Judgement(code, s.judgement.assertion, False, reason))
                    for s in found.carrying
                ],
                assertion=found.assertion,
                reason=reason,
                alternative=True,
            )
