"""The catalogue of edits: every edit has a number of its own that never changes hands, and answers carry it."""

from __future__ import annotations

from medcode_ml.billing.edits.catalogue import edit_numbers

# A number that moved would turn the hit rates of one edit into those of another: these were given out first.
_GIVEN_OUT = {
    "external_cause_as_principal": 101,
    "no_editor_for_date": 126,
    "ungroupable": 201,
    "second_grouper_differs": 204,
    "missing_field": 301,
    "taxonomy_unknown": 316,
    "discharge_before_admission": 401,
    "duplicate_claim": 415,
    "no_principal": 501,
    "excludes1_pair": 510,
    "no_charge_lines": 601,
    "payment_outside_interval": 615,
    "ncci_pair": 701,
    "diagnosis_does_not_cover": 704,
    "payer_unknown": 801,
    "not_priced": 805,
    "line_in_quarantine": 901,
}


def test_every_edit_keeps_its_number_and_no_two_share_one():
    numbers = edit_numbers()
    assert {name: numbers[name] for name in _GIVEN_OUT} == _GIVEN_OUT
    assert len(set(numbers.values())) == len(numbers)


def test_an_answer_carries_the_number(record, bill):
    edits = bill(record(["J18.9", "J18.9"]))["edits"]
    assert {(e["number"], e["edit"]) for e in edits} == {(108, "duplicate_of_principal")}
