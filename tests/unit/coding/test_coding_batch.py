"""The batch as a whole: evidence, releases, encounters of several documents, odd texts, order and speed."""

from __future__ import annotations

import random
import time
from datetime import date

import pandas as pd
import pytest

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.release import NoReleaseError
from medcode_ml.coding.batch import BatchError, code_batch, code_notes
from medcode_ml.contracts import coded as contract

DAY = date(2026, 10, 15)
NO_SECTIONS = pd.DataFrame(columns=["document_id", "section_number", "section_type", "start_offset", "end_offset"])
NOTE = (
    "HISTORY: 64-year-old man with HTN, type 2 DM on home metformin, COPD and a history of CVA. Denies fever.\n"
    "He was admitted with acute on chronic systolic heart failure and AKI. Mother had breast cancer.\n"
    "ALLERGIES: penicillin. BMI 36.1, obesity. Possible pneumonia. Status post CABG."
)


def documents(*texts: str, day: date = DAY, setting: str = "inpatient") -> pd.DataFrame:
    """One encounter for each text."""
    rows = [(f"D{i}", f"E{i}", t, setting, day, None) for i, t in enumerate(texts)]
    columns = ["document_id", "encounter_id", "text", "setting", "discharge_date", "document_type"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def test_evidence_is_the_text_between_its_offsets() -> None:
    frame = documents(NOTE, NOTE.upper(), "Café-au-lait: Sjögren’s syndrome… naïve 🙂 œdème, left knee pain")
    batch = code_batch(frame, NO_SECTIONS)
    texts = dict(zip(frame["document_id"], frame["text"], strict=True))
    assert len(batch.evidence) > 20
    for row in batch.evidence.itertuples():
        assert texts[row.document_id][row.start_offset : row.end_offset] == row.text
        assert row.text.strip() == row.text
    assert "M35.00" in set(batch.codes["code"])


def test_frames_are_the_contracts() -> None:
    """Page boxes and titles are looked up by the stage."""
    batch = code_batch(documents(NOTE), NO_SECTIONS)
    for frame, table, without in (
        (batch.codes, contract.encounter_code, {"title"}),
        (batch.evidence, contract.evidence, {"boxes"}),
        (batch.queries, contract.query, set()),
        (batch.encounters, contract.encounter, set()),
    ):
        wanted = [c.name for c in table.columns if c.name not in {"received_date", *without}]
        assert list(frame.columns) == wanted
        key = [c.name for c in table.primary_key if c.name != "received_date"]
        assert not frame.duplicated(key).any()


def test_scores_and_bands() -> None:
    codes = code_batch(documents(NOTE), NO_SECTIONS).codes
    assert codes["score"].between(0, 1).all()
    assert set(codes["band"]) == {"review", "drop"}
    assert (codes["accepted"] == (codes["band"] == "review")).all()
    # nothing rejected stands above anything accepted
    assert codes.loc[codes["accepted"], "score"].min() > codes.loc[~codes["accepted"], "score"].max()
    assert codes["reason"].str.len().gt(0).all()


def test_rule_01_each_encounter_has_the_code_set_of_its_discharge() -> None:
    text = "Depression. Low back pain. COVID-19."
    frame = pd.concat([documents(text, day=date(2018, 6, 1)), documents("", text).iloc[1:]], ignore_index=True)
    batch = code_batch(frame, NO_SECTIONS)
    named = batch.codes[batch.codes["accepted"]]
    by_encounter = {e: set(g["code"]) for e, g in named.groupby("encounter_id")}
    assert by_encounter == {"E0": {"F32.9", "M54.5"}, "E1": {"F32.A", "M54.50", "U07.1"}}
    for row in batch.encounters.itertuples():
        codes = CodeSet.on(row.discharge_date)
        assert row.code_set_release == codes.release.name
        assert all(codes.is_billable(c) for c in by_encounter[row.encounter_id])


def test_rule_01_day_without_a_release_is_an_error() -> None:
    with pytest.raises(NoReleaseError):
        code_batch(documents("Gout.", day=date(2010, 1, 1)), NO_SECTIONS)


def test_documents_of_one_encounter_are_coded_together() -> None:
    frame = documents("Hypertension.", "Chronic systolic heart failure.")
    frame["encounter_id"] = "E"
    batch = code_batch(frame, NO_SECTIONS)
    assert set(batch.codes.loc[batch.codes["accepted"], "code"]) == {"I11.0", "I50.22"}
    assert set(batch.evidence.loc[batch.evidence["code"] == "I11.0", "document_id"]) == {"D0", "D1"}
    assert batch.encounters["document_count"].tolist() == [2]


def test_same_result_whatever_the_order() -> None:
    frame = documents(NOTE, "Gout.", "Denies fever. Pneumonia.")
    first = code_batch(frame, NO_SECTIONS)
    second = code_batch(frame.iloc[::-1].reset_index(drop=True), NO_SECTIONS)
    pd.testing.assert_frame_equal(first.codes, second.codes)
    pd.testing.assert_frame_equal(first.evidence, second.evidence)
    pd.testing.assert_frame_equal(first.queries, second.queries)


@pytest.mark.parametrize("text", ["", "   \n\n ", ".", "🙂", "???", "\x00", "no"])
def test_texts_without_a_term(text: str) -> None:
    batch = code_batch(documents(text), NO_SECTIONS)
    assert batch.codes.empty
    assert batch.encounters["outcome"].tolist() == ["no_codes"]


def test_empty_batch() -> None:
    batch = code_batch(documents(), NO_SECTIONS)
    assert len(batch.codes) == len(batch.evidence) == len(batch.queries) == len(batch.encounters) == 0


def test_note_objects_of_the_command_line() -> None:
    notes = (
        documents(NOTE, "").rename(columns={"document_id": "record_id"}).drop(columns=["encounter_id", "document_type"])
    )
    first, second = code_notes(notes, NO_SECTIONS)
    assert list(first) == ["record_id", "codes", "model_version", "code_set_release"]
    assert second["codes"] == []
    accepted = [c["code"] for c in first["codes"] if c["accepted"]]
    assert {"I11.0", "I50.23", "E11.9", "J44.0", "Z86.73", "N17.9", "Z80.3", "Z88.0", "Z95.1", "J18.9"} <= set(accepted)
    for code in first["codes"]:
        assert list(code) == ["code", "score", "accepted", "band", "assertion", "evidence"]
        assert code["evidence"] or not code["accepted"]
        assert all(NOTE[e["start"] : e["end"]] == e["text"] for e in code["evidence"])
    scores = [c["score"] for c in first["codes"]]
    assert scores == sorted(scores, reverse=True)


def test_contradictions_are_named() -> None:
    frame = documents("Gout.", "Gout.")
    frame["encounter_id"] = "E7"
    frame["discharge_date"] = [DAY, date(2026, 10, 16)]
    with pytest.raises(BatchError, match="E7 has 2 discharge dates"):
        code_batch(frame, NO_SECTIONS)
    with pytest.raises(BatchError, match="setting"):
        code_batch(documents("Gout.").drop(columns="setting"), NO_SECTIONS)


def test_two_megabyte_note_in_ten_seconds() -> None:
    code_batch(documents("Gout."), NO_SECTIONS)
    pieces = [NOTE, "without a full stop ", "pain and fever or cough, ", "lorem ipsum dolor ", "(((", "no no no "]
    generator = random.Random(7)
    text = "".join(generator.choice(pieces) for _ in range(40_000))[:2_000_000]
    assert len(text) == 2_000_000
    begin = time.process_time()
    batch = code_batch(documents(text), NO_SECTIONS)
    assert time.process_time() - begin < 10
    assert len(batch.evidence) > 1000


def test_one_endless_sentence_is_not_quadratic() -> None:
    code_batch(documents("Gout."), NO_SECTIONS)
    text = "no fever or cough and has pneumonia with possible " * 8_000
    begin = time.process_time()
    code_batch(documents(text), NO_SECTIONS)
    assert time.process_time() - begin < 10
