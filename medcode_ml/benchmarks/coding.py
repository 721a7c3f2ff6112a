"""Measures the codes of `medcode code` against coded notes.

    python -m medcode_ml.benchmarks.coding [--codiesp DIR] [--english DIR]

`--codiesp` is a folder with `*D.tsv` and `text_files_en` (case reports, mention-level labels, code set of 2018);
`--english` one with `notes.jsonl` and `gold.jsonl` (lines of `medcode code` and the codes of each; `disputed` codes are
neither asked for nor punished). Figures are of accepted codes, full codes and 3-character categories apart, with 95%
bootstrap intervals by document; nothing is trained, so nothing is split.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.coding.batch import code_notes
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.mapping.sections import split_documents

RESAMPLES: Final = 1000
SEED: Final = 20261121
CODIESP_DAY: Final = date(2018, 6, 1)
"""CodiEsp was coded in the 2018 code set; any day of the release would do."""
SPEED_WORDS: Final = 350


@dataclass(frozen=True)
class CodedNote:
    """One note with its true codes; `disputed` codes are left out of the count wherever they appear."""

    record_id: str
    text: str
    setting: str
    discharge_date: date
    codes: frozenset[str]
    disputed: frozenset[str]


def read_codiesp(folder: Path) -> list[CodedNote]:
    """Read one part of CodiEsp: DataFrame-less, a note for each English text, inpatient, in the 2018 release."""
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for file in sorted(folder.glob("*D.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines():
            record, code = line.split("\t")[:2]
            labels[record].add(code.upper())
    texts = sorted((folder / "text_files_en").glob("*.txt"))
    if not labels or not texts:
        raise FileNotFoundError(f"{folder} holds no *D.tsv with text_files_en/*.txt; give --codiesp a part of CodiEsp")
    return [
        CodedNote(
            t.stem, t.read_text(encoding="utf-8"), "inpatient", CODIESP_DAY, frozenset(labels[t.stem]), frozenset()
        )
        for t in texts
    ]


def read_english(folder: Path) -> list[CodedNote]:
    """Read `notes.jsonl` and `gold.jsonl` of `folder`."""
    gold = {}
    for line in (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        gold[row["record_id"]] = row
    notes = []
    for line in (folder / "notes.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        truth = gold[row["record_id"]]
        codes = frozenset(c["code"] for c in truth["codes"])
        day = date.fromisoformat(row["discharge_date"])
        disputed = frozenset(truth.get("disputed", ())) - codes
        notes.append(CodedNote(row["record_id"], row["text"], row["setting"], day, codes, disputed))
    return notes


def predict(notes: Sequence[CodedNote], *, split: bool) -> dict[str, frozenset[str]]:
    """Accepted codes of each note; `split` gives the coder the sections of the mapping, else one text."""
    frame = frame_of(notes)
    sections = sections_of(frame) if split else sections_of(frame.head(0))
    return {
        coded["record_id"]: frozenset(c["code"] for c in coded["codes"] if c["accepted"])
        for coded in code_notes(frame, sections)
    }


def frame_of(notes: Sequence[CodedNote]) -> pd.DataFrame:
    """DataFrame[record_id, text, setting, discharge_date] of `notes`."""
    rows = [(n.record_id, n.text, n.setting, n.discharge_date) for n in notes]
    return pd.DataFrame(rows, columns=["record_id", "text", "setting", "discharge_date"], dtype=object)


def sections_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Sections of the notes of `frame`, document_id being the record_id."""
    return split_documents(frame.rename(columns={"record_id": "document_id"}))


def counts(
    notes: Sequence[CodedNote], predicted: dict[str, frozenset[str]], reduce: Callable[[str], str]
) -> npt.NDArray[np.int64]:
    """True positives, predicted and true codes of each note. Shape (notes, 3)."""
    rows = []
    for note in notes:
        truth = {reduce(c) for c in note.codes}
        disputed = {reduce(c) for c in note.disputed} - truth
        found = {reduce(c) for c in predicted[note.record_id]} - disputed
        rows.append((len(found & truth), len(found), len(truth)))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def micro_f1(rows: npt.NDArray[np.int64]) -> float:
    """F1 of the summed counts; 0 where nothing is predicted or true."""
    hit, found, truth = rows.sum(axis=0)
    return float(2 * hit / (found + truth)) if found + truth else 0.0


def macro_f1(rows: npt.NDArray[np.int64]) -> float:
    """Mean over the notes of each note's F1; a note with nothing true and nothing found counts 1."""
    total = rows[:, 1] + rows[:, 2]
    each = np.where(total > 0, 2 * rows[:, 0] / np.maximum(total, 1), 1.0)
    return float(each.mean())


def interval(rows: npt.NDArray[np.int64], measure: Callable[[npt.NDArray[np.int64]], float]) -> tuple[float, float]:
    """95% bootstrap interval of `measure` by note."""
    generator = np.random.default_rng(SEED)
    values = [measure(rows[generator.integers(0, len(rows), len(rows))]) for _ in range(RESAMPLES)]
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def figures(notes: Sequence[CodedNote], predicted: dict[str, frozenset[str]]) -> dict[str, Any]:
    """Precision, recall, micro and macro F1 (by note) with intervals, for full codes and categories."""
    out: dict[str, Any] = {"notes": len(notes), "true_codes": sum(len(n.codes) for n in notes)}
    for name, reduce in (("full", str), ("category", lambda code: code[:3])):
        rows = counts(notes, predicted, reduce)
        hit, found, truth = (int(x) for x in rows.sum(axis=0))
        out[name] = {
            "precision": round(hit / found, 4) if found else 0.0,
            "recall": round(hit / truth, 4) if truth else 0.0,
            "micro_f1": round(micro_f1(rows), 4),
            "micro_f1_95": [round(x, 4) for x in interval(rows, micro_f1)],
            "macro_f1_by_note": round(macro_f1(rows), 4),
            "macro_f1_by_note_95": [round(x, 4) for x in interval(rows, macro_f1)],
        }
    return out


def speed(notes: Sequence[CodedNote]) -> dict[str, float]:
    """Notes of 350 words coded a second on one core, after the dictionary is built; sections split beforehand."""
    frame = frame_of(notes)
    frame["text"] = [" ".join(t.split(" ")[:SPEED_WORDS]) for t in frame["text"]]
    sections = sections_of(frame)
    code_notes(frame, sections)
    begin = time.perf_counter()
    code_notes(frame, sections)
    return {"notes_per_second": round(len(frame) / (time.perf_counter() - begin), 1)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as JSON; returns the exit code."""
    parser = argparse.ArgumentParser(description="Measure the codes of medcode against coded notes.")
    parser.add_argument("--codiesp", type=Path, help="a part of CodiEsp: *D.tsv and text_files_en")
    parser.add_argument("--english", type=Path, help="folder with notes.jsonl and gold.jsonl")
    given = parser.parse_args(arguments)
    if given.codiesp is None and given.english is None:
        parser.error("nothing to measure: give --codiesp or --english")
    begin = time.perf_counter()
    OntologyCoder.for_day(date(2026, 10, 15))
    report: dict[str, Any] = {"load_seconds": round(time.perf_counter() - begin, 2)}
    for name, folder, read in (("codiesp", given.codiesp, read_codiesp), ("english", given.english, read_english)):
        if folder is None:
            continue
        notes = read(folder)
        report[name] = {
            "sections": figures(notes, predict(notes, split=True)),
            "one_text": figures(notes, predict(notes, split=False)),
            **speed(notes),
        }
    report["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
