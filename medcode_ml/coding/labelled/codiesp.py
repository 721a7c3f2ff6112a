"""The CodiEsp layout (CLEF eHealth 2020): case reports in Spanish with labels and evidence, and their English text.

A part is a folder with `*D.tsv` (document, ICD-10-CM code), `text_files_en`, and for the evidence `*X.tsv` with
`text_files`. A folder of parts holds them as `train`, `dev`, `test`. The corpus was coded in the 2018 code set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from medcode_ml.coding.labelled.lines import SPLITS, Found
from medcode_ml.coding.labelled.note import (
    EvidenceSpan,
    LabelledNote,
    LabelledSourceError,
    Rejected,
    written_code,
    written_codes,
)
from medcode_ml.coding.labelled.projection import MarkedSpan, ParallelText, project

DAY: Final = date(2018, 6, 1)
"""The 2018 code set; any day of the release would do."""
_PIECE: Final = re.compile(r"(\d+) (\d+)")


def is_part(folder: Path) -> bool:
    """Whether `folder` is one part of the layout."""
    return (folder / "text_files_en").is_dir() and any(folder.glob("*D.tsv"))


def parts(folder: Path) -> list[Path]:
    """The parts in `folder`: itself, or the folders below it; none where it is of another layout."""
    if is_part(folder):
        return [folder]
    return sorted(p for p in folder.iterdir() if p.is_dir() and is_part(p)) if folder.is_dir() else []


def read_parts(folders: Sequence[Path], *, evidence: bool = True) -> Found:
    """Read parts of the layout, inpatient, each split named after its folder.

    A text without labels, and labels without a text, are rejected: every document of the corpus was coded.

    Args:
        folders: the parts.
        evidence: whether to move the coders' evidence onto the English texts, where the Spanish ones are there (about
            15 seconds for 750 documents).

    Raises:
        LabelledSourceError: a label file is not tab-separated or a document stands in two parts.
    """
    found = Found()
    seen: set[str] = set()
    parallel: dict[int, ParallelText] = {}
    for folder in folders:
        labels = _labels(folder)
        marked = _marked(folder, found) if evidence else {}
        split = SPLITS.get(folder.resolve().name.lower())
        for file in sorted((folder / "text_files_en").glob("*.txt")):
            record_id = file.stem
            if record_id in seen:
                raise LabelledSourceError(f"{file}: its document stands in another part too; a document has one split")
            seen.add(record_id)
            given = labels.pop(record_id, None)
            if given is None:
                found.rejected.append(Rejected(f"{folder.name}/text_files_en/{file.name}", "no *D.tsv gives it codes"))
                continue
            text = _text(file)
            codes, not_codes = written_codes(given)
            found.codes_rejected += not_codes
            other = folder / "text_files" / file.name
            if record_id in marked and other.is_file():
                spans = tuple(s for s in marked[record_id] if s.code in codes)
                found.spans_rejected += len(marked[record_id]) - len(spans)
                parallel[len(found.notes)] = ParallelText(text, _text(other), spans)
            found.notes.append(LabelledNote(record_id, text, codes, setting="inpatient", split=split))
        found.rejected += [
            Rejected(f"{folder.name}/*D.tsv document {record_id}", "text_files_en holds no text for it")
            for record_id in sorted(labels)
        ]
    _project(parallel, found)
    return found


def _project(parallel: dict[int, ParallelText], found: Found) -> None:
    """Give the notes at these places their evidence on the English text."""
    if not parallel:
        return
    asked = told = 0
    for place, spans in zip(parallel, project(list(parallel.values())), strict=True):
        moved = {
            EvidenceSpan(span.marked.code, start, end, part=len(span.pieces) > 1)
            for span in spans
            for start, end in span.pieces
        }
        ordered = tuple(sorted(moved, key=lambda e: (e.start, e.end, e.code, e.part)))
        found.notes[place] = replace(found.notes[place], evidence=ordered)
        asked += len(spans)
        told += sum(bool(s.pieces) for s in spans)
    found.remarks.append(
        f"evidence was marked on the Spanish text: {told} of {asked} spans were found in the English one"
    )


def _marked(folder: Path, found: Found) -> dict[str, list[MarkedSpan]]:
    """The spans that coders marked for diagnoses on the Spanish text of each document."""
    marked: dict[str, list[MarkedSpan]] = {}
    for file in sorted(folder.glob("*X.tsv")):
        for line in _text(file).splitlines():
            fields = line.split("\t")
            if len(fields) < 5 or fields[1] != "DIAGNOSTICO":
                continue
            code, pieces = written_code(fields[2]), _PIECE.findall(fields[4])
            if code is None or not pieces:
                found.spans_rejected += 1
                continue
            places = tuple(sorted((int(start), int(end)) for start, end in pieces))
            marked.setdefault(fields[0], []).append(MarkedSpan(code, places))
    return marked


def _labels(folder: Path) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*D.tsv")):
        for number, line in enumerate(_text(file).splitlines(), start=1):
            fields = line.split("\t")
            if not line.strip():
                continue
            if len(fields) < 2:
                raise LabelledSourceError(f"{file}: line {number} is not document, tab, code")
            labels.setdefault(fields[0], []).append(fields[1])
    return labels


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelledSourceError(f"{file}: not UTF-8 at byte {error.start}; save the file as UTF-8") from error
