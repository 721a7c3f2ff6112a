"""Whose page is it: name, birth date and MRN printed on a page against the encounter it is filed under (rule 39).

Belongs here: comparing, and what follows for the filing. Finding them is `printed`. Nothing found leaves this module as
text: verdicts name the kind of identifier only, because a reason is stored and logged where no PHI may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from medcode_ml.intake.confusions import folded, folded_digits
from medcode_ml.intake.nicknames import same_first_name
from medcode_ml.intake.printed import BIRTH, DATE, MRN, NAME, Printed, all_dates, all_numbers, find_printed, zone

SAME_NAME = 85.0  # similarity (0-100) from which two names agree
OTHER_NAME = 60.0  # similarity below which they clearly disagree
SLIPS = 1  # characters of an MRN or a birth date that a reader may get wrong before it says another one
FEW_SLIPS = 2  # the same before it surely says another one
UNIQUE_DIGITS = 5  # digits from which an MRN found anywhere on the page, without a label, is no chance
READ = 60.0  # mean confidence (0-100) from which a value that disagrees is believed
SURELY_READ = 85.0  # the same from which a few characters of an MRN are no slips


class Verdict(Enum):
    """What one printed identifier says about the filing."""

    AGREES = "agrees"
    UNCLEAR = "unclear"
    DOUBTFUL = "doubtful"  #: disagrees, but weakly: counts only where nothing printed agrees
    DISAGREES = "disagrees"


#: a kind printed more than once: the reading kindest to the filing counts, since forms also name relatives
_KINDEST = (Verdict.AGREES, Verdict.UNCLEAR, Verdict.DOUBTFUL, Verdict.DISAGREES)


@dataclass(frozen=True)
class Filed:
    """The person of the encounter a page is filed under, as registered; None where it is not known."""

    name: str | None = None
    mrn: str | None = None
    birth_date: date | None = None


def verdicts(text: str, filed: Filed, words: Sequence[Mapping[str, Any]] = ()) -> dict[str, Verdict]:
    """What the identifiers of a page say: {"name" | "birth date" | "MRN": verdict}, only kinds printed and known.

    `words` (as in `reading.Word`) tell how surely a value was read; without them every value is believed.
    """
    compare: dict[str, Any] = {}
    if filed.name:
        compare[NAME] = lambda value: _compare_names(value, filed.name or "")
    if filed.birth_date:
        compare[BIRTH] = lambda value: _compare_dates(value, filed.birth_date or date.min)
    if filed.mrn:
        compare[MRN] = lambda value: _compare_codes(value, filed.mrn or "")
    said: dict[str, set[Verdict]] = {}
    for printed in find_printed(text):
        if printed.kind not in compare:
            continue
        verdict = compare[printed.kind](printed.value)
        if verdict is not None:
            said.setdefault(printed.kind, set()).add(_believed(verdict, printed, words))
    for kind, verdict in _without_label(text, filed, set(said)):
        said.setdefault(kind, set()).add(verdict)
    return {kind: next(v for v in _KINDEST if v in heard) for kind, heard in said.items()}


def misfiled(said: Mapping[str, Verdict]) -> list[str]:
    """Kinds of identifier that disagree, where together they say the page is somebody else's; else nothing.

    Nothing agrees: one disagreement is enough. An MRN that agrees is outweighed only by name and birth date together;
    name and birth date that both agree outweigh an MRN (a patient has several numbers); one of them alone is what a
    namesake or a twin has too, and outweighs no clear disagreement.
    """
    agreeing = {kind for kind, verdict in said.items() if verdict is Verdict.AGREES}
    clear = [kind for kind, verdict in said.items() if verdict is Verdict.DISAGREES]
    either = [kind for kind, verdict in said.items() if verdict in (Verdict.DISAGREES, Verdict.DOUBTFUL)]
    if not agreeing:
        return either
    if MRN in agreeing:
        return either if set(either) == {NAME, BIRTH} and clear else []
    return [] if len(agreeing) > 1 or not clear else either


def _believed(verdict: Verdict, printed: Printed, words: Sequence[Mapping[str, Any]]) -> Verdict:
    """A disagreement counts less where the value was hardly read, or its label is not surely that of the MRN."""
    if verdict not in (Verdict.DISAGREES, Verdict.DOUBTFUL):
        return verdict
    read = [float(w["confidence"]) for w in words if w["start"] < printed.end and printed.start < w["end"]]
    confidence = sum(read) / len(read) if read else SURELY_READ
    if confidence < READ:
        return Verdict.UNCLEAR
    if not printed.sure_label:
        return Verdict.DOUBTFUL
    return Verdict.DISAGREES if printed.kind == MRN and confidence >= SURELY_READ else verdict


def _without_label(text: str, filed: Filed, labelled: set[str]) -> Iterable[tuple[str, Verdict]]:
    """Identifiers of the filed person found without a label; they can only agree.

    A name or date counts only where no label gives one: the filed person may be the mother or the insured of another.
    """
    if filed.mrn:
        wanted = folded_digits(filed.mrn).lstrip("0")
        if len(wanted) >= UNIQUE_DIGITS and any(folded_digits(n).lstrip("0") == wanted for n in all_numbers(text)):
            yield MRN, Verdict.AGREES
    head = "\n".join(line for _, line in zone(text))
    if filed.birth_date and BIRTH not in labelled:
        dates = [d for d in all_dates(head) if len(re.split(r"[-/. ,]+", d)[-1]) == 4 or len(d.split("-")[0]) == 4]
        if any(_compare_dates(d, filed.birth_date) is Verdict.AGREES for d in dates):
            yield BIRTH, Verdict.AGREES
    if filed.name and NAME not in labelled:
        parts = [re.escape(p) for p in _tokens(filed.name) if len(p) > 1]
        if len(parts) > 1:
            first, last = parts[0], parts[-1]
            either = rf"\b{first}\b[ \w.]{{0,4}} {last}\b|\b{last}\b, ?{first}\b|\b{last}\b, ?{first}"
            if re.search(either, head, re.IGNORECASE):
                yield NAME, Verdict.AGREES


def _compare_codes(printed: str, filed: str) -> Verdict | None:
    ours, theirs = folded_digits(printed).lstrip("0"), folded_digits(filed).lstrip("0")
    if len(ours) < 3 or not theirs or not any(c.isdigit() for c in printed):
        return None
    if ours == theirs:
        return Verdict.AGREES
    slips = OSA.distance(ours, theirs)
    if slips <= SLIPS or ours in theirs or theirs in ours:  # a cut or merged number
        return Verdict.UNCLEAR
    return Verdict.DOUBTFUL if slips <= FEW_SLIPS else Verdict.DISAGREES


def _compare_dates(printed: str, filed: date) -> Verdict | None:
    found = DATE.match(printed.lstrip(" ():;.,"))
    if found is None:
        return None
    parts = {k[0]: v for k, v in found.groupdict().items() if v is not None and k[-1].isdigit()}
    month = parts["m"].lower()
    if month[:3] in _MONTHS:
        month = str(_MONTHS.index(month[:3]) + 1)
    elif found.group("dmy") or found.group("mdy"):
        return None
    year = folded_digits(parts["y"])
    ours = folded_digits(month).zfill(2) + folded_digits(parts["d"]).zfill(2) + year[-2:]
    theirs = f"{filed:%m%d%y}"
    if len(year) == 4:
        ours, theirs = ours[:4] + year, f"{filed:%m%d%Y}"
    if ours == theirs:
        return Verdict.AGREES
    slips = OSA.distance(ours, theirs)
    if slips <= SLIPS or ours[2:4] + ours[:2] + ours[4:] == theirs:  # the day before the month
        return Verdict.UNCLEAR
    return Verdict.DOUBTFUL if slips <= FEW_SLIPS else Verdict.DISAGREES


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TITLES = {"mr", "mrs", "ms", "miss", "dr", "jr", "sr", "ii", "iii", "iv", "md"}
#: stands for a name that was not known at registration: newborns, unidentified
_NO_NAME = {"baby", "babyboy", "babygirl", "boy", "girl", "newborn", "infant", "bb", "bg", "unknown", "doe", "trauma"}


def _compare_names(printed: str, filed: str) -> Verdict | None:
    ours, theirs = _parts(printed), _parts(filed)
    if len(ours) < 2 or not theirs:
        return None
    # every part of the shorter form is looked for: the other may carry middle names, and the order varies
    shorter, longer = sorted((ours, theirs), key=len)
    alike = [max(fuzz.ratio(a, b) for b in longer) for a in shorter]
    whole = max(fuzz.token_sort_ratio(" ".join(ours), " ".join(theirs)), fuzz.ratio("".join(ours), "".join(theirs)))
    if min(alike) >= SAME_NAME or whole >= SAME_NAME:
        return Verdict.AGREES
    if _NO_NAME & {*ours, *theirs}:
        return Verdict.UNCLEAR
    if len(theirs) > 1 and _of_one_family(printed, filed):
        return Verdict.DISAGREES
    return Verdict.DOUBTFUL if max(alike) < OTHER_NAME + 10 and whole < OTHER_NAME else Verdict.UNCLEAR


def _of_one_family(printed: str, filed: str) -> bool:
    """Same last name, clearly another first name: a twin, a spouse, a child."""
    first, last = _split(filed)
    ours = _parts(printed)
    surname = max(ours, key=lambda part: max(fuzz.ratio(part, s) for s in last))
    if max(fuzz.ratio(surname, s) for s in last) < SAME_NAME:
        return False
    rest = [part for part in ours if part is not surname]
    initials = {p for p in map(folded, _tokens(printed)) if len(p) == 1}
    if not rest or any(name[:1] in initials for name in first):
        return False  # "J. Harlow", or the middle name is the one in use
    return all(fuzz.ratio(a, b) < OTHER_NAME and not same_first_name(a, b) for a in rest for b in first)


def _split(name: str) -> tuple[list[str], list[str]]:
    """First names and last names, for comparing, of "Last, First M" or "First M Last"."""
    if "," in name:
        last, first = name.split(",", 1)
        return _parts(first) or [""], _parts(last) or [""]
    parts = _parts(name)
    return parts[:-1], parts[-1:]


def _tokens(name: str) -> list[str]:
    return [part for part in re.split(r"[\s,]+", name) if part]


def _parts(name: str) -> list[str]:
    return [p for p in map(folded, _tokens(name)) if len(p) > 1 and p not in _TITLES]
