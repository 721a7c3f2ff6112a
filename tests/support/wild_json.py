"""Values that JSON can hold where something else belongs, and the places of a record where they can stand."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]
#: what breaks readers: ends of the calendar and of numbers, halves of characters, blanks, nests as text, other scripts
ODD: list[Any] = [
    *("0001-01-01", "9999-12-31", "2026-02-30", "2026-11-15T09:30", "20261115", "2026-W47-1"),
    *("....", "-----", "%%%%%", "\u00e9\u00e9\u00e9\u00e9", "half \ud83d", "nul\x00nul", "  \t "),
    *("\u0662\u0660\u0662\u0666", "1e400", "-1e400", "1e9999999", "1e-9999999", "Infinity", "sNaN", "90+ years"),
    *("9" * 400, "q" * 5000),
    *('[["a", "b", "c"]]', "[[[[", '{"a": 1}', 10**400, -(10**30), 1e308, -1e308, 1e-300, float("nan"), float("inf")),
    *(True, False, None, 0, -1, "", [], {}, [[]], [None], [{}]),
    *([["a", "b", "c"]], [["a", "b", 1, 2, 3]], [["a", "b", 1e308]]),
]  # fmt: skip


def wild_json(keys: list[str]) -> st.SearchStrategy[Any]:
    """Any JSON value, with an eye to what breaks readers; keys of its objects are often those that are read."""
    scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
    return st.recursive(
        st.sampled_from(ODD) | scalars,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(keys) | st.text(max_size=4), inner, max_size=4)
        ),
        max_leaves=8,
    )


def paths_of(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place within a record, entries of lists included."""
    if at:
        yield at
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths_of(inner, (*at, key))


def replaced(record: dict[str, Any], at: Path, value: Any) -> dict[str, Any]:
    """A copy of the record with `value` at a place."""
    changed = copy.deepcopy(record)
    inner: Any = changed
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return changed


def keys_in(value: Any) -> set[str]:
    """Keys of all objects within a value."""
    if isinstance(value, dict):
        return set(value).union(*map(keys_in, value.values()))
    return set().union(*map(keys_in, value)) if isinstance(value, list) else set()


def leaves_in(value: Any) -> list[str]:
    """Texts and numbers within a value, as they are written."""
    if isinstance(value, dict | list):
        return [leaf for inner in (value.values() if isinstance(value, dict) else value) for leaf in leaves_in(inner)]
    return [] if value is None or isinstance(value, bool) else [str(value)]
