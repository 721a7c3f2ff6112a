"""Coding by a trained model: its scores decide, the ontology coder's reading gives assertions, reasons and queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from medcode_ml.coding.assertion import HYPOTHETICAL, NEGATED, STRENGTH
from medcode_ml.coding.candidates import Candidate, Candidates, Support
from medcode_ml.coding.encounter import CodedEncounter, Document, queries_of
from medcode_ml.coding.evidence import PHRASE, EvidenceFinder, Span, tokens_in
from medcode_ml.coding.judgement import DocumentFacts, Judgement
from medcode_ml.coding.mentions import Mention
from medcode_ml.coding.model import CodingModel, ScoredProposals
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.proposals.charts import Chart, read_chart
from medcode_ml.coding.scored import AT_ONCE, Scored
from medcode_ml.models.bands import AUTO, REVIEW

LISTED = 60
"""Codes listed for a chart, the likeliest."""
NEAR = 0.5
"""Share of the threshold of acceptance from which on the evidence of a code is looked for as thoroughly."""
_DENIED = frozenset({NEGATED, HYPOTHETICAL})


def code_by_model(encounters: Sequence[tuple[list[Document], str | None, date]], model: CodingModel) -> list[Scored]:
    """Code encounters (documents, setting, day of discharge), in their order."""
    out: list[Scored | None] = [None] * len(encounters)
    coders = [OntologyCoder.for_day(day) for _, _, day in encounters]
    finder = EvidenceFinder(model.learned)
    for release in sorted({c.release for c in coders}):
        own = [i for i, c in enumerate(coders) if c.release == release]
        for at in range(0, len(own), AT_ONCE):
            some = own[at : at + AT_ONCE]
            charts = [read_chart(*encounters[i][:2], coders[i]) for i in some]
            scored = model.score(charts, encounters[some[0]][2])
            # what nobody is likely to look at goes without a search for its evidence
            looked_at = scored.accepted | (scored.probability >= NEAR * model.threshold)
            evidence = finder.find(charts, scored.proposals, np.nonzero(looked_at)[0])
            bounds = np.searchsorted(scored.proposals.chart, np.arange(len(some) + 1)).tolist()
            for place, i in enumerate(some):
                rows = range(bounds[place], bounds[place + 1])
                out[i] = _scored(charts[place], encounters[i][0], scored, rows, evidence, coders[i])
    return [one for one in out if one is not None]


def _scored(
    chart: Chart,
    documents: Sequence[Document],
    scored: ScoredProposals,
    rows: range,
    evidence: Mapping[int, Sequence[Span]],
    coder: OntologyCoder,
) -> Scored:
    table = scored.proposals
    order = rows.start + np.argsort(-scored.probability[rows.start : rows.stop], kind="stable")[:LISTED]
    facts = {d.document_id: DocumentFacts(d.document_id, d.document_type, chart.setting) for d in documents}
    learned = ~np.isnan(table.column("form_chance")[order])
    candidates: Candidates = {}
    scores: dict[str, float] = {}
    bands: dict[str, str] = {}
    for place, row in enumerate(order.tolist()):
        code = str(table.codes[table.code[row]])
        accepted, band = bool(scored.accepted[row]), str(scored.band[row])
        known = chart.coded.candidates.get(code)
        candidate = Candidate(code, accepted=accepted)
        if row in evidence:
            candidate.supports = supports_at(chart, code, evidence[row], known, facts, accepted)
        elif known is not None:
            candidate.supports = (known.carrying or known.supports)[:1]
        elif learned[place]:
            start, end = table.spans[row, 0].tolist()
            candidate.supports = supports_at(chart, code, [Span(start, end, PHRASE)], None, facts, accepted)
        if known is not None:
            candidate.assertion, candidate.made_of = known.assertion, known.made_of
        if candidate.supports and (accepted or known is None):
            told = candidate.carrying or candidate.supports
            candidate.assertion = max((s.judgement.assertion for s in told), key=STRENGTH.index)
        doubt = doubt_of(candidate.supports) if accepted else ""
        # a code that no place in the text stands behind is for a person to add, however likely
        candidate.accepted = accepted = accepted and bool(candidate.supports)
        candidate.reason = _reason(scored.probability[row], accepted, known, doubt)
        if band == AUTO and known is not None and not known.accepted and not known.alternative:
            band = REVIEW  # the guidelines object: a person decides
        if band == AUTO and doubt:
            band = REVIEW  # nothing goes through without the text behind it
        candidates[code] = candidate
        scores[code] = round(float(scored.probability[row]), 6)
        bands[code] = band
    return Scored(
        CodedEncounter(candidates, queries_of(candidates, chart.coded.values, coder.resolver), chart.coded.values),
        scores,
        bands,
    )


def doubt_of(supports: Sequence[Support]) -> str:
    """Why the text does not stand behind an accepted code; empty where it does."""
    if not supports:
        return "no phrase names it, only the codes beside it and what the text is about speak for it: not accepted"
    if all(s.judgement.assertion in _DENIED for s in supports):
        return "the text names it only to deny it or as what could be"
    return ""


def _reason(probability: float, accepted: bool, known: Candidate | None, doubt: str) -> str:
    said = f"the model gives it {probability:.0%}"
    if not accepted and not doubt and (known is None or not known.reason):
        return f"{said}, too little to accept it"
    by_guidelines = f"by the guidelines: {known.reason}" if known is not None and known.reason else ""
    return "; ".join(part for part in (said, doubt, by_guidelines) if part)


def supports_at(
    chart: Chart,
    code: str,
    spans: Sequence[Span],
    known: Candidate | None,
    facts: Mapping[str, DocumentFacts],
    accepted: bool,
) -> list[Support]:
    """The mentions behind a code at `spans`; a mention of the ontology coder there keeps what was made of it."""
    supports = []
    note = chart.note
    for span in spans:
        document_id, offset = chart.document_of(span.start)
        length = span.end - span.start
        own = _same_place(known, document_id, offset, offset + length)
        if own is not None:
            if (own.mention.start, own.mention.end) != (offset, offset + length):
                own = replace(own, mention=replace(own.mention, start=offset, end=offset + length))
            supports.append(own)
            continue
        first, last = tokens_in(note, span.start, span.end)
        said = STRENGTH[int(min(note.said[first], note.said[last - 1]))]
        at = int(note.section[first])
        section = note.sections[at].kind if at >= 0 else "other"
        text = note.text[span.start : span.end]
        mention = Mention(offset, offset + length, code, span.kind, text, said, section, None, frozenset())
        judgement = Judgement(code, said, accepted and said not in _DENIED, "the labels of training charts name it so")
        supports.append(Support(facts[document_id], mention, judgement))
    return supports


def _same_place(known: Candidate | None, document_id: str, start: int, end: int) -> Support | None:
    """The mention of the ontology coder that shares most characters with a span, if any does."""
    if known is None:
        return None
    shared = [
        min(end, s.mention.end) - max(start, s.mention.start) if s.facts.document_id == document_id else 0
        for s in known.supports
    ]
    best = max(range(len(shared)), key=shared.__getitem__, default=-1)
    return known.supports[best] if best >= 0 and shared[best] > 0 else None
