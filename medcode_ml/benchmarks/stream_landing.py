"""How fast messages are landed, against a bare poll loop of the same client on the same broker in the same run.

The bare loop only counts messages; landing is the loop of `medcode stream land` itself: parses, checks, writes to
PostgreSQL with the offsets, and tells Kafka; only the seconds that joining a group takes are left out.
Rounds of the two alternate, so that a busy machine slows both. Everything runs on loopback in a folder of its own.

    python -m medcode_ml.benchmarks.stream_landing
    python -m medcode_ml.benchmarks.stream_landing --client confluent --messages 100000
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import sqlalchemy as sa

from medcode_ml.benchmarks.stream_broker import make_topics, running_broker, ungrouped
from medcode_ml.contracts.streamed import stream_message, stream_offset
from medcode_ml.settings import Settings, settings
from medcode_ml.store import database
from medcode_ml.store.embedded import EmbeddedServer
from medcode_ml.store.migrate import migrate
from medcode_ml.streaming.client import open_producer
from medcode_ml.streaming.landing import Lander
from medcode_ml.streaming.loop import Loop
from medcode_ml.streaming.topics import SCANNED_RECORD, topic

_PARTITIONS: Final = 2
_TEXT: Final = 730
"""Characters of text that make a message one kilobyte."""
#: 97.5% points of Student's t for 2 to 10 rounds
_T: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5, choices=range(2, 11))
    parser.add_argument("--client", default="kafka-python", help="kafka-python or confluent")
    parser.add_argument("--batch", type=int, default=2000, help="messages in a transaction")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.inside:
        return _measure(given)
    folder = Path(tempfile.mkdtemp(prefix="medcode-landing-"))
    try:
        with running_broker() as bootstrap:
            # a process of its own: database and topics of its own come from its environment
            own = {"HOME": folder, "KAFKA_BOOTSTRAP": bootstrap, "KAFKA_CLIENT": given.client,
                   "STREAM_BATCH": given.batch}  # fmt: skip
            named = [f"MEDCODE_{name}={value}" for name, value in own.items()]
            here = [sys.executable, "-m", "medcode_ml.benchmarks.stream_landing"]
            asked = sys.argv[1:] if arguments is None else arguments
            command = ["env", "-u", "MEDCODE_DATABASE_URL", *named, *here, *asked, "--inside"]
            return subprocess.run(command, check=False).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(given: argparse.Namespace) -> int:
    """Measure with the settings of this process."""
    chosen = settings()
    server = EmbeddedServer(chosen)
    try:
        engine = database.engine()
        migrate(engine)
        make_topics(chosen.kafka_bootstrap, topic(SCANNED_RECORD), partitions=_PARTITIONS)
        size = _fill(chosen, given.messages)
        bare, landed = [], []
        for _ in range(given.rounds):
            bare.append(given.messages / _timed(lambda: _bare(chosen, given.messages)))
            with engine.begin() as connection:
                connection.execute(sa.delete(stream_offset))
                connection.execute(sa.text(f"TRUNCATE {stream_message.fullname}"))
            landed.append(given.messages / _timed(lambda: _land(chosen, given.messages)))
            with engine.connect() as connection:
                rows = connection.execute(sa.select(sa.func.count()).select_from(stream_message)).scalar_one()
            assert rows == given.messages, f"{rows} rows of {given.messages} messages"
        engine.dispose()
    finally:
        server.remove()
    shares = [one / other for one, other in zip(landed, bare, strict=True)]
    print(f"{given.client}, {given.messages} messages of {size} bytes, {given.rounds} rounds")  # noqa: T201
    print(f"{'':<24}{'median':>12}{'mean':>12}  95% interval of the mean")  # noqa: T201
    for name, values, form in (("bare poll loop, msg/s", bare, ",.0f"), ("landing, msg/s", landed, ",.0f"),
                               ("landing / bare", shares, ".1%")):  # fmt: skip
        low, high = _interval(values)
        median, mean = statistics.median(values), statistics.fmean(values)
        print(f"{name:<24}{median:>12{form}}{mean:>12{form}}  [{low:{form}}, {high:{form}}]")  # noqa: T201
    return 0


def _fill(chosen: Settings, count: int) -> int:
    """Send messages; returns the bytes of one. Always by the fast client where it is there: it is not measured."""
    from importlib.util import find_spec

    fast = "confluent" if find_spec("confluent_kafka") else "kafka-python"
    producer, size = open_producer(chosen.model_copy(update={"kafka_client": fast})), 0
    now = datetime.now(UTC).isoformat()
    for n in range(count):
        message: dict[str, Any] = {
            "message_id": uuid.uuid4().hex, "kind": "scanned_record", "source_system": "speed", "sent_at": now,
            "row": {"hospital_id": "H1", "record_id": f"R{n}", "encounter_number": f"E{n}", "mrn": f"M{n}",
                    "document_type": "progress_note", "text": "x" * _TEXT},
        }  # fmt: skip
        data = orjson.dumps(message)
        size = len(data)
        producer.send(topic(SCANNED_RECORD), f"{n:016x}", data)
        if n % 5000 == 4999:
            producer.flush(60)
    producer.flush(60)
    producer.close()
    return size


def _bare(chosen: Settings, count: int) -> Callable[[], None]:
    consumer = ungrouped("bare", chosen)()

    def run() -> None:
        consumer.subscribe([topic(SCANNED_RECORD)], lambda places: dict.fromkeys(places, 0), lambda: None)
        read = 0
        while read < count:
            read += sum(map(len, consumer.poll(0.2, chosen.stream_batch).values()))
        consumer.close()

    return run


def _land(chosen: Settings, count: int) -> Callable[[], None]:
    """Everything that `medcode stream land` does with a message; the consumer is connected already."""
    lander, consumer = Lander(chosen), ungrouped("land", chosen)()
    loop = Loop(lander, lambda: consumer, lambda: open_producer(chosen), lambda: lander.landed >= count)
    return loop.run


def _timed(made: Callable[[], Callable[[], None]]) -> float:
    """Seconds that the work takes, without those of connecting."""
    work = made()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _interval(values: Sequence[float]) -> tuple[float, float]:
    mean, half = statistics.fmean(values), _T[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))
    return mean - half, mean + half


if __name__ == "__main__":
    raise SystemExit(main())
