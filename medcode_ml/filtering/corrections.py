"""What people put right: corrected values enter the records before the rules are asked, rejected records stay aside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from medcode_ml.contracts import mapped
from medcode_ml.filtering.columns import MissingContextError, parsed
from medcode_ml.filtering.repair import repair_note

CORRECTED = "corrected_by_person"
REJECTED = "a person rejected the record; it stays aside"
#: columns that say which record it is, or follow from others: another value would be another record
_FIXED = frozenset(
    {
        "received_date", "source", "hospital_id", "patient_id", "encounter_id", "document_id", "record_id", "mrn",
        "mrn_folded", "encounter_number", "number_folded", "line_number", "part_number", "content_hash", "origin",
        "text", "source_code", "source_system", "source_unit", "repairs", "unreadable",
    }
)  # fmt: skip


def refused_column(kind: str, column: str, *, missing: bool) -> str | None:
    """Say why a column of a kind of record cannot be corrected, or None where it can."""
    columns = {c.name: c for c in getattr(mapped, kind).columns if c.name not in _FIXED}
    if column not in columns:
        return f"column {column} of a {kind} cannot be corrected; these can: {', '.join(columns)}"
    if missing and not columns[column].nullable:
        return f"column {column} of a {kind} cannot be without a value"
    return None


def corrected_columns(kind: str, decisions: pd.DataFrame) -> set[str]:
    """Columns of `kind` that some decision corrects: filtering reads them beside those that rules ask."""
    named = set(decisions.loc[decisions["outcome"] == "corrected", "column_name"])
    return {c.name for c in getattr(mapped, kind).columns if c.name in named}


def apply_corrections(kind: str, frame: pd.DataFrame, ids: Sequence[str], decisions: pd.DataFrame) -> pd.DataFrame:
    """Put the values of persons in the place of those delivered.

    `ids` names the records of `frame` as the quarantine does; `decisions` is [record_id, rule, outcome, column_name,
    value] as `newest_decisions` returns it. The record notes {rule: corrected_by_person, column, from, to} in
    `repairs`; `from` is the value as delivered where it could not be typed. Other records and decisions change nothing.

    Raises:
        MissingContextError: the frame lacks a column that was corrected (see `corrected_columns`).
    """
    wanted = decisions[decisions["outcome"] == "corrected"]
    at = pd.Index(ids).get_indexer_for(wanted["record_id"]) if len(wanted) else np.array([], dtype=int)
    wanted, at = wanted[at >= 0], at[at >= 0]
    if not len(wanted):
        return frame
    changed = {c: frame[c].to_numpy(dtype=object).copy() for c in ("repairs", "unreadable") if c in frame}
    for place, column, text in zip(at, wanted["column_name"], wanted["value"], strict=True):
        if column not in frame.columns:
            raise MissingContextError(
                f"a person corrected {column} of a {kind}; the records lack that column, read it"
            )
        values = changed.setdefault(column, frame[column].to_numpy(dtype=object).copy())
        delivered = dict(changed["unreadable"][place])
        was = delivered.pop(column, values[place])
        now = None if text is None else parsed(kind, column, text)
        if was == now:
            continue
        changed["unreadable"][place] = delivered
        changed["repairs"][place] = [*changed["repairs"][place], repair_note(CORRECTED, column, was, now)]
        values[place] = now
    return frame.assign(**changed)


def rejected_rules(ids: Sequence[str], decisions: pd.DataFrame) -> pd.Series:
    """The rule under which a person rejected each record of `ids`, None where nobody did. Same order as `ids`."""
    rejected = decisions[decisions["outcome"] == "rejected"]
    by_record = dict(zip(rejected["record_id"], rejected["rule"], strict=True))
    return pd.Series([by_record.get(i) for i in ids] if by_record else [None] * len(ids), dtype=object)
