"""Questions that hang: nobody waits long, each is asked once at a time, and what others ask goes on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from medcode_ml.serving.asking import Questions

SECONDS = 0.2


@pytest.fixture
def questions() -> Iterator[Questions]:
    made = Questions("tests", 2)
    yield made
    made.stop()


def test_those_who_ask_the_same_at_once_get_one_answer(questions: Questions) -> None:
    asked: list[int] = []

    def question() -> str:
        asked.append(1)
        time.sleep(0.02)
        return "answer"

    async def many() -> list[str]:
        return await asyncio.gather(*(questions.ask("what", question, SECONDS) for _ in range(20)))

    assert asyncio.run(many()) == ["answer"] * 20
    assert len(asked) == 1


def test_one_that_hangs_is_waited_for_once_and_hinders_no_other(questions: Questions) -> None:
    ends, ended = threading.Event(), threading.Event()

    def hangs() -> None:
        ends.wait(20)
        ended.set()

    async def ask() -> tuple[float, float, str]:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await questions.ask("slow", hangs, SECONDS)
        first = time.monotonic() - began
        with pytest.raises(TimeoutError):
            await questions.ask("slow", hangs, SECONDS)
        second = time.monotonic() - began - first
        other = await questions.ask("quick", lambda: "answer", SECONDS)
        ends.set()
        while not ended.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        assert await questions.ask("slow", lambda: "again", SECONDS) == "again", "one that ended is not asked anew"
        return first, second, other

    first, second, other = asyncio.run(ask())
    assert 0.15 < first < 2
    assert second < 0.1, "everybody waits anew for what hangs"
    assert other == "answer"


def test_what_a_question_raises_is_told_to_all_who_wait(questions: Questions) -> None:
    def fails() -> None:
        time.sleep(0.02)
        raise LookupError("no")

    async def many() -> list[object]:
        return await asyncio.gather(*(questions.ask("what", fails, SECONDS) for _ in range(3)), return_exceptions=True)

    assert [type(one) for one in asyncio.run(many())] == [LookupError] * 3


def test_questions_that_hang_do_not_pile_up(questions: Questions) -> None:
    ends = threading.Event()

    async def flood() -> float:
        waiting = [asyncio.ensure_future(questions.ask(n, lambda: ends.wait(20), SECONDS)) for n in range(100)]
        await asyncio.sleep(0.05)
        refused = sum(one.done() and isinstance(one.exception(), TimeoutError) for one in waiting)
        ends.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        return refused

    assert asyncio.run(flood()) == 36
