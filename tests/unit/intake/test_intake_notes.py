"""Collections of notes: every note becomes document, encounter and patient, and nothing is made up around it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from medcode_ml.intake.notes import KINDS, NotesSource
from medcode_ml.intake.source import DEFAULT_RECEIVED, DeliveredFile, DeliveryError


def read(source: NotesSource) -> dict[str, DeliveredFile]:
    found = {one.table: one for one in source.read(source.received)}
    assert list(found) == ["hospital", "patient", "encounter", "scanned_record"]
    return found


def jsonl(path: Path, *lines: bytes | dict[str, object]) -> Path:
    file = path / "notes.jsonl"
    file.write_bytes(b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines))
    return file


def test_jsonl_notes_keep_what_they_say_and_miss_the_rest(tmp_path: Path) -> None:
    whole = {
        "record_id": "R1",
        "text": "Cough.\nFever.",
        "setting": "inpatient",
        "discharge_date": "2026-09-01",
        "x": 1,
    }
    found = read(NotesSource("jsonl", jsonl(tmp_path, whole, b"", {"record_id": "R2", "text": "Rash."})))
    stays = found["encounter"].rows.set_index("encounter_number")
    assert stays["setting"].to_dict() == {"R1": "inpatient", "R2": None}
    assert stays["discharge_date"].to_dict() == {"R1": "2026-09-01", "R2": None}
    assert stays[["admission_date", "payer_id", "member_id"]].isna().all(None)
    assert found["patient"].rows[["birth_date", "sex", "last_name"]].isna().all(None)
    records = found["scanned_record"].rows
    assert records["text"].tolist() == ["Cough.\nFever.", "Rash."]
    assert records["source_line"].tolist() == [1, 3]
    assert records["encounter_number"].tolist() == records["mrn"].tolist() == ["R1", "R2"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b'{"record_id": "R2", "text": ', "malformed_json"),
        (b"[1]", "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"record_id": "R2", "text": "\xff"}', "not_utf8"),
        (b'{"record_id": 2, "text": "a"}', "wrong_type"),
        (b'{"record_id": "R2", "text": "a\\u0000"}', "unstorable_text"),
        (b'{"record_id": "R2", "text": "a\\ud800"}', "unstorable_text"),
        (b'{"record_id": "R2"}', "missing_key"),
        (b'{"text": "a"}', "missing_key"),
    ],
)
def test_a_faulty_jsonl_line_is_set_aside_once_and_the_others_land(tmp_path: Path, line: bytes, rule: str) -> None:
    good = {"record_id": "R1", "text": "Cough."}
    found = read(NotesSource("jsonl", jsonl(tmp_path, good, line, good | {"record_id": "R3"})))
    assert found["scanned_record"].rows["record_id"].tolist() == ["R1", "R3"]
    assert found["scanned_record"].rejected[["source_line", "rule"]].values.tolist() == [[2, rule]]
    assert found["scanned_record"].rejected["original"].iloc[0].startswith(("{", "["))
    assert len(found["encounter"].rejected) == len(found["patient"].rejected) == 0
    assert "line 2" in found["scanned_record"].rejected["reason"].iloc[0]


def test_as_of_dates_only_the_notes_without_discharge_date(tmp_path: Path) -> None:
    file = jsonl(
        tmp_path, {"record_id": "R1", "text": "a", "discharge_date": "2026-09-01"}, {"record_id": "R2", "text": "b"}
    )
    found = read(NotesSource("jsonl", file, as_of=date(2026, 10, 1)))
    assert found["encounter"].rows["discharge_date"].tolist() == ["2026-09-01", "2026-10-01"]


def test_mtsamples_titles_become_document_types(tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text(
        'note_no,note_title,note_text\n3,Discharge Summary,"CHIEF COMPLAINT: pain,\nfever"\n4,Operative Note,Cut.\n'
        "5,Letter,Dear colleague\n6,History and Physical\n"
    )
    found = read(NotesSource("mtsamples", file))
    records = found["scanned_record"]
    assert records.rows["document_type"].tolist() == ["discharge_summary", "operative_note", "other"]
    assert records.rows["record_id"].tolist() == ["mtsamples-3", "mtsamples-4", "mtsamples-5"]
    assert records.rejected[["source_line", "rule"]].values.tolist() == [[6, "field_count"]]
    assert found["encounter"].rows["setting"].tolist() == ["inpatient", None, None]


def test_aci_bench_takes_the_note_not_the_dialogue_and_people_from_its_metadata(tmp_path: Path) -> None:
    file = tmp_path / "valid.csv"
    file.write_text('dataset,encounter_id,dialogue,note\nv,D1,"[doctor] hi","CC:\n\nKnee pain."\nv,D2,x,Cough.\n')
    (tmp_path / "valid_metadata.csv").write_text(
        "dataset,encounter_id,patient_gender,patient_age,patient_firstname,patient_familyname\nv,D1,female,43,Ann ,\n"
    )
    found = read(NotesSource("aci_bench", file))
    assert found["scanned_record"].rows["text"].tolist() == ["CC:\n\nKnee pain.", "Cough."]
    assert found["encounter"].rows["setting"].tolist() == ["outpatient", "outpatient"]
    people = found["patient"].rows
    assert people[["sex", "first_name", "last_name", "birth_date"]].values.tolist() == [
        ["F", "Ann", None, None],
        [None, None, None, None],
    ]


def test_codiesp_reads_the_english_texts_and_sets_undecodable_ones_aside(tmp_path: Path) -> None:
    for name, data in (
        ("text_files_en/S1.txt", b"Pain."),
        ("text_files_en/S2.txt", b"\xff"),
        ("text_files/S1.txt", b"x"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    found = read(NotesSource("codiesp", tmp_path))["scanned_record"]
    assert found.rows[["record_id", "text"]].values.tolist() == [["S1", "Pain."]]
    assert found.rejected[["source_line", "rule"]].values.tolist() == [[2, "not_utf8"]]
    assert "S2.txt" in found.rejected["reason"].iloc[0]


def test_a_csv_without_the_columns_of_its_kind_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text("note_no,note_text\n1,a\n")
    found = read(NotesSource("mtsamples", file))["scanned_record"]
    assert found.rejected["rule"].tolist() == ["missing_column"]
    assert "note_title" in found.rejected["reason"].iloc[0]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_missing_collection_names_the_setting(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DeliveryError, match="MEDCODE_SOURCE_DIR"):
        list(NotesSource(kind, tmp_path / "nowhere").read(DEFAULT_RECEIVED))


def test_an_empty_folder_of_texts_and_an_unknown_kind_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"no \.txt files"):
        list(NotesSource("codiesp", tmp_path).read(DEFAULT_RECEIVED))
    with pytest.raises(DeliveryError, match="mtsamples"):
        NotesSource("letters", tmp_path)


def test_nothing_arrives_on_another_day(tmp_path: Path) -> None:
    source = NotesSource("jsonl", jsonl(tmp_path, {"record_id": "R1", "text": "a"}))
    assert list(source.read(date(2020, 1, 1))) == []
    with pytest.raises(DeliveryError, match="no page files"):
        source.page_path(DEFAULT_RECEIVED, "p.png")
