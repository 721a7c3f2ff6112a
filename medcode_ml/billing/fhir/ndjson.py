"""NDJSON files of resources, one a resource type as FHIR Bulk Data has them, each line checked by `fhir.resources`.

A folder appears whole or not at all, readable by its owner only: it holds records. Amounts are written digit by digit
as they were billed (10.10 stays 10.10), never through a binary float. What cannot be written stands in
`left_out.jsonl` with the reason, which names elements, never values.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import orjson

from medcode_ml.billing.fhir.terms import Resource

LEFT_OUT = "left_out.jsonl"
_ELEMENT = re.compile(r"[a-z][A-Za-z]{0,40}", re.ASCII)
_TOLD = 3


class FhirExportError(ValueError):
    """The export cannot be made: its folder is in use, or nothing that was asked for is known."""


class FhirFiles:
    """Writes resources to `<folder>/<resource type>.ndjson`; `written` and `left_out` count them.

    A resource whose id was written before is passed over: callers bring the newest version first.
    """

    def __init__(self, folder: Path) -> None:
        """Raises FhirExportError where the folder is not empty."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FhirExportError(f"{folder}: there is something here already; name a new or empty folder with --out")
        self.folder = folder
        self.written: Counter[str] = Counter()
        self.left_out: Counter[tuple[str, str]] = Counter()
        self._known: dict[str, set[str]] = {}
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> FhirFiles:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._unfinished = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}.", dir=self.folder.parent))
        return self

    def open(self, kind: str) -> None:
        """Make sure that there is a file of this resource type, even without a resource in it."""
        self._file(f"{kind}.ndjson")

    def has(self, kind: str, identity: str) -> bool:
        """True when a resource with this id was written."""
        return identity in self._known.get(kind, ())

    def write(self, resource: Resource) -> bool:
        """Write a resource, unless one with its id is there; False when the standard's model refuses it."""
        kind, identity = resource["resourceType"], resource["id"]
        known = self._known.setdefault(kind, set())
        if identity in known:
            return True
        try:
            line = as_line(resource)
        except orjson.JSONEncodeError:
            # half of a surrogate pair, as JSON can escape it: no UTF-8 can hold it
            self.leave_out(kind, identity, f"no valid {kind}: a text in it is no Unicode")
            return False
        fault = fault_of(kind, line)
        if fault is not None:
            self.leave_out(kind, identity, fault)
            return False
        known.add(identity)
        self.written[kind] += 1
        self._file(f"{kind}.ndjson").write(line + b"\n")
        return True

    def leave_out(self, kind: str, identity: str, because: str) -> None:
        """Say what is not in the export; `identity` and `because` must tell nothing of a patient."""
        self.left_out[kind, because] += 1
        line = {"resourceType": kind, "id": identity, "because": because}
        self._file(LEFT_OUT).write(orjson.dumps(line) + b"\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()
        if kind is not None:
            shutil.rmtree(self._unfinished, ignore_errors=True)
            return
        try:
            if self.folder.exists():
                self.folder.rmdir()
            os.replace(self._unfinished, self.folder)
        except OSError:
            shutil.rmtree(self._unfinished, ignore_errors=True)
            raise

    def _file(self, name: str) -> BinaryIO:
        if name not in self._files:
            self._files[name] = (self._unfinished / name).open("wb")
        return self._files[name]


def as_line(resource: Resource) -> bytes:
    """A resource as one line of JSON; decimals keep every digit."""
    return orjson.dumps(resource, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(f"{value:f}")
    raise TypeError(f"{type(value).__name__} has no place in a resource")


def fault_of(kind: str, line: bytes) -> str | None:
    """Why the standard's model refuses a line, naming elements and never values; None when it takes it."""
    from pydantic import ValidationError

    try:
        _model(kind).model_validate_json(line)
    except ValidationError as error:
        found = [_finding(e["loc"], e["type"]) for e in error.errors(include_input=False, include_url=False)]
    else:
        return None
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return f"no valid {kind}: {'; '.join(found[:_TOLD])}{more}"


@lru_cache(maxsize=16)
def _model(kind: str) -> Any:
    """The model of R4B, which has the resources of a claim as R4 has them."""
    return getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)


def _finding(location: tuple[int | str, ...], kind: str) -> str:
    place = ".".join(str(p) if isinstance(p, int) else p if _ELEMENT.fullmatch(p) else "?" for p in location) or "it"
    if kind.endswith("missing"):
        return f"{place} is required"
    return f"{place} has a value that the standard does not allow"
