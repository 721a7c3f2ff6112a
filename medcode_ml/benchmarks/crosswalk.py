"""Measures which ICD-10-CM code is chosen for an ICD-9-CM code, where the true one is known.

    python -m medcode_ml.benchmarks.crosswalk [--encounters 400] [--codiesp DIR] [--english DIR]

Records with true ICD-10-CM codes are put back into ICD-9-CM by the mapping that CMS publishes for that direction (codes
newer than the maps first go back through the yearly tables), as if an old system had sent them, and mapped again. The
simulated network is always measured; `--codiesp` and `--english` are folders of labelled notes (real
texts). Rows: the first alternative of the map; our choice without the record; our choice with text, sex, age and other
codes. A code line is right where it is the true code exactly; 95% bootstrap intervals by record. "Open" lines are those
where the true code is billable and not the only alternative of the map. The last table is of the problem lists that the
simulated network itself sends in ICD-9-CM: a line is right where the encounter has the code chosen.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.conversions import conversions
from medcode_ml.codes.crosswalk import icd9_alternatives
from medcode_ml.codes.reference import reference_table
from medcode_ml.coding.labelled.reading import read_labelled
from medcode_ml.contracts.raw import delivered_columns
from medcode_ml.mapping.crosswalk import crosswalk_codes
from medcode_ml.simulation import NetworkConfig, simulate

RESAMPLES: Final = 1000
SEED: Final = 20261122
MAPS_DAY: Final = date(2018, 6, 1)  # the maps are of the 2018 code set


@dataclass(frozen=True)
class Record:
    """One record with its true codes, and the ICD-9-CM codes that it was delivered with."""

    record_id: str
    text: str
    discharge: date
    codes: tuple[str, ...]
    sex: str | None = None
    age: int | None = None
    delivered: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def _old_codes() -> dict[str, str]:
    """ICD-10-CM code -> its first ICD-9-CM code, where one stands for it alone."""
    frame = reference_table("diagnosis_equivalent_back")
    single = frame[~frame["no_map"] & ~frame["combination"]].drop_duplicates("code")
    return dict(zip(single["code"], single["target"], strict=True))


def old_code(code: str) -> str | None:
    """The ICD-9-CM code that an old system would have sent for an ICD-10-CM code; None where there is none."""
    known = _old_codes()
    if code in known:
        return known[code]
    before = conversions(code, "ICD-10-CM", MAPS_DAY)
    return known.get(before[0].target) if len(before) == 1 else None


def simulated(encounters: int) -> list[Record]:
    """Encounters of the simulated network (synthetic) with their true codes and all their notes."""
    texts: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    codes: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    delivered: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    stays: dict[tuple[str, str], tuple[date, str, int]] = {}
    for day in simulate(NetworkConfig(encounters=encounters, scanned_pages=0, planted_faults=False)).days():
        people = day.tables["patient"].set_index(["hospital_id", "mrn"])[["sex", "birth_date"]].to_dict("index")
        for row in day.tables["encounter"].to_dict("records"):
            person = people[(row["hospital_id"], row["mrn"])]
            discharge = date.fromisoformat(row["discharge_date"])
            age = (discharge - date.fromisoformat(person["birth_date"])).days * 4 // 1461
            stays[(row["hospital_id"], row["encounter_number"])] = (discharge, person["sex"], age)
        for row in day.tables["scanned_record"].to_dict("records"):
            texts[(row["hospital_id"], row["encounter_number"])].append(row["text"])
        for row in day.tables["diagnosis"].to_dict("records"):
            if row["code_system"] == "ICD-9-CM":
                delivered[(row["hospital_id"], row["encounter_number"])].append(row["code"])
        for row in day.truth["codes"].to_dict("records"):
            codes[(row["hospital_id"], row["encounter_number"])].append(row["code"])
    return [
        Record("/".join(key), "\n\n".join(texts[key]), discharge, tuple(codes[key]), sex, age, tuple(delivered[key]))
        for key, (discharge, sex, age) in stays.items()
    ]


def mapped_codes(
    records: Iterable[Record], *, with_record: bool, as_delivered: bool = False
) -> dict[tuple[str, int], str]:
    """(record, line) -> code chosen, `line` counting the codes; all in ICD-9-CM, put back or `as_delivered`."""
    rows: list[dict[str, object]] = []
    context: dict[str, dict[str, object]] = {}
    discharged: dict[str, date | None] = {}
    for record in records:
        discharged[record.record_id] = record.discharge
        context[record.record_id] = {"sex": record.sex, "age": record.age, "words": record.text}
        rows += [
            {"encounter_id": record.record_id, "hospital_id": "B", "line_number": line, "code": old, "poa": None,
             "code_system": "ICD-9-CM", "repairs": [], "unreadable": {}}
            for line, code in enumerate(record.delivered if as_delivered else record.codes)
            if (old := code if as_delivered else old_code(code)) is not None
        ]  # fmt: skip
    frame = pd.DataFrame(rows, dtype=object)
    known = pd.DataFrame.from_dict(context, orient="index", dtype=object) if with_record else None
    nothing = pd.DataFrame(columns=delivered_columns("code_map"), dtype=object)
    mapped, _, _ = crosswalk_codes("diagnosis", frame, discharged, nothing, known)
    first = mapped[mapped["part_number"] == 1]
    return {(e, n): c for e, n, c in first[["encounter_id", "line_number", "code"]].itertuples(index=False, name=None)}


def first_of_map(records: Iterable[Record]) -> dict[tuple[str, int], str]:
    """The baseline: the first alternative that the map lists."""
    found = {}
    for record in records:
        for line, code in enumerate(record.codes):
            targets = [a.target for a in icd9_alternatives(old_code(code) or "", "diagnosis") if a.target]
            if targets:
                found[(record.record_id, line)] = targets[0]
    return found


def measure(name: str, records: list[Record]) -> None:
    """Print the table of one set."""
    asked = [
        [(r.record_id, n, c) for n, c in enumerate(r.codes)
         if old_code(c) is not None and CodeSet.on(r.discharge).is_billable(c)]
        for r in records
    ]  # fmt: skip
    asked = [lines for lines in asked if lines]
    everything = [len(r.codes) for r in records]
    lines = sum(map(len, asked))
    print(f"\n{name}: {len(asked)} records, {lines} of {sum(everything)} true codes have an ICD-9-CM code")  # noqa: T201
    print(f"{'choice':<34}{'all lines':>24}{'open lines':>24}")  # noqa: T201
    answers = {
        "first in the map": first_of_map(records),
        "ours, without the record": mapped_codes(records, with_record=False),
        "ours, with the record": mapped_codes(records, with_record=True),
    }
    rng = np.random.default_rng(SEED)
    draws = rng.integers(0, len(asked), (RESAMPLES, len(asked)))
    for choice, answer in answers.items():
        cells = []
        for open_only in (False, True):
            right = np.zeros(len(asked))
            count = np.zeros(len(asked))
            for at, some in enumerate(asked):
                for record, line, code in some:
                    if open_only and _settled(code):
                        continue
                    count[at] += 1
                    right[at] += answer.get((record, line)) == code
            shares = right[draws].sum(axis=1) / np.maximum(count[draws].sum(axis=1), 1)
            low, high = np.percentile(shares, [2.5, 97.5])
            cells.append(f"{right.sum() / max(count.sum(), 1):.1%} ({low:.1%}-{high:.1%}) n={int(count.sum())}")
        print(f"{choice:<34}{cells[0]:>24}  {cells[1]:>24}")  # noqa: T201


def measure_delivered(records: list[Record]) -> None:
    """Print the table of the problem lists delivered in ICD-9-CM."""
    lists = [r for r in records if r.delivered]
    truth = {r.record_id: set(r.codes) for r in lists}
    first = {
        (r.record_id, n): next((a.target for a in icd9_alternatives(code, "diagnosis") if a.target), None)
        for r in lists
        for n, code in enumerate(r.delivered)
    }
    answers: dict[str, Mapping[tuple[str, int], str | None]] = {
        "first in the map": first,
        "ours, without the record": mapped_codes(lists, with_record=False, as_delivered=True),
        "ours, with the record": mapped_codes(lists, with_record=True, as_delivered=True),
    }
    print(f"\nproblem lists delivered in ICD-9-CM (synthetic): {len(lists)} records, {len(first)} lines")  # noqa: T201
    draws = np.random.default_rng(SEED).integers(0, len(lists), (RESAMPLES, len(lists)))
    lines = np.array([len(r.delivered) for r in lists])
    for choice, answer in answers.items():
        right = np.array(
            [sum(answer.get((r.record_id, n)) in truth[r.record_id] for n in range(len(r.delivered))) for r in lists]
        )
        low, high = np.percentile(right[draws].sum(axis=1) / lines[draws].sum(axis=1), [2.5, 97.5])
        print(f"{choice:<34}{right.sum() / lines.sum():.1%} ({low:.1%}-{high:.1%})")  # noqa: T201


@lru_cache(maxsize=50_000)
def _settled(code: str) -> bool:
    """The map has one alternative, and it is the true code."""
    targets = {a.target for a in icd9_alternatives(old_code(code) or "", "diagnosis") if a.target}
    return targets == {code}


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encounters", type=int, default=400, help="size of the simulated network")
    parser.add_argument("--codiesp", type=Path, help="one part of CodiEsp")
    parser.add_argument("--english", type=Path, help="folder with notes.jsonl and gold.jsonl")
    given = parser.parse_args()
    network = simulated(given.encounters)
    measure("simulated network (synthetic)", network)
    real = (("CodiEsp", given.codiesp), ("English notes", given.english))
    for name, folder in real:
        if folder:
            data = read_labelled(folder, evidence=False)
            measure(
                f"{name} (real texts)",
                [Record(n.record_id, n.text, data.day_of(n), tuple(sorted(n.codes))) for n in data.notes],
            )
    measure_delivered(network)


if __name__ == "__main__":
    main()
