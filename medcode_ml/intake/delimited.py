"""Reading one CSV file so that every record is accounted for: landed, or set aside with its line and reason.

UTF-8 with or without a byte order mark, comma, double quotes doubled inside quotes, lines ending in LF or CRLF.
A file is read in blocks of whole records, so that it never stands in memory whole. Blocks without quotes or trouble
take a vectorised path; the others are read record by record, with the same result.
Knows nothing of tables: what a header must hold is the caller's question.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from medcode_ml.intake.source import WHOLE_FILE, DeliveryError, rejections

Fault = tuple[str, str]
"""(rule, reason)."""
HeaderCheck = Callable[[list[str]], Fault | None]

BLOCK_BYTES: Final = 4 * 2**20
"""Bytes read at a time: some 50,000 charge lines."""
MAX_RECORD_BYTES: Final = 32 * 2**20
"""How far an open quote is followed before the line it stands on is given up."""
MAX_UNPACKED_BYTES: Final = 2**30
"""A gzipped file may unpack to more than this only by less than `MAX_UNPACKED_RATIO` times its own size."""
MAX_UNPACKED_RATIO: Final = 200

_BOM: Final = b"\xef\xbb\xbf"
_UNSTORABLE: Final = re.compile("[\0\udc80-\udcff]")
_BLANK_START: Final = (b"\n", b"\r\n")
# After a broken quote the reader starts again one line on. Looking ahead is cut by half each time, down to this many
# lines, so that a file of nothing but broken quotes still takes linear time.
_LEAST_LOOKAHEAD: Final = 200


@dataclass(frozen=True)
class ReadTable:
    """A file, or a part of one, as read: `rows` has the header's columns as text (empty = None) and `source_line`."""

    header: list[str]
    rows: pd.DataFrame
    rejected: pd.DataFrame


def read_csv(path: Path, file: str, check_header: HeaderCheck, *, lower_header: bool = False) -> ReadTable:
    """Read a CSV file whole; see `read_csv_parts`."""
    parts = list(read_csv_parts(path, file, check_header, lower_header=lower_header))
    if len(parts) == 1:
        return parts[0]
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    return ReadTable(parts[0].header, rows, pd.concat([part.rejected for part in parts], ignore_index=True))


def read_csv_parts(
    path: Path,
    file: str,
    check_header: HeaderCheck,
    *,
    lower_header: bool = False,
    block_bytes: int = BLOCK_BYTES,
    record_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[ReadTable]:
    """Read a CSV file, gzipped when its name ends in .gz, part by part; at least one part, perhaps without rows.

    Args:
        path: the file.
        file: its name in reasons, relative to the delivery.
        check_header: says why the whole file must be set aside, or None; then each record is set aside with that rule.
        lower_header: bring column names to lower case first.
        block_bytes: bytes read at a time; the parts hold about that much.
        record_bytes: a record longer than this is malformed; memory stays within a few times as much.

    Raises:
        DeliveryError: the disk failed on the way; nothing that the file holds raises.
    """
    packed = path.name.lower().endswith(".gz")
    fault = _packing_fault(path) if packed else None
    if fault is not None:
        yield whole_file_aside(file, *fault)
        return
    try:
        with gzip.open(path) if packed else path.open("rb") as opened:
            handle = io.BufferedReader(opened) if packed else opened  # type: ignore[type-var, assignment, arg-type]
            yield from _parts(handle, file, check_header, lower_header, block_bytes, record_bytes)  # type: ignore[arg-type]
    except FileNotFoundError:
        yield whole_file_aside(file, "unreadable_file", "cannot be opened (FileNotFoundError)")
    except OSError as error:
        raise DeliveryError(
            f"{file}: cannot be read to its end ({type(error).__name__}); check the disk and run the day again"
        ) from error


def whole_file_aside(file: str, rule: str, what: str) -> ReadTable:
    """Nothing of the file can be used: one rejection at line 0 and no rows."""
    reason = f"{file}: {what}; deliver the file again"
    rows = pd.DataFrame({"source_line": pd.Series(dtype="int64")})
    return ReadTable([], rows, rejections([(WHOLE_FILE, rule, reason, None)]))


def escaped(text: str) -> str:
    """`text` with undecodable bytes and NUL written as backslash escapes, so that it can be stored."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def column_twice(file: str, header: list[str]) -> Fault | None:
    """Why a header that names a column twice cannot be read, or None."""
    # Places, not names: where the header is lacking, line 1 is a patient's row.
    places = [str(place) for place, name in enumerate(header, start=1) if header.count(name) > 1]
    if not places:
        return None
    reason = f"{file}, line 1: columns {', '.join(places)} share a name; keep one of each and deliver again"
    return "duplicate_column", reason


def _packing_fault(path: Path) -> Fault | None:
    """Why a gzipped file cannot be used, found by unpacking it once: rows are only landed from a sound one."""
    try:
        allowed = max(MAX_UNPACKED_BYTES, MAX_UNPACKED_RATIO * path.stat().st_size)
        unpacked = 0
        with gzip.open(path) as handle:
            while piece := handle.read(2**20):
                unpacked += len(piece)
                if unpacked > allowed:
                    return "unpacks_too_large", f"unpacks to more than {allowed // 2**20} MB"
    except (OSError, EOFError, zlib.error) as error:
        return "unreadable_file", f"cannot be opened ({type(error).__name__})"
    return None


def _parts(
    handle: io.BufferedReader, file: str, check: HeaderCheck, lower: bool, block_bytes: int, record_bytes: int
) -> Iterator[ReadTable]:
    first = handle.readline(record_bytes).removeprefix(_BOM)
    if not first.strip(b"\r\n") and _only_line_ends(handle, block_bytes):
        yield whole_file_aside(file, "empty_file", "holds no header")
        return
    header = _header(first.removesuffix(b"\n"))
    if header is None:
        yield whole_file_aside(file, "unreadable_header", "line 1 is not a header of UTF-8 column names")
        return
    header = [name.lower() for name in header] if lower else header
    fault = column_twice(file, header) or check(header)
    careful = _CarefulReader(file, header, fault)
    left = b""
    line = 2
    handed_on = False
    while True:
        wanted = max(block_bytes, len(left))  # doubled while a record does not end
        piece = handle.read(wanted)
        final = len(piece) < wanted
        block = left + piece
        end = len(block) if final else block.rfind(b"\n") + 1
        body, left = block[:end], block[end:]
        long = len(block) >= record_bytes
        if long and end == 0 and not final:  # a line without end
            reason = f"{file}, line {line}: longer than {record_bytes} bytes; deliver the line again, shorter"
            yield ReadTable(header, _no_rows(header), rejections([(line, "record_too_long", reason, None)]))
            handed_on = True
            left = _after_line_end(handle, block_bytes)
            continue
        read = _read_plain(body, header, line) if fault is None else None
        if read is None:
            read, unfinished = careful.read(body, line, final, give_up=long)
            left = unfinished + left
            body = body[: len(body) - len(unfinished)]
        line += body.count(b"\n")
        if len(read.rows) or len(read.rejected) or (final and not handed_on):
            handed_on = True
            yield read
        if final:
            return


def _after_line_end(handle: io.BufferedReader, block_bytes: int) -> bytes:
    """Pass over the rest of a line; returns what was read behind it, the line end first."""
    while piece := handle.read(block_bytes):
        _, end, rest = piece.partition(b"\n")
        if end:
            return end + rest
    return b""


def _no_rows(header: list[str]) -> pd.DataFrame:
    rows = pd.DataFrame({name: pd.Series(dtype=object) for name in header})
    return rows.assign(source_line=pd.Series(dtype="int64"))


def _only_line_ends(handle: io.BufferedReader, block_bytes: int) -> bool:
    while piece := handle.read(block_bytes):
        if piece.strip(b"\r\n"):
            return False
    return True


def _header(line: bytes) -> list[str] | None:
    """Column names of the first line; None where it is no header (blank, broken quotes, not text)."""
    try:
        text = line.decode()
        names = next(csv.reader([text], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return None
    return None if "\0" in text or not any(names) else names


def _read_plain(body: bytes, header: list[str], first_line: int = 2) -> ReadTable | None:
    """Read lines without quotes, blank lines or lone carriage returns; None where there is any of those or trouble.

    In such a block a record is a line and a value is what stands between commas, which is what both paths agree on.
    """
    lone_return = body.count(b"\r") != body.count(b"\r\n")
    blank_line = b"\n\n" in body or b"\n\r\n" in body or body.startswith(_BLANK_START)
    # Arrow would take a byte order mark at the start of a block for no part of the value.
    if b'"' in body or b"\0" in body or lone_return or blank_line or body.startswith(_BOM):
        return None
    if not body:
        return ReadTable(header, _no_rows(header), rejections([]))
    try:
        table = pa_csv.read_csv(
            pa.py_buffer(body),
            # one block: arrow would otherwise guess where a record may be cut
            read_options=pa_csv.ReadOptions(column_names=header, block_size=len(body) + 1, use_threads=False),
            parse_options=pa_csv.ParseOptions(quote_char=False, newlines_in_values=False, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in header}, strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid:
        return None
    rows = pd.DataFrame({name: table.column(name).to_numpy(zero_copy_only=False) for name in header}, dtype=object)
    rows["source_line"] = range(first_line, first_line + len(rows))
    return ReadTable(header, rows, rejections([]))


class _CarefulReader:
    """Reads blocks record by record; what a block leaves unfinished is handed back to stand before the next one."""

    def __init__(self, file: str, header: list[str], fault: Fault | None = None) -> None:
        """With `fault` every record is set aside with that rule."""
        self.file = file
        self.header = header
        self.fault = fault
        self._lookahead = sys.maxsize
        self._unfinished = 0

    def read(
        self, body: bytes, first_line: int = 2, final: bool = True, *, give_up: bool = False
    ) -> tuple[ReadTable, bytes]:
        """Read `body`, whose first line is `first_line`; (its records, the bytes of an unfinished last one).

        With `final` what does not end here is broken; with `give_up` that is so for the first record alone.
        """
        text = body.decode("utf-8", "surrogateescape")
        unstorable = _UNSTORABLE.search(text) is not None
        lines = io.StringIO(text, newline="\n").readlines()
        width = len(self.header)
        values: list[list[str]] = []
        numbers: list[int] = []
        found: list[tuple[int, str, str, str | None]] = []
        for start, end, fields in self._records(lines, final, give_up):
            line = first_line + start
            if fields is not None and len(fields) == width and self.fault is None and not unstorable:
                values.append(fields)
                numbers.append(line)
                continue
            original = "".join(lines[start:end])
            problem = self.fault or _problem(self.file, line, original, fields, width)
            if problem is None and fields is not None:
                values.append(fields)
                numbers.append(line)
            elif problem is not None:
                found.append((line, *problem, escaped(original.rstrip("\r\n"))))
        columns = zip(*values, strict=True) if values else [()] * width
        usable = self.header if self.fault is None else []
        pairs = zip(usable, columns, strict=False)
        rows = pd.DataFrame({name: [value or None for value in column] for name, column in pairs}, dtype=object)
        rows["source_line"] = pd.Series(numbers, dtype="int64")
        unfinished = "".join(lines[self._unfinished :])
        return ReadTable(self.header, rows, rejections(found)), unfinished.encode("utf-8", "surrogateescape")

    def _records(self, lines: list[str], final: bool, give_up: bool) -> Iterator[tuple[int, int, list[str] | None]]:
        """Yield (first line, line after the last, fields) of each record; fields None where it is broken.

        Sets `_unfinished` to the line where a record begins that may go on after the last line. Where quoting breaks,
        only the line on which the record began is given up and reading starts again on the next: an unclosed quote
        costs one line, not the rest of the file. Blank lines are no records.
        """
        # The module's limit of 131,072 characters a field is a setting of the whole process; a long note passes it.
        csv.field_size_limit(sys.maxsize)
        feed = _Lines(lines)
        self._unfinished = len(lines)
        reader = csv.reader(feed, strict=True)
        while True:
            start = feed.at
            feed.limit = min(len(lines), start + self._lookahead)
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error:
                if feed.at == len(lines) and not final and not (give_up and start == 0):
                    self._unfinished = start  # the lines to come may close the quote
                    return
                read = feed.at - start
                if read > _LEAST_LOOKAHEAD:
                    self._lookahead = max(_LEAST_LOOKAHEAD, min(read, self._lookahead) // 2)
                feed.at = start + 1
                yield start, feed.at, None
                continue
            if fields:
                yield start, feed.at, fields


def _problem(file: str, line: int, original: str, fields: list[str] | None, width: int) -> Fault | None:
    where = f"{file}, line {line}"
    bad = _UNSTORABLE.search(original)
    if bad is not None and bad.group() == "\0":
        return "nul_byte", f"{where}: holds a NUL byte; remove it and deliver the line again"
    if bad is not None:
        at = len(original[: bad.start()].encode("utf-8", "surrogateescape"))
        return "not_utf8", f"{where}: byte {at} of the record is not UTF-8; save the file as UTF-8 and deliver it again"
    if fields is None:
        return "malformed_line", (
            f"{where}: a quote is never closed, text follows a closing quote, or a carriage return stands outside "
            "quotes; double the quotes inside a quoted value and deliver the line again"
        )
    if len(fields) != width:
        return "field_count", (
            f"{where}: {len(fields)} fields where the header has {width}; quote values that hold commas and deliver "
            "the line again"
        )
    return None


class _Lines:
    """Lines handed to the CSV reader one at a time, with a place that can be set back and a limit to look ahead."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0
        self.limit = len(lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.at >= self.limit:
            raise StopIteration
        line = self.lines[self.at]
        self.at += 1
        return line
