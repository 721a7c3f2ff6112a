"""What the message doors (HL7 v2, FHIR) found on one day, gathered until the day is whole, then handed on as tables.

A message tells less than a table row, and more than once: every message repeats its patient and encounter, a later
document replaces an earlier one, a corrected result follows a first one. So nothing is final before the last message
has been read. Patients, encounters and the fate of each document are kept in memory; documents and results wait in an
unnamed temporary file, so that memory stays flat.

- Patients and encounters: one row each; of what the day's messages say the newest stands. Where a table file of the
  day registers them, that row stands alone.
- Documents and results that a later message replaces, cancels or corrects are set aside with that reason.
- A document or result whose message names another person (family name and birth date) than its number belongs to is
  set aside.
"""

from __future__ import annotations

import json
import pickle
import re
import tempfile
from array import array
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.intake.source import DeliveredFile, delivered_file, rejections

Row = dict[str, str | None]
Key = tuple[str | None, ...]

MAX_ORIGINAL: Final = 1_000_000
"""Characters kept of a message that is set aside; the rest is in the delivered file."""
LINES_BESIDE_TABLE: Final = 1_000_000
"""Results of messages are numbered from here where a table file of the day numbers its own."""
CANCELS_DOCUMENT: Final = "cancels_document"
"""Rule under which a message stands that only takes a document back."""
_IN_MEMORY: Final = 32 * 2**20
_CHUNK: Final = 2_000
_PART_ROWS: Final = 20_000
_PART_CHARACTERS: Final = 32 * 2**20
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
#: what tells two people, and two stays, apart
_TELLING: Final = {
    "patient": ("last_name", "birth_date", "sex"), "encounter": ("mrn", "admission_date", "discharge_date"),
}  # fmt: skip


class Person(NamedTuple):
    """Who a message says it is about."""

    last_name: str | None
    birth_date: str | None


class Place(NamedTuple):
    """Where a message stands."""

    file: str
    line: int


class Rejection(NamedTuple):
    """Something set aside, of one delivered table."""

    table: str
    place: Place
    rule: str
    reason: str
    original: str | None


class _Waiting(NamedTuple):
    """A row that waits for the end of the day; `number` is its place among the day's documents or results."""

    table: str
    place: Place
    row: Row
    person: Person
    number: int


@dataclass
class _Snapshot:
    when: int
    row: Row
    place: Place


@dataclass
class _Part:
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[tuple[int, str, str, str | None]] = field(default_factory=list)
    characters: int = 0


def shortened(original: str) -> str:
    """`original` as far as it is kept; NUL and halves of characters as backslash escapes."""
    text = original.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if len(text) <= MAX_ORIGINAL:
        return text
    return f"{text[:MAX_ORIGINAL]} [{len(text) - MAX_ORIGINAL} more characters in the delivered file]"


class Gathering:
    """The messages of one day; times (`when`) are numbers YYYYMMDDHHMMSS, 0 where the message has none."""

    def __init__(self, *, results_beside_table: bool = False) -> None:
        self._first_line = LINES_BESIDE_TABLE if results_beside_table else 0
        self._snapshots: dict[str, dict[Key, _Snapshot]] = {"patient": {}, "encounter": {}}
        self._registered: dict[str, dict[Key, Row]] = {"patient": {}, "encounter": {}}
        self._newest: dict[Key, tuple[int, int]] = {}
        self._withdrawn: dict[Key, tuple[tuple[int, int], str, str]] = {}
        self._notices: list[tuple[Key, Rejection]] = []
        self._documents = 0
        self._steps = 0
        self._document_orders: dict[int, tuple[Key, tuple[int, int]]] = {}
        self._result_keys = array("Q")
        self._result_times = array("Q")
        self._chunk: list[_Waiting | Rejection] = []
        self._spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `files`
        self._cut: set[str] = set()

    # --- what the doors say -------------------------------------------------------------------------------------------

    def snapshot(self, table: str, row: Row, place: Place, when: int) -> None:
        """A patient or encounter as one message has it: newer values stand, older ones fill what newer ones lack."""
        key = tuple(row.get(column) for column in DELIVERED[table][1])
        known = self._snapshots[table].get(key)
        if known is None:
            self._snapshots[table][key] = _Snapshot(when, row, place)
        elif when >= known.when:
            self._snapshots[table][key] = _Snapshot(when, _filled(row, known.row), place)
        else:
            known.row = _filled(known.row, row)

    def document(self, row: Row, place: Place, when: int, person: Person) -> None:
        """A document; one with the same number in a newer message takes its place."""
        key = (row["hospital_id"], row["record_id"])
        order = (when, self._step())
        self._documents += 1
        self._document_orders[self._documents] = (key, order)
        self._newest[key] = max(order, self._newest.get(key, order))
        self._wait(_Waiting("scanned_record", place, row, person, self._documents))

    def withdraw(
        self, hospital: str, record_id: str, when: int, fate: tuple[str, str], notice: Rejection | None = None
    ) -> None:
        """A message takes a document back; one that is newer still counts.

        `fate` is (rule, what is wrong) of the document. `notice` is set aside at the end: always where the message
        brings nothing else (`cancels_document`), else where no message of the day has brought the document, so that
        the one that an earlier delivery brought does not stand unnoticed.
        """
        key = (hospital, record_id)
        order = (when, self._step())
        known = self._withdrawn.get(key)
        if known is None or order >= known[0]:
            self._withdrawn[key] = (order, *fate)
        if notice is not None:
            self._notices.append((key, notice))

    def observation(self, row: Row, place: Place, when: int, person: Person, result: Key | None) -> None:
        """A result; `result` names it, so that a newer message about the same one takes its place."""
        self._result_keys.append(_hashed((row["hospital_id"], row["encounter_number"], *result)) if result else 0)
        self._result_times.append(when)
        self._wait(_Waiting("observation", place, row, person, len(self._result_keys) - 1))

    def take_back_result(self, hospital: str | None, encounter: str | None, when: int, result: Key) -> None:
        """A message deletes a result: earlier ones of that name are superseded."""
        self._result_keys.append(_hashed((hospital, encounter, *result)))
        self._result_times.append(when)

    def reject(self, table: str, place: Place, rule: str, reason: str, original: str | None) -> None:
        """Something that cannot be landed."""
        kept = None if original is None else shortened(original)
        self._wait(Rejection(table, place, rule, reason, kept))

    def cut(self, file: str) -> None:
        """The file is seen to end too early."""
        self._cut.add(file)

    # --- what the day's tables say ------------------------------------------------------------------------------------

    def register(self, part: DeliveredFile) -> None:
        """Remember what table files say of the patients and encounters that messages tell of as well."""
        told = self._snapshots.get(part.table)
        if not told or part.rows.empty:
            return
        columns = list(DELIVERED[part.table][1])
        keys = pd.MultiIndex.from_frame(part.rows[columns])
        shared = part.rows[keys.isin(list(told))]
        for key, row in zip(zip(*(shared[c] for c in columns), strict=True), shared.to_dict("records"), strict=True):
            self._registered[part.table].setdefault(key, {str(name): value for name, value in row.items()})

    # --- what is handed on --------------------------------------------------------------------------------------------

    def files(self, tables: Collection[str] | None = None) -> Iterator[DeliveredFile]:
        """Everything gathered, as parts of delivered tables; ends the gathering."""
        wanted = set(DELIVERED if tables is None else tables)
        parts: dict[tuple[str, str], _Part] = {}
        superseded = self._superseded_results() if "observation" in wanted else None
        lines: dict[Key, int] = {}
        for waiting in self._read_back():
            if waiting.table not in wanted:
                continue
            name = (waiting.table, waiting.place.file)
            part = parts.setdefault(name, _Part())
            if isinstance(waiting, Rejection):
                part.rejected.append((waiting.place.line, waiting.rule, waiting.reason, waiting.original))
                part.characters += len(waiting.original or "")
            else:
                self._settle(part, waiting, superseded, lines)
            if len(part.rows) + len(part.rejected) >= _PART_ROWS or part.characters > _PART_CHARACTERS:
                yield self._made(name, parts.pop(name))
        if "scanned_record" in wanted:
            for key, notice in self._notices:
                if key not in self._newest or notice.rule == CANCELS_DOCUMENT:
                    line = (notice.place.line, notice.rule, notice.reason, shortened(notice.original or ""))
                    parts.setdefault((notice.table, notice.place.file), _Part()).rejected.append(line)
        for table in ("patient", "encounter"):
            if table in wanted:
                self._snapshot_parts(table, parts)
        for name, part in parts.items():
            yield self._made(name, part)

    def _settle(
        self, part: _Part, waiting: _Waiting, superseded: np.ndarray[Any, Any] | None, lines: dict[Key, int]
    ) -> None:
        place, row = waiting.place, waiting.row
        fault = _unstorable(row) or self._another_person(waiting)
        if fault is None and waiting.table == "scanned_record":
            fault = self._document_fate(waiting.number)
        elif fault is None and superseded is not None and superseded[waiting.number]:
            fault = "superseded_result", "a later message gives the result again or takes it back; that one stands"
        if fault is not None:
            rule, what = fault
            original = shortened(_as_json(row))
            part.rejected.append((place.line, rule, f"{place.file}, line {place.line}: {what}", original))
            part.characters += len(original)
            return
        made: dict[str, Any] = {**row, "source_line": place.line}
        if waiting.table == "observation":
            key = (row["hospital_id"], row["encounter_number"])
            lines[key] = lines.get(key, self._first_line) + 1
            made["line_number"] = str(lines[key])
        part.rows.append(made)
        part.characters += len(row.get("text") or "")

    def _another_person(self, waiting: _Waiting) -> tuple[str, str] | None:
        key = (waiting.row["hospital_id"], waiting.row.get("mrn"))
        registered = self._registered["patient"].get(key)
        if registered is None and key in self._snapshots["patient"]:
            registered = self._snapshots["patient"][key].row
        if registered is None:
            return None
        name, born = registered.get("last_name"), registered.get("birth_date")
        other_name = bool(name and waiting.person.last_name and _folded(name) != _folded(waiting.person.last_name))
        other_birth = bool(born and waiting.person.birth_date and born != waiting.person.birth_date)
        if not (other_name and other_birth):
            return None
        return "names_another_person", (
            "the message names another person (family name and birth date) than the one its record number belongs to; "
            "have the sender say whose it is"
        )

    def _document_fate(self, number: int) -> tuple[str, str] | None:
        key, order = self._document_orders[number]
        if order != self._newest[key]:
            return "superseded_document", "a later message has the document again; that one stands"
        if key in self._withdrawn and self._withdrawn[key][0] > order:
            _, rule, reason = self._withdrawn[key]
            return rule, reason
        return None

    def _superseded_results(self) -> np.ndarray[Any, Any]:
        """Whether each result is followed by a newer one of the same name; shape (results,)."""
        keys = np.frombuffer(self._result_keys, dtype=np.uint64) if self._result_keys else np.empty(0, np.uint64)
        times = np.frombuffer(self._result_times, dtype=np.uint64) if self._result_times else np.empty(0, np.uint64)
        order = np.lexsort((np.arange(len(keys)), times, keys))
        followed = np.zeros(len(keys), dtype=bool)
        same = keys[order][:-1] == keys[order][1:]
        followed[order[:-1][same]] = True
        return followed & (keys != 0)

    def _snapshot_parts(self, table: str, parts: dict[tuple[str, str], _Part]) -> None:
        for key, snapshot in self._snapshots[table].items():
            place = snapshot.place
            part = parts.setdefault((table, place.file), _Part())
            registered = self._registered[table].get(key)
            unstorable = _unstorable(snapshot.row)
            if unstorable is not None:
                rule, what = unstorable
                reason = f"{place.file}, line {place.line}: {what}"
                part.rejected.append((place.line, rule, reason, shortened(_as_json(snapshot.row))))
                continue
            if registered is None:
                part.rows.append({**snapshot.row, "source_line": place.line})
                continue
            other = [
                column
                for column in _TELLING[table]
                if snapshot.row.get(column)
                and registered.get(column)
                and _folded(snapshot.row[column]) != _folded(registered[column])
            ]
            if other:
                part.rejected.append(
                    (
                        place.line, "differs_from_register",
                        f"{place.file}, line {place.line}: {', '.join(other)} of the {table} is not what the day's "
                        f"{table} table says; that one stands, have the hospital say which is right",
                        shortened(_as_json(snapshot.row)),
                    )
                )  # fmt: skip

    def _made(self, name: tuple[str, str], part: _Part) -> DeliveredFile:
        table, file = name
        rows = pd.DataFrame(part.rows, dtype=object) if part.rows else pd.DataFrame({"source_line": []})
        # A row that lacks a column another one has would get NaN there.
        rows = rows.astype(object).where(rows.notna(), None)
        return delivered_file(table, file, rows, rejections(part.rejected), complete=file not in self._cut)

    # --- waiting ------------------------------------------------------------------------------------------------------

    def _step(self) -> int:
        self._steps += 1
        return self._steps

    def _wait(self, one: _Waiting | Rejection) -> None:
        self._chunk.append(one)
        if len(self._chunk) >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        pickle.dump(self._chunk, self._spool, pickle.HIGHEST_PROTOCOL)
        self._chunk = []

    def _read_back(self) -> Iterator[_Waiting | Rejection]:
        self._flush()
        with self._spool as spool:
            end = spool.tell()
            spool.seek(0)
            while spool.tell() < end:
                yield from pickle.load(spool)  # our own writing, in a file that has no name


def _as_json(row: Row) -> str:
    return json.dumps({name: value for name, value in row.items() if value is not None}, ensure_ascii=False)


def _unstorable(row: Row) -> tuple[str, str] | None:
    """Why PostgreSQL cannot hold the row as text, or None."""
    if any(value is not None and _UNSTORABLE.search(value) for value in row.values()):
        return "nul_byte", "holds a NUL or half a character; remove it and send the message again"
    return None


def _filled(row: Row, older: Mapping[str, str | None]) -> Row:
    return {**older, **{name: value for name, value in row.items() if value is not None}}


def _folded(value: str | None) -> str:
    return "".join(c for c in (value or "").casefold() if c.isalnum())


def _hashed(key: Key) -> int:
    text = "\x1f".join("" if part is None else part for part in key)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) | 1
