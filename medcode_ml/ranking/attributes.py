"""What each distinct code of a batch is, worked out once: kind, propensity, gravity, body systems, forced pairs.

Encounters do not appear here; `frames.py` gives the distinct codes, `batch.py` spreads the answers over the rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.codes.ccsr import is_chronic
from medcode_ml.codes.identifiers import dotted, icd10cm_has_format
from medcode_ml.codes.note_patterns import pattern_matches
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.tabular import tabular
from medcode_ml.ranking.knowledge import (
    BoolArray,
    Condition,
    FloatArray,
    IntArray,
    TextArray,
    conditions,
    members,
    operations,
    pair_rules,
    places,
    relations,
    span,
)

_ACUTE: Final = re.compile(
    r"(?<!without )(?<!without \()\b(acute|with (acute )?exacerbation|with (hemorrhage|bleeding)|ruptured?|crisis)\b",
    re.I,
)
_CHRONIC: Final = re.compile(r"\b(chronic|long[- ]term|old|sequelae)\b", re.I)
# pathological and osteoporotic fractures carry the seventh character of injuries
_INJURY: Final = re.compile(r"^(S|T|M80|M84[345])")
_LIMITS: Final = (0.0005, 0.995)
# A later encounter for an injury is aftercare; its sequela follows the condition that it left behind.
_LATER_ENCOUNTER: Final = 0.2
_SEQUELA: Final = 0.05
_ACUTE_TITLE: Final = 1.6
_CHRONIC_TITLE: Final = 0.5
_LASTING: Final = ("chronic", "neoplasm", "metastasis", "sequela", "status")
"""Kinds whose conditions are chronic."""
_CATEGORY_LENGTH: Final = 3
# Drug codes carry the intent sixth, or fifth where a placeholder follows.
_INTENT: Final = 6
_ADVERSE_EFFECT: Final = (0.003, 0.003, 1.2)
"""Propensities and gravity of the drug behind an adverse effect or underdosing: its effect is reported first."""


@dataclass(frozen=True, slots=True)
class CodeAttributes:
    """Attributes of the distinct codes of a batch, each array of shape (codes,), in the order of `codes`."""

    codes: TextArray
    """Undotted codes, sorted."""
    known: BoolArray
    """A code of some release, or a category."""
    kinds: npt.NDArray[np.object_]
    """Kind of the condition group (`conditions.csv`), "unknown" outside the code system."""
    emergency: FloatArray
    """Log-odds of being the reason for an emergency stay."""
    elective: FloatArray
    """Log-odds of being the reason for an elective stay."""
    gravity: FloatArray
    """Clinical gravity, 0 to 10."""
    systems: IntArray
    """Bit set of body systems."""
    therapies: IntArray
    """Bit set of therapies that are started for the condition."""
    operations: IntArray
    """Bit set of operations that are done for the condition."""
    chronic: BoolArray
    """Chronic condition by kind, title or the chronic condition indicator of AHRQ."""
    relation_present: BoolArray
    """Shape (relations, codes): the code explains others."""
    relation_explained: BoolArray
    """Shape (relations, codes): the code is explained by others."""


@dataclass(frozen=True, slots=True)
class CodePairs:
    """Forced orders among the distinct codes of a batch; places refer to `CodeAttributes.codes`. Shape (pairs,)."""

    keys: IntArray
    """dependent * number of codes + base, sorted and unique."""
    adjacent: BoolArray
    """The dependent stands directly behind its base."""
    bars: BoolArray
    """With its base present the dependent cannot be principal."""
    reasons: list[str]
    has_base: BoolArray
    """Shape (codes,): the code is dependent on at least one other of the batch."""


def log_odds(share: FloatArray) -> FloatArray:
    """Return log(p / (1 - p)) with p kept away from 0 and 1."""
    kept = np.clip(share, *_LIMITS)
    return np.asarray(np.log(kept / (1.0 - kept)), dtype=np.float64)


@lru_cache(maxsize=1)
def _ever_billable() -> frozenset[str]:
    """Codes that are billable in any known release, with their dot."""
    return frozenset(reference_table("diagnosis_code", ("code",))["code"])


@lru_cache(maxsize=131072)
def _title(code: str) -> str | None:
    """Title of the code or its nearest titled category; None where no release of ICD-10-CM has the code or category."""
    if not icd10cm_has_format(code):
        return None
    listed = tabular()
    own = listed.title(code)
    if own is not None:
        return own
    if dotted(code) not in _ever_billable():
        return None
    for above in listed.ancestors(code):
        # blocks ("I30-I5A") and chapters ("9") are no categories of the code
        if "-" in above or len(above) < _CATEGORY_LENGTH:
            break
        if (title := listed.title(above)) is not None:
            return title
    # categories newer than the tabular list have codes but no title yet
    return ""


@dataclass(slots=True)
class _Leaning:
    """What the knowledge says of each code while it is adjusted; each array of shape (codes,)."""

    kinds: npt.NDArray[np.object_]
    emergency: FloatArray
    """Share of emergency stays for which the code is the reason, not yet log-odds."""
    elective: FloatArray
    gravity: FloatArray
    chronic: BoolArray


def attributes_of(codes: TextArray) -> CodeAttributes:
    """Return the attributes of `codes`: undotted, sorted, distinct; shape (codes,)."""
    titles = [_title(dotted(str(code))) for code in codes]
    known: BoolArray = np.array([title is not None for title in titles], dtype=np.bool_)
    groups = _groups_of(codes)
    leaning = _by_group(groups, known)
    _by_title(leaning, codes, [title or "" for title in titles], groups)
    _by_encounter_of_injury(leaning, codes)
    intents = np.array([_intent(str(code)) for code in codes], dtype=np.str_)
    _by_intent(leaning, known, intents)
    operated: IntArray = np.zeros(len(codes), dtype=np.int64)
    for operation in operations():
        operated[members(codes, operation.codes)] |= operation.bit
    systems = np.array([group.systems if group else 0 for group in groups], dtype=np.int64)
    systems[np.isin(intents, ["5", "6"])] = 0
    present = [members(codes, relation.present) for relation in relations()]
    explained = [members(codes, relation.explained) for relation in relations()]
    return CodeAttributes(
        codes=codes,
        known=known,
        kinds=leaning.kinds,
        emergency=log_odds(leaning.emergency),
        elective=log_odds(leaning.elective),
        gravity=np.where(known, leaning.gravity, 0.0),
        systems=systems,
        therapies=np.array([group.therapies if group else 0 for group in groups], dtype=np.int64),
        operations=operated,
        chronic=leaning.chronic,
        relation_present=np.array(present, dtype=np.bool_).reshape(len(relations()), len(codes)),
        relation_explained=np.array(explained, dtype=np.bool_).reshape(len(relations()), len(codes)),
    )


def _groups_of(codes: TextArray) -> list[Condition | None]:
    """The condition group of each code, the last that names it."""
    known = conditions()
    number: IntArray = np.full(len(codes), -1, dtype=np.int64)
    for place, condition in enumerate(known):
        number[places(codes, condition.codes)] = place
    return [known[place] if place >= 0 else None for place in number]


def _by_group(groups: list[Condition | None], known: BoolArray) -> _Leaning:
    kinds: npt.NDArray[np.object_] = np.array([g.kind if g else "unknown" for g in groups], dtype=object)
    kinds[~known] = "unknown"
    return _Leaning(
        kinds=kinds,
        emergency=np.array([g.emergency if g else 0.0 for g in groups], dtype=np.float64),
        elective=np.array([g.elective if g else 0.0 for g in groups], dtype=np.float64),
        gravity=np.array([g.gravity if g else 0.0 for g in groups], dtype=np.float64),
        chronic=np.array([kind in _LASTING for kind in kinds], dtype=np.bool_),
    )


def _by_title(held: _Leaning, codes: TextArray, titles: list[str], groups: list[Condition | None]) -> None:
    """What a title calls acute or chronic, against the kind of its group."""
    for place, (code, title, own) in enumerate(zip(codes.tolist(), titles, groups, strict=True)):
        if own is None or held.kinds[place] not in ("acute", "chronic"):
            continue
        says_acute, says_chronic = bool(_ACUTE.search(title)), bool(_CHRONIC.search(title))
        # the word in the title only speaks where the table did not look as closely as the code
        broad = "-" in own.codes or len(own.codes) == _CATEGORY_LENGTH
        if broad and own.kind == "chronic" and says_acute:
            held.emergency[place] = min(0.6, held.emergency[place] * _ACUTE_TITLE + 0.04)
            held.gravity[place] += 1.0
            held.kinds[place], held.chronic[place] = "acute", False
        elif broad and own.kind == "acute" and says_chronic and not says_acute:
            held.emergency[place] *= _CHRONIC_TITLE
            held.gravity[place] -= 1.0
            held.kinds[place], held.chronic[place] = "chronic", True
        elif own.kind == "acute" and is_chronic(code) and says_chronic and not says_acute:
            held.chronic[place] = True


def _by_encounter_of_injury(held: _Leaning, codes: TextArray) -> None:
    """The seventh character of an injury: a later encounter or a sequela leads seldom."""
    injuries = np.array([bool(_INJURY.match(str(code))) and len(str(code)) == 7 for code in codes], dtype=np.bool_)
    seventh = np.array([str(code)[-1:] for code in codes], dtype=np.str_)
    sequela = injuries & (seventh == "S")
    later = injuries & np.isin(seventh, list("DGKPEFHJMNQR"))
    held.emergency[later] *= _LATER_ENCOUNTER
    held.emergency[sequela] *= _SEQUELA
    held.elective[sequela] *= _SEQUELA
    held.gravity[later | sequela] *= 0.5
    held.kinds[sequela] = "sequela"


def _by_intent(held: _Leaning, known: BoolArray, intents: npt.NDArray[np.str_]) -> None:
    """Drugs behind an adverse effect or underdosing."""
    for kind, intent in (("adverse_effect", "5"), ("underdosing", "6")):
        meant = known & (intents == intent)
        held.kinds[meant] = kind
        held.emergency[meant], held.elective[meant], held.gravity[meant] = _ADVERSE_EFFECT


def pairs_of(attributes: CodeAttributes) -> CodePairs:
    """Return the forced orders among the codes: code first notes, use additional notes and `pairs.csv` (rule 23).

    Where two codes each name the other as first, neither order is forced.
    """
    codes = attributes.codes
    count = len(codes)
    found: dict[int, tuple[bool, bool, str]] = {}

    def add(dependent: int, base: int, adjacent: bool, bars: bool, reason: str) -> None:
        if dependent != base:
            found.setdefault(dependent * count + base, (adjacent, bars, reason))

    for rule in pair_rules():
        bases = np.flatnonzero(members(codes, rule.base))
        for dependent in np.flatnonzero(members(codes, rule.dependent)):
            for base in bases:
                add(int(dependent), int(base), rule.adjacent, rule.bars_principal, rule.reason)
    listed = tabular()
    for place in np.flatnonzero(attributes.known):
        code = dotted(str(codes[place]))
        # the block's code first note speaks of adverse effects only: a poisoning goes before what it brings
        for note in listed.code_first(code) if not _is_poisoning(str(codes[place])) else ():
            for other in _matching(codes, note.patterns):
                add(int(place), other, False, True, "code first note of the tabular list")
        for note in listed.use_additional(code):
            for other in _matching(codes, note.patterns):
                add(other, int(place), False, False, "use additional code note of the tabular list")
    cyclic = {key for key in found if (key % count) * count + key // count in found}
    keys = sorted(set(found) - {key for key in cyclic if not found[key][1]} - _both_bar(found, cyclic, count))
    has_base = np.zeros(count, dtype=np.bool_)
    has_base[[key // count for key in keys]] = True
    return CodePairs(
        keys=np.array(keys, dtype=np.int64),
        adjacent=np.array([found[key][0] for key in keys], dtype=np.bool_),
        bars=np.array([found[key][1] for key in keys], dtype=np.bool_),
        reasons=[found[key][2] for key in keys],
        has_base=has_base,
    )


def _intent(code: str) -> str:
    """Intent of T36-T50: 1 to 4 a poisoning, 5 an adverse effect, 6 underdosing; "" for other codes (I.C.19.e.5)."""
    if not "T36" <= code[:3] <= "T50" or len(code) < _INTENT:
        return ""
    return code[_INTENT - 1] if code[_INTENT - 1] != "X" else code[_INTENT - 2]


def _is_poisoning(code: str) -> bool:
    return _intent(code) in ("1", "2", "3", "4")


def _both_bar(found: dict[int, tuple[bool, bool, str]], cyclic: set[int], count: int) -> set[int]:
    return {key for key in cyclic if found[key][1] and found[(key % count) * count + key // count][1]}


@lru_cache(maxsize=32768)
def _ends(pattern: str) -> tuple[str, str, bool]:
    """First prefix, last prefix, and whether the pattern narrows the span with a condition."""
    reach, _, condition = pattern.partition("~")
    first, _, last = reach.partition("-")
    return first, last or first, bool(condition)


def _matching(codes: TextArray, patterns: tuple[str, ...]) -> list[int]:
    places: list[int] = []
    for pattern in patterns:
        first, last, narrowed = _ends(pattern)
        start, end = span(codes, first, last)
        places += [p for p in range(start, end) if not narrowed or pattern_matches(pattern, str(codes[p]))]
    return places
