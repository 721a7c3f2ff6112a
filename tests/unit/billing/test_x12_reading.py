"""An 837 read back is the same claim (rules 27-32), and a damaged one tells where and why."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from medcode_ml.billing.batch import claim_number
from medcode_ml.billing.claims import (
    CODE_COLUMNS,
    ENCOUNTER_COLUMNS,
    LINE_COLUMNS,
    PRIOR_PAYMENT_COLUMNS,
    PROCEDURE_COLUMNS,
    ClaimFrames,
)
from medcode_ml.billing.x12.interchange import interchanges
from medcode_ml.billing.x12.parties import Sender
from medcode_ml.billing.x12.reading import Read837Error, read_837
from medcode_ml.billing.x12.segments import x12_text
from medcode_ml.billing.x12.transmitted import transmitted
from medcode_ml.billing.x12.validate import validate_837

# A drawn batch is large: a failing one is told as it is, not searched for a smaller one for minutes.
SLOW = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
DAY, WHEN = date(2026, 11, 21), datetime(2026, 11, 21, 6, 0)
SENDER = Sender("MEDCODE", "Harbour Network Billing", "Billing Office", "6175550100")
CODES = (
    "J18.9", "I10", "E11.9", "N17.9", "A41.9", "W01.0XXA", "Y92.230", "Z87.891", "S52.521A", "C7A.00", "M1A.00X0",
    "I50.23", "V43.52XA", "X58.XXXA", "Y65.51", "O9A.211",
)  # fmt: skip
PROCEDURES = ("5A1935Z", "0DTJ4ZZ", "02703DZ", "30233N1")
_DAYS = st.dates(date(2024, 1, 1), date(2026, 11, 1))
_WORDS = st.text(min_size=1, max_size=70).filter(lambda t: len(x12_text(t, 30)) >= 2)
_IDS = st.from_regex(r"[0-9A-Z]{2,12}", fullmatch=True)
_CENTS = st.integers(1, 10**7).map(lambda n: Decimal(n) / 100)
_GROUPS = st.sampled_from(["CO", "PR", "OA"])
_REASONS = st.sampled_from(["45", "1", "A1"])
_WILD = st.sampled_from(["", "X", "-1", "9" * 30, "a:b:c:d:e:f:g:h:i:j", "20261332", "12:34", "NaN"])
_KINDS = st.sampled_from(["medicare", "medicaid", "commercial", None])


@st.composite
def _cases(draw: Any, number: int, payers: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of one encounter by frame, its claim row, and nothing that billing would hold."""
    key = f"E{number}"
    professional = draw(st.booleans())
    setting = draw(st.sampled_from(["inpatient", "outpatient"]))
    admitted = draw(_DAYS)
    discharged = admitted + timedelta(days=draw(st.integers(0, 40)))
    frequency = draw(st.sampled_from(["1", None, "7", "8"]))
    count = draw(st.integers(1, 5))
    lines = []
    step = draw(st.sampled_from([1, 10]))
    for place in range(1, count + 1):
        lines.append(
            {
                "encounter_id": key,
                "line_number": place * step,
                "revenue_code": draw(st.sampled_from(["0120", "0250", "0450", "0636"])),
                "hcpcs": draw(st.sampled_from(["G0380", "J1885", "99213"] + ([] if professional else [None]))),
                "modifiers": [],
                "units": draw(st.integers(1, 99) | st.sampled_from([Decimal("1.5"), Decimal("0.25")])),
                "charge": draw(_CENTS),
                "service_date": admitted if professional else draw(st.sampled_from([admitted, discharged, None])),
            }
        )
        if lines[-1]["hcpcs"]:
            lines[-1]["modifiers"] = draw(st.lists(st.sampled_from(["25", "59", "RT", "X1"]), max_size=4))
    total = sum(line["charge"] for line in lines)
    prior = []
    for place in range(1, draw(st.integers(0, 3)) + 1):
        parts = draw(st.lists(st.integers(0, 100), min_size=1, max_size=8))
        amounts = [(total * share / 1000).quantize(Decimal("0.01")) for share in parts]
        adjustments = [
            {
                "group": draw(_GROUPS),
                "reason": draw(_REASONS),
                "amount": a,
            }
            for a in amounts
        ]
        prior.append(
            {
                "encounter_id": key, "sequence": place, "payer_id": draw(_IDS), "payer_name": draw(_WORDS),
                "member_id": draw(_IDS), "paid": total - sum(amounts), "paid_date": draw(st.none() | _DAYS),
                "adjustments": adjustments, "payer_kind": draw(_KINDS),
                "payer_control_number": draw(st.none() | _IDS),
            }
        )  # fmt: skip
    born = draw(st.dates(date(1920, 1, 1), date(2023, 1, 1)))
    sex = draw(st.sampled_from(["M", "F", "U"]))
    stay = setting == "inpatient"
    encounter = dict.fromkeys(ENCOUNTER_COLUMNS) | draw(st.sampled_from(payers)) | {
        "encounter_id": key, "patient_id": draw(st.none() | _IDS), "setting": setting,
        "claim_type": "837P" if professional else "837I", "age": 50, "birth_date": born, "sex": sex,
        "admission_date": admitted, "admission_hour": draw(st.sampled_from(["9", "00", "23"])) if stay else None,
        "discharge_date": discharged, "discharge_hour": "14" if stay else None,
        "admission_type": "1" if stay else draw(st.sampled_from([None, "3"])),
        "admission_source": "1" if stay else draw(st.sampled_from([None, "2"])),
        "discharge_status": draw(st.sampled_from(["01", "20"])),
        "admitting_code": "R06.02" if stay else draw(st.sampled_from([None, "R07.9"])),
        "hospital_id": "H1", "hospital_npi": draw(st.sampled_from(["1234567893", "1245319599"])),
        "hospital_name": "Harbour General Hospital", "hospital_tax_id": "04-2103580",
        "hospital_taxonomy": "282N00000X", "hospital_address": "1 Harbour Street", "hospital_city": "Boston",
        "hospital_state": "MA", "hospital_zip": "02114-0000", "hac_exempt": True,
        "attending_npi": "1245319599", "attending_last_name": draw(_WORDS),
        "attending_first_name": draw(st.none() | _WORDS), "member_id": draw(_IDS),
        "subscriber_last_name": draw(_WORDS), "subscriber_first_name": draw(_WORDS),
        "subscriber_birth_date": born, "subscriber_sex": sex, "subscriber_address": draw(_WORDS),
        "subscriber_city": draw(_WORDS), "subscriber_state": "MA",
        "subscriber_zip": draw(st.sampled_from(["02114", "02114-1234"])), "contract": "ipps",
        "frequency_code": frequency, "payer_control_number": draw(_IDS) if frequency in ("7", "8") else None,
        "insurance_type": "12",
    }  # fmt: skip
    codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=draw(st.sampled_from([3, 25, 60]))))
    procedures = draw(st.lists(st.sampled_from(PROCEDURES), max_size=draw(st.sampled_from([2, 30])))) if stay else []
    return {
        "encounters": [encounter],
        "codes": [
            {"encounter_id": key, "rank": rank, "code": code, "poa": draw(st.sampled_from(["Y", "N", "U", "W", None]))}
            for rank, code in enumerate(codes, 1)
        ],
        "procedures": [
            {"encounter_id": key, "line_number": n, "code": code, "system": "ICD-10-PCS", "date": admitted}
            for n, code in enumerate(procedures, 1)
        ],
        "lines": lines,
        "prior_payments": prior,
        "claim": {
            "encounter_id": key, "claim_number": claim_number(key), "claim_type": encounter["claim_type"],
            "drg": "195" if stay and not professional else None, "status": "ready",
        },
    }  # fmt: skip


@st.composite
def batches(draw: Any) -> tuple[ClaimFrames, pd.DataFrame]:
    payers = [
        {"payer_id": f"{draw(_IDS)}{n}", "payer_name": draw(_WORDS), "payer_kind": draw(_KINDS)}
        for n in range(draw(st.integers(1, 3)))
    ]
    drawn = [draw(_cases(n, payers)) for n in range(draw(st.integers(1, 4)))]
    columns = {
        "encounters": ENCOUNTER_COLUMNS, "codes": CODE_COLUMNS, "procedures": PROCEDURE_COLUMNS,
        "lines": LINE_COLUMNS, "prior_payments": PRIOR_PAYMENT_COLUMNS,
    }  # fmt: skip
    frames = ClaimFrames(
        *(
            pd.DataFrame([row for one in drawn for row in one[name]], columns=list(own), dtype=object)
            for name, own in columns.items()
        )
    )
    return frames, pd.DataFrame([one["claim"] for one in drawn], dtype=object)


def same(one: ClaimFrames, other: ClaimFrames, keys: list[str]) -> None:
    """Assert that both hold the same rows for these encounters."""
    left, right = one.only(keys), other.only(keys)
    for part in fields(ClaimFrames):
        ours, theirs = getattr(left, part.name), getattr(right, part.name)
        columns = [c for c in ours.columns if c in theirs.columns]
        assert {*ENCOUNTER_COLUMNS} <= {*columns} or part.name != "encounters"
        rows = [
            frame[columns].astype(object).where(frame[columns].notna(), None).to_dict("records")
            for frame in (ours, theirs)
        ]
        by_place = [sorted(r, key=lambda row: (row["encounter_id"], *(row.get(c) or 0 for c in ORDER))) for r in rows]
        assert by_place[0] == by_place[1], part.name


ORDER = ("rank", "line_number", "sequence")


@given(batches())
@settings(parent=SLOW, max_examples=20)
def test_what_is_written_is_read_back(batch):
    frames, claims = batch
    sent = transmitted(frames, claims)
    encounters = dict(zip(claims["claim_number"], claims["encounter_id"], strict=True))
    seen = []
    for one in interchanges(frames, claims, SENDER, DAY, WHEN):
        read = read_837(one.text.encode("ascii"), encounters)
        keys = list(one.members["encounter_id"])
        assert list(read.encounters["encounter_id"]) == keys
        same(sent, read, keys)
        seen += keys
        again = read.encounters.assign(status="ready")
        (rewritten,) = interchanges(read, again, SENDER, DAY, WHEN)
        # the payer and its number are known by the upper-case text, so only the envelope's number may differ
        assert _claims(rewritten.text) == _claims(one.text)
    assert sorted(seen) == sorted(claims["encounter_id"])


@pytest.fixture(scope="session")
def written(bill_all):
    """Interchanges of records, all of them ready."""

    def write(*records):
        result = bill_all(*records)
        assert [a["held_because"] for a in result.answers] == [[]] * len(records)
        return list(interchanges(result.frames, result.billed.claims, SENDER, DAY, WHEN))

    return write


@pytest.mark.parametrize(("kind", "most"), [("837I", 999), ("837P", 50)])
def test_rules_28_and_29_as_many_lines_as_a_claim_takes(kind, most, record, outpatient, written):
    lines = outpatient()["lines"]
    base = record if kind == "837I" else outpatient
    day = base()["lines"][0]["date"]
    made = [lines[n % 2] | {"charge": f"{n + 1}.01", "units": n % 7 + 1, "date": day} for n in range(most)]
    (one,) = written(base(claim_type=kind, lines=made))
    read = read_837(one.text.encode("ascii"))
    assert [str(charge) for charge in read.lines["charge"]] == [line["charge"] for line in made]
    assert list(read.lines["units"]) == [line["units"] for line in made]
    assert validate_837(one.text).errors == ()


def _claims(text: str) -> list[str]:
    return [s for s in text.split("~") if not re.match(r"(ISA|GS|ST|BHT|NM1\*40|SE|GE|IEA)\*", s)]


@given(batches())
@settings(parent=SLOW, max_examples=20)
def test_rules_27_and_31_nothing_that_fits_a_claim_is_lost(batch):
    """Against what was drawn, not against our own account of what is sent."""
    frames, claims = batch
    encounters = dict(zip(claims["claim_number"], claims["encounter_id"], strict=True))
    for one in interchanges(frames, claims, SENDER, DAY, WHEN):
        read = read_837(one.text.encode("ascii"), encounters)
        for row in read.encounters.to_dict("records"):
            key, kind = row["encounter_id"], row["claim_type"]
            drawn, back = frames.only([key]), read.only([key])
            most = 12 if kind == "837P" else 25
            given_codes, read_codes = list(drawn.codes["code"])[:most], list(back.codes["code"])
            assert read_codes[0] == given_codes[0]
            assert sorted(read_codes) == sorted(given_codes)
            assert list(back.lines["charge"]) == list(drawn.lines["charge"])
            assert list(back.lines["units"]) == list(drawn.lines["units"])
            assert list(back.lines["hcpcs"]) == list(drawn.lines["hcpcs"])
            assert list(back.lines["modifiers"]) == list(drawn.lines["modifiers"])
            assert list(back.lines["line_number"]) == list(drawn.lines["line_number"])
            if kind == "837I":
                assert list(back.procedures["code"]) == list(drawn.procedures["code"])[:25]
            for paid, told in zip(
                back.prior_payments.to_dict("records"), drawn.prior_payments.to_dict("records"), strict=True
            ):
                assert paid["paid"] + sum(a["amount"] for a in paid["adjustments"]) == sum(drawn.lines["charge"])
                assert (paid["paid"], paid["paid_date"], paid["payer_id"]) == (
                    told["paid"], told["paid_date"], told["payer_id"],
                )  # fmt: skip
            (source,) = drawn.encounters.to_dict("records")
            for name in ("subscriber_last_name", "subscriber_address", "attending_last_name"):
                assert row[name] == x12_text(source[name], {"subscriber_address": 55}.get(name, 60))
            for name in ("subscriber_birth_date", "sex", "payer_control_number", "setting", "patient_id"):
                assert row[name] == source[name]
            assert row["frequency_code"] == (source["frequency_code"] or "1")


@pytest.fixture(scope="session")
def whole(written, record, outpatient) -> str:
    """One interchange with a stay of two payers, an emergency visit and a replacement."""
    paid = {"payer_id": "OTHER", "name": "Other Plan", "member_id": "M1", "paid": "9000.00", "date": "2026-11-18"}
    adjustments = [{"group": "CO", "reason": "45", "amount": "812.45"}]
    steps = [{"code": "5A1935Z", "system": "ICD-10-PCS", "date": "2026-11-11"}] * 2
    (one,) = written(
        record(["J18.9", "I10", "W01.0XXA"], procedures=steps),
        record(encounter_id="E2", prior_payments=[paid | {"adjustments": adjustments}]),
        outpatient(encounter_id="E3"),
    )
    return one.text


def test_rule_32_every_single_segment_cut_is_told_with_its_place(whole):
    segments = whole.split("~")[:-1]
    for place in range(len(segments)):
        text = "~".join(segments[:place] + segments[place + 1 :]) + "~"
        with pytest.raises(Read837Error) as caught:
            read_837(text.encode("ascii"))
        assert caught.value.faults, segments[place]
        assert all(caught.value.faults)
        assert not re.search("NUNEZ|JOSE|19560131|ELM ST", str(caught.value))


def test_a_missing_segment_is_named(whole):
    for cut, words in (
        ("DMG*", "DMG*D8 is missing here (subscriber's birth date and sex)"),
        ("DTP*434", "DTP*434 is missing here (statement dates)"),
        ("CL1*", "CL1 is missing here"),
        ("HI*ABK", "HI*ABK is missing here (principal diagnosis)"),
        ("NM1*71", "NM1*71 is missing here (the clinician)"),
        ("LX*2", "not a segment that medcode writes here"),
        ("SE*", "ST is not closed"),
    ):
        segments = whole.split("~")[:-1]
        place = next(n for n, s in enumerate(segments) if s.startswith(cut))
        text = "~".join(segments[:place] + segments[place + 1 :]) + "~"
        with pytest.raises(Read837Error, match=re.escape(words)):
            read_837(text.encode("ascii"))


def test_text_cut_anywhere_and_foreign_text_is_refused_with_a_reason(whole):
    for length in range(0, len(whole) - 1, 37):
        with pytest.raises(Read837Error) as caught:
            read_837(whole[:length].encode("ascii"))
        assert all(caught.value.faults)
    for data in (b"", b"hello", "é".encode(), whole.replace("X223A2", "X299").encode(), whole.encode() * 2):
        with pytest.raises(Read837Error):
            read_837(data)


def test_a_segment_without_a_name_is_refused_and_hides_no_claim(whole):
    place = whole.rindex("~CLM*") + 1
    with pytest.raises(Read837Error, match="has no name"):
        read_837((whole[:place] + whole[place + 3 :]).encode("ascii"))


@given(st.data())
@settings(parent=SLOW, max_examples=60)
def test_an_element_changed_is_read_or_refused_never_a_crash(whole, data):
    segments = whole.split("~")[:-1]
    place = data.draw(st.integers(1, len(segments) - 1))
    elements = segments[place].split("*")
    which = data.draw(st.integers(0, len(elements) - 1))
    elements[which] = data.draw(_WILD)
    segments[place] = "*".join(elements)
    try:
        read = read_837(("~".join(segments) + "~").encode("ascii"))
    except Read837Error as error:
        faults = error.faults
    else:
        assert len(read.encounters) == 3
        return
    assert faults
    assert all(faults)
