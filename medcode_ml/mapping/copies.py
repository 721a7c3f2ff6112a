"""Rows delivered more than once under one key: equal copies are carried once, conflicting ones not at all."""

from __future__ import annotations

import pandas as pd

from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.mapping.aside import NOTHING, joined, set_aside
from medcode_ml.mapping.parsers import delivered_name


def settle_copies(kind: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (rows to carry, rows of mapped.unmatched); all copies of a key must stand in `frame`."""
    _, key, columns = DELIVERED[delivered_name(kind)]
    if frame.empty or frame["copy_number"].max() == 1:
        return frame, NOTHING
    names = ["source", *key]
    copied = frame.duplicated(names, keep=False)
    copies = frame[copied]
    content = copies[[c.rstrip("?") for c in columns]].map(lambda v: "\0" if v is None else v)
    place = copies.groupby(names, sort=False).ngroup()
    sizes = place.map(place.value_counts())
    versions = content.assign(place=place).drop_duplicates()["place"].value_counts()
    same = place.map(versions) == 1
    first = ~place.duplicated()
    keep = ~copied
    keep[copies.index[same & first]] = True
    twice = copies[same & ~first]
    conflicting = copies[~same]
    return frame[keep], joined(
        [
            set_aside(kind, twice, "delivered_twice", f"the {kind} was delivered twice; the first is carried"),
            set_aside(
                kind,
                conflicting,
                "conflicting_copies",
                [
                    f"{n} different {kind} rows have one number; have the hospital say which is right"
                    for n in sizes[~same]
                ],
            ),
        ]
    )
