"""The knowledge behind ranking: reads the small tables in `tables/`; what they say stands there.

The tables are written by hand for this project from the Official Guidelines and general medical knowledge. Nothing in
them comes from DRG weights, payments or the complication lists of the grouper (rule 43).

- `conditions.csv`: what kind of condition a group of codes is; of 100 adult stays in which such a code is listed, in
  how many it is the reason for the stay (`emergency`, `elective`: judged, not counted); its clinical gravity (0-10);
  its body systems; the therapies that are started for it.
- `therapies.csv`, `ignored_drugs.csv`: drug names of a therapy, how telling it is (log-odds), and names that are none.
- `procedures.csv`: body systems and role of procedures. `services.csv`: body systems of hospital services.
- `relations.csv`: conditions that explain others (log-odds taken from the explained). `pairs.csv`: forced order.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
TextArray = npt.NDArray[np.str_]

_AFTER_EVERY_CODE: Final = "~"


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of `conditions.csv`; `systems` and `therapies` are bit sets."""

    codes: str
    kind: str
    emergency: float
    elective: float
    gravity: float
    systems: int
    therapies: int


@dataclass(frozen=True, slots=True)
class Therapy:
    """One row of `therapies.csv`; `bit` is its place in a bit set."""

    name: str
    bit: int
    weight: float
    label: str
    drugs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProcedureGroup:
    """One row of `procedures.csv`: codes from `first` to `last` (by prefix)."""

    system: str
    first: str
    last: str
    systems: int
    role: str


@dataclass(frozen=True, slots=True)
class Service:
    """One row of `services.csv`: `pattern` is a regular expression over the lower-case service name."""

    pattern: str
    kind: str
    systems: int


@dataclass(frozen=True, slots=True)
class Relation:
    """One row of `relations.csv`: where a `present` code stands, an `explained` one is less likely the principal."""

    name: str
    present: str
    explained: str
    shift: float
    reason: str


@dataclass(frozen=True, slots=True)
class PairRule:
    """One row of `pairs.csv`: a `dependent` comes after every `base`, or directly after the first if `adjacent`."""

    dependent: str
    base: str
    adjacent: bool
    bars_principal: bool
    reason: str


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("medcode_ml.ranking.tables") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


@lru_cache(maxsize=1)
def system_bits() -> dict[str, int]:
    """Return the bit of each body system."""
    names = sorted({part for row in _rows("conditions.csv") for part in _parts(row["systems"])})
    return {name: 1 << place for place, name in enumerate(names)}


def _system_set(cell: str, source: str) -> int:
    bits = system_bits()
    unknown = [part for part in _parts(cell) if part not in bits]
    if unknown:
        raise ValueError(f"{source}: unknown body systems {unknown}; use one of {sorted(bits)}")
    return sum(bits[part] for part in _parts(cell))


@lru_cache(maxsize=1)
def therapies() -> tuple[Therapy, ...]:
    """Return every therapy in file order."""
    return tuple(
        Therapy(row["therapy"], 1 << place, float(row["weight"]), row["label"], _parts(row["names"].lower()))
        for place, row in enumerate(_rows("therapies.csv"))
    )


@lru_cache(maxsize=1)
def ignored_drugs() -> tuple[str, ...]:
    """Return name parts of drugs that say nothing about the reason for a stay (line flushes, drops, carriers)."""
    return tuple(row["name"].lower() for row in _rows("ignored_drugs.csv"))


@lru_cache(maxsize=1)
def conditions() -> tuple[Condition, ...]:
    """Return the condition groups, the least specific first, so that a later one overrules an earlier one."""
    bits = {therapy.name: therapy.bit for therapy in therapies()}
    found = []
    for row in _rows("conditions.csv"):
        unknown = [part for part in _parts(row["therapies"]) if part not in bits]
        if unknown:
            raise ValueError(f"conditions.csv, {row['codes']}: unknown therapies {unknown}; add them to therapies.csv")
        found.append(
            Condition(
                row["codes"],
                row["kind"],
                float(row["emergency"]) / 100.0,
                float(row["elective"]) / 100.0,
                float(row["gravity"]),
                _system_set(row["systems"], "conditions.csv"),
                sum(bits[part] for part in _parts(row["therapies"])),
            )
        )
    # ranges before single groups, then by length of the prefix
    return tuple(sorted(found, key=lambda c: (0 if "-" in c.codes else 1, len(c.codes.replace(".", "")))))


@lru_cache(maxsize=1)
def procedure_groups() -> tuple[ProcedureGroup, ...]:
    """Return the procedure groups, the least specific (shortest) first."""
    found = [
        ProcedureGroup(
            row["system"], row["first"], row["last"], _system_set(row["systems"], "procedures.csv"), row["role"]
        )
        for row in _rows("procedures.csv")
    ]
    return tuple(sorted(found, key=lambda group: len(group.first)))


@lru_cache(maxsize=1)
def services() -> tuple[Service, ...]:
    """Return the services in file order."""
    return tuple(
        Service(row["pattern"], row["kind"], _system_set(row["systems"], "services.csv"))
        for row in _rows("services.csv")
    )


@lru_cache(maxsize=1)
def relations() -> tuple[Relation, ...]:
    """Return what explains what, in file order."""
    return tuple(
        Relation(row["name"], row["present"], row["explained"], float(row["shift"]), row["reason"])
        for row in _rows("relations.csv")
    )


@lru_cache(maxsize=1)
def pair_rules() -> tuple[PairRule, ...]:
    """Return the forced orders that the guidelines give beside the notes of the tabular list."""
    return tuple(
        PairRule(row["dependent"], row["base"], row["adjacent"] == "yes", row["bars_principal"] == "yes", row["reason"])
        for row in _rows("pairs.csv")
    )


def span(sorted_codes: TextArray, first: str, last: str) -> tuple[int, int]:
    """Return the half-open places of the codes from prefix `first` to prefix `last` in sorted undotted codes."""
    start = int(np.searchsorted(sorted_codes, first.replace(".", ""), side="left"))
    end = int(np.searchsorted(sorted_codes, last.replace(".", "") + _AFTER_EVERY_CODE, side="right"))
    return start, end


def members(sorted_codes: TextArray, groups: str) -> BoolArray:
    """Say which sorted undotted codes lie in `groups`: prefixes and ranges joined by "|", such as "A40-A41|B37.7"."""
    inside: BoolArray = np.zeros(len(sorted_codes), dtype=np.bool_)
    for part in groups.split("|"):
        first, _, last = part.partition("-")
        start, end = span(sorted_codes, first, last or first)
        inside[start:end] = True
    return inside
