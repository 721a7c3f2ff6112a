"""Validating an 837: the guide's syntax by pyx12, sums and code forms by our own rules.

pyx12 parses a guide's map anew for every file, which takes a second; here each map is parsed once a process.
"""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyx12.errors
import pyx12.map_if
import pyx12.params
import pyx12.x12n_document

from medcode_ml.billing.x12.rules_837 import is_nested, rule_faults, split_segments
from medcode_ml.billing.x12.sets import TransactionSets

_LATER_ERRATA = (("005010X223A2", "005010X223A3"), ("005010X222A1", "005010X222A2"))
_LOCK = threading.Lock()
_load_map_file = pyx12.map_if.load_map_file
# pyx12 logs what it finds, with values of the file; its findings are returned instead, and logs hold no PHI
logging.getLogger("pyx12").addHandler(logging.NullHandler())
logging.getLogger("pyx12").propagate = False


# Where pyx12's findings quote a value of the file, and what is left when it is taken out.
_QUOTED = (
    (re.compile(r"^Segment (\w{2,3})\*.* not found\.", re.DOTALL), r"Segment \1 not found."),
    (re.compile(r"^Segment .*\*.* not found\.", re.DOTALL), "Segment not found."),
    (re.compile(r'len\(".*"\)', re.DOTALL), "length"),
    (re.compile(r"(invalid date|invalid time|character|trailing spaces\.) ?\(.*\)$", re.DOTALL), r"\1"),
    (re.compile(r"^\(.*\) is not a valid code", re.DOTALL), "not a valid code"),
    (re.compile(r"with a value of \(.*\)", re.DOTALL), "with its value"),
    (re.compile(r'^Segment (identifier )?".*" is', re.DOTALL), r"Segment \1is"),
    (re.compile(r"must have 16 elements \(.*\)$", re.DOTALL), "must have 16 elements"),
)


@dataclass(frozen=True, slots=True)
class Validation:
    """The verdict on an interchange; `errors` are sentences, empty when it is `ok`."""

    ok: bool
    errors: tuple[str, ...]


@lru_cache(maxsize=16)
def _map(name: str) -> Any:
    return _load_map_file(name, pyx12.params.params(), None)


@contextmanager
def _maps_read_once() -> Iterator[None]:
    """Let pyx12 take its maps from our cache for a while; it offers no other way to hand it a parsed map."""

    def cached(name: str, param: Any, map_path: str | None = None) -> Any:
        return _map(name) if map_path is None else _load_map_file(name, param, map_path)

    with _LOCK:
        pyx12.map_if.load_map_file = cached
        try:
            yield
        finally:
            pyx12.map_if.load_map_file = _load_map_file


def validate_837(text: str) -> Validation:
    """Validate an interchange by the implementation guide (pyx12) and by our rules 27-32."""
    if not text.startswith("ISA"):
        return Validation(False, ("the file does not begin with an ISA segment",))
    try:
        own = rule_faults(text)
    except ValueError as error:
        return Validation(False, (str(error),))
    if not is_nested(split_segments(text)):
        envelope = "the envelope is broken: ISA, GS, ST, SE, GE and IEA do not stand inside each other"
        return Validation(False, (envelope, *own))
    errors = tuple(dict.fromkeys([*_syntax_errors(text), *own]))
    return Validation(not errors, errors)


def validate_sets(chunks: Iterable[str]) -> Validation:
    """Validate an interchange of any size piece by piece, one transaction set in memory at a time.

    Errors of a set name it; there are as many as `validate_837` would find of each set, and those of the envelope.
    """
    sets, errors, count = TransactionSets(chunks), list[str](), 0
    try:
        for count, text in enumerate(sets, 1):
            errors += [f"transaction set {count}: {error}" for error in validate_837(text).errors]
    except ValueError as error:
        return Validation(False, (str(error),))
    errors += sets.faults
    if not count and not errors:
        errors.append("the file holds no transaction set")
    return Validation(not errors, tuple(dict.fromkeys(errors)))


def second_opinion(text: str) -> list[str]:
    """What x12sdk finds in an interchange: its sums, segment counts and models of each loop; empty when it is content.

    It names the guides by a later erratum than pyx12 does and takes time beyond proportion: give it small files.
    """
    from pydantic import ValidationError
    from x12sdk.io import X12ModelReader

    for guide, theirs in _LATER_ERRATA:
        text = text.replace(guide, theirs)
    errors: list[str] = []
    try:
        with X12ModelReader(text) as reader:
            models = sum(1 for _ in reader.models())
    except ValidationError as error:
        errors += [f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors()]
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        errors.append(f"x12sdk cannot follow the file ({type(error).__name__})")
    else:
        if not models:
            errors.append("x12sdk finds no transaction set")
    return errors


def _syntax_errors(text: str) -> list[str]:
    findings = io.StringIO()
    try:
        with _maps_read_once():
            valid = pyx12.x12n_document.x12n_document(
                pyx12.params.params(), io.StringIO(text), None, None, fd_json=findings
            )
    except (pyx12.errors.X12Error, pyx12.errors.EngineError) as error:
        return [f"not readable as X12: {error}"]
    except (IndexError, KeyError, AttributeError, AssertionError) as error:
        # pyx12 loses its way in files whose loops do not close; that is a refusal, not a fault of ours
        return [f"the implementation guide's validator cannot follow the file ({type(error).__name__})"]
    written = findings.getvalue()
    errors = list(_told(json.loads(written))) if written else []
    if not valid and not errors:
        errors.append("the implementation guide's validator refuses the file without a reason")
    return errors


def _told(node: Any) -> Iterator[str]:
    """Errors anywhere in pyx12's tree of findings, with the segment they stand at; values are left out."""
    for interchange in node["interchanges"]:
        yield from _sentences("ISA", interchange)
        for group in interchange["groups"]:
            yield from _sentences("GS", group)
            for transaction in group["transactions"]:
                yield from _sentences("ST", transaction)
                for found in transaction["segments"]:
                    where = f"segment {found['seg_count']} ({_segment_id(found)}{_named(found)})"
                    yield from _sentences(where, found)
                    for element in found["elements"]:
                        yield from _sentences(f"{where}, element {_place(element)}", element)


def _segment_id(found: dict[str, Any]) -> str:
    name = str(found["seg_id"])
    return name if name.isalnum() and len(name) <= 3 else "?"


def _named(found: dict[str, Any]) -> str:
    return f", {found['name']}" if found.get("name") else ""


def _place(element: dict[str, Any]) -> str:
    place = str(element.get("ele_pos") or element.get("pos") or "")
    return f"{place}-{element['subele_pos']}" if element.get("subele_pos") else place


def _sentences(where: str, node: dict[str, Any]) -> Iterator[str]:
    for error in node["errors"]:
        yield f"{where}: {without_values(str(error['err_str']))}"


def without_values(finding: str) -> str:
    """A finding of pyx12 without the value it quotes: names and identifiers do not belong in messages."""
    for pattern, plain in _QUOTED:
        finding = pattern.sub(plain, finding)
    return finding
