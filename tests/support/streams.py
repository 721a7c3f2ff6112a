"""Topics of a test's own on the session's broker, and the landing process run to the end of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from support.broker import make_topics, ungrouped

from medcode_ml.settings import settings
from medcode_ml.streaming.client import open_consumer, open_producer
from medcode_ml.streaming.landing import Lander, run_landing
from medcode_ml.streaming.topics import SCANNED_RECORD, SUBJECTS, topic
from medcode_ml.streaming.worker import Worker, run_worker
from medcode_ml.streaming.worker_models import WorkerModels


@contextmanager
def stream_settings(bootstrap: str, client: str = "kafka-python", **more: Any) -> Iterator[None]:
    """Settings with topics nobody else has, short sessions and the given client."""
    with pytest.MonkeyPatch.context() as patch:
        named = {
            "kafka_bootstrap": bootstrap, "kafka_client": client, "kafka_prefix": f"t{uuid.uuid4().hex[:8]}",
            "kafka_group": f"g{uuid.uuid4().hex[:8]}", "kafka_session_seconds": 6, "first_day": "2026-09-01", **more,
        }  # fmt: skip
        for name, value in named.items():
            patch.setenv(f"MEDCODE_{name.upper()}", str(value))
        settings.cache_clear()
        yield
    settings.cache_clear()


def all_topics(bootstrap: str, partitions: int = 2) -> None:
    """Make every topic of the present settings."""
    make_topics(bootstrap, *(topic(subject) for subject in SUBJECTS), partitions=partitions)


def message(kind: str, row: dict[str, Any], message_id: str | None = None, **other: Any) -> dict[str, Any]:
    """A scanned-record message."""
    return {
        "message_id": message_id or uuid.uuid4().hex, "kind": kind, "source_system": "ehr",
        "sent_at": datetime.now(UTC).isoformat(), "row": row, **other,
    }  # fmt: skip


def send(*messages: dict[str, Any] | bytes | None, subject: str = SCANNED_RECORD, key: str = "00" * 10) -> None:
    """Send messages under one key: they land in one partition, in this order."""
    producer = open_producer()
    try:
        for one in messages:
            value = orjson.dumps(one) if isinstance(one, dict) else one
            producer.send(topic(subject), key, value)  # type: ignore[arg-type]  # a tombstone has no value
        producer.flush(10)
    finally:
        producer.close()


def land_all(grouped: bool = False) -> Lander:
    """Land until nothing more comes."""
    opened = (lambda: open_consumer("land")) if grouped else ungrouped("land")
    return run_landing(opened, open_producer, lambda: False, until_end=True)


def answer_all(models: WorkerModels | None = None) -> Worker:
    """Answer requests until nothing more comes."""
    return run_worker(models or WorkerModels(), ungrouped("work"), open_producer, lambda: False, until_end=True)


def received(subject: str, expected: int, seconds: float = 10.0) -> list[dict[str, Any]]:
    """What the topic of `subject` holds, once it holds `expected` messages."""
    import time

    consumer, found, until = open_consumer("look"), list[dict[str, Any]](), time.monotonic() + seconds
    try:
        consumer.assign(dict.fromkeys(consumer.partitions(topic(subject)), 0))
        while len(found) < expected and time.monotonic() < until:
            for messages in consumer.poll(0.2, 1000).values():
                found += [orjson.loads(m.value) for m in messages if m.value is not None]
    finally:
        consumer.close()
    return found
