"""Questions to the clinician (rules 20, 22, 24, 25): a query asks, it never drops or adds a code."""

from __future__ import annotations

from dataclasses import dataclass

from medcode_ml.codes.excludes import excludes1_conflicts
from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.assertion import AFFIRMED, NEGATED
from medcode_ml.coding.candidates import Candidates, accepted
from medcode_ml.coding.measurements import AbnormalValue
from medcode_ml.coding.resolve import Resolver

EXCLUDES1, FINDING = "excludes1", "finding_without_diagnosis"
CONFLICT, LATERALITY = "conflicting_documents", "laterality"


@dataclass(frozen=True, slots=True)
class Query:
    """One question, the rule behind it, and the codes it concerns."""

    rule: str
    codes: tuple[str, ...]
    question: str


def _titled(code: str, resolver: Resolver) -> str:
    title = resolver.codes.title(code) or tabular().title(code)
    return f"{title} ({code})" if title else code


def excludes1_queries(candidates: Candidates, resolver: Resolver) -> list[Query]:
    """Rule 22: a query for every pair of accepted codes that an Excludes1 note keeps apart."""
    codes = [c.code for c in accepted(candidates)]
    pairs = {
        (min(c.code, c.excluded), max(c.code, c.excluded))
        for c in excludes1_conflicts(codes)
        if c.code[:3] != c.excluded[:3]
    }
    return [
        Query(
            EXCLUDES1,
            pair,
            f"{_titled(pair[0], resolver)} and {_titled(pair[1], resolver)} exclude each other unless the two are "
            "unrelated. Are they two conditions, and if one, which?",
        )
        for pair in sorted(pairs)
    ]


def finding_queries(candidates: Candidates, values: list[AbnormalValue], resolver: Resolver) -> list[Query]:
    """Rules 20 and 25: findings of reports and laboratory values that no provider has given a meaning."""
    queries = []
    for code in sorted(candidates):
        found = candidates[code]
        if found.accepted or not found.supports or found.made_of or code.startswith(("R", "Z", "T14")):
            continue
        silent = [s for s in found.supports if not s.judgement.carries and s.judgement.assertion == AFFIRMED]
        if silent and not found.carrying and not _named_otherwise(candidates, code):
            queries.append(
                Query(
                    FINDING,
                    (code,),
                    f"{_titled(code, resolver)} stands only in findings or reports. Is it a diagnosis of this "
                    "encounter, and was it evaluated or treated?",
                )
            )
    codes = tuple(c.code for c in accepted(candidates))
    asked = set()
    for value in values:
        kind = (value.analyte, value.direction)
        if kind in asked or any(c.startswith(value.explained_by) for c in codes):
            continue
        asked.add(kind)
        queries.append(
            Query(
                FINDING,
                (),
                f"The {value.analyte} is {value.direction} and no document says why. Is there a diagnosis behind it?",
            )
        )
    return queries


def _named_otherwise(candidates: Candidates, code: str) -> bool:
    return any(c.accepted and c.code[:3] == code[:3] for c in candidates.values())


def conflict_queries(candidates: Candidates, resolver: Resolver) -> list[Query]:
    """A query where one document states an accepted diagnosis and another denies it."""
    queries = []
    for found in accepted(candidates):
        if found.code[0] in "RZ":
            continue
        states = {s.facts.document_id for s in found.carrying if s.judgement.assertion == AFFIRMED}
        denies = {s.facts.document_id for s in found.supports if s.judgement.assertion == NEGATED}
        if states and denies - states:
            queries.append(
                Query(
                    CONFLICT,
                    (found.code,),
                    f"One document states {_titled(found.code, resolver)} and another denies it. "
                    "Which holds at discharge?",
                )
            )
    return queries


def laterality_queries(candidates: Candidates, resolver: Resolver) -> list[Query]:
    """Rule 24: a query where an accepted code leaves the side open although its category tells the sides apart."""
    return [
        Query(LATERALITY, (found.code,), f"{_titled(found.code, resolver)}: which side is meant?")
        for found in accepted(candidates)
        if _side_is_open(found.code, resolver)
    ]


def _side_is_open(code: str, resolver: Resolver) -> bool:
    title = (resolver.codes.title(code) or tabular().title(code) or "").lower()
    if "unspecified" not in title or code[0] not in "CDGHILMSTZ":
        return False
    stem = code[:7] if len(code) == 8 else code
    parent = tabular().parent(stem.rstrip("X") if len(code) == 8 else stem)
    if parent is None or "-" in parent or len(parent) < 5:
        return False
    sided = [(tabular().title(child) or "").lower() for child in tabular().children(parent)]
    return any("left" in t for t in sided) and any("right" in t for t in sided) and "left" not in title
