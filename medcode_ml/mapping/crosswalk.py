"""Delivered codes turned into standard codes: ICD-9 by the General Equivalence Mappings, local codes by code_map.

Every alternative a map offers is kept; the choice follows one rule, stated in `_choose`: an alternative that is
billable at discharge before one that is not, one of the map itself before one that a later release divided it into, an
exact one before an approximate one, then the order of the map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import pandas as pd

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.crosswalk import Kind, icd9_alternatives, map_name
from medcode_ml.codes.identifiers import dotted, undotted
from medcode_ml.codes.release import NoReleaseError
from medcode_ml.codes.tabular import tabular

#: how a delivered system name is written -> the name used here
SYSTEMS = {
    "ICD10CM": "ICD-10-CM", "ICD10": "ICD-10-CM", "ICD10PCS": "ICD-10-PCS", "ICD9CM": "ICD-9-CM", "ICD9": "ICD-9-CM",
    "ICD9PCS": "ICD-9-PCS", "ICD9PROC": "ICD-9-PCS", "CPT": "CPT", "CPT4": "CPT", "HCPCS": "HCPCS",
}  # fmt: skip
STANDARD = {"diagnosis": ("ICD-10-CM",), "procedure": ("ICD-10-PCS", "CPT", "HCPCS")}
OLD = {"diagnosis": "ICD-9-CM", "procedure": "ICD-9-PCS"}


@dataclass(frozen=True)
class Offer:
    """One alternative: a target code, where it comes from, and how it stands to the others."""

    target: str
    map_name: str
    approximate: bool = False
    combination: bool = False
    scenario: int | None = None
    choice_list: int | None = None
    divided: bool = False


def crosswalk_codes(
    kind: Kind, frame: pd.DataFrame, discharged: Mapping[str, date | None], code_map: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Map the delivered codes of `frame` (kind diagnosis or procedure).

    Returns mapped rows, alternatives (mapped.crosswalk) and refused rows with `rule` and `reason`.
    """
    local = _local_maps(code_map)
    mapped: list[dict[str, Any]] = []
    offered: list[dict[str, Any]] = []
    refused: list[pd.Series] = []
    for _, row in frame.iterrows():
        system = canonical_system(row["code_system"])
        code = (row["code"] or "").strip().upper()
        offers, target_system, problem = _offers(kind, code, system, row, discharged, local)
        if problem is not None:
            row = row.copy()
            row["rule"], row["reason"] = problem
            refused.append(row)
            continue
        chosen = _choose(offers, discharged.get(row["encounter_id"]), target_system)
        for number, offer in enumerate(offers, start=1):
            if system in STANDARD[kind]:
                continue
            offered.append(
                {
                    "encounter_id": row["encounter_id"], "kind": kind, "line_number": row["line_number"],
                    "alternative_number": number, "source_code": row["code"], "source_system": row["code_system"],
                    "target_code": offer.target, "map_name": offer.map_name, "approximate": offer.approximate,
                    "combination": offer.combination, "scenario": offer.scenario, "choice_list": offer.choice_list,
                    "chosen": number - 1 in chosen,
                }
            )  # fmt: skip
        for part, at in enumerate(chosen, start=1):
            mapped.append(_mapped_row(kind, row, offers[at].target, target_system, part))
    columns = {
        "diagnosis": ["encounter_id", "line_number", "part_number", "code", "poa", "source_code", "source_system",
                      "repairs", "unreadable"],
        "procedure": ["encounter_id", "line_number", "code", "code_system", "procedure_date", "source_code",
                      "source_system", "repairs", "unreadable"],
    }  # fmt: skip
    alternatives = ["encounter_id", "kind", "line_number", "alternative_number", "source_code", "source_system",
                    "target_code", "map_name", "approximate", "combination", "scenario", "choice_list",
                    "chosen"]  # fmt: skip
    return (
        pd.DataFrame(mapped, columns=columns[kind], dtype=object),
        pd.DataFrame(offered, columns=alternatives, dtype=object),
        pd.DataFrame(refused),
    )


def canonical_system(name: str | None) -> str:
    """Return the name of a code system as used here; a local system keeps its own."""
    text = (name or "").strip()
    return SYSTEMS.get(text.upper().replace("-", "").replace(" ", "").replace("_", ""), text)


def _mapped_row(kind: str, row: pd.Series, target: str, target_system: str, part: int) -> dict[str, Any]:
    common = {name: row[name] for name in ("encounter_id", "line_number", "repairs", "unreadable")}
    common |= {"code": target, "source_code": row["code"], "source_system": row["code_system"]}
    if kind == "diagnosis":
        return common | {"part_number": part, "poa": row["poa"]}
    return common | {"code_system": target_system, "procedure_date": row["procedure_date"]}


def _offers(
    kind: Kind,
    code: str,
    system: str,
    row: pd.Series,
    discharged: Mapping[str, date | None],
    local: Mapping[tuple[str, str, str], list[tuple[str, str]]],
) -> tuple[list[Offer], str, tuple[str, str] | None]:
    """Alternatives for one delivered code, the system they are in, or (rule, reason) why there are none."""
    if not code:
        return [], "", ("code_missing", f"the {kind} line has no code")
    if system in STANDARD[kind]:
        return [Offer(dotted(code) if system == "ICD-10-CM" else undotted(code), "as delivered")], system, None
    if system == OLD[kind]:
        offers = _gem_offers(kind, undotted(code), discharged.get(row["encounter_id"]))
        if not offers:
            return [], "", ("no_crosswalk", f"no crosswalk from this {system} code; code the {kind} by hand")
        return offers, STANDARD[kind][0], None
    known = local.get((row["hospital_id"], system.upper(), code))
    if known:
        target_system = known[0][0]
        spell = dotted if target_system == "ICD-10-CM" else undotted
        return [Offer(spell(t), "hospital code map") for s, t in known if s == target_system], target_system, None
    return [], "", (
        "unknown_code_system",
        f"{system or 'an unnamed system'} is no standard system and the hospital's code_map does not hold the code; "
        "deliver the map or the standard code",
    )


@lru_cache(maxsize=50_000)
def _gem_offers(kind: Kind, code: str, discharge: date | None) -> list[Offer]:
    offers: list[Offer] = []
    for a in icd9_alternatives(code, kind):
        if a.no_map or not a.target:
            continue
        target = dotted(a.target) if kind == "diagnosis" else undotted(a.target)
        offers.append(Offer(target, map_name(), a.approximate, a.combination, a.scenario, a.choice_list))
        if kind == "diagnosis" and discharge is not None and not _billable(target, discharge, "ICD-10-CM"):
            # The maps are of 2018: a target that was since divided leads to the codes it was divided into.
            name = f"{map_name()}, divided since"
            offers += [
                Offer(child, name, True, a.combination, a.scenario, a.choice_list, divided=True)
                for child in _later_children(target, discharge)
            ]
    return offers


def _later_children(code: str, discharge: date) -> list[str]:
    """Billable codes below a category at discharge: the unspecified first, then the "other", then in order."""
    found: list[str] = []
    waiting = list(tabular().children(code))
    while waiting:
        child = waiting.pop(0)
        if _billable(child, discharge, "ICD-10-CM"):
            found.append(child)
        else:
            waiting += tabular().children(child)
    return sorted(found, key=lambda c: (_precision(c), c))


def _precision(code: str) -> int:
    """0 for an unspecified code, 1 for an "other", 2 for one that says more than the category did."""
    title = (tabular().title(code) or "").lower()
    if "unspecified" in title or "not specified" in title:
        return 0
    return 1 if title.startswith("other ") else 2


def _choose(offers: list[Offer], discharge: date | None, system: str) -> list[int]:
    """Places of the alternatives taken: one, or for a combination one of each choice list of its first scenario."""

    def preference(at: int) -> tuple[bool, bool, bool, int]:
        offer = offers[at]
        retired = discharge is not None and not _billable(offer.target, discharge, system)
        return (retired, offer.divided, offer.approximate, at)

    single = [at for at, offer in enumerate(offers) if not offer.combination]
    if single:
        return [min(single, key=preference)]
    scenario = min(offer.scenario or 0 for offer in offers)
    lists: dict[int, list[int]] = {}
    for at, offer in enumerate(offers):
        if (offer.scenario or 0) == scenario:
            lists.setdefault(offer.choice_list or 0, []).append(at)
    return [min(places, key=preference) for _, places in sorted(lists.items())]


def _billable(code: str, discharge: date, system: str) -> bool:
    coded: dict[str, Literal["ICD-10-CM", "ICD-10-PCS"]] = {"ICD-10-CM": "ICD-10-CM", "ICD-10-PCS": "ICD-10-PCS"}
    if system not in coded:
        return True
    try:
        return CodeSet.on(discharge, coded[system]).is_billable(code)
    except NoReleaseError:
        return True


def _local_maps(code_map: pd.DataFrame) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    maps: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for row in code_map.itertuples():
        place = (row.hospital_id, row.code_system.strip().upper(), row.code.strip().upper())
        maps.setdefault(place, []).append((canonical_system(row.target_system), row.target_code.strip().upper()))
    return maps
