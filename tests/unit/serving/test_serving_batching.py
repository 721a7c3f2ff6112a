"""Requests scored together: each gets its own answers, a failing record costs nobody else, long ones take turns."""

from __future__ import annotations

from typing import Any

import pytest

from medcode_ml.billing.payers import load_payers
from medcode_ml.operations import Models, Unanswered, answer_records
from medcode_ml.serving.batching import Batcher, OverloadedError
from medcode_ml.serving.formats import ENCOUNTER_EXAMPLE, NOTE_EXAMPLE

MODELS = Models(None, None, None, load_payers())


def note(name: str, text: str = "Type 2 diabetes mellitus.", **more: Any) -> dict[str, Any]:
    return {"record_id": name, "text": text, "discharge_date": "2026-03-01", **more}


def test_requests_that_wait_share_a_batch_and_get_their_own_answers() -> None:
    batcher = Batcher(most=16, milliseconds=0)
    futures = [batcher.submit("code", [note(f"n{n}")], MODELS) for n in range(8)]
    batcher.start()
    answers = [future.result(60) for future in futures]
    batcher.stop(60)
    assert [a[0]["record_id"] for a in answers] == [f"n{n}" for n in range(8)]  # type: ignore[index]
    assert (batcher.batches, batcher.records) == (1, 8)


def test_a_long_request_takes_turns_with_a_short_one() -> None:
    batcher = Batcher(most=4, milliseconds=0)
    long = batcher.submit("code", [note(f"l{n}") for n in range(40)], MODELS)
    short = batcher.submit("code", [note("s")], MODELS)
    seen: list[bool] = []
    short.add_done_callback(lambda _: seen.append(long.done()))
    batcher.start()
    assert len(long.result(60)) == 40
    batcher.stop(60)
    assert seen == [False], "the short request waited for the long one"
    assert [a["record_id"] for a in long.result()] == [f"l{n}" for n in range(40)]  # type: ignore[index]


def test_a_long_request_to_rank_by_documents_takes_turns_with_a_short_one() -> None:
    batcher = Batcher(most=4, milliseconds=0)
    documents = [{"type": "discharge_summary", "text": NOTE_EXAMPLE["text"]}]
    stays = [{**ENCOUNTER_EXAMPLE, "encounter_id": f"l{n}", "documents": documents} for n in range(10)]
    long = batcher.submit("rank", stays, MODELS)
    short = batcher.submit("code", [note("s")], MODELS)
    seen: list[bool] = []
    short.add_done_callback(lambda _: seen.append(long.done()))
    batcher.start()
    answers = long.result(60)
    batcher.stop(60)
    assert seen == [False], "the short request waited until all documents were read"
    assert answers == answer_records("rank", stays, MODELS), "in parts it is ranked otherwise"


class FailingModel:
    """A model that fails on one note: real enough for `code_notes` to trip over."""

    version = "failing-1"
    day = None
    learned = None

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("secret of a patient")


def test_a_record_of_no_release_costs_no_other_its_answer() -> None:
    models = Models(None, None, None, load_payers())
    # the date passes the check of the form but no release knows it
    found = answer_records("code", [note("a"), note("b", discharge_date="1999-01-01"), note("c")], models)
    assert isinstance(found[1], Unanswered)
    assert not found[1].ours
    assert [f["record_id"] for f in found if not isinstance(f, Unanswered)] == ["a", "c"]


def test_a_fault_of_medcode_is_told_without_the_record(caplog: pytest.LogCaptureFixture) -> None:
    models = Models(FailingModel(), None, None, load_payers())  # type: ignore[arg-type]
    (found,) = answer_records("code", [note("a", "Jane Roe has asthma.")], models)
    assert isinstance(found, Unanswered)
    assert found.ours
    assert "secret" not in found.reason
    assert "secret" not in caplog.text
    assert "Jane" not in caplog.text


def test_too_much_waiting_is_turned_away() -> None:
    batcher = Batcher()
    batcher.submit("code", [note(str(n)) for n in range(4096)], MODELS)
    with pytest.raises(OverloadedError):
        batcher.submit("code", [note("one more")], MODELS)


def test_a_cancelled_request_is_not_scored() -> None:
    batcher = Batcher(milliseconds=0)
    gone = batcher.submit("code", [note("gone")], MODELS)
    kept = batcher.submit("code", [note("kept")], MODELS)
    assert gone.cancel()
    batcher.start()
    assert len(kept.result(60)) == 1
    batcher.stop(60)
    assert batcher.records == 1
    assert batcher.waiting == 0


def test_an_abandoned_request_leaves_the_line_and_the_others_go_on() -> None:
    batcher = Batcher(most=4, milliseconds=0)
    gone = batcher.submit("code", [note(f"g{n}") for n in range(400)], MODELS, bounded=False)
    kept = batcher.submit("code", [note(f"k{n}") for n in range(12)], MODELS)
    begun: list[bool] = []
    kept.add_done_callback(lambda _: (batcher.abandon(gone), begun.append(True)))
    batcher.start()
    assert len(kept.result(60)) == 12
    batcher.stop(60)
    assert begun
    assert not gone.done()
    assert (batcher.waiting, batcher.alive) == (0, False)
    assert batcher.records < 40, "the abandoned request was scored to its end"


def test_a_stop_has_a_limit_and_tells_those_that_wait() -> None:
    batcher = Batcher(most=1, milliseconds=0)
    batcher.start()
    begun, waits = (batcher.submit("code", [note(str(n)) for n in range(2000)], MODELS) for _ in range(2))
    batcher.stop(0.05)
    for future in (begun, waits):
        with pytest.raises(OverloadedError):
            future.result(30)
    with pytest.raises(OverloadedError):
        batcher.submit("code", [note("late")], MODELS)
