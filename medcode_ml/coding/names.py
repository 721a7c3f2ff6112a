"""Names of people that read like terms: the page header "Patient: DOE, ROBIN" tells of no dyspnea on exertion.

Only a single capitalised word can be one. It is a name after a title ("Dr. Burns"), after a label that people's names
follow, or first in a line that carries a record number or a date of birth. Nothing here knows a code.
"""

from __future__ import annotations

from collections.abc import Set

from medcode_ml.coding.tokens import Tokens
from medcode_ml.coding.words import word_set

_TITLES = frozenset({"Mr", "Mrs", "Ms", "Miss", "Dr", "DR", "MRS", "Prof"})  # MR and MS are diseases
_NAME_LABELS = word_set("name attending physician provider surgeon author clinician radiologist cosigner dictator")
_LOOSE_LABELS = word_set("patient pt re by resident")
_OF_PATIENT = word_set("patient pt")
_CREDENTIALS = word_set("md do rn np pa pa-c dds phd jr sr")
_RECORD_MARKS = word_set("mrn dob csn acct account page")
_MARKS = word_set("mrn dob csn acct account fin age sex gender room bed visit date admitted birth born page id record")
_AFTER_MARK = word_set(": # number no of date")
_LEAST_DIGITS = 5
_MOST_NAMES = 3
_REACH = 30


def names_a_person(tokens: Tokens, place: int, terms: Set[int]) -> bool:
    """Whether the token at `place` is a person's name; `terms` are the tokens at which terms of the text begin."""
    words, low = tokens.words, tokens.low
    if not _like_a_name(words[place]):
        return False
    before = words[place - 1] if place else "\n"
    after = words[place + 1] if place + 1 < len(words) else "\n"
    if before in _TITLES or (before == "." and place > 1 and words[place - 2] in _TITLES):
        return True
    first, given = place, 0
    while first > 0 and given < _MOST_NAMES and _given(tokens, first - 1, terms):
        given += words[first - 1] != "."
        first -= 1
    colon = first > 0 and words[first - 1] == ":"
    label = low[first - 2] if colon and first > 1 else ""
    if label not in _NAME_LABELS | _LOOSE_LABELS:
        # no label: the line itself has to be a header, "DOE, ROBIN   MRN: 1234567"
        heads = before[0] == "\n" and after == "," and _ends(tokens, place + 1, terms)
        return heads and _has_mark(tokens, place, _RECORD_MARKS)
    if not _ends(tokens, place + 1, terms):
        return False
    if label in _NAME_LABELS or (not given and (after == "," or (label == "patient" and after[0] == "\n"))):
        return True
    return label in _OF_PATIENT and (_has_mark(tokens, place, _MARKS) or _has_mark(tokens, place, _RECORD_MARKS, 1))


def _like_a_name(word: str) -> bool:
    return word[0].isupper() and word.isalpha()


def _given(tokens: Tokens, place: int, terms: Set[int]) -> bool:
    """Whether a token may stand between a label and the surname: a given name or an initial with its dot."""
    if tokens.words[place] == ".":
        return place > 0 and len(tokens.words[place - 1]) == 1
    return _like_a_name(tokens.words[place]) and place not in terms


def _ends(tokens: Tokens, place: int, terms: Set[int]) -> bool:
    """Whether nothing but names, credentials and record data follows in the line."""
    words, low = tokens.words, tokens.low
    names = 0
    while place < len(words) and words[place][0] != "\n":
        if _is_mark(tokens, place) or words[place] in {"(", "|"} or low[place] in _CREDENTIALS:
            return True
        if words[place][0].isdigit():
            return len(words[place]) >= _LEAST_DIGITS
        if _like_a_name(words[place]) and place not in terms and names < _MOST_NAMES:
            names += 1
        elif not (words[place] in {",", "."} and (names or words[place] == ",")):
            return False
        place += 1
    return True


def _is_mark(tokens: Tokens, place: int) -> bool:
    word = tokens.low[place]
    if word in {"mrn", "dob"}:
        return True
    after = tokens.low[place + 1] if place + 1 < len(tokens.low) else ""
    return word in _MARKS and (after in _AFTER_MARK or after[:1].isdigit())


def _has_mark(tokens: Tokens, place: int, marks: Set[str], lines: int = 0) -> bool:
    """Whether record data stand in the line of a token, or at most `lines` lines above or below it."""
    for step in (-1, 1):
        at, left = place, lines
        for _ in range(_REACH):
            at += step
            if not 0 <= at < len(tokens.words):
                break
            if tokens.words[at][0] == "\n":
                left -= 1
                if left < 0:
                    break
            elif tokens.low[at] in marks and _is_mark(tokens, at):
                return True
    return False
