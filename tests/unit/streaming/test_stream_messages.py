"""What a message says: a row or a dead letter, never both, never neither, and no value of it in a reason."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from support.wild_json import paths_of, replaced, wild_json

from medcode_ml.streaming.client import Place
from medcode_ml.streaming.messages import MOST_DEEP, DeadLetter, Reader, delivered_bytes, opaque_key

PLACE = Place("t", 3)
NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1000)
ROW = {"hospital_id": "H1", "encounter_number": "E1", "line_number": "1", "service": "MED"}
GOOD: dict[str, Any] = {
    "message_id": "m1", "kind": "service", "source_system": "ehr", "sent_at": "2026-11-22T10:00:00Z", "row": ROW,
}  # fmt: skip


class _Message(NamedTuple):
    value: bytes | None
    offset: int = 7
    timestamp: int = NOON
    key: bytes | None = None


def _read(value: bytes | dict[str, Any] | None, timestamp: int = NOON) -> Any:
    data = orjson.dumps(value) if isinstance(value, dict) else value
    reader = Reader(date(2026, 9, 1), today=date(2026, 11, 22))
    good, bad = reader.read(PLACE, [_Message(data, timestamp=timestamp)])
    assert len(good) + len(bad) == 1
    return (good or bad)[0]


def test_a_message_becomes_a_row_with_its_place_and_its_words_as_delivered() -> None:
    text = json.dumps(GOOD, indent=1).encode()
    row = _read(text)
    assert (row.topic, row.partition, row.offset, row.payload) == ("t", 3, 7, text.decode())
    assert (row.kind, row.hospital_id, row.message_id, row.received_date) == ("service", "H1", "m1", date(2026, 11, 20))


def test_the_senders_day_stands_before_the_time_of_the_message() -> None:
    assert _read({**GOOD, "received_date": "2026-10-05"}).received_date == date(2026, 10, 5)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, "no_content"),
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"a": "\\ud800"}', "not_json"),
        (b"[" * 5000, "not_json"),
        (b"[]", "breaks_schema"),
        (b"7", "breaks_schema"),
        ({**GOOD, "row": {**ROW, "service": "a\0b"}}, "nul_byte"),
        ({**GOOD, "message_id": "a\0b"}, "nul_byte"),
        ({**GOOD, "hospital_id": "H2"}, "hospital_differs"),
        ({**GOOD, "received_date": "2026-02-31"}, "no_day"),
        ({**GOOD, "received_date": "2026-08-31"}, "day_without_partition"),
        ({**GOOD, "received_date": "2026-11-24"}, "day_without_partition"),
    ],
)
def test_what_cannot_be_landed_is_a_dead_letter_with_its_rule(value: Any, rule: str) -> None:
    dead = _read(value)
    assert isinstance(dead, DeadLetter)
    assert dead.rule == rule
    sent = orjson.dumps(value) if isinstance(value, dict) else value
    assert delivered_bytes(dead.encoding, dead.payload) == sent, "the message is not kept as it was delivered"


def test_a_message_without_a_time_and_a_day_has_nowhere_to_go() -> None:
    assert _read(GOOD, timestamp=0).rule == "no_day"


def test_the_same_content_has_one_hash_whatever_the_order_of_its_keys() -> None:
    other = {**dict(reversed(GOOD.items())), "row": dict(reversed(ROW.items())), "sent_at": "2026-11-23T00:00:00Z"}
    assert _read(GOOD).content_hash == _read(other).content_hash
    assert _read(GOOD).content_hash != _read({**GOOD, "row": {**ROW, "service": "SUR"}}).content_hash


@pytest.mark.parametrize(
    ("key", "kept"), [(b"0123456789abcdef", True), (b"6ba7b810-9dad-11d1-80b4-00c04fd430c8", True),
                      (b"MRN00123", False), (b"Roe, Ann", False), (b"\xff", False), (b"", False)]
)  # fmt: skip
def test_a_key_that_may_be_a_patients_number_is_kept_as_a_hash_alone(key: bytes, kept: bool) -> None:
    assert (opaque_key(key) == key.decode("latin-1")) is kept


@trials(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.from_regex(rb'\{"(row|kind|message_id)": ?("[^"]{0,5}"|null|\[\]|1e999)\}'))
def test_any_bytes_are_a_row_or_a_dead_letter_that_keeps_them(data: bytes) -> None:
    read = _read(data)
    assert isinstance(read, DeadLetter)
    assert delivered_bytes(read.encoding, read.payload) == data


@pytest.mark.parametrize("secret", ["SECRETNAME", "987-65-4321"])
def test_no_reason_repeats_what_the_message_says(secret: str) -> None:
    for value in (
        {**GOOD, "row": {**ROW, "service": [secret]}}, {**GOOD, "row": {**ROW, secret: "x"}}, {**GOOD, secret: {}},
        {**GOOD, "kind": secret}, {**GOOD, "received_date": secret}, {**GOOD, "row": {secret: secret}},
        f'{{"{secret}": '.encode(),
    ):  # fmt: skip
        read = _read(value)
        if isinstance(read, DeadLetter):
            assert secret not in read.reason
            assert secret not in str(read.faults)


def _deep(opening: bytes, closing: bytes, depth: int) -> bytes:
    value = opening * depth + b'"a\\u0000b"' + closing * depth
    return orjson.dumps(GOOD)[:-1] + b',"more":' + value + b"}"


@pytest.mark.parametrize("depth", [101, 253, 254, 255, 500, 1000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_message_too_deep_to_be_checked_or_written_again_is_a_dead_letter(
    opening: bytes, closing: bytes, depth: int
) -> None:
    """It ended the process at every start, and with that blocked its partition for ever."""
    assert _read(_deep(opening, closing, depth)).rule == "too_deep"


def test_a_message_of_the_depth_allowed_is_searched_for_nul_to_its_bottom() -> None:
    assert _read(_deep(b"[", b"]", MOST_DEEP - 1)).rule == "nul_byte"
    assert _read(_deep(b'{"a":', b"}", MOST_DEEP - 1)).rule == "nul_byte"
    assert _read(orjson.dumps({**GOOD, "more": {"k\0": 1}})).rule == "nul_byte"


@pytest.mark.parametrize("number", ["9" * 30, "9" * 400, "-" + "9" * 400, "1e400", str(2**64), str(-(2**63) - 1)])
def test_a_number_of_any_size_ends_nothing(number: str) -> None:
    for place in (b"more", b"message_id"):
        data = orjson.dumps({k: v for k, v in GOOD.items() if k.encode() != place})
        read = _read(data[:-1] + b',"' + place + b'":' + number.encode() + b"}")
        assert not isinstance(read, DeadLetter) or read.rule in ("not_json", "breaks_schema")


@pytest.mark.parametrize("timestamp", [NOON * 1000, NOON * 1_000_000, 2**63 - 1, -1, 0])
def test_a_time_that_is_none_in_milliseconds_gives_no_day(timestamp: int) -> None:
    read = _read(GOOD, timestamp)
    assert (read.rule, read.message_time) == ("no_day", None)
    assert _read({**GOOD, "received_date": "2026-10-05"}, timestamp).received_date == date(2026, 10, 5)


def test_a_dead_letter_keeps_the_time_of_its_message() -> None:
    assert _read(b"{", NOON + 250).message_time == datetime(2026, 11, 20, 12, microsecond=250_000, tzinfo=UTC)


def test_an_error_that_nobody_foresaw_costs_its_message_alone_and_says_nothing_of_it() -> None:
    reader = Reader("2026-09-01")  # type: ignore[arg-type]  # a day that no other compares with
    good, bad = reader.read(PLACE, [_Message(orjson.dumps({**GOOD, "message_id": "Roe"})), _Message(b"{")])
    assert good == []
    assert [one.rule for one in bad] == ["unreadable", "not_json"]
    assert "TypeError" in bad[0].reason
    assert "Roe" not in bad[0].reason


_RULES = {
    "not_json", "breaks_schema", "nul_byte", "too_deep", "no_day", "day_without_partition", "hospital_differs",
    "no_content",
}  # fmt: skip


@trials(max_examples=200, deadline=None)
@given(data=st.data(), more=wild_json([*GOOD, *ROW]), timestamp=st.integers(-1, 2**63 - 1))
def test_any_json_is_a_row_or_a_dead_letter_with_a_rule_that_was_foreseen(
    data: st.DataObject, more: Any, timestamp: int
) -> None:
    message = {**GOOD, "more": more}
    at = data.draw(st.sampled_from(list(paths_of(message))))
    told = json.dumps(replaced(message, at, data.draw(wild_json([*GOOD, *ROW])))).encode()
    read = _read(told, timestamp)
    if isinstance(read, DeadLetter):
        assert read.rule in _RULES
        assert delivered_bytes(read.encoding, read.payload) == told
    else:
        assert read.payload == told.decode()
