"""Cutting a file of interchanges into segments, in bounded memory: delimiters, line breaks, the ends of interchanges.

pyx12 reads 187,000 segments a second, of one file without a fault in its envelope; here a file may be broken anywhere,
and what stands after the break is still read. Nothing here knows what a segment means, beyond ISA and IEA.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, NamedTuple

BLOCK = 1 << 20
LONGEST_SEGMENT = 1 << 21
_ISA_ELEMENTS = 16
_HEADER = re.compile(rb"I[\r\n]*S[\r\n]*A(?=[\r\n]*[^A-Za-z0-9 \r\n])")
#: Longest header that is looked for: 106 characters, and line breaks anywhere among them.
_LONGEST_HEADER = 400
_BREAKS = b"\r\n"
#: an ISA anywhere, told by its fixed lengths
_GLUED = re.compile(rb"ISA(?=([^A-Za-z0-9 \r\n])..\1.{10}\1..\1.{10}\1..\1.{15}\1..\1.{15}\1)", re.DOTALL)


class Delimiters(NamedTuple):
    """The separators that an ISA segment names."""

    element: str
    repetition: str
    component: str
    terminator: str


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive segments of one interchange, as text without terminators.

    `interchange` counts from 1, `first` is the number of the first segment in the file, from 1. `sha256` of the whole
    interchange (line breaks left out) stands only on its last run, where `ended` is true.
    """

    interchange: int
    delimiters: Delimiters
    first: int
    segments: list[str]
    ended: bool = False
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Stray:
    """Bytes outside any interchange: how many, where, the beginning of them, and why they were not read."""

    after_segment: int
    size: int
    original: str
    because: str


_KEPT_OF_STRAY = 2000


@lru_cache(maxsize=32)
def _end_of_interchange(terminator: bytes, element: bytes) -> re.Pattern[bytes]:
    """Matches the terminator before an IEA, or the ISA of the next interchange where the IEA is missing.

    After a file that was cut within a segment the next ISA has no terminator before it; its fixed lengths tell it.
    """
    gap = rb"[\r\n\t ]*"
    iea, isa = (rb"[\r\n]*".join([b"I", middle, b"A"]) for middle in (b"E", b"S"))
    after = rb"(?=[\r\n]*(?:" + re.escape(element) + rb"|" + re.escape(terminator) + rb"))"
    return re.compile(
        re.escape(terminator) + gap + rb"(?:(?P<iea>" + iea + rb")" + after
        + rb"|(?P<isa>" + isa + rb")(?=[\r\n]*[^A-Za-z0-9 \r\n]))"
        + rb"|(?P<glued>" + _GLUED.pattern.replace(rb"\1", rb"\4") + rb")",
        re.DOTALL,
    )  # fmt: skip


def _header(data: bytes) -> tuple[Delimiters, int] | None:
    """Delimiters of the ISA segment that `data` begins with, and its length in `data`; None where it is not whole."""
    plain: list[tuple[int, int]] = [(place, byte) for place, byte in enumerate(data) if byte not in _BREAKS]
    if len(plain) < 4:
        return None
    element = plain[3][1]
    separators = [n for n, (_, byte) in enumerate(plain) if byte == element][:_ISA_ELEMENTS]
    if len(separators) < _ISA_ELEMENTS or separators[-1] + 1 >= len(plain):
        return None
    component = plain[separators[-1] + 1]
    after = component[0] + 1
    if after >= len(data):
        return None
    terminator = data[after : after + 1]
    if terminator == b"\r" and data[after + 1 : after + 2] == b"\n":
        terminator = b"\n"
        after += 1
    repetition = bytes(byte for _, byte in plain[separators[10] + 1 : separators[11]])[:1]
    named = (bytes([element]), repetition or b"^", bytes([component[1]]), terminator)
    if len({named[0], named[2], named[3]}) < 3 or any(part.isalnum() for part in (named[0], named[2], named[3])):
        return None
    return Delimiters(*(part.decode("latin-1") for part in named)), after + 1


def _text(data: bytes) -> str:
    """Decode complete segments: UTF-8 where it is that, else Latin-1, which every byte sequence is."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


class Reader:
    """Reads `source` once from its beginning; `hashed` is the SHA-256 of all bytes after the last run."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._buffer = b""
        self._at_end = False
        self._file_hash = hashlib.sha256()
        self.size = 0

    @property
    def hashed(self) -> str:
        """SHA-256 of what was read so far, hexadecimal."""
        return self._file_hash.hexdigest()

    def _more(self) -> bool:
        """Read another block into the buffer; False at the end of the file."""
        block = b"" if self._at_end else self._source.read(BLOCK)
        if not block:
            self._at_end = True
            return False
        self._file_hash.update(block)
        self.size += len(block)
        self._buffer += block
        return True

    def runs(self) -> Iterator[Run | Stray]:
        """Yield the segments of the file in runs, and what stands outside interchanges."""
        segments, interchange = 0, 0
        self._more()
        while True:
            stray = self._skip_to_header(segments)
            if stray is not None:
                yield stray
            if not self._buffer:
                return
            while len(self._buffer) < _LONGEST_HEADER and self._more():
                pass
            found = _header(self._buffer[:_LONGEST_HEADER])
            if found is None:
                yield self._unreadable_header(segments)
                continue
            interchange += 1
            for run in self._interchange(interchange, found[0], segments + 1):
                segments += len(run.segments)
                yield run

    def _skip_to_header(self, segments: int) -> Stray | None:
        """Move the buffer to the next ISA; what lies before it, beyond blanks, is told."""
        skipped = bytearray()
        size = 0
        while True:
            found = _HEADER.search(self._buffer)
            # keep what could be the beginning of an ISA at the end of the block
            keep = 0 if self._at_end else 16
            cut = found.start() if found else max(0, len(self._buffer) - keep)
            size += len(self._buffer[:cut].strip())
            if len(skipped) < _KEPT_OF_STRAY:
                skipped += self._buffer[:cut]
            self._buffer = self._buffer[cut:]
            if found is not None or (not self._more() and not self._buffer):
                break
        if not size:
            return None
        original = _text(bytes(skipped)).strip()[:_KEPT_OF_STRAY]
        return Stray(segments, size, original, f"{size} bytes outside any interchange (no ISA before them)")

    def _unreadable_header(self, segments: int) -> Stray:
        original = _text(self._buffer[:_LONGEST_HEADER])
        self._buffer = self._buffer[3:]
        return Stray(segments, 3, original, "an ISA segment that is cut or names no usable delimiters")

    def _interchange(self, interchange: int, delimiters: Delimiters, first: int) -> Iterator[Run]:
        element, terminator = delimiters.element.encode("latin-1"), delimiters.terminator.encode("latin-1")
        pattern, digest = _end_of_interchange(terminator, element), hashlib.sha256()
        unbroken = _BREAKS.replace(terminator, b"") if terminator in (b"\r", b"\n") else _BREAKS

        def run(data: bytes, *, ended: bool) -> Run:
            plain = data.translate(None, unbroken)
            digest.update(plain)
            parts = [part.strip(" \t\r\n") for part in _text(plain).split(delimiters.terminator)]
            kept = [part for part in parts if part]
            return Run(interchange, delimiters, first, kept, ended, digest.hexdigest() if ended else "")

        start = 1
        while True:
            cut = self._end(pattern.search(self._buffer, start), terminator)
            if cut is not None:
                data, self._buffer = self._buffer[:cut], self._buffer[cut:]
                yield run(data, ended=True)
                return
            # all but the last whole segment and what follows it, where an IEA may begin
            whole = self._buffer.rfind(terminator, 0, max(0, len(self._buffer) - 8))
            if whole <= 0 and len(self._buffer) > LONGEST_SEGMENT:
                # no terminator for so long: what there is goes out as one segment that nobody will understand
                whole = len(self._buffer)
            if whole > 0 and len(self._buffer) > BLOCK:
                made = run(self._buffer[:whole], ended=False)
                first += len(made.segments)
                self._buffer, start = self._buffer[whole:], 0
                yield made
            if not self._more():
                data, self._buffer = self._buffer, b""
                yield run(data, ended=True)
                return

    def _end(self, end: re.Match[bytes] | None, terminator: bytes) -> int | None:
        """Where the interchange ends in the buffer: after its IEA, or before the next ISA; None when not in sight."""
        if end is None:
            return None
        if end["iea"] is None:
            return end.start("isa" if end["isa"] is not None else "glued")
        while True:
            closed = self._buffer.find(terminator, end.end())
            if closed >= 0 or not self._more():
                closed = closed + 1 if closed >= 0 else len(self._buffer)
                # a file that was cut within its IEA, with the next one behind it
                glued = _GLUED.search(self._buffer, end.end(), closed + 1)
                return glued.start() if glued else closed
