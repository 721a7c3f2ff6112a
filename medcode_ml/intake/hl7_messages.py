"""Files of HL7 v2 messages cut into messages, and a message's segments, fields and components to ask for.

Belongs here: framing (MLLP bytes, batch and file envelopes, any line ends, a raw line end inside a text), character
sets, separators, escape sequences. What a message means is `hl7`. Fields are split by the library python-hl7, which
takes any separators and any segments; of its own escape decoding no use is made, it writes what it does not know to
the log, which must not hold patient data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MAX_MESSAGE_BYTES: Final = 128 * 2**20
_READ_BYTES: Final = 2**20
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_SEGMENT: Final = re.compile(rb"[A-Z][A-Z0-9]{2}(?![A-Za-z0-9])")
#: segments whose text often holds raw line ends
_WITH_TEXT: Final = (b"OBX", b"NTE")
_START_BLOCK: Final = b"\x0b"
_END_BLOCK: Final = b"\x1c"
_HEAD: Final = re.compile(r"MSH([^\w\s])([^\w\s]{1,5})\1", re.ASCII)
#: HL7 table 0211 -> codec; no entry: not read. The default is ASCII, of which UTF-8 is the usual extension.
_CODECS: Final = {
    "": "utf-8", "ASCII": "utf-8", "UNICODE": "utf-8", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "UTF8": "utf-8",
    **{f"8859/{n}": f"iso8859_{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "BIG-5": "big5", "GB 18030-2000": "gb18030", "KS X 1001": "euc_kr", "WINDOWS-1252": "cp1252",
}  # fmt: skip


class MessageError(ValueError):
    """Why a message cannot be taken; `line` is its own line or that of the segment at fault."""

    def __init__(self, rule: str, line: int, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.line = line


@dataclass
class Framed:
    """One message as it stands in its file, or (with `fault`) something between messages that cannot be one."""

    line: int
    segments: list[tuple[int, bytes]] = field(default_factory=list)
    fault: tuple[str, int, str] | None = None  #: rule, line, what is wrong and what to do
    too_early: bool = False  #: the file is seen to end before this message, or batch, is whole

    @property
    def original(self) -> str:
        """The bytes as text, undecodable ones escaped."""
        return b"\r".join(segment for _, segment in self.segments).decode("utf-8", "backslashreplace")


def read_messages(path: Path) -> Iterator[Framed]:
    """Every message of a file in its order, and every fault of its framing; nothing is passed over but blank lines.

    Raises:
        OSError: the file cannot be read.
    """
    framing = _Framing()
    with path.open("rb") as handle:
        start = handle.read(2)
        if start in (b"\xff\xfe", b"\xfe\xff"):
            yield Framed(0, [], ("not_utf8", 0, "the file is UTF-16; save it as UTF-8 and deliver it again"))
            return
        handle.seek(3 if start + handle.read(1) == b"\xef\xbb\xbf" else 0)
        for number, line in _lines(handle):
            yield from framing.take(number, line)
    yield from framing.end()


def _lines(handle: Any) -> Iterator[tuple[int, bytes]]:
    """(line number, line without its end); a line over the limit ends there and goes on as the next piece does."""
    number = 1
    pending: list[bytes] = []
    size = 0
    while chunk := handle.read(_READ_BYTES):
        while chunk.endswith(b"\r"):  # its LF may stand in the next chunk
            more = handle.read(1)
            chunk += more
            if not more:
                break
        *ended, rest = _LINE_END.split(chunk)
        for line in ended:
            yield number, b"".join([*pending, line])
            pending, size = [], 0
            number += 1
        size += len(rest)
        if size <= MAX_MESSAGE_BYTES:
            pending.append(rest)
        elif len(pending) < 2**10:
            pending.append(rest[: MAX_MESSAGE_BYTES // 2**10])  # over the limit already; the message is refused
    if any(pending):
        yield number, b"".join(pending)


class _Framing:
    """Segments gathered into messages; counts messages against the trailers of batches and files."""

    def __init__(self) -> None:
        self._message: Framed | None = None
        self._size = 0
        self._blank = 0
        self._in_block = False
        self._open: dict[bytes, int] = {}  # BHS or FHS -> its line
        self._count = {b"BHS": 0, b"FHS": 0}  # messages of the batch, batches of the file
        self._any = False

    def take(self, number: int, line: bytes) -> Iterator[Framed]:
        while _END_BLOCK in line:
            before, _, line = line.partition(_END_BLOCK)
            yield from self._segment(number, before)
            yield from self._finish()
            self._in_block = False
        if line.startswith(_START_BLOCK):
            yield from self._finish()
            self._in_block = True
            line = line[1:]
        yield from self._segment(number, line)

    def end(self) -> Iterator[Framed]:
        if self._in_block and self._message is not None:
            reason = "the file ends before the message does (no end block); send the message again"
            self._message.fault = self._message.fault or ("message_cut", self._message.line, reason)
            self._message.too_early = True
        yield from self._finish()
        for head, line in self._open.items():
            trailer = {b"BHS": "BTS", b"FHS": "FTS"}[head]
            reason = f"{head.decode()} has no {trailer}: messages may be missing; deliver the file again"
            yield Framed(line, [(line, head)], ("batch_not_closed", line, reason), too_early=True)
        if not self._any:
            yield Framed(0, [], ("empty_file", 0, "the file holds no message; deliver the file again"))

    def _segment(self, number: int, line: bytes) -> Iterator[Framed]:
        bare = line.lstrip(b" \t")
        if not bare:
            self._blank += 1
            return
        name = bare[:3] if _SEGMENT.match(bare) else b""
        if name == b"MSH":
            self._any = True
            yield from self._finish()
            self._count[b"BHS"] += 1
            self._message, self._size = Framed(number), 0
        if name in (b"BHS", b"FHS"):
            yield from self._finish()
            self._open[name] = number
            self._count[name] = 0
            if name == b"BHS":
                self._count[b"FHS"] += 1
        elif name in (b"BTS", b"FTS"):
            yield from self._finish()
            yield from self._trailer(name, number, bare)
        elif self._message is None:
            self._any = True
            reason = "stands before any MSH segment; send the message again whole"
            yield Framed(number, [(number, line)], ("segment_outside_message", number, reason))
        elif name and (len(bare) == 3 or bare[3:4] == self._separator(bare)):
            self._add(number, bare)
        elif self._message.segments and self._message.segments[-1][1][:3] in _WITH_TEXT:
            at, text = self._message.segments[-1]
            self._message.segments[-1] = (at, text + b"\n" * (self._blank + 1) + line)
            self._size += len(line)
        else:
            self._add(number, line)
            reason = "is no segment; send the message again whole"
            self._message.fault = self._message.fault or ("malformed_segment", number, reason)
        self._blank = 0

    def _separator(self, segment: bytes) -> bytes:
        assert self._message is not None
        return self._message.segments[0][1][3:4] if self._message.segments else segment[3:4]

    def _add(self, number: int, segment: bytes) -> None:
        assert self._message is not None
        self._size += len(segment)
        if self._size > MAX_MESSAGE_BYTES:
            reason = f"the message is longer than {MAX_MESSAGE_BYTES // 2**20} MB; send its files apart from it"
            self._message.fault = self._message.fault or ("message_too_large", number, reason)
            segment = segment[:1000]
        self._message.segments.append((number, segment))

    def _trailer(self, name: bytes, number: int, segment: bytes) -> Iterator[Framed]:
        head = {b"BTS": b"BHS", b"FTS": b"FHS"}[name]
        begun = self._open.pop(head, None)
        if begun is None:
            self._any = True
            reason = f"ends what no {head.decode()} began; deliver the file again"
            yield Framed(number, [(number, segment)], ("segment_outside_message", number, reason))
        counted, self._count[head] = self._count[head], 0
        stated = segment.split(segment[3:4])[1].strip() if len(segment) > 4 else b""
        if begun is not None and stated.isdigit() and int(stated) != counted:
            unit = "messages" if head == b"BHS" else "batches"
            reason = f"{name.decode()} states {int(stated)} {unit} where {counted} came; deliver the file again"
            yield Framed(number, [(number, segment)], ("batch_count_differs", number, reason), too_early=True)

    def _finish(self) -> Iterator[Framed]:
        if self._message is not None:
            yield self._message
        self._message, self._blank = None, 0


class Segment:
    """One segment; fields, repetitions, components and subcomponents are counted from 1."""

    def __init__(self, name: str, line: int, fields: Any, escapes: _Escapes) -> None:
        self.name = name
        self.line = line
        self._fields = fields
        self._escapes = escapes

    def repetitions(self, number: int) -> int:
        """How often a field is repeated; 0 where it is empty."""
        return len(self._fields[number]) if number < len(self._fields) and str(self._fields[number]) else 0

    def value(self, number: int, component: int = 1, subcomponent: int = 1, repetition: int = 1) -> str | None:
        """Text of a field's part, escapes decoded; None where it is empty or HL7's null."""
        if number >= len(self._fields):
            return None
        found: Any = self._fields[number]
        for place in (repetition, component, subcomponent):
            if isinstance(found, str):
                found = found if place == 1 else ""
            else:
                found = found[place - 1] if place <= len(found) else ""
        text = self._escapes.decoded(str(found))
        return None if text.strip() in ("", '""') else text

    def texts(self, number: int) -> list[str]:
        """Each repetition of a field as one text, separators of components kept."""
        return [self._escapes.decoded(str(part)) for part in self._fields[number]] if number < len(self._fields) else []


@dataclass(frozen=True)
class Message:
    """A message: its segments in order, MSH first."""

    line: int
    segments: list[Segment]

    @property
    def head(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        return next((one for one in self.segments if one.name == name), None)


def parse_message(framed: Framed) -> Message:
    """Split a message into its segments.

    Raises:
        MessageError: its framing has a fault, MSH is broken, or its character set is not known or not kept to.
    """
    import hl7

    if framed.fault is not None:
        raise MessageError(*framed.fault)
    head = framed.segments[0][1].decode("ascii", "replace")
    found = _HEAD.match(head)
    separators = found.group(1) + found.group(2) if found else ""
    if found is None or len(set(separators)) != len(separators):
        raise MessageError("malformed_header", framed.line, "MSH names no separators; send the message again")
    stated = head.split(found.group(1))
    charset = (stated[17] if len(stated) > 17 else "").split(found.group(2)[1:2] or "~")[0].strip().upper()
    if charset not in _CODECS:
        raise MessageError(
            "unknown_charset", framed.line, "MSH-18 names a character set that is not read; send it as UNICODE UTF-8"
        )
    pieces = []
    for line, segment in framed.segments:
        try:
            pieces.append(segment.decode(_CODECS[charset]))
        except UnicodeDecodeError as error:
            raise MessageError(
                "not_utf8", line,
                f"byte {error.start} of the segment is not of the character set that MSH-18 names (UTF-8 where it "
                "names none); send the message again in UTF-8",
            ) from None  # fmt: skip
    # The library strips the message: white space at its very end is no part of a value here either.
    parsed = hl7.parse("\r".join(pieces))
    escapes = _Escapes(separators, _CODECS[charset])
    lines = [line for line, _ in framed.segments]
    # A head of nothing but separators comes back without its fields; then there is nothing to read.
    if len(parsed) != len(lines) or len(parsed[0]) < 9:
        raise MessageError("malformed_header", framed.line, "MSH ends before MSH-9; send the message again")
    return Message(
        framed.line,
        [Segment(str(one[0]), line, one, escapes) for line, one in zip(lines, parsed, strict=True)],
    )


class _Escapes:
    """Escape sequences of a message with these separators (MSH-1 and MSH-2) and codec."""

    def __init__(self, separators: str, codec: str) -> None:
        field_, component, repetition, escape, subcomponent = list(separators + "|^~\\&"[len(separators) :])[:5]
        self._escape = escape
        self._codec = codec
        self._known = {
            "F": field_, "S": component, "R": repetition, "E": escape, "T": subcomponent, "H": "", "N": "",
            ".br": "\n", ".ce": "\n", ".fi": "", ".nf": "",
        }  # fmt: skip
        mark = re.escape(escape)
        self._sequence = re.compile(f"{mark}([^{mark}\n]*){mark}")

    def decoded(self, text: str) -> str:
        """`text` with its escape sequences replaced; those of no standard meaning stay as they stand."""
        return self._sequence.sub(self._replace, text) if self._escape in text else text

    def _replace(self, found: re.Match[str]) -> str:
        sequence = found.group(1)
        if sequence in self._known:
            return self._known[sequence]
        counted = re.fullmatch(r"\.(sp|sk|in|ti)([+-]?\d{0,2})", sequence)
        if counted:
            times = max(0, int(counted.group(2) or 1)) if counted.group(2) not in ("+", "-") else 1
            return {"sp": "\n" * times, "sk": " " * times, "in": "", "ti": ""}[counted.group(1)]
        if re.fullmatch(r"X([0-9A-Fa-f]{2})+", sequence):
            try:
                return bytes.fromhex(sequence[1:]).decode(self._codec)
            except UnicodeDecodeError:
                return found.group()
        return found.group()
