"""The frames that reading a file gives: their columns, and how rows become frames.

Every frame has object columns: Decimal stays Decimal, a date a `datetime.date`, missing is None. Columns that end in
`_codes`, `because` and the like hold lists (JSON in the database). Matching adds the columns of `MATCHED`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

FILE = ("file_sha256", "name", "bytes", "interchanges", "transaction_sets", "segments", "refused", "outside_parts")
SET = (
    "set_id", "file_sha256", "set_number", "interchange_sha256", "sender_id", "receiver_id",
    "interchange_control_number", "group_control_number", "set_control_number", "transaction", "guide", "test",
    "repeated", "first_segment", "last_segment", "status", "because", "claims",
)  # fmt: skip
ACKNOWLEDGEMENT = (
    "acknowledgement_id", "set_id", "level", "interchange_control_number", "group_control_number",
    "set_control_number", "acknowledged_transaction", "code", "status", "sets_received", "sets_accepted", "reasons",
    "envelope_faults",
)  # fmt: skip
ACKNOWLEDGEMENT_FAULT = (
    "acknowledgement_id", "fault_number", "segment", "segment_position", "loop", "element", "component",
    "data_element", "code", "sentence", "claim_number", "bad_value",
)  # fmt: skip
CLAIM_STATUS = (
    "claim_status_id", "set_id", "place", "level", "source_id", "source_name", "batch_number", "control_number",
    "payer_control_number", "clearinghouse_number", "line_control_number", "status", "action", "reasons", "message",
    "charge", "effective_date", "service_from", "service_to", "accepted_claims", "rejected_claims",
    "accepted_charge", "rejected_charge", "envelope_faults",
)  # fmt: skip
REMITTANCE = (
    "remittance_id", "set_id", "payer_id", "payer_name", "payer_ids", "payee_id", "payee_name", "payee_ids",
    "trace_number", "originator_id", "handling_code", "payment_method", "payment_date", "production_date", "currency",
    "paid", "claims", "claims_paid", "provider_adjustments", "difference", "balanced", "faults", "envelope_faults",
    "notes",
)  # fmt: skip
REMITTANCE_CLAIM = (
    "remittance_claim_id", "remittance_id", "set_id", "place", "segment_number", "payer_ids", "payer_name",
    "trace_number", "payment_date", "control_number", "status_code", "status", "charge", "paid",
    "patient_responsibility", "adjusted", "difference", "balanced", "filing_indicator", "payer_control_number",
    "facility_type", "frequency", "patient_status", "drg", "drg_weight", "discharge_fraction", "forwarded_to",
    "corrected_payer", "claim_received_date", "statement_from", "statement_to", "remark_codes", "amounts",
    "quantities", "inpatient", "outpatient", "reference_numbers", "faults", "payment_faults", "envelope_faults",
    "notes",
)  # fmt: skip
REMITTANCE_LINE = (
    "remittance_claim_id", "line_number", "procedure_system", "procedure", "modifiers", "submitted_procedure",
    "revenue_code", "charge", "paid", "units_paid", "units_submitted", "service_from", "service_to",
    "line_control_number", "remark_codes", "amounts", "quantities", "reference_numbers", "adjusted", "difference",
    "balanced",
)  # fmt: skip
ADJUSTMENT = (
    "remittance_claim_id", "adjustment_number", "line_number", "group_code", "reason_code", "amount", "quantity",
    "remark_codes",
)  # fmt: skip
PROVIDER_ADJUSTMENT = (
    "remittance_id", "adjustment_number", "provider_id", "fiscal_period", "reason_code", "reference_number", "amount",
)  # fmt: skip
UNREAD = ("file_sha256", "unread_number", "set_id", "segment_number", "segment", "size", "original", "because")

COLUMNS = {
    "files": FILE, "sets": SET, "acknowledgements": ACKNOWLEDGEMENT, "acknowledgement_faults": ACKNOWLEDGEMENT_FAULT,
    "claim_statuses": CLAIM_STATUS, "remittances": REMITTANCE, "remittance_claims": REMITTANCE_CLAIM,
    "remittance_lines": REMITTANCE_LINE, "adjustments": ADJUSTMENT, "provider_adjustments": PROVIDER_ADJUSTMENT,
    "unread": UNREAD,
}  # fmt: skip
"""Columns of each frame of `Answers`, by its name."""

MATCHED = ("outcome", "because", "claim_number", "encounter_id")
"""What matching says of a row: `outcome` is one of `OUTCOMES`, `because` a list of sentences."""
OUTCOMES = ("matched", "unmatched", "unbalanced", "refused", "repeated")


def frame(rows: Iterable[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    """A frame of object columns."""
    given = list(rows)
    if not given:
        # one block: most files fill few of the frames, and pandas takes milliseconds for forty empty columns
        return pd.DataFrame(np.empty((0, len(columns)), dtype=object), columns=list(columns))
    return pd.DataFrame(given, columns=list(columns), dtype=object)


def _empty(columns: tuple[str, ...]) -> Callable[[], pd.DataFrame]:
    return partial(frame, (), columns)


@dataclass(frozen=True)
class Answers:
    """What a file, or a part of one, holds; the columns of each frame are the constants of this module.

    `sets` says of every transaction set whether it was read, refused (rule 32), or is no answer; `unread` keeps every
    segment that was not understood and what stands outside the envelopes.
    """

    files: pd.DataFrame = field(default_factory=_empty(FILE))
    sets: pd.DataFrame = field(default_factory=_empty(SET))
    acknowledgements: pd.DataFrame = field(default_factory=_empty(ACKNOWLEDGEMENT))
    acknowledgement_faults: pd.DataFrame = field(default_factory=_empty(ACKNOWLEDGEMENT_FAULT))
    claim_statuses: pd.DataFrame = field(default_factory=_empty(CLAIM_STATUS))
    remittances: pd.DataFrame = field(default_factory=_empty(REMITTANCE))
    remittance_claims: pd.DataFrame = field(default_factory=_empty(REMITTANCE_CLAIM))
    remittance_lines: pd.DataFrame = field(default_factory=_empty(REMITTANCE_LINE))
    adjustments: pd.DataFrame = field(default_factory=_empty(ADJUSTMENT))
    provider_adjustments: pd.DataFrame = field(default_factory=_empty(PROVIDER_ADJUSTMENT))
    unread: pd.DataFrame = field(default_factory=_empty(UNREAD))


def together(parts: Iterable[Answers]) -> Answers:
    """Put parts of one file, or several files, into one."""
    given = list(parts)
    if len(given) == 1:
        return given[0]
    made = {}
    for name, columns in COLUMNS.items():
        frames = [f for f in (getattr(part, name) for part in given) if len(f)]
        made[name] = pd.concat(frames, ignore_index=True) if frames else frame((), columns)
    return Answers(**made)


class Rows:
    """Rows gathered while reading, by frame name, until they are taken as frames."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}

    def add(self, name: str, /, **values: Any) -> None:
        """Add a row; a value that is not given is None, one without a column is a mistake of the caller."""
        columns = COLUMNS[name]
        if not values.keys() <= set(columns):
            raise KeyError(f"{name} has no column {sorted(values.keys() - set(columns))}")
        self._rows[name].append(tuple(values.get(c) for c in columns))

    def add_row(self, name: str, row: tuple[Any, ...]) -> None:
        """Add a row already in the order of its columns."""
        self._rows[name].append(row)

    def count(self, name: str) -> int:
        """Rows gathered since the last `take`."""
        return len(self._rows[name])

    def take(self) -> Answers:
        """Give the rows as frames and forget them."""
        made = {name: frame(rows, COLUMNS[name]) for name, rows in self._rows.items()}
        self._rows = {name: [] for name in self._rows}
        return Answers(**made)
