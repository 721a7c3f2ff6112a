"""Request messages: whatever one holds, it is answered or refused, and nothing of it ends the process."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from support.wild_json import wild_json

from medcode_ml.streaming.client import Place
from medcode_ml.streaming.requests import Refused, Request, answered, read_request

PLACE = Place("r", 0)
ASKED: dict[str, Any] = {
    "request_id": "r1", "operation": "code", "sent_at": "2026-11-22T10:00:00Z",
    "records": [{"record_id": "N1", "text": "Pneumonia."}],
}  # fmt: skip


class _Message(NamedTuple):
    value: bytes | None
    offset: int = 0
    timestamp: int = 1
    key: bytes | None = None


def _nested(depth: int) -> bytes:
    return b'{"a":' * depth + b'"x\\u0000"' + b"}" * depth


def _with(member: bytes) -> bytes:
    return orjson.dumps(ASKED)[:-1] + b"," + member + b"}"


@pytest.mark.parametrize("depth", [200, 300, 1000])
def test_a_request_nested_deeper_than_can_be_written_again_is_refused_and_its_sender_told(depth: int) -> None:
    one = read_request(PLACE, _Message(_with(b'"more":' + _nested(depth))))
    assert isinstance(one, Refused)
    assert (one.fault.rule, one.request_id) == ("too_deep", "r1")


def test_an_answer_that_cannot_be_written_costs_its_record_alone() -> None:
    one = read_request(PLACE, _Message(orjson.dumps(ASKED)))
    assert isinstance(one, Request)
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    reply = orjson.loads(answered(one, [{"codes": []}, {"codes": deep}, {"codes": 10**30}], "v1"))
    assert [("problem" in a) for a in reply["answers"]] == [False, True, True]
    assert reply["answers"][1]["problem"]["rule"] == "medcode_failed"


@trials(max_examples=150, deadline=None)
@given(
    record=st.dictionaries(st.sampled_from(["record_id", "text", "x", "codes"]), wild_json(["a", "codes"]), max_size=3),
    other=st.dictionaries(st.sampled_from([*ASKED, "as_of", "reply_to", "more"]), wild_json(["a"]), max_size=2),
)
def test_any_request_is_answered_or_refused(record: dict[str, Any], other: dict[str, Any]) -> None:
    data = json.dumps({**ASKED, "records": [record], **other}).encode()
    one = read_request(PLACE, _Message(data))
    if isinstance(one, Refused):
        assert one.fault.rule != "unreadable"
    else:
        reply = orjson.loads(answered(one, [dict(r) for r in one.records], None))  # unknown keys are carried through
        assert len(reply["answers"]) == len(one.records)
