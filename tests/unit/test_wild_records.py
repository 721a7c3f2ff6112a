"""Wild records: whatever stands under a key that is read, the record is answered or refused by a reason of its own.

The reason names the key and never a value, neighbours in the batch are answered as alone, no code of a list is lost.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.wild_json import keys_in, leaves_in, paths_of, replaced, wild_json

from medcode_ml.billing.payers import load_payers
from medcode_ml.operations import Answer, Models, Unanswered, answer_records

AS_OF: Final = date(2026, 11, 21)
#: a batch takes tens of milliseconds: shrinking a failure would take minutes
WITHOUT_SHRINKING: Final = [Phase.explicit, Phase.reuse, Phase.generate]
NOTE: Final[dict[str, Any]] = {
    "record_id": "W", "text": "Type 2 diabetes mellitus.", "setting": "inpatient", "discharge_date": "2026-03-01",
}  # fmt: skip
STAY: Final[dict[str, Any]] = {
    "encounter_id": "W", "patient_id": "P1", "hospital_id": "H1", "setting": "inpatient", "age": 70, "sex": "M",
    "admission_type": "EMERGENCY", "admission_location": "TRANSFER FROM HOSPITAL", "discharge_location": "HOME",
    "discharge_status": "20.0", "insurance": "Medicare", "service": "MED", "length_of_stay_days": 5, "icu_hours": 12,
    "discharge_date": "2026-11-15",
    "codes": [
        "I50.23",
        {"code": "N17.9", "poa": "Y", "score": 0.9, "mention_count": 2, "assertion": "present",
         "document_types": [["discharge_summary", "discharge_diagnosis", 1, 1]]},
        "S72.001A", "R07.9", "ZZZ",
    ],
    "poa": {"I50.23": "Y", "R07.9": "N"},
    "documents": [{"type": "discharge_summary", "text": "Discharge diagnosis: acute kidney injury."}],
    "services": ["MED", {"name": "SURG"}],
    "procedures": [{"code": "5A1935Z", "system": "ICD-10-PCS", "day": 0}],
    "medications": [{"name": "furosemide", "start_day": 0}],
    "microbiology": [{"specimen": "BLOOD CULTURE", "organism": "E. coli", "day": 1}],
    "units": [{"name": "CCU", "start_day": 0, "hours": 30}],
}  # fmt: skip
CLAIM: Final[dict[str, Any]] = {
    "encounter_id": "W", "patient_id": "P1", "sex": "M", "age": 70, "birth_date": "1956-01-31", "death_date": None,
    "setting": "inpatient", "claim_type": "837I", "admission_date": "2026-11-10", "admission_hour": "14",
    "discharge_date": "2026-11-15", "discharge_hour": "11", "admission_type": "1", "admission_source": "1",
    "discharge_status": "01", "admitting_code": "R06.02", "frequency_code": "1", "payer_control_number": None,
    "delay_reason": None, "codes": [{"code": "J18.9", "poa": "Y", "eligible": True}, "I10"],
    "procedures": [{"code": "5A1935Z", "system": "ICD-10-PCS", "date": "2026-11-11"}],
    "lines": [
        {"revenue_code": "0120", "hcpcs": None, "modifiers": [], "units": 5, "charge": "9500.00", "date": "2026-11-10"},
        {"revenue_code": "0320", "hcpcs": "71046", "modifiers": ["TC"], "units": 1, "charge": 212.5, "date": None},
    ],
    "provider": {
        "hospital_id": "H1", "npi": "1234567893", "name": "Harbour General", "tax_id": "042103580",
        "taxonomy": "282N00000X", "address": "1 Harbour Street", "city": "Boston", "state": "MA", "zip": "021140000",
        "hac_exempt": False,
    },
    "attending": {"npi": "1245319599", "last_name": "Osei", "first_name": "Ama"},
    "subscriber": {
        "member_id": "1EG4TE5MK73", "last_name": "Sample", "first_name": "Sam", "birth_date": "1956-01-31", "sex": "M",
        "address": "12 Elm Street", "city": "Boston", "state": "MA", "zip": "02114",
    },
    "payer": {"payer_id": "MEDICARE", "name": "Medicare", "kind": "medicare", "contract": "ipps",
              "insurance_type": None},
    "prior_payments": [
        {"payer_id": "BCBS", "name": "Blue", "member_id": "B1", "paid": "10.00", "date": "2026-11-18",
         "kind": "commercial", "payer_control_number": "X1",
         "adjustments": [{"group": "CO", "reason": "45", "amount": "5.00"}]},
    ],
}  # fmt: skip
CASE: Final[dict[str, Any]] = {
    "drg": "291", "provider_id": "220071", "provider_name": "Harbour General", "city": "Boston", "state": "MA",
    "zip": "02114", "referral_region": "MA - Boston", "total_discharges": 40, "aveCharges": 30000, "avePayments": 9000,
}  # fmt: skip
EXAMPLES: Final = {"code": NOTE, "rank": STAY, "bill": CLAIM, "price": CASE}
#: neighbours share nothing with the wild record that lets one tell on another: other patients, other hospitals
NEIGHBOURS: Final[dict[str, list[dict[str, Any]]]] = {
    "code": [{**NOTE, "record_id": "A"}, {**NOTE, "record_id": "B", "text": "No pneumonia. Asthma."}],
    "rank": [
        {"encounter_id": "A", "codes": ["E11.9", "I50.23"], "age": 67, "medications": [{"name": "furosemide"}]},
        {**STAY, "encounter_id": "B"},
    ],
    "bill": [
        {**CLAIM, "encounter_id": n, "patient_id": n,
         "subscriber": {**CLAIM["subscriber"], "member_id": f"1EG4TE5MK7{at}"}}
        for at, n in enumerate("AB")
    ],
    "price": [{**CASE, "provider_id": "050001"}, {**CASE, "provider_id": "060002", "drg": "470"}],
}  # fmt: skip
_MODELS: list[Models] = []


def answers(operation: str, records: list[dict[str, Any]]) -> list[Answer]:
    if not _MODELS:
        _MODELS.append(Models(None, None, None, load_payers()))
    return answer_records(operation, records, _MODELS[0], AS_OF)


@pytest.fixture(scope="module")
def alone() -> dict[str, list[Answer]]:
    """The neighbours' answers without the wild one between them."""
    return {name: [one for n in own for one in answers(name, [n])] for name, own in NEIGHBOURS.items()}


def codes_of(record: dict[str, Any]) -> list[str]:
    return sorted(code["code"] if isinstance(code, dict) else code for code in record["codes"])


def holds(operation: str, at: tuple[str | int, ...], value: Any, alone: dict[str, list[Answer]]) -> None:
    wild = replaced(EXAMPLES[operation], at, value)
    first, second = NEIGHBOURS[operation]
    before, own, after = answers(operation, [first, wild, second])
    assert [before, after] == alone[operation]
    if isinstance(own, Unanswered):
        assert not own.ours, "medcode failed on a record that it should have refused"
        named = {key for key in at if isinstance(key, str)} | keys_in(value)
        assert any(key and key in own.reason for key in named), own.reason
        # two or three characters stand in any sentence by chance
        assert not any(len(leaf) > 4 and leaf in own.reason for leaf in leaves_in(value)), own.reason
        return
    json.dumps(own, default=str)
    if operation == "rank":
        assert codes_of(own) == codes_of(wild)


@pytest.mark.parametrize("operation", EXAMPLES)
def test_the_examples_themselves_are_answered(operation: str, alone: dict[str, list[Answer]]) -> None:
    (own,) = answers(operation, [EXAMPLES[operation]])
    assert not isinstance(own, Unanswered)
    assert not any(isinstance(one, Unanswered) for one in alone[operation])


@pytest.mark.parametrize("operation", EXAMPLES)
def test_any_value_under_any_key_is_answered_or_refused_by_name(operation: str, alone: dict[str, list[Answer]]) -> None:
    places = list(paths_of(EXAMPLES[operation]))
    keys = sorted(keys_in(EXAMPLES[operation]))

    @settings(max_examples=_MOST[operation], deadline=None, phases=WITHOUT_SHRINKING)
    @given(st.sampled_from(places), wild_json(keys))
    def run(at: tuple[str | int, ...], value: Any) -> None:
        holds(operation, at, value, alone)

    run()


_MOST: Final = {"code": 60, "rank": 60, "bill": 60, "price": 200}
