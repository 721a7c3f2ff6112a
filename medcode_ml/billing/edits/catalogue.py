"""The catalogue of edits (`edits_catalogue.yaml`) and the one way to raise an edit from it. No rule lives here."""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

import yaml

LEVELS = ("error", "warning", "information")
EDITED_BY = ("medicare_code_editor", "grouper", "medcode")
_ENTRY_KEYS = {"number", "edited_by", "editor_name", "level", "releasable", "sentence", "remedy"}


class Edit(NamedTuple):
    """One edit on a claim. `level` error holds the claim; `code` is dotted, None where no code is concerned.

    `number` is the edit's own, which it keeps from release to release.
    """

    number: int
    edit: str
    edited_by: str
    level: str
    code: str | None
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    edited_by: str
    editor_name: str | None
    level: str
    sentence: str
    remedy: str
    releasable: bool


class CatalogueError(ValueError):
    """The packaged catalogue of edits has a fault."""


@lru_cache(maxsize=1)
def _entries() -> dict[str, _Entry]:
    text = (resources.files("medcode_ml.billing") / "edits_catalogue.yaml").read_text(encoding="utf-8")
    entries: dict[str, _Entry] = {}
    for name, given in yaml.safe_load(text).items():
        unknown = set(given) - _ENTRY_KEYS
        if unknown or given.get("level") not in LEVELS or given.get("edited_by") not in EDITED_BY:
            raise CatalogueError(f"edits_catalogue.yaml, {name}: unknown key, level or edited_by {sorted(unknown)}")
        entries[name] = _Entry(
            given["number"], given["edited_by"], given.get("editor_name"), given["level"], given["sentence"],
            given["remedy"], given["level"] == "error" and given.get("releasable", True),
        )  # fmt: skip
    numbers = [entry.number for entry in entries.values()]
    if len(set(numbers)) != len(numbers):
        raise CatalogueError("edits_catalogue.yaml: a number stands twice; each edit has its own")
    return entries


@lru_cache(maxsize=1)
def names_of_the_editor() -> dict[str, str]:
    """Medicare Code Editor name -> our name of the edit."""
    return {entry.editor_name: name for name, entry in _entries().items() if entry.editor_name}


def edit_names() -> tuple[str, ...]:
    """Every edit of the catalogue, in its order."""
    return tuple(_entries())


def edit_numbers() -> dict[str, int]:
    """Number of every edit of the catalogue."""
    return {name: entry.number for name, entry in _entries().items()}


def is_releasable(name: str) -> bool:
    """True when a person may release a claim from the edit: it is an error, and the 837 can be written all the same.

    Raises:
        KeyError: no such edit.
    """
    return _entries()[name].releasable


def words_of(name: str) -> set[str]:
    """Words in braces that the sentence and remedy of an edit are filled in with."""
    entry = _entries()[name]
    return {
        field for text in (entry.sentence, entry.remedy) for _, field, _, _ in string.Formatter().parse(text) if field
    }


def found(
    name: str, code: str | None = None, *, edited_by: str | None = None, level: str | None = None, **words: object
) -> Edit:
    """Raise the edit `name`, about `code`, its sentence filled in with `words`.

    `edited_by` overrides the catalogue where medcode applies the editor's rule itself (outpatient claims); `level`
    where the claim itself answers the edit.

    Raises:
        KeyError: no such edit, or a word of its sentence is missing: a fault of the caller.
    """
    entry = _entries()[name]
    return Edit(
        entry.number,
        name,
        edited_by or entry.edited_by,
        level or entry.level,
        code,
        entry.sentence.format(code=code, **words).strip(),
        entry.remedy.format(code=code, **words).strip(),
    )
