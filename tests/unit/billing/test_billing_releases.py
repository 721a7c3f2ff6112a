"""What holds a claim and what does not: releases, delay reasons, claims no 837 can be written of, notes of batches."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from medcode_ml.billing.batch import bill_batch, with_edits
from medcode_ml.billing.edits.catalogue import edit_names, found, is_releasable
from medcode_ml.billing.notes import Notes
from medcode_ml.billing.payers import load_payers
from medcode_ml.billing.records import bill_records, frames_from_records
from medcode_ml.billing.releases import Release
from medcode_ml.billing.x12.interchange import interchanges
from medcode_ml.billing.x12.parties import Sender
from medcode_ml.billing.x12.reading import read_837
from medcode_ml.billing.x12.validate import validate_837

from .conftest import AS_OF

SENDER = Sender("MEDCODE", "Harbour Network Billing", "Billing Office", "6175550100")
AS_OF_NOON = datetime(2027, 3, 1, 12, 0)
BY = Release("b.biller", "checked")
_ONE_MONTH = """
contracts:
  plan:
    timely_filing_days: 30
    terms: [{from: 2020-01-01, inpatient: {method: percent_of_charges, percent: 50}}]
"""


def _billed(payers, released, *records):
    frames, _, _ = frames_from_records(records)
    return bill_batch(frames, AS_OF, payers, releases={"E1": dict.fromkeys(released, BY)})


def test_a_released_error_stays_on_the_claim_and_does_not_hold_it(record, payers):
    made = record(["J18.9", "J18.9"])
    for released, status in (((), "held"), (("age_conflict",), "held"), (("duplicate_of_principal",), "ready")):
        batch = _billed(payers, released, made)
        assert batch.claims["status"].tolist() == [status]
        (edit,) = batch.edits.to_dict("records")
        assert (edit["edit"], edit["level"]) == ("duplicate_of_principal", "error")
        assert (edit["released_by"] == "b.biller") == (status == "ready")
        assert batch.claims["held_because"].tolist() == [[] if status == "ready" else [edit["sentence"]]]


def test_edits_raised_later_know_the_releases(record, payers):
    batch = _billed(payers, ("line_in_quarantine",), record())
    more = {"E1": [found("line_in_quarantine", lines="charge"), found("duplicate_claim", other="E2")]}
    added = with_edits(batch, more)
    assert added.claims["status"].tolist() == ["held"]
    assert added.edits["released_because"].tolist() == ["checked", None]
    assert len(added.claims["held_because"][0]) == 1
    alone = with_edits(batch, {"E1": more["E1"][:1]})
    assert alone.claims["status"].tolist() == ["ready"]


def test_what_no_837_can_be_written_without_is_never_released(record, payers):
    made = record()
    del made["subscriber"]["city"]
    batch = _billed(payers, ("missing_field",), made)
    assert batch.claims["status"].tolist() == ["held"]
    assert batch.edits["released_by"].tolist() == [None]


def test_releases_are_of_errors_alone():
    never = {
        "missing_field",
        "no_principal",
        "claim_unwritable",
        "changed_after_sent",
        "claim_already_sent",
        "self_pay",
    }
    releasable = {name for name in edit_names() if is_releasable(name)}
    assert releasable.isdisjoint(never)
    assert {"timely_filing_passed", "duplicate_claim", "age_conflict", "ncci_pair"} <= releasable
    assert releasable.isdisjoint({"poa_not_sent", "codes_not_transmitted", "questionable_admission"})


def test_a_claim_that_cannot_be_written_is_held_at_billing_with_the_reason(record, bill):
    """No edit is about it: 31 adjustments of one group need six CAS segments, and five fit."""
    adjustments = [{"group": "CO", "reason": str(n), "amount": "1.00"} for n in range(100, 131)]
    paid = {"payer_id": "AETNA", "name": "Aetna", "member_id": "W123", "date": "2026-11-18", "adjustments": adjustments}
    answer = bill(record(prior_payments=[paid | {"paid": "9781.45"}]))
    assert answer["claim"] == "held"
    (edit,) = [e for e in answer["edits"] if e["edit"] == "claim_unwritable"]
    assert edit["number"] == 317
    assert "more than 5 CAS segments" in edit["sentence"]
    assert answer["held_because"] == [edit["sentence"]]


@pytest.mark.parametrize(("kind", "most"), [("837I", 25), ("837P", 12)])
def test_rules_18_and_29_the_edit_says_how_many_diagnoses_the_claim_carries(record, bill, kind, most):
    answer = bill(record(["J18.9", *(f"S{n:02d}.00XA" for n in range(30))], claim_type=kind))
    (said,) = [e["sentence"] for e in answer["edits"] if e["edit"] == "codes_not_transmitted"]
    assert said.startswith(f"The claim carries {most} diagnoses;")


def test_a_delay_reason_is_written_and_timely_filing_only_warns(record, tmp_path):
    (tmp_path / "p.yaml").write_text(_ONE_MONTH, encoding="utf-8")
    payers = load_payers(tmp_path / "p.yaml")
    day = date(2027, 3, 1)
    made = record(payer={"payer_id": "PLAN", "name": "Plan", "kind": "commercial", "contract": "plan"})
    held = bill_records([made], day, payers)
    assert [(e["number"], e["level"]) for e in held.answers[0]["edits"]] == [(413, "error")]
    assert held.answers[0]["claim"] == "held"
    late = bill_records([made | {"delay_reason": "8"}], day, payers)
    assert [(e["number"], e["level"]) for e in late.answers[0]["edits"]] == [(413, "warning")]
    (one,) = interchanges(late.frames, late.billed.claims, SENDER, day, AS_OF_NOON)
    assert "*A*Y*Y***********8~" in one.text
    assert validate_837(one.text).errors == ()
    assert read_837(one.text.encode()).encounters["delay_reason"].tolist() == ["8"]


def test_a_delay_reason_that_the_guide_does_not_know_holds_the_claim(record, bill, raised):
    for wrong in ("12", "0", "X"):
        assert ("code_value_invalid", None) in raised(bill(record(delay_reason=wrong)))


def test_notes_of_batches_add_up():
    one = Notes({"V44.0": 1}, ("samples of A",))
    two = one + Notes({"V44.0": 2, "V43.1": 1}, ("samples of A", "samples of B"))
    assert one.sentences()[0] == "The second grouper does not know V44.0: 1 claim without a second opinion."
    assert two.sentences() == (
        "The second grouper does not know V43.1: 1 claim without a second opinion.",
        "The second grouper does not know V44.0: 3 claims without a second opinion.",
        "samples of A",
        "samples of B",
    )
