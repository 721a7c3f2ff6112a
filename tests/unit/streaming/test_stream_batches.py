"""One batch in hand, in order, with its outcome; and the pulse that tells whether a process is well."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from medcode_ml.settings import Settings
from medcode_ml.streaming.batches import Batch, Writer
from medcode_ml.streaming.client import Place
from medcode_ml.streaming.health import Pulse, checked
from medcode_ml.streaming.offsets import Claim, OvertakenError

A, B = Place("t", 0), Place("t", 1)


class _Message(NamedTuple):
    offset: int
    value: bytes | None = b"xy"
    timestamp: int = 0
    key: bytes | None = None


def test_a_batch_is_split_into_one_suspect_and_the_rest() -> None:
    batch = Batch()
    batch.add({A: [_Message(3), _Message(4, None)], B: [_Message(7)]})
    assert (batch.count, batch.size, batch.ends()) == (3, 4, {A: 5, B: 8})
    first, others = batch.split(A)
    assert (first.ends(), first.count) == ({A: 4}, 1)
    assert (others.ends(), others.count) == ({A: 5, B: 8}, 2)
    assert batch.split(B)[1].ends() == {A: 5}


def test_a_batch_is_in_hand_until_its_outcome_is_asked_for() -> None:
    writer, going, claims = Writer(), threading.Event(), {A: Claim(3, 1, 0)}
    assert writer.free
    assert writer.wait(0)
    assert writer.result() is None
    writer.begin(claims, {A: 5}, lambda: going.wait(5) and None)
    assert (writer.busy, writer.free, writer.wait(0)) == (True, False, False)
    going.set()
    assert writer.wait(5)
    assert (writer.busy, writer.free) == (False, False), "done, but nobody knows yet how it ended"
    in_hand = writer.result()
    assert in_hand is not None
    assert (in_hand.claims, in_hand.ends, in_hand.done.exception()) == (claims, {A: 5}, None)
    assert writer.free

    def overtaken() -> None:
        raise OvertakenError("gone")

    writer.begin(claims, {A: 5}, overtaken)
    failed = writer.result()
    assert failed is not None
    with pytest.raises(OvertakenError):
        failed.done.result()
    writer.close()


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    """Settings of a home without a database."""
    return Settings(home=tmp_path)


def _process(chosen: Settings, **limits: float) -> tuple[bool, str]:
    found = checked("land", **{"poll_seconds": 30.0, "batch_seconds": 300.0, **limits}, chosen=chosen)
    assert (found[-1].is_good, found[-1].text) == (False, "database: the embedded server does not run")
    (one,) = found[:-1]
    return one.is_good, one.text


def test_a_process_is_well_while_it_polls_and_its_batches_are_committed(chosen: Settings) -> None:
    assert not _process(chosen)[0], "nobody runs"
    pulse = Pulse("land", chosen)
    pulse.beat(is_free=True, partitions=2)
    good, text = _process(chosen)
    assert good
    assert "2 partitions" in text
    (file,) = (chosen.home / "stream").iterdir()
    told = json.loads(file.read_text())
    for change, well in (({"at": time.time() - 100}, False), ({"in_hand_since": time.time() - 100}, True),
                         ({"in_hand_since": time.time() - 400}, False)):  # fmt: skip
        file.write_text(json.dumps({**told, **change}))
        assert _process(chosen)[0] is well
    pulse.end()
    assert not list((chosen.home / "stream").iterdir())


def test_a_killed_process_is_not_taken_for_one_that_runs(chosen: Settings) -> None:
    Pulse("land", chosen).beat(is_free=False, partitions=0)
    (file,) = (chosen.home / "stream").iterdir()
    gone = subprocess.Popen(["true"])
    gone.wait()
    file.rename(file.with_name(file.name.replace(f"-{os.getpid()}.", f"-{gone.pid}.")))
    good, text = _process(chosen)
    assert not good
    assert "medcode stream land" in text
    assert not list((chosen.home / "stream").iterdir())


def test_the_command_says_so_by_its_exit_code() -> None:
    """Health checks of containers and supervisors look at nothing else."""
    from typer.testing import CliRunner

    from medcode_assets.commands.stream import stream_app

    told = CliRunner().invoke(stream_app, ["check", "work"])
    assert told.exit_code == 1
    assert "BAD   no process on this host reads for work" in told.output
    assert CliRunner().invoke(stream_app, ["check", "guess"]).exit_code == 2
