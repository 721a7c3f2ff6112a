"""Delivered codes turned into standard codes, frame by frame: ICD-9, local codes, codes of another release.

Rows that already carry a standard code of the discharge date pass through column-wise. Only what needs a map is looked
at line by line: `offers` tells the alternatives, `choice` takes one and says why, and both are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.crosswalk import Kind, icd9_title
from medcode_ml.codes.identifiers import dotted, undotted
from medcode_ml.codes.release import NoReleaseError, release_on
from medcode_ml.mapping.choice import Choice, choose, code_title
from medcode_ml.mapping.circumstances import Circumstances, circumstances_of, context_rows
from medcode_ml.mapping.local_codes import LocalMaps, local_maps
from medcode_ml.mapping.offers import RELEASED, Offer, icd9_offers, successors

#: how a delivered system name is written -> the name used here
SYSTEMS = {
    "ICD10CM": "ICD-10-CM", "ICD10": "ICD-10-CM", "ICD10PCS": "ICD-10-PCS", "ICD9CM": "ICD-9-CM", "ICD9": "ICD-9-CM",
    "ICD9PCS": "ICD-9-PCS", "ICD9PROC": "ICD-9-PCS", "CPT": "CPT", "CPT4": "CPT", "HCPCS": "HCPCS",
}  # fmt: skip
STANDARD = {"diagnosis": ("ICD-10-CM",), "procedure": ("ICD-10-PCS", "CPT", "HCPCS")}
OLD = {"diagnosis": "ICD-9-CM", "procedure": "ICD-9-PCS"}
MAPPED = {
    "diagnosis": ["encounter_id", "line_number", "part_number", "code", "poa", "source_code", "source_system",
                  "repairs", "unreadable"],
    "procedure": ["encounter_id", "line_number", "code", "code_system", "procedure_date", "source_code",
                  "source_system", "repairs", "unreadable"],
}  # fmt: skip
ALTERNATIVES = ["encounter_id", "kind", "line_number", "alternative_number", "source_code", "source_system",
                "target_code", "map_name", "approximate", "combination", "scenario", "choice_list", "chosen",
                "reason"]  # fmt: skip
_MOST_FINER = 5  # alternatives that say more than the map are kept where the record speaks for them, at most so many


@dataclass
class _Found:
    """What became of the rows that needed a map; `at` is the place of the delivered row."""

    at: list[int] = field(default_factory=list)
    part: list[int] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    offered: list[tuple[Any, ...]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)

    def take(self, at: int, codes: list[str], system: str) -> None:
        for part, code in enumerate(codes, 1):
            self.at.append(at)
            self.part.append(part)
            self.code.append(code)
            self.system.append(system)


def crosswalk_codes(
    kind: Kind,
    frame: pd.DataFrame,
    discharged: Mapping[str, date | None],
    code_map: pd.DataFrame,
    context: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Map the delivered codes of `frame` (kind diagnosis or procedure).

    `discharged` gives the discharge date by encounter_id. `context` is indexed by encounter_id, with columns sex
    (M, F), age (years), setting and words (the text of the documents), each optional; it is only asked for the
    encounters that `needs_map` names. Returns mapped rows, alternatives (mapped.crosswalk) and refused rows with
    `rule` and `reason`.
    """
    rows = _Rows(kind, frame, discharged)
    found = _Found()
    places = np.flatnonzero(rows.needs_map)
    if len(places):
        _map_lines(kind, frame, rows, places, discharged, code_map, context, found)
    through = np.flatnonzero(rows.passes)
    at = np.concatenate([through, np.asarray(found.at, dtype=np.int64)])
    part = np.concatenate([np.ones(len(through), dtype=np.int64), np.asarray(found.part, dtype=np.int64)])
    order = np.lexsort((part, at))
    taken = frame.iloc[at[order]]
    mapped = {name: taken[name].to_numpy(dtype=object) for name in MAPPED[kind] if name in frame.columns}
    mapped["code"] = np.concatenate([rows.codes[through], np.asarray(found.code, dtype=object)])[order]
    mapped["source_code"], mapped["source_system"] = taken["code"].to_numpy(), taken["code_system"].to_numpy()
    if kind == "diagnosis":
        mapped["part_number"] = part[order].astype(object)
    else:
        mapped["code_system"] = np.concatenate([rows.systems[through], np.asarray(found.system, dtype=object)])[order]
    refused = frame.iloc[[at for at, _, _ in found.refused]].assign(
        rule=[rule for _, rule, _ in found.refused], reason=[reason for _, _, reason in found.refused]
    )
    return (
        pd.DataFrame(mapped, columns=MAPPED[kind], dtype=object),
        pd.DataFrame(found.offered, columns=ALTERNATIVES, dtype=object),
        refused,
    )


def needs_map(kind: Kind, frame: pd.DataFrame, discharged: Mapping[str, date | None]) -> frozenset[str]:
    """Encounters with a code that is not already a standard one of the discharge date: `context` is read for these."""
    rows = _Rows(kind, frame, discharged)
    return frozenset(frame["encounter_id"].to_numpy(dtype=object)[rows.needs_map])


def canonical_system(name: str | None) -> str:
    """Return the name of a code system as used here; a local system keeps its own."""
    text = (name or "").strip()
    return SYSTEMS.get(text.upper().replace("-", "").replace(" ", "").replace("_", ""), text)


class _Rows:
    """The delivered rows sorted into those that pass through and those that need a map, column-wise.

    `codes` are upper case and spelled as the system spells them where it is a standard one; `systems` are canonical.
    """

    def __init__(self, kind: Kind, frame: pd.DataFrame, discharged: Mapping[str, date | None]) -> None:
        places, names = pd.factorize(frame["code_system"].to_numpy(dtype=object))
        canonical = np.array([*(canonical_system(n) for n in names), ""], dtype=object)
        self.systems = canonical[places]
        places, codes = pd.factorize(frame["code"].to_numpy(dtype=object))
        cleaned = [str(c).strip().upper() for c in codes]
        dotted_codes = np.array([*map(dotted, cleaned), ""], dtype=object)
        bare = np.array([*map(undotted, cleaned), ""], dtype=object)
        as_is = np.array([*cleaned, ""], dtype=object)
        diagnosis = self.systems == "ICD-10-CM"
        standard = np.isin(self.systems, STANDARD[kind])
        self.codes = np.where(diagnosis, dotted_codes[places], np.where(standard, bare[places], as_is[places]))
        present = self.codes != ""
        self.passes = standard & present
        self._hold_back_other_releases(frame["encounter_id"].to_numpy(dtype=object), discharged)
        self.needs_map = ~self.passes

    def _hold_back_other_releases(self, encounters: Any, discharged: Mapping[str, date | None]) -> None:
        """Let pass only what is billable at discharge; where no release is known, everything."""
        places, ids = pd.factorize(encounters)
        releases = np.array([*(_release_name(discharged.get(e)) for e in ids), None], dtype=object)[places]
        days = {_release_name(d): d for d in discharged.values() if d is not None}
        for system, released in RELEASED.items():
            asked = self.passes & (self.systems == system)
            for name in set(releases[asked]) - {None}:
                rows = np.flatnonzero(asked & (releases == name))
                codes = pd.Series(self.codes[rows], dtype=object)
                self.passes[rows] = CodeSet.on(days[name], released).billable_mask(codes).to_numpy()


def _release_name(day: date | None) -> str | None:
    if day is None:
        return None
    try:
        return release_on(day).name
    except NoReleaseError:
        return None


def _map_lines(
    kind: Kind,
    frame: pd.DataFrame,
    rows: _Rows,
    places: np.ndarray[Any, Any],
    discharged: Mapping[str, date | None],
    code_map: pd.DataFrame,
    context: pd.DataFrame | None,
    found: _Found,
) -> None:
    """Map the rows at `places`, one by one."""
    table = context_rows(context)
    columns = frame[["encounter_id", "hospital_id", "line_number", "code", "code_system"]].to_numpy(dtype=object)
    dates = frame["procedure_date"].to_numpy(dtype=object) if kind == "procedure" else None
    local: LocalMaps | None = None
    known = _circumstances(kind, rows, columns[:, 0], places, discharged, table)
    for at in places:
        encounter, hospital, line, code_delivered, system_delivered = columns[at]
        code, system, record = rows.codes[at], rows.systems[at], known[encounter]
        if not code:
            found.refused.append((at, "code_missing", f"the {kind} line has no code"))
            continue
        target_system, title = system, None
        if system in STANDARD[kind]:
            offers, title = _release_offers(code, system, record.discharge), code_title(code)
            if not offers:
                found.take(at, [code], system)  # nothing converts it: the filter rules say what is wrong
                continue
        elif system == OLD[kind]:
            target_system, title = STANDARD[kind][0], icd9_title(undotted(code), kind)
            offers = icd9_offers(kind, undotted(code), record.discharge)
            if not offers:
                reason = f"no crosswalk from this {system} code; code the {kind} by hand"
                found.refused.append((at, "no_crosswalk", reason))
                continue
        else:
            service = dates[at] if dates is not None and isinstance(dates[at], date) else record.discharge
            local = local or local_maps(code_map, canonical_system)
            answer = local.offers(hospital, system, code, service, record.discharge, STANDARD[kind])
            if answer.problem is not None:
                found.refused.append((at, *answer.problem))
                continue
            offers, target_system = answer.offers, answer.system
        chosen = choose(undotted(code), title, offers, record)
        chosen = _as_delivered_where_untold(system in STANDARD[kind], offers, chosen)
        _keep_offers(found, (encounter, kind, line), (code_delivered, system_delivered), offers, chosen)
        found.take(at, [offers[place].target for place in chosen.taken] or [code], target_system)


def _circumstances(
    kind: Kind,
    rows: _Rows,
    encounters: np.ndarray[Any, Any],
    places: np.ndarray[Any, Any],
    discharged: Mapping[str, date | None],
    table: Mapping[str, Mapping[str, Any]],
) -> dict[str, Circumstances]:
    """What is known about each encounter with a line to map; the other codes are those that pass through."""
    waiting = set(encounters[places])
    others: dict[str, set[str]] = {e: set() for e in waiting}
    if kind == "diagnosis":
        for at in np.flatnonzero(rows.passes):
            if encounters[at] in waiting:
                others[encounters[at]].add(rows.codes[at])
    return {e: circumstances_of(e, discharged.get(e), table, others[e]) for e in waiting}


def _release_offers(code: str, system: str, discharge: date | None) -> tuple[Offer, ...]:
    if discharge is None or system not in RELEASED:
        return ()
    return tuple(Offer(t, name) for t, name in successors(code, system, discharge))


def _as_delivered_where_untold(release_change: bool, offers: tuple[Offer, ...], chosen: Choice) -> Choice:
    """A code of another release that several codes stand for is only converted where the record tells which."""
    if not release_change or len(offers) == 1 or chosen.told:
        return chosen
    reason = f"one of {len(offers)} codes for it; the record does not tell which, so the code stays as delivered"
    return Choice((), (reason,) * len(offers), False)


def _keep_offers(
    found: _Found, place: tuple[Any, ...], source: tuple[Any, ...], offers: tuple[Offer, ...], chosen: Choice
) -> None:
    """Keep every alternative of the map, and of those that say more the few that the record speaks for."""
    finer = 0
    number = 0
    for at, (offer, reason) in enumerate(zip(offers, chosen.reasons, strict=True)):
        taken = at in chosen.taken
        if offer.origin == "back" and not taken:
            if reason == "it says more than the record" or finer >= _MOST_FINER:
                continue
            finer += 1
        number += 1
        found.offered.append(
            (*place, number, *source, offer.target, offer.map_name, offer.approximate, offer.combination,
             offer.scenario, offer.choice_list, taken, reason)
        )  # fmt: skip
