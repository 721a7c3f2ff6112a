"""Any number of claims in pieces, replacements and voids, earlier payers, and claims that cannot be written (27-32)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pytest

from medcode_ml.benchmarks.claims_837 import batch_of
from medcode_ml.billing.files import VALID, write_files
from medcode_ml.billing.x12 import writer as writing
from medcode_ml.billing.x12.interchange import InterchangeError, interchanges, stream_interchanges
from medcode_ml.billing.x12.parties import Sender
from medcode_ml.billing.x12.reading import read_837
from medcode_ml.billing.x12.rules_837 import rule_faults, split_segments
from medcode_ml.billing.x12.sets import TransactionSets
from medcode_ml.billing.x12.validate import second_opinion, validate_837, validate_sets
from medcode_ml.billing.x12.writable import Refused

DAY, WHEN = date(2026, 11, 21), datetime(2026, 11, 21, 12, 0)
SENDER = Sender("MEDCODE", "Harbour Network Billing", "Billing Office", "6175550100")
#: Of the benchmark's drawing: enough for every payer, both claim types, an earlier payer and a replacement.
CLAIMS = 60


@pytest.fixture(scope="module")
def drawn():
    return batch_of(0, CLAIMS)


def _changed(frames, **columns):
    return replace(frames, encounters=frames.encounters.assign(**columns))


def _one(drawn, key):
    frames, claims = drawn
    return frames.only([key]), claims[claims["encounter_id"] == key]


@pytest.fixture(scope="module")
def stay(drawn):
    """An inpatient institutional claim that no other payer has seen."""
    frames = drawn[0]
    e = frames.encounters
    plain = e[(e["setting"] == "inpatient") & (e["claim_type"] == "837I") & (e["frequency_code"] == "1")]
    seen = set(frames.prior_payments["encounter_id"])
    return _one(drawn, next(k for k in plain["encounter_id"] if k not in seen))


def _refusal(frames, claims) -> tuple[str, ...]:
    (one,) = stream_interchanges([(frames, claims)], SENDER, DAY, WHEN)
    assert isinstance(one, Refused)
    return one.reasons


def _segments(text: str, name: str, first: str = "") -> list[list[str]]:
    return [s for s in split_segments(text) if s[0] == name and (not first or s[1] == first)]


def test_both_validators_accept_drawn_claims(drawn):
    for one in interchanges(*drawn, SENDER, DAY, WHEN):
        assert validate_837(one.text).errors == ()
        assert second_opinion(one.text) == []


def test_the_second_validator_finds_a_fault(stay):
    (one,) = interchanges(*stay, SENDER, DAY, WHEN)
    assert second_opinion(one.text.replace("~CL1*", "~XX9*"))
    assert second_opinion("ISA*00*")


@pytest.mark.parametrize(("frequency", "bill"), [("7", "11:A:7"), ("8", "11:A:8")])
def test_replacement_and_void_name_the_claim_they_are_about(stay, frequency, bill):
    frames, claims = stay
    given = claims.assign(frequency_code=frequency, payer_control_number="2026-ab 77")
    (one,) = interchanges(frames, given, SENDER, DAY, WHEN)
    assert _segments(one.text, "CLM")[0][5] == bill
    assert _segments(one.text, "REF", "F8") == [["REF", "F8", "2026-AB 77"]]
    assert validate_837(one.text).errors == ()
    assert second_opinion(one.text) == []
    assert one.members[["frequency_code", "payer_control_number"]].to_numpy().tolist() == [[frequency, "2026-ab 77"]]
    back = read_837(one.text.encode()).encounters
    assert back[["frequency_code", "payer_control_number"]].to_numpy().tolist() == [[frequency, "2026-AB 77"]]
    cut = one.text.replace("REF*F8*2026-AB 77~", "")
    assert any("without the payer's control number" in fault for fault in rule_faults(cut))
    original = interchanges(frames, claims, SENDER, DAY, WHEN)
    assert next(original).members["claim_number"].tolist() == one.members["claim_number"].tolist()


def test_a_replacement_without_the_payers_number_and_an_unknown_frequency_are_refused(stay):
    frames, claims = stay
    assert _refusal(frames, claims.assign(frequency_code="7")) == (
        "a replacement or void needs the payer's control number of the claim it is about",
    )
    assert _refusal(frames, claims.assign(frequency_code="3")) == (
        "the frequency code is not 1 (original), 7 (replacement) or 8 (void)",
    )


def _paid(key, total, **changes):
    adjustments = [
        {"group": "CO", "reason": "45", "amount": total / 2},
        {"group": "PR", "reason": "1", "amount": Decimal("10.25")},
        {"group": "CO", "reason": "97", "amount": Decimal("1.00")},
    ]
    paid = total - sum(a["amount"] for a in adjustments)
    row = {
        "encounter_id": key, "sequence": 1, "payer_id": "OTHER", "payer_name": "Other Plan", "member_id": "M12",
        "paid": paid, "paid_date": DAY, "adjustments": adjustments, "payer_kind": "commercial",
        "payer_control_number": "CLM77",
    } | changes  # fmt: skip
    return pd.DataFrame([row], dtype=object)


def test_rule_31_earlier_payers_balance_and_stand_in_their_loop(stay):
    frames, claims = stay
    key, total = claims["encounter_id"].iloc[0], sum(frames.lines["charge"])
    (one,) = interchanges(replace(frames, prior_payments=_paid(key, total)), claims, SENDER, DAY, WHEN)
    assert [s[1] for s in _segments(one.text, "SBR")] == ["S", "P"]
    assert [s[9] for s in _segments(one.text, "SBR")][1] == "CI"
    groups = [(s[1], s[2], *(s[5:6])) for s in _segments(one.text, "CAS")]
    assert groups == [("CO", "45", "97"), ("PR", "1")]
    assert _segments(one.text, "OI")
    paid = Decimal(_segments(one.text, "AMT", "D")[0][2])
    adjusted = sum(Decimal(v) for s in _segments(one.text, "CAS") for v in s[3::3])
    assert paid + adjusted == total == Decimal(_segments(one.text, "CLM")[0][2])
    assert validate_837(one.text).errors == ()
    assert second_opinion(one.text) == []
    wrong = one.text.replace("PR*1*10.25", "PR*1*10.24")
    assert any("earlier payer 1: CLM02 is" in fault for fault in rule_faults(wrong))


def test_rule_31_an_earlier_payer_that_does_not_balance_is_refused(stay):
    frames, claims = stay
    key, total = claims["encounter_id"].iloc[0], sum(frames.lines["charge"])
    short = replace(frames, prior_payments=_paid(key, total, paid=Decimal("0.00")))
    assert _refusal(short, claims) == (
        "earlier payer 1: payment and adjustments do not add up to the charges of the claim (rule 31)",
    )
    many = [{"group": f"C{n}", "reason": "45", "amount": Decimal(0)} for n in range(6)]
    crowd = replace(frames, prior_payments=_paid(key, total, paid=total, adjustments=many))
    assert _refusal(crowd, claims) == ("earlier payer 1: its adjustments need more than 5 CAS segments",)


def test_a_professional_claim_that_medicare_pays_second_says_why(drawn):
    frames, _claims = drawn
    e = frames.encounters
    key = str(e.loc[e["claim_type"] == "837P", "encounter_id"].iloc[0])
    own, row = _one(drawn, key)
    paid = replace(own, prior_payments=_paid(key, sum(own.lines["charge"])))
    to_medicare = _changed(paid, payer_kind="medicare", insurance_type="47")
    (one,) = interchanges(to_medicare, row, SENDER, DAY, WHEN)
    assert _segments(one.text, "SBR")[0][5] == "47"
    assert validate_837(one.text).errors == ()
    assert _refusal(_changed(to_medicare, insurance_type=None), row) == (
        "Medicare is not the first payer: a professional claim must say why (insurance type, SBR05)",
    )


@pytest.mark.parametrize(
    ("charge", "reason"),
    [
        (Decimal("0.00"), "the charges of the claim do not add up to more than zero"),
        (Decimal("-5.00"), "line 1 has a negative charge"),
        (None, "line 1 has no charge"),
    ],
)
def test_zero_negative_and_missing_charges_are_refused_with_a_reason(stay, charge, reason):
    frames, claims = stay
    lines = frames.lines.head(1).assign(charge=pd.Series([charge], dtype=object, index=frames.lines.index[:1]))
    assert reason in _refusal(replace(frames, lines=lines), claims)


def test_a_claim_that_cannot_be_written_does_not_stop_the_others(drawn, tmp_path):
    frames, claims = drawn
    key = str(frames.encounters["encounter_id"].iloc[0])
    nameless = frames.encounters["subscriber_last_name"].where(frames.encounters["encounter_id"] != key, "李")
    broken = _changed(frames, subscriber_last_name=nameless)
    result = write_files([(broken, claims)], SENDER, DAY, tmp_path)
    assert sum(one.claims for one in result.files) == CLAIMS - 1
    assert {one.verdict for one in result.files} == {VALID}
    told = [json.loads(line) for line in result.refusals.read_text().splitlines()]
    assert [(t["encounter_id"], t["reasons"]) for t in told] == [
        (key, ["the subscriber's last name is absent or has no characters that X12 can carry"])
    ]
    with pytest.raises(InterchangeError, match=r"1 ready claims cannot be written: claim [0-9A-F]{16}: the subscriber"):
        list(interchanges(broken, claims, SENDER, DAY, WHEN))


def _batches(drawn, size):
    frames, claims = drawn
    for start in range(0, len(claims), size):
        some = claims.iloc[start : start + size]
        yield frames.only(list(some["encounter_id"])), some


def test_rule_32_a_stream_of_batches_gives_whole_valid_files_with_every_claim_once(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST_CLAIMS_A_TRANSACTION", 4)
    members = []
    result = write_files(_batches(drawn, 7), SENDER, DAY, tmp_path, members.append)
    together = pd.concat(members)
    assert sorted(together["encounter_id"]) == sorted(drawn[1]["encounter_id"])
    assert [one.verdict for one in result.files] == [VALID] * len(result.files)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(one.path.name for one in result.files)
    for one in result.files:
        text = one.path.read_bytes().decode("ascii")
        sets = _segments(text, "ST")
        assert len(sets) == -(-one.claims // 4)
        assert _segments(text, "GE")[0][1] == str(len(sets))
        assert validate_837(text).errors == ()
        back = read_837(text.encode())
        own = together[together["control_number"] == one.control_number]
        assert list(back.encounters["claim_number"]) == list(own["claim_number"])
        assert list(back.encounters["set_control_number"]) == list(own["set_control_number"])
        assert one.total_charge == sum(back.lines["charge"])
        assert len(_segments(text, "CLM")) == one.claims


def test_one_batch_or_many_of_one_patient_give_the_same_bytes(stay):
    frames, claims = stay
    keys = [f"E{n:03d}" for n in range(205)]

    def copies(some):
        parts = {
            name: pd.concat([getattr(frames, name).assign(encounter_id=k) for k in some])
            for name in ("encounters", "codes", "procedures", "lines", "prior_payments")
        }
        rows = pd.concat([claims.assign(encounter_id=k, claim_number=f"C{k}") for k in some])
        return type(frames)(**parts), rows

    (whole,) = interchanges(*copies(keys), SENDER, DAY, WHEN)
    parts = [copies(keys[n : n + 30]) for n in range(0, len(keys), 30)]
    assert "".join(piece.text for piece in stream_interchanges(parts, SENDER, DAY, WHEN)) == whole.text
    assert [s[3] for s in _segments(whole.text, "HL")] == ["20", "22", "22", "22"]


def test_an_interchange_that_is_full_is_followed_by_another_with_its_own_number(drawn):
    pieces = list(stream_interchanges([drawn], SENDER, DAY, WHEN, most_claims=3))
    last = [piece for piece in pieces if piece.last]
    assert max(piece.writer.claims for piece in last) == 3
    assert sum(piece.writer.claims for piece in last) == CLAIMS
    assert len({piece.writer.control_number for piece in last}) == len(last)
    assert sorted({piece.sequence for piece in last})[:3] == [1, 2, 3]


def test_nothing_is_left_behind_after_a_failure(drawn, tmp_path):
    def failing():
        yield from _batches(drawn, 20)
        raise RuntimeError("the source broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        write_files(failing(), SENDER, DAY, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_rule_32_a_file_judged_in_pieces_is_judged_as_a_whole(drawn, monkeypatch):
    monkeypatch.setattr(writing, "MOST_CLAIMS_A_TRANSACTION", 4)
    text = next(iter(interchanges(*drawn, SENDER, DAY, WHEN))).text

    def judged(text):
        return validate_sets(text[n : n + 1000] for n in range(0, len(text), 1000))

    assert judged(text).errors == ()
    count = len(_segments(text, "ST"))
    for before, after, words in (
        (f"~GE*{count}*", f"~GE*{count + 1}*", "GE01"),
        ("~IEA*1*", "~IEA*2*", "IEA01"),
        ("~SE*", "~XX*", "envelope"),
        ("~CL1*", "~XX9*", "transaction set"),
    ):
        assert any(words in error for error in judged(text.replace(before, after)).errors), words
    for cut in (text[:50], text[:106], text[: len(text) // 2], text[: text.index("~GE*") + 1]):
        assert not judged(cut).ok
        assert all(judged(cut).errors)
    assert len(list(TransactionSets([text]))) == count


def test_a_claim_with_sixty_diagnoses_carries_what_fits_and_the_plan_lists_the_rest(record, bill_all):
    pool = [f"S{n:02d}.00XA" for n in range(59)]
    for kind, most in (("837I", 25), ("837P", 12)):
        result = bill_all(record(["J18.9", *pool], claim_type=kind))
        assert result.billed.claims["transmitted_codes"].tolist() == [most]
        edits = result.billed.edits
        (sentence,) = edits.loc[edits["edit"] == "codes_not_transmitted", "sentence"]
        assert all(code in sentence for code in pool[most - 1 :])
