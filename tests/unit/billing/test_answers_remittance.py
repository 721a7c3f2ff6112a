"""What an 835 says, exactly, and rule 31: lines, claims and payments that balance, and by how much others are off."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from support.answer_files import as_bytes, claim, denied, interchange, payment_file, remittance

from medcode_ml.billing.answers.reading import read_answers

LINES = [
    "MIA*3**1*4200.5*MA01*****************M51", "REF*EA*MRN1", "REF*F8*OLD1", "DTM*232*20261101", "DTM*233*20261104",
    "DTM*050*20261110", "AMT*AU*900", "QTY*CA*3",
    "SVC*HC:99213:25:59*600*450*0510*2**3", "DTM*472*20261102", "CAS*CO*45*100*1*97*50*2", "REF*6R*L1", "AMT*B6*500",
    "LQ*HE*N14", "LQ*HE*M15",
    "SVC*NU:0250*400*250", "DTM*150*20261101", "DTM*151*20261103", "CAS*CO*45*50", "CAS*PR*1*100",
]  # fmt: skip


def test_every_element_of_a_claim_and_its_lines() -> None:
    one = claim(adjustments=[], more=["NM1*TT*2*SECOND PLAN*****PI*P2", *LINES])
    one[0] = "CLP*C1*19*1000*700*100*MA*ICN1*11*1**193*1.2345*0.5"
    a = read_answers(payment_file([one]), "a")
    got = a.remittance_claims.iloc[0]
    assert (got["status"], got["drg"], got["drg_weight"]) == (
        "processed_as_primary_and_forwarded", "193", Decimal("1.2345")
    )  # fmt: skip
    assert (got["charge"], got["paid"], got["patient_responsibility"]) == (1000, 700, 100)
    assert (got["facility_type"], got["frequency"], got["payer_control_number"]) == ("11", "1", "ICN1")
    assert got["forwarded_to"] == "P2"
    assert (got["statement_from"], got["statement_to"]) == (date(2026, 11, 1), date(2026, 11, 4))
    assert got["claim_received_date"] == date(2026, 11, 10)
    assert got["remark_codes"] == ["MA01", "M51"]
    assert got["inpatient"] == {"MIA01": "3", "MIA03": "1", "MIA04": "4200.5"}
    assert (got["reference_numbers"], got["amounts"], got["quantities"]) == (
        {"EA": "MRN1", "F8": "OLD1"}, {"AU": "900"}, {"CA": "3"}
    )  # fmt: skip
    assert got["balanced"], got["faults"]
    first, second = a.remittance_lines.to_dict("records")
    assert (first["procedure"], first["modifiers"], first["revenue_code"]) == ("99213", ["25", "59"], "0510")
    assert (first["units_paid"], first["units_submitted"], first["line_control_number"]) == (2, 3, "L1")
    assert (first["service_from"], first["service_to"]) == (date(2026, 11, 2), date(2026, 11, 2))
    assert first["remark_codes"] == ["N14", "M15"]
    assert (second["procedure"], second["revenue_code"]) == (None, "0250")
    assert (second["service_from"], second["service_to"]) == (date(2026, 11, 1), date(2026, 11, 3))
    told = [
        (r["line_number"], r["group_code"], r["reason_code"], r["amount"], r["quantity"], r["remark_codes"])
        for r in a.adjustments.to_dict("records")
    ]  # fmt: skip
    assert told == [
        (1, "CO", "45", 100, 1, ["N14", "M15"]),
        (1, "CO", "97", 50, 2, ["N14", "M15"]),
        # a line without remarks of its own has those of its claim
        (2, "CO", "45", 50, None, ["MA01", "M51"]),
        (2, "PR", "1", 100, None, ["MA01", "M51"]),
    ]
    assert all(isinstance(r["amount"], Decimal) for r in a.adjustments.to_dict("records"))
    assert not len(a.unread)


def test_the_payment_its_parties_and_provider_adjustments() -> None:
    footer = ["PLB*1234567893*20261231*WO:ICN0*50.25*L6:INT*-0.25"]
    a = read_answers(payment_file([claim()], paid="650", footer=footer), "a")
    got = a.remittances.iloc[0]
    assert (got["payer_id"], got["payer_ids"]) == ("P1", ["P1", "1512345678", "512345678"])
    assert (got["payee_id"], got["trace_number"], got["payment_date"]) == ("1234567893", "T1", date(2026, 11, 19))
    assert (got["paid"], got["claims_paid"], got["provider_adjustments"], got["difference"]) == (650, 700, 50, 0)
    assert got["balanced"]
    assert a.provider_adjustments[["reason_code", "reference_number", "amount"]].values.tolist() == [
        ["WO", "ICN0", Decimal("50.25")], ["L6", "INT", Decimal("-0.25")]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (claim(paid="699.99"), "claim: CLP03 1000.00 dollars less adjustments of 300.00 dollars is not CLP04 699.99 "
         "dollars: off by 0.01 dollars"),
        (claim(adjustments=["CAS*CO*45*200"]), "off by 100.00 dollars"),
        (claim(adjustments=["CAS*CO*45*300", "CAS*PR*1*100"]), "off by -100.00 dollars"),
        (claim(more=["SVC*HC:99213*1000*700", "CAS*CO*45*200"]), "line 1: SVC02 1000.00 dollars less adjustments"),
        (claim(charge="ten"), "CLP03 (charge) is missing or no amount"),
        (claim(paid="1.005"), "CLP04 (paid) is missing or no amount"),
        (claim(adjustments=["CAS*CO*45*x", "CAS*PR*1*300"]), "has no reason or no amount"),
        (claim(adjustments=["CAS*QQ*45*200", "CAS*PR*1*100"]), "its group is not CO, OA, PI, PR"),
        (claim(status="77"), "CLP02 is no claim status"),
    ],
)  # fmt: skip
def test_rule_31_a_claim_that_does_not_balance_says_where_and_by_how_much(one: list[str], fault: str) -> None:
    a = read_answers(payment_file([one, claim("C2")], paid="1400"), "a")
    broken, sound = a.remittance_claims.to_dict("records")
    assert not broken["balanced"]
    assert fault in " ".join(broken["faults"])
    # the other claim balances; whether the payment does is another question
    assert sound["balanced"]


def test_rule_31_a_line_and_its_claim_count_the_adjustments_of_both_levels() -> None:
    lines = ["SVC*HC:99213*1000*800", "CAS*CO*45*200"]
    a = read_answers(payment_file([claim(adjustments=["CAS*PR*1*100"], more=lines)]), "a")
    assert a.remittance_claims.iloc[0]["balanced"]
    assert a.remittance_lines.iloc[0]["balanced"]


@pytest.mark.parametrize(
    ("payment", "fault"),
    [
        ({"paid": "701"}, "off by 1.00 dollars"),
        ({"paid": "700", "footer": ["PLB*1*20261231*WO*50"]}, "are 650.00 dollars: off by 50.00 dollars"),
        ({"paid": "x"}, "BPR02 is missing or no amount"),
        ({"footer": ["PLB*1*20261231*WO*x"]}, "1 amounts in CLP04 or PLB cannot be read"),
    ],
)
def test_rule_31_a_payment_that_does_not_balance_is_told_on_each_of_its_claims(
    payment: dict[str, object], fault: str
) -> None:
    a = read_answers(payment_file([claim()], **payment), "a")
    assert not a.remittances.iloc[0]["balanced"]
    assert fault in " ".join(a.remittances.iloc[0]["faults"])
    assert fault in " ".join(a.remittance_claims.iloc[0]["payment_faults"])


def test_a_debit_payment_is_negative() -> None:
    reversal = claim(charge="-1000", paid="-700", status="22", adjustments=["CAS*CO*45*-200", "CAS*PR*1*-100"])
    segments = [s.replace("BPR*I*-700*C", "BPR*I*700*D") for s in remittance([reversal])]
    got = read_answers(as_bytes(interchange([segments])), "a").remittances.iloc[0]
    assert (got["paid"], got["balanced"]) == (-700, True)


def test_other_currencies_and_missing_trace_are_faults() -> None:
    segments = remittance([claim()])
    foreign = [*segments[:3], "CUR*PR*CAD", *segments[3:]]
    nameless = [s for s in segments if not s.startswith("TRN")]
    for changed, fault in ((foreign, "not in US dollars"), (nameless, "TRN02")):
        counted = [*changed[:-1], f"SE*{len(changed)}*0001"]
        a = read_answers(as_bytes(interchange([counted])), "a")
        assert list(a.sets["status"]) == ["read"]
        assert fault in " ".join(a.remittance_claims.iloc[0]["payment_faults"])


def test_patient_responsibility_that_its_adjustments_do_not_tell_is_noted() -> None:
    a = read_answers(payment_file([claim(owed="90"), denied()]), "a")
    assert "CLP05 tells a patient responsibility of 90.00 dollars" in a.remittance_claims.iloc[0]["notes"][0]
    assert a.remittance_claims.iloc[0]["balanced"]
    assert a.remittance_claims.iloc[1]["notes"] == []


def test_a_provider_summary_that_counts_other_claims_is_noted() -> None:
    a = read_answers(payment_file([["TS3*1234567893*11*20261231*3*2000", *claim("C1")], claim("C2")]), "a")
    assert a.remittances.iloc[0]["notes"] == ["TS3 counts 3 claims of 2000.00; 2 of 2000.00 follow"]


def test_the_same_reading_as_x12sdk_where_it_reads() -> None:
    """An independent reader of the 835 finds the same adjustments; it refuses a whole set for one unbalanced claim."""
    from x12sdk.denials import iter_adjustments
    from x12sdk.io import X12ModelReader

    lines = [s for s in LINES if s[:3] in ("SVC", "DTM", "CAS", "LQ*") and s[4:7] not in ("232", "233", "050")]
    data = payment_file([claim("C1", adjustments=[], more=lines), denied("C2")])
    with X12ModelReader(data.decode()) as reader:
        theirs = [
            (a.patient_control_number, a.group_code, a.reason_code, a.amount)
            for model in reader.models()
            for a in iter_adjustments(model)
        ]
    a = read_answers(data, "a")
    numbers = dict(zip(a.remittance_claims["remittance_claim_id"], a.remittance_claims["control_number"], strict=True))
    ours = [
        (numbers[r["remittance_claim_id"]], r["group_code"], r["reason_code"], r["amount"])
        for r in a.adjustments.to_dict("records")
    ]
    assert sorted(ours) == sorted(theirs)
