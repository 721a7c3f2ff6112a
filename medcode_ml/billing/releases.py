"""Which edits of a claim hold it: errors, unless a person released the claim from them.

An edit without which no 837 can be written is never released. Reading what people decided is the business of
`decisions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from medcode_ml.billing.edits.catalogue import Edit, is_releasable


class Release(NamedTuple):
    """Who released a claim from an edit, and why."""

    by: str
    because: str


Released = Mapping[str, Release]
"""Releases of one claim, by the name of the edit."""
Releases = Mapping[str, Released]
"""Releases by encounter."""
NONE: Released = {}


def release_of(edit: Edit, released: Released) -> Release | None:
    """The release that applies to an edit as it was raised; None where it holds, or never held."""
    if not released or edit.level != "error" or not is_releasable(edit.edit):
        return None
    return released.get(edit.edit)


def holding(edits: Sequence[Edit], released: Released) -> list[str]:
    """Sentences of the edits that hold the claim."""
    return [edit.sentence for edit in edits if edit.level == "error" and release_of(edit, released) is None]


def edit_rows(key: str, edits: Sequence[Edit], first: int, released: Released) -> list[tuple[Any, ...]]:
    """Rows of billed.claim_edit of one claim, without received_date; `first` is the place of the first one."""
    return [
        (key, place, *edit, *(release_of(edit, released) or (None, None))) for place, edit in enumerate(edits, first)
    ]
