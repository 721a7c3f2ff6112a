"""A record that bills cleanly, and billing of its variations."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from medcode_ml.billing.payers import PayerBook, load_payers
from medcode_ml.billing.records import BilledRecords, bill_records

AS_OF = date(2026, 11, 21)
_NPI, _CLINICIAN = "1234567893", "1245319599"
_RECORD: dict[str, Any] = {
    "encounter_id": "E1",
    "patient_id": "P1",
    "sex": "M",
    "age": 70,
    "birth_date": "1956-01-31",
    "setting": "inpatient",
    "admission_date": "2026-11-10",
    "admission_hour": "14",
    "discharge_date": "2026-11-15",
    "discharge_hour": "11",
    "admission_type": "1",
    "admission_source": "1",
    "discharge_status": "01",
    "admitting_code": "R06.02",
    "codes": [{"code": "J18.9", "poa": "Y"}],
    "procedures": [],
    "lines": [
        {"revenue_code": "0120", "hcpcs": None, "modifiers": [], "units": 5, "charge": "9500.00", "date": "2026-11-10"},
        {"revenue_code": "0250", "hcpcs": None, "modifiers": [], "units": 12, "charge": "312.45", "date": "2026-11-11"},
    ],
    "provider": {
        "npi": _NPI,
        "name": "Harbour General Hospital",
        "tax_id": "042103580",
        "taxonomy": "282N00000X",
        "address": "1 Harbour Street",
        "city": "Boston",
        "state": "MA",
        "zip": "021140000",
        "hac_exempt": False,
    },
    "attending": {"npi": _CLINICIAN, "last_name": "Osei", "first_name": "Ama"},
    "subscriber": {
        "member_id": "1EG4TE5MK73",
        "last_name": "Núñez",
        "first_name": "José",
        "birth_date": "1956-01-31",
        "sex": "M",
        "address": "12 Elm Street",
        "city": "Boston",
        "state": "MA",
        "zip": "02114",
    },
    "payer": {"payer_id": "MEDICARE", "name": "Medicare", "kind": "medicare", "contract": "ipps"},
    "prior_payments": [],
}

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def payers() -> PayerBook:
    return load_payers()


@pytest.fixture(scope="session")
def record() -> Make:
    """A clean record with top-level keys replaced; `codes` may be plain codes, then all are present on admission."""

    def make(codes: list[Any] | None = None, **changes: Any) -> dict[str, Any]:
        made = copy.deepcopy(_RECORD) | changes
        if codes is not None:
            made["codes"] = [
                {"code": c, "poa": "Y"} if isinstance(c, str) else {"code": c[0], "poa": c[1]} for c in codes
            ]
        return made

    return make


@pytest.fixture(scope="session")
def outpatient(record: Make) -> Make:
    """A clean outpatient record."""

    def make(**changes: Any) -> dict[str, Any]:
        lines = [
            {
                "revenue_code": "0450",
                "hcpcs": "G0380",
                "modifiers": ["25"],
                "units": 1,
                "charge": "640.00",
                "date": "2026-11-15",
            },
            {
                "revenue_code": "0636",
                "hcpcs": "J1885",
                "modifiers": [],
                "units": 2,
                "charge": "35.50",
                "date": "2026-11-15",
            },
        ]
        base = record(setting="outpatient", admission_date="2026-11-15", lines=lines, codes=[("J18.9", None)])
        return base | changes

    return make


@pytest.fixture(scope="session")
def bill_all(payers: PayerBook) -> Callable[..., BilledRecords]:
    def run(*records: dict[str, Any], as_of: date = AS_OF) -> BilledRecords:
        return bill_records(records, as_of, payers)

    return run


@pytest.fixture(scope="session")
def bill(bill_all: Callable[..., BilledRecords]) -> Callable[..., dict[str, Any]]:
    """Bill one record and return its answer."""

    def run(made: dict[str, Any], as_of: date = AS_OF) -> dict[str, Any]:
        result = bill_all(made, as_of=as_of)
        assert result.rejected == []
        answer: dict[str, Any] = result.answers[0]
        return answer

    return run


@pytest.fixture(scope="session")
def raised() -> Callable[[dict[str, Any]], set[tuple[str, str | None]]]:
    """Edits of an answer as {(edit, code)}."""

    def of(answer: dict[str, Any]) -> set[tuple[str, str | None]]:
        return {(e["edit"], e["code"]) for e in answer["edits"]}

    return of
