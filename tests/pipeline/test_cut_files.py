"""One file of each kind cut in half, and other odd files: an outcome each, in rows or set aside, never lost."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from PIL import Image
from support import messages as m
from support.delivery import DAY, note, patient, stay, write

from medcode_ml.contracts.raw import delivered_columns
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.landing import run_intake
from medcode_ml.intake.page_store import PageWork

pytestmark = pytest.mark.integration
RECEIVED = date.fromisoformat(DAY)
WHO, STAY = patient("M1"), stay("E1", "M1")
SERVICE = delivered_columns("service")
Outcome = tuple[int, set[str]]


def service_rows(count: int = 400) -> bytes:
    return "\n".join([",".join(SERVICE), *(f"H1,E1,{n},MED" for n in range(count))]).encode()


def parquet() -> bytes:
    out = io.BytesIO()
    columns = {name: [f"{name}{n}" for n in range(400)] for name in SERVICE}
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def hl7(kind: str) -> bytes:
    notes = [note(f"R{n}", "E1", f"Seen, number {n}. " * 20, mrn="M1") for n in range(4)]
    results = [{"name": f"Test {n}", "code": "1-8", "code_system": "LOINC", "value": str(n)} for n in range(20)]
    body = (
        "".join(m.mdm(WHO, STAY, one) for one in notes)
        if kind == "mdm"
        else "".join(m.oru(WHO, STAY, results).replace("F100", order) for order in ("F100", "F101"))
    )
    return f"BHS|^~\\&|A\r{body}BTS|{4 if kind == 'mdm' else 2}\r".encode()


def resources() -> list[dict[str, object]]:
    notes = [note(f"R{n}", "E1", f"Seen, number {n}. " * 20, mrn="M1") for n in range(4)]
    return [m.organization("H1"), m.fhir_patient(WHO), m.fhir_encounter(STAY), *map(m.fhir_document, notes)]


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def land(database: sa.Engine, root: Path) -> None:
    run_intake(database, FolderSource(root), RECEIVED, RECEIVED, PageWork(root / "store", 1, 30))
    from medcode_ml.store.accounting import accounts

    assert [line for line in accounts(database, "raw", RECEIVED, RECEIVED) if not line.balances] == []


def outcome(database: sa.Engine, file: str) -> tuple[int, set[str], bool]:
    """(rows landed, rules of what was set aside, whether the file was complete)."""
    with database.connect() as connection:
        (counted,) = connection.execute(
            sa.text(
                "SELECT sum(rows_landed), sum(rows_in), bool_and(complete) FROM raw.delivery WHERE source_file = :file"
            ),
            {"file": f"{DAY}/{file}"},
        ).all()
        found = connection.execute(
            sa.text("SELECT rule, reason FROM raw.set_aside WHERE source_file = :file"), {"file": f"{DAY}/{file}"}
        ).all()
    assert counted[1] is not None, "the file has no outcome"
    assert counted[1] == counted[0] + len(found)
    assert all(len(reason) > 20 for _, reason in found)
    return int(counted[0]), {rule for rule, _ in found}, bool(counted[2])


@pytest.mark.parametrize(
    ("file", "data", "landed", "rules"),
    [
        ("service.csv", half(service_rows()), 202, {"field_count"}),
        ("service.csv.gz", half(gzip.compress(service_rows())), 0, {"unreadable_file"}),
        ("service.parquet", half(parquet()), 0, {"unreadable_file"}),
        ("in.hl7", half(hl7("mdm")), 4, {"batch_not_closed"}),
        ("in.hl7", half(hl7("oru")), 22, {"batch_not_closed"}),
        ("in.fhir.json", half(m.bundle(*resources())), 0, {"malformed_json"}),
        ("in.ndjson", half(m.ndjson(*resources())), 3, {"malformed_json"}),
        # odd ones
        ("service.csv", b"", 0, {"empty_file"}),
        ("service.parquet", b"", 0, {"unreadable_file"}),
        ("in.hl7", b"", 0, {"empty_file"}),
        ("in.ndjson", b"\n\n", 0, {"empty_file"}),
        ("in.fhir.json", b"", 0, {"empty_file"}),
        ("service.csv", parquet(), 0, {"unreadable_header"}),
        ("service.parquet", service_rows(), 0, {"unreadable_file"}),
        ("service.csv", gzip.compress(service_rows()), 0, {"unreadable_header"}),
        ("service.csv.gz", service_rows(), 0, {"unreadable_file"}),
        ("in.hl7", service_rows(3), 0, {"segment_outside_message"}),
        ("in.ndjson", hl7("mdm"), 0, {"malformed_json"}),
        ("in.fhir.json", service_rows(), 0, {"malformed_json"}),
        ("service.csv", b"\xef\xbb\xbf" + service_rows(2), 2, set()),
        ("in.hl7", b"\xef\xbb\xbf" + hl7("mdm"), 6, set()),
        ("in.ndjson", b"\xef\xbb\xbf" + m.ndjson(*resources()), 6, set()),
        ("service.csv", service_rows().decode().encode("utf-16"), 0, {"unreadable_header"}),
        ("in.hl7", hl7("mdm").decode().encode("utf-16"), 0, {"not_utf8"}),
        ("in.ndjson", m.ndjson(*resources()).decode().encode("utf-16"), 0, {"not_utf8"}),
        ("in.fhir.json", b"[" * 100_000, 0, {"malformed_json"}),
        ("in.fhir.json", json.dumps({"resourceType": "Bundle", "entry": {"a": 1}}).encode(), 0, {"empty_file"}),
        ("service.csv", b'"' * 9_001 + b"\n" + service_rows(3), 0, {"unreadable_header"}),
        ("service.csv", service_rows(0) + b'\nH1,"E""1""",1,"a ""b, ""c"""""\n', 1, set()),
    ],
)
def test_a_table_or_message_file_cut_or_odd_has_an_outcome(
    database: sa.Engine, tmp_path: Path, file: str, data: bytes, landed: int, rules: set[str]
) -> None:
    folder = write(tmp_path / "in")
    (folder / file).write_bytes(data)
    land(database, tmp_path / "in")
    rows, found, _ = outcome(database, file)
    assert found == rules
    assert rows == landed


def test_a_file_seen_to_be_cut_is_not_complete(database: sa.Engine, tmp_path: Path) -> None:
    folder = write(tmp_path / "in")
    (folder / "in.hl7").write_bytes(half(hl7("mdm")))
    (folder / "whole.hl7").write_bytes(hl7("oru"))
    land(database, tmp_path / "in")
    assert not outcome(database, "in.hl7")[2]
    assert outcome(database, "whole.hl7")[2]


def picture(kind: str, pages: int = 1, **options: object) -> bytes:
    grey = np.random.default_rng(1).integers(0, 255, (pages, 500, 400), dtype=np.uint8)
    sheets = [Image.fromarray(page) for page in grey]
    out = io.BytesIO()
    more = {"save_all": True, "append_images": sheets[1:]} if pages > 1 else {}
    sheets[0].save(out, kind, **more, **options)
    return out.getvalue()


def png_that_claims_a_gigabyte() -> bytes:
    import struct
    import zlib

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 32_000, 32_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


PAGES: dict[str, Callable[[], bytes]] = {
    "cut.png": lambda: half(picture("PNG")),
    "cut.jpg": lambda: half(picture("JPEG")),
    "cut.tif": lambda: half(picture("TIFF")),
    "cut-lzw.tif": lambda: half(picture("TIFF", compression="tiff_lzw")),
    "cut-many.tif": lambda: half(picture("TIFF", 3)),
    "cut.pdf": lambda: half(picture("PDF", 2)),
    "empty.png": lambda: b"",
    "text.png": lambda: b"a text file with another name",
    "gigabyte.png": png_that_claims_a_gigabyte,
    "cut.txt": lambda: half("é".encode()),
    "utf16.txt": lambda: "Pain".encode("utf-16"),
}


def test_a_page_file_cut_or_odd_is_a_page_in_quarantine(database: sa.Engine, tmp_path: Path) -> None:
    records = [note(f"R{n}", "E1", None, files=f"pages/{name}") for n, name in enumerate(PAGES)]
    folder = write(tmp_path / "in", patient=[WHO], encounter=[STAY], scanned_record=records)
    for name, made in PAGES.items():
        (folder / "pages" / name).write_bytes(made())
    land(database, tmp_path / "in")
    with database.connect() as connection:
        rows = connection.execute(sa.text("SELECT file, gate, gate_reason, text FROM raw.page")).all()
    told: dict[str, set[str | None]] = {}
    for file, gate, reason, _ in rows:
        told.setdefault(file.removeprefix("pages/"), set()).add(gate)
        assert gate is None or len(reason) > 20
    assert set(told) == set(PAGES)
    expected = dict.fromkeys(PAGES, "broken_file") | {"cut.txt": "undecodable_text", "utf16.txt": "undecodable_text"}
    assert {file: gate for file, gate in expected.items() if gate not in told[file]} == {}


def test_a_cut_text_document_lands_as_far_as_it_goes(database: sa.Engine, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "in", patient=[WHO], encounter=[STAY], scanned_record=[note("R1", "E1", None, files="a.txt")]
    )
    (folder / "a.txt").write_bytes(half(b"Seen today. Discharged home tomorrow."))
    land(database, tmp_path / "in")
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT text, gate FROM raw.page")).all() == [("Seen today. Discha", None)]
