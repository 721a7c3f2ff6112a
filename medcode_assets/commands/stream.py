"""`medcode stream`: landing messages, answering requests, landing again, the schemas, and sending for trying out."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medcode_ml.logs import configure_logging

stream_app = typer.Typer(
    name="stream", no_args_is_help=True, help="Kafka in, answers out (MEDCODE_KAFKA_BOOTSTRAP names the brokers)."
)
UntilEnd = Annotated[
    bool, typer.Option("--until-end", help="Stop when the topic has nothing more, instead of waiting.")
]


class Reader(StrEnum):
    """What a process does with messages."""

    land = "land"
    work = "work"


@stream_app.command()
def land(until_end: UntilEnd = False) -> None:
    """Land messages of the scanned-record topic in raw; what cannot be landed goes to the dead letters. Ctrl-C ends it.

    Start as many as you like: the partitions are shared among them.

    Examples:

        MEDCODE_KAFKA_BOOTSTRAP=localhost:9092 medcode stream land

        MEDCODE_KAFKA_BOOTSTRAP=localhost:9092 medcode stream land --until-end
    """
    from medcode_ml.streaming.client import open_consumer, open_producer
    from medcode_ml.streaming.landing import run_landing

    stopped = _stopped()
    _prepare_waiting(stopped)
    done = run_landing(lambda: open_consumer("land"), open_producer, stopped, until_end=until_end)
    typer.echo(done.figures())


@stream_app.command()
def work(
    coding_model: Annotated[Path | None, typer.Option(help="Model folder; default is the promoted one.")] = None,
    ranking_model: Annotated[Path | None, typer.Option(help="Model folder; default is the promoted one.")] = None,
    payer: Annotated[Path | None, typer.Option(help="Payers file; default is that of the settings.")] = None,
    until_end: UntilEnd = False,
) -> None:
    """Answer requests to code, rank and bill: the same functions and formats as the commands. Ctrl-C ends it.

    Examples:

        MEDCODE_KAFKA_BOOTSTRAP=localhost:9092 medcode stream work

        MEDCODE_KAFKA_BOOTSTRAP=localhost:9092 medcode stream work --coding-model models/coding
    """
    from medcode_ml.streaming.client import open_consumer, open_producer
    from medcode_ml.streaming.worker import run_worker
    from medcode_ml.streaming.worker_models import WorkerModels

    stopped = _stopped()
    _prepare_waiting(stopped)
    models = WorkerModels(coding_model, ranking_model, payer)
    done = run_worker(models, lambda: open_consumer("work"), open_producer, stopped, until_end=until_end)
    typer.echo(done.figures())


@stream_app.command()
def replay(
    topic: Annotated[str | None, typer.Option(help="Topic; default is the scanned-record topic.")] = None,
    partition: Annotated[int, typer.Option(help="Partition of the topic.")] = 0,
    from_offset: Annotated[int | None, typer.Option(help="First offset to land again.")] = None,
    to_offset: Annotated[int | None, typer.Option(help="Last offset; default is all that was landed.")] = None,
    dead_letters: Annotated[bool, typer.Option("--dead-letters", help="Try dead letters by the rules of now.")] = False,
    repaired: Annotated[
        Path | None,
        typer.Option("--in", help='With --dead-letters: lines {"dead_letter_id", "message"} to send again.'),
    ] = None,
) -> None:
    """Land again: from an offset, or dead letters that are good by now, or dead letters that were repaired.

    What is landed already stays; going the same way twice changes nothing.

    Examples:

        medcode stream replay --partition 0 --from-offset 1200

        medcode stream replay --dead-letters

        medcode stream replay --dead-letters --in repaired.jsonl
    """
    from medcode_ml.store.database import engine
    from medcode_ml.streaming import replay as again
    from medcode_ml.streaming.client import Place, open_consumer, open_producer
    from medcode_ml.streaming.topics import SCANNED_RECORD, StreamError
    from medcode_ml.streaming.topics import topic as named

    if dead_letters == (from_offset is not None) or (repaired is not None and not dead_letters):
        raise StreamError("say what to land again: --from-offset N, or --dead-letters (with --in FILE when repaired)")
    _prepare()
    if from_offset is not None:
        consumer = open_consumer("replay")
        try:
            place = Place(topic or named(SCANNED_RECORD), partition)
            done = again.replay_offsets(engine(), consumer, place, from_offset, to_offset)
        finally:
            consumer.close()
    elif repaired is not None:
        producer = open_producer()
        try:
            done = again.send_repaired(engine(), producer, repaired)
        finally:
            producer.close()
    else:
        done = again.replay_dead_letters(engine())
    for number, reason in done.rejected:
        typer.echo(f"line {number}: {reason}", err=True)
    typer.echo(f"read {done.read}, landed {done.landed}, sent again {done.sent}, still dead {done.still_dead}")
    if done.days:
        typer.echo(f"run the stages of {min(done.days)} to {max(done.days)} again: medcode run --from … --to …")


@stream_app.command()
def skip(
    partition: Annotated[int, typer.Option(help="Partition of the topic.")],
    to: Annotated[int, typer.Option(help="Offset to go on at.")],
    topic: Annotated[str, typer.Option(help="Topic, with its prefix.")],
    reader: Annotated[Reader, typer.Option(help="Who goes on there: land or work.")],
) -> None:
    """Go past messages that cannot be taken in any more: those the broker deleted before they were read (retention).

    Only ever forward. What is skipped is kept as one dead letter that names the range.

    Example:

        medcode stream skip --topic medcode.scanned-record.v1 --partition 0 --to 1200 --reader land
    """
    from medcode_ml.store.database import engine
    from medcode_ml.streaming import skipping
    from medcode_ml.streaming.client import Place, open_consumer

    _prepare("WARNING")
    consumer = open_consumer("skip")
    try:
        skipped = skipping.skip(engine(), consumer, reader.value, Place(topic, partition), to)
    finally:
        consumer.close()
    typer.echo(f"skipped {skipped}; {reader.value} goes on at {to}")


@stream_app.command()
def purge(
    older_than: Annotated[int, typer.Option(min=1, max=36500, help="Age in days from which on rows go.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, delete nothing.")] = False,
) -> None:
    """Delete what is older and no longer needed; by itself medcode deletes nothing.

    Replies and events that were sent (the last event of an encounter stays), dead letters that are settled, and landed
    messages of days before MEDCODE_FIRST_DAY: later days can be run again from them.

    Examples:

        medcode stream purge --older-than 90 --dry-run

        medcode stream purge --older-than 90
    """
    from medcode_ml.store.database import engine
    from medcode_ml.streaming import purging

    _prepare("WARNING")
    for table, rows in purging.purge(engine(), timedelta(days=older_than), dry_run=dry_run).items():
        typer.echo(f"{table:<24} {rows:>12} {'would go' if dry_run else 'deleted'}")


@stream_app.command()
def schemas(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
) -> None:
    """Write the JSON Schemas of the topics (draft 2020-12), one file a topic and version.

    Example:

        medcode stream schemas --out schemas
    """
    from medcode_ml.streaming.schemas import write_schemas

    for path in write_schemas(out):
        typer.echo(path)


@stream_app.command()
def send(
    source: Annotated[Path, typer.Option("--in", help="Delivery folder, or JSON Lines with one message a line.")],
    to: Annotated[str, typer.Option(help="What the lines are: scanned-record.v1 or request.v1.")] = "scanned-record.v1",
    source_system: Annotated[str, typer.Option(help="Name of the sending system, of a delivery folder.")] = "folder",
) -> None:
    """Send a delivery folder, or messages line by line: for trying out and for tests.

    Page files of a delivery stay where they are: set MEDCODE_SOURCE_DIR to the folder where messages are landed.

    Examples:

        medcode stream send --in deliveries

        medcode stream send --in requests.jsonl --to request.v1
    """
    from medcode_ml.streaming.client import open_producer
    from medcode_ml.streaming.sending import send_folder, send_lines

    configure_logging("WARNING")
    producer = open_producer()
    try:
        sent = send_folder(producer, source, source_system) if source.is_dir() else send_lines(producer, source, to)
    finally:
        producer.close()
    for number, reason in sent.rejected:
        typer.echo(f"line {number}: {reason}", err=True)
    typer.echo(f"sent {sent.messages}, not sent {len(sent.rejected)}")


@stream_app.command()
def lag() -> None:
    """Print how far landing and answering are behind the broker, by partition, and what waits to be sent to it.

    Example:

        medcode stream lag
    """
    from medcode_ml.contracts.streamed import event, reply, stream_dead_letter
    from medcode_ml.store.database import engine
    from medcode_ml.streaming.lag import partition_lags
    from medcode_ml.streaming.offsets import LAND, WORK
    from medcode_ml.streaming.outbox import unsent
    from medcode_ml.streaming.topics import REQUEST, SCANNED_RECORD

    _prepare("WARNING")
    for reader, subject in ((LAND, SCANNED_RECORD), (WORK, REQUEST)):
        for one in partition_lags(engine(), reader, subject):
            name = f"{one.place.topic}/{one.place.partition}"
            typer.echo(f"{reader:<5} {name:<40} end {one.end:>12}  taken in {one.taken_in:>12}  lag {one.lag:>10}")
    waiting = {"replies": reply, "dead letters": stream_dead_letter, "events": event}
    typer.echo("to be sent: " + ", ".join(f"{name} {unsent(engine(), table)}" for name, table in waiting.items()))


@stream_app.command()
def check(
    reader: Annotated[Reader, typer.Argument(help="Which processes: land or work.")],
    poll_seconds: Annotated[float, typer.Option(help="The last poll may be so long ago.")] = 30.0,
    batch_seconds: Annotated[float, typer.Option(help="A batch may wait so long for its commit.")] = 300.0,
) -> None:
    """Tell whether the processes on this host are well: polling, committing, their database reached. 1 when not.

    Examples:

        medcode stream check land

        medcode stream check work --batch-seconds 900
    """
    from medcode_ml.streaming.health import checked

    found = checked(reader.value, poll_seconds=poll_seconds, batch_seconds=batch_seconds)
    for one in found:
        typer.echo(f"{'good' if one.is_good else 'BAD '}  {one.text}")
    if not all(one.is_good for one in found):
        raise typer.Exit(1)


def _prepare(level: str = "INFO") -> None:
    from medcode_ml.store.database import engine
    from medcode_ml.store.migrate import migrate

    configure_logging(level)
    migrate(engine())


def _prepare_waiting(stopped: Callable[[], bool]) -> None:
    """As `_prepare`, for what goes on running: it may be started before its database is, or while that starts again."""
    from medcode_ml.store.migrate import migrate
    from medcode_ml.streaming.waiting import with_database

    def stop_or_go() -> None:
        if stopped():
            raise typer.Exit(0)

    configure_logging("INFO")
    with_database(migrate, stop_or_go)


def _stopped() -> Callable[[], bool]:
    """Whether SIGINT or SIGTERM came: what is being written is finished first, what is being scored is given back."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return lambda: asked
