"""Reading one CSV file so that every record is accounted for: landed, or set aside with its line and reason.

UTF-8 with or without a byte order mark, comma, double quotes doubled inside quotes, lines ending in LF or CRLF.
Plain files take a vectorised path; files with quotes or trouble are read record by record, with the same result.
Knows nothing of tables: what a header must hold is the caller's question.

The whole file is held in memory (about five times its size while it is read).
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

from medcode_ml.intake.source import WHOLE_FILE, rejections

Fault = tuple[str, str]
"""(rule, reason)."""
HeaderCheck = Callable[[list[str]], Fault | None]

_BOM: Final = b"\xef\xbb\xbf"
_UNSTORABLE: Final = re.compile("[\0\udc80-\udcff]")
_MAX_PLAIN_BYTES: Final = 2**31 - 1  # one arrow block
# After a broken quote the reader starts again one line on. Looking ahead is cut by half each time, down to this many
# lines, so that a file of nothing but broken quotes still takes linear time.
_LEAST_LOOKAHEAD: Final = 200


@dataclass(frozen=True)
class ReadTable:
    """A file as read: `rows` has the header's columns as text (empty = None) and `source_line`."""

    header: list[str]
    rows: pd.DataFrame
    rejected: pd.DataFrame


def read_csv(path: Path, file: str, check_header: HeaderCheck, *, lower_header: bool = False) -> ReadTable:
    """Read a CSV file, gzipped when its name ends in .gz; it never raises for what the file holds.

    Args:
        path: the file.
        file: its name in reasons, relative to the delivery.
        check_header: says why the whole file must be set aside, or None; then each record is set aside with that rule.
        lower_header: bring column names to lower case first.
    """
    try:
        data = path.read_bytes()
        if path.name.lower().endswith(".gz"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        return whole_file_aside(file, "unreadable_file", f"cannot be opened ({type(error).__name__})")
    data = data.removeprefix(_BOM)
    if not data.strip(b"\r\n"):
        return whole_file_aside(file, "empty_file", "holds no header")
    header = _header(data)
    if header is None:
        return whole_file_aside(file, "unreadable_header", "line 1 is not a header of UTF-8 column names")
    header = [name.lower() for name in header] if lower_header else header
    fault = column_twice(file, header) or check_header(header)
    plain = None if fault else _read_plain(data, header)
    return plain if plain is not None else _read_records(data, file, header, fault)


def whole_file_aside(file: str, rule: str, what: str) -> ReadTable:
    """Nothing of the file can be used: one rejection at line 0 and no rows."""
    reason = f"{file}: {what}; deliver the file again"
    rows = pd.DataFrame({"source_line": pd.Series(dtype="int64")})
    return ReadTable([], rows, rejections([(WHOLE_FILE, rule, reason, None)]))


def escaped(text: str) -> str:
    """`text` with undecodable bytes and NUL written as backslash escapes, so that it can be stored."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def _header(data: bytes) -> list[str] | None:
    """Column names of the first line; None where it is no header (blank, broken quotes, not text)."""
    line = data.split(b"\n", 1)[0]
    try:
        text = line.decode()
        names = next(csv.reader([text], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return None
    return None if "\0" in text or not any(names) else names


def column_twice(file: str, header: list[str]) -> Fault | None:
    """Why a header that names a column twice cannot be read, or None."""
    # Places, not names: where the header is lacking, line 1 is a patient's row.
    places = [str(place) for place, name in enumerate(header, start=1) if header.count(name) > 1]
    if not places:
        return None
    reason = f"{file}, line 1: columns {', '.join(places)} share a name; keep one of each and deliver again"
    return "duplicate_column", reason


def _read_plain(data: bytes, header: list[str]) -> ReadTable | None:
    """Read a file without quotes, blank lines or lone carriage returns; None where there is any of those or trouble.

    In such a file a record is a line and a value is what stands between commas, which is what both paths agree on.
    """
    lone_return = data.count(b"\r") != data.count(b"\r\n")
    blank_line = b"\n\n" in data or b"\n\r\n" in data
    if b'"' in data or b"\0" in data or lone_return or blank_line or len(data) > _MAX_PLAIN_BYTES:
        return None
    body = data.partition(b"\n")[2]
    if not body:
        return None
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(column_names=header, block_size=len(body) + 1, use_threads=False),
            parse_options=pa_csv.ParseOptions(quote_char=False, newlines_in_values=False, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in header}, strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid:
        return None
    rows = pd.DataFrame({name: table.column(name).to_numpy(zero_copy_only=False) for name in header}, dtype=object)
    rows["source_line"] = range(2, len(rows) + 2)
    return ReadTable(header, rows, rejections([]))


def _read_records(data: bytes, file: str, header: list[str], fault: Fault | None) -> ReadTable:
    """Read record by record; with `fault` every record is set aside with that rule."""
    text = data.decode("utf-8", "surrogateescape")
    unstorable = _UNSTORABLE.search(text) is not None
    lines = io.StringIO(text, newline="\n").readlines()
    values: list[list[str]] = []
    numbers: list[int] = []
    found: list[tuple[int, str, str, str | None]] = []
    for start, end, fields in _records(lines):
        if fields is not None and len(fields) == len(header) and fault is None and not unstorable:
            values.append(fields)
            numbers.append(start + 1)
            continue
        original = "".join(lines[start:end])
        problem = fault or _problem(file, start + 1, original, fields, len(header))
        if problem is None and fields is not None:
            values.append(fields)
            numbers.append(start + 1)
        elif problem is not None:
            found.append((start + 1, *problem, escaped(original.rstrip("\r\n"))))
    columns = zip(*values, strict=True) if values else [()] * len(header)
    usable = header if fault is None else []
    pairs = zip(usable, columns, strict=False)
    rows = pd.DataFrame({name: [value or None for value in column] for name, column in pairs}, dtype=object)
    rows["source_line"] = pd.Series(numbers, dtype="int64")
    return ReadTable(header, rows, rejections(found))


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


def _records(lines: list[str]) -> Iterator[tuple[int, int, list[str] | None]]:
    """Yield (first line, line after the last, fields) of each record after the header; fields None where it is broken.

    Where quoting breaks, only the line on which the record began is given up and reading starts again on the next:
    an unclosed quote costs one line, not the rest of the file. Blank lines are no records.
    """
    # The module's limit of 131,072 characters a field is a setting of the whole process; a long note passes it.
    csv.field_size_limit(sys.maxsize)
    feed = _Lines(lines)
    feed.at = 1
    lookahead = len(lines)
    reader = csv.reader(feed, strict=True)
    while True:
        start = feed.at
        feed.limit = min(len(lines), start + lookahead)
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            read = feed.at - start
            if read > _LEAST_LOOKAHEAD:
                lookahead = max(_LEAST_LOOKAHEAD, min(read, lookahead) // 2)
            feed.at = start + 1
            yield start, feed.at, None
            continue
        if fields:
            yield start, feed.at, fields
