"""Lists and tables of documents, kept as such: where each item and each cell stands.

A list is two or more items with marks of one kind, one a line or run on in a sentence ("1) … 2) …"). A table is lines
whose columns are parted by tabs, pipes, or two and more spaces that stand beneath each other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

import pandas as pd

BLOCK_COLUMNS: Final = (
    "document_id", "block_number", "section_number", "kind", "start_offset", "end_offset", "cells",
)  # fmt: skip
LIST, TABLE = "list", "table"
Cell = list[int]

_MARK = re.compile(
    r"^[ \t]*(?:([-*•#·▪‣–]|o(?=[ \t]+[A-Z]))[ \t]*(?=[^\s\-*=#])|\(?(\d{1,2}|[A-Za-z])[.)][ \t]*(?=[^\s\d]))",
    re.MULTILINE,
)
_ANY_MARK = re.compile(r"[-*•#·▪‣–)]|\d\.|^[ \t]*\w\.|^o ", re.MULTILINE)
_RUN_ON = re.compile(
    r"(?<![\w.,/\-])(?:\(?([1-9]\d?)[.)])(?=\s*[A-Za-z\"'])|(?<=[a-z][.):;])([1-9]\d?)[.)](?=\s*[A-Z])"
)
_COLUMNS = re.compile(r"[^\s.:;?!,](?: {2,}|\t|[ \t]*\|[ \t]*)[^\s|]")
_WIDE_GAP = re.compile(r"  (?<=[^\s.:;?!,]  )")
_WIDE = re.compile(r" {2,}")
_SECOND = re.compile(r"2[.)]\s*[A-Za-z\"']")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_SEPARATOR = re.compile(r"[\s|:=+\-]+\Z")
_LONGEST_CONTINUED: Final = 3
_FEWEST_ROWS: Final = 3


@dataclass(frozen=True, slots=True)
class Block:
    """A list or table; `cells`: [[start, end], …] of a list's items, or a list of them for each row of a table."""

    kind: str
    start: int
    end: int
    cells: list[Cell] | list[list[Cell]]


def find_blocks(documents: pd.DataFrame, sections: pd.DataFrame) -> pd.DataFrame:
    """Return mapped.document_block rows (without received_date) of `documents[document_id, text]`.

    `sections` are the rows of `split_documents` for the same documents; a block stands in one section.
    """
    places: dict[str, list[tuple[int, int, int]]] = {}
    columns = ["document_id", "start_offset", "end_offset", "section_number"]
    for document, start, end, number in sections[columns].itertuples(index=False, name=None):
        places.setdefault(document, []).append((start, end, number))
    rows = []
    for document, text in zip(documents["document_id"], documents["text"], strict=True):
        if not text or document not in places:
            continue
        spans = places[document]
        for number, (block, section) in enumerate(_blocks_in(text, spans), start=1):
            rows.append((document, number, section, block.kind, block.start, block.end, block.cells))
    return pd.DataFrame(rows, columns=list(BLOCK_COLUMNS), dtype=object)


def blocks_of(text: str, start: int = 0, end: int | None = None) -> list[Block]:
    """Lists and tables of `text[start:end]` in order; they do not overlap."""
    return [block for block, _ in _blocks_in(text, [(start, len(text) if end is None else end, 1)])]


def _blocks_in(text: str, spans: list[tuple[int, int, int]]) -> list[tuple[Block, int]]:
    found: list[tuple[Block, int]] = []
    if "\t" in text or "|" in text or _WIDE_GAP.search(text):
        for start, end, number in spans:
            found += [(block, number) for block in _tables(text, start, end)]
    tables = [(b.start, b.end) for b, _ in found]
    starts = [s for s, _, _ in spans]
    if _ANY_MARK.search(text) is None:
        return found

    def section_at(place: int) -> int:
        i = bisect_right(starts, place) - 1
        return i if i >= 0 and place < spans[i][1] else -1

    marks = []
    for match in _MARK.finditer(text):
        here = section_at(match.end())
        if here >= 0 and not any(a <= match.start() < b for a, b in tables):
            marks.append((here, match))
    for block, here in _line_lists(text, marks, spans):
        found.append((block, spans[here][2]))
    if _SECOND.search(text):
        taken = [(b.start, b.end) for b, _ in found]
        for block, here in _run_on_lists(text, spans, taken):
            found.append((block, spans[here][2]))
    found.sort(key=lambda item: item[0].start)
    return found


def _line_lists(
    text: str, marks: list[tuple[int, re.Match[str]]], spans: list[tuple[int, int, int]]
) -> list[tuple[Block, int]]:
    found: list[tuple[Block, int]] = []
    group: list[tuple[int, int]] = []
    group_section, previous = -1, ""

    def close() -> None:
        if len(group) > 1:
            cells = [[s, e] for s, e in group]
            begin = text.rfind("\n", 0, group[0][0]) + 1
            begin = max(begin, spans[group_section][0])
            begin += len(text[begin : group[0][0]]) - len(text[begin : group[0][0]].lstrip())
            found.append((Block(LIST, begin, group[-1][1], cells), group_section))

    for here, match in marks:
        kind = match[1] or match[2]
        item = _item(text, match.end(), spans[here][1])
        follows = (
            bool(group)
            and here == group_section
            and _next_mark(previous, kind)
            and text.count("\n", group[-1][1], match.start()) <= 2
            and not text[group[-1][1] : match.start()].strip()
        )
        if not follows:
            close()
            group = []
        if follows or match[2] is None or kind in ("1", "a", "A"):
            group.append(item)
            group_section, previous = here, kind
        else:
            group = []
    close()
    return found


def _next_mark(previous: str, kind: str) -> bool:
    """Whether a mark goes on with the list of the one before; a scanner may lose one number."""
    if previous.isdigit() and kind.isdigit():
        return 1 <= int(kind) - int(previous) <= 2
    if previous.isalpha() and kind.isalpha() and previous != kind:
        return ord(kind) - ord(previous) == 1
    return previous == kind


def _item(text: str, start: int, end: int) -> tuple[int, int]:
    """An item with the lines that it runs on over: indented, or beginning with a small letter."""
    to = text.find("\n", start, end)
    to = end if to < 0 else to
    for _ in range(_LONGEST_CONTINUED):
        if to >= end:
            break
        line_end = text.find("\n", to + 1, end)
        line_end = end if line_end < 0 else line_end
        line = text[to + 1 : line_end]
        stripped = line.strip()
        if not stripped or _MARK.match(line) or ":" in stripped[:25]:
            break
        if not (stripped[0].islower() or line[:2].isspace()):
            break
        to = line_end
    return start, start + len(text[start:to].rstrip())


def _run_on_lists(
    text: str, spans: list[tuple[int, int, int]], taken: list[tuple[int, int]]
) -> list[tuple[Block, int]]:
    found: list[tuple[Block, int]] = []
    group: list[re.Match[str]] = []
    group_section = -1
    starts = [s for s, _, _ in spans]

    def close() -> None:
        if len(group) < 2:
            return
        limit = spans[group_section][1]
        gap = _BLANK_LINE.search(text, group[-1].end(), limit)
        limit = gap.start() if gap else limit
        cells = []
        for n, match in enumerate(group):
            to = group[n + 1].start() if n + 1 < len(group) else limit
            begin = match.end() + len(text[match.end() : to]) - len(text[match.end() : to].lstrip())
            cells.append([begin, begin + len(text[begin:to].rstrip())])
        found.append((Block(LIST, group[0].start(), cells[-1][1], list(cells)), group_section))

    for match in _RUN_ON.finditer(text):
        if any(a <= match.start() < b for a, b in taken):
            continue
        here = bisect_right(starts, match.start()) - 1
        if here < 0 or match.start() >= spans[here][1]:
            continue
        value = int(match[1] or match[2])
        last = int(group[-1][1] or group[-1][2]) if group else 0
        same = bool(group) and here == group_section and match[0][-1] == group[-1][0][-1]
        if same and value == last + 1 and "\n\n" not in text[group[-1].end() : match.start()]:
            group.append(match)
        elif value == 1:
            close()
            group, group_section = [match], here
        elif not same:
            close()
            group = []
    close()
    return found


def _tables(text: str, start: int, end: int) -> list[Block]:
    found: list[Block] = []
    rows: list[tuple[int, str]] = []
    at = start
    for line in text[start:end].split("\n"):
        if _COLUMNS.search(line) or (rows and line.strip() and _SEPARATOR.match(line)):
            rows.append((at, line))
        else:
            found += _table(rows)
            rows = []
        at += len(line) + 1
    return found + _table(rows)


def _table(rows: list[tuple[int, str]]) -> list[Block]:
    body = [(at, line) for at, line in rows if not _SEPARATOR.match(line)]
    if len(body) < 2:
        return []
    lines = [line for _, line in body]
    cells: list[list[Cell]]
    if all("|" in line for line in lines):
        cells = [_parted(at, line, "|") for at, line in body]
    elif all("\t" in line for line in lines):
        cells = [_parted(at, line, "\t") for at, line in body]
    elif len(body) >= _FEWEST_ROWS:
        cells = _aligned(body)
    else:
        return []
    if not cells or max(map(len, cells)) < 2:
        return []
    flat = [cell for row in cells for cell in row if cell[1] > cell[0]]
    return [Block(TABLE, min(c[0] for c in flat), max(c[1] for c in flat), cells)]


def _parted(at: int, line: str, mark: str) -> list[Cell]:
    pieces = line.split(mark)
    cells: list[Cell] = []
    place = at
    for piece in pieces:
        begin = place + len(piece) - len(piece.lstrip())
        cells.append([begin, begin + len(piece.strip())])
        place += len(piece) + 1
    if mark == "|":
        cells = cells[1:] if not pieces[0].strip() else cells
        cells = cells[:-1] if not pieces[-1].strip() else cells
    return cells


def _aligned(body: list[tuple[int, str]]) -> list[list[Cell]]:
    """Cells of lines whose columns are parted by the character places that are blank in all of them."""
    width = max(len(line) for _, line in body)
    filled = [False] * (width + 1)
    for _, line in body:
        for match in re.finditer(r"\S+", line.expandtabs(1)):
            filled[match.start() : match.end()] = [True] * (match.end() - match.start())
    columns: list[tuple[int, int]] = []
    begin = -1
    for place, some in enumerate(filled):
        if some and begin < 0:
            begin = place
        elif not some and begin >= 0:
            columns.append((begin, place))
            begin = -1
    if len(columns) < 2:
        return _by_gaps(body)
    cells: list[list[Cell]] = []
    for at, line in body:
        row: list[Cell] = []
        for low, high in columns:
            piece = line[low:high]
            first = at + min(low, len(line)) + len(piece) - len(piece.lstrip())
            row.append([first, first + len(piece.strip())])
        cells.append(row)
    return cells


def _by_gaps(body: list[tuple[int, str]]) -> list[list[Cell]]:
    """Cells parted by two and more spaces where columns do not stand beneath each other, as a scanner leaves them."""
    cells: list[list[Cell]] = []
    for at, line in body:
        row: list[Cell] = []
        place = len(line) - len(line.lstrip())
        for match in [*_WIDE.finditer(line, place), None]:
            to = match.start() if match else len(line.rstrip())
            if to > place:
                row.append([at + place, at + to])
            place = match.end() if match else to
        cells.append(row)
    counts = [len(row) for row in cells]
    usual = max(set(counts), key=counts.count)
    return cells if usual > 1 and counts.count(usual) * 3 >= 2 * len(counts) else []
