"""Names of patients, relatives and clinicians, by what stands around them and by the lists of names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from medcode_ml.filtering.deidentify.name_patterns import (
    BETWEEN,
    CAPS_LAST_FIRST,
    COMMA,
    CREDENTIAL,
    DEAR,
    DOES,
    DOSE,
    EPONYM_HEAD,
    FIRST_LAST,
    INITIAL_LAST,
    INITIALS,
    INITIALS_SAID,
    LABEL_AFTER,
    LAST_FIRST,
    NO_INITIALS,
    PARTICLE,
    PATIENT_BEFORE,
    RELATIVE,
    ROLE,
    SAID,
    SENTENCE,
    STOP,
    TITLE,
    TITLE_LOW,
    TOKEN,
)
from medcode_ml.filtering.deidentify.spans import STRONG, WEAK, Span
from medcode_ml.filtering.deidentify.vocabulary import Vocabulary, Word


def name_spans(text: str, words: Vocabulary) -> Iterator[Span]:
    """Names told by a title, a role, a relation, a credential, their form, or the census lists."""
    for m in TITLE.finditer(text):
        yield from _take(text, m.end(), words, sure=True)
    for m in TITLE_LOW.finditer(text):
        if words.of(m.group(1)) is not Word.WORD:
            yield Span(m.start(1), m.end(1), "NAME")
    for pattern in (ROLE, RELATIVE, SAID, DEAR):
        for m in pattern.finditer(text):
            yield from _take(
                text, m.end(), words, sure=False, proper=pattern is RELATIVE and mid_sentence(text, m.end())
            )
    for m in CREDENTIAL.finditer(text):
        yield from _credentialed(m, words)
    for m in LAST_FIRST.finditer(text):
        last, first = m.group(1), m.group(2)
        if len(first) == 2 and first.isupper() and not last.isupper():
            continue  # a state after its town
        if words.is_first(first) and words.of(first) is not Word.WORD and _may_be_last(last, first, words):
            yield Span(m.start(), m.end(), "NAME")
    for m in CAPS_LAST_FIRST.finditer(text):
        last, first = m.groups()
        known = words.is_common_name(last.lower()) and words.of(last) is not Word.WORD
        if known and words.of(first) is Word.NAME and words.is_first(first) and not LABEL_AFTER.match(text, m.end()):
            yield Span(m.start(), m.end(), "NAME")
    for m in FIRST_LAST.finditer(text):
        if _is_first_last(text, m, words):
            yield Span(m.start(1), m.end(2), "NAME")
    for m in INITIAL_LAST.finditer(text):
        if len(m.group(1)) > 2 and words.of(m.group(1)) is not Word.WORD and not EPONYM_HEAD.match(text, m.end()):
            yield Span(m.start(), m.end(), "NAME")
    for m in INITIALS.finditer(text):
        if re.sub(r"\W", "", m.group()) not in NO_INITIALS or PATIENT_BEFORE.search(
            text[max(0, m.start() - 12) : m.start()]
        ):
            yield Span(m.start(), m.end(), "NAME")
    for m in INITIALS_SAID.finditer(text):
        if m.group(1) not in NO_INITIALS and words.of(m.group(1)) is not Word.WORD:
            yield Span(m.start(1), m.end(1), "NAME")
    for m in TOKEN.finditer(text):
        if _stands_alone(text, m, words):
            yield Span(m.start(), m.end(), "NAME", WEAK)


def person_of_model(text: str, start: int, end: int, words: Vocabulary) -> Iterator[Span]:
    """What the language model called a person, without the words that are none: "Denies", "NSTEMI", "Lasix 40 mg"."""
    parts = [m for m in TOKEN.finditer(text, start, end) if m.start() == start or not text[m.start() - 1].isalnum()]
    kinds = [words.of(p.group()) for p in parts]
    if EPONYM_HEAD.match(text, end) or DOSE.match(text, end):
        return
    if not any(k in (Word.NAME, Word.UNKNOWN) for k in kinds):
        return
    if Word.NAME not in kinds and len(parts) == 1 and not mid_sentence(text, start) and not DOES.match(text, end):
        return
    for part, kind in zip(parts, kinds, strict=True):
        value = part.group()
        low = value.lower()
        if kind is Word.WORD or low in STOP or len(value) < 3 or any(c.isdigit() for c in value):
            continue
        if value.isupper() and not (kind is Word.NAME and words.is_common_name(low) and len(value) > 3):
            continue
        if kind is Word.UNKNOWN and sum(c.isupper() for c in value) > 2:
            continue
        yield Span(part.start(), part.end(), "NAME", WEAK)


def repeated_names(text: str, spans: Sequence[Span], words: Vocabulary) -> Iterator[Span]:
    """Every further place where a name that is sure somewhere in the document stands again."""
    sure: set[str] = set()
    for span in spans:
        if span.kind == "NAME" and span.strength >= STRONG:
            for part in re.findall(r"[A-Za-z'’-]{4,}", text[span.start : span.end]):
                if words.of(part) in (Word.NAME, Word.UNKNOWN):
                    sure.add(part.lower())
    if not sure:
        return
    for m in re.finditer(r"(?<![\w])[A-Za-z][A-Za-z'’-]{3,}", text):
        low = re.sub(r"['’]s$", "", m.group().lower())
        if low in sure and not m.group().islower():
            yield Span(m.start(), m.start() + len(low), "NAME")


def mid_sentence(text: str, at: int) -> bool:
    """True where a capital at `at` is not explained by the beginning of a sentence or line."""
    return SENTENCE.search(text[max(0, at - 12) : at]) is None and at > 0


def _take(text: str, at: int, words: Vocabulary, *, sure: bool, proper: bool = False) -> Iterator[Span]:
    """The name that begins at `at`: "Mary K. O'Brien", "SMITH, JOHN", "de la Cruz".

    `sure`: a title stands before it, so that any word is a name; `proper`: words that may be names are taken for it.
    """
    position, end, taken, given, comma = at, -1, 0, False, False
    while taken < 5:
        particle = PARTICLE.match(text, position)
        if particle:
            position = particle.end()
        m = TOKEN.match(text, position)
        if m is None:
            break
        value, kind = m.group(), words.of(m.group())
        low, initial = value.lower(), len(value) == 1
        if (low in STOP and not (initial and taken)) or (LABEL_AFTER.match(text, m.end()) and taken):
            break
        if sum(c.isalpha() for c in value) * 2 <= len(value) and not (sure and any(c.isalpha() for c in value)):
            break
        if not taken and not sure:
            follows = COMMA.match(text, m.end())
            second = TOKEN.match(text, follows.end() if follows else m.end() + 1)
            named = (
                second is not None
                and words.of(second.group()) is not Word.WORD
                and (
                    words.is_first(second.group())
                    or initial
                    or (words.may_be_proper(value) and words.of(second.group()) is Word.NAME)
                )
            )
            named = named or (proper and not value.isupper() and len(value) > 2 and words.may_be_proper(value))
            if (kind is Word.WORD and not named) or (
                kind is Word.UNKNOWN and value.isupper() and not named and len(value) < 5
            ):
                break
            if kind is Word.EPONYM and EPONYM_HEAD.match(text, m.end()):
                break
        elif (
            taken
            and not initial
            and (
                (kind is Word.WORD and not (comma and words.may_be_proper(value)))
                or (kind is Word.EPONYM and not (given or comma))
            )
        ):
            break
        given = given or initial or (words.is_first(value) and kind is not Word.WORD)
        end, taken = m.end(), taken + 1
        if initial and text[end : end + 1] == ".":
            end += 1
        gap = BETWEEN.match(text, end)
        if gap is None and not comma and taken <= 2:
            gap = COMMA.match(text, end)
            comma = gap is not None
            after = TOKEN.match(text, gap.end()) if gap else None
            if after is None or not (
                len(after.group()) == 1
                or words.is_first(after.group())
                or (kind is Word.NAME and len(after.group()) > 2 and words.may_be_proper(after.group()))
            ):
                break
        if gap is None:
            break
        position = gap.end()
    if end > 0 and text[at:end].strip(". "):
        end = _without_possessive(text, at, end)
        yield Span(at, end, "NAME")


def _without_possessive(text: str, start: int, end: int) -> int:
    return end - 2 if text[start:end].endswith(("'s", "’s")) else end


def _credentialed(m: re.Match[str], words: Vocabulary) -> Iterator[Span]:
    parts = list(TOKEN.finditer(m.group(1)))
    while parts and (words.of(parts[0].group()) is Word.WORD or parts[0].group().lower() in STOP):
        parts.pop(0)
    if not parts or words.of(parts[-1].group()) is Word.WORD:
        return
    if m.group(4) and len(parts) < 2 and "," not in m.group(2):
        return
    if all(p.group().isupper() and len(p.group()) < 6 and words.of(p.group()) is not Word.NAME for p in parts):
        return
    yield Span(m.start(1) + parts[0].start(), m.start(1) + parts[-1].end(), "NAME")


def _may_be_last(last: str, first: str, words: Vocabulary) -> bool:
    kind, other = words.of(last), words.of(first)
    if kind is Word.WORD or len(last) < 2 or (kind is Word.UNKNOWN and last.isupper() and len(last) < 5):
        return False
    return kind is Word.NAME or other is Word.NAME


def _is_first_last(text: str, m: re.Match[str], words: Vocabulary) -> bool:
    first, last = m.group(1), m.group(2)
    if first.isupper() != last.isupper() or len(last) < 2 or not words.is_first(first):
        return False
    kinds = (words.of(first), words.of(last))
    if Word.WORD in kinds or kinds == (Word.EPONYM, Word.EPONYM) or EPONYM_HEAD.match(text, m.end(2)):
        return False
    if last.isupper() and not words.is_last(last):
        return False
    return LABEL_AFTER.match(text, m.end(2)) is None


def _stands_alone(text: str, m: re.Match[str], words: Vocabulary) -> bool:
    """A frequent name that is no word, written like one."""
    value = m.group()
    if len(value) < 3 or not value[1:].islower() or (m.start() and text[m.start() - 1].isalnum()):
        return False
    low = value.lower()
    if words.of(low) is not Word.NAME or not words.is_common_name(low):
        return False
    return EPONYM_HEAD.match(text, m.end()) is None and text[max(0, m.start() - 4) : m.start()] != "New "
