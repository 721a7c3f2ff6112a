"""Where the documents of an encounter name its codes: `document_types` of coded.encounter_code."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final

from medcode_ml.coding.assertion import FAMILY, HISTORICAL, HYPOTHETICAL, NEGATED
from medcode_ml.coding.candidates import Candidate, Support
from medcode_ml.coding.mentions import Section

UNKNOWN: Final = "unknown"
OTHER: Final = "other"
HISTORY: Final = "past_medical_history"
_NOT_OF_THE_PATIENT: Final = frozenset({NEGATED, HYPOTHETICAL, FAMILY})
_OF_THE_STAY: Final = frozenset({"discharge_diagnoses", "hospital_course"})
_LINE: Final = re.compile(r"[^\n]*[^\W\d_]{2}[^\n]*")
_Where = tuple[str, str]


def document_types_of(
    candidates: Mapping[str, Candidate],
    texts: Mapping[str, str],
    sections: Mapping[str, Sequence[Section]],
) -> dict[str, list[list[Any]]]:
    """Return [[document type, section, mentions, place], ...] for each code, an entry for each document and section.

    `place` is 1 for the code that is named first in that section of that document, 2 for the next; codes of one phrase
    share theirs, and a line in which no code is named takes a place as well. What is told as history counts as past
    history, but for what is over by the end of the stay ("resolved"). What is denied, hypothetical or said of relatives
    is neither counted nor does it take a place, unless the code says just that.

    Args:
        candidates: the codes of one encounter.
        texts: text of each document by document_id.
        sections: every section of each document, ascending, those told by their wording alone too: for coding these
            count as "other", for the place of a mention they say where it stands.
    """
    spans: dict[str, dict[_Where, set[tuple[int, int]]]] = {}
    starts: dict[_Where, set[int]] = {}
    kinds: dict[str, str] = {}
    first_of = {document: [s.start for s in sections.get(document, ())] for document in texts}
    for code, candidate in candidates.items():
        own = spans.setdefault(code, {})
        for support in candidate.supports:
            if support.judgement.assertion in _NOT_OF_THE_PATIENT and not support.judgement.carries:
                continue
            mention, document = support.mention, support.facts.document_id
            kinds[document] = support.facts.document_type or UNKNOWN
            where = (document, _section(support, sections.get(document, ()), first_of[document]))
            own.setdefault(where, set()).add((mention.start, mention.end))
            starts.setdefault(where, set()).add(mention.start)
    ordered = {
        (document, kind): _events(found, texts[document], kind, sections.get(document, ()))
        for (document, kind), found in starts.items()
    }
    return {
        code: sorted(
            [kinds[where[0]], where[1], len(found), bisect_left(ordered[where], min(found)[0]) + 1]
            for where, found in own.items()
        )
        for code, own in spans.items()
    }


def _section(support: Support, sections: Sequence[Section], starts: Sequence[int]) -> str:
    """The section of a mention; "history of stroke" is past history in all but those that tell what the stay was."""
    mention = support.mention
    if mention.assertion == HISTORICAL and mention.section not in _OF_THE_STAY:
        return HISTORY
    if mention.section != OTHER:
        return mention.section
    at = bisect_right(starts, mention.start) - 1
    return sections[at].kind if at >= 0 and mention.start < sections[at].end else OTHER


def _events(mentions: set[int], text: str, kind: str, sections: Sequence[Section]) -> list[int]:
    """Where something is named in the sections of a kind: the mentions, and the lines without any."""
    found = sorted(mentions)
    if kind == HISTORY:
        return found
    for section in sections:
        if section.kind != kind:
            continue
        for line in _LINE.finditer(text, section.start, section.end):
            at = bisect_left(found, line.start())
            if at == len(found) or found[at] >= line.end():
                mentions.add(line.start())
    return sorted(mentions)
