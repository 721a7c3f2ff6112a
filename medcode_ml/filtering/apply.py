"""Rules asked of one batch of mapped records: repaired, carried or set aside. Pure: frames in, frames out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from medcode_ml.contracts.ids import record_hash
from medcode_ml.filtering.checks import CHECKS, repaired, value_of
from medcode_ml.filtering.rule import Rule

#: rules that follow from another record's fate, not from a check
CASCADES = {
    "patient_set_aside": "the patient was set aside; the encounter waits for it",
    "encounter_set_aside": "the encounter was set aside; its records wait for it",
}
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
    "unit_stay": ("encounter_id", "line_number"),
    "service": ("encounter_id", "line_number"),
}


@dataclass
class Filtered:
    """What one batch became: `carried` by record kind, `quarantine` rows and `counts` by rule."""

    carried: dict[str, pd.DataFrame] = field(default_factory=dict)
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)


def filter_batch(
    mapped: Mapping[str, pd.DataFrame],
    context: Mapping[str, pd.DataFrame],
    rules: tuple[Rule, ...],
    released: frozenset[tuple[str, str]],
) -> Filtered:
    """Filter one batch.

    `mapped` holds the mapped tables by record kind; `context` holds `patient` (patient_id, birth_date, death_date; all
    the batch may refer to) and `payer` (payer_id, kind). A (record id, rule) pair in `released` was released by a
    person: that rule carries the record. Every record of `mapped` is in `carried` or has a quarantine row.
    """
    result = Filtered()
    gone_patients = _filter_kind(result, "patient", mapped["patient"], mapped["patient"], rules, released)
    encounters = mapped["encounter"]
    asked = _with_context(encounters, context)
    waiting = set(encounters.loc[encounters["patient_id"].isin(gone_patients), "encounter_id"])
    cascade = ("patient_set_aside", waiting)
    gone = _filter_kind(result, "encounter", encounters, asked, rules, released, cascade)
    stays = asked.set_index("encounter_id")[["admission_date", "discharge_date", "hospital_id"]]
    for kind in KEYS:
        if kind in ("patient", "encounter"):
            continue
        frame = mapped[kind]
        asked = frame.join(stays, on="encounter_id", rsuffix="_of_stay")
        _filter_kind(result, kind, frame, asked, rules, released, cascade=("encounter_set_aside", gone))
    return result


def record_id(kind: str, row: Mapping[str, Any]) -> str:
    """The id of a record as quarantine and release name it."""
    key = [str(row[c]) for c in KEYS[kind]]
    if len(key) == 1:
        return key[0]
    return record_hash(kind, *key)


def _with_context(encounters: pd.DataFrame, context: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    patients = context["patient"].drop_duplicates("patient_id").set_index("patient_id")
    kinds = dict(zip(context["payer"]["payer_id"], context["payer"]["kind"], strict=True))
    births, deaths = patients["birth_date"].to_dict(), patients["death_date"].to_dict()

    def looked_up(values: dict[Any, Any], keys: pd.Series) -> pd.Series:
        return pd.Series([values.get(k) for k in keys], index=encounters.index, dtype=object)

    return encounters.assign(
        patient_birth_date=looked_up(births, encounters["patient_id"]),
        patient_death_date=looked_up(deaths, encounters["patient_id"]),
        payer_kind=looked_up(kinds, encounters["payer_id"]),
    )


def _filter_kind(
    result: Filtered,
    kind: str,
    frame: pd.DataFrame,
    asked: pd.DataFrame,
    rules: tuple[Rule, ...],
    released: frozenset[tuple[str, str]],
    cascade: tuple[str, set[str]] | None = None,
) -> set[str]:
    """Filter the records of one kind; return the ids (first key column) of those set aside."""
    frame, asked = frame.copy(), asked.copy()
    ids = pd.Series([record_id(kind, row) for row in frame[list(KEYS[kind])].to_dict("records")], index=frame.index)
    aside = pd.Series(False, index=frame.index, dtype=bool)
    if cascade is not None:
        name, gone = cascade
        waits = frame[KEYS[kind][0] if kind == "encounter" else "encounter_id"].isin(gone)
        for at in frame.index[waits]:
            _quarantine(result, kind, ids[at], asked.loc[at], name, CASCADES[name], None, releasable=False)
        aside |= waits
        _count(result, f"{name}_{kind}", kind, None, "error", len(frame), 0, 0, int(waits.sum()))
    for rule in rules:
        if rule.record != kind:
            continue
        applies = pd.Series(True, index=frame.index, dtype=bool)
        for column, value in rule.when.items():
            applies &= asked[column] == value
        good = CHECKS[rule.check](asked, rule) | ~applies
        mended = 0
        if rule.repair:
            mended = _repair(frame, asked, rule, ~good)
            good = CHECKS[rule.check](asked, rule) | ~applies
        by_person = pd.Series([(i, rule.name) in released for i in ids], index=frame.index, dtype=bool)
        bad = ~good & ~by_person
        if rule.severity == "error":
            for at in frame.index[bad]:
                # What is missing cannot be released: the stages after this one need the value.
                free = rule.check != "present"
                row = asked.loc[at]
                _quarantine(result, kind, ids[at], row, rule.name, rule.reason, rule.columns[0], releasable=free)
            aside |= bad
        warned = int(bad.sum()) if rule.severity == "warning" else 0
        stopped = int(bad.sum()) - warned
        _count(result, rule.name, kind, rule.trade_rule, rule.severity, int(applies.sum()), mended, warned, stopped)
    keep = [c for c in frame.columns if c not in ("unreadable", "received_date")]
    result.carried[kind] = frame.loc[~aside, keep].reset_index(drop=True)
    return set(frame.loc[aside, KEYS[kind][0]])


def _repair(frame: pd.DataFrame, asked: pd.DataFrame, rule: Rule, bad: pd.Series) -> int:
    """Put misread identifiers right in both frames; return how many were."""
    column = rule.columns[0]
    mended = 0
    for at in frame.index[bad]:
        was = frame.at[at, column]
        better = repaired(was, rule.options["identifier"]) if was is not None else None
        if better is None:
            continue
        frame.at[at, column] = asked.at[at, column] = better
        note = {"rule": rule.name, "column": column, "from": was, "to": better}
        frame.at[at, "repairs"] = [*frame.at[at, "repairs"], note]
        mended += 1
    return mended


def _quarantine(
    result: Filtered, kind: str, record: str, row: pd.Series, rule: str, reason: str, column: str | None, *,
    releasable: bool,
) -> None:  # fmt: skip
    hospital = row.get("hospital_id")
    result.quarantine.append(
        {
            "quarantine_id": record_hash("filtered", kind, record, rule),
            "stage": "filtered",
            "record_kind": kind,
            "record_id": record,
            "encounter_id": row.get("encounter_id"),
            "hospital_id": hospital if isinstance(hospital, str) else None,
            "rule": rule,
            "severity": "error",
            "reason": reason,
            "column_name": column,
            "original": value_of(row, column) if column is not None and column != "text" else None,
            "releasable": releasable,
        }
    )


def _count(
    result: Filtered, rule: str, kind: str, trade_rule: int | None, severity: str, checked: int, mended: int,
    warned: int, stopped: int,
) -> None:  # fmt: skip
    result.counts[rule] = {
        "rule": rule, "trade_rule": trade_rule, "record_kind": kind, "severity": severity, "checked": checked,
        "passed": checked - warned - stopped, "repaired": mended, "warned": warned, "set_aside": stopped,
    }  # fmt: skip
