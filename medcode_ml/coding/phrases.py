"""Phrases of a condition and its site: "abscess in the right lobe of the liver", "hepatic and splenic lesions".

The dictionary finds terms that stand in one piece; here condition and site may have other words of the same phrase
between them. Which pair means what is the alphabetic index's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from medcode_ml.coding.alphabetic import BEHAVIOURS, CONDITION, SITE, alphabetic_index
from medcode_ml.coding.dictionary import Entry, Hit
from medcode_ml.coding.tokens import Tokens
from medcode_ml.coding.words import word_set

# What ends a phrase, on the way from a condition to its site or back.
_STOPS = word_set(
    """
    . ; : , ( ) / ? ! + = and or but nor with without no not non due secondary after before during since because cause
    causing caused by for as that which who where when while if then than until although though has had have having
    showed revealed shows reveals showing revealing presented presents presenting compatible consistent suggestive
    suggesting suspected radiating irradiated irradiating radiated radiates extending extended referred spreading
    adjacent near next invading infiltrating compressing displacing displaced adherent underwent performed treated
    from under between against through via into up only instead despite followed following observed detected
    history operated resection removed biopsy transplant transplantation transplanted ultrasound scan ct mri catheter
    type origin is are was were be been being remains remained appeared appears became did does do
    """
)
# On the way back from an adjective to its site the copula is passed: "the spleen was markedly enlarged".
_COPULAS = word_set("is are was were appears appeared remains remained became very be been found")
_PREPOSITIONS = word_set("of in on at to over within involving affecting located inside around along level")
_FROM = frozenset({"from"})
_FLOWING = ("hemorrhage", "discharge")
_JOINED = word_set(", and or")
_LONGEST_BEFORE, _LONGEST_AFTER = 2, 5
# Conditions that go on over the next: "metastatic lesions in the liver", "fracture dislocation of the ankle".
_GO_ON = (*BEHAVIOURS, "fracture")


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    end: int
    names: str


def index_hits(tokens: Tokens) -> list[Hit]:
    """Condition-and-site phrases of a document, in text order; a condition with several sites gives several hits."""
    index = alphabetic_index()
    found = index.parts.find(tokens.words, tokens.skip, tokens.lateral)
    sites: dict[int, _Part] = {}
    ends: dict[int, _Part] = {}
    conditions: list[_Part] = []
    for hit in found:
        for entry in hit.entries:
            part = _Part(hit.start, hit.end, entry.node)
            if entry.kind == SITE:
                sites[hit.start] = ends[hit.end] = part
            elif entry.kind == CONDITION:
                conditions.append(part)
    if not sites:
        return []
    hits = []
    heads = {condition.start for condition in conditions}
    for condition in conditions:
        pairs = list(_before(tokens, condition, ends)) or list(_after(tokens, condition, sites, heads))
        for number, (site, entry) in enumerate(pairs):
            start, end = min(condition.start, site.start), max(condition.end, site.end)
            size = _count(tokens, condition.start, condition.end) + _count(tokens, site.start, site.end)
            # the further sites of a list leave the condition to the first
            own = () if number else range(condition.start, condition.end)
            places = (*own, *range(site.start, site.end))
            hits.append(Hit(start, end, (entry,), size, places))
    return hits


def _count(tokens: Tokens, start: int, end: int) -> int:
    return sum(not tokens.skip[i] for i in range(start, end))


def _before(tokens: Tokens, condition: _Part, ends: dict[int, _Part]) -> Iterator[tuple[_Part, Entry]]:
    """Sites that stand before the condition: "hepatic abscess", "the spleen is enlarged", "bone and liver lesions"."""
    look_up, low = alphabetic_index().look_up, tokens.low
    first = tokens.sentence_of(condition.start)[0]
    i, gap, took = condition.start, 0, False
    while i > first:
        site = ends.get(i)
        if site is not None and site.start >= first:
            entry = look_up(condition.names, site.names)
            if entry is not None:
                yield site, entry
                took = True
            i = site.start
            if took:
                # a list of sites goes on only through "," and "and"
                if not (i > first and low[i - 1] in _JOINED and (i - 1 in ends or _skipping(tokens, i - 1, ends))):
                    return
                i -= 1
            continue
        if took:
            return
        word = low[i - 1]
        if word in _STOPS and word not in _COPULAS:
            return
        i -= 1
        gap += not (tokens.skip[i] or tokens.lateral[i] or word in _COPULAS)
        if gap > _LONGEST_BEFORE:
            return


def _skipping(tokens: Tokens, end: int, ends: dict[int, _Part]) -> bool:
    """Whether a site ends right before the token `end`, sides and empty words passed over."""
    while end > 0 and end not in ends and (tokens.skip[end - 1] or tokens.lateral[end - 1]):
        end -= 1
    return end in ends


def _after(
    tokens: Tokens, condition: _Part, sites: dict[int, _Part], heads: AbstractSet[int]
) -> Iterator[tuple[_Part, Entry]]:
    """Sites that follow the condition by a preposition: "pain in the left flank", "metastases to liver and lung".

    `heads` are where conditions begin. A site belongs to the nearest of them: in "painful mass of the testis" to the
    mass, in "metastasis of prostatic adenocarcinoma" to the adenocarcinoma.
    """
    look_up, low = alphabetic_index().look_up, tokens.low
    last = tokens.sentence_of(condition.start)[1]
    flows = condition.names.startswith(_FLOWING)
    goes_on = any(name in _GO_ON for name in condition.names.split("|"))
    i, gap, led, took = condition.end, 0, False, False
    while i < last:
        site = sites.get(i)
        if site is not None and site.end <= last:
            if site.end in heads:
                return
            entry = look_up(condition.names, site.names) if led else None
            if entry is not None:
                yield site, entry
                took = True
            i = site.end
            if took:
                if not (i < last and low[i] in _JOINED):
                    return
                i += 1
                while i < last and (tokens.skip[i] or tokens.lateral[i] or low[i] in _JOINED):
                    i += 1
                if i not in sites:
                    return
            continue
        word = low[i]
        if (word in _STOPS and not (flows and word in _FROM)) or (i in heads and not goes_on):
            return
        led = led or word in _PREPOSITIONS or word in _FROM
        gap += not (tokens.skip[i] or tokens.lateral[i])
        if gap > _LONGEST_AFTER:
            return
        i += 1


def with_index(hits: list[Hit], phrases: list[Hit]) -> list[Hit]:
    """`hits` of the dictionary and those `phrases` that say more than every hit they share a word with, in text order.

    A hit that a phrase takes in goes: "pain" in "pain in the left flank"; the phrase keeps it as what it stands
    `instead` of.
    """
    if not phrases:
        return hits
    at: dict[int, int] = {}
    for number, hit in enumerate(hits):
        for place in range(hit.start, hit.end):
            at[place] = number
    gone: set[int] = set()
    kept: list[Hit] = []
    for phrase in phrases:
        shared = {at[place] for place in phrase.places if place in at}
        if all(hits[number].size < phrase.size for number in shared):
            gone |= shared
            instead = tuple(hits[number] for number in sorted(shared))
            kept.append(replace(phrase, instead=instead))
    merged = [hit for number, hit in enumerate(hits) if number not in gone]
    merged.extend(kept)
    merged.sort(key=lambda h: (h.start, h.end))
    return merged
