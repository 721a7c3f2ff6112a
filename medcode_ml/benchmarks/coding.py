"""Measures the codes of `medcode code` against coded notes.

    python -m medcode_ml.benchmarks.coding --data PATH [--data PATH …] [--trained-on PATH] [--model DIR] [--no-speed]

`--data` is any labelled source: JSON Lines, a part of CodiEsp (mention-level labels, code set of 2018), a folder with
notes.jsonl and gold.jsonl. Each is coded twice, with the sections of the mapping and as one text, and measured as
`medcode evaluate coding` does, with 95% bootstrap intervals by note. Without `--model` nothing
is trained; `--trained-on` only names the codes that count as seen.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from medcode_ml.coding.batch import code_notes
from medcode_ml.coding.figures.codes import code_figures
from medcode_ml.coding.figures.evidence import evidence_figures
from medcode_ml.coding.figures.predictions import accepted_evidence, listed_codes
from medcode_ml.coding.labelled.note import LabelledData
from medcode_ml.coding.labelled.reading import read_labelled
from medcode_ml.coding.model import CodingModel, load_model
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.mapping.sections import split_documents

SPEED_WORDS: Final = 350


def frame_of(data: LabelledData) -> pd.DataFrame:
    """DataFrame[record_id, text, setting, discharge_date] of the notes, undated ones on the day of their code set."""
    rows = [(n.record_id, n.text, n.setting, data.day_of(n)) for n in data.notes]
    return pd.DataFrame(rows, columns=["record_id", "text", "setting", "discharge_date"], dtype=object)


def sections_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Sections of the notes of `frame`, document_id being the record_id."""
    return split_documents(frame.rename(columns={"record_id": "document_id"}))


def figures(data: LabelledData, answers: Sequence[dict[str, Any]], seen: dict[str, int] | None) -> dict[str, Any]:
    """Figures of codes and, where coders marked any, of evidence."""
    out = code_figures(data.notes, listed_codes(answers), seen_codes=seen)
    if any(n.evidence for n in data.notes):
        out["evidence"] = evidence_figures(data.notes, accepted_evidence(answers))
    return out


def notes_per_second(frame: pd.DataFrame, model: CodingModel | None) -> float:
    """Notes of 350 words coded a second on one core, after the dictionary is built; sections split beforehand."""
    short = frame.assign(text=[" ".join(t.split(" ")[:SPEED_WORDS]) for t in frame["text"]])
    sections = sections_of(short)
    code_notes(short, sections, model=model)
    begin = time.perf_counter()
    code_notes(short, sections, model=model)
    return round(len(short) / (time.perf_counter() - begin), 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as JSON; returns the exit code."""
    parser = argparse.ArgumentParser(description="Measure the codes of medcode against coded notes.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="labelled notes; may be repeated")
    parser.add_argument("--trained-on", type=Path, help="labelled notes whose codes count as seen")
    parser.add_argument("--model", type=Path, help="model folder; without one the ontology coder")
    parser.add_argument("--no-speed", action="store_true", help="leave the speed out")
    given = parser.parse_args(arguments)
    try:
        model = load_model(given.model) if given.model is not None else None
        sources = {str(path): read_labelled(path) for path in given.data}
        seen = dict(read_labelled(given.trained_on, evidence=False).code_counts()) if given.trained_on else None
    except ValueError as mistake:
        parser.error(str(mistake))
    begin = time.perf_counter()
    OntologyCoder.for_day(date(2026, 10, 15))
    report: dict[str, Any] = {"load_seconds": round(time.perf_counter() - begin, 2)}
    for name, data in sources.items():
        frame = frame_of(data)
        sections = sections_of(frame)
        report[name] = {
            "source": data.source,
            "sections": figures(data, code_notes(frame, sections, model=model), seen),
            "one_text": figures(data, code_notes(frame, sections.head(0), model=model), seen),
        }
        if not given.no_speed:
            report[name]["notes_per_second"] = notes_per_second(frame, model)
    report["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
