"""The HL7 v2 door: every message lands or is set aside with its line and reason, whatever the bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import messages as m
from support.delivery import DAY, NPI, note, patient, stay

from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.hl7_messages import parse_message, read_messages
from medcode_ml.intake.source import DeliveredFile, DeliveryError

RECEIVED = date.fromisoformat(DAY)
WHO, STAY = patient("M1"), stay("E1", "M1")
NOTE = note("R1", "E1", "Pneumonia.", mrn="M1")
PDF = b"%PDF-1.4 not much of one"


def deliver(root: Path, data: str | bytes, name: str = "in.hl7") -> FolderSource:
    (root / DAY).mkdir(exist_ok=True)
    (root / DAY / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return FolderSource(root)


def read(root: Path, data: str | bytes, name: str = "in.hl7") -> dict[str, DeliveredFile]:
    found = {part.table: part for part in deliver(root, data, name).read(RECEIVED)}
    for part in found.values():
        assert part.rows_in == len(part.rows) + len(part.rejected)
    return found


def rules(part: DeliveredFile) -> list[list[object]]:
    return part.rejected[["source_line", "rule"]].values.tolist()


def test_a_document_becomes_patient_encounter_and_text(tmp_path: Path) -> None:
    found = read(tmp_path, m.mdm(WHO, STAY, NOTE, f9=f"{NPI}^Doe^Jo^^^^^^NPI"))
    (row,) = found["scanned_record"].rows.to_dict("records")
    assert (row["record_id"], row["encounter_number"], row["mrn"], row["text"]) == ("R1", "E1", "M1", "Pneumonia.")
    assert (row["document_type"], row["written_date"], row["author_npi"]) == ("discharge_summary", "2026-10-02", NPI)
    assert found["patient"].rows["birth_date"].tolist() == ["1950-02-03"]
    assert found["encounter"].rows["discharge_date"].tolist() == ["2026-10-02"]
    assert all(part.rejected.empty for part in found.values())


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("framed", [False, True])
def test_any_line_ends_and_framing_bytes_are_taken(tmp_path: Path, end: str, framed: bool) -> None:
    one, two = m.mdm(WHO, STAY, NOTE), m.mdm(WHO, STAY, {**NOTE, "record_id": "R2"})
    pieces = [f"\x0b{one}\x1c\r", f"\x0b{two}\x1c\r"] if framed else [one, two]
    found = read(tmp_path, "".join(pieces).replace("\r", end))
    assert found["scanned_record"].rows["record_id"].tolist() == ["R1", "R2"]
    assert len(found["patient"].rows) == len(found["encounter"].rows) == 1


def test_batches_are_counted_against_their_trailers(tmp_path: Path) -> None:
    one = m.mdm(WHO, STAY, NOTE)
    whole = f"FHS|^~\\&|A\rBHS|^~\\&|A\r{one}BTS|1\rFTS|1\r"
    assert read(tmp_path, whole)["scanned_record"].rejected.empty
    short = read(tmp_path, whole.replace("BTS|1", "BTS|2"))["scanned_record"]
    assert [rule for _, rule in rules(short)] == ["batch_count_differs"]
    assert not short.complete
    cut = read(tmp_path, whole[: whole.index("BTS")])["scanned_record"]
    assert [rule for _, rule in rules(cut)] == ["batch_not_closed", "batch_not_closed"]
    assert len(cut.rows) == 1
    assert not cut.complete


def test_escapes_repetitions_and_raw_line_ends_in_text(tmp_path: Path) -> None:
    text = r"A\F\B\S\C\T\D\R\E\E\F\.br\G \X41C3A9\ \H\bold\N\ \Zlocal\ H&P^x~second"
    data = m.mdm(WHO, STAY, {**NOTE, "text": None}) + f"OBX|1|TX|1^Note^L||{text}\nraw line\n\nlast\rZZZ|own|data\r"
    (row,) = read(tmp_path, data)["scanned_record"].rows.to_dict("records")
    assert row["text"] == "A|B^C&D~E\\F\nG AÃ©".replace("Ã©", "é") + " bold \\Zlocal\\ H&P^x\nsecond\nraw line\n\nlast"


def test_other_separators_are_taken_from_the_header(tmp_path: Path) -> None:
    data = m.mdm(WHO, STAY, NOTE).replace("|", "!").replace("^", ":").replace("MSH!:~\\&", "MSH!:~\\&")
    found = read(tmp_path, data)
    assert found["scanned_record"].rows["text"].tolist() == ["Pneumonia."]
    assert found["patient"].rows["last_name"].tolist() == ["Roe"]


@pytest.mark.parametrize(
    ("charset", "codec", "rule"),
    [
        ("8859/1", "latin-1", None),
        ("UNICODE UTF-8", "utf-8", None),
        ("", "latin-1", "not_utf8"),
        ("ISO IR87", "utf-8", "unknown_charset"),
    ],
)
def test_the_character_set_is_that_of_the_header(tmp_path: Path, charset: str, codec: str, rule: str | None) -> None:
    data = m.mdm(WHO, STAY, {**NOTE, "text": "Fièvre"}).replace("UNICODE UTF-8", charset).encode(codec)
    part = read(tmp_path, data)["scanned_record"]
    assert part.rows["text"].tolist() == ([] if rule else ["Fièvre"])
    assert part.rejected["rule"].tolist() == ([rule] if rule else [])


def test_files_inside_are_kept_by_their_content_under_no_name_of_a_person(tmp_path: Path) -> None:
    data = m.mdm(WHO, STAY, NOTE) + m.attached(PDF, "PDF") + "\r" + m.attached(b"<p>Fever<br>gone</p>", "HTML") + "\r"
    source = deliver(tmp_path, data)
    (row,) = next(p for p in source.read(RECEIVED) if p.table == "scanned_record").rows.to_dict("records")
    assert row["text"] == "Pneumonia.\nFever\ngone"
    path = source.page_path(RECEIVED, row["files"])
    assert path.read_bytes() == PDF
    assert path.suffix == ".pdf"
    assert path.is_relative_to(tmp_path / ".attachments")
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda d: d.replace("PID|", "ZID|"), "missing_segment"),
        (lambda d: d.replace("TXA|", "ZXA|"), "missing_segment"),
        (lambda d: d[: d.index("OBX")], "document_without_content"),
        (lambda d: d.replace("|R1|", "||"), "no_document_number"),
        (lambda d: d.replace("M1^^^H1^MR", ""), "no_record_number"),
        (lambda d: d.replace("|E1|", "||"), "no_visit_number"),
        (lambda d: d.replace("|EHR|H1|", "|EHR||"), "unknown_sender"),
        (lambda d: d.replace("MDM^T02^MDM_T02", "SIU^S12"), "message_type_not_taken"),
        (lambda d: d.replace("MDM^T02^MDM_T02", "MDM^T01"), "document_without_content"),
        (lambda d: d.replace("|1|P|2.5.1", "|1|T|2.5.1"), "test_message"),
        (lambda d: d.replace("|LA|", "|IP|"), "document_incomplete"),
        (lambda d: d.replace("MSH|^~\\&|", "MSH||"), "malformed_header"),
        (lambda d: d.replace("PV1|1", "hello PV1|1"), "malformed_segment"),
        (lambda d: d[d.index("PID") :], "segment_outside_message"),
        (lambda d: "", "empty_file"),
        (lambda d: d + m.attached(PDF, "PDF")[:-7] + "\r", "undecodable_attachment"),
        (
            lambda d: (
                d + m.attached(PDF, "RTF").replace(m.attached(PDF, "RTF"), "OBX|2|ED|x||^TEXT^RTF^A^{\\E\\rtf1}") + "\r"
            ),
            "unsupported_content",
        ),
        (lambda d: d.replace("Pneumonia.", "nul \\X00\\ here"), "nul_byte"),
    ],
)
def test_a_broken_message_is_set_aside_and_the_next_one_lands(
    tmp_path: Path, change: Callable[[str], str], rule: str
) -> None:
    after = m.mdm(WHO, STAY, {**NOTE, "record_id": "R9"}) if rule != "empty_file" else ""
    part = read(tmp_path, change(m.mdm(WHO, STAY, NOTE)) + after)["scanned_record"]
    assert set(part.rejected["rule"]) == {rule}
    assert part.rows["record_id"].tolist() == (["R9"] if after else [])
    reason = part.rejected["reason"].iloc[0]
    assert "in.hl7" in reason
    assert "Roe" not in reason
    assert part.rejected["original"].notna().all() or rule == "empty_file"


@pytest.mark.parametrize("turned", [False, True])
def test_edits_and_replacements_take_the_place_of_the_earlier_document(tmp_path: Path, turned: bool) -> None:
    first = m.mdm(WHO, STAY, NOTE, at="20261003080000")
    edit = m.mdm(WHO, STAY, {**NOTE, "text": "Edited."}, "T08", at="20261003090000")
    addendum = m.mdm(WHO, STAY, {**NOTE, "record_id": "R2", "text": "More."}, "T06", at="20261003100000", f13="R1")
    replaced = m.mdm(WHO, STAY, {**NOTE, "record_id": "R3", "text": "New."}, "T10", at="20261003110000", f13="R1")
    order = [first, edit, addendum, replaced]
    part = read(tmp_path, "".join(reversed(order) if turned else order))["scanned_record"]
    assert sorted(part.rows["record_id"]) == ["R2", "R3"]
    assert sorted(part.rejected["rule"]) == ["replaced_document", "superseded_document"]
    assert "Pneumonia." in "".join(part.rejected["original"])


def test_a_cancelled_document_is_set_aside_and_its_cancel_is_on_record(tmp_path: Path) -> None:
    cancel = m.mdm(WHO, STAY, {**NOTE, "text": None}, "T11", at="20261003100000")
    part = read(tmp_path, m.mdm(WHO, STAY, NOTE) + cancel)["scanned_record"]
    assert part.rows.empty
    assert sorted(part.rejected["rule"]) == ["cancelled_document", "cancels_document"]
    late = m.mdm(WHO, STAY, {**NOTE, "record_id": "R5"}, "T10", f13="R4")
    part = read(tmp_path, late)["scanned_record"]
    assert part.rows["record_id"].tolist() == ["R5"]
    assert part.rejected["rule"].tolist() == ["replaces_earlier_document"]


def result(name: str, value: str, **other: str) -> dict[str, str]:
    return {"name": name, "code": "2951-2", "code_system": "LOINC", "value": value, "unit": "mmol/L", **other}


def test_results_become_observations_with_line_numbers_of_their_encounter(tmp_path: Path) -> None:
    first = m.oru(WHO, STAY, [result("Sodium", "140", flag="H"), result("Note", "see", code="1-8")])
    part = read(tmp_path, first)["observation"]
    assert part.rows["line_number"].tolist() == ["1", "2"]
    assert part.rows[["value", "unit", "flag", "kind"]].iloc[0].tolist() == ["140", "mmol/L", "H", "laboratory"]
    coded = first.replace("|NM|", "|CWE|").replace("|140|", "|260385009^Negative^SCT|")
    assert read(tmp_path, coded)["observation"].rows["value"].iloc[0] == "Negative"
    structured = first.replace("|NM|", "|SN|").replace("|140|", "|>^100|")
    assert read(tmp_path, structured)["observation"].rows["value"].iloc[0] == ">100"


def test_corrected_and_deleted_results_do_not_stand_twice(tmp_path: Path) -> None:
    first = m.oru(WHO, STAY, [result("Sodium", "140")], at="20261003080000")
    corrected = m.oru(WHO, STAY, [result("Sodium", "141")], at="20261003090000", f11="C")
    part = read(tmp_path, corrected + first)["observation"]  # the order in the file is not the order of time
    assert part.rows["value"].tolist() == ["141"]
    assert part.rejected["rule"].tolist() == ["superseded_result"]
    deleted = m.oru(WHO, STAY, [result("Sodium", "140")], at="20261003100000", f11="D")
    part = read(tmp_path, first + deleted)["observation"]
    assert part.rows.empty
    assert sorted(part.rejected["rule"]) == ["result_withdrawn", "superseded_result"]


def test_a_text_report_of_an_order_is_a_document(tmp_path: Path) -> None:
    report = m.oru(WHO, STAY, [result("Impression", "No effusion.")]).replace("|NM|", "|TX|").replace("|ST|", "|TX|")
    found = read(tmp_path, report.replace("|CH", "|RAD"))
    assert found["scanned_record"].rows[["document_type", "text"]].values.tolist() == [
        ["radiology_report", "No effusion."]
    ]
    assert "observation" not in found


def test_senders_map_codes_to_hospitals_and_unlisted_ones_are_set_aside(tmp_path: Path) -> None:
    data = m.mdm(WHO, STAY, NOTE) + m.mdm(WHO, STAY, NOTE).replace("|EHR|H1|", "|EHR|XX|")
    (tmp_path / "senders.csv").write_text("sender,hospital_id\nH1,HARBOR\n")
    found = read(tmp_path, data)
    assert found["scanned_record"].rows["hospital_id"].tolist() == ["HARBOR"]
    assert found["scanned_record"].rejected["rule"].tolist() == ["unknown_sender"]
    (tmp_path / "senders.csv").write_text("sender,hospital_id\nH1,A\nH1,B\n")
    with pytest.raises(DeliveryError, match=r"senders.csv, line 3"):
        read(tmp_path, data)


def test_the_newest_facts_of_a_stay_stand_and_older_ones_fill_gaps(tmp_path: Path) -> None:
    admitted = m.mdm(
        WHO, {**STAY, "discharge_date": "", "discharge_status": "", "service": "ICU"}, NOTE, at="20261001080000"
    )
    left = m.mdm({**WHO, "ssn": "219099999"}, {**STAY, "service": ""}, {**NOTE, "record_id": "R2"}, at="20261003080000")
    found = read(tmp_path, left + admitted)
    assert found["encounter"].rows[["discharge_date", "service"]].values.tolist() == [["2026-10-02", "ICU"]]
    assert found["patient"].rows["ssn"].tolist() == ["219099999"]


def test_a_document_that_names_another_person_is_set_aside(tmp_path: Path) -> None:
    other = m.mdm({**WHO, "last_name": "Lopez", "birth_date": "1971-05-06"}, STAY, NOTE, at="20261001080000")
    part = read(tmp_path, other + m.mdm(WHO, STAY, {**NOTE, "record_id": "R2"}))["scanned_record"]
    assert part.rows["record_id"].tolist() == ["R2"]
    assert part.rejected["rule"].tolist() == ["names_another_person"]


def test_a_table_file_registers_alone_and_a_message_that_differs_is_told(tmp_path: Path) -> None:
    (tmp_path / DAY).mkdir()
    columns = "hospital_id,mrn,last_name,first_name,birth_date,sex"
    (tmp_path / DAY / "patient.csv").write_text(f"{columns}\nH1,M1,ROE,Ann,1950-02-03,F\nH1,M2,Poe,Al,1960-01-01,M\n")
    data = m.mdm(WHO, STAY, NOTE) + m.mdm(
        patient("M2", birth_date="1961-01-01", last_name="Poe"), stay("E2", "M2"), NOTE
    )
    parts = [part for part in deliver(tmp_path, data).read(RECEIVED) if part.table == "patient"]
    assert [len(part.rows) for part in parts] == [2, 0]
    assert parts[1].rejected["rule"].tolist() == ["differs_from_register"]
    assert "birth_date, sex of the patient" in parts[1].rejected["reason"].iloc[0]
    assert "1961" not in parts[1].rejected["reason"].iloc[0]


def test_nothing_is_written_to_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        read(tmp_path, m.mdm(WHO, STAY, {**NOTE, "text": "x"}).replace("|x", "|\\Zsecret\\ \\XZZ\\ \\.spx\\ \\C2842\\"))
    assert caplog.text == ""


PIECES = st.sampled_from(
    [
        b"MSH|^~\\&|EHR|H1|||20261003||MDM^T02|1|P|2.5",
        b"MSH",
        b"MSH|",
        b"MSH|^~\\&|A",
        b"MSH|||||",
        b"PID|1||M1^^^H1^MR",
        b"PV1|1|I|||||||||||||||||E1",
        b"TXA|1|DS||||||||||R1",
        b"OBX|1|TX|||text",
        b"OBX|1|ED|x||^IM^PDF^Base64^JVBE",
        b"OBX",
        b"FHS|",
        b"BHS|^~\\&",
        b"BTS|7",
        b"FTS",
        b"\x0b",
        b"\x1c",
        b"\r",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff",
        b"|",
        b"^~\\&",
        b"ZZ1|x",
        b"x",
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=40).map(b"".join) | st.lists(PIECES, max_size=30).map(b"\r".join))
def test_any_bytes_end_in_rows_or_reasons_and_every_message_is_accounted_for(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / DAY / "in.hl7"
    source = deliver(tmp_path, data)
    framed = list(read_messages(path))
    assert sum(one.segments[0][1][:3] == b"MSH" for one in framed if one.segments) <= data.count(b"MSH")
    if not any(one.fault for one in framed):
        assert [parse for parse in framed if not parse.segments] == []
    parts = list(source.read(RECEIVED))
    assert parts
    outcomes = sum(part.rows_in for part in parts if part.table in ("scanned_record", "observation"))
    assert outcomes >= len(framed)


def test_a_message_is_split_once_into_fields_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "one.hl7"
    path.write_bytes(m.mdm(WHO, STAY, NOTE).encode())
    (framed,) = read_messages(path)
    message = parse_message(framed)
    assert [(one.name, one.line) for one in message.segments] == [
        ("MSH", 1),
        ("PID", 2),
        ("PV1", 3),
        ("TXA", 4),
        ("OBX", 5),
    ]
    assert message.head.value(9, 2) == "T02"
    assert message.first("PID").value(11, 5) == "01970"  # type: ignore[union-attr]
    assert message.head.value(99) is None
