"""Rules 27 to 32: the 837 as written, valid by the implementation guide, and faults found with their reason."""

from __future__ import annotations

import logging
import re
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.billing.x12.interchange import (
    InterchangeError,
    control_number,
    interchanges,
    write_837,
)
from medcode_ml.billing.x12.parties import PartyError, Receiver, Sender
from medcode_ml.billing.x12.rules_837 import split_segments
from medcode_ml.billing.x12.segments import amount, x12_text
from medcode_ml.billing.x12.validate import validate_837

DAY, WHEN = date(2026, 11, 21), datetime(2026, 11, 21, 6, 0)
SENDER = Sender("MEDCODE", "Harbour Network Billing", "Billing Office", "6175550100")


@pytest.fixture(scope="session")
def written(bill_all):
    """Interchanges of records, all of them ready unless said."""

    def write(*records, all_ready=True):
        result = bill_all(*records)
        if all_ready:
            assert [a["held_because"] for a in result.answers] == [[]] * len(records)
        return list(interchanges(result.frames, result.billed.claims, SENDER, DAY, WHEN))

    return write


#: 22 diagnoses that are not external causes and need present on admission.
COMMON = (
    *("K21.9", "I10", "E78.5", "M54.50", "D64.9", "E87.6", "N18.30", "I25.10", "E03.9", "F41.9", "G47.33", "L30.9"),
    *("K59.00", "H91.90", "J44.9", "I48.91", "E66.9", "D50.9", "M10.9", "N40.0", "K57.30", "G89.29"),
)


class _Heard(logging.Handler):
    """Everything that reaches the root logger."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def _segments(text: str, name: str) -> list[list[str]]:
    return [s for s in split_segments(text) if s[0] == name]


def _codes(text: str, qualifier: str) -> list[list[str]]:
    """Composites of HI with a qualifier, segment by segment."""
    found = [[c for c in s[1:] if c.split(":")[0] == qualifier] for s in _segments(text, "HI")]
    return [codes for codes in found if codes]


@pytest.fixture(scope="session")
def full(record, written):
    """A claim with sixty diagnoses, external causes and thirty procedures."""
    codes = ["J18.9", "W01.0XXA", *COMMON, ("Z87.891", None)]
    codes += [f"S{n:02d}.00XA" for n in range(60 - len(codes))]
    procedures = [{"code": "5A1935Z", "system": "ICD-10-PCS", "date": "2026-11-11"} for _ in range(30)]
    (one,) = written(record(codes, procedures=procedures))
    return one


def test_an_inpatient_and_an_outpatient_claim_are_valid(record, outpatient, written):
    (one,) = written(record(), outpatient(encounter_id="E2"))
    assert validate_837(one.text) == validate_837(one.text)
    assert validate_837(one.text).errors == ()
    assert one.claims == 2
    assert one.total_charge == Decimal("10487.95")
    assert [s[5] for s in _segments(one.text, "CLM")] == ["11:A:1", "13:A:1"]


def test_rule_27_diagnoses_and_procedures(full):
    text = full.text
    assert validate_837(text).errors == ()
    assert _codes(text, "ABK") == [["ABK:J189:::::::Y"]]
    assert _codes(text, "ABJ") == [["ABJ:R0602"]]
    assert _codes(text, "ABN") == [["ABN:W010XXA:::::::Y"]]
    assert _codes(text, "DR") == [["DR:208"]]
    assert [len(codes) for codes in _codes(text, "ABF")] == [12, 11]
    assert len(full.members["diagnoses"][0]) == 25
    assert [len(codes) for codes in _codes(text, "BBR")] == [1]
    assert [len(codes) for codes in _codes(text, "BBQ")] == [12, 12]
    assert _codes(text, "BBR") == [["BBR:5A1935Z:D8:20261111"]]
    assert "ABF:Z87891" in {c for codes in _codes(text, "ABF") for c in codes}
    assert "." not in "".join(c for s in _segments(text, "HI") for c in s)


def test_rule_27_without_external_causes_24_others_stand_in_two_segments(record, written):
    codes = ["J18.9", *COMMON, "I73.9", "E55.9", "M81.0", "K76.0"]
    (one,) = written(record(codes))
    assert [len(c) for c in _codes(one.text, "ABF")] == [12, 12]
    sent = [c.split(":")[1] for codes in _codes(one.text, "ABF") for c in codes]
    assert sent == [c.replace(".", "") for c in codes[1:25]]
    assert one.members["diagnoses"].tolist() == [codes[:25]]


def test_rule_28_dates_provider_and_lines(record, written):
    (one,) = written(record())
    dates = {s[1]: s[2:] for s in _segments(one.text, "DTP")}
    assert dates["096"] == ["TM", "1100"]
    assert dates["434"] == ["RD8", "20261110-20261115"]
    assert dates["435"] == ["DT", "202611101400"]
    assert _segments(one.text, "CL1") == [["CL1", "1", "1", "01"]]
    assert ["NM1", "71", "1", "OSEI", "AMA", "", "", "", "XX", "1245319599"] in _segments(one.text, "NM1")
    assert _segments(one.text, "SV2")[0] == ["SV2", "0120", "", "9500", "DA", "5"]
    assert _segments(one.text, "N4")[0][3] == "021140000"
    assert ["NM1", "IL", "1", "NUNEZ", "JOSE", "", "", "", "MI", "1EG4TE5MK73"] in _segments(one.text, "NM1")


def test_rule_28_at_most_100_claims_in_a_patient_loop(record, written):
    (one,) = written(*(record(encounter_id=f"E{n:03d}", patient_id=f"P{n}") for n in range(101)))
    assert one.claims == 101
    assert [s[3] for s in _segments(one.text, "HL")] == ["20", "22", "22"]
    assert validate_837(one.text).errors == ()


def test_rule_29_professional_claims(outpatient, written):
    made = outpatient(claim_type="837P")
    made["codes"] = [{"code": c} for c in ["J18.9", *COMMON[:13]]]
    (one,) = written(made)
    assert one.claim_type == "837P"
    assert validate_837(one.text).errors == ()
    (hi,) = _segments(one.text, "HI")
    assert len(hi) - 1 == 12
    assert _segments(one.text, "CLM")[0][5] == "22:B:1"
    assert {s[7] for s in _segments(one.text, "SV1")} == {"1:2:3:4"}


def test_rule_30_icd9_qualifiers_are_found(record, written):
    (one,) = written(record(["J18.9", "I10"]))
    errors = validate_837(one.text.replace("ABF:I10", "BF:J9601")).errors
    assert any("ICD-9 and ICD-10" in e for e in errors)
    assert any("is for ICD-9" in e for e in errors)


def test_rule_31_the_claim_is_the_sum_of_its_lines(record, written):
    (one,) = written(record())
    (claim,) = _segments(one.text, "CLM")
    assert Decimal(claim[2]) == sum(Decimal(s[3]) for s in _segments(one.text, "SV2"))
    errors = validate_837(one.text.replace(f"*{claim[2]}*", "*9812.44*", 1)).errors
    assert [e for e in errors if "add up to" in e]


def test_rule_31_prior_payers_are_written(record, written):
    paid = {"payer_id": "OTHER", "name": "Other Plan", "member_id": "M1", "paid": "9000.00", "date": "2026-11-18"}
    adjustments = [
        {"group": "CO", "reason": "45", "amount": "800.00"},
        {"group": "PR", "reason": "1", "amount": "12.45"},
    ]
    (one,) = written(record(prior_payments=[paid | {"adjustments": adjustments}]))
    assert validate_837(one.text).errors == ()
    assert [s[1] for s in _segments(one.text, "SBR")] == ["S", "P"]
    assert _segments(one.text, "CAS") == [["CAS", "CO", "45", "800"], ["CAS", "PR", "1", "12.45"]]


def test_rule_32_counts_and_control_numbers(record, written):
    (one,) = written(record())
    segments = split_segments(one.text)
    (se,), (ge,), (iea,) = (_segments(one.text, n) for n in ("SE", "GE", "IEA"))
    assert int(se[1]) == len(segments) - 4
    assert (se[2], ge[1], iea[1]) == ("0001", "1", "1")
    assert iea[2] == one.control_number == control_number("MEDICARE", "837I", DAY) == _segments(one.text, "ISA")[0][13]
    assert ge[2] == _segments(one.text, "GS")[0][6]
    for cut, words in ((f"GE*1*{ge[2]}", "GE*2*7"), (f"IEA*1*{iea[2]}", "IEA*1*000000009")):
        assert any(words[:2] in e for e in validate_837(one.text.replace(cut, words)).errors)


def test_the_same_input_gives_the_same_bytes_and_another_day_another_number(record, written):
    (one,), (two,) = written(record()), written(record())
    assert one.sha256 == two.sha256
    assert control_number("MEDICARE", "837I", DAY) != control_number("MEDICARE", "837I", date(2026, 11, 22))
    assert control_number("MEDICARE", "837I", DAY) != control_number("MEDICARE", "837P", DAY)


def test_one_interchange_for_each_payer_and_type_and_held_claims_stay(record, outpatient, written):
    other = {"payer_id": "BLUE", "name": "Blue Plan", "kind": "commercial"}
    made = written(
        record(),
        record(encounter_id="E2", payer=other),
        outpatient(encounter_id="E3", claim_type="837P"),
        record([], encounter_id="E4"),
        all_ready=False,
    )
    assert [(i.payer_id, i.claim_type, i.claims) for i in made] == [
        ("BLUE", "837I", 1),
        ("MEDICARE", "837I", 1),
        ("MEDICARE", "837P", 1),
    ]
    for one in made:
        assert validate_837(one.text).errors == ()


def test_every_single_segment_cut_is_found_with_a_reason(record, written):
    (one,) = written(record(["J18.9", "I10"]))
    segments = one.text.split("~")[:-1]
    for place in range(1, len(segments)):
        text = "~".join(segments[:place] + segments[place + 1 :]) + "~"
        verdict = validate_837(text)
        assert not verdict.ok, segments[place]
        assert verdict.errors, segments[place]


def test_truncated_and_foreign_text_is_refused_with_a_reason(record, written):
    (one,) = written(record())
    half = one.text[: len(one.text) // 2]
    for text in ("", "hello", "ISA*00*", one.text[:106], half, one.text.replace("X223A2", "X299")):
        verdict = validate_837(text)
        assert not verdict.ok
        assert all(verdict.errors)


def test_validation_messages_quote_no_names(record, written):
    (one,) = written(record())
    heard = _Heard()
    logging.getLogger().addHandler(heard)
    try:
        for before, after in (
            ("*NUNEZ*JOSE", "*NUNEZ\x01*JOSE"),
            ("*NUNEZ*JOSE", f"*{'NUNEZ' * 20}*JOSE"),
            ("D8*19560131*M", "D8*1956*Q"),
            ("NM1*IL*1*NUNEZ", "NM1*QQ*1*NUNEZ"),
            ("~N3*12 ELM", "~NUNEZ*12 ELM"),
            ("~N4*BOSTON*MA*02114~", "~N4*BOSTON*ELM*1956~"),
        ):
            assert before in one.text
            errors = validate_837(one.text.replace(before, after)).errors
            assert errors
            assert not re.search("NUNEZ|JOSE|1956|ELM", " ".join(errors))
    finally:
        logging.getLogger().removeHandler(heard)
    assert heard.records == []


def test_held_claims_and_mixed_types_are_refused(record, outpatient, bill_all):
    receiver = Receiver("MEDICARE", "Medicare")
    held = bill_all(record([]))
    with pytest.raises(InterchangeError, match="held"):
        write_837(held.frames, held.billed.claims, SENDER, receiver, "000000001", WHEN)
    mixed = bill_all(record(), outpatient(encounter_id="E2", claim_type="837P"))
    with pytest.raises(InterchangeError, match="one claim type"):
        write_837(mixed.frames, mixed.billed.claims, SENDER, receiver, "000000001", WHEN)
    with pytest.raises(PartyError):
        Sender("MEDCODE", "x", "y", "617-555-0100")


@pytest.mark.parametrize(("guide", "theirs", "made"), [("X223A2", "X223A3", "I"), ("X222A1", "X222A2", "P")])
def test_a_second_library_reads_our_claims(record, outpatient, written, guide, theirs, made):
    io = pytest.importorskip("x12sdk.io")
    (one,) = written(record() if made == "I" else outpatient(claim_type="837P"))
    # that library names the guides by a later erratum
    with io.X12ModelReader(one.text.replace(guide, theirs)) as reader:
        assert len(list(reader.models())) == 1


@given(st.text(max_size=80), st.integers(min_value=1, max_value=60))
def test_x12_text_never_carries_a_delimiter_or_exceeds_its_length(value, longest):
    written_text = x12_text(value, longest)
    assert len(written_text) <= longest
    assert not set(written_text) & set("*~:^\r\n")
    assert written_text.isascii()
    assert written_text == written_text.strip()


@given(st.decimals(min_value=0, max_value=10**12, places=2))
def test_amounts_are_written_exactly(value):
    text = amount(value)
    assert Decimal(text) == value
    assert re.fullmatch(r"\d+(\.\d*[1-9])?", text)
