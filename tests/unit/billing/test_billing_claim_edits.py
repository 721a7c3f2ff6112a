"""Edits of a claim as a whole: duplicates, timely filing, death, days of accommodation, identifiers of Medicare."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from medcode_ml.billing.batch import bill_batch, with_edits
from medcode_ml.billing.edits.amounts import amount_edits
from medcode_ml.billing.payers import load_payers
from medcode_ml.billing.records import bill_records, claims_by_fingerprint, frames_from_records
from medcode_ml.codes import taxonomy


def _edits(answer, level=None):
    return {e["edit"] for e in answer["edits"] if level in (None, e["level"])}


def test_a_second_claim_for_the_same_stay_is_held_and_the_first_is_not(record, bill_all):
    first, second = bill_all(record(["J18.9", "I10"]), record(["J18.9", "I10"], encounter_id="E2")).answers
    assert first["claim"] == "ready"
    assert _edits(second, "error") == {"duplicate_claim"}
    assert "E1" in second["held_because"][0]


def test_a_duplicate_is_found_in_a_later_batch_too(record, bill_all, payers):
    before = claims_by_fingerprint(bill_all(record()).billed)
    later = bill_records([record(encounter_id="E2")], date(2026, 11, 21), payers, earlier=before)
    assert _edits(later.answers[0], "error") == {"duplicate_claim"}
    again = bill_records([record()], date(2026, 11, 21), payers, earlier=before)
    assert again.answers[0]["claim"] == "ready"


@pytest.mark.parametrize(
    "changes",
    [
        {"patient_id": "P2"},
        {"discharge_date": "2026-11-14"},
        {"codes": [{"code": "J15.9", "poa": "Y"}]},
        {"payer": {"payer_id": "BLUE", "name": "Blue", "contract": "per_diem"}},
        {"procedures": [{"code": "5A1935Z", "system": "ICD-10-PCS", "date": "2026-11-11"}]},
    ],
)
def test_what_differs_is_no_duplicate(record, bill_all, changes):
    _, second = bill_all(record(), record(encounter_id="E2") | changes).answers
    assert "duplicate_claim" not in _edits(second)


def test_a_replacement_repeats_its_claim_by_intent(record, bill_all):
    again = record(encounter_id="E2", frequency_code="7", payer_control_number="ICN1")
    assert bill_all(record(), again).answers[1]["claim"] == "ready"
    without = record(encounter_id="E2", frequency_code="7")
    assert _edits(bill_all(without).answers[0], "error") == {"missing_field"}
    assert _edits(bill_all(record(frequency_code="3")).answers[0], "error") == {"code_value_invalid"}


_FILING = """
payers:
  STATE: {contract: plan, timely_filing_days: 90}
contracts:
  plan:
    timely_filing_days: 30
    terms: [{from: 2020-01-01, inpatient: {method: percent_of_charges, percent: 50}}]
"""


@pytest.mark.parametrize(
    ("payer", "billed_on", "edit", "limit"),
    [
        ("OTHER", "2026-12-15", "timely_filing_near", "2026-12-15"),
        ("OTHER", "2026-12-16", "timely_filing_passed", "2026-12-15"),
        ("STATE", "2026-12-16", None, "2027-02-13"),
        ("STATE", "2027-02-14", "timely_filing_passed", "2027-02-13"),
    ],
)
def test_timely_filing_by_payer_then_by_contract(record, tmp_path, payer, billed_on, edit, limit):
    (tmp_path / "p.yaml").write_text(_FILING, encoding="utf-8")
    made = record(payer={"payer_id": payer, "name": "Plan", "contract": "plan"})
    (answer,) = bill_records([made], date.fromisoformat(billed_on), load_payers(tmp_path / "p.yaml")).answers
    assert {e for e in _edits(answer) if e.startswith("timely")} == ({edit} if edit else set())
    assert answer["filing_limit"] == limit
    assert answer["claim"] == ("held" if edit == "timely_filing_passed" else "ready")


@pytest.mark.parametrize(
    ("status", "died", "edit"),
    [
        ("20", "2026-11-15", None),
        ("20", "2026-11-14", "status_without_death"),
        ("01", "2026-11-15", "died_without_status"),
        ("01", "2026-12-01", None),
        ("01", None, None),
        ("20", None, None),
    ],
)
def test_rule_38_a_date_of_death_agrees_with_the_discharge_status(record, bill, status, died, edit):
    answer = bill(record(["I21.4"], discharge_status=status, death_date=died))
    assert _edits(answer, "error") == ({edit} if edit else set())


def test_room_and_board_counts_the_days_of_the_stay(record, bill):
    made = record()
    made["lines"][0]["units"] = 4
    answer = bill(made)
    assert _edits(answer, "warning") == {"accommodation_days_differ"}
    assert answer["claim"] == "ready"


def test_rule_37_a_revenue_code_without_category(record, bill):
    made = record()
    made["lines"][1]["revenue_code"] = "1999"
    assert _edits(bill(made), "warning") == {"revenue_code_unassigned"}


@pytest.mark.parametrize(
    ("member", "kind", "held"),
    [
        ("1EG4TE5MK73", "medicare", False),
        ("1EG4-TE5-MK73", "medicare", True),
        ("1SG4TE5MK73", "medicare", True),
        ("X335679482", "medicare", True),
        ("X335679482", "commercial", False),
    ],
)
def test_rule_36_a_medicare_beneficiary_identifier(record, bill, member, kind, held):
    made = record(payer={"payer_id": "M", "name": "Plan", "kind": kind, "contract": "ipps"})
    made["subscriber"]["member_id"] = member
    assert ("mbi_invalid" in _edits(bill(made), "error")) == held


def test_rule_35_the_taxonomy_is_looked_up_where_the_code_set_is_loaded(record, bill, tmp_path, monkeypatch):
    from medcode_ml.settings import settings

    assert "taxonomy_unknown" not in _edits(bill(record()))
    monkeypatch.setenv("MEDCODE_HOME", str(tmp_path))
    settings.cache_clear()
    try:
        nucc = tmp_path / "nucc.csv"
        nucc.write_text("Code,Section\n207R00000X,Individual\n282N00000X,Non-Individual\n", encoding="utf-8")
        taxonomy.load_taxonomy(nucc)
        frames, _, _ = frames_from_records([record(), record(encounter_id="E2", patient_id="P2")])
        encounters = frames.encounters.assign(hospital_taxonomy=["282N00000X", "207R00000X"])
        billed = bill_batch(type(frames)(encounters, frames.codes, frames.procedures, frames.lines), date(2026, 11, 21),
                            load_payers())  # fmt: skip
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    told = billed.edits[billed.edits["edit"] == "taxonomy_unknown"]
    assert told["encounter_id"].tolist() == ["E2"]


def test_amounts_outside_their_intervals_are_told_and_missing_bounds_say_nothing(record, bill_all):
    billed = bill_all(record(), record(encounter_id="E2", patient_id="P2"), record(encounter_id="E3", patient_id="P3"))
    intervals = pd.DataFrame(
        [("E1", 10000.0, 40000.0, 1000.0, 90000.0), ("E2", 9812.45, 9812.45, None, None)],
        columns=["encounter_id", "charges_low", "charges_high", "payments_low", "payments_high"],
    )
    raised = amount_edits(billed.billed.claims, intervals)
    assert {key: [e.edit for e in edits] for key, edits in raised.items()} == {"E1": ["charge_outside_interval"]}
    assert "9812.45" in raised["E1"][0].sentence
    assert "10000.00" in raised["E1"][0].sentence
    more = with_edits(billed.billed, raised)
    assert more.edits[["encounter_id", "place", "edit_number"]].values.tolist()[-1] == ["E1", 1, 614]
    assert more.claims["status"].tolist() == ["ready"] * 3


def test_further_edits_follow_those_of_the_claim_and_errors_hold_it(record, bill_all):
    from medcode_ml.billing.edits.catalogue import found

    billed = bill_all(record(["J18.9", "E10.9", "E11.65"])).billed
    assert billed.edits["place"].tolist() == [1]
    more = with_edits(billed, {"E1": [found("line_in_quarantine", lines="charge (x)")], "nobody": [found("self_pay")]})
    assert more.edits["place"].tolist() == [1, 2]
    assert more.claims["status"].tolist() == ["held"]
    assert billed.claims["status"].tolist() == ["ready"]


def test_lines_of_a_claim_are_kept_as_they_were_charged(record, bill_all):
    made = record()
    made["lines"][1] |= {"hcpcs": "J1885", "modifiers": ["JW", "59"]}
    lines = bill_all(made).billed.lines
    assert lines.iloc[1].to_dict() == {
        "encounter_id": "E1", "line_number": 2, "charge_number": 2, "revenue_code": "0250", "hcpcs": "J1885",
        "modifiers": ["JW", "59"], "units": Decimal(12), "charge": Decimal("312.45"),
        "service_date": date(2026, 11, 11),
    }  # fmt: skip
