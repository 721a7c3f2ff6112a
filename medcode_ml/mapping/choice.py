"""Which of the alternatives of a delivered code is taken, and why, in words.

In this order: billable at discharge; no contradiction with sex, age or stage of pregnancy; what the record says (its
words, other codes); the map itself before codes a later release made of its target; exact before approximate; where
nothing tells, the code that says least (unspecified before other before specific); last the order of the map.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from medcode_ml.codes.codeset import yyyymmdd
from medcode_ml.codes.excludes import excludes1_conflicts
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.tabular import tabular
from medcode_ml.mapping.circumstances import Circumstances, telling_words
from medcode_ml.mapping.offers import Offer

_RARE = 40  # a word in the titles of at most so many categories names a condition by itself
_NO_MORE = 0.5  # a title that says no more than the source's, and all of it stands in the record
_SAME_CODE = 3.0  # an alternative that the record already carries in the new system
_TRIMESTER = re.compile(r"\b(first|second|third) trimester")
#: fifth digit of an ICD-9-CM obstetric code -> the episode in the words of ICD-10-CM titles
_EPISODE = {"1": "childbirth", "2": "childbirth", "3": "pregnancy", "4": "puerperium"}
_OBSTETRIC = re.compile(r"6[3-7]\d\d(\d)", re.ASCII)
_ORIGINS = {"map": 0, "divided": 1, "back": 2}


@dataclass(frozen=True)
class Choice:
    """Places of the alternatives taken (none where the record does not tell), and why each was or was not.

    `told` is true where the record itself decided, not a default.
    """

    taken: tuple[int, ...]
    reasons: tuple[str, ...]
    told: bool


@dataclass(frozen=True)
class _Judged:
    offer: Offer
    place: int
    against: str  # what contradicts the record, empty for nothing
    evidence: float
    saying: str  # what speaks for it
    more: int = 0  # words of its title that the source's does not have

    @property
    def key(self) -> tuple[bool, bool, float, int, bool, int, int, int]:
        offer = self.offer
        return (
            not offer.billable, bool(self.against), -self.evidence, _ORIGINS[offer.origin], offer.approximate,
            _precision(offer.target), self.more, self.place,
        )  # fmt: skip


def choose(source: str, source_title: str | None, offers: tuple[Offer, ...], known: Circumstances) -> Choice:
    """Choose among `offers` for the delivered code `source` (undotted) with its title.

    One alternative is taken, or of a combination one of each choice list of the best scenario. Alternatives that say
    more than the map (origin `back`) are only taken where the record speaks for them.
    """
    anchor = telling_words(source_title or "")
    judged = [_judge(source, anchor, offer, at, known) for at, offer in enumerate(offers)]
    single = [j for j in judged if not j.offer.combination and (j.offer.origin != "back" or j.evidence > 0)]
    if single:
        best = min(single, key=lambda j: j.key)
        taken: tuple[int, ...] = (best.place,)
        pool = {best.place: single}
    else:
        scenarios: defaultdict[int, defaultdict[int, list[_Judged]]] = defaultdict(lambda: defaultdict(list))
        for one in judged:
            scenarios[one.offer.scenario or 0][one.offer.choice_list or 0].append(one)
        picked = {s: [min(some, key=lambda j: j.key) for _, some in sorted(lists.items())]
                  for s, lists in scenarios.items()}  # fmt: skip
        scenario = min(picked, key=lambda s: (sum(not j.offer.billable for j in picked[s]),
                                              sum(bool(j.against) for j in picked[s]),
                                              -sum(j.evidence for j in picked[s]), s))  # fmt: skip
        taken = tuple(j.place for j in picked[scenario])
        pool = {j.place: scenarios[scenario][j.offer.choice_list or 0] for j in picked[scenario]}
    reasons = [_why_not(j, [judged[at] for at in taken]) for j in judged]
    for at in taken:
        reasons[at] = _why(judged[at], [j for j in pool[at] if j.place != at])
    told = all(judged[at].evidence > max((j.evidence for j in pool[at] if j.place != at and not j.against
                                          and j.offer.billable), default=-1.0) for at in taken)  # fmt: skip
    return Choice(taken, tuple(reasons), told)


def _evidence(anchor: frozenset[str], code: str, known: Circumstances) -> tuple[float, str]:
    """How strongly the record's words speak for a code beyond its source's title `anchor`, and the words themselves.

    Counted for the title and each inclusion term: words that the source does not have and one sentence says, less
    those it does not say. That sentence must name the condition, or the words must be rare enough to do so.
    """
    best, saying = 0.0, ""
    if not known.text:
        return best, saying
    for phrase in _phrases(code):
        words = telling_words(phrase)
        more = words - anchor
        if not more and words and best < _NO_MORE and any(words <= sentence for sentence in known.sentences):
            best, saying = _NO_MORE, " ".join(sorted(words))
        here = more & known.words
        if 2 * len(here) - len(more) <= best:
            continue  # not even all sentences together say enough
        named = words & anchor
        for sentence in known.sentences:
            said = here & sentence
            score = float(2 * len(said) - len(more))
            if score <= best or (named and not named & sentence and not any(_rare(w) for w in said)):
                continue
            best, saying = score, " ".join(sorted(said))
    return best, saying


def _judge(source: str, anchor: frozenset[str], offer: Offer, place: int, known: Circumstances) -> _Judged:
    evidence, saying = _evidence(anchor, offer.target, known)
    speaks = [f"the record says: {saying}"] if saying else []
    if offer.target in known.others:
        evidence += _SAME_CODE
        speaks.append("the record already carries this code")
    if offer.origin == "back" and evidence <= 0:
        return _Judged(offer, place, "", 0.0, "")
    against = _against(offer.target, known)
    title = code_title(offer.target).lower()
    if (told := _TRIMESTER.search(title)) and known.trimester:
        if told[1] == known.trimester:
            evidence += 1.0
            speaks.append(f"the pregnancy is in its {known.trimester} trimester")
        else:
            against = against or "another trimester than the record's"
    episode = _EPISODE.get(found[1]) if (found := _OBSTETRIC.fullmatch(source)) else None
    if episode and f"complicating {episode}" in title:
        evidence += 1.0
        speaks.append(f"the old code's episode of care is {episode}")
    more = len(telling_words(code_title(offer.target)) - anchor)
    return _Judged(offer, place, against, evidence, " and ".join(speaks), more)


def _against(code: str, known: Circumstances) -> str:
    attributes = _attributes(code)
    if known.sex in ("M", "F") and {"M": "female", "F": "male"}[known.sex] in attributes:
        return "a code of the other sex"
    if known.age is not None and known.discharge is not None:
        day = yyyymmdd(known.discharge)
        for attribute, youngest, oldest, first, last in _ages():
            if attribute in attributes and first <= day <= last and not youngest <= known.age <= oldest:
                return f"a code of {attribute} patients"
    if any(excludes1_conflicts([code, other]) for other in known.others if other != code):
        return "excluded by another code of the record"
    return ""


def _why(taken: _Judged, rivals: list[_Judged]) -> str:
    said = f"; {taken.saying}" if taken.saying else ""
    if not rivals:
        ended = "" if taken.offer.billable else "; it is not billable at discharge"
        return f"the only alternative{said}{ended}"
    if not taken.offer.billable:
        return f"no alternative is billable at discharge{said}"
    if taken.evidence > max(r.evidence for r in rivals):
        return f"the record speaks for it{said}"
    fit = [r for r in rivals if r.offer.billable and not r.against]
    if not fit:
        return f"the only alternative that fits the record{said}"
    if taken.offer.approximate < min(r.offer.approximate for r in fit):
        return f"an exact equivalent{said}"
    if _precision(taken.offer.target) <= 0 and all(_precision(r.offer.target) > 0 for r in fit):
        return f"the record does not tell; the unspecified code is taken{said}"
    return f"the record does not tell; the first of those that say least{said}"


def _why_not(other: _Judged, winners: list[_Judged]) -> str:
    winner = winners[0]
    if not other.offer.billable:
        return "not billable at discharge"
    if other.against:
        return other.against
    if other.offer.combination and not winner.offer.combination:
        return "a single code was to be had"
    if other.offer.origin == "back" and other.evidence <= 0:
        return "it says more than the record"
    if other.evidence < max(w.evidence for w in winners):
        return "the record speaks more for another"
    if other.offer.origin != winner.offer.origin:
        return "the map itself offers another"
    if other.offer.approximate > winner.offer.approximate:
        return "approximate where an exact equivalent was to be had"
    return "the record does not tell and this code says more, or comes later in the map"


@lru_cache(maxsize=100_000)
def code_title(code: str) -> str:
    """Title of a code of any release; empty where no list has one."""
    return tabular().title(code) or _any_title().get(code, "")


@lru_cache(maxsize=1)
def _any_title() -> dict[str, str]:
    frame = reference_table("diagnosis_title")
    procedures = reference_table("procedure_title")
    titles = dict(zip(procedures["code"], procedures["title"], strict=True))
    return titles | dict(zip(frame["code"], frame["title"], strict=True))


@lru_cache(maxsize=100_000)
def _phrases(code: str) -> tuple[str, ...]:
    return tuple(p for p in (code_title(code), *tabular().inclusion_terms(code)) if p)


@lru_cache(maxsize=100_000)
def _precision(code: str) -> int:
    """How much a title says: at most 0 where something is unspecified, 2 for an "other", 3 for one that says more."""
    title = code_title(code).lower()
    unspecified = title.count("unspecified") + title.count("not specified")
    if unspecified:
        return 1 - unspecified
    return 2 if title.startswith("other ") or " other " in title else 3


@lru_cache(maxsize=1)
def _categories_of_words() -> dict[str, int]:
    titles = reference_table("diagnosis_title")
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for code, title in titles.itertuples(index=False, name=None):
        for word in telling_words(title):
            seen[word].add(code[:3])
    return {word: len(categories) for word, categories in seen.items()}


def _rare(word: str) -> bool:
    return _categories_of_words().get(word, 0) <= _RARE


@lru_cache(maxsize=1)
def _all_attributes() -> dict[str, frozenset[str]]:
    frame = reference_table("diagnosis_code", ("code", "attributes"))
    told = frame[frame["attributes"] != ""]
    found: defaultdict[str, set[str]] = defaultdict(set)
    for code, attributes in zip(told["code"], told["attributes"].astype(str), strict=True):
        found[code].update(attributes.split("|"))
    return {code: frozenset(attributes) for code, attributes in found.items()}


def _attributes(code: str) -> frozenset[str]:
    """What the editor knows of a code, in any release: the sex edit ended in 2024, anatomy did not."""
    return _all_attributes().get(code, frozenset())


@lru_cache(maxsize=1)
def _ages() -> tuple[tuple[str, int, int, int, int], ...]:
    return tuple(reference_table("age_range").itertuples(index=False, name=None))
