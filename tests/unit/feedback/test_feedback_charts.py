"""What stands in a chart after any row of decisions, and what a record of one must look like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.feedback.charts import Chart, DecisionError, Listed, seconds_by_clock
from medcode_ml.feedback.records import ChartRecordError, Decision, read_chart
from medcode_ml.feedback.words import OUTCOMES, REASONS

LISTED = {
    one.code: one
    for one in (
        Listed("A41.9", "auto", 0.95, True, 1, "Y"),
        Listed("J18.9", "review", 0.7, True, 2, "Y"),
        Listed("N17.9", "review", 0.6, True, 3, "N"),
        Listed("I10", "drop", 0.1, False, None, None),
    )
}
NOON = datetime(2026, 10, 16, 12, tzinfo=UTC)


def decision(code: str, outcome: str, place: int | None = None, poa: str | None = None) -> Decision:
    reason = "other" if outcome == "rejected" else None
    return Decision(code, outcome, reason, place, poa, None, None, None, None, "id")


def decided(*steps: Decision, kind: str = "review") -> Chart:
    chart = Chart(kind, LISTED)
    for step in steps:
        chart.decide(step)
    return chart


def test_the_order_is_the_proposed_one_with_the_coders_moves() -> None:
    chart = decided(
        decision("N17.9", "accepted"), decision("N17.9", "reordered", 1), decision("I10", "added", 2),
        decision("J18.9", "rejected"),
    )  # fmt: skip
    assert chart.order == ["N17.9", "I10", "A41.9"]
    outcomes = {row["code"]: (row["outcome"], row["place"], row["moved"]) for row in chart.codes()}
    assert outcomes == {
        "N17.9": ("accepted", 1, True), "I10": ("added", 2, False), "A41.9": ("kept", 3, False),
        "J18.9": ("rejected", None, False),
    }  # fmt: skip
    assert next(r["score"] for r in chart.codes() if r["code"] == "I10") == 0.1, "what the coder could see of it"


def test_what_is_taken_back_stands_where_it_was_proposed() -> None:
    chart = decided(decision("J18.9", "rejected"), decision("J18.9", "withdrawn"))
    assert chart.order == ["A41.9", "J18.9", "N17.9"]
    assert chart.faults_of_final() is not None, "withdrawn is not decided"
    again = decided(decision("J18.9", "rejected"), decision("J18.9", "accepted", poa="N"))
    assert again.order == ["A41.9", "J18.9", "N17.9"]
    assert next(r for r in again.codes() if r["code"] == "J18.9")["poa"] == "N"


def test_an_auditor_starts_from_nothing() -> None:
    chart = decided(decision("J18.9", "added"), decision("I10", "added", 1), kind="audit")
    assert chart.order == ["I10", "J18.9"]
    assert chart.faults_of_final() is None
    assert {r["code"]: r["outcome"] for r in chart.codes()} == {
        "I10": "added", "J18.9": "confirmed", "A41.9": "not_confirmed", "N17.9": "not_confirmed",
    }  # fmt: skip
    with pytest.raises(DecisionError, match="without proposals"):
        decided(decision("J18.9", "accepted"), kind="audit")


STEP = st.builds(
    decision, st.sampled_from([*LISTED, "E11.9", "B20"]), st.sampled_from(OUTCOMES), st.none() | st.integers(1, 6)
)


@given(st.lists(STEP, max_size=25), st.sampled_from(["review", "audit"]))
def test_whatever_is_decided_no_code_is_lost_doubled_or_reported_against_a_rejection(
    steps: list[Decision], kind: str
) -> None:
    chart = Chart(kind, LISTED)
    for step in steps:
        before = list(chart.order)
        try:
            chart.decide(step)
        except DecisionError:
            assert chart.order == before, "a refused decision changes nothing"
    rows = chart.codes()
    codes = [row["code"] for row in rows]
    assert len(set(codes)) == len(codes)
    assert {code for code, one in LISTED.items() if one.proposed} <= set(codes)
    assert [row["place"] for row in rows if row["place"] is not None] == list(range(1, len(chart.order) + 1))
    for row in rows:
        assert (row["place"] is None) == (row["outcome"] in ("rejected", "not_confirmed")), row
        assert (row["proposed_place"] is None) == (row["outcome"] == "added" and row["band"] is None), row


def test_pauses_are_cut() -> None:
    times = [NOON + timedelta(seconds=s) for s in (30, 5000)]
    assert seconds_by_clock(NOON, times, NOON + timedelta(seconds=5010), 600) == 30 + 600 + 10


def sent(**given: Any) -> dict[str, Any]:
    whole = {"encounter_id": "E1", "coder": "a", "opened_at": "2026-10-16T12:00:00Z",
             "closed_at": "2026-10-16T12:10:00Z", "outcome": "final", "decisions": []}  # fmt: skip
    return {k: v for k, v in {**whole, **given}.items() if v is not None}


def test_the_same_chart_and_decision_have_the_same_ids_however_they_are_written() -> None:
    one = read_chart(sent(decisions=[{"code": "J189", "outcome": "accepted"}]))
    other = read_chart(
        sent(opened_at="2026-10-16T14:00:00+02:00", decisions=[{"code": " j18.9", "outcome": "accepted"}])
    )
    assert (one.chart_id, one.decisions) == (other.chart_id, other.decisions)
    twice = read_chart(sent(decisions=[{"code": "J18.9", "outcome": "accepted"}] * 2))
    assert len({d.decision_id for d in twice.decisions}) == 2


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"coder": None}, "coder: give"),
        ({"coder": "Dr. A"}, "coder: give"),
        ({"opened_at": "2026-10-16T12:00:00"}, "opened_at: must be a time with its offset"),
        ({"opened_at": "1066-10-14T09:00:00Z"}, "opened_at: must be a time"),
        ({"closed_at": "2026-10-16T11:00:00Z"}, "closed_at: lies before"),
        ({"outcome": None}, "give both to close"),
        ({"active_seconds": 700}, "active_seconds: more than the time"),
        ({"active_seconds": float("nan")}, "active_seconds: must be"),
        ({"decisions": {}}, "decisions: must be a list"),
        ({"decisions": ["I10"]}, "decision 1: must be an object"),
        ({"decisions": [{"code": "I10", "outcome": "liked"}]}, "decision 1: outcome: choose one of"),
        ({"decisions": [{"code": "I10", "outcome": "rejected"}]}, "a rejection needs one of not_documented"),
        ({"decisions": [{"code": "I10", "outcome": "accepted", "reason": "other"}]}, "only a rejection has one"),
        ({"decisions": [{"code": "I10", "outcome": "reordered"}]}, "place: missing"),
        ({"decisions": [{"code": "I10", "outcome": "added", "place": True}]}, "place: must be a whole number"),
        ({"decisions": [{"code": "I10", "outcome": "added", "decided_at": "2026-10-17T00:00:00Z"}]}, "lies outside"),
        (
            {"closed_at": None, "outcome": None, "decisions": [{"code": "I10", "outcome": "added"}]},
            "decided_at: missing",
        ),
    ],
)
def test_a_record_that_is_no_chart_says_where_and_what_to_do(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ChartRecordError, match=why):
        read_chart(sent(**given))


WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(
        ["final", "audit", "added", "2026-10-16T12:00:00Z", "I10", *REASONS]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEYS = st.sampled_from(["encounter_id", "coder", "kind", "opened_at", "closed_at", "outcome", "active_seconds",
                        "model_version", "decisions"])  # fmt: skip
INNER = st.sampled_from(["code", "outcome", "reason", "place", "poa", "evidence", "decided_at"])


@given(st.dictionaries(KEYS, WILD, max_size=4), st.lists(st.dictionaries(INNER, WILD, max_size=5), max_size=2))
def test_anything_that_json_can_say_is_a_chart_or_a_reason(
    changed: dict[str, Any], decisions: list[dict[str, Any]]
) -> None:
    given = sent(decisions=[{"code": "I10", "outcome": "added", **one} for one in decisions]) | changed
    try:
        found = read_chart(given)
    except ChartRecordError:
        return
    assert len(found.decisions) == len(given.get("decisions") or [])
