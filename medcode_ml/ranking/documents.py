"""Where plain documents name the codes of a line, for lines that bring their documents and no evidence.

This is no coder: it only looks for the words of the terms that ICD-10-CM itself gives a code (title and inclusion
terms, its own and its categories') in one line of text, so that a discharge diagnosis can be told from past history.
Abbreviations are not understood. Encounters that went through coding bring better evidence and never come here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.tabular import tabular
from medcode_ml.ranking.evidence import place_of

_HEADING: Final = re.compile(r"^\s*(?P<heading>[A-Za-z][A-Za-z /&-]{1,60}?)\s*:\s*(?P<rest>.*)$")
_WORD: Final = re.compile(r"[a-z0-9]+")
_ASIDE: Final = re.compile(r"\([^)]*\)|\[[^\]]*\]")
# Words that a term carries for the classification's sake; a clinician leaves them out.
_SILENT: Final = frozenset(
    (
        "a",
        "an",
        "and",
        "as",
        "by",
        "classified",
        "due",
        "elsewhere",
        "encounter",
        "for",
        "from",
        "in",
        "initial",
        "nec",
        "nos",
        "of",
        "on",
        "or",
        "organism",
        "other",
        "otherwise",
        "part",
        "site",
        "specified",
        "the",
        "to",
        "type",
        "unspecified",
        "with",
        "without",
    )
)
_NOT: Final = re.compile(r"\b(no|denies|denied|without|negative for|ruled out)\b", re.I)
_CATEGORY_LENGTH: Final = 3


def _words(text: str) -> frozenset[str]:
    return frozenset(word.removesuffix("s") for word in _WORD.findall(text.lower()))


@lru_cache(maxsize=32768)
def term_words(code: str) -> tuple[frozenset[str], ...]:
    """Return the words of each term of a code and its categories, asides and silent words left out."""
    listed = tabular()
    lineage = [dotted(code), *(n for n in listed.ancestors(code) if "-" not in n and len(n) >= _CATEGORY_LENGTH)]
    terms = [term for node in lineage for term in (listed.title(node), *listed.inclusion_terms(node)) if term]
    # what follows "without" or "not" says what the term is not
    kept = (re.split(r"\b(?:without|not)\b", _ASIDE.sub(" ", term))[0] for term in terms)
    found = (_words(text) - _SILENT for text in kept)
    return tuple(dict.fromkeys(words for words in found if words))


def _lines(documents: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, frozenset[str]]]:
    """Document type, heading and words of every line; a heading holds until the next."""
    lines = []
    for document in documents:
        kind, section = str(document.get("type") or ""), ""
        for line in str(document.get("text") or "").splitlines():
            text = line
            match = _HEADING.match(line)
            # "Heparin: 5000 units" is no heading; a known one is, and so is one that stands alone
            if match and (not match["rest"] or place_of("", match["heading"]) != "other"):
                section, text = match["heading"].lower(), match["rest"]
            if text.strip() and not _NOT.search(text):
                lines.append((kind, section, _words(text)))
    return lines


def document_types_of(codes: Sequence[str], documents: Sequence[Mapping[str, Any]]) -> dict[str, list[list[Any]]]:
    """Return [[type, section, lines that name the code], ...] for each code that a document names.

    Args:
        codes: codes of one encounter.
        documents: objects with "type" and "text".
    """
    lines = _lines(documents)
    vocabulary = frozenset[str]().union(*(words for _, _, words in lines))
    found = {}
    for code in dict.fromkeys(codes):
        terms = [words for words in term_words(code) if words <= vocabulary]
        named = Counter(
            (kind, section) for kind, section, words in lines if terms and any(term <= words for term in terms)
        )
        if named:
            found[code] = [[kind, section, times] for (kind, section), times in named.items()]
    return found
