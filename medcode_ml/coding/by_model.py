"""Coding by a trained model: its scores decide, the ontology coder's reading gives assertions, reasons and queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from medcode_ml.coding.assertion import STRENGTH
from medcode_ml.coding.candidates import Candidate, Candidates, Support
from medcode_ml.coding.encounter import CodedEncounter, Document, queries_of
from medcode_ml.coding.evidence import evidence_spans
from medcode_ml.coding.judgement import DocumentFacts, Judgement
from medcode_ml.coding.mentions import Mention
from medcode_ml.coding.model import CodingModel, ScoredProposals
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.proposals.charts import Chart, read_chart
from medcode_ml.coding.scored import AT_ONCE, Scored
from medcode_ml.models.bands import AUTO, REVIEW

LISTED = 100
"""Codes listed for a chart, the likeliest."""
LEARNED = "learned phrase"


def code_by_model(encounters: Sequence[tuple[list[Document], str | None, date]], model: CodingModel) -> list[Scored]:
    """Code encounters (documents, setting, day of discharge), in their order."""
    out: list[Scored | None] = [None] * len(encounters)
    coders = [OntologyCoder.for_day(day) for _, _, day in encounters]
    for release in sorted({c.release for c in coders}):
        own = [i for i, c in enumerate(coders) if c.release == release]
        for at in range(0, len(own), AT_ONCE):
            some = own[at : at + AT_ONCE]
            charts = [read_chart(*encounters[i][:2], coders[i]) for i in some]
            scored = model.score(charts, encounters[some[0]][2])
            bounds = np.searchsorted(scored.proposals.chart, np.arange(len(some) + 1))
            for place, i in enumerate(some):
                out[i] = _scored(
                    charts[place], encounters[i][0], scored, int(bounds[place]), int(bounds[place + 1]), coders[i]
                )
    return [one for one in out if one is not None]


def _scored(
    chart: Chart, documents: Sequence[Document], scored: ScoredProposals, low: int, high: int, coder: OntologyCoder
) -> Scored:
    table = scored.proposals
    order = low + np.argsort(-scored.probability[low:high], kind="stable")[:LISTED]
    facts = {d.document_id: DocumentFacts(d.document_id, d.document_type, chart.setting) for d in documents}
    candidates: Candidates = {}
    scores: dict[str, float] = {}
    bands: dict[str, str] = {}
    for row in order.tolist():
        code = str(table.codes[table.code[row]])
        accepted, band = bool(scored.accepted[row]), str(scored.band[row])
        known = chart.coded.candidates.get(code)
        candidate = Candidate(code, accepted=accepted)
        candidate.supports = _supports(chart, code, table.spans[row], known, facts, accepted)
        if known is not None:
            candidate.assertion, candidate.made_of = known.assertion, known.made_of
        elif candidate.supports:
            candidate.assertion = candidate.supports[0].judgement.assertion
        candidate.reason = _reason(scored.probability[row], accepted, known)
        if band == AUTO and known is not None and not known.accepted and not known.alternative:
            band = REVIEW  # the guidelines object: a person decides
        if band == AUTO and not candidate.supports:
            band = REVIEW  # nothing goes through without the text behind it
        candidates[code] = candidate
        scores[code] = round(float(scored.probability[row]), 6)
        bands[code] = band
    return Scored(
        CodedEncounter(candidates, queries_of(candidates, chart.coded.values, coder.resolver), chart.coded.values),
        scores,
        bands,
    )


def _reason(probability: float, accepted: bool, known: Candidate | None) -> str:
    said = f"the model gives it {probability:.0%}"
    if known is not None and known.reason:
        return f"{said}; by the guidelines: {known.reason}"
    return said if accepted or known is None else f"{said}, too little to accept it"


def _supports(
    chart: Chart,
    code: str,
    spans: np.ndarray[tuple[int, int], np.dtype[np.int32]],
    known: Candidate | None,
    facts: dict[str, DocumentFacts],
    accepted: bool,
) -> list[Support]:
    """The mentions behind a code: the phrases that speak for it, in the place of the text where they stand."""
    supports = []
    for start, end in evidence_spans(chart, spans):
        document_id, offset = chart.document_of(start)
        token = int(np.searchsorted(chart.note.starts, start))
        said = STRENGTH[int(chart.note.said[token])]
        at = int(chart.note.section[token])
        section = chart.note.sections[at].kind if at >= 0 else "other"
        length = end - start
        own = _same_place(known, document_id, offset, offset + length)
        if own is not None:
            supports.append(own)
            continue
        mention = Mention(
            offset, offset + length, code, LEARNED, chart.note.text[start:end], said, section, None, frozenset()
        )
        judgement = Judgement(code, said, accepted, "the labels of training charts name it so")
        supports.append(Support(facts[document_id], mention, judgement))
    return supports


def _same_place(known: Candidate | None, document_id: str, start: int, end: int) -> Support | None:
    for support in known.supports if known is not None else ():
        mention = support.mention
        if support.facts.document_id == document_id and (mention.start, mention.end) == (start, end):
            return support
    return None
