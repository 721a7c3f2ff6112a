"""Births: outcome of delivery, the newborn's own record, weeks of gestation (guidelines I.C.15.a, I.C.16.a.2).

What a birth means depends on whose record it is, so the documents of an encounter are read together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from medcode_ml.coding.assertion import AFFIRMED
from medcode_ml.coding.candidates import Candidates, accepted
from medcode_ml.coding.mentions import Mention, Section

_VAGINAL = r"n?svd|vag(?:inal(?:ly)?)?|vacuum|forceps|vbac"
_CESAREAN = r"c[ -]?sections?|c/s|(?:rep(?:eat)?\s)?ltcs|ca?esarean|(?:repeat|primary|by|via) section"
_MODE = rf"\b(?:(?P<vaginal>{_VAGINAL})|(?P<cesarean>{_CESAREAN}))(?![^\W_])"
_BORN = re.compile(
    rf"\b(?:(?:newborn|neonate|liveborn)\b[^.;\n]{{0,40}}?|"
    rf"(?:infant|baby|boy|girl|male|female)\s(?:was\s)?born\b[^.;\n]{{0,40}}?|"
    rf"(?:healthy|term|preterm)\s(?:\w+\s)?(?:infant|baby|boy|girl|male|female)\b[^.;\n]{{0,25}}?){_MODE}",
    re.IGNORECASE,
)
# An age in months or years is no newborn's, unless it is the mother's.
_AGE = re.compile(
    r"\b\d{1,3}[ -]?(?:(?:year|yr|month|mo|week|wk)s?[ -]old|y/?o|y\.o\.?|m/?o)\b(?![^.\n]{0,30}\bmother)"
    r"|\b\d{2}\s?F\b",
    re.IGNORECASE,
)
# Only the mother's record speaks of her pregnancies or her labor.
_MOTHER = re.compile(
    r"\bG\d+\s?P\d(?![^.\n]{0,20}\bmother)|\b(?:in|active|induction of) labor\b|\blaboring\b", re.IGNORECASE
)
_INFANT = r"(?:liveborn|live[ -]born|live infant|viable|vigorous|singleton|infant|neonate|baby|boy|girl|twins?)"
_DELIVERED = re.compile(
    rf"\bdeliver(?:ed|y of)\b[^.;\n]{{0,40}}?\b{_INFANT}\b"
    rf"|\bviable\b[^.;\n]{{0,25}}?\b(?:infant|neonate|newborn|baby|male|female)\b"
    rf"|\b(?:infant|neonate|baby)\s(?:was\s)?delivered\b|\bliveborn\b[^.;\n]{{0,25}}?\bapgars?\b",
    re.IGNORECASE,
)
_STILL = re.compile(r"\b(?:still[ -]?b(?:orn|irth)|iufd|fetal demise|nonviable|previable)\b", re.IGNORECASE)
_TWINS = re.compile(r"\b(?:twins?|di[ /-]?di|mo[ /-]?di|triplets?|quadruplets?)\b", re.IGNORECASE)
_TRIPLETS = re.compile(r"\b(?:triplets?|quadruplets?)\b", re.IGNORECASE)
_PAST = frozenset({"past_medical_history", "past_surgical_history", "family_history", "social_history"})
_WEEKS = re.compile(
    r"\b(?P<a>\d{1,2})\s?w(?:k|ks|eeks?)?\s?[0-6]\s?d(?:ays?)?\b"
    r"|\b(?P<b>\d{1,2})\s?\+\s?[0-6]\s?(?:w(?:k|ks|eeks?)?\b|/7)"
    r"|\b(?P<c>\d{1,2})\s(?:and\s)?[0-6]/7\s?(?:w(?:k|ks|eeks?)?)\b"
    r"|\b(?:G\d+\s?P\d{1,4}|IUP|EGA|gestational age(?: of)?|pregnant)\s?(?:,|at|@|:|of)?\s?"
    r"(?P<d>\d{1,2})\s?(?:wks?|weeks?)\b",
    re.IGNORECASE,
)
_FIRST_WEEK, _LAST_WEEK = 8, 42
# Codes that show a pregnancy, so that the weeks of gestation have something to stand beside.
_PREGNANCY = ("O", "Z34", "Z33.1")


@dataclass(frozen=True, slots=True)
class Births:
    """Mentions of births by document, and whether the record is that of the child."""

    mentions: list[tuple[str, Mention]]
    of_child: bool


def read_births(documents: list[tuple[str, str, list[Section]]], setting: str | None) -> Births:
    """Read births out of the (document_id, text, sections) of one encounter.

    Only an inpatient record is the record of a birth; elsewhere a birth is history.
    """
    found: list[tuple[str, Mention]] = []
    born = [(d, m, s) for d, text, s in documents for m in _BORN.finditer(text)]
    inpatient = setting == "inpatient"
    of_child = bool(born) and not any(_MOTHER.search(text) for _, text, _ in documents)
    if of_child and any(_AGE.search(text) for _, text, _ in documents):
        return Births([], True)
    if of_child and not inpatient:
        return Births([], True)
    if of_child:
        cesarean = any(m["cesarean"] for _, m, _ in born)
        twin = any(_TWINS.search(text) for _, text, _ in documents)
        if not any(_TRIPLETS.search(text) for _, text, _ in documents):
            node = f"Z38.{'3' if twin else '0'}{int(cesarean)}"
            found.extend((d, _mention(m, node, "born in this stay", s)) for d, m, s in born)
        return Births(found, True)
    for document, text, sections in documents:
        for match in _WEEKS.finditer(text):
            weeks = int(next(g for g in match.groups() if g))
            if _FIRST_WEEK <= weeks <= _LAST_WEEK and _section(match, sections) not in _PAST:
                found.append((document, _mention(match, f"Z3A.{weeks:02d}", f"{weeks} weeks of gestation", sections)))
    if inpatient:
        found.extend(_outcome(documents))
    return Births(found, False)


def _outcome(documents: list[tuple[str, str, list[Section]]]) -> list[tuple[str, Mention]]:
    if any(_STILL.search(text) or _TRIPLETS.search(text) for _, text, _ in documents):
        return []
    delivered = [
        (d, m, s)
        for d, text, s in documents
        for m in _DELIVERED.finditer(text)
        if _section(m, s) not in _PAST and not re.search(r"\b(?:ago|previous|prior)\b", text[m.end() : m.end() + 40])
    ]
    twins = any(_TWINS.search(text) for _, text, _ in documents)
    if not delivered:
        return []
    node = "Z37.2" if twins else "Z37.0"
    return [(d, _mention(m, node, "delivered in this stay", s)) for d, m, s in delivered]


def settle_births(candidates: Candidates, *, of_child: bool) -> None:
    """Keep mother and child apart, and O80 and Z3A where they belong, in place."""
    here = accepted(candidates)
    if of_child:
        for found in here:
            if found.code.startswith(("O", "Z37", "Z3A", "Z33", "Z34")):
                found.reject("a code of the mother on the child's record (guideline I.C.15.a.2)")
        return
    complications = [c.code for c in here if c.code[0] == "O" and c.code not in ("O80", "O82")]
    weeks = sorted(c.code for c in here if c.code.startswith("Z3A"))
    pregnant = any(c.code.startswith(_PREGNANCY) for c in here)
    for found in here:
        if found.code in ("O80", "O82") and complications:
            found.reject(f"not an uncomplicated delivery: {complications[0]} (guideline I.C.15.n)")
        elif found.code.startswith("Z37") and not any(c.code[0] == "O" for c in here):
            found.reject("an outcome of delivery stands beside a code of pregnancy (guideline I.C.15.b.5)")
        elif found.code.startswith("Z3A") and not pregnant:
            found.reject("weeks of gestation stand beside a code of pregnancy (guideline I.C.21.c.11)")
        elif found.code.startswith("Z3A") and found.code != weeks[-1]:
            found.reject(f"the pregnancy has reached {weeks[-1]}")
        elif found.code.startswith("Z38"):
            found.reject("a code of the newborn's own record (guideline I.C.16.a.2)")


def _section(match: re.Match[str], sections: list[Section]) -> str:
    return next((s.kind for s in sections if s.start <= match.start() < s.end), "other")


def _mention(match: re.Match[str], node: str, term: str, sections: list[Section]) -> Mention:
    start, end = match.span()
    return Mention(start, end, node, "measurement", term, AFFIRMED, _section(match, sections), None, frozenset())
