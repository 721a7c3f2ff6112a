"""The same encounter through three doors, and deliveries that come in parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import messages as m
from support.delivery import DAY, charge, note, patient, stay, write

from medcode_ml.intake import delimited
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.landing import run_intake
from medcode_ml.intake.page_store import PageWork
from medcode_ml.store.frames import read_frame

pytestmark = pytest.mark.integration
RECEIVED = date.fromisoformat(DAY)
WHO = patient("M1", last_name="O'Roe & Sons", ssn="219099999")
STAY = {k: v for k, v in stay("E1", "M1").items() if k not in ("payer_id", "member_id", "admitting_code")}
NOTES = [
    note("R1", "E1", "DISCHARGE DIAGNOSES: pneumonia | 50% ^ ~ \\ & done.\n\nHOSPITAL COURSE: fine é.", mrn="M1"),
    note("R2", "E1", "Chest: clear.", mrn="M1", document_type="progress_note", written_date="2026-09-30"),
]
RESULTS = [
    {
        "hospital_id": "H1",
        "encounter_number": "E1",
        "line_number": str(n),
        "kind": kind,
        "name": name,
        "code": code,
        "code_system": "LOINC",
        "value": value,
        "unit": unit,
        "observed_date": "2026-10-01",
        "flag": flag,
    }
    for n, (kind, name, code, value, unit, flag) in enumerate(
        [
            ("laboratory", "Sodium", "2951-2", "140", "mmol/L", None),
            ("laboratory", "Potassium", "2823-3", "5.40", "mmol/L", "H"),
            ("vital", "Heart rate", "8867-4", "88", "/min", None),
            ("laboratory", "Culture", "600-7", "No growth", None, None),
        ],
        1,
    )
]
DELIVERIES: dict[str, tuple[dict[str, list[dict[str, Any]]], dict[str, bytes]]] = {
    "tables": ({"patient": [WHO], "encounter": [STAY], "scanned_record": NOTES, "observation": RESULTS}, {}),
    "hl7": ({}, {"in.hl7": "".join([*(m.mdm(WHO, STAY, n) for n in NOTES), m.oru(WHO, STAY, RESULTS)]).encode()}),
    "fhir": (
        {},
        {
            "in.fhir.json": m.bundle(
                m.organization("H1"),
                m.fhir_patient(WHO),
                m.fhir_encounter(STAY),
                *map(m.fhir_document, NOTES),
                *(m.fhir_observation(row, n) for n, row in enumerate(RESULTS)),
            )
        },
    ),
}


def land(database: sa.Engine, root: Path) -> None:
    run_intake(database, FolderSource(root), RECEIVED, RECEIVED, PageWork(root / "store", 1, 30))


def balanced(database: sa.Engine) -> bool:
    """rows_in of every delivered file = rows of raw + rows set aside."""
    query = (
        "SELECT bool_and(rows_in = rows_landed + rows_set_aside), "
        "sum(rows_set_aside) = (SELECT count(*) FROM raw.set_aside) "
        "FROM raw.delivery"
    )
    with database.connect() as connection:
        return connection.execute(sa.text(query)).one() == (True, True)


def test_an_encounter_maps_alike_whether_it_came_as_tables_hl7_or_fhir(database: sa.Engine, tmp_path: Path) -> None:
    from medcode_ml.mapping.stage import run_mapping

    seen: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for door, (tables, files) in DELIVERIES.items():
        folder = write(tmp_path / door, **tables)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        land(database, tmp_path / door)
        assert balanced(database)
        run_mapping(database, RECEIVED, RECEIVED)
        seen[door] = {
            table: read_frame(database, sa.text(f"SELECT * FROM mapped.{table} ORDER BY {order}")).to_dict("records")
            for table, order in {
                "patient": "patient_id",
                "encounter": "encounter_id",
                "document": "document_id",
                "document_section": "document_id, section_number",
                "observation": "encounter_id, line_number",
            }.items()
        }
        assert [len(rows) > 0 for rows in seen[door].values()] == [True] * 5
    assert seen["hl7"] == seen["tables"]
    assert seen["fhir"] == seen["tables"]


def test_keys_repeated_across_parts_are_numbered_on(
    database: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [1, 2, 2, 3, 1, 4, 2, 5, 5, 1]
    folder = write(tmp_path / "in", charge=[charge("E1", n, amount=f"{at}.00") for at, n in enumerate(numbers)])
    whole = (folder / "charge.csv").stat().st_size
    found = []
    for block in (whole * 2, 120):
        monkeypatch.setattr(
            delimited.read_csv_parts,
            "__kwdefaults__",
            {**delimited.read_csv_parts.__kwdefaults__, "block_bytes": block},
        )
        land(database, tmp_path / "in")
        assert balanced(database)
        query = "SELECT line_number, copy_number, charge FROM raw.charge ORDER BY source_line"
        found.append(read_frame(database, sa.text(query)).values.tolist())
    assert found[0] == found[1]
    assert [row[1] for row in found[0]] == [1, 1, 2, 1, 2, 1, 3, 1, 2, 3]
    with database.connect() as connection:
        delivered = connection.execute(sa.text("SELECT rows_in FROM raw.delivery WHERE table_name = 'charge'")).all()
    assert [row[0] for row in delivered] == [10]


def test_page_files_inside_messages_are_read_as_pages(
    database: sa.Engine, tmp_path: Path, drawn_page: Callable[[str], bytes]
) -> None:
    folder = write(tmp_path / "in")
    scan = m.mdm(WHO, STAY, {**NOTES[0], "text": None}) + m.attached(drawn_page("Community acquired pneumonia"), "PNG")
    (folder / "in.hl7").write_bytes(scan.encode())
    land(database, tmp_path / "in")
    with database.connect() as connection:
        ((file, text),) = connection.execute(sa.text("SELECT file, text FROM raw.page")).all()
    assert file.startswith("sha256:")
    assert "pneumonia" in text
    assert balanced(database)


@pytest.fixture
def drawn_page() -> Callable[[str], bytes]:
    """A letter page with a few printed lines, as PNG bytes."""
    import io

    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    def draw(line: str) -> bytes:
        sheet = Image.new("L", (1700, 2200), 255)
        face = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), 34)
        for row in range(12):
            ImageDraw.Draw(sheet).text((150, 150 + 70 * row), line, fill=0, font=face)
        out = io.BytesIO()
        sheet.save(out, "PNG", dpi=(200, 200))
        return out.getvalue()

    return draw
