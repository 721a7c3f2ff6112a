"""Finding and opening the files of a labelled source."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from medcode_ml.models.labelled_files import (
    LabelledSourceError,
    Rejected,
    json_objects,
    one_file,
    table_chunks,
    table_file,
)


def test_json_lines_are_counted_and_bad_ones_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b"\xef\xbb\xbf{}\n\n[]\n{\n\xff\n" + b"[" * 100_000 + b"\n{}")
    rejected: list[Rejected] = []
    assert [number for number, _ in json_objects(path, rejected, "notes")] == [1, 7]
    assert [one.where for one in rejected] == [f"notes.jsonl line {number}" for number in (3, 4, 5, 6)]
    with pytest.raises(LabelledSourceError, match="JSON Lines file: notes"):
        list(json_objects(tmp_path / "none.jsonl", rejected, "notes"))


def test_the_nearest_table_is_taken_whatever_its_letters(tmp_path: Path) -> None:
    deep = tmp_path / "mimiciv" / "3.1" / "hosp"
    deep.mkdir(parents=True)
    assert table_file(tmp_path, "patients") is None
    (deep / "PATIENTS.csv.gz").write_bytes(gzip.compress(b"SUBJECT_ID,GENDER\n007,\n"))
    found = table_file(tmp_path, "patients")
    assert found is not None
    (chunk,) = table_chunks(found, ("subject_id",))
    assert chunk["subject_id"].tolist() == ["007"]
    assert chunk["gender"].isna().all()
    (tmp_path / "patients.csv").write_text("subject_id\n1\n", encoding="utf-8")
    assert table_file(tmp_path, "patients") == tmp_path / "patients.csv"
    (tmp_path / "patients.csv.gz").write_bytes(b"")
    with pytest.raises(LabelledSourceError, match="name the folder of one of them"):
        table_file(tmp_path, "patients")
    with pytest.raises(LabelledSourceError, match="cannot be read"):
        list(table_chunks(tmp_path / "patients.csv.gz", ()))


def test_one_file_behind_two_names_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n", encoding="utf-8")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    assert one_file(tmp_path, ("a.csv", "b.csv")) is not None
    with pytest.raises(LabelledSourceError, match="lacks the column y"):
        list(table_chunks(tmp_path / "a.csv", ("y",)))
