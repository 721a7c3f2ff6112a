"""Requests by Kafka: answered together, once each, and what one of them lacks costs no other its answer."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from support.killed import KILLS, answer, start
from support.requests import NOTE, request
from support.streams import all_topics, answer_all, received, send, stream_settings

from medcode_ml.contracts.streamed import reply, stream_dead_letter, stream_offset
from medcode_ml.streaming.topics import REPLY, REQUEST
from medcode_ml.streaming.validation import checker
from medcode_ml.streaming.worker import MOST_TRIES

pytestmark = pytest.mark.integration


@pytest.fixture
def stream(broker: str, database: sa.Engine) -> Iterator[sa.Engine]:
    """Topics of the test's own, the database empty."""
    with stream_settings(broker, kafka_reply_topics="hospital-"):
        all_topics(broker, partitions=1)
        yield database


def test_requests_are_answered_as_the_command_line_answers(stream: sa.Engine) -> None:
    from medcode_ml.pipeline import code_notes

    stay = {"encounter_id": "E1", "codes": ["I10", "J18.9"], "mine": "kept"}
    broken = {"record_id": "N2", "text": 5}
    send(request("r1", "code", NOTE, broken, NOTE, correlation_id="c-9"), request("r2", "rank", stay),
         request("r3", "bill", {"encounter_id": "E1", "codes": ["J18.9"]}, as_of="2026-11-20"),
         subject=REQUEST)  # fmt: skip
    worker = answer_all()
    assert (worker.answered, worker.refused) == (3, 0)
    told = {t["request_id"]: t for t in received(REPLY, 3)}
    assert all(checker(REPLY).is_valid(t) for t in told.values())
    first = told["r1"]
    assert (first["correlation_id"], first["status"], len(first["answers"])) == ("c-9", "ok", 3)
    expected = json.loads(json.dumps(code_notes([NOTE], datetime.now(UTC).date())[0], default=str))
    assert [first["answers"][0], first["answers"][2]] == [expected, expected]
    assert {c["code"] for c in expected["codes"]} >= {"J18.9", "I10"}
    assert first["answers"][1]["problem"]["rule"] == "record_refused"
    assert [c["code"] for c in told["r2"]["answers"][0]["codes"]] == ["J18.9", "I10"]
    assert told["r2"]["answers"][0]["mine"] == "kept"
    assert told["r3"]["answers"][0]["claim"] == "held"


def test_a_request_sent_again_gets_the_same_reply_and_a_reused_id_is_refused(stream: sa.Engine) -> None:
    asked = request("r1", "code", NOTE)
    send(asked, subject=REQUEST)
    assert answer_all().answered == 1
    other = request("r1", "code", {**NOTE, "text": "Something else."})
    send({**asked, "sent_at": datetime.now(UTC).isoformat()}, other, subject=REQUEST)
    worker = answer_all()
    assert (worker.answered, worker.again, worker.refused) == (0, 1, 1)
    told = received(REPLY, 3)
    assert len(told) == 3
    same = [t for t in told if t["status"] == "ok"]
    assert len(same) == 2
    assert same[0] == same[1]
    (refused,) = (t for t in told if t["status"] == "error")
    assert refused["problem"]["rule"] == "request_id_reused"
    assert refused["reply_id"] != same[0]["reply_id"]


def test_what_cannot_be_read_is_a_dead_letter_and_its_sender_is_told_where_possible(stream: sa.Engine) -> None:
    elsewhere = request("r2", "code", NOTE, reply_to="somebody.elses.topic")
    send(b"{", {"request_id": "r1", "operation": "guess", "records": [{}]}, elsewhere, request("r3", "code", NOTE),
         subject=REQUEST)  # fmt: skip
    worker = answer_all()
    assert (worker.answered, worker.refused) == (1, 2)
    told = {t["request_id"]: t for t in received(REPLY, 3)}
    assert {r: t["status"] for r, t in told.items()} == {"r1": "error", "r2": "error", "r3": "ok"}
    assert told["r2"]["problem"]["rule"] == "reply_topic_not_allowed"
    with stream.connect() as connection:
        rules = connection.execute(sa.select(stream_dead_letter.c.rule).order_by(stream_dead_letter.c.offset)).scalars()
        assert list(rules) == ["not_json", "breaks_schema", "reply_topic_not_allowed"]
        assert connection.execute(sa.select(sa.func.count()).select_from(reply)).scalar_one() == 3


def test_answers_go_where_the_request_says_if_the_operator_allows_it(broker: str, stream: sa.Engine) -> None:
    send(request("r1", "code", NOTE, reply_to="hospital-7.answers"), subject=REQUEST)
    assert answer_all().answered == 1
    with stream.connect() as connection:
        row = connection.execute(sa.select(reply.c.reply_to, reply.c.published_at)).one()
    assert row.reply_to == "hospital-7.answers"
    assert row.published_at is not None


def test_a_request_that_ends_the_process_each_time_is_refused_in_the_end(stream: sa.Engine) -> None:
    """Work on it kills the process (kill -9 in the middle): it is tried alone, then refused, and holds up nobody."""
    asked = [request(f"r{n}", "bill", {"encounter_id": name, "codes": ["J18.9"]}, as_of="2026-11-20")
             for n, name in enumerate(("E1", KILLS, "E3"), start=1)]  # fmt: skip
    send(*asked, subject=REQUEST)
    ended = []
    while not ended or ended[-1] == -signal.SIGKILL:
        assert len(ended) < 2 * MOST_TRIES, "it goes on for ever"
        process = start(answer)
        process.join()
        ended.append(process.exitcode)
    assert ended == [-signal.SIGKILL] * (len(ended) - 1) + [0]
    assert len(ended) - 1 >= MOST_TRIES - 1
    told = {t["request_id"]: t for t in received(REPLY, 3)}
    assert told["r2"]["problem"]["rule"] == "ended_the_process"
    assert {told["r1"]["status"], told["r3"]["status"]} == {"ok"}
    with stream.connect() as connection:
        assert connection.execute(sa.select(stream_offset.c.next_offset, stream_offset.c.tries)).one() == (3, 0)
