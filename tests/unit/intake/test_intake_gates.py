"""Rule 39, gate by gate: what is set aside, with which reason, and that nothing else is and nothing is lost."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from medcode_ml.intake.gates import GATES, PageFrameError, gate_pages
from medcode_ml.intake.identity import Filed, Verdict, verdicts
from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.reading import read_page

ENCOUNTER = {"record_id": "R1", "patient_name": "Miriam Harlow", "mrn": "00482913", "birth_date": "1951-03-14"}


def row(page_id: str, image, *, record_id: str = "R1", content_hash: str | None = None, **more) -> dict:
    """A page row as `pages.read_files` makes it, read from a drawn sheet."""
    reading = read_page(PageImage(np.asarray(image)))
    return {
        "page_id": page_id,
        "record_id": record_id,
        "content_hash": content_hash or page_id,
        "page": 1,
        "text": reading.text,
        "words": reading.words,
        "confidence": reading.confidence,
        "quality": reading.quality,
        "gate": None,
        "gate_reason": None,
        **more,
    }


@pytest.fixture(scope="module")
def sheet(drawn, header, note):
    return drawn(f"{header}\n\n{note}")


@pytest.fixture(scope="module")
def good(sheet):
    return row("good", sheet)


@pytest.fixture(scope="module")
def other_text(header):
    return (
        f"{header}\n\nPROGRESS NOTE\n\nOvernight the patient was comfortable. Oxygen was weaned to room air and she"
        "\nwalked in the corridor with physical therapy. Urine output was two liters. Potassium 3.4, replaced by"
        "\nmouth. Plan: continue diuresis, repeat the basic metabolic panel tomorrow morning."
    )


def gates(*rows: dict, **more) -> list[str | None]:
    frame = pd.DataFrame(list(rows))
    out = gate_pages(frame, **more)
    assert list(out["page_id"]) == list(frame["page_id"]), "a gate never loses a row"
    assert (out["gate"].isna() == out["gate_reason"].isna()).all(), "every gate has a reason"
    assert set(out["gate"].dropna()) <= set(GATES)
    return [None if pd.isna(g) else g for g in out["gate"]]


def test_rule_39_good_pages_pass(good, drawn, other_text):
    assert gates(good, row("second", drawn(other_text)), encounters=pd.DataFrame([ENCOUNTER])) == [None, None]


def test_rule_39_blank_pages(drawn):
    rng = np.random.default_rng(2)
    white = np.full((1650, 1275), 255, np.uint8)
    dusty = np.where(rng.random(white.shape) < 0.001, 0, white).astype(np.uint8)
    grainy = np.clip(rng.normal(240, 12, white.shape), 0, 255).astype(np.uint8)
    framed = np.pad(white[40:-40, 40:-40], 40)  # the scanner saw past the sheet
    punched = white.copy()
    for y in (300, 825, 1350):
        punched[y - 18 : y + 18, 30:66] = 40
    rows = [row(f"b{n}", p) for n, p in enumerate((white, dusty, grainy, framed, punched))]
    assert gates(*rows) == ["blank_page"] * 5
    few_words = [row(text, drawn(text)) for text in ("This page is intentionally left blank.", "Page 3 of 4")]
    assert gates(*few_words) == [None, None]


def test_rule_39_unreadable_pages_are_told_from_blank_ones(sheet, good):
    rng = np.random.default_rng(3)
    pixels = np.asarray(sheet)
    drowned = np.clip(pixels + rng.normal(0, 170, pixels.shape), 0, 255).astype(np.uint8)
    tiny = np.asarray(sheet.resize((sheet.width // 6, sheet.height // 6)).resize(sheet.size))
    out = gate_pages(pd.DataFrame([row("drowned", drowned), row("tiny", tiny), good]))
    assert list(out["gate"]) == ["unreadable_page", "unreadable_page", None]
    assert "mean confidence" in out["gate_reason"][0]
    assert "Scan the sheet again" in out["gate_reason"][0]


def test_rule_39_exact_duplicate_keeps_the_first(good):
    again = {**good, "page_id": "again"}
    out = gate_pages(pd.DataFrame([good, again]))
    assert list(out["gate"]) == [None, "duplicate_page"]
    assert "good" in out["gate_reason"][1]


def test_two_pages_of_one_file_are_no_exact_duplicates(good, drawn, other_text):
    second = {**row("p2", drawn(other_text)), "content_hash": good["content_hash"], "page": 2}
    assert gates(good, second) == [None, None]


@pytest.mark.parametrize("fault", ["skewed", "upside_down", "faint_and_noisy", "smaller"])
def test_rule_39_the_same_sheet_scanned_again_is_a_near_duplicate(good, sheet, turn, fault):
    rng = np.random.default_rng(4)
    pixels = np.asarray(sheet)
    again = {
        "skewed": lambda: turn(sheet, 1.7),
        "upside_down": lambda: turn(sheet, 180),
        "faint_and_noisy": lambda: np.clip(120 + pixels * 0.4 + rng.normal(0, 8, pixels.shape), 0, 255).astype("uint8"),
        "smaller": lambda: sheet.resize((900, 1165)),
    }[fault]()
    assert gates(good, row("again", again)) == [None, "duplicate_page"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("11/20/2026", "11/27/2026"),  # another visit
        ("68.4 kg", "71.9 kg"),  # another day's weight
        ("left pleural effusion", "right pleural effusion and\nbilateral infiltrates consistent with pneumonia"),
    ],
)
def test_a_copied_forward_note_is_no_duplicate(good, drawn, header, note, before, after):
    assert before in note
    forward = drawn(f"{header}\n\n{note.replace(before, after)}")
    assert gates(good, row("next_day", forward)) == [None, None]


def test_rule_39_duplicates_are_sought_within_one_batch(good):
    again = {**good, "page_id": "again", "record_id": "R2"}
    assert gates({**good, "batch": "monday"}, {**again, "batch": "tuesday"}) == [None, None]
    assert gates({**good, "batch": "monday"}, {**again, "batch": "monday"}) == [None, "duplicate_page"]


def test_rule_39_misfiled_page(good):
    wrong = {"record_id": "R1", "patient_name": "Tobias Okafor", "mrn": "00771204", "birth_date": date(1984, 9, 2)}
    out = gate_pages(pd.DataFrame([good]), encounters=pd.DataFrame([wrong]))
    assert out["gate"][0] == "identity_mismatch"
    reason = out["gate_reason"][0].lower()
    for phi in ("harlow", "miriam", "okafor", "482913", "771204", "1951", "1984"):
        assert phi not in reason


def test_rule_39_a_copy_filed_right_is_kept_when_the_first_is_misfiled(good):
    wrong = {"record_id": "R0", "patient_name": "Tobias Okafor", "mrn": "00771204", "birth_date": "1984-09-02"}
    misfiled = {**good, "page_id": "astray", "record_id": "R0"}
    assert gates(misfiled, good, encounters=pd.DataFrame([wrong, ENCOUNTER])) == ["identity_mismatch", None]


@pytest.mark.parametrize(
    ("printed", "says"),
    [
        ("Patient: Harlow, Miriam   MRN: O0482913   DOB: 03/14/1951", {"name", "MRN", "birth date"}),  # O for 0
        ("MRN: 0048Z9I3", {"MRN"}),
        ("PATIENT NAME: HARLOW, MIRIAM J", {"name"}),
        ("Name: Mrs. Miriam Harlow", {"name"}),
        ("Date of Birth: 14 Mar 1951", {"birth date"}),
        ("D0B: March 14, 1951", {"birth date"}),
        ("DOB: 1951-03-14", {"birth date"}),
        ("Medical Record Number: 482913", {"MRN"}),
    ],
)
def test_identifiers_agree_through_ocr_confusions_and_spellings(printed, says):
    found = verdicts(printed, Filed("Miriam Harlow", "00482913", date(1951, 3, 14)))
    assert found == dict.fromkeys(says, Verdict.AGREES)


@pytest.mark.parametrize(
    "printed",
    [
        "MRN: 00482973",  # one digit misread
        "DOB: 03/19/1951",
        "DOB: 14/03/1951",  # day first
        "Patient: Harlow, Marian",
        "Physician Name: Okafor, Tobias",
        "Patient: a 74-year-old woman with heart failure",
        "No identifiers on this page",
        "DOB:      Admitted: 11/10/2026",
    ],
)
def test_no_page_is_set_aside_on_thin_evidence(printed, good):
    frame = pd.DataFrame([{**good, "text": printed}])
    out = gate_pages(frame, encounters=pd.DataFrame([ENCOUNTER]))
    assert out["gate"].isna().all()


def test_rule_39_one_agreeing_identifier_outweighs_a_clear_disagreement(good):
    married = {**ENCOUNTER, "patient_name": "Adelaide Wintersmith"}
    assert gates(good, encounters=pd.DataFrame([married])) == [None]


@pytest.mark.parametrize(
    "printed", ["MRN: 00771204", "DOB: 09/02/1984", "Patient: Okafor, Tobias", "Patient Name: TOBIAS OKAFOR  Sex: M"]
)
def test_rule_39_each_kind_of_identifier_is_enough(printed, good):
    assert gates({**good, "text": printed}, encounters=pd.DataFrame([ENCOUNTER])) == ["identity_mismatch"]


def test_rule_39_page_count_that_does_not_reconcile_sets_the_document_aside(good, drawn, other_text):
    second = row("second", drawn(other_text))
    records = pd.DataFrame([{"record_id": "R1", "page_count": "3"}])
    out = gate_pages(pd.DataFrame([good, second]), records=records)
    assert list(out["gate"]) == ["page_count", "page_count"]
    assert "3 pages" in out["gate_reason"][0]
    assert "2 came" in out["gate_reason"][0]
    assert gates(good, second, records=records.assign(page_count=2)) == [None, None]
    assert gates(good, second, records=records.assign(page_count=None)) == [None, None]
    assert gates(good, second, encounters=pd.DataFrame([{**ENCOUNTER, "pages": 1}])) == ["page_count", "page_count"]


def test_blank_backs_and_double_scans_may_or_may_not_be_counted(good):
    blank = row("back", np.full((1650, 1275), 255, np.uint8))
    for count in (1, 2):
        records = pd.DataFrame([{"record_id": "R1", "page_count": count}])
        assert gates(good, blank, records=records) == [None, "blank_page"]


def test_gates_given_by_the_reader_stay_and_an_unopened_file_may_hold_the_missing_pages(good):
    locked = {**good, "page_id": "locked", "text": None, "words": None, "confidence": None, "quality": None}
    locked |= {"gate": "locked_file", "gate_reason": "The PDF is locked.", "content_hash": "x"}
    records = pd.DataFrame([{"record_id": "R1", "page_count": 5}])
    assert gates(good, locked, records=records) == [None, "locked_file"]


def test_records_are_joined_to_encounters_by_hospital_and_number(good):
    records = pd.DataFrame([{"record_id": "R1", "hospital_id": "H2", "encounter_number": "77"}])
    right = {"hospital_id": "H2", "encounter_number": "77", "first_name": "Miriam", "last_name": "Harlow"}
    wrong = {"hospital_id": "H1", "encounter_number": "77", "first_name": "Tobias", "last_name": "Okafor"}
    assert gates(good, records=records, encounters=pd.DataFrame([wrong, right])) == [None]
    swapped = pd.DataFrame([{**wrong, "hospital_id": "H2"}, {**right, "hospital_id": "H1"}])
    assert gates(good, records=records, encounters=swapped) == ["identity_mismatch"]


def test_frames_without_the_needed_columns_are_refused(good):
    with pytest.raises(PageFrameError, match="quality"):
        gate_pages(pd.DataFrame([good]).drop(columns="quality"))
    with pytest.raises(PageFrameError, match="records"):
        gate_pages(pd.DataFrame([good]), encounters=pd.DataFrame([{"hospital_id": "H", "encounter_number": "1"}]))
