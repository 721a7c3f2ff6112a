"""Medicare's tables of services: which codes exclude each other, how many units are likely, which diagnoses cover.

CMS publishes them by quarter (National Correct Coding Initiative: procedure-to-procedure and medically unlikely edits)
and by week (Medicare Coverage Database); `service_files` loads them. Until then the few rows of the samples beside this
module stand in, each with where it is published. Codes only: CPT texts are the AMA's (rule 44).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.codes.loaded import loaded_path, loaded_table

Services = Literal["hospital", "practitioner"]
SERVICES: Final[tuple[Services, ...]] = ("hospital", "practitioner")
NO_LAST_DAY: Final = 99991231
PAIR_COLUMNS = ("pair", "first_day", "last_day", "modifier_allowed", "source")
UNIT_COLUMNS = ("code", "most", "by_day", "source")
COVERAGE_COLUMNS = ("policy", "hcpcs", "diagnosis")
_PLACE: Final = 36**5
_SPOKEN: Final = {
    "ncci_pair": "procedure-to-procedure edits",
    "ncci_unit": "medically unlikely edits",
    "coverage": "coverage policies",
}


def pair_table(services: Services) -> str:
    """Name of the loaded table of code pairs."""
    return f"ncci_pair_{services}"


def unit_table(services: Services) -> str:
    """Name of the loaded table of unlikely units."""
    return f"ncci_unit_{services}"


COVERAGE_TABLE: Final = "coverage"


def encoded(code: str) -> int:
    """A five-character HCPCS code as a number, so that millions of pairs fit in an array.

    Raises:
        ValueError: not five letters or digits.
    """
    if len(code) != 5 or not code.isascii() or not code.isalnum():
        raise ValueError("a HCPCS code has five letters or digits")
    return int(code, 36)


def encoded_pair(first: int, second: int) -> int:
    """Two encoded codes, column one and column two, as one number."""
    return first * _PLACE + second


@dataclass(frozen=True, slots=True)
class Pair:
    """Column two is not paid beside column one on the same day; a modifier may change that."""

    column_one: str
    column_two: str
    modifier_allowed: bool
    source: str


@dataclass(frozen=True, slots=True)
class UnitLimit:
    """Most units of a code: of a day where `by_day`, else of a line."""

    most: int
    by_day: bool
    source: str


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Sorted pairs with the days they are in force, yyyymmdd."""

    pairs: npt.NDArray[np.int64]
    first_days: npt.NDArray[np.int32]
    last_days: npt.NDArray[np.int32]
    modifier_allowed: npt.NDArray[np.bool_]
    sources: tuple[str, ...]
    source_of: npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class ServiceTables:
    """The tables for one kind of services.

    `units` is the most units by code; `policies` by HCPCS code are (policy, undotted diagnoses that it covers);
    `note` is a sentence for a person where only the samples stand in, empty elsewhere.
    """

    pairs: _Pairs
    units: Mapping[str, UnitLimit]
    policies: Mapping[str, tuple[tuple[str, frozenset[str]], ...]]
    note: str

    def pairs_among(self, codes: Sequence[str], day: int) -> Iterator[Pair]:
        """Pairs in force on `day` (yyyymmdd) among distinct codes of one day; other forms of code are passed over."""
        table = self.pairs
        known = [(code, encoded(code)) for code in codes if len(code) == 5 and code.isascii() and code.isalnum()]
        asked = [(one, two) for one in known for two in known if one[0] != two[0]]
        if not asked or not len(table.pairs):
            return
        keys = np.array([encoded_pair(one[1], two[1]) for one, two in asked], dtype=np.int64)
        starts, ends = np.searchsorted(table.pairs, keys), np.searchsorted(table.pairs, keys, side="right")
        for place in np.flatnonzero(ends > starts):
            for row in range(starts[place], ends[place]):
                if table.first_days[row] <= day <= table.last_days[row]:
                    (one, _), (two, _) = asked[place]
                    source = table.sources[table.source_of[row]]
                    yield Pair(one, two, bool(table.modifier_allowed[row]), source)
                    break


def service_tables(services: Services) -> ServiceTables:
    """The tables as they are loaded now; those that nobody loaded are the samples."""
    stamps = {table: _stamp(table) for table in (pair_table(services), unit_table(services), COVERAGE_TABLE)}
    pairs, units, coverage = stamps.values()
    missing = [_SPOKEN[table.removesuffix(f"_{services}")] for table, stamp in stamps.items() if stamp is None]
    note = ""
    if missing:
        note = f"Of Medicare's tables for {services} services only samples are in use: {', '.join(missing)}."
    return ServiceTables(_pairs(services, pairs), _units(services, units), _coverage(coverage), note)


def _stamp(table: str) -> int | None:
    """When the table was loaded, None where nobody loaded it: a new one is read at once."""
    try:
        return loaded_path(table).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _sample(name: str) -> pd.DataFrame:
    text = resources.files("medcode_ml.billing.edits") / f"{name}_sample.csv"
    with resources.as_file(text) as path:
        return pd.read_csv(path, dtype=str, comment="#", keep_default_na=False)


def _table(name: str, stamp: int | None) -> pd.DataFrame | None:
    return None if stamp is None else loaded_table(name)


@lru_cache(maxsize=4)
def _pairs(services: Services, stamp: int | None) -> _Pairs:
    frame = _table(pair_table(services), stamp)
    if frame is None:
        rows = _sample("ncci_pair")
        rows = rows[rows["services"] == services]
        keys = [encoded_pair(encoded(a), encoded(b)) for a, b in zip(rows["column_1"], rows["column_2"], strict=True)]
        frame = pd.DataFrame({
            "pair": pd.Series(keys, dtype="int64"),
            "first_day": rows["first_day"].astype("int32").to_numpy(),
            "last_day": NO_LAST_DAY,
            "modifier_allowed": (rows["modifier"] == "1").to_numpy(),
            "source": rows["source"].to_numpy(),
        }).sort_values("pair")  # fmt: skip
    source = pd.Categorical(frame["source"])
    return _Pairs(
        frame["pair"].to_numpy(np.int64),
        frame["first_day"].to_numpy(np.int32),
        frame["last_day"].to_numpy(np.int32),
        frame["modifier_allowed"].to_numpy(np.bool_),
        tuple(str(s) for s in source.categories),
        source.codes.astype(np.int16),
    )


@lru_cache(maxsize=4)
def _units(services: Services, stamp: int | None) -> dict[str, UnitLimit]:
    frame = _table(unit_table(services), stamp)
    if frame is None:
        rows = _sample("ncci_unit")
        rows = rows[rows["services"] == services]
        frame = rows.assign(most=rows["most"].astype(int), by_day=rows["by_day"] == "yes")
    return {row.code: UnitLimit(int(row.most), bool(row.by_day), row.source) for row in frame.itertuples(index=False)}


@lru_cache(maxsize=2)
def _coverage(stamp: int | None) -> dict[str, tuple[tuple[str, frozenset[str]], ...]]:
    frame = _table(COVERAGE_TABLE, stamp)
    if frame is None:
        frame = _sample("coverage")
        hcpcs, diagnoses = frame[["policy", "hcpcs"]], frame[["policy", "diagnosis"]]
    else:
        hcpcs = frame.loc[frame["hcpcs"] != "", ["policy", "hcpcs"]]
        diagnoses = frame.loc[frame["diagnosis"] != "", ["policy", "diagnosis"]]
    covered = {str(policy): frozenset(rows) for policy, rows in diagnoses.groupby("policy")["diagnosis"]}
    found: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for policy, code in hcpcs.drop_duplicates().itertuples(index=False):
        if policy in covered:
            found.setdefault(code, []).append((policy, covered[policy]))
    return {code: tuple(policies) for code, policies in found.items()}
