"""The HL7 v2 door: MDM documents, ORU results and reports, ADT registrations become delivered rows.

- MDM T02, T04, T06, T08, T10: a document each. A newer one with the same unique number (TXA-12) takes the place of an
  earlier one; a replacement or edit that names a parent (TXA-13) takes the parent's place; an addendum (T06) stands
  beside it. T11, and an availability (TXA-19) of cancelled, obsolete or unavailable, take the document back.
- ORU R01 (also R30, R31, R32): a result for each OBX; the text and files of imaging, pathology or any long report
  become a document.
- ADT A01-A08, A13, A28, A31: patient and encounter alone.

Whatever else comes, and whatever is broken, is set aside with its line and reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medcode_ml.intake import hl7_fields as fields
from medcode_ml.intake.attachments import AttachmentError, as_text, from_base64, keep_attachment, page_suffix
from medcode_ml.intake.document_types import OTHER, document_type
from medcode_ml.intake.gathering import CANCELS_DOCUMENT, Gathering, Key, Person, Place, Rejection, Row
from medcode_ml.intake.hl7_messages import Framed, Message, MessageError, Segment, parse_message, read_messages
from medcode_ml.intake.senders import Senders

_CONTENT: Final = frozenset({"T02", "T04", "T06", "T08", "T10"})
_ANNOUNCED: Final = frozenset({"T01", "T03", "T05", "T07", "T09"})
_RESULTS: Final = frozenset({"R01", "R30", "R31", "R32"})
_REGISTRATIONS: Final = frozenset({"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A13", "A28", "A31"})
_TABLES: Final = {"MDM": "scanned_record", "ORU": "observation", "ADT": "encounter"}
_UNFINISHED: Final = frozenset({"IN", "IP"})  # HL7 table 0271
_WITHDRAWN: Final = frozenset({"CA", "OB", "UN"})  # HL7 table 0273
_TEXT: Final = frozenset({"TX", "FT"})
_FILES: Final = frozenset({"ED", "RP"})
_REPORTS: Final = frozenset({"radiology_report", "pathology_report"})
_REPORT_LINES: Final = 3
_REPORT_CHARACTERS: Final = 200
#: ED type and subtype -> media type
_SUBTYPES: Final = {
    "PDF": "application/pdf", "TIFF": "image/tiff", "TIF": "image/tiff", "PNG": "image/png", "JPEG": "image/jpeg",
    "JPG": "image/jpeg", "HTML": "text/html", "PLAIN": "text/plain", "TXT": "text/plain", "RTF": "text/rtf",
    "XML": "text/xml",
}  # fmt: skip
_REPLACED: Final = ("replaced_document", "a later message replaces the document; that one stands")
_CANCELLED: Final = ("cancelled_document", "the sender cancelled the document")


@dataclass(frozen=True)
class _About:
    """Whom and what a part of a message is about."""

    hospital: str
    mrn: str
    encounter: str
    person: Person


class Hl7Door:
    """Takes files of HL7 v2 messages into a day's gathering."""

    def __init__(self, gathering: Gathering, senders: Senders, attachments_dir: Path) -> None:
        """Page files inside messages are kept under `attachments_dir`."""
        self._gathering = gathering
        self._senders = senders
        self._attachments_dir = attachments_dir
        self._told: Counter[Key] = Counter()

    def take(self, path: Path, file: str) -> None:
        """Take every message of a file; it never raises for what the file holds."""
        try:
            for framed in read_messages(path):
                if framed.too_early:
                    self._gathering.cut(file)
                self._take(framed, file)
        except OSError as error:
            reason = f"{file}: cannot be read to its end ({type(error).__name__}); deliver the file again"
            self._gathering.cut(file)
            self._gathering.reject("scanned_record", Place(file, 0), "unreadable_file", reason, None)

    def _take(self, framed: Framed, file: str) -> None:
        table = _table(framed)
        try:
            message = parse_message(framed)
            kind, event = message.head.value(9), message.head.value(9, 2)
            if message.head.value(11) in ("T", "D"):
                raise MessageError("test_message", framed.line, "MSH-11 marks it as a test; send it as production")
            if kind == "MDM" and event in _CONTENT | _ANNOUNCED | {"T11"}:
                self._document(message, Place(file, framed.line), event, framed)
            elif kind == "ORU" and event in _RESULTS:
                self._results(message, file)
            elif kind == "ADT" and event in _REGISTRATIONS:
                self._about(message, message.first("PID"), message.first("PV1"), file, visit_needed=False)
            else:
                raise MessageError(
                    "message_type_not_taken", framed.line,
                    "messages of this type and event (MSH-9) are not taken (taken: MDM, ORU, ADT registrations)",
                )  # fmt: skip
        except MessageError as fault:
            where = f"{file}, line {fault.line}" if fault.line else file
            self._gathering.reject(table, Place(file, fault.line), fault.rule, f"{where}: {fault}", framed.original)

    def _about(
        self, message: Message, identity: Segment | None, visit: Segment | None, file: str, visit_needed: bool = True
    ) -> _About:
        if identity is None:
            raise MessageError("missing_segment", message.line, "the message has no PID; send it again whole")
        hospital = fields.hospital(message, visit, self._senders)
        if hospital is None:
            raise MessageError(
                "unknown_sender", message.line,
                "neither PV1-3.4 nor MSH-4 names a hospital; list the sender in senders.csv",
            )  # fmt: skip
        mrn = fields.record_number(identity, hospital, self._senders)
        if mrn is None:
            raise MessageError("no_record_number", identity.line, "PID-3 has no medical record number; send it again")
        when = fields.moment(message.head.value(7))
        row = fields.patient_row(identity, hospital, mrn)
        self._gathering.snapshot("patient", row, Place(file, identity.line), when)
        number = fields.visit_number(identity, visit)
        if number is None and visit_needed:
            raise MessageError(
                "no_visit_number", identity.line, "neither PV1-19 nor PID-18 has a visit number; send it again"
            )
        if visit is not None and number is not None:
            stay = fields.encounter_row(message, visit, hospital, mrn, number)
            self._gathering.snapshot("encounter", stay, Place(file, visit.line), when)
        return _About(hospital, mrn, number or "", Person(row["last_name"], row["birth_date"]))

    # --- documents ----------------------------------------------------------------------------------------------------

    def _document(self, message: Message, place: Place, event: str, framed: Framed) -> None:
        about = self._about(message, message.first("PID"), message.first("PV1"), place.file)
        head = message.first("TXA")
        if head is None:
            raise MessageError("missing_segment", message.line, "the message has no TXA; send it again whole")
        number, parent = head.value(12), head.value(13)
        if number is None:
            raise MessageError("no_document_number", head.line, "TXA-12 has no unique number; send it again with one")
        when = fields.moment(message.head.value(7))
        if event == "T11" or head.value(19) in _WITHDRAWN:
            reason = (
                f"{place.file}, line {place.line}: takes a document back; one that came this day is set aside, "
                "reject one that an earlier delivery brought"
            )
            notice = Rejection("scanned_record", place, CANCELS_DOCUMENT, reason, framed.original)
            self._gathering.withdraw(about.hospital, number, when, _CANCELLED, notice)
            return
        if event in _ANNOUNCED:
            raise MessageError(
                "document_without_content", message.line, "the message announces a document and brings none; send it"
            )
        if head.value(17) in _UNFINISHED:
            raise MessageError(
                "document_incomplete", head.line, "TXA-17 says the document is not complete; send it when it is"
            )
        # Written before anything is filed: a fault in the content is the message's fault.
        text, files = self._content([one for one in message.segments if one.name in ("OBX", "NTE")])
        if text is None and not files:
            raise MessageError("document_without_content", message.line, "the message has no content; send it again")
        row: Row = {
            "hospital_id": about.hospital,
            "record_id": number,
            "encounter_number": about.encounter,
            "mrn": about.mrn,
            "document_type": document_type("HL70270", head.value(2), head.value(2, 2), head.value(2, 4)) or OTHER,
            "written_date": fields.day(head.value(4) or head.value(6) or head.value(7)),
            "author_npi": fields.npi(head, 9) or fields.npi(head, 5),
            "text": text,
            "files": files,
            "replaces": parent if event in ("T08", "T10") and parent != number else None,
        }
        self._gathering.document(row, place, when, about.person)
        if row["replaces"] is not None:
            reason = (
                f"{place.file}, line {place.line}: replaces a document that an earlier delivery brought; "
                "reject that one"
            )
            notice = Rejection("scanned_record", place, "replaces_earlier_document", reason, None)
            self._gathering.withdraw(about.hospital, row["replaces"], when, _REPLACED, notice)

    def _content(self, parts: Sequence[Segment]) -> tuple[str | None, str | None]:
        """(text, names of page files) of the OBX and NTE segments of one document."""
        named = {fields.coded_name(one, 3)[0] for one in parts if one.name == "OBX" and one.value(2) not in _FILES}
        text: list[str] = []
        files: list[str] = []
        heading: str | None = None
        for one in parts:
            if one.name == "NTE":
                text += one.texts(3)
            elif one.value(2) in _FILES:
                self._file(one, text, files)
            elif (value := self._text(one)) is not None:
                name = fields.coded_name(one, 3)[0]
                if len(named) > 1 and name is not None and name != heading:
                    text.append(f"{name.rstrip(':')}:")
                heading = name
                text.append(value)
        return "\n".join(text) if any(part.strip() for part in text) else None, "|".join(files) or None

    def _text(self, part: Segment) -> str | None:
        """Text of one OBX; repetitions are lines, and a text keeps its own spaces."""
        if part.value(2) in ("TX", "FT", "ST", None):
            return "\n".join(part.texts(5)) if part.repetitions(5) else None
        return fields.result_value(part)

    def _file(self, part: Segment, text: list[str], files: list[str]) -> None:
        """Add what an ED or RP value holds: text, or the name of a page file."""
        for n in range(1, part.repetitions(5) + 1):
            try:
                if part.value(2) == "RP":
                    files.append(_delivered_name(part.value(5, 1, repetition=n)))
                    continue
                kind, subtype = part.value(5, 2, repetition=n), part.value(5, 3, repetition=n)
                media = _SUBTYPES.get((subtype or "").upper(), f"{kind or ''}/{subtype or ''}".lower())
                data = _decoded(part.value(5, 4, repetition=n), part.value(5, 5, repetition=n))
                suffix = page_suffix(data, media)
                if suffix is None:
                    text.append(as_text(data, media))
                else:
                    files.append(keep_attachment(self._attachments_dir, data, suffix))
            except AttachmentError as error:
                raise MessageError(error.rule, part.line, str(error)) from None

    # --- results ------------------------------------------------------------------------------------------------------

    def _results(self, message: Message, file: str) -> None:
        self._told.clear()
        about: _About | None = None
        identity: Segment | None = None
        order: Segment | None = None
        group: list[Segment] = []
        found = 0
        when = fields.moment(message.head.value(7))
        segments = message.segments
        for at, one in enumerate(segments):
            if one.name == "PID":
                identity, order = one, None
                visit = next((s for s in segments[at + 1 :] if s.name in ("PID", "PV1", "OBR")), None)
                about = self._about(message, one, visit if visit and visit.name == "PV1" else None, file)
            elif one.name == "OBR":
                order = one
            elif one.name in ("OBX", "NTE") and order is not None:
                group.append(one)
            ends = at + 1 == len(segments) or segments[at + 1].name in ("OBR", "PID")
            if ends and order is not None and about is not None and group:
                found += 1
                self._group(message, order, group, about, when, file)
            if ends:
                group = []
        if identity is None:
            raise MessageError("missing_segment", message.line, "the message has no PID; send it again whole")
        if not found:
            raise MessageError("missing_segment", message.line, "the message has no OBR with OBX; send it again whole")

    def _group(
        self, message: Message, order: Segment, group: list[Segment], about: _About, when: int, file: str
    ) -> None:
        """The results under one OBR: report text and files into a document, the rest into observations."""
        results = [one for one in group if one.name == "OBX"]
        kind = document_type("HL70074", order.value(24)) or document_type("LOINC", order.value(4), order.value(4, 4))
        texts = [one for one in results if one.value(2) in _TEXT]
        words = "\n".join(text for one in texts for text in one.texts(5))
        long = words.count("\n") + 1 >= _REPORT_LINES or len(words) >= _REPORT_CHARACTERS
        report = [one for one in results if one.value(2) in _FILES]
        if texts and (long or kind in _REPORTS):
            report = [one for one in results if one.value(2) in _TEXT | _FILES]
        if report:
            self._report(message, order, report, about, kind, when, file)
        for one in results:
            if one not in report:
                self._observation(message, order, one, about, when, file)

    def _report(
        self, message: Message, order: Segment, report: list[Segment], about: _About, kind: str | None, when: int,
        file: str,
    ) -> None:  # fmt: skip
        place = Place(file, order.line)
        number = order.value(3) or order.value(2) or message.head.value(10)
        named = "-".join(part for part in (number, order.value(4)) if part)
        try:
            if order.value(25) == "X":
                raise MessageError("cancelled_document", order.line, "OBR-25 says the report is cancelled")
            text, files = self._content(report)
        except MessageError as fault:
            where = f"{file}, line {fault.line}"
            original = "\n".join(str(one.texts(5)) for one in report)
            self._gathering.reject("scanned_record", place, fault.rule, f"{where}: {fault}", original)
            return
        row: Row = {
            "hospital_id": about.hospital,
            "record_id": named or None,
            "encounter_number": about.encounter,
            "mrn": about.mrn,
            "document_type": kind or OTHER,
            "written_date": fields.day(order.value(22) or order.value(7)),
            "author_npi": fields.npi(order, 32),
            "text": text,
            "files": files,
        }
        self._gathering.document(row, place, when, about.person)

    def _observation(
        self, message: Message, order: Segment, result: Segment, about: _About, when: int, file: str
    ) -> None:
        name, code, system = fields.coded_name(result, 3)
        place = Place(file, result.line)
        observed = result.value(14) or order.value(7)
        key: Key = (order.value(3) or order.value(2), order.value(4), code or name, result.value(4), observed)
        self._told[key] += 1  # results of one message stand beside each other, also under one code
        key = (*key, str(self._told[key]))
        status = result.value(11)
        if status in ("D", "W", "X"):
            self._gathering.take_back_result(about.hospital, about.encounter, when, key)
            what = "cannot be obtained" if status == "X" else "is deleted or was posted in error"
            reason = f"{file}, line {result.line}: OBX-11 says the result {what}; it is not carried"
            original = "|".join(filter(None, (name, code, fields.result_value(result))))
            self._gathering.reject("observation", place, "result_withdrawn", reason, original)
            return
        value = fields.result_value(result)
        if value is None:
            reason = f"{file}, line {result.line}: OBX-5 is empty; send the result with its value"
            self._gathering.reject("observation", place, "result_without_value", reason, name)
            return
        flags = [result.value(8, repetition=n) for n in range(1, result.repetitions(8) + 1)]
        row: Row = {
            "hospital_id": about.hospital,
            "encounter_number": about.encounter,
            "mrn": about.mrn,
            "kind": "vital" if system == "LOINC" and code in fields.LOINC_VITALS else "laboratory",
            "name": name,
            "code": code,
            "code_system": system,
            "value": value,
            "unit": result.value(6, 1) or result.value(6, 2),
            "observed_date": fields.day(observed),
            "flag": next((fields.FLAGS[flag] for flag in flags if flag in fields.FLAGS), None),
        }
        self._gathering.observation(row, place, when, about.person, key if key[0] else None)


def _table(framed: Framed) -> str:
    """Delivered table under which a message is set aside, by its type as far as that can be read."""
    head = framed.segments[0][1][:300].decode("ascii", "replace") if framed.segments else ""
    return next((table for kind, table in _TABLES.items() if f"{head[3:4]}{kind}" in head[8:]), "scanned_record")


def _decoded(encoding: str | None, data: str | None) -> bytes:
    """Bytes of an ED value."""
    text = data or ""
    if (encoding or "").lower() == "base64":
        return from_base64(text)
    if (encoding or "").lower() == "hex":
        try:
            return bytes.fromhex(text)
        except ValueError:
            reason = "the attachment is cut short or no hexadecimal text; send the document again"
            raise AttachmentError("undecodable_attachment", reason) from None
    if (encoding or "A").upper() == "A":
        return text.encode()
    raise AttachmentError("undecodable_attachment", "the attachment's encoding is not A, Hex or Base64; send it so")


def _delivered_name(pointer: str | None) -> str:
    """A page file of the delivery that a reference pointer names."""
    if not pointer or "://" in pointer or "|" in pointer:
        raise AttachmentError(
            "attachment_not_delivered", "the document's file is not in the delivery; send it along or inside"
        )
    return pointer
