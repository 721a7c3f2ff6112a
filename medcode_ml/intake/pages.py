"""Files in, one row a page out: the parallel driver of opening, repairing and reading.

A page that hangs or crashes its process costs that page only: the process is ended and replaced, and the page gets its
row with a gate. Rows are the same, in input order, for any number of workers; only `seconds` differs.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from pebble import ProcessExpired, ProcessPool
from tqdm import tqdm

from medcode_ml.intake.gates import BROKEN_FILE, TIMED_OUT
from medcode_ml.intake.opening import UnreadableFileError, open_page, page_count
from medcode_ml.intake.reading import read_page, warm_up

#: (file label, page, pages in the file) -> page id
PageId = Callable[[str, int, int], str]
COLUMNS = (
    "file_number",
    "file",
    "page",
    "pages",
    "page_id",
    "content_hash",
    "text",
    "words",
    "regions",
    "rotation",
    "skew",
    "confidence",
    "quality",
    "gate",
    "gate_reason",
    "seconds",
)
_IN_JSON = ("file", "page", "page_id", "text", "words", "regions", "rotation", "quality", "seconds")
_ENGINE_SHARE = 0.9  # the engine stops itself a little before its process would be ended


@dataclass(frozen=True)
class _Inspected:
    content_hash: str | None
    count: int
    gate: str | None = None
    reason: str | None = None


def stem_page_id(file: str, page: int, pages: int) -> str:
    """The file's stem, with `#N` for page N of a file with several."""
    stem = Path(file).stem
    return f"{stem}#{page}" if pages > 1 else stem


def read_files(
    files: Sequence[tuple[str, Path]],
    workers: int = 2,
    page_seconds: float = 40.0,
    progress: bool = False,
    page_id: PageId = stem_page_id,
) -> pd.DataFrame:
    """Read every page of `files`, pairs of the label to report and the path to open.

    One row a page with the columns `COLUMNS`: `file_number` counts `files` from 0, `page` the pages of a file from 1; a
    file or page that cannot be opened has a row too, with `gate` broken_file, locked_file or timed_out, its reason, and
    no text. `words` are as in `reading.Word`. With one worker the pages are read in this process, where only the engine
    can be cut off after `page_seconds`; with more, a process that takes longer is ended. Scripts that ask for several
    workers need the usual ``if __name__ == "__main__"`` guard.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; give 1 to read in this process, more to read in parallel")
    paths = [path for _, path in files]
    inspected: list[_Inspected] = []
    read: dict[tuple[int, int], dict[str, Any]] = {}
    with _runner(min(workers, max(1, len(files))), page_seconds) as run:
        for path, (seen, trouble, _) in zip(paths, run(_inspect, [(p,) for p in paths]), strict=True):
            if seen is None:
                seen = _Inspected(file_hash(path), 1, *_trouble(trouble, page_seconds))
            inspected.append(seen)
        jobs = [(n, number) for n, seen in enumerate(inspected) if not seen.gate for number in range(1, seen.count + 1)]
        results = run(_read, [(paths[n], number, page_seconds) for n, number in jobs])
        results = iter(tqdm(results, "pages", len(jobs), disable=not progress))
        for job, (row, trouble, seconds) in zip(jobs, results, strict=True):
            read[job] = row if row is not None else _unread(*_trouble(trouble, page_seconds), seconds)
    rows = []
    for n, ((label, _), seen) in enumerate(zip(files, inspected, strict=True)):
        for number in range(1, seen.count + 1):
            row = read.get((n, number)) or _unread(seen.gate, seen.reason, 0.0)
            row |= {"file_number": n, "file": label, "page": number, "pages": seen.count}
            row |= {"page_id": page_id(label, number, seen.count), "content_hash": seen.content_hash}
            rows.append(row)
    return _frame(rows)


def page_rows_to_json(pages: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as `medcode read-page` writes them; a gated page has `quarantined_because`, its gate and the reason."""
    rows = []
    for page in pages.to_dict("records"):
        row: dict[str, Any] = {name: page[name] for name in _IN_JSON}
        row["text"], row["words"], row["regions"] = page["text"] or "", page["words"] or [], page["regions"] or []
        row["quality"] = {**(page["quality"] or {}), "confidence": page["confidence"], "skew": page["skew"]}
        if page["gate"] is not None:
            row["quarantined_because"] = f"{page['gate']}: {page['gate_reason']}"
        rows.append(row)
    return rows


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return frame.astype({"file_number": "int64", "page": "int64", "pages": "int64", "seconds": "float64"})


def _unread(gate: str | None, reason: str | None, seconds: float) -> dict[str, Any]:
    empty = dict.fromkeys(("text", "words", "regions", "rotation", "skew", "confidence", "quality"))
    return {**empty, "gate": gate, "gate_reason": reason, "seconds": round(seconds, 3)}


def _trouble(error: BaseException | None, page_seconds: float) -> tuple[str, str]:
    """Gate and reason for what went wrong outside the reading itself; anything unforeseen is raised."""
    if isinstance(error, FutureTimeoutError):
        return TIMED_OUT, (
            f"The page was cut off after {page_seconds:g} seconds. Scan the sheet again, or allow more time "
            "(MEDCODE_PAGE_SECONDS)."
        )
    if isinstance(error, ProcessExpired | MemoryError):
        return BROKEN_FILE, "The process reading this page ended: the file is damaged or too large. Ask for it again."
    if isinstance(error, BaseException):
        raise error
    raise ValueError("a page was neither read nor reported")


def file_hash(path: Path) -> str | None:
    """sha256 of a file, in hexadecimal; None where it is not there."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None  # the row says that the file cannot be opened; there is no content to name


def _inspect(path: Path) -> _Inspected:
    content_hash = file_hash(path)
    try:
        return _Inspected(content_hash, page_count(path))
    except UnreadableFileError as error:
        return _Inspected(content_hash, 1, error.gate, _sentence(error))


def _read(path: Path, number: int, page_seconds: float) -> dict[str, Any]:
    began = time.monotonic()
    try:
        image = open_page(path, number)
    except UnreadableFileError as error:
        return _unread(error.gate, _sentence(error), time.monotonic() - began)
    reading = read_page(image, max(0.05, _ENGINE_SHARE * page_seconds - (time.monotonic() - began)))
    seconds = round(time.monotonic() - began, 3)
    if not reading.finished or seconds > page_seconds:
        return _unread(*_trouble(FutureTimeoutError(), page_seconds), seconds)
    return {
        "text": reading.text,
        "words": reading.words,
        "regions": reading.regions,
        "rotation": reading.rotation,
        "skew": reading.skew,
        "confidence": reading.confidence,
        "quality": reading.quality,
        "gate": None,
        "gate_reason": None,
        "seconds": seconds,
    }


def _sentence(error: UnreadableFileError) -> str:
    return f"{error.reason[:1].upper()}{error.reason[1:]}. {error.remedy[:1].upper()}{error.remedy[1:]}."


#: what came back for one call: its result, or what went wrong, and the seconds it was waited for
_Outcome = tuple[Any, BaseException | None, float]
_Run = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[_Outcome]]


@contextmanager
def _runner(workers: int, seconds: float) -> Iterator[_Run]:
    """What runs calls and gives their outcomes in order: this process, or several that can be ended one by one."""
    if workers == 1:
        warm_up()
        yield _here
        return
    # spawned, not forked: the caller may have threads
    with ProcessPool(workers, initializer=warm_up, context=get_context("spawn")) as pool:

        def run(work: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[_Outcome]:
            for future in [pool.schedule(work, args=call, timeout=seconds) for call in calls]:
                try:
                    yield future.result(), None, seconds
                except (FutureTimeoutError, ProcessExpired, MemoryError) as error:
                    yield None, error, seconds

        try:
            yield run
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


def _here(work: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[_Outcome]:
    for call in calls:
        began = time.monotonic()
        try:
            yield work(*call), None, time.monotonic() - began
        except MemoryError as error:
            yield None, error, time.monotonic() - began
