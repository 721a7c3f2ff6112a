"""Marts on insurers' answers, on a real database: where claims stand, what was paid, what was denied and why."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st
from support.answer_files import as_bytes, claim, denied, interchange, isa, payment_file, transaction
from support.answered import answer, put, put_claim, rows_of

from medcode_ml.billing.answers.progress import net
from medcode_ml.contracts import answers, billed
from medcode_ml.store.frames import copy_in

pytestmark = pytest.mark.integration

SENT, ANSWERED, LATER = date(2026, 11, 10), date(2026, 11, 20), date(2026, 11, 25)
STAND = ("claim_number", "syntax", "acceptance", "payment", "waiting_for", "days_waited")
REVERSAL = claim(charge="-1000", paid="-700", status="22", owed="", adjustments=["CAS*CO*45*-200", "CAS*PR*1*-100"])
CORRECTION = claim("C1", "1000", "800", owed="0", adjustments=["CAS*CO*45*200"], payer_number="ICN2")


def acknowledged(*body: str, control: int = 9) -> bytes:
    """A 999 on our interchange 000000146."""
    guide = "005010X231A1"
    told = transaction("999", ["AK1*HC*146*005010X223A2", *body], guide=guide)
    return as_bytes(interchange([told], control=control, function="FA", guide=guide))


def claim_statuses(*claims: tuple[str, str], control: int = 8, batch: str = "0000001460001") -> bytes:
    """A 277CA that says one status (STC01) of each claim, every one of 1000 dollars."""
    guide = "005010X214"
    body = [
        "BHT*0085*08*1*20261120*0900*TH", "HL*1**20*1", "NM1*PR*2*FIRST HEALTH PLAN*****PI*P1", "TRN*1*A1",
        "DTP*050*D8*20261120", "DTP*009*D8*20261120", "HL*2*1*21*1", "NM1*41*2*HOSPITAL*****46*SUB",
        f"TRN*2*{batch}", "STC*A1:19:PR*20261120*WQ*1000", "HL*3*2*19*1", "NM1*85*2*HARBOUR*****XX*1234567893",
        "TRN*1*0",
    ]  # fmt: skip
    for level, (number, status) in enumerate(claims, 4):
        body += [f"HL*{level}*3*PT", "NM1*QC*1*DOE*JANE****MI*M1", f"TRN*2*{number}", f"STC*{status}*20261120*U*1000"]
    told = transaction("277", body, guide=guide)
    return as_bytes(interchange([told], control=control, function="HN", guide=guide))


@pytest.fixture
def two_claims(database: sa.Engine) -> sa.Engine:
    put_claim(database, "C1", SENT, expected_payment=Decimal("800"))
    put_claim(database, "C2", SENT, charge="500", set_number="0002", expected_payment=Decimal("400"))
    return database


def test_rule_32_silence_is_waiting_counted_to_the_last_day_received_and_never_to_today(
    two_claims: sa.Engine, tmp_path: Path
) -> None:
    put_claim(two_claims, "C3", SENT, sent=False)
    answer(two_claims, tmp_path, LATER, acknowledged("AK2*837*0002", "IK5*A", "AK9*P*2*2*1"))
    assert rows_of(two_claims, "claim_progress", STAND) == [
        ("C1", "waiting", "waiting", "waiting", "999", 15),
        ("C2", "accepted", "waiting", "waiting", "277CA", 15),
        ("C3", None, None, None, None, None),
    ]


def test_a_rejected_set_rejects_its_claims_alone_and_the_last_999_on_it_holds(
    two_claims: sa.Engine, tmp_path: Path
) -> None:
    rejected = acknowledged("AK2*837*0001", "IK5*A", "AK2*837*0002", "IK5*R*5", "AK9*P*2*2*1")
    answer(two_claims, tmp_path, ANSWERED, rejected)
    assert rows_of(two_claims, "claim_progress", ("claim_number", "syntax", "waiting_for")) == [
        ("C1", "accepted", "277CA"), ("C2", "rejected", None),
    ]  # fmt: skip
    assert rows_of(two_claims, "coder_worklist") == [], "no encounter of the rejected claim is there to list"
    answer(two_claims, tmp_path, LATER, acknowledged("AK2*837*0002", "IK5*A", "AK9*A*1*1*1", control=10))
    assert rows_of(two_claims, "claim_progress", ("syntax",)) == [("accepted",), ("accepted",)]


def test_where_the_set_of_a_claim_was_not_kept_a_partly_accepted_group_says_nothing(
    database: sa.Engine, tmp_path: Path
) -> None:
    put_claim(database, "C1", SENT, set_number=None)
    partly = acknowledged("AK2*837*0001", "IK5*A", "AK2*837*0002", "IK5*R*5", "AK9*P*2*2*1")
    answer(database, tmp_path, ANSWERED, partly)
    assert rows_of(database, "claim_progress", ("syntax",)) == [("waiting",)]
    answer(database, tmp_path, LATER, acknowledged("AK2*837*0001", "IK5*A", "AK9*A*1*1*1", control=10))
    assert rows_of(database, "claim_progress", ("syntax",)) == [("accepted",)]


def test_a_rejected_interchange_rejects_what_is_in_it_and_an_accepted_one_says_nothing_of_its_sets(
    two_claims: sa.Engine, tmp_path: Path
) -> None:
    told = [*isa(5), "TA1*000000146*261120*0900*A*000", "IEA*0*000000005"]
    answer(two_claims, tmp_path, ANSWERED, as_bytes(told))
    assert rows_of(two_claims, "claim_progress", ("syntax",)) == [("waiting",), ("waiting",)]
    told = [*isa(6), "TA1*000000146*261120*0900*R*009", "IEA*0*000000006"]
    answer(two_claims, tmp_path, LATER, as_bytes(told))
    assert rows_of(two_claims, "claim_progress", ("syntax", "because")) == [("rejected", ["receiver unknown"])] * 2


def test_rule_32_a_claim_rejected_in_the_277ca_says_why_and_waits_for_no_payer(
    two_claims: sa.Engine, tmp_path: Path
) -> None:
    answer(two_claims, tmp_path, ANSWERED, claim_statuses(("C1", "A7:562:85")))
    assert rows_of(two_claims, "claim_progress", (*STAND, "because"), "claim_number = 'C1'") == [
        ("C1", "accepted", "rejected", "waiting", None, None, ["A7-562-85"])
    ]
    answer(two_claims, tmp_path, LATER, claim_statuses(("C1", "A2:20"), control=11))
    assert rows_of(two_claims, "claim_progress", ("acceptance", "waiting_for", "because"), "claim_number = 'C1'") == [
        ("accepted", "835", [])
    ]


def test_what_was_said_of_a_claim_before_it_was_sent_again_is_past(two_claims: sa.Engine, tmp_path: Path) -> None:
    answer(two_claims, tmp_path, ANSWERED, claim_statuses(("C1", "A7:562:85")))
    put(
        two_claims, billed.interchange_claim,
        {"received_date": SENT, "encounter_id": "E-C1", "claim_number": "C1", "control_number": "000000150",
         "sequence": 2, "set_control_number": "0001", "frequency_code": "7", "total_charge": Decimal(1000)},
    )  # fmt: skip
    stand = ("frequency_code", "acceptance", "waiting_for")
    assert rows_of(two_claims, "claim_progress", stand, "claim_number = 'C1'") == [("7", "waiting", "999")]
    answer(two_claims, tmp_path, LATER, claim_statuses(("C1", "A2:20"), control=12, batch="0000001500001"))
    assert rows_of(two_claims, "claim_progress", stand, "claim_number = 'C1'") == [("7", "accepted", "835")]


def test_a_payment_implies_that_the_claim_was_taken_and_a_denial_is_an_answer(
    two_claims: sa.Engine, tmp_path: Path
) -> None:
    answer(two_claims, tmp_path, ANSWERED, payment_file([claim("C1"), denied("C2")]))
    assert rows_of(two_claims, "claim_progress", (*STAND, "paid", "patient_responsibility")) == [
        ("C1", "accepted", "accepted", "paid", None, None, 700, 100),
        ("C2", "accepted", "accepted", "denied", None, None, 0, 0),
    ]


def test_a_reversal_and_its_correction_net_out_and_a_reversed_claim_waits_again(
    two_claims: sa.Engine, tmp_path: Path
) -> None:
    answer(two_claims, tmp_path, ANSWERED, payment_file([claim("C1")]))
    answer(two_claims, tmp_path, LATER, payment_file([REVERSAL], control=2, trace="T2", paid="-700"))
    stand = ("payment", "answers", "paid", "patient_responsibility", "waiting_for")
    assert rows_of(two_claims, "claim_progress", stand, "claim_number = 'C1'") == [("reversed", 2, 0, 0, "835")]
    answer(two_claims, tmp_path, date(2026, 11, 26), payment_file([CORRECTION], control=3, trace="T3"))
    assert rows_of(two_claims, "claim_progress", stand, "claim_number = 'C1'") == [("paid", 3, 800, 0, None)]
    assert rows_of(two_claims, "claim_payment", ("turn", "verdict", "initial", "taken_back")) == [
        (1, "paid", True, True), (2, "reversed", False, False), (3, "paid", False, False),
    ]  # fmt: skip


def test_a_claim_that_the_payer_split_stands_with_the_sum_of_its_parts(two_claims: sa.Engine, tmp_path: Path) -> None:
    parts = [
        claim("C1", "600", "400", owed="50", adjustments=["CAS*CO*45*150", "CAS*PR*1*50"], payer_number="ICN1"),
        claim("C1", "400", "390", owed="10", adjustments=["CAS*PR*2*10"], payer_number="ICN2"),
    ]
    answer(two_claims, tmp_path, ANSWERED, payment_file(parts))
    stand = ("payment", "paid", "patient_responsibility")
    assert rows_of(two_claims, "claim_progress", stand, "claim_number = 'C1'") == [("paid", 790, 60)]
    assert rows_of(two_claims, "denial_figure", ("claims_answered", "claims_denied")) == [(1, 0)]


_ANSWERS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["processed_as_primary", "denied", "reversal", "not_our_claim_forwarded", "predetermination"]),
        st.sampled_from(["ICN1", "ICN2", None]), st.integers(-50, 50), st.one_of(st.none(), st.integers(0, 20)),
    ),
    min_size=1,
    max_size=7,
)  # fmt: skip


@trials(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_ANSWERS, st.sampled_from([None, date(2026, 11, 19), date(2026, 11, 20)]))
def test_the_view_nets_answers_as_medcode_remit_does(
    database: sa.Engine, told: list[tuple[int, str, str | None, int, int | None]], day: date | None
) -> None:
    """The same rows through `net` and through `mart.claim_payment`, summed as `mart.claim_progress` does."""
    payments = {0: day, 1: date(2026, 11, 19), 2: date(2026, 11, 20)}
    rows: list[dict[str, Any]] = [
        {"remittance_claim_id": f"r{place}", "remittance_id": f"p{payment}", "set_id": f"s{payment}", "place": place,
         "payment_date": payments[payment], "status": status, "payer_control_number": number, "paid": Decimal(paid),
         "patient_responsibility": None if owed is None else Decimal(owed), "charge": Decimal(100), "adjusted": 0,
         "balanced": True, "outcome": "matched", "claim_number": "C1", "encounter_id": "E-C1"}
        for place, (payment, status, number, paid, owed) in enumerate(sorted(told, key=lambda one: one[0]))
    ]  # fmt: skip
    json = [c.name for c in answers.remittance_claim.columns if not c.nullable and isinstance(c.type, sa.JSON)]
    with database.connect() as connection, connection.begin() as transaction_:
        made = pd.DataFrame(rows, dtype=object).assign(received_date=ANSWERED)
        for name in json:
            made[name] = [[] for _ in rows]
        copy_in(connection, answers.remittance_claim, made)
        query = (
            "SELECT (array_agg(verdict ORDER BY turn DESC))[1], sum(paid), coalesce(sum(patient_responsibility) "
            "FILTER (WHERE verdict <> 'reversed' AND NOT taken_back), 0) FROM mart.claim_payment"
        )
        payment, paid, owed = connection.execute(sa.text(query)).one()
        transaction_.rollback()
    assert (payment or "waiting", paid or 0, owed) == net(rows)


# denials ------------------------------------------------------------------------------------------------------------


def test_rule_33_denials_stand_with_codes_and_edits_until_a_payment_overturns_them(
    two_claims: sa.Engine, tmp_path: Path
) -> None:
    put(two_claims, billed.claim_edit, {"received_date": SENT, "encounter_id": "E-C2", "place": 1, "edit_number": 301,
                                        "edit": "npi_invalid", "edited_by": "medcode", "level": "warning"})  # fmt: skip
    lines = ["SVC*HC:99213*300*0**0", "CAS*CO*16*300", "LQ*HE*N290", "LQ*HE*M76", "SVC*HC:99214*200*0**0",
             "CAS*CO*29*200"]  # fmt: skip
    refused = claim("C2", "500", "0", status="1", owed="", adjustments=[], more=lines)
    answer(two_claims, tmp_path, ANSWERED, payment_file([claim("C1"), refused]))
    shown = ("denial_key", "kind", "amount", "edits", "for_coders", "initial", "stands")
    assert rows_of(two_claims, "denial", shown) == [
        ("CO-16-M76+N290", "claim", 300, ["npi_invalid"], True, True, True),
        ("CO-29", "claim", 200, ["npi_invalid"], False, True, True),
    ]
    # CLP02 says processed, nothing was paid and every reason denies: it is denied, whatever CLP02 says
    assert rows_of(two_claims, "claim_progress", ("claim_number", "payment")) == [("C1", "paid"), ("C2", "denied")]
    figures = ("month", "claims_answered", "claims_denied", "claims_still_denied", "initial_denial_rate",
               "final_denial_rate", "amount_denied", "amount_denial_rate")  # fmt: skip
    november = date(2026, 11, 1)
    assert rows_of(two_claims, "denial_figure", figures) == [(november, 2, 1, 1, 0.5, 0.5, 500, 500 / 1500)]
    reasons = ("denial_key", "claims", "amount", "claims_answered", "claim_share")
    assert rows_of(two_claims, "denial_reason", reasons) == [
        ("CO-16-M76+N290", 1, 300, 2, 0.5), ("CO-29", 1, 200, 2, 0.5),
    ]  # fmt: skip
    assert rows_of(two_claims, "edit_hit_rate", ("edit_number", "claims", "answered", "denied", "share",
                                                 "share_without", "difference")) == [
        (301, 1, 1, 1, 1.0, 0.0, 1.0)
    ]  # fmt: skip
    appealed = claim("C2", "500", "450", owed="0", adjustments=["CAS*CO*45*50"], payer_number="ICN7")
    answer(two_claims, tmp_path, LATER, payment_file([appealed], control=4, trace="T4"))
    assert rows_of(two_claims, "denial", ("stands",)) == [(False,), (False,)]
    assert rows_of(two_claims, "denial_figure", figures) == [(november, 2, 1, 0, 0.5, 0.0, 500, 500 / 1500)]
    assert rows_of(two_claims, "denial_reason", ("amount", "amount_standing")) == [(200, 0), (300, 0)]


def test_a_denied_line_counts_in_part_and_a_reduction_is_no_denial(two_claims: sa.Engine, tmp_path: Path) -> None:
    lines = ["SVC*HC:99213*600*450", "CAS*CO*45*100", "CAS*CO*97*50", "SVC*HC:99214*300*0", "CAS*CO*50*300",
             "SVC*HC:99215*100*0", "CAS*PR*1*100"]  # fmt: skip
    reduced = claim("C2", "500", "440", owed="0", adjustments=["CAS*CO*97*60"])
    raised = {"received_date": SENT, "place": 1, "edit_number": 301, "edit": "npi_invalid", "level": "warning"}
    put(two_claims, billed.claim_edit, {**raised, "encounter_id": "E-C2"})
    answer(
        two_claims, tmp_path, ANSWERED,
        payment_file([claim("C1", "1000", "450", adjustments=[], more=lines), reduced]),
    )  # fmt: skip
    assert rows_of(two_claims, "denial_figure", (
        "claims_denied", "claims_denied_in_part", "claims_reduced", "initial_denial_rate", "amount_denied",
        "amount_reduced",
    )) == [(0, 1, 1, 0.5, 300, 110)]  # fmt: skip
    assert rows_of(two_claims, "edit_hit_rate", ("answered", "denied", "share_without")) == [(1, 0, 1.0)]


def test_reversed_denials_and_what_is_not_matched_deny_nothing(two_claims: sa.Engine, tmp_path: Path) -> None:
    undone = denied("C2", "-500", "CAS*CO*16*-500")
    undone[0] = undone[0].replace("*4*", "*22*", 1)
    answer(two_claims, tmp_path, ANSWERED, payment_file([denied("C2"), denied("CX")]))
    answer(two_claims, tmp_path, LATER, payment_file([undone], control=5, trace="T5"))
    assert rows_of(two_claims, "denial", ("claim_number", "stands")) == [("C2", False)]
    assert rows_of(two_claims, "claim_progress", ("payment", "waiting_for"), "claim_number = 'C2'") == [
        ("reversed", "835")
    ]


def test_an_edit_is_told_with_the_interval_of_newcombes_example(database: sa.Engine) -> None:
    """Newcombe, Statistics in Medicine 17 (1998): 56 of 70 against 48 of 80 differ by 0.2000 (0.0524 to 0.3339)."""
    matched = {"received_date": ANSWERED, "outcome": "matched", "status": "processed_as_primary", "remittance_id": "p"}
    carried = {"received_date": SENT, "place": 1, "edit_number": 7, "edit": "e", "level": "warning"}
    ids = [{"remittance_claim_id": f"r{place}", "encounter_id": f"E{place}"} for place in range(150)]
    put(database, answers.remittance_claim, *({**matched, **one} for one in ids))
    put(database, billed.claim_edit, *({**carried, "encounter_id": one["encounter_id"]} for one in ids[:70]))
    refused = [*ids[:56], *ids[70:118]]
    put(database, answers.denial, *({"received_date": ANSWERED, "kind": "claim", **one} for one in refused))
    ((answered, hits, *told),) = rows_of(database, "edit_hit_rate", (
        "answered", "denied", "difference", "difference_low", "difference_high"
    ))  # fmt: skip
    assert (answered, hits) == (70, 56)
    assert [round(value, 4) for value in told] == [0.2, 0.0524, 0.3339]


# expected against paid ------------------------------------------------------------------------------------------------


def test_the_marts_page_and_the_report_show_reasons_and_payers(
    two_claims: sa.Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from medcode_assets.commands.report import print_report
    from medcode_assets.defs.marts.assets import marts
    from medcode_assets.resources import Database

    put_claim(two_claims, "C3", SENT)
    answer(two_claims, tmp_path, ANSWERED, payment_file([claim("C1"), denied("C2")]))
    result = dg.materialize([marts], resources={"database": Database()})
    said = {e.asset_key.to_user_string(): e.metadata for e in result.asset_materializations_for_node("marts")
            if e.asset_key is not None}  # fmt: skip
    reasons, payers = said["mart/denial_reason"], said["mart/expected_against_paid"]
    assert "| CO-16 | 1 | 500.00 |" in str(reasons["denials"].value)
    assert "| P1 | 2 | 1,200.00 | 800.00 |" in str(payers["payments"].value)
    assert all("data:image/png;base64," in str(one["picture"].value) for one in (reasons, payers))
    assert "picture" not in said["mart/claim"]
    capsys.readouterr()
    print_report(SENT, LATER)
    shown = capsys.readouterr().out
    assert "claims sent     3: 1 paid, 1 denied, 0 rejected, 1 waiting, the longest 10 days\n" in shown
    assert "allowed       $800.00 of $1,200.00 expected" in shown


@pytest.mark.parametrize(
    ("expected", "variance", "difference"),
    [("800", "as_expected", 0), ("760.01", "overpaid", Decimal("39.99")), ("843", "underpaid", -43),
     ("842", "as_expected", -42), (None, None, None)],
)  # fmt: skip
def test_what_the_payer_allowed_is_held_against_the_contract(
    database: sa.Engine, tmp_path: Path, expected: str | None, variance: str | None, difference: Decimal | None
) -> None:
    put_claim(database, "C1", SENT, expected_payment=None if expected is None else Decimal(expected))
    answer(database, tmp_path, ANSWERED, payment_file([claim("C1")]))
    assert rows_of(database, "expected_against_paid", ("allowed", "difference", "variance")) == [
        (800, difference, variance)
    ]


def test_denied_claims_are_denied_and_not_underpaid_and_unanswered_ones_are_not_there(
    two_claims: sa.Engine, tmp_path: Path
) -> None:
    put_claim(two_claims, "C3", SENT)
    answer(two_claims, tmp_path, ANSWERED, payment_file([claim("C1"), denied("C2")]))
    assert rows_of(two_claims, "expected_against_paid", ("claim_number", "variance", "share")) == [
        ("C1", "as_expected", 1.0), ("C2", "denied", 0.0),
    ]  # fmt: skip
