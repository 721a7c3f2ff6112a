"""Code sets by date: rules 1, 3 and 4."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from medcode_ml.codes.codeset import CodeSet, yyyymmdd
from medcode_ml.codes.identifiers import icd10cm_has_format, icd10pcs_has_format, undotted
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.release import NoReleaseError, releases

FY2027 = date(2026, 11, 15)


def test_rule_01_b88_0_is_valid_in_january_2025_and_not_in_november_2026() -> None:
    assert CodeSet.on(date(2025, 1, 15)).is_billable("B88.0")
    assert not CodeSet.on(FY2027).is_billable("B88.0")
    reason = CodeSet.on(FY2027).why_not_billable("B88.0")
    assert reason is not None
    assert "ended on 2025-09-30" in reason
    assert "B88.01" in reason


@pytest.mark.parametrize("code", ["U07.1", "C7A.00", "M1A.00X0", "O9A.211", "I50.23", "S52.521A", "I10"])
def test_rule_03_valid_codes_pass_with_and_without_dot(code: str) -> None:
    codes = CodeSet.on(FY2027)
    assert codes.is_billable(code)
    assert codes.is_billable(undotted(code))
    assert codes.why_not_billable(code) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("E11", "is a category and needs more characters"),
        ("I10.0", "nor in any other release"),
        ("N18.3", "ended on 2020-09-30"),
        ("S52.521", "needs a 7th character, such as S52.521A"),
        ("W01.0", "needs a 7th character, such as W01.0XXA"),
        ("I5.023", "is not written like an ICD-10-CM code"),
        ("nonsense", "is not written like an ICD-10-CM code"),
    ],
)
def test_rule_03_incomplete_and_unknown_codes_fail_and_say_why(code: str, words: str) -> None:
    codes = CodeSet.on(FY2027)
    assert not codes.is_billable(code)
    reason = codes.why_not_billable(code)
    assert reason is not None
    assert words in reason


def test_a_code_of_a_later_release_says_when_it_begins() -> None:
    reason = CodeSet.on(date(2025, 1, 15)).why_not_billable("E11.A")
    assert reason is not None
    assert "begins on 2025-10-01" in reason


def test_rule_04_procedures_are_looked_up_in_their_release() -> None:
    codes = CodeSet.on(FY2027, "ICD-10-PCS")
    assert codes.is_billable("5A1935Z")
    assert codes.title("5A1935Z") == "Respiratory Ventilation, Less than 24 Consecutive Hours"
    assert not codes.is_billable("5A1935A")
    assert "seven characters" in str(codes.why_not_billable("5A1935"))


@pytest.mark.parametrize(("day", "count"), [(date(2025, 1, 15), 74_260), (date(2025, 11, 1), 74_719), (FY2027, 74_879)])
def test_number_of_billable_diagnoses_is_that_of_the_published_release(day: date, count: int) -> None:
    assert len(CodeSet.on(day).codes) == count


def test_every_valid_code_has_the_format_of_its_system() -> None:
    assert all(icd10cm_has_format(str(c)) for c in CodeSet.on(FY2027).codes)
    assert all(icd10pcs_has_format(str(c)) for c in CodeSet.on(FY2027, "ICD-10-PCS").codes)


@pytest.mark.parametrize("table", ["diagnosis_code", "procedure_code"])
def test_every_span_begins_and_ends_with_a_release_so_one_day_stands_for_all(table: str) -> None:
    frame = reference_table(table)
    assert set(frame["first_day"]) <= {yyyymmdd(r.start) for r in releases()}
    assert set(frame["last_day"]) <= {yyyymmdd(r.end) for r in releases()}


def test_mask_agrees_with_the_single_question_and_keeps_the_index() -> None:
    codes = CodeSet.on(FY2027)
    asked = pd.Series(["I50.23", "I5023", "E11", None, float("nan"), "", "S52.521A"], index=[7, 3, 9, 1, 0, 2, 5])
    mask = codes.billable_mask(asked)
    assert mask.index.equals(asked.index)
    assert mask.tolist() == [True, True, False, False, False, False, True]


def test_mask_of_no_rows_is_empty() -> None:
    assert CodeSet.on(FY2027).billable_mask(pd.Series([], dtype=object)).tolist() == []


def test_codes_are_sorted_unique_shared_and_read_only() -> None:
    codes = CodeSet.on(FY2027)
    assert CodeSet.on(date(2027, 3, 31)) is codes
    bare = np.array([undotted(str(c)) for c in codes.codes])
    assert (bare[:-1] < bare[1:]).all()
    with pytest.raises(ValueError, match="read-only"):
        codes.codes[0] = "A00.0"


def test_titles_are_official_composed_or_honestly_absent() -> None:
    codes = CodeSet.on(FY2027)
    assert codes.title("I50.23") == "Acute on chronic systolic (congestive) heart failure"
    assert codes.title("S52521A") == (
        "Torus fracture of lower end of right radius, initial encounter for closed fracture"
    )
    assert codes.title("E11") is None
    untitled = [str(c) for c in codes.codes if codes.title(str(c)) is None]
    newest = set(CodeSet.on(FY2027).codes) - set(CodeSet.on(date(2026, 9, 30)).codes)
    assert set(untitled) <= newest
    # a code new in October 2026 must not be given the title of its category
    assert codes.title("C78.31") is None


def test_unknown_system_and_day_are_refused() -> None:
    with pytest.raises(ValueError, match="choose one of ICD-10-CM, ICD-10-PCS"):
        CodeSet.on(FY2027, "ICD-9-CM")  # type: ignore[arg-type]
    with pytest.raises(NoReleaseError):
        CodeSet.on(date(2015, 9, 30))
