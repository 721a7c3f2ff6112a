"""Record and encounter numbers as delivered, resolved to the record they name.

A number that a scanner misread is repaired only where exactly one record of that hospital has the same number with
confusable letters folded (rule 40).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.mapping.identity import folded_number, normal_number

MISREAD = "misread_number"
PLACE = ["source", "hospital_id", "number"]


def distinct_numbers(frames: list[tuple[pd.DataFrame, str]], id_of: Callable[[str, str, str], str]) -> pd.DataFrame:
    """The distinct numbers in `frames`, pairs of a frame with source and hospital_id and the name of its number column.

    Returns [source, hospital_id, number, folded, own_id]: `own_id` is the id if the number is right as it stands.
    """
    parts = [f[["source", "hospital_id", name]].set_axis(PLACE, axis=1) for f, name in frames if len(f)]
    if not parts:
        return pd.DataFrame(columns=[*PLACE, "folded", "own_id"], dtype=object)
    found = pd.concat([p.drop_duplicates() for p in parts], ignore_index=True).drop_duplicates()
    found = found[found["number"].notna()].reset_index(drop=True)
    found["folded"] = object_column([folded_number(n) for n in found["number"]])
    found["own_id"] = object_column([id_of(*key) for key in found[PLACE].itertuples(index=False, name=None)])
    return found


def resolve(numbers: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Say which known record each number names.

    `numbers` as from `distinct_numbers`; `known` has source, hospital_id, folded, id and number (normalised) of the
    records that may be meant. Returns `numbers` with `id` (None where there is none, or several alike) and `repair`
    (the registered number where the delivered one was misread, else None).
    """
    known = known.drop_duplicates("id")
    exact = numbers["own_id"].isin(set(known["id"])).to_numpy(dtype=bool)
    ids = object_column([own if known_so else None for own, known_so in zip(numbers["own_id"], exact, strict=True)])
    repairs: np.ndarray[Any, Any] = np.full(len(numbers), None, dtype=object)
    if not exact.all() and len(known):
        place = ["source", "hospital_id", "folded"]
        alone = known.drop_duplicates(place, keep=False)
        others = numbers.loc[~exact, place].merge(alone, on=place, how="left", validate="many_to_one")
        ids[~exact] = object_column(others["id"])
        repairs[~exact] = object_column(others["number"])
    return numbers.assign(id=object_column(ids), repair=object_column(repairs))


def look_up(frame: pd.DataFrame, column: str, resolved: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """For each row of `frame`: the id that its number names, and the registered number where it was repaired."""
    place = frame[["source", "hospital_id", column]].set_axis(PLACE, axis=1)
    if resolved.empty:
        return np.full(len(frame), None, dtype=object), np.full(len(frame), None, dtype=object)
    at = pd.MultiIndex.from_frame(resolved[PLACE]).get_indexer(pd.MultiIndex.from_frame(place))
    return object_column([*resolved["id"], None])[at], object_column([*resolved["repair"], None])[at]


def repair_notes(column: str, delivered: pd.Series, registered: np.ndarray) -> list[list[dict[str, str]]]:
    """What to add to `repairs` of each row: what stood there and what the register says, side by side."""
    return [
        [] if to is None else [{"rule": MISREAD, "column": column, "from": was, "to": to}]
        for was, to in zip(delivered, registered, strict=True)
    ]


def normal_numbers(numbers: pd.Series) -> np.ndarray:
    """Normal forms of a column of numbers."""
    return object_column([normal_number(n) for n in numbers])


def object_column(values: Any) -> np.ndarray:
    """An object array with None for what is missing."""
    found = np.empty(len(values), dtype=object)
    found[:] = [None if v is None or v != v else v for v in values]
    return found
