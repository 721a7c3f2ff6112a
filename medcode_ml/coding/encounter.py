"""Coding one encounter: the mentions of all its documents become its codes, evidence and queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medcode_ml.coding.accept import CONCLUDING, before_combining, settle_acceptance
from medcode_ml.coding.alternatives import add_alternatives
from medcode_ml.coding.births import read_births, settle_births
from medcode_ml.coding.candidates import Candidate, Candidates, Support
from medcode_ml.coding.combine import combine
from medcode_ml.coding.judgement import INPATIENT, DocumentFacts, Judgement, judge
from medcode_ml.coding.measurements import AbnormalValue, abnormal_values, measured_mentions
from medcode_ml.coding.mentions import Mention, Section, read_mentions
from medcode_ml.coding.queries import Query, conflict_queries, excludes1_queries, finding_queries, laterality_queries
from medcode_ml.coding.resolve import Resolver
from medcode_ml.coding.words import words_of


@dataclass(frozen=True, slots=True)
class Document:
    """One document of an encounter. `sections` ascend; None for `document_type` where nobody says what it is."""

    document_id: str
    text: str
    document_type: str | None
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class CodedEncounter:
    """Candidates by code, accepted or not, the queries in order, and the abnormal values of the documents."""

    candidates: Candidates
    queries: list[Query]
    values: tuple[AbnormalValue, ...] = ()


def code_encounter(
    documents: list[Document], setting: str | None, resolver: Resolver, *, asking: bool = True
) -> CodedEncounter:
    """Code the `documents` of one encounter in the release of `resolver`; without `asking` no query is worked out.

    The order of `documents` does not change the result.
    """
    candidates: Candidates = {}
    values: list[AbnormalValue] = []
    words: set[str] = set()
    ordered = sorted(documents, key=lambda d: d.document_id)
    births = read_births([(d.document_id, d.text, list(d.sections)) for d in ordered], setting)
    for document in ordered:
        facts = DocumentFacts(document.document_id, document.document_type, setting)
        sections = list(document.sections)
        words |= words_of(document.text)
        mentions = [
            *read_mentions(document.text, sections),
            *measured_mentions(document.text, sections),
            *(mention for at, mention in births.mentions if at == document.document_id),
        ]
        for mention in mentions:
            _place(candidates, mention, facts, resolver)
        values.extend(abnormal_values(document.text))
    for candidate in candidates.values():
        candidate.settle()
    concluded = any(s.kind in CONCLUDING for d in documents for s in d.sections)
    before_combining(candidates, concluded=concluded, inpatient=setting == INPATIENT)
    combine(candidates, resolver)
    settle_acceptance(candidates, resolver)
    settle_births(candidates, of_child=births.of_child)
    add_alternatives(candidates, words, resolver)
    return CodedEncounter(candidates, queries_of(candidates, values, resolver) if asking else [], tuple(values))


def queries_of(candidates: Candidates, values: Sequence[AbnormalValue], resolver: Resolver) -> list[Query]:
    """The queries that the accepted ones of `candidates` raise."""
    return [
        *excludes1_queries(candidates, resolver),
        *conflict_queries(candidates, resolver),
        *laterality_queries(candidates, resolver),
        *finding_queries(candidates, list(values), resolver),
    ]


def _place(candidates: Candidates, mention: Mention, facts: DocumentFacts, resolver: Resolver) -> None:
    for node in mention.instead:
        code, _ = resolver.resolve(node, mention.words, mention.side)
        if code is not None and code not in candidates:
            said = judge(mention, code, facts)
            if said.code == code:
                listed = Judgement(code, said.assertion, False, "the site says more (rule 24)")
                candidates[code] = Candidate(code, [Support(facts, mention, listed)])
    for code, chosen in resolver.resolve_all(mention.node, mention.words, mention.side):
        judgement = judge(mention, code, facts)
        final = code
        if judgement.code != code:
            turned, _ = resolver.resolve(judgement.code, mention.words, mention.side)
            if turned is None:
                continue
            final = turned
        candidate = candidates.setdefault(final, Candidate(final))
        candidate.chosen_by_words = candidate.chosen_by_words or chosen or mention.node == final
        candidate.supports.append(Support(facts, mention, judgement))
