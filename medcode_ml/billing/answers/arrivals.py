"""What arrived from insurers: the files of a day, kept under their hash, as rows of `raw.answer_file`.

A file that arrived once stays: taking it out of the inbox later changes nothing. What an arrival says of itself
(`lasting`) decides otherwise for answers that are made anew, as those of simulated payers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.answers.kept import Kept, KeptFiles
from medcode_ml.contracts import answers
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.frames import days_of, read_partition, replace_partition

#: what is being written has such a name; it is taken when it has its own
_UNFINISHED = (".part", ".tmp", ".filepart")
_KINDS = ((b"*835*", "835"), (b"*999*", "999"), (b"*277*", "277"), (b"TA1*", "ta1"))


class Arrivals(Protocol):
    """Where answers come from."""

    source: str
    lasting: bool
    """A file stays that arrived once; otherwise a day has what `of` gives now."""

    def of(self, connection: sa.Connection, day: date) -> Iterable[Path | bytes]:
        """What arrived on `day`, in any order; the same file twice is two copies."""


class Inbox:
    """A folder with a folder for each day (YYYY-MM-DD), in which anybody may put files of any name and depth."""

    source = "inbox"
    lasting = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, connection: sa.Connection, day: date) -> Iterable[Path]:
        """The files of `day` that are whole."""
        return self.files(day)

    def files(self, day: date) -> Iterator[Path]:
        """The files of `day`; names that begin with a dot or end in .part, .tmp, .filepart are being written."""
        for path in sorted((self.folder / day.isoformat()).rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(self.folder).parts)
            if path.is_file() and not hidden and path.suffix.lower() not in _UNFINISHED:
                yield path

    def put(self, arrived: Path, day: date) -> bool:
        """Put a copy of a file among those of `day`, under an opaque name; False where it is there already.

        Raises:
            KeptFileError: the file cannot be read, or the inbox cannot be written.
        """
        folder = KeptFiles(self.folder / day.isoformat())
        before = set(self.files(day))
        return folder.path(folder.put(arrived).sha256) not in before

    def days(self, first_day: date) -> list[date]:
        """The days from `first_day` on that have a folder."""
        folders = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(
            date.fromisoformat(path.name) for path in folders if path.is_dir() and _is_day(path.name, first_day)
        )

    def changed(self, first_day: date, mark: int) -> dict[date, int]:
        """The days with files that came after `mark`, each with when its last one came (ns since 1970)."""
        found = {}
        for day in self.days(first_day):
            # when a file got its present name: a copy may carry the old time of its content
            newest = max((path.stat().st_ctime_ns for path in self.files(day)), default=0)
            if newest > mark:
                found[day] = newest
        return found

    def outside(self, first_day: date) -> int:
        """Files that no day will take: beside the days, or before the first one."""
        if not self.folder.is_dir():
            return 0
        days = {path for path in self.folder.iterdir() if path.is_dir() and _is_day(path.name, first_day)}
        others = (path for path in self.folder.iterdir() if path not in days)
        return sum(1 for other in others for path in (other, *other.rglob("*")) if path.is_file())


def _is_day(name: str, first_day: date) -> bool:
    try:
        # other ISO forms (2026W47) name no folder of ours
        return len(name) == 10 and date.fromisoformat(name) >= first_day
    except ValueError:
        return False


def run_answer_files(
    engine: sa.Engine, start: date, end: date, arrivals: Sequence[Arrivals], kept: KeptFiles, first_day: date
) -> StageResult:
    """Keep what arrived from `start` to `end` and write its rows; each day is replaced in one transaction.

    Args:
        arrivals: where answers come from; a file of two sources belongs to the first.
        first_day: first received day there is; files of the inbox before it are counted, never taken.
    """
    written = repeated = 0
    sources: Counter[str] = Counter()
    for day in days_of(start, end):
        with engine.begin() as connection:
            rows = _rows(connection, day, arrivals, kept)
            written += replace_partition(connection, answers.answer_file, day, rows)
            _first_received(connection)
        for source, copies in zip(rows["source"], rows["copies"], strict=True):
            sources[source] += copies
    with engine.connect() as connection:
        table = answers.answer_file.c
        query = sa.select(sa.func.count()).where(
            table.received_date.between(start, end), table.first_received < table.received_date
        )
        repeated = int(connection.execute(query).scalar_one())
    outside = sum(one.outside(first_day) for one in arrivals if isinstance(one, Inbox))
    figures: dict[str, float | int | str] = {
        "files_of_earlier_days": repeated,
        "synthetic_files": sources["simulated"],
        "files_outside_a_day": outside,
    }
    listing = tuple(sources.most_common())
    return StageResult("answer files", start, end, {"answer_file": written}, figures, (("source", "files"), listing))


def _rows(connection: sa.Connection, day: date, arrivals: Sequence[Arrivals], kept: KeptFiles) -> pd.DataFrame:
    before = read_partition(connection, answers.answer_file, day)
    lasting = {one.source for one in arrivals if one.lasting} | (set(before["source"]) - {a.source for a in arrivals})
    rows: dict[str, dict[str, Any]] = {
        row["file_sha256"]: row for row in before.to_dict("records") if row["source"] in lasting
    }
    for one in arrivals:
        copies: Counter[str] = Counter()
        for arrived in one.of(connection, day):
            file = kept.put(arrived)
            copies[file.sha256] += 1
            row = rows.setdefault(file.sha256, _row(file, one.source, day))
            if row["source"] == one.source:
                # copies that were taken out of the inbox since count too
                row["copies"] = max(row["copies"], copies[file.sha256])
    columns = [c.name for c in answers.answer_file.columns if c.name != "received_date"]
    ordered = sorted(rows.values(), key=lambda row: row["file_sha256"])
    return pd.DataFrame([[row[c] for c in columns] for row in ordered], columns=columns, dtype=object)


def _row(file: Kept, source: str, day: date) -> dict[str, Any]:
    kind = next((kind for mark, kind in _KINDS if mark in file.beginning), "x12")
    return {
        "file_sha256": file.sha256, "source": source, "name": f"{file.sha256[:16]}.{kind}", "bytes": file.size,
        "copies": 1, "first_received": day,
    }  # fmt: skip


def _first_received(connection: sa.Connection) -> None:
    """Put right the first day of every file: a day may be landed after a later one, or have lost a file."""
    table = answers.answer_file
    first = (
        sa.select(table.c.file_sha256, sa.func.min(table.c.received_date).label("day"))
        .group_by(table.c.file_sha256)
        .subquery()
    )
    connection.execute(
        sa.update(table)
        .where(table.c.file_sha256 == first.c.file_sha256, table.c.first_received != first.c.day)
        .values(first_received=first.c.day)
    )


def days_to_read(came: dict[date, int], today: date, most: int) -> list[tuple[date, int]]:
    """The days to run of those that files came into, with when: at most `most`, what came first before what came last.

    In that order the last one is the mark up to which everything was asked for. A folder of a day to come waits.
    """
    return sorted(((day, mark) for day, mark in came.items() if day <= today), key=lambda one: (one[1], one[0]))[:most]
