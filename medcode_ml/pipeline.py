"""Batches through the stages: what the assets, the command line and later the API and the stream share.

Only composition lives here: which source is configured, and the stages called one after the other in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from medcode_ml.codes.release import UNKNOWN_RELEASE, NoReleaseError, release_on
from medcode_ml.contracts.characters import has_half_character
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.gates import gate_pages
from medcode_ml.intake.page_store import PageStore, PageWork
from medcode_ml.intake.pages import page_rows_to_json, read_files
from medcode_ml.intake.source import DeliveryError, Source, open_source
from medcode_ml.mapping.sections import split_documents
from medcode_ml.settings import settings

if TYPE_CHECKING:
    from medcode_ml.coding.model import CodingModel

Record = Mapping[str, Any]


def configured_source(progress: bool = False) -> Source:
    """Open the source that the settings name; the simulated network is written first where it is not there yet."""
    chosen = settings()
    if chosen.source != "simulated":
        return open_source(chosen)
    from medcode_ml.simulation.config import NetworkConfig
    from medcode_ml.simulation.delivery import write_delivery

    root = write_delivery(NetworkConfig(), chosen.deliveries_dir / "simulated", progress=progress)
    return FolderSource(root, name="simulated", attachments_dir=chosen.attachments_dir)


def page_store() -> PageStore:
    """The page store that the settings ask for."""
    return PageStore(settings().pages_url or settings().pages_dir)


def page_work() -> PageWork:
    """How pages are read here: where copies and readings are kept, how many processes, how long a page may take."""
    chosen = settings()
    return PageWork(chosen.pages_url or chosen.pages_dir, chosen.ocr_workers, chosen.page_seconds)


# --- medcode code -----------------------------------------------------------------------------------------------------


def note_fault(record: Record) -> str | None:
    """Why a line of `medcode code` cannot be coded; None when it can."""
    if not isinstance(record.get("record_id"), str) or not record["record_id"]:
        return "record_id is missing or no text; give each note an id"
    if not isinstance(record.get("text"), str):
        return "text is missing or no text; give the note's text (it may be empty)"
    for key in ("record_id", "text"):
        if has_half_character(record[key]):
            return f"{key} holds half of a surrogate pair; write the whole character"
    if record.get("setting") not in (None, "inpatient", "outpatient"):
        return "setting is neither inpatient nor outpatient"
    given = record.get("discharge_date")
    if given is None:
        return None
    try:
        release_on(date.fromisoformat(given))
    except NoReleaseError:
        return f"discharge_date: {UNKNOWN_RELEASE}"
    except (TypeError, ValueError):
        return "discharge_date: not a date YYYY-MM-DD"
    return None


def code_notes(records: Sequence[Record], fallback: date, model: CodingModel | None = None) -> list[dict[str, Any]]:
    """Code notes given as `medcode code` reads them; `fallback` is the discharge date of notes without one.

    Without a `model` the ontology coder codes.

    Keys that medcode does not know are carried through.
    """
    from medcode_ml.coding.batch import code_notes as code_frame

    # Numbered here: a file may hold one record_id twice, and each line gets its answer.
    notes = pd.DataFrame(
        {
            "record_id": [str(n) for n in range(len(records))],
            "text": [r["text"] for r in records],
            "setting": [r.get("setting") for r in records],
            "discharge_date": [
                date.fromisoformat(r["discharge_date"]) if r.get("discharge_date") else fallback for r in records
            ],
        },
        dtype=object,
    )
    answers = code_frame(notes, split_documents(notes.rename(columns={"record_id": "document_id"})), model=model)
    known = {"record_id", "text", "setting", "discharge_date"}
    return [
        {**{k: v for k, v in record.items() if k not in known}, **answer, "record_id": record["record_id"]}
        for record, answer in zip(records, answers, strict=True)
    ]


# --- medcode read-page ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PageAnswers:
    """Rows of `medcode read-page`, and the lines of the manifest and encounters that could not be read."""

    pages: list[dict[str, Any]]
    rejected: list[tuple[int, str, str]]


def read_page_files(
    files: Sequence[Path], encounters: Path | None, workers: int, page_seconds: float, progress: bool = False
) -> PageAnswers:
    """Read page files, or those that a manifest (.jsonl) lists, and ask the page gates.

    Raises:
        DeliveryError: the encounters file cannot be opened.
    """
    rejected: list[tuple[int, str, str]] = []
    entries: list[dict[str, Any]] = []
    for file in files:
        if file.suffix.lower() in (".jsonl", ".ndjson"):
            entries += _manifest(file, rejected)
        else:
            entries.append({"file": str(file), "path": file})
    frame = read_files([(e["file"], e["path"]) for e in entries], workers, page_seconds, progress)
    for name in ("batch", "record_id"):
        if any(name in e for e in entries):
            frame[name] = [entries[n].get(name) for n in frame["file_number"]]
    known = None
    if encounters is not None:
        lines = []
        for number, line in _json_lines(encounters, rejected):
            if isinstance(line.get("record_id"), str | int):
                lines.append(line)
            else:
                rejected.append((number, f"{encounters.name}: the encounter names no record_id", json.dumps(line)))
        known = pd.DataFrame(lines, columns=None if lines else ["record_id"], dtype=object)
        known = known.where(known.notna(), None)
        if "record_id" not in frame:
            frame["record_id"] = [Path(f).stem for f in frame["file"]]
    return PageAnswers(page_rows_to_json(gate_pages(frame, None, known)), rejected)


def _manifest(path: Path, rejected: list[tuple[int, str, str]]) -> list[dict[str, Any]]:
    entries = []
    for number, line in _json_lines(path, rejected):
        if not isinstance(line.get("file"), str) or not line["file"]:
            rejected.append((number, "the manifest line names no file", json.dumps(line)))
            continue
        entries.append({**line, "path": path.parent / line["file"]})
    return entries


def _json_lines(path: Path, rejected: list[tuple[int, str, str]]) -> list[tuple[int, dict[str, Any]]]:
    """(line number, object) of every line that is one; the others are noted in `rejected`."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DeliveryError(f"{path}: {error.strerror}; name a JSON Lines file") from error
    found = []
    for number, data in enumerate(lines, start=1):
        if not data.strip():
            continue
        try:
            line = json.loads(data)
        except (UnicodeDecodeError, json.JSONDecodeError):
            rejected.append((number, f"{path.name}: not JSON in UTF-8; one object a line is wanted", repr(data[:500])))
            continue
        if isinstance(line, dict):
            found.append((number, line))
        else:
            rejected.append((number, f"{path.name}: not a JSON object", repr(data[:500])))
    return found
