"""Encounters to bill as JSON objects, one a line: into frames, and what billing made of them back out.

The layout is that of `medcode bill` (see the README). A record that cannot be read is rejected with its reason and
never stops the others; what a readable record lacks is an edit on its claim. Reading and writing files is the command
line's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd

from medcode_ml.billing import record_values as values
from medcode_ml.billing.batch import BilledBatch, bill_batch
from medcode_ml.billing.claims import (
    CODE_COLUMNS,
    ENCOUNTER_COLUMNS,
    LINE_COLUMNS,
    PRIOR_PAYMENT_COLUMNS,
    PROCEDURE_COLUMNS,
    ClaimFrames,
)
from medcode_ml.billing.payers import PayerBook
from medcode_ml.billing.pricing.terms import Contract
from medcode_ml.billing.record_values import RecordError
from medcode_ml.codes.identifiers import dotted, icd10cm_has_format

_PLAIN = (
    *("patient_id", "setting", "claim_type", "sex", "admission_hour", "discharge_hour", "admission_type"),
    *(
        "admission_source",
        "discharge_status",
        "admitting_code",
        "frequency_code",
        "payer_control_number",
        "delay_reason",
    ),
)
_DATES = ("birth_date", "admission_date", "discharge_date", "death_date")
_PROVIDER = {
    "hospital_id": "hospital_id",
    "npi": "hospital_npi",
    "name": "hospital_name",
    "tax_id": "hospital_tax_id",
    "taxonomy": "hospital_taxonomy",
    "address": "hospital_address",
    "city": "hospital_city",
    "state": "hospital_state",
    "zip": "hospital_zip",
}
_ATTENDING = {"npi": "attending_npi", "last_name": "attending_last_name", "first_name": "attending_first_name"}
_SUBSCRIBER = {
    "member_id": "member_id",
    "last_name": "subscriber_last_name",
    "first_name": "subscriber_first_name",
    "sex": "subscriber_sex",
    "address": "subscriber_address",
    "city": "subscriber_city",
    "state": "subscriber_state",
    "zip": "subscriber_zip",
}
_PAYER = {
    "payer_id": "payer_id",
    "name": "payer_name",
    "kind": "payer_kind",
    "contract": "contract",
    "insurance_type": "insurance_type",
}
_GROUPS = {"provider", "attending", "subscriber", "payer"}
_LISTS = {"codes", "procedures", "lines", "prior_payments"}
__all__ = [
    "BilledRecords", "RecordError", "Rejected", "bill_records", "claims_by_fingerprint", "frames_from_records",
    "record_rows",
]  # fmt: skip
READ_KEYS = frozenset({"encounter_id", "age", *_PLAIN, *_DATES, *_GROUPS, *_LISTS})
"""Keys of a record that billing reads; all others are carried through untouched."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be billed: its place (0 first) and why."""

    place: int
    reason: str


Rows = dict[str, list[dict[str, Any]]]


def record_rows(record: Mapping[str, Any]) -> Rows:
    """Turn one record into its rows of the frames of `ClaimFrames`, by frame name.

    Raises:
        RecordError: a value has the wrong form.
    """
    if not isinstance(record, Mapping):
        raise RecordError("a record must be a JSON object")
    encounter_id = values.text(record, "encounter_id")
    if encounter_id is None:
        raise RecordError("encounter_id is absent; every record needs one")
    provider, payer = values.group(record, "provider"), values.group(record, "payer")
    subscriber = values.group(record, "subscriber")
    encounter: dict[str, Any] = dict.fromkeys(ENCOUNTER_COLUMNS)
    encounter |= {"encounter_id": encounter_id, "age": values.whole_years(record, "age")}
    encounter |= {key: values.text(record, key) for key in _PLAIN}
    encounter |= {key: values.day(record, key) for key in _DATES}
    for given, columns in (
        (provider, _PROVIDER),
        (values.group(record, "attending"), _ATTENDING),
        (subscriber, _SUBSCRIBER),
        (payer, _PAYER),
    ):
        encounter |= {column: values.text(given, key) for key, column in columns.items()}
    encounter["hospital_id"] = encounter["hospital_id"] or encounter["hospital_npi"]
    encounter["subscriber_birth_date"] = values.day(subscriber, "birth_date")
    encounter["hac_exempt"] = values.truth(provider, "hac_exempt")
    return {
        "encounters": [encounter],
        "codes": _entries(record, "codes", values.items, partial(_code, encounter_id)),
        "procedures": _entries(record, "procedures", values.objects, partial(_procedure, encounter_id)),
        "lines": _entries(record, "lines", values.objects, partial(_line, encounter_id)),
        "prior_payments": _entries(record, "prior_payments", values.objects, partial(_prior_payment, encounter_id)),
    }


def _entries(
    record: Mapping[str, Any],
    key: str,
    read_list: Callable[[Mapping[str, Any], str], list[Any]],
    read: Callable[[int, Any], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Read the entries of a list; what is wrong with one says which."""
    rows = []
    for number, entry in enumerate(read_list(record, key), 1):
        try:
            rows.append(read(number, entry))
        except RecordError as error:
            raise RecordError(f"{key}: entry {number}: {error}") from None
    return rows


def frames_from_records(records: Iterable[Mapping[str, Any]]) -> tuple[ClaimFrames, list[int], list[Rejected]]:
    """Read a batch of records.

    Returns:
        The frames, the places of the records that are in them, and the records that could not be read. A second
        record of the same encounter is rejected.
    """
    rows: Rows = {name: [] for name in ("encounters", "codes", "procedures", "lines", "prior_payments")}
    read, rejected, seen = list[int](), list[Rejected](), set[str]()
    for place, record in enumerate(records):
        try:
            own = record_rows(record)
        except RecordError as error:
            rejected.append(Rejected(place, str(error)))
            continue
        encounter_id = own["encounters"][0]["encounter_id"]
        if encounter_id in seen:
            rejected.append(Rejected(place, "an earlier record has the same encounter_id"))
            continue
        seen.add(encounter_id)
        read.append(place)
        for name, some in own.items():
            rows[name] += some
    frames = ClaimFrames(
        *(
            pd.DataFrame(rows[name], columns=list(columns), dtype=object)
            for name, columns in (
                ("encounters", (*ENCOUNTER_COLUMNS, "death_date")),
                ("codes", (*CODE_COLUMNS, "eligible")),
                ("procedures", PROCEDURE_COLUMNS),
                ("lines", LINE_COLUMNS),
                ("prior_payments", PRIOR_PAYMENT_COLUMNS),
            )
        )
    )
    return frames, read, rejected


@dataclass(frozen=True)
class BilledRecords:
    """A batch of records billed: `answers` in the order of the records read, and the frames to write an 837 from."""

    answers: list[dict[str, Any]]
    rejected: list[Rejected]
    frames: ClaimFrames
    billed: BilledBatch


def bill_records(
    records: Iterable[Mapping[str, Any]], as_of: date, payers: PayerBook, *, earlier: Mapping[str, str] | None = None
) -> BilledRecords:
    """Bill a batch of records on the day `as_of`; unknown keys of a record are carried into its answer.

    `earlier` is encounter by fingerprint of the claims of batches before (`claims_by_fingerprint`), for duplicates.
    """
    given = list(records)
    frames, read, rejected = frames_from_records(given)
    frames = _with_payer_kinds(frames, payers)
    billed = bill_batch(frames, as_of, payers, earlier=earlier)
    carried = [{k: v for k, v in given[place].items() if k not in READ_KEYS} for place in read]
    answers = [extra | answer for extra, answer in zip(carried, answers_of(billed), strict=True)]
    return BilledRecords(answers, rejected, frames, billed)


def claims_by_fingerprint(billed: BilledBatch) -> dict[str, str]:
    """Encounter by fingerprint of a batch's claims, the first of several: what a later batch is held against."""
    marks: dict[str, str] = {}
    for mark, encounter_id in zip(billed.claims["fingerprint"], billed.claims["encounter_id"], strict=True):
        if mark:
            marks.setdefault(mark, encounter_id)
    return marks


def _with_payer_kinds(frames: ClaimFrames, payers: PayerBook) -> ClaimFrames:
    """Fill in the kind of payer, which a claim is filed under, from its contract where the record does not give it."""
    encounters = frames.encounters.copy()
    kinds = []
    for payer_id, kind, name in encounters[["payer_id", "payer_kind", "contract"]].itertuples(index=False):
        contract = payers.contract_of(payer_id, kind, name) if kind is None else None
        kinds.append(contract.kinds[0] if isinstance(contract, Contract) and contract.kinds else kind)
    encounters["payer_kind"] = pd.Series(kinds, index=encounters.index, dtype=object)
    return replace(frames, encounters=encounters)


def answers_of(billed: BilledBatch) -> Iterator[dict[str, Any]]:
    """Yield one JSON-ready object a claim. Amounts, weights and ratios are texts, so that no reader rounds them."""
    edits: dict[str, list[dict[str, Any]]] = {}
    for edit in billed.edits.to_dict("records"):
        edits.setdefault(str(edit["encounter_id"]), []).append(
            {"number": edit["edit_number"]}
            | {str(k): v for k, v in edit.items() if k not in ("encounter_id", "place", "edit_number")}
        )
    others: dict[str, list[dict[str, Any]]] = {}
    for other in billed.what_ifs.to_dict("records"):
        others.setdefault(str(other["encounter_id"]), []).append(
            {str(k): f"{v:f}" if isinstance(v, Decimal) else v for k, v in other.items() if k != "encounter_id"}
        )
    factors: dict[str, dict[str, str]] = {}
    for factor in billed.factors.to_dict("records"):
        factors.setdefault(str(factor["encounter_id"]), {})[str(factor["factor"])] = f"{factor['value']:f}"
    for claim in billed.claims.to_dict("records"):
        key = str(claim["encounter_id"])
        yield {
            "encounter_id": key,
            "edits": edits.get(key, []),
            "drg": claim["drg"],
            "mdc": claim["mdc"],
            "drg_title": claim["drg_title"],
            "grouper_version": claim["grouper_version"],
            "second_drg": claim["second_drg"],
            "weight": None if claim["weight"] is None else f"{claim['weight']:f}",
            "weight_source": claim["weight_source"],
            "contract": claim["contract"],
            "total_charge": f"{claim['total_charge']:f}",
            "expected_payment": factors.get(key, {}),
            "what_if": others.get(key, []),
            "claim_number": claim["claim_number"],
            "claim_type": claim["claim_type"],
            "payer_id": claim["payer_id"],
            "filing_limit": claim["filing_limit"].isoformat() if claim["filing_limit"] else None,
            "claim": claim["status"],
            "held_because": claim["held_because"],
        }


def _code(encounter_id: str, rank: int, given: Any) -> dict[str, Any]:
    """A code is an object with code and poa, or the code alone."""
    if isinstance(given, str):
        given = {"code": given}
    if not isinstance(given, Mapping):
        raise RecordError("must be a code, or an object with code and poa")
    code = values.text(given, "code")
    if code is None:
        raise RecordError("code is absent")
    code = code.upper()
    # the dot may be left out; anything else that is wrong with a code stays as given and becomes an edit
    if "." not in code and icd10cm_has_format(code):
        code = dotted(code)
    row = {"encounter_id": encounter_id, "rank": rank, "code": code, "poa": values.text(given, "poa")}
    # absent says nothing: then the editor's tables tell which code may be principal
    return row | {"eligible": values.truth(given, "eligible") if given.get("eligible") is not None else None}


def _procedure(encounter_id: str, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    code = values.text(given, "code")
    if code is None:
        raise RecordError("code is absent")
    row = {"encounter_id": encounter_id, "line_number": number, "code": code.upper()}
    return row | {"system": values.text(given, "system"), "date": values.day(given, "date")}


def _line(encounter_id: str, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    modifiers = values.texts(given, "modifiers")
    units = values.number(given, "units")
    return {
        "encounter_id": encounter_id,
        "line_number": number,
        "revenue_code": values.text(given, "revenue_code"),
        "hcpcs": values.text(given, "hcpcs"),
        "modifiers": modifiers,
        "units": units,
        "charge": values.number(given, "charge"),
        "service_date": values.day(given, "date"),
    }


def _prior_payment(encounter_id: str, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    payer_id, paid = values.text(given, "payer_id"), values.number(given, "paid")
    if payer_id is None or paid is None:
        raise RecordError("payer_id and paid are needed")
    adjustments = []
    for adjustment in values.objects(given, "adjustments"):
        group, reason = values.text(adjustment, "group"), values.text(adjustment, "reason")
        amount = values.number(adjustment, "amount")
        if group is None or reason is None or amount is None:
            raise RecordError("adjustments: each needs group, reason and amount")
        adjustments.append({"group": group, "reason": reason, "amount": amount})
    return {
        "encounter_id": encounter_id,
        "sequence": number,
        "payer_id": payer_id,
        "payer_name": values.text(given, "name"),
        "member_id": values.text(given, "member_id"),
        "paid": paid,
        "paid_date": values.day(given, "date"),
        "adjustments": adjustments,
        "payer_kind": values.text(given, "kind"),
        "payer_control_number": values.text(given, "payer_control_number"),
    }
