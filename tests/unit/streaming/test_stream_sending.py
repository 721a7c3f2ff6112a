"""Messages made of a delivery folder: their ids, and keys that say nothing to others."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.delivery import charge, write

from medcode_ml.contracts.ids import record_hash
from medcode_ml.intake.folder import FolderSource
from medcode_ml.settings import settings
from medcode_ml.streaming.sending import folder_messages, message_keys
from medcode_ml.streaming.topics import StreamError

DAY = date(2026, 10, 5)


def _ids(root: Path, *charges: dict[str, Any], folder: str = "f") -> list[str]:
    write(root / folder, charge=list(charges))
    (part,) = FolderSource(root / folder).read(DAY, {"charge"})
    return [one["message_id"] for one in folder_messages(part, DAY, "folder", Counter())]


def test_an_id_is_made_of_what_the_row_says_and_not_of_its_line(tmp_path: Path) -> None:
    """One line put in gave every later line another id, and a second hospital's folder the same ones."""
    one, two, three = charge("E1", 1), charge("E1", 2), charge("E1", 3)
    before = _ids(tmp_path, one, two)
    assert _ids(tmp_path, one, two, folder="copy") == before
    assert _ids(tmp_path, three, one, two)[1:] == before
    assert set(_ids(tmp_path, charge("E1", 1, "9.00"), charge("E9", 2))).isdisjoint(before)


def test_equal_rows_of_a_file_are_messages_of_their_own_also_when_sent_again(tmp_path: Path) -> None:
    twice = _ids(tmp_path, charge("E1", 1), charge("E1", 1))
    assert len(set(twice)) == 2
    assert _ids(tmp_path, charge("E1", 1), charge("E1", 2), charge("E1", 1))[::2] == twice


def test_an_empty_column_is_not_the_text_of_another(tmp_path: Path) -> None:
    assert _ids(tmp_path, charge("E1", 1, hcpcs="A", modifiers="")) != _ids(
        tmp_path, charge("E1", 1, hcpcs="", modifiers="A")
    )


def test_keys_are_made_with_the_secret_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    assert message_keys()("key", "E1") == record_hash("key", "E1")
    file = tmp_path / "secret"
    monkeypatch.setenv("MEDCODE_KAFKA_MESSAGE_KEY_SECRET_FILE", str(file))
    settings.cache_clear()
    try:
        with pytest.raises(StreamError, match="MEDCODE_KAFKA_MESSAGE_KEY_SECRET_FILE"):
            message_keys()
        file.write_text("\n")
        with pytest.raises(StreamError, match="empty"):
            message_keys()
        file.write_text("one\n")
        first = message_keys()("key", "E1")
        file.write_text("two\n")
        assert len({first, message_keys()("key", "E1"), record_hash("key", "E1")}) == 3
        assert message_keys()("key", "E1") == message_keys()("key", "E1")
    finally:
        settings.cache_clear()
