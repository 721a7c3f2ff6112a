"""Messages through a real broker into a real database: once each, whatever is sent, killed or cut on the way."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image, ImageDraw, ImageFont
from support.delivery import DAY, charge, note, patient, stay, write
from support.streams import all_topics, land_all, message, received, send, stream_settings

from medcode_ml.contracts import metadata
from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.contracts.streamed import stream_dead_letter, stream_message, stream_offset
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.landing import run_intake
from medcode_ml.mapping.stage import run_mapping
from medcode_ml.pipeline import configured_source, page_work
from medcode_ml.settings import settings
from medcode_ml.streaming.client import Place, open_producer
from medcode_ml.streaming.landing import ReadBatch, land
from medcode_ml.streaming.messages import Landing
from medcode_ml.streaming.offsets import LAND, OvertakenError, claim, positions
from medcode_ml.streaming.sending import send_folder
from medcode_ml.streaming.topics import DEAD_LETTER, SCANNED_RECORD, topic

pytestmark = pytest.mark.integration


@pytest.fixture(params=["kafka-python", "confluent"])
def stream(request: pytest.FixtureRequest, broker: str, database: sa.Engine) -> Iterator[sa.Engine]:
    """Topics of the test's own, the database empty, read by each client."""
    if request.param == "confluent":
        pytest.importorskip("confluent_kafka")
    with stream_settings(broker, request.param):
        all_topics(broker)
        yield database


@pytest.fixture
def python_stream(broker: str, database: sa.Engine) -> Iterator[sa.Engine]:
    """The same, read by kafka-python alone."""
    with stream_settings(broker):
        all_topics(broker)
        yield database


def _rows(engine: sa.Engine, query: sa.Select) -> list[sa.Row]:  # type: ignore[type-arg]
    with engine.connect() as connection:
        return list(connection.execute(query).all())


def test_every_message_is_landed_or_a_dead_letter_and_the_offset_says_so(stream: sa.Engine) -> None:
    good = message("patient", patient("M1"), received_date=DAY)
    bad = [b"{not json", message("patient", {"hospital_id": "H1", "mrn": "SECRET"}), b"\xff\xfe", b'{"a":"\\u0000"}']
    send(good, *bad, message("encounter", stay("E1", "M1")))
    counts = land_all(grouped=True)
    assert (counts.landed, counts.dead_letters) == (2, 4)
    one = stream_message.c
    landed = _rows(stream, sa.select(one.offset, one.kind, one.received_date, one.hospital_id).order_by(one.offset))
    assert [(r.offset, r.kind) for r in landed] == [(0, "patient"), (5, "encounter")]
    assert landed[0].received_date == date.fromisoformat(DAY)
    dead = _rows(stream, sa.select(stream_dead_letter).order_by(stream_dead_letter.c.offset))
    assert [d.rule for d in dead] == ["not_json", "breaks_schema", "not_json", "breaks_schema"]
    assert not any("SECRET" in d.reason or "SECRET" in str(d.faults) for d in dead), "a reason repeats a value"
    assert base64.b64decode(dead[2].payload) == b"\xff\xfe"
    assert all(d.published_at for d in dead)
    told = received(DEAD_LETTER, 4)
    assert {t["offset"] for t in told} == {1, 2, 3, 4}
    assert {t["topic"] for t in told} == {topic(SCANNED_RECORD)}
    assert 6 in positions(stream, LAND).values()


def test_landing_again_finds_nothing_new(python_stream: sa.Engine) -> None:
    send(message("patient", patient("M1")), message("patient", patient("M2")))
    assert land_all().landed == 2
    assert land_all().landed == 0
    send(message("patient", patient("M3")))
    assert land_all().landed == 1
    assert len(_rows(python_stream, sa.select(stream_message))) == 3


def test_of_two_processes_on_a_partition_the_older_one_writes_nothing(database: sa.Engine) -> None:
    """A process that was cut off and comes back (a zombie) must not land what another has landed."""
    place = Place("t", 0)
    older = claim(database, LAND, [place], lambda new: dict.fromkeys(new, 0))
    newer = claim(database, LAND, [place], lambda new: dict.fromkeys(new, 0))
    row = Landing("t", 0, 0, date(2026, 10, 5), "patient", "ehr", "H1", "m", "h", "{}")
    land(database, ReadBatch([row], [], {place: 1}), newer)
    with pytest.raises(OvertakenError):
        land(database, ReadBatch([row._replace(offset=1)], [], {place: 2}), older)
    with pytest.raises(OvertakenError):  # its own batch a second time
        land(database, ReadBatch([row], [], {place: 1}), newer)
    assert [r.offset for r in _rows(database, sa.select(stream_message.c.offset))] == [0]
    assert _rows(database, sa.select(stream_offset.c.next_offset))[0].next_offset == 1


def test_a_message_sent_again_counts_once_and_a_reused_id_is_set_aside(
    python_stream: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = {"received_date": DAY}
    first = message("patient", patient("M1"), "m-1", **day)
    send(first, first, message("patient", patient("M2"), "m-1", **day), message("patient", patient("M3"), "m-2", **day))
    assert land_all().landed == 4
    on = date.fromisoformat(DAY)
    (part,) = _source(monkeypatch).read(on, {"patient"})
    assert list(part.rows["mrn"]) == ["M1", "M3"]
    assert list(part.rejected["rule"]) == ["message_id_reused"]
    assert list(part.rejected["source_line"]) == [2]


def test_streams_and_folders_give_identical_tables(
    python_stream: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same delivery by folder and by Kafka: every row of raw and mapped is the same but for where it came from."""
    root, on = _delivery(tmp_path / "in"), date.fromisoformat(DAY)
    monkeypatch.setenv("MEDCODE_OCR_WORKERS", "1")  # one page: a second process would only cost its start
    settings.cache_clear()
    run_intake(python_stream, FolderSource(root, name="stream"), on, on, page_work())
    run_mapping(python_stream, on, on)
    by_folder = _without_provenance(python_stream)
    with python_stream.begin() as connection:
        for name in (*DELIVERED, "page", "set_aside", "delivery"):
            connection.execute(sa.text(f"DELETE FROM raw.{name}"))
    producer = open_producer()
    sent = send_folder(producer, root)
    producer.close()
    assert sent.messages > 20
    assert land_all().landed == sent.messages
    monkeypatch.setenv("MEDCODE_SOURCE_DIR", str(root))
    run_intake(python_stream, _source(monkeypatch), on, on, page_work())
    run_mapping(python_stream, on, on)
    by_stream = _without_provenance(python_stream)
    assert sum(map(len, by_stream.values())) > 50
    assert by_stream == by_folder
    document = sa.text("SELECT source_file, source_line FROM raw.scanned_record WHERE record_id = 'R2'")
    with python_stream.connect() as connection:
        where = connection.execute(document).one()
        held = sa.select(stream_message.c.payload).where(stream_message.c.offset == where.source_line)
        found = connection.execute(held.where(stream_message.c.kind == "scanned_record")).scalars().all()
        read = connection.execute(sa.text("SELECT text FROM raw.page WHERE file LIKE '%scan.png'")).scalar_one()
    assert where.source_file.startswith(topic(SCANNED_RECORD) + "/")
    assert any('"R2"' in payload for payload in found), "the row does not lead back to its message"
    assert "pneumonia" in read, "the page image was not read"


def _source(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("MEDCODE_SOURCE", "stream")
    settings.cache_clear()
    return configured_source()


def _delivery(root: Path) -> Path:
    numbers = range(5)
    folder = write(
        root,
        patient=[patient(f"M{n}") for n in numbers],
        encounter=[stay(f"E{n}", f"M{n}") for n in numbers],
        charge=[charge(f"E{n}", line) for n in numbers for line in (1, 2)],
        scanned_record=[
            *(note(f"R{n}", f"E{n}", f'Seen on day {n}, "quoted", ünïcode.\n') for n in numbers),
            note("R1", "E1", "The same record number again."),
            note("R8", "E2", None, files="pages/a.txt"),
            note("R9", "E2", None, files="../outside.txt"),
            note("R7", "E3", None, files="pages/scan.png"),
        ],
    )
    sheet = Image.new("L", (900, 260), 255)
    pen, face = ImageDraw.Draw(sheet), ImageFont.load_default(30)
    for line, words in enumerate(("Chest: clear on both sides.", "Discharge diagnosis: pneumonia.", "Home again.")):
        pen.text((40, 40 + 60 * line), words, fill=0, font=face)
    sheet.save(folder / "pages" / "scan.png", dpi=(200, 200))
    (folder / "pages" / "a.txt").write_text("A page of text.", encoding="utf-8")
    return root


def _without_provenance(engine: sa.Engine) -> dict[str, list[str]]:
    """Rows of every table of raw and mapped as text, without the columns that say where or how fast."""
    gone = {"source_file", "source_line", "seconds", "set_aside_id"}
    found, where = {}, re.compile(r"\([^()]* line \d+\)")
    with engine.connect() as connection:
        for name, table in metadata.tables.items():
            if table.schema in ("raw", "mapped") and "stream_" not in name and name != "raw.delivery":
                kept = [c for c in table.columns if c.name not in gone]
                found[name] = sorted(where.sub("", str(tuple(row))) for row in connection.execute(sa.select(*kept)))
    return found
