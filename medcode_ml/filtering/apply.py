"""Rules asked of a batch of mapped records of one kind: repaired, carried or set aside. Pure: frames in, frames out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medcode_ml.contracts import filtered
from medcode_ml.contracts.ids import record_hash
from medcode_ml.filtering.checks import CHECKS, applies
from medcode_ml.filtering.columns import Batch
from medcode_ml.filtering.corrections import apply_corrections, rejected_rules
from medcode_ml.filtering.repair import put_right
from medcode_ml.filtering.rule import Rule
from medcode_ml.store.decisions import released

#: rules that follow from another record's fate, not from a check
CASCADES = {
    "patient_set_aside": "the patient was set aside; the encounter waits for it",
    "encounter_set_aside": "the encounter was set aside; its records wait for it",
    "already_received": "an earlier delivery has the encounter; that one stands",
}
WAITING_OWNER = "registration"
"""Who looks after records that wait for a patient or an encounter."""
REJECTED = "a person rejected the record; it stays aside unless the decision is withdrawn"
#: record kind -> columns that name one record of it
KEYS: dict[str, tuple[str, ...]] = {
    "patient": ("patient_id",),
    "encounter": ("encounter_id",),
    "document": ("document_id",),
    "diagnosis": ("encounter_id", "line_number", "part_number"),
    "procedure": ("encounter_id", "line_number"),
    "charge": ("encounter_id", "line_number"),
    "medication": ("encounter_id", "line_number"),
    "microbiology": ("encounter_id", "line_number"),
    "observation": ("encounter_id", "line_number"),
    "unit_stay": ("encounter_id", "line_number"),
    "service": ("encounter_id", "line_number"),
}
QUARANTINE = [c.name for c in filtered.quarantine.columns if c.name != "received_date"]
LONGEST_ORIGINAL = 2000
"""Characters of an original value that the quarantine keeps."""
Cascade = tuple[str, NDArray[np.bool_]]


@dataclass
class Judged:
    """What the rules said of a batch of one kind: `frame` with its repairs, and what was set aside."""

    frame: pd.DataFrame
    aside: NDArray[np.bool_]
    mended: NDArray[np.bool_]
    quarantine: pd.DataFrame
    counts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def carried(self) -> pd.DataFrame:
        """The records that go on."""
        return self.frame[~self.aside]


def judge(
    kind: str,
    frame: pd.DataFrame,
    rules: Iterable[Rule],
    decisions: pd.DataFrame | None = None,
    cascades: Iterable[Cascade] = (),
) -> Judged:
    """Ask every rule of `kind` about the records in `frame`.

    `frame` has the key, `repairs`, `unreadable` and every column that a rule of the kind names, those of the encounter
    and patient beside the record's own. `decisions` are those of `store.decisions.newest_decisions`: a correction
    stands before any rule is asked, a rule from which a person released the record carries it, a rejected record stays
    aside. A cascade is the name of the rule and the records that wait for another.
    """
    frame = frame.reset_index(drop=True)
    aside = np.zeros(len(frame), dtype=bool)
    changed = np.zeros(len(frame), dtype=bool)
    parts: list[pd.DataFrame] = []
    counts: list[dict[str, Any]] = []
    let_through: frozenset[tuple[str, str]] = frozenset()
    if decisions is not None and len(decisions):
        ids = record_ids(kind, frame)
        decisions = decisions[decisions["record_id"].isin(set(ids))]
        let_through = released(decisions)
        corrected = decisions.loc[decisions["outcome"] == "corrected", "record_id"]
        frame = apply_corrections(kind, frame, ids, decisions)
        changed |= np.isin(np.array(ids, dtype=object), list(corrected))
        rejected = rejected_rules(ids, decisions)
        for rule_name in rejected.dropna().unique():
            places = (rejected == rule_name).to_numpy(dtype=bool)
            parts.append(_quarantine(kind, frame[places], rule_name, REJECTED, None, releasable=False))
            aside |= places
    for name, waits in cascades:
        parts.append(_quarantine(kind, frame[waits], name, CASCADES[name], None, releasable=False))
        aside |= waits
        counts.append(_count(f"{name}_{kind}", kind, None, "error", len(frame), 0, 0, int(waits.sum())))
    # What waits for another record is judged when that one goes on.
    waiting = aside.copy()
    batch = Batch(frame)
    for rule in rules:
        if rule.record != kind:
            continue
        asked = applies(batch, rule).to_numpy(dtype=bool) & ~waiting
        bad = asked & ~CHECKS[rule.check](batch, rule).to_numpy(dtype=bool)
        right = np.zeros(len(frame), dtype=bool)
        if rule.repair and bad.any():
            right = put_right(batch, rule, bad)
            changed |= right
            bad &= ~right
        if let_through and bad.any():
            places = np.flatnonzero(bad)
            carried = [(i, rule.name) in let_through for i in record_ids(kind, batch.frame.iloc[places])]
            bad[places[np.array(carried, dtype=bool)]] = False
        stopped = int(bad.sum()) if rule.sets_aside else 0
        if stopped:
            # What is missing cannot be released: the stages after this one need the value.
            parts.append(
                _quarantine(
                    kind, batch.frame[bad], rule.name, rule.reason, rule.columns[0], releasable=rule.check != "present",
                    severity=rule.severity, owner=rule.owner,
                )
            )  # fmt: skip
            aside |= bad
        warned = int(bad.sum()) - stopped
        counts.append(
            _count(
                rule.name, kind, rule.trade_rule, rule.severity, int(asked.sum()), int(right.sum()), warned, stopped
            )
        )
    found = [part for part in parts if len(part)]
    quarantine = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=QUARANTINE, dtype=object)
    quarantine = quarantine.drop_duplicates("quarantine_id", ignore_index=True)
    return Judged(batch.frame, aside, changed & ~aside, quarantine, counts)


def record_ids(kind: str, frame: pd.DataFrame) -> list[str]:
    """The ids of records as quarantine and decisions name them."""
    key = KEYS[kind]
    if len(key) == 1:
        return list(frame[key[0]])
    return [record_hash(kind, *map(str, row)) for row in frame[list(key)].itertuples(index=False, name=None)]


def summed(counts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Counts of several batches added up, one row a rule (filtered.rule_count)."""
    total: dict[str, dict[str, Any]] = {}
    for count in counts:
        if count["rule"] not in total:
            total[count["rule"]] = dict(count)
            continue
        for name in ("checked", "passed", "repaired", "warned", "set_aside"):
            total[count["rule"]][name] += count[name]
    return list(total.values())


def _quarantine(
    kind: str, rows: pd.DataFrame, rule: str, reason: str, column: str | None, *, releasable: bool,
    severity: str = "error", owner: str = WAITING_OWNER,
) -> pd.DataFrame:  # fmt: skip
    """Rows of filtered.quarantine for records that `rule` set aside."""
    if rows.empty:
        return pd.DataFrame(columns=QUARANTINE, dtype=object)
    ids = record_ids(kind, rows)
    originals: list[str | None] = [None] * len(rows)
    if column is not None and column != "text":
        originals = [_original(*row, column) for row in zip(rows[column], rows["unreadable"], strict=True)]
    return pd.DataFrame(
        {
            "quarantine_id": [record_hash("filtered", kind, one, rule) for one in ids],
            "stage": "filtered",
            "record_kind": kind,
            "record_id": ids,
            "encounter_id": rows["encounter_id"].to_numpy() if "encounter_id" in rows else None,
            "hospital_id": rows["hospital_id"].to_numpy() if "hospital_id" in rows else None,
            "rule": rule,
            "severity": severity,
            "owner": owner,
            "reason": reason,
            "column_name": column,
            "original": originals,
            "releasable": releasable,
        },
        columns=QUARANTINE,
        dtype=object,
    )


def _original(value: Any, unreadable: Mapping[str, str], column: str) -> str | None:
    """The value as delivered where it could not be typed, else as it stands."""
    text = unreadable.get(column, value)
    return None if text is None else str(text)[:LONGEST_ORIGINAL]


def _count(
    rule: str, kind: str, trade_rule: int | None, severity: str, checked: int, mended: int, warned: int, stopped: int
) -> dict[str, Any]:
    return {
        "rule": rule, "trade_rule": trade_rule, "record_kind": kind, "severity": severity, "checked": checked,
        "passed": checked - warned - stopped, "repaired": mended, "warned": warned, "set_aside": stopped,
    }  # fmt: skip
