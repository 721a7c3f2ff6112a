"""FHIR R4 `ExplanationOfBenefit`: an 835 of ours as resources that add up (rule 31), denials by rule 33."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.answer_files import as_bytes, claim, denied, interchange, remittance

from medcode_ml.billing.answers.matching import match
from medcode_ml.billing.answers.reading import read_answers
from medcode_ml.billing.batch import claim_number
from medcode_ml.billing.fhir import terms
from medcode_ml.billing.fhir.answered_lines import answered
from medcode_ml.billing.fhir.answers import answers_by_encounter, taken_back
from medcode_ml.billing.fhir.claims import billed_claims, write_claims, write_explanations
from medcode_ml.billing.fhir.ndjson import FhirFiles

DAY = date(2026, 11, 21)
NUMBER = claim_number("E1")
CHARGE = "9812.45"
Resource = dict[str, Any]
Export = Callable[..., list[Resource]]


@pytest.fixture
def export(bill_all, record, tmp_path: Path) -> Export:  # type: ignore[no-untyped-def]
    """Answer the clean claim (lines of 9500.00 and 312.45), a payment a day; export the answers, amounts exact."""

    def run(*answers: list[str], claims: bool = True) -> list[Resource]:
        billed = bill_all(record())
        payments = [
            [
                s.replace("20261119", f"202611{19 + n}")
                for s in remittance([one], payer="*XV*MEDICARE", trace=f"T{n}", number=n + 1)
            ]
            for n, one in enumerate(answers)
        ]
        data = as_bytes(interchange(payments))
        read = match(read_answers(data, "a.835"), billed.billed.claims).answers
        assert set(read.remittance_claims["outcome"]) == {"matched"}
        made = list(billed_claims(billed.frames, billed.billed.claims, DAY))
        own = answers_by_encounter(read.remittance_claims, read.remittance_lines, read.adjustments)
        with FhirFiles(tmp_path / "fhir") as files:
            if claims:
                write_claims(files, made)
            write_explanations(files, made, own)
        assert not files.left_out
        text = (tmp_path / "fhir" / "ExplanationOfBenefit.ndjson").read_text(encoding="utf-8")
        return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]

    return run


def by_lines(*, status: str = "1") -> list[str]:
    """Room paid less contract, deductible, coinsurance and copay; pharmacy denied CO-16 M76."""
    return [
        f"CLP*{NUMBER}*{status}*{CHARGE}*7000*600*MA*ICN1*11*1", "NM1*QC*1*DOE*JANE****MI*M1", "DTM*050*20261118",
        "SVC*NU:0120*9500*7000**5", "DTM*472*20261110", "CAS*CO*45*1900", "CAS*PR*1*300**2*200**3*100", "AMT*B6*7600",
        "SVC*NU:0250*312.45*0**0", "DTM*472*20261111", "CAS*CO*16*312.45", "LQ*HE*M76",
    ]  # fmt: skip


def amounts(parts: list[Resource]) -> dict[str, Decimal]:
    """Sum of the amounts by first category code."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        if "amount" in part:
            found[part["category"]["coding"][0]["code"]] += part["amount"]["value"]
    return dict(found)


def by_group(parts: list[Resource]) -> dict[str, Decimal]:
    """Sum of the amounts by X12 adjustment group."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        for one in part["category"]["coding"]:
            if one["system"] == terms.ADJUSTMENT_GROUP and "amount" in part:
                found[one["code"]] += part["amount"]["value"]
    return dict(found)


def test_a_paid_claim_tells_lines_cost_shares_and_payment(export: Export) -> None:
    (made,) = export(by_lines())
    assert (made["status"], made["outcome"], made["disposition"]) == ("active", "complete", "Processed as primary")
    assert (made["created"], made["precedence"]) == ("2026-11-19", 1)
    room, pharmacy = made["item"]
    assert amounts(room["adjudication"]) == {
        "submitted": Decimal("9500.00"), "eligible": Decimal("7600.00"), "discount": Decimal("1900.00"),
        "deductible": Decimal("300.00"), "coinsurance": Decimal("200.00"), "copay": Decimal("100.00"),
        "paidtoprovider": Decimal("7000.00"),
    }  # fmt: skip
    assert amounts(pharmacy["adjudication"])["noncovered"] == Decimal("312.45")
    assert made["payment"]["amount"] == {"value": Decimal("7000.00"), "currency": "USD"}
    assert made["payment"]["identifier"]["value"] == "T0"
    assert made["payment"]["type"]["coding"][0]["code"] == "partiallypaid"
    received = [s for s in made["supportingInfo"] if s["category"]["coding"][0]["code"] == "clmrecvddate"]
    assert received[0]["timingDate"] == "2026-11-18"
    assert {i["type"]["coding"][0]["code"]: i["value"] for i in made["identifier"]} == {"pat": NUMBER, "uc": "ICN1"}


def test_rule_31_submitted_less_adjustments_is_paid_by_line_and_in_total(export: Export) -> None:
    (made,) = export(by_lines())
    for line in made["item"]:
        told = amounts(line["adjudication"])
        assert told["submitted"] - sum(by_group(line["adjudication"]).values()) == told["paidtoprovider"]
        assert told["submitted"] == line["net"]["value"]
    total, groups = amounts(made["total"]), by_group(made["total"])
    assert total["submitted"] - sum(groups.values()) == total["paidtoprovider"] == Decimal("7000.00")
    assert groups == {"CO": Decimal("2212.45"), "PR": Decimal("600.00")}
    assert total["memberliability"] == Decimal("600.00")
    assert (total["deductible"], total["coinsurance"], total["copay"]) == (300, 200, 100)


def test_rule_33_a_denial_keeps_group_carc_and_rarc_together(export: Export) -> None:
    (made,) = export(by_lines())
    (row,) = [a for a in made["item"][1]["adjudication"] if by_group([a])]
    assert [c["code"] for c in row["category"]["coding"]] == ["noncovered", "CO"]
    assert row["reason"]["coding"] == [{"system": terms.CARC, "code": "16"}, {"system": terms.RARC, "code": "M76"}]
    slices = [a for line in made["item"] for a in line["adjudication"] if "denialreason" in str(a["category"])]
    assert [s["reason"] for s in slices] == [row["reason"]]


def test_a_claim_denied_whole_has_its_reason_at_the_claim(export: Export) -> None:
    (made,) = export(denied(NUMBER, CHARGE, f"CAS*CO*29*{CHARGE}"))
    assert made["payment"]["type"]["coding"][0]["code"] == "denied"
    assert made["disposition"] == "Denied"
    told = amounts(made["adjudication"])
    assert (told["submitted"], told["paidtoprovider"]) == (Decimal(CHARGE), 0)
    assert by_group(made["adjudication"]) == {"CO": Decimal(CHARGE)}
    assert all("adjudication" not in line for line in made["item"])


def test_nothing_paid_under_a_deductible_is_no_denial(export: Export) -> None:
    (made,) = export(claim(NUMBER, CHARGE, "0", owed=CHARGE, adjustments=[f"CAS*PR*1*{CHARGE}"]))
    assert made["payment"]["type"]["coding"][0]["code"] == "paid"


def test_a_reversal_takes_back_what_came_before_and_active_answers_add_up_to_what_was_paid(export: Export) -> None:
    def answer(paid: str, **more: Any) -> list[str]:
        sign = "-" if paid.startswith("-") else ""
        rest = abs(Decimal(CHARGE) - abs(Decimal(paid)))
        return claim(NUMBER, f"{sign}{CHARGE}", paid, owed="", adjustments=[f"CAS*CO*45*{sign}{rest}"], **more)

    made = export(
        answer("7000", payer_number="ICN1"),
        answer("-7000", status="22", payer_number="ICN1"),
        answer("6500", payer_number="ICN2", more=["REF*F8*ICN1"]),
    )
    told = {(m["status"], m["payment"]["amount"]["value"]) for m in made}
    assert told == {("cancelled", Decimal(7000)), ("cancelled", Decimal(-7000)), ("active", Decimal(6500))}
    (corrected,) = [m for m in made if m.get("related")]
    assert corrected["related"][0]["claim"]["identifier"]["value"] == "ICN1"
    assert corrected["status"] == "active"


def test_a_reversal_under_a_number_never_seen_takes_back_all_before_it() -> None:
    def row(key: str, status: str, number: str, day: int) -> Resource:
        return {
            "remittance_claim_id": key, "remittance_id": f"R{day}", "status": status, "payer_control_number": number,
            "payment_date": date(2026, 11, day),
        }  # fmt: skip

    first, part = row("a", "processed_as_primary", "ICN1", 1), row("b", "processed_as_primary", "ICN2", 2)
    assert taken_back([first, part, row("c", "reversal", "ICN9", 3)]) == {"a", "b"}
    assert taken_back([first, part, row("c", "reversal", "ICN2", 3)]) == {"b"}
    # what comes with or after the reversal stands
    assert taken_back([first, row("c", "reversal", "ICN1", 3), row("d", "processed_as_primary", "ICN1", 3)]) == {"a"}


def test_lines_of_the_payer_that_are_not_ours_are_added_not_lost(export: Export) -> None:
    rows = by_lines()
    at = rows.index("SVC*NU:0250*312.45*0**0")
    rows[at] = "SVC*HC:J1885*312.45*0**0"
    (made,) = export(rows)
    (added,) = made["addItem"]
    assert added["productOrService"]["coding"] == [{"system": terms.HCPCS, "code": "J1885"}]
    everything = [*made["item"], *made["addItem"]]
    paid = sum(amounts(line.get("adjudication", [])).get("paidtoprovider", Decimal(0)) for line in everything)
    assert paid == made["payment"]["amount"]["value"]


def test_lines_are_matched_by_control_number_before_their_look(bill_all, record) -> None:
    billed = bill_all(record(lines=[{"revenue_code": "0250", "units": 1, "charge": "10.00", "date": "2026-11-10"}] * 3))
    lines = next(billed.frames.cases()).lines
    look = {"charge": Decimal("10.00"), "revenue_code": "0250", "procedure": None, "submitted_procedure": None}
    rows = [look | {"line_control_number": n, "name": n} for n in (None, "3", "3", "99")]
    found = answered(lines, rows)
    assert {place: row["name"] for place, row in found.by_place.items()} == {3: "3", 1: None, 2: "99"}
    assert [(place, row["name"]) for place, row in found.others] == [(3, "3")]


@pytest.mark.parametrize("whole", [True, False])
def test_the_claim_is_a_reference_only_where_it_is_exported(export: Export, whole: bool, tmp_path: Path) -> None:
    (made,) = export(claim(NUMBER, CHARGE, "9512.45"), claims=whole)
    assert made["claim"]["identifier"]["value"] == NUMBER
    assert ("reference" in made["claim"]) is whole
    assert (tmp_path / "fhir" / "Claim.ndjson").exists() is whole
    there = {
        f"{path.stem}/{json.loads(line)['id']}"
        for path in (tmp_path / "fhir").glob("*.ndjson")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    for name in ("patient", "insurer", "provider", "claim"):
        assert made[name].get("reference", f"Patient/{made['patient']['reference'].split('/')[1]}") in there


def test_remark_codes_that_explain_no_adjustment_are_notes(export: Export) -> None:
    rows = claim(NUMBER, CHARGE, CHARGE, owed="", adjustments=(), more=["MIA*5****MA01"])
    (made,) = export(rows)
    told = [note["text"] for note in made.get("processNote", [])]
    assert told == ["remark code MA01"]


def test_a_drg_that_is_not_ours_is_not_called_an_ms_drg(export: Export) -> None:
    rows = claim(NUMBER, CHARGE, "9512.45")
    rows[0] += "**7202"
    (made,) = export(rows)
    (drg,) = [s for s in made["supportingInfo"] if s["category"]["coding"][0]["code"] == "drg"]
    assert drg["code"] == {"text": "7202"}
