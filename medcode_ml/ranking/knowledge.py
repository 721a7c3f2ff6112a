"""The knowledge behind ranking: reads the small tables in `tables/`; what they say stands there.

The tables are written by hand for this project from the Official Guidelines and general medical knowledge. Nothing in
them comes from DRG weights, payments or the complication lists of the grouper (rule 43).

- `conditions.csv`: what kind of condition a group of codes is; of 100 adult stays in which such a code is listed, in
  how many it is the reason for the stay (`emergency`, `elective`: judged, not counted); its clinical gravity (0-10);
  its body systems; the therapies that are started for it.
- `therapies.csv`, `ignored_drugs.csv`: drug names of a therapy (a regular expression), how telling it is (log-odds),
  and names that say nothing.
- `procedures.csv`: body systems and role of procedures. `services.csv`, `units.csv`: kind and body systems of hospital
  services, and of care units.
- `operations.csv`: operations by their procedure codes, and the conditions that each is done for.
- `relations.csv`: conditions that explain others (log-odds taken from the explained). `pairs.csv`: forced order.

A group of codes is a prefix ("I50.2"), a range of prefixes ("A40-A41") or a prefix with "?" for any one character
("L89.??3": stage 3 of any site).
"""

from __future__ import annotations

import csv
import re
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
_ANY: Final = "?"


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
    drugs: re.Pattern[str]
    """Searched in drug names of any case."""


@dataclass(frozen=True, slots=True)
class ProcedureGroup:
    """One row of `procedures.csv`: codes from `first` to `last` (by prefix; "?" stands for any one character)."""

    system: str
    first: str
    last: str
    systems: int
    role: str

    def holds(self, written: str) -> bool:
        """Say whether the group has the undotted code."""
        return self.first <= _at_fixed(written, self.first) and _at_fixed(written, self.last) <= self.last


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of `operations.csv`; `bit` is its place in a bit set, `codes` the conditions that it is done for."""

    name: str
    bit: int
    pcs: re.Pattern[str]
    icd9: re.Pattern[str]
    codes: str
    label: str


@dataclass(frozen=True, slots=True)
class Service:
    """One row of `services.csv` or `units.csv`: `pattern` is a regular expression over the lower-case name."""

    pattern: str
    kind: str
    systems: int


@dataclass(frozen=True, slots=True)
class Relation:
    """One row of `relations.csv`: where a `present` code stands, an `explained` one is less likely the principal.

    `even_barred`: the present code counts although it cannot be principal itself.
    """

    name: str
    present: str
    explained: str
    shift: float
    even_barred: bool
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


def _at_fixed(written: str, pattern: str) -> str:
    """Return as much of `written` as `pattern` is long, with "?" where the pattern has one."""
    return "".join("?" if wanted == _ANY else own for own, wanted in zip(written, pattern, strict=False))


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
        Therapy(row["therapy"], 1 << place, float(row["weight"]), row["label"], re.compile(row["names"], re.I))
        for place, row in enumerate(_rows("therapies.csv"))
    )


@lru_cache(maxsize=1)
def ignored_drugs() -> re.Pattern[str]:
    """Return what marks names of drugs that say nothing of the reason for a stay (line flushes, drops, carriers)."""
    return re.compile("|".join(row["name"] for row in _rows("ignored_drugs.csv")), re.I)


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
    return tuple(sorted(found, key=lambda condition: _specificity(condition.codes)))


def _specificity(codes: str) -> tuple[bool, int, int]:
    """Ranges before single groups, then by length, then by the number of characters that are given."""
    bare = codes.replace(".", "")
    return "-" not in codes, len(bare), len(bare) - bare.count(_ANY)


@lru_cache(maxsize=1)
def procedure_groups() -> tuple[ProcedureGroup, ...]:
    """Return the procedure groups, the least specific (fewest characters given) first."""
    found = [
        ProcedureGroup(
            row["system"], row["first"], row["last"], _system_set(row["systems"], "procedures.csv"), row["role"]
        )
        for row in _rows("procedures.csv")
    ]
    return tuple(sorted(found, key=lambda group: len(group.first) - group.first.count(_ANY)))


def _beginnings(cell: str) -> re.Pattern[str]:
    """Match what begins with one of the prefixes of a cell; "?" stands for any one character."""
    return re.compile("|".join(_parts(cell.replace(_ANY, "."))))


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """Return the operations in file order."""
    return tuple(
        Operation(
            row["operation"], 1 << place, _beginnings(row["pcs"]), _beginnings(row["icd9"]), row["codes"], row["label"]
        )
        for place, row in enumerate(_rows("operations.csv"))
    )


def _places_of_care(name: str) -> tuple[Service, ...]:
    return tuple(Service(row["pattern"], row["kind"], _system_set(row["systems"], name)) for row in _rows(name))


@lru_cache(maxsize=1)
def services() -> tuple[Service, ...]:
    """Return the services in file order; a pattern is of the whole name."""
    return _places_of_care("services.csv")


@lru_cache(maxsize=1)
def units() -> tuple[Service, ...]:
    """Return the care units in file order; a pattern is of a part of the name, and the first that fits speaks."""
    return _places_of_care("units.csv")


@lru_cache(maxsize=1)
def relations() -> tuple[Relation, ...]:
    """Return what explains what, in file order."""
    return tuple(
        Relation(
            row["name"],
            row["present"],
            row["explained"],
            float(row["shift"]),
            row["even_barred"] == "yes",
            row["reason"],
        )
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


def places(sorted_codes: TextArray, group: str) -> IntArray:
    """Return the places of the sorted undotted codes of one group: a prefix, a range, or a prefix with "?"."""
    first, _, last = group.partition("-")
    if _ANY not in group:
        return np.arange(*span(sorted_codes, first, last or first), dtype=np.int64)
    start, end = span(sorted_codes, group.partition(_ANY)[0], group.partition(_ANY)[0])
    wanted = re.compile(group.replace(".", "").replace(_ANY, "."))
    return np.array([place for place in range(start, end) if wanted.match(str(sorted_codes[place]))], dtype=np.int64)


def members(sorted_codes: TextArray, groups: str) -> BoolArray:
    """Say which sorted undotted codes lie in `groups`: groups joined by "|", such as "A40-A41|B37.7|L89.??3"."""
    inside: BoolArray = np.zeros(len(sorted_codes), dtype=np.bool_)
    for group in groups.split("|"):
        inside[places(sorted_codes, group)] = True
    return inside
