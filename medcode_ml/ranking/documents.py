"""What the documents say of listed codes: the reading of a coder, handed to the codes of the list.

A coder who reads the documents on his own may find another code of the same condition: E11.9 where the list says
E11.65, J15.69 where it says J18.9. What speaks for the one speaks for the other, unless the list has both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import pandas as pd

from medcode_ml.codes.ccsr import ccsr_category
from medcode_ml.codes.identifiers import dotted, undotted
from medcode_ml.codes.tabular import tabular
from medcode_ml.ranking.evidence import entries_of

Entry = tuple[str, str, int, int]
"""Document type, section, mentions, place, as in `document_types`."""
_CATEGORY: Final = 3
#: Health factors and external causes: brothers are other facts, not other wordings of the same one.
_FACTS: Final = ("V", "W", "X", "Y", "Z")
_WORD: Final = re.compile(r"[a-z]{5,}")
_SAYS_LITTLE: Final = frozenset(
    (
        "acute", "chronic", "classified", "complication", "complications", "condition", "conditions", "disease",
        "diseases", "disorder", "disorders", "elsewhere", "encounter", "initial", "lower", "other", "right",
        "sequela", "specified", "subsequent", "syndrome", "unspecified", "upper", "without",
    )
)  # fmt: skip


def documented(listed: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Return `listed` with `document_types` from a coder's reading.

    What a row of `listed` has already stays; codes that neither the reading nor a relative names stay without. The
    assertion is not handed over: who lists a code has found it present, whatever another reader makes of the words.

    Args:
        listed: DataFrame[encounter_id, code; document_types].
        found: DataFrame[encounter_id, code, document_types]: every code that the coder found, accepted or not.
    """
    readings: dict[Any, dict[str, list[Entry]]] = {}
    columns = (found[name] for name in ("encounter_id", "code", "document_types"))
    for encounter, code, value in zip(*columns, strict=True):
        if entries := entries_of(value):
            readings.setdefault(encounter, {})[undotted(str(code))] = entries
    bare = [undotted(str(code)) for code in listed["code"]]
    lists: dict[Any, set[str]] = {}
    for encounter, code in zip(listed["encounter_id"], bare, strict=True):
        lists.setdefault(encounter, set()).add(code)
    handed = {e: entries_of_listed(codes, readings[e]) for e, codes in lists.items() if e in readings}
    given = listed["document_types"].tolist() if "document_types" in listed else [None] * len(listed)
    told = [
        value if entries_of(value) else handed.get(encounter, {}).get(code)
        for value, encounter, code in zip(given, listed["encounter_id"], bare, strict=True)
    ]
    return listed.assign(document_types=pd.Series(told, index=listed.index, dtype=object))


def entries_of_listed(listed: Iterable[str], reading: Mapping[str, list[Entry]]) -> dict[str, list[list[Any]]]:
    """Return for each listed code the entries of the found codes that speak for it; codes are undotted.

    A found code that is not listed speaks for its nearest listed relatives: those of its category that share the
    longest beginning with it, else those of its clinical group (CCSR) or, in its block of the tabular list, those whose
    title shares a telling word ("pneumonia"). A listed one speaks for itself only.
    """
    speakers = {code: [reading[code]] if code in reading else [] for code in dict.fromkeys(listed)}
    takers = [code for code in speakers if not code.startswith(_FACTS)]
    for code, entries in reading.items():
        if code in speakers or code.startswith(_FACTS):
            continue
        shared = {taker: _shared(code, taker) for taker in takers}
        longest = max(shared.values(), default=0)
        if longest >= _CATEGORY:
            nearest = [taker for taker in takers if shared[taker] == longest]
        else:
            nearest = [taker for taker in takers if _related(code, taker)]
        for taker in nearest:
            speakers[taker].append(entries)
    return {code: _joined(sources) for code, sources in speakers.items() if sources}


def _shared(one: str, other: str) -> int:
    """Characters that two codes begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@lru_cache(maxsize=131072)
def _related(one: str, other: str) -> bool:
    """Whether codes of two categories name conditions of one kind."""
    group = ccsr_category(dotted(one))
    if group is not None and group == ccsr_category(dotted(other)):
        return True
    (block, words), (other_block, other_words) = _block_and_words(one), _block_and_words(other)
    return block is not None and block == other_block and not words.isdisjoint(other_words)


@lru_cache(maxsize=65536)
def _block_and_words(code: str) -> tuple[str | None, frozenset[str]]:
    """Block of the tabular list ("J09-J18") and the telling words of the title."""
    listed = tabular()
    block = next((node for node in listed.ancestors(dotted(code)) if "-" in node), None)
    title = listed.title(dotted(code)) or ""
    return block, frozenset(_WORD.findall(title.lower())) - _SAYS_LITTLE


def _joined(sources: list[list[Entry]]) -> list[list[Any]]:
    """Entries of several found codes: of a section of a kind of document as many as the code has that has most."""
    most: dict[tuple[str, str], int] = {}
    for entries in sources:
        where = [entry[:2] for entry in entries]
        for place in set(where):
            most[place] = max(most.get(place, 0), where.count(place))
    joined = []
    for (kind, section), number in sorted(most.items()):
        # the earliest place first; entries without a place last
        own = sorted(
            {entry for entries in sources for entry in entries if entry[:2] == (kind, section)},
            key=lambda entry: (entry[3] == 0, entry[3], -entry[2]),
        )
        joined += [list(entry) for entry in own[:number]]
    return joined
