"""An answer is processed once, however often it arrives: the same file, the same interchange, the same payment.

Nothing repeated is dropped: it is marked, and matching leaves the mark. Ids are made of content, never of file or time:
an acknowledgement or claim status is known by its interchange, a claim of a payment by the payment (originator, trace
number, date, amount) and its own control number, status, amounts and payer control number, so that the same 835 is
recognised inside another file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from medcode_ml.billing.answers.frames import MATCHED, Answers

IDS = {
    "acknowledgements": "acknowledgement_id",
    "claim_statuses": "claim_status_id",
    "remittances": "remittance_id",
    "remittance_claims": "remittance_claim_id",
}
"""Frames whose rows are known again, and the column that knows them."""
_KEYS = {
    "acknowledgement_faults": ["acknowledgement_id", "fault_number"],
    "remittance_lines": ["remittance_claim_id", "line_number"],
    "adjustments": ["remittance_claim_id", "adjustment_number"],
    "provider_adjustments": ["remittance_id", "adjustment_number"],
}
_PARENTS = {
    "acknowledgement_faults": "acknowledgement_id",
    "remittance_lines": "remittance_claim_id",
    "adjustments": "remittance_claim_id",
    "provider_adjustments": "remittance_id",
}


@dataclass
class Seen:
    """What was processed before: hashes of files and interchanges, and ids of the rows of answers (columns `IDS`).

    `mark_repeated` adds what it meets, so that one object serves the parts of a stream and a folder of files.
    """

    files: set[str] = field(default_factory=set)
    interchanges: set[str] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)


def mark_repeated(answers: Answers, seen: Seen) -> Answers:
    """Mark what was processed before: the status of a set and the outcome of a row become "repeated", with why."""
    made: dict[str, Any] = {name: _rows(getattr(answers, name), column, seen) for name, column in IDS.items()}
    return replace(answers, sets=_sets(answers, seen), **made)


def _sets(answers: Answers, seen: Seen) -> pd.DataFrame:
    sets = answers.sets.copy()
    status, because = [], []
    first_in: dict[str, str] = {}
    for row in sets.to_dict("records"):
        file, interchange = row["file_sha256"], row["interchange_sha256"]
        again = interchange in seen.interchanges or (
            row["status"] == "read" and _elsewhere(first_in, interchange, file)
        )
        if (row["repeated"] or file in seen.files or again) and row["status"] == "read":
            status.append("repeated")
            because.append(["the same interchange was processed before"])
        else:
            status.append(row["status"])
            because.append(row["because"])
    sets["status"] = pd.Series(status, index=sets.index, dtype=object)
    sets["because"] = pd.Series(because, index=sets.index, dtype=object)
    seen.files |= set(answers.files["file_sha256"])
    seen.interchanges |= set(sets.loc[sets["status"] == "read", "interchange_sha256"].dropna())
    return sets


def _elsewhere(first_in: dict[str, str], interchange: str | None, file: str) -> bool:
    """Whether another file of these answers holds the interchange before this one; the sets of one are one."""
    return interchange is not None and first_in.setdefault(interchange, file) != file


def _rows(frame: pd.DataFrame, column: str, seen: Seen) -> pd.DataFrame:
    marked = frame.drop(columns=[c for c in MATCHED if c in frame.columns]).copy()
    outcomes: list[str | None] = []
    for key in frame[column]:
        outcomes.append("repeated" if key in seen.rows else None)
        seen.rows.add(key)
    marked["outcome"] = pd.Series(outcomes, index=marked.index, dtype=object)
    because = [["it was processed before, from this or another file"] if o else [] for o in outcomes]
    marked["because"] = pd.Series(because, index=marked.index, dtype=object)
    return marked


def without_repeated(answers: Answers) -> Answers:
    """The rows to write: what was processed before is left out, with its lines, adjustments and faults."""
    made: dict[str, Any] = {}
    repeated: dict[str, set[str]] = {}
    for name, column in IDS.items():
        frame = getattr(answers, name)
        again = frame["outcome"] == "repeated"
        # an id that stands twice in one file is new once
        repeated[column] = set(frame.loc[again, column]) - set(frame.loc[~again, column])
        made[name] = frame[~again].reset_index(drop=True)
    for name, column in _PARENTS.items():
        frame = getattr(answers, name)
        kept = frame[~frame[column].isin(repeated[column])]
        made[name] = kept.drop_duplicates(_KEYS[name]).reset_index(drop=True)
    return replace(answers, **made)
