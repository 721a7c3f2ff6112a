"""Raw rows set aside in mapping: the rows of mapped.unmatched, each with its rule and reason."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from medcode_ml.contracts import mapped
from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.mapping.identity import encounter_id
from medcode_ml.mapping.parsers import delivered_name

UNMATCHED = [c.name for c in mapped.unmatched.columns if c.name != "received_date"]
NOTHING = pd.DataFrame(columns=UNMATCHED, dtype=object)


def raw_record_ids(kind: str, rows: pd.DataFrame) -> list[str]:
    """The ids by which raw rows of `kind` are known in the quarantine: hashes of their keys."""
    name = delivered_name(kind)
    key = ["source", *DELIVERED[name][1], "copy_number"]
    return [record_hash("raw", name, *map(str, row)) for row in rows[key].itertuples(index=False, name=None)]


def set_aside(
    kind: str, rows: pd.DataFrame, rule: str, reason: str | Sequence[str], originals: Sequence[str | None] | None = None
) -> pd.DataFrame:
    """Rows of mapped.unmatched for raw `rows` of `kind`; `reason` is one for all or one for each."""
    if rows.empty:
        return NOTHING
    reasons = [reason] * len(rows) if isinstance(reason, str) else reason
    ids = raw_record_ids(kind, rows)
    encounters: list[str | None] = [None] * len(rows)
    if "encounter_number" in rows:
        keys = rows[["source", "hospital_id", "encounter_number"]].itertuples(index=False, name=None)
        encounters = [None if number is None else encounter_id(s, h, number) for s, h, number in keys]
    places = rows[["source_file", "source_line"]].itertuples(index=False, name=None)
    return pd.DataFrame(
        {
            "unmatched_id": [record_hash(one, rule) for one in ids],
            "source": rows["source"].to_numpy(),
            "record_kind": kind,
            "record_id": ids,
            "encounter_id": encounters,
            "hospital_id": rows["hospital_id"].to_numpy(),
            "rule": rule,
            "reason": [f"{why} ({file} line {line})" for why, (file, line) in zip(reasons, places, strict=True)],
            "original": originals if originals is not None else None,
        },
        columns=UNMATCHED,
        dtype=object,
    )


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Everything set aside, as one frame."""
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True) if found else NOTHING
