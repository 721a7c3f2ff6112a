"""Labelled notes as JSON Lines: one object a line, malformed ones rejected with their number and the reason.

`{"record_id", "text", "codes", "evidence"?, "split"?, "discharge_date"?, "setting"?, "patient_id"?, "document_type"?,
"disputed"?}`. A code is a string or `{"code", "evidence"?: [{"start", "end"}], "quotes"?: ["…"]}`; top-level `evidence`
is a list of `{"code", "start", "end"}`. A quote is evidence where it first stands in the text. Other keys are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from medcode_ml.coding.labelled.note import (
    DEV,
    TEST,
    TRAIN,
    EvidenceSpan,
    LabelledNote,
    written_code,
    written_codes,
)
from medcode_ml.models.labelled_files import Rejected, json_objects, line_of

SPLITS: Final = {"train": TRAIN, "dev": DEV, "val": DEV, "valid": DEV, "validation": DEV, "test": TEST}
SETTINGS: Final = frozenset({"inpatient", "outpatient"})
_WHAT: Final = "labelled notes"


@dataclass
class Found:
    """What was read of one or more files, before its code set is known."""

    notes: list[LabelledNote] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    codes_rejected: int = 0
    spans_rejected: int = 0
    remarks: list[str] = field(default_factory=list)


class _LineError(ValueError):
    """What is wrong with one line."""


def read_lines(path: Path, *, text_needed: bool = True) -> Found:
    """Read labelled notes of one JSON Lines file.

    Args:
        path: the file.
        text_needed: whether a line without text is malformed; predictions can be measured without the texts.

    Raises:
        LabelledSourceError: the file cannot be opened.
    """
    found = Found()
    first_line: dict[str, int] = {}
    for number, record in json_objects(path, found.rejected, _WHAT):
        try:
            note = _note(record, found, text_needed)
            if note.record_id in first_line:
                raise _LineError(f"its record_id stands on line {first_line[note.record_id]} too; give each its own")
        except _LineError as wrong:
            found.rejected.append(Rejected(line_of(path, number), str(wrong)))
            continue
        first_line[note.record_id] = number
        found.notes.append(note)
    return found


def read_notes_and_gold(notes: Path, gold: Path) -> Found:
    """Read coded notes kept in two files: the input of `medcode code`, and the codes by record_id.

    A note without codes in `gold`, and codes without a note, are rejected.

    Raises:
        LabelledSourceError: a file cannot be opened.
    """
    found = Found()
    truths: dict[str, tuple[int, dict[str, Any]]] = {}
    for number, record in json_objects(gold, found.rejected, _WHAT):
        record_id = record.get("record_id")
        if not isinstance(record_id, str) or record_id in truths:
            reason = "record_id is missing, no text, or stands twice"
            found.rejected.append(Rejected(line_of(gold, number), reason))
            continue
        truths[record_id] = (number, record)
    for number, record in json_objects(notes, found.rejected, _WHAT):
        truth = truths.pop(str(record.get("record_id")), None)
        if truth is None:
            reason = f"{gold.name} has no codes for this record_id, or gave them to an earlier line"
            found.rejected.append(Rejected(line_of(notes, number), reason))
            continue
        try:
            found.notes.append(_note({**truth[1], **record, "codes": truth[1].get("codes")}, found, True))
        except _LineError as wrong:
            found.rejected.append(Rejected(line_of(notes, number), str(wrong)))
    for number, _ in truths.values():
        found.rejected.append(Rejected(line_of(gold, number), f"{notes.name} has no note with this record_id"))
    return found


def _note(record: dict[str, Any], found: Found, text_needed: bool) -> LabelledNote:
    record_id = record.get("record_id")
    if not isinstance(record_id, str) or not record_id:
        raise _LineError("record_id is missing or no text")
    text = record.get("text")
    if text is None and not text_needed:
        text = ""
    if not isinstance(text, str) or (text_needed and not text.strip()):
        raise _LineError("text is missing, empty or no text")
    if not isinstance(record.get("codes"), list):
        raise _LineError("codes is missing or no list; an empty list says that nothing is to be coded")
    labels, spans, lost = _labels(record["codes"], text)
    spans += _spans(_list(record, "evidence"), None)
    codes, not_codes = written_codes(labels)
    disputed, not_disputed = written_codes(_list(record, "disputed"))
    evidence, outside = _inside(spans, text, frozenset(codes) | frozenset(disputed))
    note = LabelledNote(
        record_id=record_id,
        text=text,
        codes=codes,
        evidence=evidence,
        setting=_setting(record),
        discharge_date=_day(record),
        patient_id=_optional(record, "patient_id"),
        document_type=_optional(record, "document_type"),
        split=_split(record),
        disputed=frozenset(disputed) - frozenset(codes),
    )
    # counted only once the whole line is good: a rejected line is counted as a line
    found.codes_rejected += not_codes + not_disputed
    found.spans_rejected += (lost + outside) if text else 0
    return note


def _labels(codes: list[Any], text: str) -> tuple[list[Any], list[tuple[str, int, int]], int]:
    """Labels, their spans, and the number of quotes that the text does not hold."""
    labels: list[Any] = []
    spans: list[tuple[str, int, int]] = []
    lost = 0
    for entry in codes:
        if not isinstance(entry, dict):
            labels.append(entry)
            continue
        if not isinstance(entry.get("code"), str):
            raise _LineError('a code is neither a string nor an object {"code", "evidence"?}')
        labels.append(entry["code"])
        spans += _spans(_list(entry, "evidence"), entry["code"])
        for quote in _list(entry, "quotes"):
            start = text.find(quote) if isinstance(quote, str) and quote else -1
            if start < 0:
                lost += 1
            else:
                spans.append((entry["code"], start, start + len(quote)))
    return labels, spans, lost


def _spans(entries: list[Any], code: str | None) -> list[tuple[str, int, int]]:
    spans = []
    for entry in entries:
        place = entry if isinstance(entry, dict) else {}
        own, start, end = place.get("code", code), place.get("start"), place.get("end")
        if not (isinstance(own, str) and type(start) is int and type(end) is int):
            raise _LineError('evidence must be {"start", "end"} in whole characters, with "code" outside of codes')
        spans.append((own, start, end))
    return spans


def _inside(
    spans: list[tuple[str, int, int]], text: str, codes: frozenset[str]
) -> tuple[tuple[EvidenceSpan, ...], int]:
    """Spans of known codes that lie inside the text, by place, each once; and how many do not."""
    good = set()
    outside = 0
    for label, start, end in spans:
        code = written_code(label)
        if code in codes and 0 <= start < end <= len(text):
            good.add((start, end, code))
        else:
            outside += 1
    return tuple(EvidenceSpan(code, start, end) for start, end, code in sorted(good)), outside


def _list(record: dict[str, Any], key: str) -> list[Any]:
    value = record.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _LineError(f"{key} is no list")
    return value


def _optional(record: dict[str, Any], key: str) -> str | None:
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _LineError(f"{key} is no text")


def _setting(record: dict[str, Any]) -> str | None:
    value = record.get("setting")
    if value is not None and value not in SETTINGS:
        raise _LineError('setting must be "inpatient" or "outpatient"')
    return value


def _split(record: dict[str, Any]) -> str | None:
    value = record.get("split")
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in SPLITS:
        raise _LineError(f"split must be one of {', '.join(SPLITS)}")
    return SPLITS[value.lower()]


def _day(record: dict[str, Any]) -> date | None:
    value = record.get("discharge_date")
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _LineError("discharge_date is not written YYYY-MM-DD") from None
