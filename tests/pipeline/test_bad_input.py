"""The catalogue of bad input: every fault ends in quarantine with its reason, or in one clear line; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image
from support.delivery import DAY, charge, note, patient, stay, write
from support.tables import assert_balanced

from medcode_ml.store.frames import read_frame

pytestmark = pytest.mark.integration
RECEIVED = date.fromisoformat(DAY)
GOOD = {"patient": [patient("M1")], "encounter": [stay("E1", "M1")], "charge": [charge("E1", 1)]}

def delivered_code(code: str, system: str) -> dict[str, str]:
    return {"hospital_id": "H1", "encounter_number": "E1", "line_number": "1", "code": code, "code_system": system}


Run = Callable[[Path, date, date], None]


def quarantined(engine: sa.Engine) -> dict[str, tuple[str, str]]:
    """rule -> (kind of record, reason) of what stands in quarantine."""
    frame = read_frame(engine, sa.text("SELECT rule, record_kind, reason FROM mart.quarantine"))
    return {row.rule: (row.record_kind, row.reason) for row in frame.itertuples()}


def claim_status(engine: sa.Engine) -> list[tuple[str, list[str]]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT status, held_because FROM mart.claim")).all()
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize(
    ("fault", "rule", "kind"),
    [
        ({"encounter": [stay("E1", "M1"), stay("E1", "M1", service="SURG")]}, "conflicting_copies", "encounter"),
        ({"patient": [patient("M1", birth_date="2062-02-03")]}, "birth_not_in_future", "patient"),
        ({"encounter": [stay("E1", "M9")]}, "unknown_patient", "encounter"),
        ({"encounter": [stay("E1", "M1", admission_date="2026-10-03")]}, "admission_not_after_discharge", "encounter"),
        ({"encounter": [stay("E1", "M1", discharge_date="02.10.26")]}, "discharge_date_present", "encounter"),
        ({"scanned_record": [note("R1", "E1", "")]}, "text_not_empty", "document"),
        ({"scanned_record": [note("R1", "E1", "word " * 420_000)]}, "text_not_too_long", "document"),
        ({"scanned_record": [note("R1", "E7", "Seen.")]}, "unknown_encounter", "document"),
        ({"scanned_record": [note("R1", "E1", "Same."), note("R2", "E1", "Same.")]}, "text_delivered_once", "document"),
        ({"diagnosis": [delivered_code("A1", "LOCAL")]}, "unknown_code_system", "diagnosis"),
        ({"diagnosis": [delivered_code("E11", "ICD-10-CM")]}, "icd10cm_in_release", "diagnosis"),
        ({"charge": [charge("E1", 1, revenue_code="120")]}, "revenue_code_has_format", "charge"),
        ({"charge": [charge("E1", 1, amount="12.345")]}, "charge_present", "charge"),
    ],
)  # fmt: skip
def test_a_fault_in_the_data_is_set_aside_with_its_reason(
    database: sa.Engine, run_stages: Run, tmp_path: Path, fault: dict, rule: str, kind: str
) -> None:
    write(tmp_path / "in", **{**GOOD, **fault})
    run_stages(tmp_path / "in", RECEIVED, RECEIVED)
    found = quarantined(database)
    assert rule in found
    assert found[rule][0] == kind
    assert len(found[rule][1]) > 20
    assert_balanced(database, RECEIVED, RECEIVED)


@pytest.mark.parametrize("change", [("sex", None), (None, "shoe_size")])
def test_a_missing_or_extra_column_sets_the_file_aside_and_names_it(
    database: sa.Engine, run_stages: Run, tmp_path: Path, change: tuple[str | None, str | None]
) -> None:
    folder = write(tmp_path / "in", **GOOD)
    gone, added = change
    header, row = (folder / "patient.csv").read_text().splitlines()
    columns, values = header.split(","), row.split(",")
    if gone:
        del values[columns.index(gone)]
        columns.remove(gone)
    if added:
        columns.append(added)
        values.append("44")
    (folder / "patient.csv").write_text(",".join(columns) + "\n" + ",".join(values) + "\n")
    run_stages(tmp_path / "in", RECEIVED, RECEIVED)
    rule = "missing_column" if gone else "unknown_column"
    kind, reason = quarantined(database)[rule]
    assert kind == "line"
    assert f"{DAY}/patient.csv" in reason
    # An unknown column is named by its place: a file without header would put a patient's data into the reason.
    assert (gone or f"place {len(columns)}") in reason
    assert_balanced(database, RECEIVED, RECEIVED)


def test_a_line_that_is_not_utf8_is_set_aside_alone(database: sa.Engine, run_stages: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", **{**GOOD, "patient": [patient("M1"), patient("M2", last_name="Lopez")]})
    data = (folder / "patient.csv").read_bytes().replace(b"Lopez", b"L\xf3pez")
    (folder / "patient.csv").write_bytes(data)
    run_stages(tmp_path / "in", RECEIVED, RECEIVED)
    kind, reason = quarantined(database)["not_utf8"]
    assert kind == "line"
    assert "line 3" in reason
    assert len(claim_status(database)) == 1
    assert_balanced(database, RECEIVED, RECEIVED)


def test_files_that_cannot_be_read_are_pages_in_quarantine(
    database: sa.Engine, run_stages: Run, tmp_path: Path
) -> None:
    names = ("cut.png", "locked.pdf", "latin1.txt", "absent.png", "../outside.png", "blank.png")
    records = [note(f"R{n}", "E1", None, files=f"pages/{name}") for n, name in enumerate(names)]
    pages = write(tmp_path / "in", **{**GOOD, "scanned_record": records}) / "pages"
    sheet = Image.new("L", (850, 1100), 255)
    sheet.save(pages / "blank.png")
    Image.effect_noise((400, 400), 90).save(pages / "cut.png")
    (pages / "cut.png").write_bytes((pages / "cut.png").read_bytes()[:2000])
    (pages / "latin1.txt").write_bytes(b"Na\xefve text")
    _locked_pdf(pages / "locked.pdf")
    run_stages(tmp_path / "in", RECEIVED, RECEIVED)
    with database.connect() as connection:
        gates = dict(connection.execute(sa.text("SELECT file, gate FROM raw.page")).tuples().all())
    assert gates == {
        "pages/cut.png": "broken_file",
        "pages/locked.pdf": "locked_file",
        "pages/latin1.txt": "undecodable_text",
        "pages/absent.png": "broken_file",
        "pages/../outside.png": "broken_file",
        "pages/blank.png": "blank_page",
    }
    found = quarantined(database)
    assert found["locked_file"][0] == "page"
    assert found["no_readable_page"][0] == "document"
    assert_balanced(database, RECEIVED, RECEIVED)


def test_a_claim_with_a_line_in_quarantine_is_held_not_short(
    database: sa.Engine, run_stages: Run, tmp_path: Path
) -> None:
    text = "DISCHARGE DIAGNOSES: Community acquired pneumonia.\nHOSPITAL COURSE: treated with ceftriaxone."
    lines = [charge("E1", 1), charge("E1", 2, revenue_code="25")]
    write(tmp_path / "in", **{**GOOD, "charge": lines, "scanned_record": [note("R1", "E1", text)]})
    run_stages(tmp_path / "in", RECEIVED, RECEIVED)
    ((status, because),) = claim_status(database)
    assert status == "held"
    assert any("quarantine" in sentence for sentence in because)


def test_a_clean_encounter_becomes_a_claim_whose_diagnosis_leads_back_to_the_text(
    database: sa.Engine, run_stages: Run, tmp_path: Path
) -> None:
    text = "DISCHARGE DIAGNOSES: Community acquired pneumonia.\nHOSPITAL COURSE: treated with ceftriaxone. No PE."
    write(tmp_path / "in", **{**GOOD, "scanned_record": [note("R1", "E1", text)]})
    run_stages(tmp_path / "in", RECEIVED, RECEIVED)
    assert claim_status(database) == [("ready", [])]
    with database.connect() as connection:
        claim = connection.execute(sa.text("SELECT * FROM mart.claim")).mappings().one()
        code = connection.execute(sa.text("SELECT * FROM mart.encounter_code WHERE principal")).mappings().one()
    assert (claim["principal_code"], claim["drg"]) == ("J18.9", "195")
    span = code["evidence"][0]
    assert text[span["start"] : span["end"]] == span["text"]
    assert "pneumonia" in span["text"].lower()
    (file,) = (tmp_path / "outbox" / DAY).glob("*.x12")
    assert "HI*ABK:J189:::::::Y~" in file.read_text()
    assert_balanced(database, RECEIVED, RECEIVED)


def _locked_pdf(path: Path) -> None:
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(612, 792)
    writer.encrypt("secret", algorithm="RC4-128")
    with path.open("wb") as handle:
        writer.write(handle)
