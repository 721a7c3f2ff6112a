"""De-identification by the safe harbour list (rule 42): what goes, what stays, and that the offsets tell where."""

from __future__ import annotations

import re
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.filtering.deidentify.documents import COLUMNS, IdentifiersError, deidentify

AS_OF = date(2026, 11, 22)


def clean(text: str, known: list[tuple[str, str]] | None = None, **options: object) -> str:
    documents = pd.DataFrame({"document_id": ["D"], "text": [text]})
    rows = pd.DataFrame([("D", *k) for k in known or []], columns=["document_id", "kind", "value"], dtype=object)
    found = deidentify(documents, rows if known else None, as_of=AS_OF, **options)  # type: ignore[arg-type]
    return str(found["text"].iloc[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient: KOWALSKI, JANINA", "Patient: <NAME>"),
        ("Seen with Dr. Long today.", "Seen with Dr. <NAME> today."),
        ("Daughter, Imani, updated.", "Daughter, <NAME>, updated."),
        ("Signed by Reyes, J", "Signed by <NAME>"),
        ("MRN: M0021407", "MRN: <MRN>"),
        ("Account number: SL00123456", "Account number: <ACCOUNT>"),
        ("SSN: 123-45-6789", "SSN: <SSN>"),
        ("Call (617) 555-0134 x12.", "Call <PHONE>."),
        ("Pager 4471", "Pager <PHONE>"),
        ("Email: a.b@example.org", "Email: <EMAIL>"),
        ("See https://portal.example.org/pt/1", "See <URL>"),
        ("Device IP 10.55.36.17 logged", "Device IP <IP> logged"),
        ("Member ID: 1EG4TE5MK73", "Member ID: <MEMBER_ID>"),
        ("NPI: 1234567893", "NPI: <LICENCE>"),
        ("Serial number PJN889234H", "Serial number <DEVICE>"),
        ("License plate 412 KLM", "License plate <VEHICLE>"),
        ("Transferred from Saint Odile Hospital.", "Transferred from <HOSPITAL>."),
        ("Moved here from Duluth.", "Moved here from <LOCATION>."),
        ("Lives at 12 Chestnut Ct, Apt 4.", "Lives at <ADDRESS>."),
    ],
)
def test_every_kind_of_identifier_is_replaced(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seen 03/14/2026.", "Seen <DATE 2026>."),
        ("Seen 2026-03-14.", "Seen <DATE 2026>."),
        ("Echo March 14, 2026 reviewed", "Echo <DATE 2026> reviewed"),
        ("on 14-Mar-2026", "on <DATE 2026>"),
        ("Cultures from 3/14 negative", "Cultures from <DATE> negative"),
        ("in July 2025", "in <DATE 2025>"),
        ("Seen O3/l4/2O26.", "Seen <DATE 2026>."),
    ],
)
def test_of_a_date_the_year_stays(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_a_year_alone_and_figures_that_look_like_dates_stay() -> None:
    text = "Hernia repair 1998. Strength 5/5, pain 4/10, 2/6 systolic murmur, BP 120/80, K 4.1, platelets 250000."
    assert clean(text) == text


def test_ages_of_90_and_over_are_pooled_and_others_stay() -> None:
    assert clean("A 93-year-old man") == "A <AGE 90+>-year-old man"
    assert clean("Age: 104") == "Age: <AGE 90+>"
    assert clean("An 89-year-old man, SpO2 93%, HR 98") == "An 89-year-old man, SpO2 93%, HR 98"


def test_a_birth_year_that_tells_an_age_of_90_goes_too() -> None:
    assert clean("DOB: 03/14/1932") == "DOB: <DATE>"
    assert clean("DOB: 03/14/1962") == "DOB: <DATE 1962>"


def test_of_a_zip_three_digits_stay_only_where_a_table_says_so() -> None:
    assert clean("Eastport, MA 02152-0410") == "<LOCATION>, MA <ZIP 000>"
    assert clean("ZIP 02152", populous_zip3=frozenset({"021"})) == "ZIP <ZIP 021>"


@pytest.mark.parametrize(
    "text",
    [
        "CHF with HFrEF, Parkinson's disease, Crohn's, Graves disease, Smith fracture, Foley, Babinski negative.",
        "Lasix 40 mg PO daily, Eliquis 5 mg BID, metoprolol succinate 25 mg, Keppra 500 mg.",
        "WBC 12.3, Hgb 9.1, Cr 1.8, NSTEMI, s/p CABG, on BiPAP, Murphy sign negative, Bell's palsy, Hodgkin lymphoma.",
        "Impression: White count normal. Follow up in wound clinic. Outside hospital records reviewed.",
        "Mother: diabetes. Patient: stable. Surgeon: none. 10 Chest CT images.",
    ],
)
def test_clinical_words_stay(text: str) -> None:
    assert clean(text) == text


KNOWN = [
    ("NAME", "Szymanski"), ("NAME", "Mei"), ("INITIALS", "MS"), ("MRN", "02-03-66"), ("BIRTH_DATE", "1956-01-31"),
    ("ADDRESS", "88 County Road"), ("LOCATION", "Wimber Creek"),
    ("HOSPITAL", "Pecan Valley Community Hospital (Simulated)"),
    ("ACCOUNT", "P1000186-26"), ("STAFF", "Long"), ("ZIP", "786661203"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SZYMANSKI tolerates diet", "NAME"),
        ("Szyrnanski was seen", "NAME"),  # rn for m
        ("Szymonski resting", "NAME"),  # one slip
        ("M.S. comfortable", "NAME"),
        ("Barcode 02 03 66 scanned", "MRN"),
        ("label O2-O3-66", "MRN"),
        ("admitted to Pecan Valley last year", "HOSPITAL"),
        ("PVCH policy", "HOSPITAL"),
        ("went to Wimber Creek", "LOCATION"),
        ("at 88 County Rd now", "ADDRESS"),
        ("bill P1000186 26", "ACCOUNT"),
    ],
)
def test_the_records_own_identifiers_are_found_misread_and_without_a_label(text: str, kind: str) -> None:
    assert f"<{kind}>" in clean(text, KNOWN)


def test_a_clinician_called_by_a_word_is_not_taken_for_it() -> None:
    text = "Long history of long QT. Long-acting insulin continued."
    assert clean(text, KNOWN) == text
    assert clean("Discussed with Dr. Long.", KNOWN) == "Discussed with Dr. <NAME>."


def test_identifiers_of_one_document_do_not_touch_another() -> None:
    documents = pd.DataFrame({"document_id": ["A", "B"], "text": ["ref 77001 noted", "ref 77001 noted"]})
    known = pd.DataFrame([("A", "MRN", "77001")], columns=["document_id", "kind", "value"])
    assert deidentify(documents, known, as_of=AS_OF)["text"].tolist() == ["ref <MRN> noted", "ref 77001 noted"]


def test_offsets_lead_from_each_replacement_to_what_it_replaced() -> None:
    text = "Patient: Kowalski, Janina\nSeen 03/14/2026 by Dr. Okafor.\nMRN: M0021407"
    row = deidentify(pd.DataFrame({"document_id": ["D"], "text": [text]}), as_of=AS_OF).iloc[0]
    assert {text[r["start"] : r["end"]] for r in row["replaced"]} == {
        "Kowalski, Janina",
        "03/14/2026",
        "Okafor",
        "M0021407",
    }
    for r in row["replaced"]:
        assert re.fullmatch(rf"<{r['kind']}( \d+)?>", row["text"][r["new_start"] : r["new_end"]])


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from("Ab 0l1/-.,:\n()'|SDr§é"), max_size=80))
def test_wild_text_comes_back_whole_outside_the_replacements(text: str) -> None:
    row = deidentify(
        pd.DataFrame({"document_id": ["D"], "text": [text]}),
        pd.DataFrame([("D", *k) for k in KNOWN], columns=["document_id", "kind", "value"]),
        as_of=AS_OF,
    ).iloc[0]
    old, new, at, new_at = [], [], 0, 0
    for r in row["replaced"]:
        old.append(text[at : r["start"]])
        new.append(row["text"][new_at : r["new_start"]])
        assert at <= r["start"] < r["end"] <= len(text)
        at, new_at = r["end"], r["new_end"]
    assert [*old, text[at:]] == [*new, row["text"][new_at:]]


def test_no_documents_and_empty_text_give_a_frame_of_the_contract() -> None:
    empty = pd.DataFrame({"document_id": [], "text": []})
    assert list(deidentify(empty, as_of=AS_OF).columns) == list(COLUMNS)
    assert clean("") == ""


def test_a_wrong_frame_of_identifiers_is_told_without_its_values() -> None:
    documents = pd.DataFrame({"document_id": ["D"], "text": ["x"]})
    with pytest.raises(IdentifiersError, match="document_id, kind, value"):
        deidentify(documents, pd.DataFrame({"document_id": ["D"], "value": ["Kowalski"]}))
    with pytest.raises(ValueError, match="SURNAME") as told:
        deidentify(documents, pd.DataFrame([("D", "SURNAME", "Kowalski")], columns=["document_id", "kind", "value"]))
    assert "Kowalski" not in str(told.value)
