"""JSON Lines in and out: malformed lines go to `<out>.rejected.jsonl`, the output appears whole or not at all."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

from tqdm import tqdm

from medcode_ml.contracts.characters import has_half_character

Record = dict[str, Any]
#: an escape that may stand for half of a character
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
#: what is wrong with a record, or None
Fault = Callable[[Record], str | None]


@dataclass(frozen=True)
class Line:
    """One good input line: its number and its object."""

    number: int
    record: Record


class InputFileError(ValueError):
    """The input cannot be opened."""


class Output:
    """Writes `path` and, where something was rejected, `<path>.rejected.jsonl`; both take their names at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rejected_path = path.with_name(path.name + ".rejected.jsonl")
        self.written = self.rejected = 0
        self._good: TextIO | None = None
        self._bad: TextIO | None = None

    def __enter__(self) -> Output:
        if not self.path.parent.is_dir():
            raise InputFileError(f"{self.path.parent}: there is no such folder to write to")
        self._good = self._temporary(self.path).open("w", encoding="utf-8")
        return self

    def write(self, record: Record) -> None:
        """Write one result."""
        assert self._good is not None
        self._good.write(json.dumps(record, ensure_ascii=False, default=_plain) + "\n")
        self.written += 1

    def reject(self, number: int, reason: str, original: str) -> None:
        """Set one input line aside with its number and the reason."""
        if self._bad is None:
            self._bad = self._temporary(self.rejected_path).open("w", encoding="utf-8")
        line = {"line": number, "reason": reason, "original": original[:10_000]}
        self._bad.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.rejected += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle, path in ((self._good, self.path), (self._bad, self.rejected_path)):
            if handle is None:
                if kind is None:
                    path.unlink(missing_ok=True)  # a rejected file of an earlier run would be taken for this one's
                continue
            handle.close()
            temporary = self._temporary(path)
            if kind is None:
                os.replace(temporary, path)
            else:
                temporary.unlink(missing_ok=True)

    @staticmethod
    def _temporary(path: Path) -> Path:
        return path.with_name(f".{path.name}.{os.getpid()}.part")


def read_lines(path: Path, output: Output, fault: Fault) -> Iterator[Line]:
    """Yield the good lines of a JSON Lines file; the others are rejected with number and reason.

    Raises:
        InputFileError: the file cannot be opened.
    """
    try:
        handle = path.open("rb")
    except OSError as error:
        raise InputFileError(f"{path}: {error.strerror}; name a JSON Lines file with --in") from error
    with handle:
        for number, data in enumerate(handle, start=1):
            if not data.strip():
                continue
            try:
                text = data.decode("utf-8-sig" if number == 1 else "utf-8")
                record = json.loads(text)
            except UnicodeDecodeError as error:
                output.reject(number, f"not UTF-8 at byte {error.start}; save the file as UTF-8", repr(data[:200]))
                continue
            except (ValueError, RecursionError) as error:  # a whole number of thousands of digits is a plain ValueError
                where = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
                output.reject(number, f"not JSON{where}; one object a line is wanted", text.rstrip("\n"))
                continue
            reason = _form_fault(record, text) or fault(record)
            if reason is not None:
                output.reject(number, reason, text.rstrip("\n"))
                continue
            yield Line(number, record)


def _form_fault(record: Any, text: str) -> str | None:
    """Why a line is no record, or none that could be written again: unknown keys are carried through untouched."""
    if not isinstance(record, dict):
        return "not a JSON object; one object a line is wanted"
    if not _HALF.search(text):
        return None
    for key, value in record.items():
        if has_half_character(json.dumps([key, value], ensure_ascii=False)):
            named = key if key.isidentifier() and key.isascii() else "a key"
            return f"{named} holds half of a surrogate pair; write the whole character"
    return None


def batches(lines: Iterable[Line], size: int) -> Iterator[list[Line]]:
    """Group lines into batches of at most `size`."""
    batch: list[Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def count_lines(path: Path) -> int:
    """Lines of a file, for the progress bar; 0 when it cannot be opened (reading it will say why)."""
    try:
        with path.open("rb") as handle:
            return sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b""))
    except OSError:
        return 0


def progress(total: int, unit: str) -> tqdm[Any]:
    """A progress bar on a terminal, nothing elsewhere."""
    return tqdm(total=total, unit=unit, disable=not sys.stderr.isatty())


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")
