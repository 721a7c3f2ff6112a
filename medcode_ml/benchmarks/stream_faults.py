"""Fifty kill -9 while messages flow: is anything lost, is anything there twice?

Landing processes, a worker and the database are killed at random while a producer sends; each is started again at once,
the database by whoever misses it. Then the messages are counted from the broker's side and from the database's.
Everything runs on loopback in a folder of its own.

    python -m medcode_ml.benchmarks.stream_faults
    python -m medcode_ml.benchmarks.stream_faults --messages 2000 --kills 5 --requests 50
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import sqlalchemy as sa
from tqdm import tqdm

from medcode_ml.benchmarks.stream_broker import make_topics, running_broker
from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.streamed import reply, stream_dead_letter, stream_message
from medcode_ml.settings import Settings
from medcode_ml.store.database import make_engine
from medcode_ml.store.embedded import EmbeddedServer
from medcode_ml.store.migrate import migrate
from medcode_ml.streaming.client import open_consumer, open_producer
from medcode_ml.streaming.topics import DEAD_LETTER, REPLY, REQUEST, SCANNED_RECORD, SUBJECTS, topic

POISON_EVERY: Final = 100
"""Every so many messages one that cannot be landed."""
_NOTE: Final = {"record_id": "N", "text": "Discharge diagnosis: pneumonia.", "discharge_date": "2026-11-05"}
_PARTITIONS: Final = 4


@dataclass
class Outcome:
    """What was counted, and what is wrong with it."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def say(self, name: str, value: object) -> None:
        """Add a figure."""
        self.lines.append((name, str(value)))

    def hold(self, name: str, good: bool) -> None:
        """Add a fault where it does not hold."""
        if not good:
            self.faults.append(name)


class _Processes:
    """The processes that are killed and started again."""

    def __init__(self, chosen: Settings, folder: Path) -> None:
        self._command = [
            "env", f"MEDCODE_HOME={chosen.home}", f"MEDCODE_KAFKA_BOOTSTRAP={chosen.kafka_bootstrap}",
            f"MEDCODE_KAFKA_CLIENT={chosen.kafka_client}", "MEDCODE_KAFKA_SESSION_SECONDS=6",
            "MEDCODE_STREAM_BATCH=200", "MEDCODE_STREAM_SECONDS=0.2", "MEDCODE_FIRST_DAY=2026-09-01",
            "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", str(Path(sys.executable).with_name("medcode")), "stream",
        ]  # fmt: skip
        self._folder = folder
        self._server = EmbeddedServer(chosen)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._fallen: set[str] = set()
        self.kinds = {"land-1": "land", "land-2": "land", "work-1": "work"}
        for name in self.kinds:
            self.start(name)

    def start(self, name: str) -> None:
        """Start a process."""
        with (self._folder / f"{name}.log").open("ab") as log:
            # without MEDCODE_KAFKA_INSTANCE: the broker of the wheel never answers a member's join once another with a
            # lasting name was killed during its own (kafka-python alone shows it too)
            self._running[name] = subprocess.Popen([*self._command, self.kinds[name]], stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """Kill -9 a process, or the database, and start it again (the database is started by who misses it)."""
        if name == "database":
            try:
                os.kill(int((self._server._data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                return  # nobody has missed it yet since it was killed last
            return
        self.ended()
        self._running[name].send_signal(signal.SIGKILL)
        self._running[name].wait()
        self.start(name)

    def ended(self) -> list[str]:
        """Processes that ended by themselves, now or before they were started again."""
        self._fallen |= {name for name, process in self._running.items() if process.poll() is not None}
        return sorted(self._fallen)

    def stop(self) -> None:
        """End all."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._server.remove()


def main(arguments: list[str] | None = None) -> int:
    """Run it and print what was counted; 1 where something was lost or is there twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--pause", type=float, default=2.5, help="mean seconds between two kills")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--client", default="kafka-python", help="kafka-python or confluent")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="medcode-faults-"))
    try:
        with running_broker() as bootstrap:
            outcome = _run(given, Settings(home=folder / "home", kafka_bootstrap=bootstrap,
                                           kafka_client=given.client, kafka_session_seconds=6), folder)  # fmt: skip
    finally:
        if given.keep:
            print(f"logs: {folder}")  # noqa: T201
        else:
            shutil.rmtree(folder, ignore_errors=True)
    width = max(len(name) for name, _ in outcome.lines)
    for name, value in outcome.lines:
        print(f"{name:<{width}}  {value}")  # noqa: T201
    print("\n".join(f"FAULT: {fault}" for fault in outcome.faults) or "nothing lost, nothing twice")  # noqa: T201
    return 1 if outcome.faults else 0


def _run(given: argparse.Namespace, chosen: Settings, folder: Path) -> Outcome:
    chance, outcome, began = random.Random(given.seed), Outcome(), time.monotonic()
    engine = make_engine(EmbeddedServer(chosen).ensure())
    migrate(engine)
    engine.dispose()
    make_topics(chosen.kafka_bootstrap, *(topic(s) for s in SUBJECTS), partitions=_PARTITIONS)
    processes = _Processes(chosen, folder)
    seconds = given.kills * given.pause
    producer = threading.Thread(target=_produce, args=(given, chosen, seconds), daemon=True)
    killed: Counter[str] = Counter()
    try:
        time.sleep(8)  # groups form
        producer.start()
        for _ in tqdm(range(given.kills), unit="kill", disable=not sys.stderr.isatty()):
            time.sleep(chance.uniform(0.4, 1.6) * given.pause)
            name = chance.choice([*processes.kinds, "database"])
            processes.kill(name)
            killed[name.split("-")[0]] += 1
        producer.join()
        drained = _wait_until_drained(given, chosen, processes)
        outcome.say("kills", ", ".join(f"{n} {name}" for name, n in sorted(killed.items())))
        outcome.hold(f"not all was taken in within {_DRAIN:.0f} s", drained)
        outcome.hold(f"ended by itself: {processes.ended()}", not processes.ended())
        _count(given, chosen, outcome)
        outcome.say("seconds", round(time.monotonic() - began))
    finally:
        processes.stop()
    return outcome


_DRAIN: Final = 180.0


def _produce(given: argparse.Namespace, chosen: Settings, seconds: float) -> None:
    """Send evenly over `seconds`, so that every kill meets messages on their way."""
    producer, began = open_producer(chosen), time.monotonic()
    every = max(1, given.messages // max(1, given.requests))
    for n in range(given.messages):
        key = record_hash("key", n % 500)
        now = datetime.now(UTC).isoformat()
        message: dict[str, Any] = {
            "message_id": f"m{n}", "kind": "scanned_record", "source_system": "faults", "sent_at": now,
            "row": {"hospital_id": "H1", "record_id": f"R{n}", "encounter_number": f"E{n % 500}", "mrn": f"M{n % 500}",
                    "document_type": "progress_note", "text": "word " * 100},
        }  # fmt: skip
        data = orjson.dumps(message) if n % POISON_EVERY else b'{"message_id": "broken'
        producer.send(topic(SCANNED_RECORD), key, data)
        if n % every == 0 and n // every < given.requests:
            asked = {"request_id": f"r{n // every}", "operation": "code", "sent_at": now, "records": [_NOTE]}
            producer.send(topic(REQUEST), record_hash("request", n), orjson.dumps(asked))
        if n % 50 == 49:
            producer.flush(60)
            time.sleep(max(0.0, began + seconds * n / given.messages - time.monotonic()))
    producer.flush(60)
    producer.close()


def _wait_until_drained(given: argparse.Namespace, chosen: Settings, processes: _Processes) -> bool:
    until = time.monotonic() + _DRAIN
    while time.monotonic() < until:
        time.sleep(1)
        engine = make_engine(EmbeddedServer(chosen).ensure())
        with engine.connect() as connection:
            landed, dead, replies = (
                connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in (stream_message, stream_dead_letter, reply)
            )
            waiting = connection.execute(
                sa.select(sa.func.count()).select_from(stream_dead_letter).where(
                    stream_dead_letter.c.published_at.is_(None))
            ).scalar_one()  # fmt: skip
            unsent = connection.execute(
                sa.select(sa.func.count()).select_from(reply).where(reply.c.published_at.is_(None))
            ).scalar_one()
        engine.dispose()
        if landed + dead >= given.messages and replies >= given.requests and not waiting and not unsent:
            return True
        if processes.ended():
            return False
    return False


def _count(given: argparse.Namespace, chosen: Settings, outcome: Outcome) -> None:
    """Compare what the broker holds with what the database holds."""
    held = _held(chosen, SCANNED_RECORD, given.messages)
    engine = make_engine(EmbeddedServer(chosen).ensure())
    with engine.connect() as connection:
        columns = ("topic", "partition", "offset")
        landed = [tuple(r) for r in connection.execute(sa.select(*(stream_message.c[c] for c in columns)))]
        ids = list(connection.execute(sa.select(stream_message.c.message_id)).scalars())
        dead = [tuple(r) for r in connection.execute(sa.select(*(stream_dead_letter.c[c] for c in columns)))]
        kept = list(connection.execute(sa.select(reply.c.request_id)).scalars())
    engine.dispose()
    on_broker = {(place.topic, place.partition, offset) for place, offset, _ in held}
    taken = Counter(landed) + Counter(dead)
    outcome.say("messages sent", given.messages)
    outcome.say("on the broker", len(on_broker))
    outcome.say("landed", len(landed))
    outcome.say("dead letters", len(dead))
    outcome.say("lost", len(on_broker - set(taken)))
    outcome.say("twice", sum(n - 1 for n in taken.values()))
    outcome.hold("messages on the broker are in no table", not on_broker - set(taken))
    outcome.hold("rows that no message on the broker stands for", not set(taken) - on_broker)
    outcome.hold("a message is there twice", max(taken.values(), default=0) <= 1)
    outcome.hold("the broker holds other messages than were sent", len(on_broker) == given.messages)
    outcome.hold("a message_id is there twice", len(set(ids)) == len(ids))
    letters = [orjson.loads(value)["dead_letter_id"] for _, _, value in _held(chosen, DEAD_LETTER, len(dead))]
    outcome.say("dead letters on their topic", f"{len(set(letters))} (sent again {len(letters) - len(set(letters))})")
    outcome.hold("dead letters are missing from their topic", len(set(letters)) == len(dead))
    told = [orjson.loads(value) for _, _, value in _held(chosen, REPLY, given.requests)]
    answered = {one["request_id"]: one["reply_id"] for one in told}
    outcome.say("requests sent", given.requests)
    outcome.say("replies kept", len(kept))
    outcome.say("replies on their topic", f"{len(answered)} (sent again {len(told) - len(answered)})")
    outcome.hold("a request has two replies", len(set(kept)) == len(kept))
    outcome.hold("a request has no reply", len(answered) == given.requests == len(kept))
    outcome.hold("a reply was sent with two ids", len({one["reply_id"] for one in told}) == len(answered))


def _held(chosen: Settings, subject: str, expected: int) -> list[tuple[Any, int, bytes]]:
    """Everything that the broker holds of a topic, read from the beginning."""
    consumer, found, quiet = open_consumer("count", chosen), list[tuple[Any, int, bytes]](), 0
    try:
        places = consumer.partitions(topic(subject))
        consumer.assign(dict.fromkeys(places, 0))
        while quiet < 5:
            polled = consumer.poll(0.5, 5000)
            quiet = 0 if polled else quiet + 1
            for place, messages in polled.items():
                found += [(place, m.offset, m.value or b"") for m in messages]
    finally:
        consumer.close()
    return found


if __name__ == "__main__":
    raise SystemExit(main())
