"""What a record tells that helps to choose among alternatives: its sentences as words, the patient, the other codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd

_SENTENCE = re.compile(r"[.;\n?!]+(?:\s|$)|\n")
_ABSENT = re.compile(r"\bwithout\b[^,]*|\bnot \w+|\buncomplicated\b")
_WORD = re.compile(r"[a-z0-9]+")
_WEEKS = re.compile(r"\b(\d{1,2})(?:\s*\d/7)?\s*(?:\+\s*\d\s*)?(?:weeks?|wks?)\b|\b(\d{1,2})w\d?d?\b", re.IGNORECASE)
_GESTATION = re.compile(r"gestation|pregnan|gravid|\bg\dp\d|\biup\b|obstetric|trimester", re.IGNORECASE)
#: a sentence with one of these denies something or tells of somebody else
_DENIED = frozenset({
    "no", "not", "denies", "denied", "without", "negative", "never", "ruled", "rule", "family", "mother", "father",
    "brother", "sister",
})  # fmt: skip
#: words of a title that tell nothing about a record: what a coder takes for granted or a list needs for its order
_EMPTY = frozenset({
    "a", "an", "and", "as", "at", "be", "but", "by", "due", "for", "from", "has", "in", "into", "is", "it", "its", "of",
    "on", "or", "other", "others", "so", "specified", "than", "that", "the", "their", "then", "this", "those", "to",
    "type", "unspecified", "not", "elsewhere", "classified", "classifiable", "nos", "nec", "initial", "encounter",
    "closed", "site", "part", "displaced", "primary", "condition", "conditions",
})  # fmt: skip
_SECOND, _THIRD, _TERM = 14, 28, 45
_Z3A = re.compile(r"Z3A\.?(\d\d)")


#: how clinicians shorten the conditions whose old codes need a choice most
_SHORT = {
    "af": "atrial fibrillation", "afib": "atrial fibrillation", "aki": "acute kidney injury",
    "bph": "benign prostatic hyperplasia", "cad": "coronary artery disease", "chf": "congestive heart failure",
    "ckd": "chronic kidney disease", "copd": "chronic obstructive pulmonary disease",
    "cva": "cerebrovascular accident", "dm": "diabetes mellitus", "dvt": "deep vein thrombosis",
    "esrd": "end stage renal disease", "gerd": "gastroesophageal reflux disease", "hf": "heart failure",
    "htn": "hypertension", "lle": "left lower extremity", "lue": "left upper extremity", "mi": "myocardial infarction",
    "mdd": "major depressive disorder", "oa": "osteoarthritis", "osa": "obstructive sleep apnea",
    "pe": "pulmonary embolism", "pna": "pneumonia",
    "paf": "paroxysmal atrial fibrillation", "pack": "cigarette", "ppd": "cigarette",
    "ra": "rheumatoid arthritis", "rle": "right lower extremity",
    "rue": "right upper extremity", "t1dm": "type 1 diabetes mellitus", "t2dm": "type 2 diabetes mellitus",
    "uti": "urinary tract infection",
}  # fmt: skip
_ENDINGS = ("ically", "ation", "otic", "osis", "ion", "ive", "ous", "ing", "ia", "ic", "al", "es", "ed", "is")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_NUMBERED = frozenset({"type", "stage", "class", "grade", "degree"})
_NUMBER = re.compile(r"\d{1,2}[a-c]?", re.ASCII)


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The word without plural and adjective endings: hypoxia and hypoxic are one."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 6:
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= 4:
                return word[: -len(ending)]
    return word


def _terms(words: list[str]) -> set[str]:
    """Stems of the words that can tell something; a plain number counts with the word it numbers: type 2."""
    found: set[str] = set()
    before = ""
    for word in words:
        value = _ROMAN.get(word, word) if before in _NUMBERED else word
        if _NUMBER.fullmatch(value):
            if not value.isdigit():
                found.add(value)
            elif before in _NUMBERED:
                found.add(f"{before} {value}")
        elif word not in _EMPTY:
            found.add(stem(word))
        before = word
    return found


@lru_cache(maxsize=100_000)
def telling_words(phrase: str) -> frozenset[str]:
    """The words of a title or inclusion term that a record may or may not say, but for what is said to be absent."""
    return frozenset(_terms(_WORD.findall(_ABSENT.sub(" ", phrase.lower()))))


@dataclass(frozen=True)
class Circumstances:
    """What is known about one encounter. `text` is its documents joined; everything may be missing."""

    discharge: date | None = None
    sex: str | None = None
    age: int | None = None
    setting: str | None = None
    text: str = ""
    others: frozenset[str] = frozenset()

    @cached_property
    def sentences(self) -> tuple[frozenset[str], ...]:
        """Words of each sentence that affirms something about the patient."""
        found = set()
        for sentence in _SENTENCE.split(self.text.lower()):
            words = _WORD.findall(sentence)
            if words and not _DENIED & set(words[:40]):
                found.add(frozenset(_terms([w for word in words for w in _SHORT.get(word, word).split()])))
        return tuple(found)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of those sentences."""
        return frozenset().union(*self.sentences)

    @cached_property
    def trimester(self) -> str | None:
        """first, second or third where a Z3A code or the weeks in the text tell it, else None."""
        weeks = [int(m[1]) for c in self.others if (m := _Z3A.match(c))]
        if not weeks and _GESTATION.search(self.text):
            told = (int(a or b) for a, b in _WEEKS.findall(self.text))
            weeks = [w for w in told if w <= _TERM]
        if not weeks:
            return None
        latest = max(weeks)
        return "first" if latest < _SECOND else "second" if latest < _THIRD else "third"


def circumstances_of(
    encounter: str,
    discharge: date | None,
    context: Mapping[str, Mapping[str, Any]],
    others: Iterable[str],
) -> Circumstances:
    """The circumstances of one encounter out of `context_rows`."""
    row = context.get(encounter, {})
    text = row.get("words")
    age = row.get("age")
    return Circumstances(
        discharge,
        row.get("sex") or None,
        int(age) if age is not None and not pd.isna(age) else None,
        row.get("setting") or None,
        text if isinstance(text, str) else "\n".join(sorted(text)) if isinstance(text, set | frozenset | list) else "",
        frozenset(others),
    )


def context_rows(context: pd.DataFrame | None) -> dict[str, dict[str, Any]]:
    """The context frame (index encounter_id; columns sex, age, setting, words, each optional) by encounter."""
    if context is None or context.empty:
        return {}
    known = context[[c for c in ("sex", "age", "setting", "words") if c in context.columns]]
    return dict(zip(known.index, known.to_dict("records"), strict=True))
