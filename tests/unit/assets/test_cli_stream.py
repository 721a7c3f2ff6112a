"""`medcode stream`: help with examples, schemas without a broker, and mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from medcode_assets.cli import app
from medcode_assets.commands.stream import _prepare_waiting
from medcode_ml.settings import settings
from medcode_ml.streaming.topics import SUBJECTS, StreamError


@pytest.mark.parametrize("command", ["land", "work", "replay", "purge", "skip", "schemas", "send", "lag", "check"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, ["stream", command, "--help"])
    assert shown.exit_code == 0
    assert f"medcode stream {command}" in shown.output


def test_schemas_are_written_without_a_broker(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["stream", "schemas", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert {json.loads(p.read_text())["title"] for p in tmp_path.iterdir()} == set(SUBJECTS)


def test_without_a_broker_named_the_message_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text("{}\n")
    done = CliRunner().invoke(app, ["stream", "send", "--in", str(tmp_path / "m.jsonl")])
    assert isinstance(done.exception, StreamError)
    assert "MEDCODE_KAFKA_BOOTSTRAP" in str(done.exception)


@pytest.mark.parametrize(
    "arguments", [[], ["--from-offset", "1", "--dead-letters"], ["--from-offset", "1", "--in", "x"]]
)
def test_replay_asks_what_to_land_again(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["stream", "replay", *arguments])
    assert isinstance(done.exception, StreamError)


def test_an_unknown_client_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDCODE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("MEDCODE_KAFKA_CLIENT", "pigeon")
    settings.cache_clear()
    try:
        done = CliRunner().invoke(app, ["stream", "send", "--in", str(tmp_path)])
        assert "kafka-python, confluent" in str(done.exception)
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_a_process_that_is_started_before_its_database_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started while the database starts too, it ended with an error, and nobody started it again."""
    from medcode_ml.store import database

    monkeypatch.setenv("MEDCODE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.cache_clear()
    database.engine.cache_clear()
    asked: list[bool] = []

    def stopped() -> bool:
        asked.append(True)
        return len(asked) > 3

    with pytest.raises(typer.Exit) as left:
        _prepare_waiting(stopped)
    assert (left.value.exit_code, len(asked)) == (0, 4)
    monkeypatch.undo()
    settings.cache_clear()
    database.engine.cache_clear()
