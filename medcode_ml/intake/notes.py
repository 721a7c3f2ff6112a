"""Collections of notes without a hospital around them: each note becomes a document, an encounter and a patient.

Kinds: `mtsamples` (a CSV of dictated notes), `aci_bench` (a CSV of visit notes, with its metadata file where it lies
beside), `codiesp` (a folder of text files) and `jsonl` (record_id, text, setting?, discharge_date?, document_type?).

What a collection does not hold stays missing: birth dates (an age in the text is not read), identifiers, admission
data, mostly the discharge date. Filtering and billing then hold such records and say why. `as_of` gives the notes that
have no discharge date one to be coded by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from medcode_ml.intake.delimited import ReadTable, escaped, read_csv
from medcode_ml.intake.document_types import DOCUMENT_TYPES
from medcode_ml.intake.folder import read_text_file
from medcode_ml.intake.source import (
    DEFAULT_RECEIVED,
    WHOLE_FILE,
    DeliveredFile,
    DeliveryError,
    TextDecodeError,
    delivered_file,
    rejections,
)
from medcode_ml.logs import logger

HOSPITAL_ID: Final = "notes"
_TITLES: Final = {
    "history and physical": "history_and_physical",
    "discharge summary": "discharge_summary",
    "operative note": "operative_note",
}
_SEX: Final = {"male": "M", "female": "F"}


@dataclass
class _Notes:
    """Notes of one file: rows to land (one dict each) and rejections."""

    file: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: pd.DataFrame = field(default_factory=lambda: rejections([]))


class NotesSource:
    """A collection of notes, all received on one day."""

    name = "notes"

    def __init__(self, kind: str, path: Path, received: date = DEFAULT_RECEIVED, *, as_of: date | None = None) -> None:
        """Read the collection `kind` (a key of `KINDS`) at `path`: a file, or for `codiesp` a folder.

        Raises:
            DeliveryError: the kind is unknown.
        """
        if kind not in KINDS:
            raise DeliveryError(f"no collection of notes is of kind {kind!r}; known: {', '.join(KINDS)}")
        self.kind = kind
        self.path = path
        self.received = received
        self.as_of = as_of

    def received_dates(self) -> list[date]:
        """The one received day."""
        return [self.received]

    def read(self, day: date, tables: Collection[str] | None = None) -> Iterator[DeliveredFile]:
        """The stand-in hospital, then patients, encounters and documents of each file; nothing on any other day.

        Raises:
            DeliveryError: the collection does not exist.
        """
        if day != self.received:
            return
        yield from (file for file in self._read_tables() if tables is None or file.table in tables)

    def _read_tables(self) -> Iterator[DeliveredFile]:
        if not self.path.exists():
            raise DeliveryError(f"{self.path}: there is no such collection of notes; set MEDCODE_SOURCE_DIR to it")
        name = f"Notes (stand-in for the hospitals of {self.kind})"
        hospital = pd.DataFrame([{"hospital_id": HOSPITAL_ID, "name": name, "source_line": WHOLE_FILE}])
        yield delivered_file("hospital", "stand-in", hospital)
        for notes in KINDS[self.kind](self.path):
            yield from self._tables(notes)

    def page_path(self, day: date, file: str) -> Path:
        """Notes are text, never page files.

        Raises:
            DeliveryError: always.
        """
        raise DeliveryError("source notes has no page files; its notes are text")

    def _tables(self, notes: _Notes) -> Iterator[DeliveredFile]:
        columns = ["record_id", "text", "document_type", "setting", "discharge_date", "sex", "last_name", "first_name"]
        rows = pd.DataFrame(notes.rows, columns=[*columns, "source_line"], dtype=object)
        rows["hospital_id"] = HOSPITAL_ID
        # A collection knows notes only: the note's id stands for its patient and its encounter as well.
        rows["mrn"] = rows["encounter_number"] = rows["record_id"]
        default_day = None if self.as_of is None else self.as_of.isoformat()
        rows["discharge_date"] = [default_day if found is None else found for found in rows["discharge_date"]]
        yield delivered_file("patient", notes.file, rows)
        yield delivered_file("encounter", notes.file, rows)
        yield delivered_file("scanned_record", notes.file, rows, notes.rejected)


def _note(record_id: str | None, text: str | None, line: int, **known: str | None) -> dict[str, Any]:
    blank = dict.fromkeys(("setting", "discharge_date", "sex", "last_name", "first_name"))
    return {**blank, "document_type": "other", **known, "record_id": record_id, "text": text, "source_line": line}


def _csv(path: Path, needed: tuple[str, ...]) -> ReadTable:
    def fault(header: list[str]) -> tuple[str, str] | None:
        missing = ", ".join(column for column in needed if column not in header)
        reason = f"{path.name}, line 1: column {missing} is missing; take the file from the collection unchanged"
        return ("missing_column", reason) if missing else None

    return read_csv(path, path.name, fault)


def _records(read: ReadTable) -> list[dict[str, Any]]:
    return read.rows.to_dict("records")  # type: ignore[return-value]


def _mtsamples(path: Path) -> Iterator[_Notes]:
    """Columns note_no, note_title, note_text. A discharge summary ends an inpatient stay; other notes do not say."""
    read = _csv(path, ("note_no", "note_title", "note_text"))
    notes = _Notes(path.name, rejected=read.rejected)
    for row in _records(read):
        kind = _TITLES.get((row["note_title"] or "").strip().lower(), "other")
        setting = "inpatient" if kind == "discharge_summary" else None
        number = None if row["note_no"] is None else f"mtsamples-{row['note_no']}"
        found = _note(number, row["note_text"], row["source_line"], document_type=kind, setting=setting)
        notes.rows.append(found)
    yield notes


def _aci_bench(path: Path) -> Iterator[_Notes]:
    """Columns encounter_id and note: visits, so outpatient. The dialogue is no part of the record."""
    read = _csv(path, ("encounter_id", "note"))
    metadata = path.with_name(f"{path.stem}_metadata.csv")
    people: dict[str, dict[str, Any]] = {}
    if metadata.is_file():
        beside = _csv(metadata, ("encounter_id",))
        people = {row["encounter_id"]: row for row in _records(beside)}
        if len(beside.rejected):
            logger("intake.notes").warning("%s: %d lines cannot be read", metadata.name, len(beside.rejected))
    notes = _Notes(path.name, rejected=read.rejected)
    for row in _records(read):
        person = people.get(row["encounter_id"], {})
        name = {key: (person.get(column) or "").strip() or None for key, column in _ACI_NAMES.items()}
        sex = _SEX.get((person.get("patient_gender") or "").strip().lower())
        found = _note(
            row["encounter_id"], row["note"], row["source_line"],
            document_type="clinic_note", setting="outpatient", sex=sex, **name,
        )  # fmt: skip
        notes.rows.append(found)
    yield notes


_ACI_NAMES: Final = {"last_name": "patient_familyname", "first_name": "patient_firstname"}


def _codiesp(path: Path) -> Iterator[_Notes]:
    """A folder of .txt case reports, or one that holds `text_files_en` (machine translation, read when present).

    The folder counts as one delivered file and each text as one line of it, in the order of the names.
    """
    inside = [path / name for name in ("text_files_en", "text_files") if (path / name).is_dir()]
    folder = inside[0] if inside else path
    files = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    if not files:
        raise DeliveryError(
            f"{path}: there are no .txt files here or in text_files_en/; set MEDCODE_SOURCE_DIR to them"
        )
    notes = _Notes(folder.relative_to(path).as_posix())
    found = []
    for number, file in enumerate(files, start=1):
        try:
            notes.rows.append(_note(file.stem, read_text_file(file), number))
        except TextDecodeError as error:
            found.append((number, "not_utf8", f"{file.name}: {error}", None))
    notes.rejected = rejections(found)
    yield notes


def _jsonl(path: Path) -> Iterator[_Notes]:
    """One JSON object a line; keys that are not known are left behind, blank lines are no records."""
    notes = _Notes(path.name)
    found: list[tuple[int, str, str, str | None]] = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        note = _json_note(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, number)
        if isinstance(note, dict):
            notes.rows.append(note)
        else:
            rule, what = note
            original = escaped(line.decode("utf-8", "surrogateescape").rstrip("\r"))
            found.append((number, rule, f"{path.name}, line {number}: {what} and deliver it again", original))
    notes.rejected = rejections(found)
    yield notes


def _json_note(line: bytes, number: int) -> dict[str, Any] | tuple[str, str]:
    """The note of a line, or (rule, what is wrong and the remedy)."""
    try:
        given = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return "not_utf8", f"byte {error.start} is not UTF-8; save the line as UTF-8"
    except (json.JSONDecodeError, RecursionError):
        return "malformed_json", "not a JSON object; correct the line"
    if not isinstance(given, dict):
        return "malformed_json", "not a JSON object; correct the line"
    keys = ("record_id", "text", "setting", "discharge_date", "document_type")
    values = {key: given.get(key) for key in keys}
    for key, value in values.items():
        if value is not None and not isinstance(value, str):
            return "wrong_type", f"{key} is not a string; write it in quotes"
        if value is not None and ("\0" in value or any("\ud800" <= character <= "\udfff" for character in value)):
            return "unstorable_text", f"{key} holds a NUL or half a surrogate pair; remove it"
    if not values["record_id"] or not values["text"]:
        return "missing_key", "record_id or text is missing; add it"
    if values["document_type"] not in DOCUMENT_TYPES:
        values["document_type"] = "other"
    return _note(values.pop("record_id"), values.pop("text"), number, **{k: v or None for k, v in values.items()})


#: kind -> reader of a collection
KINDS: Final[dict[str, Callable[[Path], Iterator[_Notes]]]] = {
    "mtsamples": _mtsamples,
    "aci_bench": _aci_bench,
    "codiesp": _codiesp,
    "jsonl": _jsonl,
}
