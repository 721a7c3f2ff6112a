"""A hospital's own codes: what its `code_map` says each one stood for on the day of service."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import pandas as pd

from medcode_ml.codes.identifiers import dotted, undotted
from medcode_ml.mapping.offers import RELEASED, Offer, billable, successors
from medcode_ml.mapping.values import day

_ALWAYS, _FOR_EVER = date.min, date.max


@dataclass(frozen=True, slots=True)
class Meaning:
    """One line of a code map: the standard code, and the first and last day it holds (None: not readable)."""

    system: str
    target: str
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """Alternatives for a local code and their system, or (rule, reason) why there are none."""

    offers: tuple[Offer, ...] = ()
    system: str = ""
    problem: tuple[str, str] | None = None


@lru_cache(maxsize=10_000)
def _bound(text: str | None, missing: date) -> date | None:
    if text is None or not text.strip():
        return missing
    try:
        return day(text.strip())
    except ValueError:
        return None


class LocalMaps:
    """The code maps of all hospitals of a delivery."""

    def __init__(self, meanings: dict[tuple[str, str, str], list[Meaning]]) -> None:
        self._meanings = meanings

    def offers(
        self,
        hospital: str,
        system: str,
        code: str,
        service: date | None,
        discharge: date | None,
        standard: tuple[str, ...],
    ) -> LocalAnswer:
        """What a local code stood for on the day of service (the discharge date where there is none)."""
        lines = self._meanings.get((hospital, system.upper(), code))
        if not lines:
            return LocalAnswer(problem=("unknown_code_system", (
                f"{system or 'an unnamed system'} is no standard system and the hospital's code_map does not hold the "
                "code; deliver the map or the standard code"
            )))  # fmt: skip
        if any(m.first is None or m.last is None for m in lines):
            return LocalAnswer(problem=("code_map_date_unreadable", (
                "the code_map says from when to when this code holds in a form that is no date; correct the map"
            )))  # fmt: skip
        held = {(m.system, m.target) for m in lines if service is None or _holds(m, service)}
        if not held:
            return LocalAnswer(problem=("code_map_not_in_force", (
                "the hospital's code_map holds the code, but not on the day of service; deliver the line of that day"
            )))  # fmt: skip
        fit = {(s, t) for s, t in held if s in standard}
        if not fit:
            return LocalAnswer(problem=("code_map_wrong_system", (
                f"the code_map leads to {', '.join(sorted({s for s, _ in held}))}, which is no system of such a line; "
                "correct the map"
            )))  # fmt: skip
        if len(fit) > 1:
            valid = {(s, t) for s, t in fit if billable(t, discharge, s)}
            fit = valid if len(valid) == 1 else fit
        if len(fit) > 1:
            return LocalAnswer(problem=("code_map_disagrees", (
                f"the code_map has {len(fit)} different meanings of the code for the day of service; have the hospital "
                "say which holds"
            )))  # fmt: skip
        target_system, target = next(iter(fit))
        offers = [Offer(target, "hospital code map", billable(target, discharge, target_system))]
        if not offers[0].billable and discharge is not None and target_system in RELEASED:
            later = successors(target, target_system, discharge)
            if len(later) == 1:  # several: the record cannot tell for a code it never wrote
                offers.append(Offer(later[0][0], f"hospital code map, then {later[0][1]}", origin="divided"))
        return LocalAnswer(tuple(offers), target_system)


def _holds(meaning: Meaning, service: date) -> bool:
    return (meaning.first or _ALWAYS) <= service <= (meaning.last or _FOR_EVER)


def local_maps(code_map: pd.DataFrame, canonical: Callable[[str | None], str]) -> LocalMaps:
    """Read the raw table `code_map`; `effective_from` and `effective_to` may be absent or empty: it always held."""
    names = ["hospital_id", "code_system", "code", "target_system", "target_code", "effective_from", "effective_to"]
    meanings: defaultdict[tuple[str, str, str], list[Meaning]] = defaultdict(list)
    rows = code_map.reindex(columns=names).astype(object)
    rows = rows.where(rows.notna(), None).drop_duplicates()
    for hospital, system, code, target_system, target, first, last in rows.itertuples(index=False, name=None):
        if system is None or code is None or target is None:
            continue
        into = canonical(target_system)
        spelled = target.strip().upper()
        spelled = dotted(spelled) if into == "ICD-10-CM" else undotted(spelled)
        meaning = Meaning(into, spelled, _bound(first, _ALWAYS), _bound(last, _FOR_EVER))
        meanings[(hospital, system.strip().upper(), code.strip().upper())].append(meaning)
    return LocalMaps(dict(meanings))
