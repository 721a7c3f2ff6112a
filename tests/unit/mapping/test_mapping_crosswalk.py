"""Codes of other systems and releases: every alternative kept, the choice explained, nothing guessed, nothing lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.crosswalk import Kind, icd9_alternatives
from medcode_ml.codes.loaded import loaded_path
from medcode_ml.codes.procedure_map import TABLE, load_procedure_map
from medcode_ml.contracts import mapped
from medcode_ml.contracts.raw import delivered_columns
from medcode_ml.mapping.crosswalk import ALTERNATIVES, MAPPED, crosswalk_codes, needs_map

DISCHARGED = date(2026, 11, 15)
Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def code_maps(*rows: tuple[str, ...]) -> pd.DataFrame:
    """Rows of raw.code_map of hospital H1 and system LOC: code, system, target, first and last day."""
    columns = delivered_columns("code_map")
    filled = [("H1", "LOC", *row, *[None] * (5 - len(row))) for row in rows]
    return pd.DataFrame(filled, columns=columns, dtype=object)


def run(
    kind: Kind,
    *lines: tuple[str | None, str],
    discharge: date | None = DISCHARGED,
    maps: pd.DataFrame | None = None,
    procedure_date: date | None = None,
    **record: Any,
) -> Frames:
    """Map the codes of one encounter; `record` is what its context row says."""
    frame = pd.DataFrame(
        [
            {"encounter_id": "e1", "hospital_id": "H1", "line_number": n, "code": code, "code_system": system,
             "poa": "Y", "procedure_date": procedure_date, "repairs": [], "unreadable": {}, "source": "folder"}
            for n, (code, system) in enumerate(lines, 1)
        ],
        dtype=object,
    )  # fmt: skip
    context = pd.DataFrame([record], index=["e1"], dtype=object) if record else None
    return crosswalk_codes(kind, frame, {"e1": discharge}, code_maps() if maps is None else maps, context)


def codes(frames: Frames) -> list[str]:
    return list(frames[0]["code"])


def chosen(frames: Frames) -> list[str]:
    offered = frames[1]
    return list(offered.loc[offered["chosen"].astype(bool), "target_code"])


def test_rows_of_the_shape_of_their_contract() -> None:
    assert set(ALTERNATIVES) == {c.name for c in mapped.crosswalk.columns} - {"received_date"}
    assert set(MAPPED["diagnosis"]) == {c.name for c in mapped.diagnosis.columns} - {"received_date"}
    assert set(MAPPED["procedure"]) == {c.name for c in mapped.procedure.columns} - {"received_date"}


def test_standard_codes_of_the_day_pass_through_spelled_and_without_alternatives() -> None:
    frames = run("diagnosis", ("i5023", "icd10cm"), (" E11.9 ", "ICD-10-CM"), ("ZZZ", "ICD-10-CM"))
    assert codes(frames) == ["I50.23", "E11.9", "ZZZ"]  # that ZZZ is none is for the rules to say
    assert frames[1].empty
    assert frames[2].empty
    assert list(frames[0]["source_code"]) == ["i5023", " E11.9 ", "ZZZ"]
    assert codes(run("procedure", ("0bh17ez", "ICD-10-PCS"), ("99213", "CPT"))) == ["0BH17EZ", "99213"]


def test_every_alternative_of_the_map_is_kept_with_a_reason() -> None:
    frames = run("diagnosis", ("64841", "ICD-9-CM"))
    offered = frames[1]
    listed = {a.target for a in icd9_alternatives("64841", "diagnosis")}
    assert listed <= set(offered["target_code"])
    assert offered["reason"].str.len().min() > 5
    assert list(offered["alternative_number"]) == list(range(1, len(offered) + 1))
    assert len(chosen(frames)) == 1
    assert chosen(frames) == codes(frames)


def test_side_in_the_documents_decides_and_without_it_the_unspecified_code_is_taken() -> None:
    told = run("diagnosis", ("820.21", "ICD-9-CM"), words="Fell. Left intertrochanteric hip fracture of the femur.")
    untold = run("diagnosis", ("820.21", "ICD-9-CM"), words="Fell and could not get up.")
    assert codes(told) == ["S72.142A"]
    assert "left" in told[1].set_index("target_code")["reason"]["S72.142A"]
    assert codes(untold) == codes(run("diagnosis", ("820.21", "ICD-9-CM"))) == ["S72.143A"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Paroxysmal atrial fibrillation with RVR.", "I48.0"),
        ("Permanent AF on apixaban.", "I48.21"),
        ("Atrial fibrillation.", "I48.91"),
        ("No paroxysmal atrial fibrillation on telemetry.", "I48.91"),
        ("Mother had paroxysmal atrial fibrillation.", "I48.91"),
        ("Paroxysmal nocturnal dyspnea.", "I48.0"),  # a rare word names the condition by itself: a known limit
    ],
)
def test_the_words_of_the_documents_choose_among_finer_codes(text: str, code: str) -> None:
    assert codes(run("diagnosis", ("42731", "ICD-9-CM"), words=text)) == [code]


def test_a_code_that_says_more_than_the_map_is_never_taken_without_the_record() -> None:
    frames = run("diagnosis", ("42731", "ICD-9-CM"))
    assert set(frames[1]["target_code"]) == {"I48.91"}


def test_what_the_record_already_carries_in_the_new_system_is_taken() -> None:
    frames = run("diagnosis", ("42731", "ICD-9-CM"), ("I48.0", "ICD-10-CM"))
    assert codes(frames) == ["I48.0", "I48.0"]
    assert "already carries" in frames[1].set_index("target_code")["reason"]["I48.0"]


def test_weeks_of_pregnancy_tell_the_trimester() -> None:
    by_text = run("diagnosis", ("64843", "ICD-9-CM"), words="G2P1 at 33 weeks gestation, depressed mood.", sex="F")
    by_code = run("diagnosis", ("64843", "ICD-9-CM"), ("Z3A.16", "ICD-10-CM"))
    assert codes(by_text) == ["O99.343"]
    assert codes(by_code)[0] == "O99.342"
    assert "trimester" in by_text[1].set_index("target_code")["reason"]["O99.341"]


def test_the_episode_of_care_of_the_old_code_tells_childbirth() -> None:
    assert codes(run("diagnosis", ("64841", "ICD-9-CM"))) == ["O99.344"]


@pytest.mark.parametrize(("sex", "code"), [("F", "Q52.9"), ("M", "Q55.9")])
def test_sex_speaks_against_a_code(sex: str, code: str) -> None:
    frames = run("diagnosis", ("7529", "ICD-9-CM"), sex=sex)
    assert codes(frames) == [code]
    assert "a code of the other sex" in set(frames[1]["reason"])


@pytest.mark.parametrize(("age", "code"), [(40, "B09"), (4, "L44.4")])
def test_age_speaks_against_a_code(age: int, code: str) -> None:
    frames = run("diagnosis", ("0578", "ICD-9-CM"), age=age, words="Infantile papular acrodermatitis.")
    assert codes(frames) == [code]


def test_rule_01_a_target_that_was_divided_since_the_maps_is_followed_to_the_discharge_date() -> None:
    later = run("diagnosis", ("5853", "ICD-9-CM"))
    assert codes(later) == ["N18.30"]
    reasons = later[1].set_index("target_code")["reason"]
    assert reasons["N18.3"] == "not billable at discharge"
    assert {"N18.30", "N18.31", "N18.32"} <= set(later[1]["target_code"])
    assert codes(run("diagnosis", ("5853", "ICD-9-CM"), words="CKD stage 3b.")) == ["N18.32"]
    assert codes(run("diagnosis", ("5853", "ICD-9-CM"), discharge=date(2018, 6, 1))) == ["N18.3"]


def test_a_combination_has_a_part_for_each_choice_list() -> None:
    source = next(
        code for code in ("25073", "64892", "40413", "E9504", "99702", "4041")
        if any(a.combination for a in icd9_alternatives(code, "diagnosis"))
        and all(a.combination for a in icd9_alternatives(code, "diagnosis"))
    )  # fmt: skip
    frames = run("diagnosis", (source, "ICD-9-CM"))
    lists = {(a.scenario, a.choice_list) for a in icd9_alternatives(source, "diagnosis") if a.scenario == 1}
    assert len(frames[0]) == len(lists)
    assert list(frames[0]["part_number"]) == list(range(1, len(lists) + 1))
    assert sorted(chosen(frames)) == sorted(codes(frames))


def test_rule_01_one_successor_converts_a_code_of_an_earlier_release() -> None:
    frames = run("diagnosis", ("C88.8", "ICD-10-CM"))
    assert codes(frames) == ["C88.80"]
    assert list(frames[0]["source_code"]) == ["C88.8"]
    assert "FY2025 forward" in frames[1]["map_name"][0]


def test_rule_01_a_code_of_a_later_release_goes_back_to_the_discharge_date() -> None:
    frames = run("diagnosis", ("I48.20", "ICD-10-CM"), discharge=date(2018, 6, 1))
    assert codes(frames) == ["I48.2"]
    assert "backward" in frames[1]["map_name"][0]


def test_rule_01_several_successors_are_not_guessed_the_code_stays_as_delivered() -> None:
    frames = run("diagnosis", ("B88.0", "ICD-10-CM"), words="Chest pain.")
    assert codes(frames) == ["B88.0"]
    assert set(frames[1]["target_code"]) == {"B88.01", "B88.09"}
    assert chosen(frames) == []
    assert all("stays as delivered" in r for r in frames[1]["reason"])


def test_rule_01_several_successors_are_chosen_among_where_the_record_tells() -> None:
    frames = run("diagnosis", ("B88.0", "ICD-10-CM"), words="Eyelid infestation by Demodex mites.")
    assert codes(frames) == ["B88.01"]


def test_local_codes_hold_from_day_to_day() -> None:
    maps = code_maps(
        ("HD", "ICD-10-PCS", "5A1D00Z", "2015-10-01", "2017-09-30"), ("HD", "ICD-10-PCS", "5A1D70Z", "10/01/2017"),
    )  # fmt: skip
    line = ("hd", "loc")
    assert codes(run("procedure", line, maps=maps, procedure_date=date(2026, 11, 10))) == ["5A1D70Z"]
    early = run("procedure", line, maps=maps, procedure_date=date(2016, 1, 1), discharge=date(2016, 1, 2))
    assert codes(early) == ["5A1D00Z"]
    before = run("procedure", line, maps=maps, procedure_date=date(2014, 1, 1), discharge=None)
    assert list(before[2]["rule"]) == ["code_map_not_in_force"]


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([("X", "ICD-10-PCS", "5A1D70Z"), ("X", "ICD-10-PCS", "30233N1")], "code_map_disagrees"),
        ([("X", "ICD-10-CM", "I10")], "code_map_wrong_system"),
        ([("X", "ICD-10-PCS", "5A1D70Z", "46298")], "code_map_date_unreadable"),
        ([("Y", "ICD-10-PCS", "5A1D70Z")], "unknown_code_system"),
    ],
)
def test_local_maps_that_do_not_tell_set_the_line_aside(rows: list[tuple[str, ...]], rule: str) -> None:
    frames = run("procedure", ("X", "LOC"), maps=code_maps(*rows))
    assert frames[0].empty
    assert list(frames[2]["rule"]) == [rule]
    assert list(frames[2]["source"]) == ["folder"]  # the refused row is the delivered row


def test_a_local_map_delivered_twice_or_with_one_ended_target_is_one_meaning() -> None:
    twice = code_maps(("X", "ICD-10-PCS", "5A1D70Z"), ("X", "ICD10PCS", "5a1d70z"))
    assert codes(run("procedure", ("X", "LOC"), maps=twice)) == ["5A1D70Z"]
    ended = code_maps(("X", "ICD-10-PCS", "5A1D00Z"), ("X", "ICD-10-PCS", "5A1D70Z"))
    assert codes(run("procedure", ("X", "LOC"), maps=ended)) == ["5A1D70Z"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [((None, "ICD-10-CM"), "code_missing"), ((" ", "LOC"), "code_missing"), (("9999999", "ICD-9-CM"), "no_crosswalk")],
)
def test_lines_without_an_answer_are_refused_with_a_reason(line: tuple[str | None, str], rule: str) -> None:
    frames = run("diagnosis", line)
    assert frames[0].empty
    assert list(frames[2]["rule"]) == [rule]


def test_needs_map_names_the_encounters_whose_text_is_worth_reading() -> None:
    frame = pd.DataFrame(
        [
            ("a", "I10", "ICD-10-CM"), ("b", "401.9", "ICD-9-CM"), ("c", "B88.0", "ICD-10-CM"),
            ("d", "N18.3", "ICD-10-CM"),
        ],
        columns=["encounter_id", "code", "code_system"], dtype=object,
    )  # fmt: skip
    days: dict[str, date | None] = {"a": DISCHARGED, "b": DISCHARGED, "c": date(2025, 1, 15), "d": None}
    assert needs_map("diagnosis", frame, days) == {"b"}


def test_icd9_procedures_are_mapped_once_the_mapping_is_loaded(tmp_path: Path) -> None:
    assert list(run("procedure", ("96.72", "ICD-9-PCS"))[2]["rule"]) == ["no_crosswalk"]
    # three made-up lines in the published layout
    (tmp_path / "gem_i9pcs.txt").write_text("9672  5A1955Z 10000\n9604  0BH17EZ 10000\n0000  NoPCS   11000\n")
    try:
        assert load_procedure_map(tmp_path / "gem_i9pcs.txt") == 3
        assert codes(run("procedure", ("96.72", "ICD9PROC"))) == ["5A1955Z"]
        assert list(run("procedure", ("00.00", "ICD-9-PCS"))[2]["rule"]) == ["no_crosswalk"]
    finally:
        loaded_path(TABLE).unlink()
    (tmp_path / "broken.txt").write_text("9672 5A1955Z\n")
    with pytest.raises(ValueError, match="line 1 is no entry"):
        load_procedure_map(tmp_path / "broken.txt")


SYSTEMS = st.sampled_from(["ICD-10-CM", "ICD-9-CM", "LOC", "", "ICD 10 CM", "icd9"])
CODES = st.one_of(st.none(), st.text(max_size=9), st.sampled_from(["I10", "4280", "B88.0"]))
LINES = st.lists(st.tuples(CODES, SYSTEMS))


@settings(max_examples=60, deadline=None)
@given(LINES, st.one_of(st.none(), st.dates(date(2012, 1, 1), date(2030, 1, 1))))
def test_every_line_is_mapped_or_refused_in_its_order(lines: list[tuple[str | None, str]], day: date | None) -> None:
    lines = lines or [("I10", "LOC")]
    mapped_rows, offered, refused = run("diagnosis", *lines, discharge=day)
    first = list(mapped_rows.loc[mapped_rows["part_number"] == 1, "line_number"])
    assert sorted([*first, *refused["line_number"]]) == list(range(1, len(lines) + 1))
    assert first == sorted(first)
    assert set(offered["line_number"]) <= set(first)


def test_every_choice_for_an_old_code_is_billable_where_any_alternative_is() -> None:
    billable = CodeSet.on(DISCHARGED)
    sample = ("4019", "25000", "2724", "496", "41401", "53081", "2449", "311", "5853", "4280", "71516")
    frames = run("diagnosis", *[(c, "ICD-9-CM") for c in sample])
    assert [c for c in codes(frames) if not billable.is_billable(c)] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CKD stage 3, stable.", "N18.30"), ("CKD 3b.", "N18.32"), ("Chronic kidney disease, stage IIIa.", "N18.3"),
        ("Stage 3a chronic kidney disease", "N18.31"), ("Knee pain.", "N18.3"),
    ],
)  # fmt: skip
def test_rule_01_a_divided_code_follows_the_words_of_the_record_or_stays(text: str, code: str) -> None:
    assert codes(run("diagnosis", ("N18.3", "ICD-10-CM"), words=text)) == [code]


def test_a_code_taken_out_of_the_maps_target_is_taken_where_it_says_no_more_than_the_old_code() -> None:
    assert codes(run("diagnosis", ("311", "ICD-9-CM"), words="PMH: HTN, depression, GERD")) == ["F32.A"]
    assert codes(run("diagnosis", ("311", "ICD-9-CM"), words="Major depression, single episode.")) == ["F32.9"]
    assert codes(run("diagnosis", ("311", "ICD-9-CM"))) == ["F32.9"]
