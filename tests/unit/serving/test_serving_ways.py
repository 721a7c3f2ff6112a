"""Encounters taken the whole way: a long request takes turns, and what nobody waits for is left undone."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from medcode_ml.billing.payers import load_payers
from medcode_ml.operations import Models
from medcode_ml.serving.batching import OverloadedError
from medcode_ml.serving.formats import WHOLE_EXAMPLE
from medcode_ml.serving.pages import PageReader
from medcode_ml.serving.ways import MOST_WAITING, WholeWays

MODELS = Models(None, None, None, load_payers())
IMAGE = {"image": base64.b64encode(b"no image").decode()}


def encounter(name: str, **more: Any) -> dict[str, Any]:
    return {**WHOLE_EXAMPLE, "encounter_id": name, **more}


class SlowPages(PageReader):
    """Reads no page before it is let go; counts the documents it was asked for."""

    def __init__(self) -> None:
        super().__init__(1.0)
        self.asked, self.begun, self.go = 0, threading.Event(), threading.Event()

    def __call__(self, files: Sequence[bytes]) -> list[dict[str, Any]]:
        self.asked += 1
        self.begun.set()
        self.go.wait(30)
        return [{"text": "", "words": [], "quarantined_because": "broken_file: it cannot be read"}]


@pytest.fixture
def pages() -> SlowPages:
    return SlowPages()


@pytest.fixture
def ways(pages: SlowPages) -> Iterator[WholeWays]:
    held = WholeWays(pages)
    yield held
    pages.go.set()
    held.stop()


def test_a_long_request_takes_turns_with_a_short_one(ways: WholeWays) -> None:
    long = ways.submit([encounter(f"L{n}") for n in range(8)], MODELS, None)
    short = ways.submit([encounter("S")], MODELS, None)
    seen: list[bool] = []
    short.add_done_callback(lambda _: seen.append(long.done()))
    answers = long.result(120)
    assert [a["encounter_id"] for a in answers] == [f"L{n}" for n in range(8)]  # type: ignore[index]
    assert seen == [False], "the short request waited for the long one"
    assert ways.waiting == 0


def test_an_abandoned_request_is_left_at_the_next_document(ways: WholeWays, pages: SlowPages) -> None:
    gone = ways.submit([encounter("G", documents=[IMAGE] * 3), encounter("H", documents=[IMAGE])], MODELS, None)
    kept = ways.submit([encounter("K", documents=[IMAGE])], MODELS, None)
    assert pages.begun.wait(30)
    assert not gone.cancel(), "it is not begun: this shows nothing"
    ways.abandon(gone)
    pages.go.set()
    assert kept.result(60)[0]["encounter_id"] == "K"  # type: ignore[index]
    assert pages.asked == 2, "documents were read for nobody"
    assert (gone.done(), ways.waiting) == (False, 0)


def test_jobs_turn_nobody_away(ways: WholeWays, pages: SlowPages) -> None:
    ways.submit([encounter(str(n), documents=[IMAGE]) for n in range(MOST_WAITING)], MODELS, None, bounded=False)
    waits = ways.submit([encounter("W", documents=[IMAGE])], MODELS, None)
    with pytest.raises(OverloadedError):
        ways.submit([encounter(str(n)) for n in range(MOST_WAITING)], MODELS, None)
    assert waits.cancel()
    assert ways.waiting == 0


def test_a_stop_tells_those_that_wait(ways: WholeWays, pages: SlowPages) -> None:
    begun = ways.submit([encounter("B", documents=[IMAGE]), encounter("C", documents=[IMAGE])], MODELS, None)
    waits = ways.submit([encounter("W", documents=[IMAGE])], MODELS, None)
    assert pages.begun.wait(30)
    ways.stop()
    pages.go.set()
    for future in (begun, waits, ways.submit([encounter("late")], MODELS, None)):
        with pytest.raises(OverloadedError):
            future.result(30)
