"""FHIR R4 `Claim`: what the 837 says as resources; exact amounts, references that resolve, nothing lost or leaked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medcode_ml.billing.fhir import terms
from medcode_ml.billing.fhir.claims import AGAIN, HELD, billed_claims, write_claims
from medcode_ml.billing.fhir.ndjson import LEFT_OUT, FhirExportError, FhirFiles, as_line, fault_of
from medcode_ml.billing.records import BilledRecords

DAY = date(2026, 11, 21)
Resource = dict[str, Any]
BillAll = Callable[..., BilledRecords]


def exported(folder: Path) -> dict[str, list[Resource]]:
    """Every NDJSON file of a folder by its name, parsed by `fhir.resources`, amounts as decimals."""
    found = {}
    for path in folder.glob("*.ndjson"):
        model = getattr(import_module(f"fhir.resources.R4B.{path.stem.lower()}"), path.stem)
        # a line ends at a line feed alone: texts may hold other separators of lines
        lines = path.read_bytes().split(b"\n")[:-1]
        for line in lines:
            assert model.model_validate_json(line).get_resource_type() == path.stem
        found[path.stem] = [json.loads(line, parse_float=Decimal) for line in lines]
    return found


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*(references(v) for v in value.values()))
    return set().union(*(references(v) for v in value)) if isinstance(value, list) else set()


def codes(parts: list[Resource], key: str) -> list[str]:
    return [part[key]["coding"][0]["code"] for part in parts]


@pytest.fixture
def export(bill_all: BillAll, tmp_path: Path) -> Callable[..., dict[str, list[Resource]]]:
    def run(*records: Resource) -> dict[str, list[Resource]]:
        result = bill_all(*records)
        with FhirFiles(tmp_path / "fhir") as files:
            write_claims(files, list(billed_claims(result.frames, result.billed.claims, DAY)))
        return exported(tmp_path / "fhir")

    return run


def test_an_institutional_claim_says_what_its_837_says(export, record) -> None:
    procedures = [{"code": "5A1935Z", "system": "ICD-10-PCS", "date": "2026-11-11"}]
    given = [("J96.01", "Y"), ("J18.9", "N"), ("Z79.4", None), ("W01.0XXA", "Y")]
    found = export(record(codes=given, procedures=procedures))
    (claim,) = found["Claim"]
    assert claim["type"]["coding"][0]["code"] == "institutional"
    assert (claim["status"], claim["use"], claim["created"]) == ("active", "claim", "2026-11-21")
    diagnoses = claim["diagnosis"]
    assert codes(diagnoses, "diagnosisCodeableConcept") == ["J96.01", "J18.9", "Z79.4", "W01.0XXA", "R06.02"]
    assert {d["diagnosisCodeableConcept"]["coding"][0]["system"] for d in diagnoses} == {terms.ICD10CM}
    kinds = [d["type"][0]["coding"][0]["code"] for d in diagnoses]
    assert kinds == ["principal", "other", "other", "externalcauseofinjury", "admitting"]
    package = diagnoses[0]["packageCode"]["coding"][0]
    assert (package["system"], package["version"], len(package["code"])) == (terms.MS_DRG, "44.0", 3)
    assert all("packageCode" not in d for d in diagnoses[1:])
    (procedure,) = claim["procedure"]
    assert procedure["procedureCodeableConcept"]["coding"] == [{"system": terms.ICD10PCS, "code": "5A1935Z"}]
    assert procedure["date"] == "2026-11-11"
    told = {s["category"]["coding"][0]["code"]: s.get("code", {}).get("coding") for s in claim["supportingInfo"]}
    assert told["discharge-status"][0]["code"] == "01"
    assert told["typeofbill"][0]["code"] == "0111"
    assert (told["admtype"][0]["code"], told["pointoforigin"][0]["code"]) == ("1", "1")
    assert claim["careTeam"][0]["provider"] == {"reference": "Practitioner/npi-1245319599"}


def test_rule_26_present_on_admission_is_blank_where_exempt_and_where_outpatient(export, record, outpatient) -> None:
    stay = record(codes=[("J18.9", "Y"), ("N17.9", "U"), ("Z79.4", "Y")])
    found = export(stay, outpatient() | {"encounter_id": "E2"})
    by_kind = {c["subType"]["coding"][0]["code"]: c["diagnosis"] for c in found["Claim"]}
    told = [d.get("onAdmission", {}).get("coding", [{}])[0].get("code") for d in by_kind["inpatient"]]
    assert told == ["Y", "U", None, None]
    assert not any("onAdmission" in d for d in by_kind["outpatient"])


def test_rules_18_and_27_no_more_diagnoses_than_the_837_carries(export, record) -> None:
    many = ["J18.9", *(f"E11.{n}" for n in (21, 22, 29, 36, 40, 41, 42, 43, 44, 49, 51, 52, 59, 610, 618, 620))]
    many += ["I10", "N17.9", "D62", "E87.1", "E87.5", "K59.00", "F32.A", "G47.33", "M54.50", "R05.1", "R53.83"]
    found = export(record(codes=many))
    (claim,) = found["Claim"]
    kinds = [d["type"][0]["coding"][0]["code"] for d in claim["diagnosis"]]
    assert kinds.count("principal") == 1
    assert len(kinds) - kinds.count("admitting") == 25
    assert [d["sequence"] for d in claim["diagnosis"]] == list(range(1, len(kinds) + 1))


def test_rule_29_a_professional_claim_points_to_its_diagnoses(export, outpatient) -> None:
    lines = [{"hcpcs": "99213", "modifiers": ["25"], "units": 1, "charge": "120.10", "date": "2026-11-15"}]
    made = outpatient(claim_type="837P", lines=lines, codes=["J18.9", "I10", "E11.9", "N17.9", "E87.1"])
    found = export(made)
    (claim,) = found["Claim"]
    assert claim["type"]["coding"][0]["code"] == "professional"
    (line,) = claim["item"]
    assert line["diagnosisSequence"] == [1, 2, 3, 4]
    assert line["productOrService"]["coding"] == [{"system": terms.CPT, "code": "99213"}]
    assert line["modifier"][0]["coding"][0]["code"] == "25"
    assert "revenue" not in line
    assert "packageCode" not in claim["diagnosis"][0]


def test_rules_31_and_34_amounts_are_the_digits_that_were_billed_and_lines_add_up(export, record, tmp_path) -> None:
    lines = [
        {"revenue_code": "0120", "units": 3, "charge": "100.00", "date": "2026-11-10"},
        {"revenue_code": "0250", "units": 2, "charge": "99999999.10", "date": "2026-11-11"},
        {"revenue_code": "0270", "units": 1, "charge": "0.20", "date": "2026-11-11"},
    ]
    found = export(record(lines=lines))
    (claim,) = found["Claim"]
    assert sum(line["net"]["value"] for line in claim["item"]) == claim["total"]["value"] == Decimal("100000099.30")
    text = (tmp_path / "fhir" / "Claim.ndjson").read_text(encoding="utf-8")
    assert '"value":99999999.10,' in text
    assert '"value":100000099.30,' in text
    # 100.00 for 3 units has no price to the cent: quantity times price must give net
    assert "unitPrice" not in claim["item"][0]
    assert claim["item"][1]["unitPrice"]["value"] == Decimal("49999999.55")


def test_references_resolve_and_each_party_stands_once(export, record, outpatient) -> None:
    other = {"payer_id": "AETNA", "paid": "10.00", "member_id": "X1", "name": "Other Plan", "date": "2026-11-16",
             "adjustments": [{"group": "CO", "reason": "45", "amount": "665.50"}]}  # fmt: skip
    found = export(record(), outpatient(prior_payments=[other]) | {"encounter_id": "E2"})
    assert len(found["Claim"]) == 2
    there = [f"{kind}/{one['id']}" for kind, some in found.items() for one in some]
    assert len(there) == len(set(there))
    assert references(list(found.values())) <= set(there)
    assert {kind: len(some) for kind, some in found.items()} == {
        "Claim": 2, "Patient": 1, "Practitioner": 1, "Organization": 3, "Coverage": 2,
    }  # fmt: skip
    second = next(c for c in found["Claim"] if len(c["insurance"]) == 2)
    assert [(i["sequence"], i["focal"]) for i in second["insurance"]] == [(1, False), (2, True)]
    earlier = [s["valueQuantity"]["value"] for s in second["supportingInfo"] if "valueQuantity" in s]
    assert earlier == [Decimal("10.00")]


def test_a_replacement_names_the_claim_before_and_a_void_is_cancelled(export, record) -> None:
    replaced = record(frequency_code="7", payer_control_number="ICN77")
    voided = record(frequency_code="8", payer_control_number="ICN78") | {"encounter_id": "E2"}
    voided |= {"patient_id": "P2", "admission_date": "2026-11-09"}
    found = export(replaced, voided)
    told = {c["related"][0]["claim"]["identifier"]["value"]: c for c in found["Claim"]}
    assert told["ICN77"]["status"] == "active"
    assert told["ICN78"]["status"] == "cancelled"
    assert codes(told["ICN77"]["related"], "relationship") == ["prior"]


def test_held_claims_are_named_and_counted_and_ids_are_stable_and_opaque(bill_all, record, tmp_path) -> None:
    held = record() | {"encounter_id": "E2", "patient_id": "P2", "discharge_status": None}
    result = bill_all(record(), held)
    for name in ("one", "two"):
        with FhirFiles(tmp_path / name) as files:
            write_claims(files, list(billed_claims(result.frames, result.billed.claims, DAY)))
        assert files.written["Claim"] == 1
        assert files.left_out == {("Claim", HELD): 1}
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    ids = [one["id"] for some in exported(tmp_path / "one").values() for one in some]
    apart = (tmp_path / "one" / LEFT_OUT).read_text(encoding="utf-8")
    for told in ("P1", "P2", "E1", "E2", "1EG4TE5MK73", "EZ"):
        assert told not in ids
        assert f'"{told}"' not in apart


def test_a_second_claim_of_one_number_is_left_out_by_name(bill_all, record, tmp_path) -> None:
    result = bill_all(record())
    claims = list(billed_claims(result.frames, result.billed.claims, DAY))
    with FhirFiles(tmp_path / "fhir") as files:
        write_claims(files, claims)
        write_claims(files, claims)
    assert files.written["Claim"] == 1
    assert files.left_out == {("Claim", AGAIN): 1}


def test_synthetic_claims_and_their_parties_carry_the_label(bill_all, record, tmp_path) -> None:
    result = bill_all(record())
    with FhirFiles(tmp_path / "fhir") as files:
        write_claims(files, list(billed_claims(result.frames, result.billed.claims, DAY, {"E1"})))
    made = [one for some in exported(tmp_path / "fhir").values() for one in some]
    assert len(made) == 6
    assert {one["meta"]["security"][0]["code"] for one in made} == {"HTEST"}


def test_what_the_standard_refuses_is_left_out_without_its_values(tmp_path) -> None:
    bad = {"resourceType": "Patient", "id": "p1", "birthDate": "Roe was here", "gender": "female", "Roe": "x"}
    with FhirFiles(tmp_path / "fhir") as files:
        assert not files.write(bad)
        assert files.write({"resourceType": "Patient", "id": "p2"})
    text = (tmp_path / "fhir" / LEFT_OUT).read_text(encoding="utf-8")
    assert "birthDate" in text
    assert "Roe" not in text
    assert fault_of("Claim", as_line({"resourceType": "Claim", "id": "c"})) is not None


WILD = st.text(max_size=12) | st.sampled_from([" ", "\n", "\x00", "\ud800", "a\u2028b", "Ω" * 300])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(last=WILD, street=WILD, member=st.text(max_size=12), number=st.text(max_size=12))
def test_whatever_a_record_says_every_line_is_a_resource_and_none_is_lost(
    bill_all, record, tmp_path_factory, last: str, street: str, member: str, number: str
) -> None:
    subscriber = record()["subscriber"] | {"last_name": last, "address": street, "member_id": member}
    result = bill_all(record(subscriber=subscriber, patient_id=number))
    claims = list(billed_claims(result.frames, result.billed.claims, DAY))
    # the edits would hold most of these: here they come as if someone had let them through
    claims = [replace(one, ready=True) for one in claims]
    folder = tmp_path_factory.mktemp("wild") / "fhir"
    with FhirFiles(folder) as files:
        write_claims(files, claims)
    found = exported(folder)
    assert {kind: len(some) for kind, some in found.items()} == {kind: files.written[kind] for kind in found}
    assert files.written["Claim"] + sum(n for (kind, _), n in files.left_out.items() if kind == "Claim") == len(claims)
    assert files.written.total() + files.left_out.total() >= 6 * len(claims)


def test_a_folder_appears_whole_or_not_at_all_and_is_never_written_over(tmp_path) -> None:
    folder = tmp_path / "fhir"
    with pytest.raises(KeyError), FhirFiles(folder) as files:
        files.write({"resourceType": "Patient", "id": "p1"})
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with FhirFiles(folder) as files:
        files.write({"resourceType": "Patient", "id": "p1"})
    assert folder.stat().st_mode & 0o077 == 0
    with pytest.raises(FhirExportError, match="new or empty folder"):
        FhirFiles(folder)


def test_rule_34_a_decimal_keeps_its_digits_and_no_number_is_refused() -> None:
    assert as_line({"a": Decimal("10.10")}) == b'{"a":10.10}'
    with pytest.raises(TypeError):
        as_line({"a": Decimal("NaN")})
