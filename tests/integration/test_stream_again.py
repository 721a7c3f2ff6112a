"""What is landed again keeps its day, what is sent again its id, and what is purged is nothing that is needed."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
import sqlalchemy as sa
from support.delivery import DAY, charge, note, patient, stay, write
from support.rows import insert_rows
from support.streams import all_topics, land_all, message, received, send, stream_settings
from typer.testing import CliRunner

from medcode_assets.cli import app
from medcode_ml.contracts import raw
from medcode_ml.contracts.streamed import event, reply, stream_dead_letter, stream_message
from medcode_ml.intake.landing import run_intake
from medcode_ml.pipeline import configured_source, page_work
from medcode_ml.settings import settings
from medcode_ml.streaming.client import Place, open_producer
from medcode_ml.streaming.landing import ReadBatch, land
from medcode_ml.streaming.messages import Reader
from medcode_ml.streaming.offsets import LAND, claim
from medcode_ml.streaming.purging import purge
from medcode_ml.streaming.replay import replay_dead_letters, send_repaired
from medcode_ml.streaming.sending import send_folder
from medcode_ml.streaming.topics import SCANNED_RECORD, topic

pytestmark = pytest.mark.integration
SENT = datetime(2026, 10, 5, 23, 30, tzinfo=UTC)
TODAY = date(2026, 11, 22)


@pytest.fixture
def stream(broker: str, database: sa.Engine) -> Iterator[sa.Engine]:
    """Topics of the test's own, the database empty."""
    with stream_settings(broker):
        all_topics(broker, partitions=1)
        yield database


class _Message(NamedTuple):
    value: bytes
    offset: int
    timestamp: int = int(SENT.timestamp() * 1000)
    key: bytes | None = None


def _dead(engine: sa.Engine, reader: Reader, *messages: _Message) -> list[str]:
    """Take messages in as a landing process does; ids of their dead letters."""
    place = Place(topic(SCANNED_RECORD), 0)
    claimed = claim(engine, LAND, [place], lambda new: dict.fromkeys(new, 0))
    landings, dead = reader.read(place, messages)
    land(engine, ReadBatch(landings, dead, {place: messages[-1].offset + 1}), claimed)
    return [one.dead_letter_id for one in dead]


def _days(engine: sa.Engine) -> list[date]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(stream_message.c.received_date).order_by("offset")).scalars())


def _count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_dead_letters_that_are_good_by_now_land_on_the_day_of_their_message(stream: sa.Engine) -> None:
    """Without received_date they landed on the day they were set aside, another one than that of their stay."""
    strict = Reader(date(2026, 10, 6), TODAY)  # the first day was set too late
    many = [_Message(orjson.dumps(message("patient", patient(f"M{n}"))), n) for n in range(230)]
    undated = _Message(orjson.dumps(message("patient", patient("X"))), 230, timestamp=int(SENT.timestamp()) * 10**9)
    _dead(stream, strict, *many, undated)
    with stream.begin() as connection:  # of before the time was kept
        old = sa.update(stream_dead_letter).where(stream_dead_letter.c.offset == 7).values(message_time=None)
        connection.execute(old.values(landed_at=datetime(2026, 11, 1, tzinfo=UTC)))
    done = replay_dead_letters(stream)
    assert (done.read, done.landed, done.still_dead) == (231, 230, 1)
    assert done.days == {SENT.date(), date(2026, 11, 1)}
    assert replay_dead_letters(stream).landed == 0


def test_a_repaired_message_without_a_day_keeps_the_day_of_its_original(stream: sa.Engine, tmp_path: Path) -> None:
    broken = [{"hospital_id": "H1", "mrn": "M1"}, {"hospital_id": "H1", "mrn": "M2"}]
    reader = Reader(date(2026, 9, 1), TODAY)
    ids = _dead(stream, reader, *(_Message(orjson.dumps(message("patient", row)), n) for n, row in enumerate(broken)))
    lines: list[dict[str, Any]] = [
        {"dead_letter_id": ids[0], "message": message("patient", patient("M1"), "m-1")},
        {"dead_letter_id": ids[1], "message": message("patient", patient("M2"), "m-2", received_date="2026-10-09")},
        {"dead_letter_id": ids[1], "message": message("patient", broken[1])},
        {"dead_letter_id": "a\0b", "message": {}},
        {"dead_letter_id": "none"},
    ]
    path = tmp_path / "repaired.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)) + b'\n{"dead_letter_id": "x", "message": ' + b"[" * 500)
    producer = open_producer()
    try:
        done = send_repaired(stream, producer, path)
    finally:
        producer.close()
    assert (done.sent, [number for number, _ in done.rejected]) == (2, [3, 4, 5, 6])
    told = {one["message_id"]: one["received_date"] for one in received(SCANNED_RECORD, 2)}
    assert told == {"m-1": "2026-10-05", "m-2": "2026-10-09"}


def test_a_key_that_no_index_holds_costs_its_row_and_not_the_day(
    stream: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note in the place of a number passed the schema, and then no row of any hospital was landed that day."""
    draw = random.Random(7)
    text = "".join(draw.choices(string.ascii_letters, k=10_000))
    day = {"received_date": DAY}
    send(message("encounter", stay("E1", "M1"), **day), message("encounter", stay(text, "M1"), **day),
         message("scanned_record", note("R1", text, "Pneumonia.", mrn="M1"), **day),
         message("scanned_record", note("R2", "E1", "Pneumonia.", mrn="M1"), **day))  # fmt: skip
    assert land_all().landed == 4
    monkeypatch.setenv("MEDCODE_SOURCE", "stream")
    settings.cache_clear()
    on = date.fromisoformat(DAY)
    run_intake(stream, configured_source(), on, on, page_work())
    with stream.connect() as connection:
        aside = connection.execute(sa.select(raw.set_aside).order_by(raw.set_aside.c.source_line)).all()
    assert [(one.source_line, one.rule) for one in aside] == [(1, "key_too_long"), (2, "key_too_long")]
    assert all("encounter_number" in one.reason and text[:20] not in one.reason for one in aside)
    assert all(text in one.original for one in aside)
    tables = raw.delivered_tables
    assert (_count(stream, tables["encounter"]), _count(stream, tables["scanned_record"])) == (1, 1)


def test_a_folder_sent_again_is_in_once_and_a_line_put_in_or_another_hospital_is_not_taken_for_it(
    stream: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids made of file and line: a second folder, and every line after one put in, were set aside as reused ids."""
    charges = [charge("E1", 1), charge("E1", 2), charge("E1", 2)]
    first, second = tmp_path / "a", tmp_path / "b"
    write(first, charge=charges)
    write(second, charge=[charge("E9", n, hospital_id="H2") for n in (1, 2)])
    _send(first)
    _send(first)
    write(first, charge=[charge("E1", 3), *charges])
    _send(first)
    _send(second)
    land_all()
    monkeypatch.setenv("MEDCODE_SOURCE", "stream")
    settings.cache_clear()
    (part,) = configured_source().read(date.fromisoformat(DAY), {"charge"})
    assert part.rejected.empty
    rows = sorted(zip(part.rows["hospital_id"], part.rows["line_number"], strict=True))
    assert rows == [("H1", "1"), ("H1", "2"), ("H1", "2"), ("H1", "3"), ("H2", "1"), ("H2", "2")]


def _send(folder: Path) -> None:
    producer = open_producer()
    try:
        send_folder(producer, folder)
    finally:
        producer.close()


def test_a_purge_takes_what_is_old_and_settled_and_leaves_what_is_needed(database: sa.Engine) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    old, young = now - timedelta(days=100), now - timedelta(days=10)
    insert_rows(database, reply, *({"reply_id": f"{n}", "published_at": at} for n, at in enumerate((old, young, None))))
    told = [("coded", "E1", 0), ("coded", "E1", 1), ("held", "E1", 2), ("billed", "E1", 3), ("coded", "E2", 4)]
    insert_rows(
        database, event,
        *({"event_id": f"{n}", "kind": kind, "encounter_id": who, "recorded_at": old + timedelta(minutes=n),
           "published_at": old} for kind, who, n in told),
    )  # fmt: skip
    insert_rows(
        database, stream_dead_letter,
        *({"offset": n, "settled_at": at, "published_at": sent}
          for n, (at, sent) in enumerate(((old, old), (old, None), (young, old), (None, old)))),
    )  # fmt: skip
    days = [date(2026, 8, 1), date(2026, 8, 2), date(2026, 10, 1), date(2026, 11, 20)]
    insert_rows(
        database, stream_message,
        *({"offset": n, "received_date": day, "message_id": f"m{n}"} for n, day in enumerate(days)),
        {"offset": 9, "received_date": date(2026, 10, 2), "message_id": "m1"},
    )  # fmt: skip
    wanted = {"served.reply": 1, "served.event": 2, "raw.stream_dead_letter": 1, "raw.stream_message": 1}
    tables = (reply, event, stream_dead_letter, stream_message)
    before = [_count(database, table) for table in tables]
    with stream_settings("", first_day="2026-10-01"):
        assert purge(database, timedelta(days=90), dry_run=True, now=now) == wanted
        assert [_count(database, table) for table in tables] == before
        assert purge(database, timedelta(days=90), now=now) == wanted
        assert purge(database, timedelta(days=90), now=now) == dict.fromkeys(wanted, 0)
    with database.connect() as connection:
        left = sa.select(event.c.event_id).order_by(event.c.event_id)
        assert list(connection.execute(left).scalars()) == ["1", "3", "4"], (
            "the last of each is what the next is held to"
        )
        kept = sa.select(stream_message.c.offset).order_by(stream_message.c.offset)
        assert list(connection.execute(kept).scalars()) == [1, 2, 3, 9]


def test_a_purge_of_many_rows_leaves_none_behind(database: sa.Engine) -> None:
    """Rows go some at a time, along their key."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [{"reply_id": f"{n:06d}" if n % 2 else f"Z{n:06d}", "published_at": long_ago} for n in range(4500)]
    insert_rows(database, reply, *rows, {"reply_id": "kept", "published_at": None})
    shown = CliRunner().invoke(app, ["stream", "purge", "--older-than", "1", "--dry-run"])
    assert re.search(r"served\.reply +4500 would go", shown.output), shown.output
    assert purge(database, timedelta(days=1))["served.reply"] == 4500
    assert _count(database, reply) == 1
