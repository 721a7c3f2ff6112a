"""999, TA1 and 277CA: what was accepted or rejected and why; rule 32: A1, A2 accepted, A3, A6, A7, A8 rejected."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from support.answer_files import as_bytes, interchange, isa, our_claims, transaction

from medcode_ml.billing.answers.frames import Answers
from medcode_ml.billing.answers.lines import acknowledgement_lines
from medcode_ml.billing.answers.matching import match
from medcode_ml.billing.answers.reading import read_answers

OURS = our_claims(
    ("C1", "P1", "1000"), ("C2", "P1", "500"), control_number="000000146", set_control_number="0001",
    sent_on=date(2026, 11, 11),
)  # fmt: skip


def acknowledged(*body: str) -> Answers:
    guide = "005010X231A1"
    told = transaction("999", ["AK1*HC*146*005010X223A2", *body], guide=guide)
    return read_answers(as_bytes(interchange([told], function="FA", guide=guide)), "a.999")


REJECTED = (
    "AK2*837*0001*005010X223A2", "IK3*NM1*9*2010*8", "CTX*CLM01:C2", "IK4*9:1*67*I10*SECRET", "IK3*SV2*14*2400*3",
    "IK5*R*5*I5", "AK9*R*1*1*0*5",
)  # fmt: skip


def test_a_999_accepts_with_errors_and_rejects_with_segment_element_and_reason() -> None:
    a = acknowledged(*REJECTED)
    one, group = a.acknowledgements.to_dict("records")
    assert (one["level"], one["status"], one["group_control_number"], one["set_control_number"]) == (
        "transaction_set", "rejected", "146", "0001"
    )  # fmt: skip
    assert (group["level"], group["status"]) == ("group", "rejected")
    assert (group["sets_received"], group["sets_accepted"]) == (1, 0)
    assert group["reasons"] == ["count of transaction sets differs"]
    first, second = a.acknowledgement_faults.to_dict("records")
    assert (first["segment"], first["segment_position"], first["loop"], first["element"], first["component"]) == (
        "NM1", 9, "2010", "9", "1"
    )  # fmt: skip
    assert first["claim_number"] == "C2"
    assert first["bad_value"] == "SECRET"
    assert "segment 14 (SV2) in loop 2400: required segment missing" in one["reasons"]
    assert second["element"] is None
    assert "SECRET" not in " ".join(one["reasons"])
    assert not len(a.unread)


@pytest.mark.parametrize(
    ("code", "status"),
    [("A", "accepted"), ("E", "accepted_with_errors"), ("R", "rejected"), ("M", "rejected"), ("Q", "unknown")],
)
def test_ik5_verdicts(code: str, status: str) -> None:
    a = acknowledged("AK2*837*0001", f"IK5*{code}", "AK9*A*1*1*1")
    assert list(a.acknowledgements["status"]) == [status, "accepted"]


def test_a_set_without_its_verdict_is_unknown_not_accepted() -> None:
    a = acknowledged("AK2*837*0001", "AK2*837*0002", "IK5*A")
    assert list(a.acknowledgements["status"]) == ["unknown", "accepted", "unknown"]


def test_a_ta1_answers_an_interchange() -> None:
    segments = [*isa(5), "TA1*000000146*261120*0900*R*009", "IEA*0*000000005"]
    a = read_answers(as_bytes(segments), "a.ta1")
    assert list(a.sets["status"]) == ["read"], a.sets.to_dict("records")
    row = match(a, OURS).answers.acknowledgements.iloc[0]
    assert (row["level"], row["status"], row["reasons"], row["outcome"]) == (
        "interchange", "rejected", ["receiver unknown"], "matched"
    )  # fmt: skip


def test_a_999_is_matched_by_group_and_set_control_number() -> None:
    assert list(match(acknowledged(*REJECTED), OURS).answers.acknowledgements["outcome"]) == ["matched", "matched"]
    other = OURS.assign(set_control_number="0002")
    outcomes = match(acknowledged(*REJECTED), other).answers.acknowledgements
    assert list(outcomes["outcome"]) == ["unmatched", "matched"]
    assert "unknown transaction set" in outcomes.iloc[0]["because"][0]
    unknown = match(acknowledged(*REJECTED), OURS.assign(control_number="000000147")).answers.acknowledgements
    assert set(unknown["outcome"]) == {"unmatched"}
    assert "no 837 with this control number" in unknown.iloc[0]["because"][0]


def claim_status(*claims: str, totals: tuple[str, ...] = ()) -> Answers:
    guide = "005010X214"
    body = [
        "BHT*0085*08*1*20261120*0900*TH", "HL*1**20*1", "NM1*PR*2*FIRST HEALTH PLAN*****PI*P1", "TRN*1*A1",
        "DTP*050*D8*20261120", "DTP*009*D8*20261120", "HL*2*1*21*1", "NM1*41*2*HOSPITAL*****46*SUB",
        "TRN*2*0000001460001", "STC*A1:19:PR*20261120*WQ*1500", *totals,
        "HL*3*2*19*1", "NM1*85*2*HARBOUR*****XX*1234567893", "TRN*1*0", *claims,
    ]  # fmt: skip
    told = transaction("277", body, guide=guide)
    return read_answers(as_bytes(interchange([told], function="HN", guide=guide)), "a.277")


def of_claim(number: str, status: str, charge: str = "1000", level: int = 4) -> tuple[str, ...]:
    return (
        f"HL*{level}*3*PT", "NM1*QC*1*DOE*JANE****MI*M1", f"TRN*2*{number}", f"STC*{status}*20261120*U*{charge}",
        "REF*1K*ICN9", "REF*D9*CH1", "REF*BLT*111", "DTP*472*RD8*20261101-20261104",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("category", "status"),
    [("A1", "accepted"), ("A2", "accepted"), ("A3", "rejected"), ("A6", "rejected"), ("A7", "rejected"),
     ("A8", "rejected"), ("A0", "forwarded"), ("A4", "not_found"), ("P1", "unknown")],
)  # fmt: skip
def test_rule_32_277ca_categories(category: str, status: str) -> None:
    a = claim_status(*of_claim("C1", f"{category}:562:85"))
    row = a.claim_statuses[a.claim_statuses["level"] == "claim"].iloc[0]
    assert row["status"] == status
    assert row["reasons"] == [{"category": category, "status": "562", "entity": "85"}]
    assert (row["payer_control_number"], row["clearinghouse_number"], row["charge"]) == ("ICN9", "CH1", Decimal(1000))
    assert (row["service_from"], row["service_to"]) == (date(2026, 11, 1), date(2026, 11, 4))
    assert not len(a.unread)


def test_one_rejecting_status_rejects_a_claim() -> None:
    a = claim_status(*of_claim("C1", "A1:20")[:4], "STC*A7:562:85*20261120*U*1000*******A8:21")
    row = a.claim_statuses[a.claim_statuses["level"] == "claim"].iloc[0]
    assert row["status"] == "rejected"
    assert [r["category"] for r in row["reasons"]] == ["A1", "A7", "A8"]


def test_277ca_lines_totals_and_matching() -> None:
    line = ("SVC*HC:99213*100", "STC*A8:700*20261120*U", "REF*FJ*7", "DTP*472*D8*20261102")
    totals = ("QTY*90*1", "QTY*AA*1", "AMT*YU*1000", "AMT*YY*500")
    others = (*of_claim("C2", "A3:21", "500", 5), *of_claim("CX", "A2:20", "9", 6))
    a = claim_status(*of_claim("C1", "A2:20"), *line, *others, totals=totals)
    m = match(a, OURS)
    rows = m.answers.claim_statuses
    assert list(rows["level"]) == ["receiver", "claim", "line", "claim", "claim"]
    assert list(rows["outcome"]) == ["matched", "matched", "matched", "matched", "unmatched"]
    batch = rows.iloc[0]
    assert (batch["accepted_claims"], batch["rejected_claims"], batch["accepted_charge"], batch["rejected_charge"]) == (
        1, 1, 1000, 500
    )  # fmt: skip
    assert (rows.iloc[2]["line_control_number"], rows.iloc[2]["control_number"]) == ("7", "C1")
    other = match(a, our_claims(("C1", "P1", "999")))
    assert "another amount" in " ".join(b for row in other.answers.claim_statuses["because"] for b in row)


def test_a_277_claim_status_response_is_no_277ca() -> None:
    guide = "005010X212"
    a = read_answers(as_bytes(interchange([transaction("277", ["BHT*0010"], guide=guide)], guide=guide)), "a")
    assert list(a.sets["status"]) == ["not_read"]
    assert "005010X214" in a.sets.iloc[0]["because"][0]


def test_lines_for_the_command_show_no_copy_of_a_bad_value() -> None:
    lines = list(acknowledgement_lines(match(acknowledged(*REJECTED), OURS)))
    assert [line["status"] for line in lines] == ["rejected", "rejected"]
    assert lines[0]["faults"][0]["element"] == "9"
    assert "SECRET" not in str(lines)
    told = list(acknowledgement_lines(match(claim_status(*of_claim("C2", "A3:21", "500")), OURS)))
    assert told[-1]["claim_number"] == "C2"
    assert told[-1]["charge"] == "500.00"
    assert told[-1]["answer"] == "277CA"
