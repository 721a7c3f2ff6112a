"""Labelled notes: every layout is read whole, what is malformed is named, and labels tell the code set."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.coding.labelled.code_set_day import share_held, told_by_labels
from medcode_ml.coding.labelled.note import EvidenceSpan, LabelledNote, LabelledSourceError, written_code, written_codes
from medcode_ml.coding.labelled.reading import read_labelled
from medcode_ml.coding.labelled.splitting import patient_of, split_by_patient_and_time


def write_lines(path: Path, *records: object) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), encoding="utf-8")
    return path


def line(**more: Any) -> dict[str, Any]:
    return {"record_id": "A", "text": "Fever and cough.", "codes": ["R50.9"], **more}


def test_codes_get_their_dot_and_case_and_keep_zeros() -> None:
    assert written_codes(["a0103", "i10", "E11.9", "e119", "M1A.00X0"]) == (
        ("A01.03", "I10", "E11.9", "M1A.00X0"),
        0,
    )
    assert written_code("250.00") is None
    assert written_code(25000) is None


def test_a_label_that_is_no_code_is_counted_and_its_note_stays(tmp_path: Path) -> None:
    data = read_labelled(write_lines(tmp_path / "n.jsonl", line(codes=["r509", "401.9", None])))
    assert data.notes[0].codes == ("R50.9",)
    assert data.codes_rejected == 2
    assert data.rejected == ()


def test_evidence_is_read_from_codes_top_level_and_quotes(tmp_path: Path) -> None:
    codes = [{"code": "R50.9", "evidence": [{"start": 0, "end": 5}]}, {"code": "r05", "quotes": ["cough", "sneeze"]}]
    top = [{"code": "R50.9", "start": 10, "end": 15}, {"code": "R50.9", "start": 10, "end": 99}]
    data = read_labelled(write_lines(tmp_path / "n.jsonl", line(codes=codes, evidence=top)))
    assert data.notes[0].evidence == (
        EvidenceSpan("R50.9", 0, 5),
        EvidenceSpan("R05", 10, 15),
        EvidenceSpan("R50.9", 10, 15),
    )
    assert data.spans_rejected == 2, "the quote that is not there, and the span past the end"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        (line(record_id=7), "record_id"),
        (line(text="  "), "text"),
        (line(codes="R50.9"), "codes"),
        (line(codes=[{"evidence": []}]), "a code is neither"),
        (line(evidence=[{"start": 0, "end": 4}]), "evidence must be"),
        (line(codes=[{"code": "R50.9", "evidence": [{"start": 0.5, "end": 4}]}]), "evidence must be"),
        (line(split="holdout"), "split"),
        (line(setting="clinic"), "setting"),
        (line(discharge_date="1.2.2024"), "discharge_date"),
        (line(disputed="R05"), "disputed"),
        (line(record_id="first"), "line 1"),
    ],
)
def test_a_malformed_line_is_rejected_with_its_number_and_reason(tmp_path: Path, bad: object, reason: str) -> None:
    data = read_labelled(write_lines(tmp_path / "n.jsonl", line(record_id="first"), bad, line(record_id="last")))
    assert [n.record_id for n in data.notes] == ["first", "last"]
    assert [r.where for r in data.rejected] == ["n.jsonl line 2"]
    assert reason in data.rejected[0].reason


@given(records=st.lists(st.one_of(st.text(max_size=30), st.fixed_dictionaries({}, optional={
    "record_id": st.one_of(st.none(), st.text(max_size=4), st.integers()),
    "text": st.one_of(st.none(), st.text(max_size=20)),
    "codes": st.one_of(st.none(), st.lists(st.one_of(st.text(max_size=6), st.integers(), st.just({"code": "I10"})))),
    "split": st.one_of(st.none(), st.sampled_from(["train", "val", "x"])),
})), max_size=6))  # fmt: skip
def test_nothing_is_lost_whatever_the_lines_hold(tmp_path_factory: pytest.TempPathFactory, records: list[Any]) -> None:
    records = [r.replace("\n", " ").replace("\r", " ") if isinstance(r, str) else r for r in records]
    path = tmp_path_factory.mktemp("lines") / "n.jsonl"
    lines = [r if isinstance(r, str) else json.dumps(r) for r in [*records, line(record_id="the good one")]]
    path.write_bytes(b"".join(one.encode("utf-8", "replace") + b"\n" for one in lines))
    data = read_labelled(path)
    assert len(data.notes) + len(data.rejected) == sum(bool(one.encode("utf-8", "replace").strip()) for one in lines)


def test_notes_without_text_count_only_for_measuring(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "gold.jsonl", {"record_id": "A", "codes": ["I10"]})
    assert read_labelled(path, text_needed=False).notes[0].codes == ("I10",)
    with pytest.raises(LabelledSourceError, match="line 1: text"):
        read_labelled(path)


def test_notes_and_gold_are_joined_and_the_unpaired_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "notes.jsonl", {"record_id": "A", "text": "Fever", "discharge_date": "2026-03-31"},
                {"record_id": "B", "text": "x"})  # fmt: skip
    gold = {"record_id": "A", "codes": [{"code": "R50.9", "quotes": ["Fever"]}], "disputed": ["R05", "R50.9"]}
    write_lines(tmp_path / "gold.jsonl", gold, {"record_id": "C", "codes": []})
    data = read_labelled(tmp_path)
    assert data.notes == (
        LabelledNote("A", "Fever", ("R50.9",), (EvidenceSpan("R50.9", 0, 5),), discharge_date=date(2026, 3, 31),
                     disputed=frozenset({"R05"})),
    )  # fmt: skip
    assert [r.where for r in data.rejected] == ["notes.jsonl line 2", "gold.jsonl line 2"]


def test_an_unknown_source_says_what_was_looked_for(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LabelledSourceError, match=r"text_files_en.*diagnoses_icd"):
            read_labelled(path)


def test_rule_1_undated_labels_tell_their_code_set_the_newest_among_equals() -> None:
    # U07.1 began on 2020-04-01; I60.20 was split in October 2017 and R05 in October 2021
    assert told_by_labels(Counter({"U07.1": 3, "R05": 2}))[0] == date(2021, 4, 1)
    newest, share = told_by_labels(Counter({"I10": 4, "E11.9": 1}))
    assert newest == date(2026, 10, 1)
    assert share == 1.0
    assert told_by_labels(Counter())[1] is None
    assert share_held(Counter({"U07.1": 1, "I10": 3}), date(2018, 6, 1)) == 0.75


def test_as_of_names_the_code_set_and_dated_notes_keep_their_own(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "n.jsonl", line(), line(record_id="B", discharge_date="2019-01-31"))
    data = read_labelled(path, as_of=date(2022, 2, 2))
    assert [data.day_of(n) for n in data.notes] == [date(2022, 2, 2), date(2019, 1, 31)]
    assert data.day_told_by == "as_of"


def write_codiesp(folder: Path, part: str, english: str, spanish: str | None, labels: str, spans: str = "") -> None:
    (folder / part / "text_files_en").mkdir(parents=True)
    (folder / part / "text_files_en" / f"{part}1.txt").write_text(english, encoding="utf-8")
    (folder / part / f"{part}D.tsv").write_text(labels, encoding="utf-8")
    if spanish is not None:
        (folder / part / "text_files").mkdir()
        (folder / part / "text_files" / f"{part}1.txt").write_text(spanish, encoding="utf-8")
        (folder / part / f"{part}X.tsv").write_text(spans, encoding="utf-8")


def test_codiesp_parts_are_read_with_their_split_and_2018_code_set(tmp_path: Path) -> None:
    write_codiesp(tmp_path, "train", "Hematuria.", "Hematuria.", "train1\tr31.9\ntrain9\tr52\n",
                  "train1\tDIAGNOSTICO\tr31.9\tHematuria\t0 9\ntrain1\tPROCEDIMIENTO\tbt41zzz\tx\t0 3\n")  # fmt: skip
    write_codiesp(tmp_path, "test", "Pain.", None, "test1\tr52\n")
    data = read_labelled(tmp_path)
    assert {n.record_id: (n.codes, n.split, n.setting) for n in data.notes} == {
        "train1": (("R31.9",), "train", "inpatient"),
        "test1": (("R52",), "test", "inpatient"),
    }
    assert data.day == date(2018, 6, 1)
    assert [r.where for r in data.rejected] == ["train/*D.tsv document train9"]
    assert {n.record_id: n.evidence for n in data.notes} == {"train1": (EvidenceSpan("R31.9", 0, 9),), "test1": ()}
    assert read_labelled(tmp_path / "train", evidence=False).notes[0].evidence == ()


def write_mimic(folder: Path, *, zipped: bool = True) -> None:
    hosp, note = folder / "mimiciv/2.2/hosp", folder / "mimic-iv-note/2.2/note"
    tables = {
        hosp / "diagnoses_icd.csv": "subject_id,hadm_id,seq_num,icd_code,icd_version\n"
        "1,11,2,E119,10\n1,11,1,I5023,10\n1,12,1,4280,9\n2,21,1,J189,10\n3,31,1,I10,10\n",
        hosp / "admissions.csv": "subject_id,hadm_id,dischtime,admission_type\n"
        "1,11,2180-02-29 12:00:00,URGENT\n2,21,2150-06-01 08:00:00,EU OBSERVATION\n3,31,2149-06-01 08:00:00,URGENT\n",
        hosp / "patients.csv": "subject_id,anchor_year,anchor_year_group\n1,2180,2017 - 2019\n2,2150,2020 - 2022\n"
        "3,2150,2014 - 2016\n",
        note / "discharge.csv": "note_id,subject_id,hadm_id,note_seq,text\n"
        'n1,1,11,1,"an addendum"\nn2,1,11,2,"Heart failure,\nacute"\nn3,1,12,3,"old"\nn4,2,21,1,"Pneumonia"\n'
        'n5,3,31,1,""\nn6,3,,1,"no stay"\n',
    }
    for path, text in tables.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if zipped:
            path.with_suffix(".csv.gz").write_bytes(gzip.compress(text.encode()))
        else:
            path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("zipped", [True, False])
def test_mimic_gives_one_note_a_stay_icd_10_only_in_billing_order(tmp_path: Path, zipped: bool) -> None:
    write_mimic(tmp_path, zipped=zipped)
    data = read_labelled(tmp_path)
    assert [(n.record_id, n.patient_id, n.text, n.codes, n.setting) for n in data.notes] == [
        ("11", "1", "Heart failure,\nacute", ("I50.23", "E11.9"), "inpatient"),
        ("21", "2", "Pneumonia", ("J18.9",), "outpatient"),
    ]
    assert [r.reason for r in data.rejected] == ["its text is empty"]
    told = " ".join(data.remarks)
    for count, why in ((1, "earlier notes"), (1, "without ICD-10-CM"), (1, "no stay")):
        assert f"{count} discharge summaries left out" in told
        assert why in told


def test_mimic_dates_come_back_by_the_anchor_years_and_never_before_icd_10(tmp_path: Path) -> None:
    write_mimic(tmp_path)
    folder = tmp_path / "mimic-iv-note/2.2/note/discharge.csv.gz"
    folder.write_bytes(gzip.compress(gzip.decompress(folder.read_bytes()).replace(b'1,""', b'1,"Headache"')))
    days = {n.record_id: n.discharge_date for n in read_labelled(tmp_path).notes}
    # 2180-02-29 less 162 years is no day of 2018; 2014 is before the first ICD-10-CM code set
    assert days == {"11": date(2018, 2, 28), "21": date(2021, 6, 1), "31": date(2015, 10, 1)}


def test_mimic_takes_the_published_split_or_says_that_it_made_its_own(tmp_path: Path) -> None:
    write_mimic(tmp_path)
    own = read_labelled(tmp_path)
    assert "made here" in own.remarks[-1]
    assert None not in own.splits()
    split = pd.DataFrame({"_id": [11.0, 99.0], "split": ["val", "train"]})
    split.to_feather(tmp_path / "mimiciv_icd10_split.feather")
    published = read_labelled(tmp_path)
    assert [n.split for n in published.notes] == ["dev", None]
    assert "the published one" in published.remarks[-1]


def test_mimic_faults_are_told_plainly(tmp_path: Path) -> None:
    write_mimic(tmp_path)
    (tmp_path / "mimiciv/2.2/hosp/diagnoses_icd.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LabelledSourceError, match="name the folder of one"):
        read_labelled(tmp_path)
    (tmp_path / "mimiciv/2.2/hosp/diagnoses_icd.csv.gz").unlink()
    with pytest.raises(LabelledSourceError, match="lacks the column"):
        read_labelled(tmp_path)


def note(record: str, patient: str | None = None, day: date | None = None) -> LabelledNote:
    return LabelledNote(record, "x", ("I10",), patient_id=patient, discharge_date=day)


days = st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2020, 1, 20)))


@given(
    stays=st.lists(st.tuples(st.one_of(st.none(), st.sampled_from("PQRSTUV")), days), max_size=30),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 9),
)
def test_no_patient_stands_on_both_sides_of_a_split_and_nothing_is_lost(
    stays: list[tuple[str | None, date | None]], share: float, seed: int
) -> None:
    notes = [note(str(n), patient, day) for n, (patient, day) in enumerate(stays)]
    kept, held = split_by_patient_and_time(notes, share, seed)
    assert {patient_of(n) for n in kept}.isdisjoint({patient_of(n) for n in held})
    assert sorted(kept + held, key=lambda n: int(n.record_id)) == notes
    if len({patient_of(n) for n in notes}) > 1:
        assert kept
        assert held
    again = split_by_patient_and_time(notes[::-1], share, seed)
    assert {n.record_id for n in again[1]} == {n.record_id for n in held}, "the order given does not matter"


def test_the_later_patients_are_held_out() -> None:
    notes = [note(str(n), f"P{n}", date(2020, 1, 1 + n)) for n in range(10)]
    kept, held = split_by_patient_and_time(notes[::-1], 0.3, 1)
    assert {n.record_id for n in held} == {"7", "8", "9"}
    assert len(kept) == 7


def test_the_fingerprint_is_of_the_data_not_of_its_order(tmp_path: Path) -> None:
    rows = [line(record_id="A"), line(record_id="B", codes=["I10"])]
    first = read_labelled(write_lines(tmp_path / "1.jsonl", *rows)).fingerprint()
    assert read_labelled(write_lines(tmp_path / "2.jsonl", *rows[::-1])).fingerprint() == first
    assert read_labelled(write_lines(tmp_path / "3.jsonl", rows[0], line(record_id="B"))).fingerprint() != first
