"""Terms: from a title or inclusion term of the tabular list to the word sequences under which clinicians write it.

Pure text work; which code wins a sequence that several codes claim is settled in `dictionary`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from medcode_ml.coding.words import LATERAL, canonical_words

Key = tuple[str, ...]

EXACT, SIMPLIFIED, PERMUTED = 0, 1, 2

_SQUARE = re.compile(r"\s*\[[^\]]*\]")
_SQUARE_TEXT = re.compile(r"\[([^\]]{2,40})\]$")
_ROUND = re.compile(r"\s*\(([^)]*)\)")
_TAIL = re.compile(
    r"(,? (?:NOS|NEC)|,? not otherwise specified|,? not elsewhere classified|,? without (?:mention of )?complications?"
    r"|,? unspecified(?: (?:eye|ear|side|organism|trimester|type|severity|cause|stage|site|sites|laterality))?"
    r"|,? unspecified whether .*|,? uncomplicated|,? type not specified)$",
    re.IGNORECASE,
)
_HEAD = re.compile(r"^(unspecified|nonspecific|personal history of \(healed\)) ", re.IGNORECASE)
_UNSPECIFIED_PART = re.compile(
    r"(?:of|in|,) unspecified (?:site|organ|organism|side|type|duration|cause|severity)(?: of| in)?"
    r"|unspecified (?:part|site) of ",
    re.IGNORECASE,
)
_UNSPECIFIED_SENSE = re.compile(r"\b(of|in) unspecified (eye|ear)\b", re.IGNORECASE)
_PREPOSITION = re.compile(r" (?:of|in|to|involving|affecting) (?:the )?", re.IGNORECASE)
_MALIGNANT = re.compile(r"^malignant neoplasm (?:of|in) (?:the )?(.+)$", re.IGNORECASE)
_SECONDARY = re.compile(r"^secondary malignant neoplasm of (?:the )?(.+)$", re.IGNORECASE)
_BENIGN = re.compile(r"^benign neoplasm of (?:the )?(.+)$", re.IGNORECASE)
_AND_PAIR = re.compile(r"^(\w{5,}) and (\w{5,})$", re.IGNORECASE)
_UNSAFE = re.compile(
    r"^(other|encounter for|problems? related|contact with|exposure to|place of occurrence|activity,)\b"
    r"|\b(?:classified elsewhere|complicating (?:pregnancy|childbirth|the puerperium))\b"
    r"|, (?:initial|subsequent) encounter|, sequela$",
    re.IGNORECASE,
)
_MAY_BE_SHORT = re.compile(r"nspecified|onspecific|NOS|NEC|not (?:elsewhere|otherwise)|omplicat|ersonal history")
LONGEST = 9


def variants(term: str, *, lateral: bool = False) -> Iterator[tuple[Key, int]]:
    """Yield (word sequence, how far it is from the term as printed) for every safe way to write `term`.

    `lateral` terms name a side only: the side is left out here and read from the note when the code is chosen.
    "Other ..." titles give nothing: without their heading they would claim their parent's name.
    """
    if _UNSAFE.search(term):
        return
    seen: set[Key] = set()
    given: set[str] = set()

    def give(text: str, distance: int) -> Iterator[tuple[Key, int]]:
        if text in given:
            return
        given.add(text)
        key = tuple(w for w in canonical_words(text) if w[0].isalnum() and not (lateral and w in LATERAL))
        if key and len(key) <= LONGEST and key not in seen:
            seen.add(key)
            yield key, distance

    # most terms have none of the things looked for: a substring test is cheaper than a pattern
    bare = _SQUARE.sub("", term).strip() if "[" in term else term
    plain = bare
    if "(" in bare:
        plain = _ROUND.sub("", bare).strip()
        yield from give(_ROUND.sub(lambda m: " " + m.group(1), bare), EXACT)
    yield from give(plain, EXACT)
    if "[" in term and (inside := _SQUARE_TEXT.search(term)) and (" " in inside[1] or inside[1][-1].isupper()):
        yield from give(inside[1], SIMPLIFIED)
    texts = [plain]
    if _MAY_BE_SHORT.search(plain):
        short = _short(plain)
        yield from give(short, SIMPLIFIED)
        texts.append(short)
    for text in texts:
        for turned in _turned(text):
            yield from give(turned, PERMUTED)
            if ", " in turned or " of " in turned:
                for again in _turned(turned):
                    yield from give(again, PERMUTED)


def _short(text: str) -> str:
    """`text` without the words that only say that nothing more is known."""
    # an unspecified ear is still an ear: its third degree burn is not every third degree burn
    out = _UNSPECIFIED_SENSE.sub(r"\1 \2", _UNSPECIFIED_PART.sub(" ", text))
    while True:
        cut = _HEAD.sub("", _TAIL.sub("", out)).strip(" ,")
        if cut == out or not cut:
            return out
        out = cut


def _turned(text: str) -> Iterator[str]:
    """Other orders of `text`: inverted comma forms, "X of Y" as "Y X", neoplasms by their everyday names."""
    neoplasm = "neoplasm" in text
    if neoplasm and (found := _SECONDARY.match(text)):
        site = found.group(1)
        for name in ("metastasis", "metastatic disease", "metastatic cancer"):
            yield f"{site} {name}"
            yield f"{name} {site}"
        return
    if neoplasm and (found := _MALIGNANT.match(text)):
        site = found.group(1)
        for name in ("cancer", "malignant neoplasm", "adenocarcinoma"):
            yield f"{site} {name}"
            yield f"{name} {site}"
        return
    if neoplasm and (found := _BENIGN.match(text)):
        yield f"{found.group(1)} benign neoplasm"
        return
    if " and " in text and (found := _AND_PAIR.match(text)):
        yield found.group(1)
        yield found.group(2)
        return
    if text.count(", ") == 1:
        first, second = text.split(", ")
        if not second.lower().startswith(("with", "without", "due", "in ", "not ", "and ", "or ", "unspecified")):
            yield f"{second} {first}"
    parts = _PREPOSITION.split(text)
    if len(parts) == 2 and " and " not in text and "," not in text:
        yield f"{parts[1]} {parts[0]}"
