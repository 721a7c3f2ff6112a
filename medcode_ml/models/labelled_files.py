"""What readers of labelled sources share: JSON Lines with their rejects, and the tables of a research layout.

What a line or row means is the stage's own; here it is only found, opened and taken apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

_DEPTH: Final = 4
"""PhysioNet's own folders are mimiciv/<version>/hosp and mimic-iv-note/<version>/note."""
_ROWS: Final = 20_000


class LabelledSourceError(ValueError):
    """A labelled source cannot be read: says what was looked for and where."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One thing of a source that was not read: where it stands and why."""

    where: str
    reason: str


def line_of(path: Path, number: int) -> str:
    """Where a line stands, in words."""
    return f"{path.name} line {number}"


def json_objects(path: Path, rejected: list[Rejected], what: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and object of each good line of a JSON Lines file; the others are added to `rejected`.

    Args:
        path: the file.
        rejected: takes the lines that hold no JSON object. Empty lines count as nothing.
        what: what the file should hold, for the error.

    Raises:
        LabelledSourceError: the file cannot be opened.
    """
    try:
        handle = path.open("rb")
    except OSError as error:
        raise LabelledSourceError(f"{path}: {error.strerror}; name a JSON Lines file: {what}") from error
    with handle:
        for number, data in enumerate(handle, start=1):
            if not data.strip():
                continue
            try:
                record = json.loads(data.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError as error:
                reason = f"not UTF-8 at byte {error.start}; save the file as UTF-8"
            except (json.JSONDecodeError, RecursionError):
                reason = "not JSON; one object a line is wanted"
            else:
                if isinstance(record, dict):
                    yield number, record
                    continue
                reason = "not a JSON object; one object a line is wanted"
            rejected.append(Rejected(line_of(path, number), reason))


def table_file(folder: Path, name: str) -> Path | None:
    """The CSV file of a table at or below `folder`, packed or not, in small or capital letters; None without one.

    Raises:
        LabelledSourceError: it is there in two places.
    """
    return one_file(folder, tuple(f"{n}.csv{packed}" for n in (name, name.upper()) for packed in (".gz", "")))


def one_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The one file of these names at or below `folder`, nearest first.

    Raises:
        LabelledSourceError: it is there in two places.
    """
    for depth in range(_DEPTH + 1):
        found = [p for name in names for p in sorted(folder.glob("*/" * depth + name)) if p.is_file()]
        # where a file system knows no capital letters, two names are one file
        here = list({(p.stat().st_dev, p.stat().st_ino): p for p in found}.values())
        if len(here) > 1:
            raise LabelledSourceError(f"{folder} holds {here[0]} and {here[1]}; name the folder of one of them")
        if here:
            return here[0]
    return None


def table_chunks(path: Path, wanted: Sequence[str], rows: int = _ROWS) -> Iterator[pd.DataFrame]:
    """The table in pieces, column names in small letters, every value text, None where empty.

    Raises:
        LabelledSourceError: it lacks a wanted column, or cannot be read.
    """
    import pandas as pd

    try:
        with pd.read_csv(path, dtype=str, chunksize=rows, keep_default_na=False, na_values=[""]) as reader:
            for chunk in reader:
                named = chunk.rename(columns=str.lower)
                missing = [c for c in wanted if c not in named.columns]
                if missing:
                    raise LabelledSourceError(f"{path}: it lacks the column {', '.join(missing)}")
                yield named
    except (OSError, EOFError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise LabelledSourceError(f"{path}: cannot be read ({type(error).__name__}); is it complete?") from error
