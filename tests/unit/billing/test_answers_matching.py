"""Payments matched to our claims; repeated files; reversals, corrections, splits; denials by rule 33."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from support.answer_files import as_bytes, claim, denied, interchange, our_claims, payment_file, remittance

from medcode_ml.billing.answers.delivered import answers_from_rows
from medcode_ml.billing.answers.denials import denials
from medcode_ml.billing.answers.frames import together
from medcode_ml.billing.answers.lines import remittance_lines, summary
from medcode_ml.billing.answers.matching import ClaimsError, Matched, match
from medcode_ml.billing.answers.reading import read_answers
from medcode_ml.billing.answers.repeated import Seen, mark_repeated, without_repeated

OURS = our_claims(("C1", "P1", "1000"), ("C2", "P1", "500"))
NO_CODES = pd.DataFrame({"encounter_id": [], "code": []}, dtype=object)
NO_EDITS = pd.DataFrame({"encounter_id": [], "edit": [], "level": []}, dtype=object)
REVERSAL = claim(charge="-1000", paid="-700", status="22", owed="", adjustments=["CAS*CO*45*-200", "CAS*PR*1*-100"])


def matched(data: bytes, ours: pd.DataFrame = OURS, **more: Any) -> Matched:
    return match(read_answers(data, "a.835"), ours, **more)


def outcome(m: Matched, place: int = 0) -> tuple[str, str]:
    row = m.answers.remittance_claims.iloc[place]
    return row["outcome"], "; ".join(row["because"])


def test_claims_are_matched_by_control_number_payer_and_charge() -> None:
    m = matched(payment_file([claim("C1"), denied("C2")]))
    assert m.counts == {"matched": 2}
    assert list(m.answers.remittance_claims["encounter_id"]) == ["E-C1", "E-C2"]


@pytest.mark.parametrize(
    ("one", "payment", "reason"),
    [
        (claim("CX"), {}, "unknown control number"),
        (claim("C1"), {"payer": "*XV*P7"}, "another payer"),
        (claim("C1", "900", "600"), {}, "another amount: CLP03 is 900.00 dollars, we sent 1000.00 dollars"),
        (claim(""), {}, "CLP01 (patient control number) is empty"),
    ],
)
def test_what_is_not_ours_is_kept_apart_with_a_reason(one: list[str], payment: dict[str, str], reason: str) -> None:
    m = matched(payment_file([one], **payment))
    told, because = outcome(m)
    assert told in ("unmatched", "unbalanced")
    assert reason in because
    assert m.answers.remittance_claims.iloc[0]["claim_number"] is None


def test_a_control_number_of_two_claims_is_decided_by_payer_and_charge_or_not_at_all() -> None:
    two_payers = our_claims(("C1", "P1", "1000"), ("C1", "P2", "1000"))
    assert matched(payment_file([claim("C1")], payer="*XV*P2"), two_payers).counts == {"matched": 1}
    two_charges = our_claims(("C1", "P1", "800"), ("C1", "P1", "1000"))
    assert matched(payment_file([claim("C1")]), two_charges).counts == {"matched": 1}
    twice = our_claims(("C1", "P1", "1000"), ("C1", "P1", "1000"))
    twice["encounter_id"] = ["E1", "E2"]
    told, because = outcome(matched(payment_file([claim("C1")]), twice))
    assert (told, because[:9]) == ("unmatched", "ambiguous")


def test_a_payer_is_known_by_any_of_its_identifiers_its_name_or_an_alias() -> None:
    for payer_id in ("P1", "1512345678", "512345678"):
        assert matched(payment_file([claim("C1")]), our_claims(("C1", payer_id, "1000"))).counts == {"matched": 1}
    data = payment_file([claim("C1")], payer="")
    named = our_claims(("C1", "MYPLAN", "1000"), payer_name="First  Health Plan")
    assert matched(data, named).counts == {"matched": 1}
    assert matched(data, our_claims(("C1", "MYPLAN", "1000"))).counts == {"unmatched": 1}
    ours = our_claims(("C1", "MYPLAN", "1000"))
    assert matched(data, ours, aliases={"512345678": "MYPLAN"}).counts == {"matched": 1}


def test_a_float_charge_or_a_missing_column_is_refused() -> None:
    with pytest.raises(ClaimsError, match="payer_id missing"):
        matched(payment_file([claim()]), OURS.drop(columns="payer_id"))
    with pytest.raises(ClaimsError, match="Decimal"):
        matched(payment_file([claim()]), OURS.assign(total_charge=1.0))


def test_unbalanced_claims_and_the_claims_of_unbalanced_payments_are_set_apart() -> None:
    m = matched(payment_file([claim("C1", paid="699"), denied("C2")]))
    assert m.counts == {"unbalanced": 1, "matched": 1}
    m = matched(payment_file([claim("C1"), denied("C2")], paid="1"))
    assert m.counts == {"unbalanced": 2}
    assert "off by -699.00 dollars" in outcome(m)[1]
    # set apart, it still says whose it is
    assert list(m.answers.remittance_claims["claim_number"]) == ["C1", "C2"]


def test_a_claim_of_a_broken_envelope_is_refused_not_posted() -> None:
    data = payment_file([claim("C1")]).replace(b"SE*15", b"SE*13")
    m = matched(data)
    assert m.counts == {"refused": 1}
    assert list(m.answers.remittances["outcome"]) == ["refused"]
    assert next(iter(remittance_lines(m)))["matched"] is False


# once, however often it arrives -------------------------------------------------------------------------------------


def test_the_same_file_again_is_repeated_and_not_written_twice() -> None:
    data, seen = payment_file([claim("C1"), denied("C2")], footer=["PLB*1*20261231*WO*0"]), Seen()
    first = match(mark_repeated(read_answers(data, "a"), seen), OURS)
    again = match(mark_repeated(read_answers(data, "b"), seen), OURS)
    assert first.counts == {"matched": 2}
    assert again.counts == {"repeated": 2}
    assert list(again.answers.sets["status"]) == ["repeated"]
    kept = without_repeated(again.answers)
    assert not len(kept.remittance_claims) + len(kept.adjustments) + len(kept.remittances)
    assert not len(kept.provider_adjustments)
    assert len(without_repeated(first.answers).adjustments) == 3


def test_the_same_payment_in_another_envelope_is_recognised() -> None:
    seen = Seen()
    mark_repeated(read_answers(payment_file([claim("C1")]), "a"), seen)
    other = mark_repeated(read_answers(payment_file([claim("C1")], control=99), "b"), seen)
    assert list(other.sets["status"]) == ["read"]
    assert match(other, OURS).counts == {"repeated": 1}
    assert match(mark_repeated(read_answers(payment_file([claim("C1")], trace="T2"), "c"), seen), OURS).counts == {
        "matched": 1
    }


def test_an_interchange_twice_in_a_file_is_read_once() -> None:
    data = payment_file([claim("C1")])
    m = match(mark_repeated(read_answers(data + data, "a"), Seen()), OURS)
    assert m.counts == {"matched": 1, "repeated": 1}
    assert list(m.answers.sets["status"]) == ["read", "repeated"]
    assert len(without_repeated(m.answers).adjustments) == 2


def test_another_content_under_a_used_control_number_is_refused() -> None:
    data = payment_file([claim("C1")]) + payment_file([denied("C2")], trace="T2")
    m = matched(data)
    assert m.counts == {"matched": 1, "refused": 1}
    assert "stands in this file already" in outcome(m, 1)[1]


def test_a_refused_payment_may_come_again_repaired() -> None:
    sound, seen = payment_file([claim("C1")]), Seen()
    broken = mark_repeated(read_answers(sound.replace(b"SE*15", b"SE*13"), "a"), seen)
    assert match(broken, OURS).counts == {"refused": 1}
    assert match(mark_repeated(read_answers(sound, "b"), seen), OURS).counts == {"matched": 1}


def test_payments_of_nothing_without_a_trace_number_are_told_apart() -> None:
    one = interchange([remittance([denied("C1", "1000")], trace="000000")])
    other = interchange([remittance([denied("C2")], trace="000000")], control=2)
    seen = Seen()
    both = together([mark_repeated(read_answers(as_bytes(file), "a"), seen) for file in (one, other)])
    assert both.remittances["remittance_id"].nunique() == 2
    assert match(both, OURS).counts == {"matched": 2}


# reversals, corrections, parts, other payers ------------------------------------------------------------------------


def test_a_reversal_and_its_correction_net_out() -> None:
    correction = claim("C1", "1000", "800", owed="0", adjustments=["CAS*CO*45*200"], payer_number="ICN2")
    m = matched(payment_file([claim("C1")]) + payment_file([REVERSAL, correction], control=2, trace="T2"))
    assert m.counts == {"matched": 3}
    line = next(iter(remittance_lines(m)))
    assert line["patient_responsibility"] == "0.00"
    assert (line["status"], line["charge"], line["paid"], len(line["payments"])) == ("paid", "1000.00", "800.00", 3)


def test_a_correction_is_paid_even_where_the_first_payment_is_not_at_hand() -> None:
    correction = claim("C1", "1000", "800", owed="0", adjustments=["CAS*CO*45*200"])
    m = matched(payment_file([correction, REVERSAL], trace="T2"))
    assert next(iter(remittance_lines(m)))["status"] == "paid"


def test_a_reversed_claim_waits_again() -> None:
    m = matched(payment_file([claim("C1")]) + payment_file([REVERSAL], control=2, trace="T2", paid="-700"))
    line = next(iter(remittance_lines(m)))
    assert (line["status"], line["paid"], line["patient_responsibility"]) == ("reversed", "0.00", "0.00")


def test_a_claim_that_the_payer_split_is_matched_in_its_parts() -> None:
    parts = [
        claim("C1", "600", "400", owed="0", adjustments=["CAS*CO*45*200"], payer_number="ICN1"),
        claim("C1", "400", "400", owed="0", adjustments=[], payer_number="ICN2"),
    ]
    m = matched(payment_file(parts))
    assert m.counts == {"matched": 2}
    line = next(iter(remittance_lines(m)))
    assert (line["charge"], line["paid"]) == ("1000.00", "800.00")
    assert matched(payment_file(parts[:1])).counts == {"unmatched": 1}


def test_a_secondary_payer_answers_its_own_claim() -> None:
    ours = our_claims(("C1", "P1", "1000"), ("C1", "P2", "1000"))
    second = claim("C1", "1000", "80", status="2", owed="20", adjustments=["CAS*OA*23*900", "CAS*PR*2*20"])
    m = matched(payment_file([claim("C1")]) + payment_file([second], control=2, trace="T9", payer="*XV*P2"), ours)
    assert m.counts == {"matched": 2}
    assert not len(denials(m, NO_CODES, NO_EDITS))


# denials ------------------------------------------------------------------------------------------------------------


def test_rule_33_a_denial_is_keyed_by_group_carc_and_rarc_with_codes_and_edits() -> None:
    lines = [
        "SVC*HC:99213*300*0**0", "CAS*CO*16*300", "LQ*HE*N290", "LQ*HE*M76", "SVC*HC:99214*200*0**0", "CAS*CO*29*200",
    ]  # fmt: skip
    m = matched(payment_file([claim("C1"), claim("C2", "500", "0", status="4", owed="", adjustments=[], more=lines)]))
    codes = pd.DataFrame(
        {"encounter_id": ["E-C2"] * 2, "rank": [2, 1], "code": ["I10", "J18.9"]}, dtype=object
    )  # fmt: skip
    edits = pd.DataFrame(
        {"encounter_id": ["E-C2", "E-C1"], "edit": ["unspecified", "age"], "level": "warning"}, dtype=object
    )
    found = denials(m, codes, edits)
    assert list(found["denial_key"]) == ["CO-16-M76+N290", "CO-29"]
    assert list(found["procedure"]) == ["99213", "99214"]
    assert list(found["amount"]) == [Decimal(300), Decimal(200)]
    assert list(found["kind"]) == ["claim", "claim"]
    assert found.iloc[0]["codes"] == ["J18.9", "I10"]
    assert found.iloc[0]["edits"] == ["unspecified"]
    assert list(found["for_coders"]) == [True, False]


def test_rule_33_co_16_without_a_remark_is_doubted() -> None:
    found = denials(matched(payment_file([denied("C2")])), NO_CODES, NO_EDITS)
    assert list(found["denial_key"]) == ["CO-16"]
    assert "without a remark code" in found.iloc[0]["because"][0]


def test_denied_lines_and_reductions_of_a_paid_claim_are_told_apart_from_cost_shares() -> None:
    lines = [
        "SVC*HC:99213*600*450", "CAS*CO*45*100", "CAS*CO*97*50", "SVC*HC:99214*300*0", "CAS*CO*50*300",
        "SVC*HC:99215*100*0", "CAS*PR*1*100",
    ]  # fmt: skip
    m = matched(payment_file([claim("C1", "1000", "450", adjustments=[], more=lines)]))
    found = denials(m, NO_CODES, NO_EDITS)
    assert found[["denial_key", "kind"]].values.tolist() == [["CO-97", "reduction"], ["CO-50", "line"]]


def test_claim_level_remarks_of_moa_explain_a_claim_level_denial() -> None:
    one = denied("C2", "500", "CAS*CO*16*500", more=["MOA***MA130*N382"])
    assert list(denials(matched(payment_file([one])), NO_CODES, NO_EDITS)["denial_key"]) == ["CO-16-MA130+N382"]


def test_reversals_and_unmatched_claims_deny_nothing() -> None:
    undone = denied("C2", "-500", "CAS*CO*16*-500")
    undone[0] = undone[0].replace("*4*", "*22*", 1)
    m = matched(payment_file([undone, denied("CX")]))
    assert m.counts == {"matched": 1, "unmatched": 1}
    assert not len(denials(m, NO_CODES, NO_EDITS))


def test_a_denial_that_gives_only_ordinary_reasons_does_not_vanish() -> None:
    found = denials(matched(payment_file([denied("C2", "500", "CAS*CO*45*500")])), NO_CODES, NO_EDITS)
    assert list(found["denial_key"]) == ["CO-45"]


def test_lines_of_the_command_are_json_with_amounts_as_text() -> None:
    m = matched(payment_file([claim("C1"), denied("C2"), claim("CX")]))
    lines = [json.loads(json.dumps(line)) for line in remittance_lines(m)]
    assert [line["matched"] for line in lines] == [True, True, False]
    assert lines[1]["denials"][0]["denial_key"] == "CO-16"
    assert lines[0]["paid"] == "700.00"
    assert lines[0]["patient_responsibility"] == "100.00"
    assert lines[2]["because"] == ["unknown control number: no claim of ours has the CLP01 of this one"]
    told = json.loads(json.dumps(summary(m)))
    assert told["claims"] == {"matched": 2, "unmatched": 1}
    assert told["paid_matched"] == "700.00"


def test_a_claim_unpaid_for_reasons_that_all_deny_is_denied_whatever_its_status_says() -> None:
    m = matched(payment_file([claim("C2", "500", "0", owed="", adjustments=["CAS*CO*50*500"])]))
    assert [line["status"] for line in remittance_lines(m)] == ["denied"]


# delivered rows -----------------------------------------------------------------------------------------------------


def delivered(**changed: Any) -> pd.DataFrame:
    row = {
        "control_number": "C1", "payer_id": "P1", "trace_number": "P120261119", "line_number": "1",
        "remittance_date": "2026-11-19", "charge": "1000.00", "paid": "700.00", "patient_responsibility": "100.00",
        "drg": "193", "adjustments": "CO:45::200.00|PR:1::100.00",
    }  # fmt: skip
    other = {"control_number": "C2", "line_number": "2", "charge": "500.00", "paid": "0.00",
             "patient_responsibility": "0.00", "drg": "", "adjustments": "CO:16:M76:500.00"}  # fmt: skip
    return pd.DataFrame([row | changed, row | other], dtype=object)


def test_delivered_payments_are_matched_and_denied_like_an_835() -> None:
    m = match(answers_from_rows(delivered()), OURS)
    assert m.counts == {"matched": 2}
    assert list(denials(m, NO_CODES, NO_EDITS)["denial_key"]) == ["CO-16-M76"]
    assert m.answers.remittances.iloc[0]["paid"] == 700
    assert [line["status"] for line in remittance_lines(m)] == ["paid", "denied"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"paid": "699.00"}, "off by 1.00 dollars"),
        ({"paid": "seven"}, "paid is missing or no amount"),
        ({"adjustments": "CO:45:200.00"}, "adjustment 1 is not group:CARC:RARC:amount"),
    ],
)
def test_delivered_rows_that_do_not_balance_are_set_apart(changed: dict[str, str], reason: str) -> None:
    m = match(answers_from_rows(delivered(**changed)), OURS)
    assert m.counts == {"unbalanced": 1, "matched": 1}
    assert reason in outcome(m)[1]


def test_simulated_payments_balance() -> None:
    import numpy as np

    from medcode_ml.simulation.remittances import Claim, remittance_row

    rng = np.random.default_rng(5)
    claims = [Claim("H1", f"E{n}", "P1", "medicare_ipps", n % 2 == 0, 3, Decimal("1234.56") + n) for n in range(200)]
    rows = pd.DataFrame([remittance_row(rng, c, date(2026, 11, 19), n) for n, c in enumerate(claims, 1)], dtype=object)
    rows["control_number"] = rows["encounter_number"]
    ours = our_claims(*[(c.encounter_number, "P1", str(c.charge)) for c in claims])
    m = match(answers_from_rows(rows), ours)
    assert m.counts == {"matched": 200}
    keys = set(denials(m, NO_CODES, NO_EDITS)["denial_key"])
    assert keys
    assert all(key.startswith(("CO-16-", "CO-97-M15")) for key in keys)
