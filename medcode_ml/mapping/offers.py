"""The alternatives that maps offer for one delivered code: equivalence mappings, yearly conversions, divided codes.

Which one is taken is the business of `choice`; nothing here looks at the record but for the discharge date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from medcode_ml.codes.codeset import CodeSet, System
from medcode_ml.codes.conversions import conversions, offshoots
from medcode_ml.codes.crosswalk import Alternative, Kind, icd9_alternatives, icd10_sources, map_name
from medcode_ml.codes.identifiers import dotted, undotted
from medcode_ml.codes.release import NoReleaseError, release_on
from medcode_ml.codes.tabular import tabular

Origin = Literal["map", "divided", "back"]
#: system of the standard codes that are checked against a release; HCPCS and CPT are not
RELEASED: dict[str, System] = {"ICD-10-CM": "ICD-10-CM", "ICD-10-PCS": "ICD-10-PCS"}


@dataclass(frozen=True, slots=True)
class Offer:
    """One alternative: a target code, where it comes from, and how it stands to the others.

    `origin` is `map` (the map itself), `divided` (a code that a later release made of the map's target) or `back` (the
    map read backward, or a code taken out of the map's target later: it says more, so the record must say it too).
    """

    target: str
    map_name: str
    billable: bool = True
    approximate: bool = False
    combination: bool = False
    scenario: int | None = None
    choice_list: int | None = None
    origin: Origin = "map"


def billable(code: str, discharge: date | None, system: str) -> bool:
    """True where the code is billable at discharge, or where no release can tell."""
    if discharge is None or system not in RELEASED:
        return True
    try:
        return CodeSet.on(discharge, RELEASED[system]).is_billable(code)
    except NoReleaseError:
        return True


def icd9_offers(kind: Kind, code: str, discharge: date | None) -> tuple[Offer, ...]:
    """Alternatives of an ICD-9-CM code without its dot, those of the map first and in its order; empty for none."""
    # asked by what the map says now: the mapping of procedures may be loaded while a process runs
    return _icd9_offers(kind, code, tuple(icd9_alternatives(code, kind)), discharge and _first_day(discharge))


@lru_cache(maxsize=20_000)
def _first_day(discharge: date) -> date:
    """First day of the release, which stands for all its days; a day without release for all such days."""
    try:
        return release_on(discharge).start
    except NoReleaseError:
        return date.max


@lru_cache(maxsize=50_000)
def _icd9_offers(
    kind: Kind, code: str, entries: tuple[Alternative, ...], discharge: date | None
) -> tuple[Offer, ...]:
    system = "ICD-10-CM" if kind == "diagnosis" else "ICD-10-PCS"
    spell = dotted if kind == "diagnosis" else undotted
    offers: list[Offer] = []
    for entry in entries:
        if entry.no_map or not entry.target:
            continue
        flags = (entry.combination, entry.scenario, entry.choice_list)
        target = spell(entry.target)
        valid = billable(target, discharge, system)
        offers.append(Offer(target, map_name(kind), valid, entry.approximate, *flags))
        if not valid and discharge is not None:
            # the maps are of 2018: a target that has ended since leads to what it was divided into or renamed
            offers += [
                Offer(t, f"{map_name(kind)}, then {name}", True, True, *flags, "divided")
                for t, name in successors(target, system, discharge)
            ]
    if kind == "diagnosis" and offers and discharge is not None and not any(o.combination for o in offers):
        offers += _finer(code, offers, discharge)
    return tuple(offers)


def successors(code: str, system: str, discharge: date) -> list[tuple[str, str]]:
    """(code, name of the map) of the codes billable at discharge that a code of another release stands for.

    The yearly tables speak first; where they are silent, the billable codes below a diagnosis that became a category.
    """
    try:
        converted = conversions(code, RELEASED[system], discharge)
    except NoReleaseError:
        return []
    if converted:
        return [(c.target, c.map_name) for c in converted]
    if system != "ICD-10-CM":
        return []
    return [(child, "codes below it at discharge") for child in _children(code, discharge)]


def _children(code: str, discharge: date) -> list[str]:
    """Billable codes below a category at discharge, in order."""
    found: list[str] = []
    waiting = list(tabular().children(code))
    while waiting:
        child = waiting.pop(0)
        if billable(child, discharge, "ICD-10-CM"):
            found.append(child)
        else:
            waiting += tabular().children(child)
    return sorted(found)


def _finer(code: str, offers: list[Offer], discharge: date) -> list[Offer]:
    """Codes that say more than the map's targets: the map read backward, and codes taken out of a target later."""
    known = {o.target for o in offers}
    finer: list[Offer] = []

    def add(target: str, name: str) -> None:
        if target not in known and billable(target, discharge, "ICD-10-CM"):
            known.add(target)
            finer.append(Offer(target, name, True, True, origin="back"))

    back = map_name(back=True)
    for source in icd10_sources(code):
        add(source, back)
        if not billable(source, discharge, "ICD-10-CM"):
            for target, name in successors(source, "ICD-10-CM", discharge):
                add(target, f"{back}, then {name}")
    for offer in list(offers):
        if offer.origin == "map" and offer.billable:
            try:
                taken = offshoots(offer.target, discharge)
            except NoReleaseError:
                continue
            for target in taken:
                add(target, f"{offer.map_name}, code taken out of {offer.target} since")
    return finer
