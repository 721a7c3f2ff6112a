"""Reads labelled notes, whatever layout they come in, and settles which code set they are coded in."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

from medcode_ml.coding.labelled import codiesp, mimic
from medcode_ml.coding.labelled.code_set_day import share_held, told_by_labels
from medcode_ml.coding.labelled.lines import Found, read_lines, read_notes_and_gold
from medcode_ml.coding.labelled.note import LabelledData, LabelledSourceError

__all__ = ["read_labelled"]

_WANTED = (
    "a .jsonl file; a CodiEsp part (*D.tsv with text_files_en) or a folder of parts; a folder with MIMIC-IV's "
    "diagnoses_icd.csv and MIMIC-IV-Note's discharge.csv (.gz or not); a folder with notes.jsonl and gold.jsonl"
)


def read_labelled(
    path: Path, *, as_of: date | None = None, progress: bool = False, text_needed: bool = True, evidence: bool = True
) -> LabelledData:
    """Read labelled notes: JSON Lines, CodiEsp, MIMIC-IV with MIMIC-IV-Note, or notes.jsonl with gold.jsonl.

    Args:
        path: a file or folder; what it is decides how it is read.
        as_of: a day of the code set of notes without a discharge date; else the layout or their labels tell.
        progress: show a bar where reading takes long.
        text_needed: whether JSON Lines without text are malformed (needed to train, not to measure predictions).
        evidence: whether evidence marked on a parallel text in another language is moved onto the English one, which
            takes seconds; evidence on the text itself is always read.

    Raises:
        LabelledSourceError: nothing of a known layout is there, or a file of it cannot be read.
    """
    found, source, layout_day = _read(path, progress, text_needed, evidence)
    if not found.notes:
        first = f"; the first: {found.rejected[0].where}: {found.rejected[0].reason}" if found.rejected else ""
        raise LabelledSourceError(f"{path}: no labelled note in it, {len(found.rejected)} rejected{first}")
    undated = [n for n in found.notes if n.discharge_date is None] or found.notes
    labels = Counter(c for n in undated for c in n.codes)
    if as_of is not None or layout_day is not None:
        told_by = "as_of" if as_of is not None else "layout"
        day = as_of or layout_day
        assert day is not None
        share = share_held(labels, day)
    else:
        told_by = "labels"
        day, share = told_by_labels(labels)
    return LabelledData(
        notes=tuple(found.notes),
        rejected=tuple(found.rejected),
        source=source,
        day=day,
        day_told_by=told_by,
        day_share=share,
        codes_rejected=found.codes_rejected,
        spans_rejected=found.spans_rejected,
        remarks=tuple(found.remarks),
    )


def _read(path: Path, progress: bool, text_needed: bool, evidence: bool) -> tuple[Found, str, date | None]:
    """What `path` holds, its layout in words, and the day of the layout's code set."""
    if path.is_file():
        if path.suffix not in (".jsonl", ".ndjson", ".json"):
            raise LabelledSourceError(f"{path} is no labelled source. Wanted: {_WANTED}")
        return read_lines(path, text_needed=text_needed), f"JSON Lines: {path.name}", None
    if not path.is_dir():
        raise LabelledSourceError(f"{path} is not there. Wanted: {_WANTED}")
    parts = codiesp.parts(path)
    if parts:
        names = ", ".join(p.resolve().name for p in parts)
        return codiesp.read_parts(parts, evidence=evidence), f"CodiEsp layout: {names}", codiesp.DAY
    notes, gold = path / "notes.jsonl", path / "gold.jsonl"
    if notes.is_file() and gold.is_file():
        return read_notes_and_gold(notes, gold), f"notes.jsonl and gold.jsonl: {path.resolve().name}", None
    files = mimic.find(path)
    if files is not None:
        return mimic.read(files, progress=progress), "MIMIC-IV with MIMIC-IV-Note", None
    raise LabelledSourceError(f"{path} holds no labelled source that is known. Wanted: {_WANTED}")
