"""Bodies: limits, form, and never a value in what is said about them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.serving.formats import BILL_EXAMPLE, ENCOUNTER_EXAMPLE, MANY, NOTE_EXAMPLE, ONE, WHOLE_EXAMPLE
from medcode_ml.serving.problems import ProblemError, problem_body
from medcode_ml.serving.reading import MOST_DEEP, Limits, read_records

LIMITS = Limits(body_bytes=10**6, text_characters=1000, records=3, list_entries=5, async_bytes=10**6, seconds=1)


def refused(body: Any, operation: str = "code", batch: bool = False) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        read_records(body if isinstance(body, bytes) else orjson.dumps(body), operation, batch, LIMITS)
    return caught.value


@pytest.mark.parametrize("operation", ONE)
def test_the_examples_of_the_document_are_read(operation: str) -> None:
    example = ONE[operation].model_config["json_schema_extra"]["examples"][0]  # type: ignore[index,call-overload]
    assert read_records(orjson.dumps(example), operation, False, LIMITS) == [example]
    assert read_records(orjson.dumps({"records": [example]}), operation, True, LIMITS) == [example]
    assert set(MANY) == set(ONE)


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (b"", 400, "not-json"),
        (b"{", 400, "not-json"),
        (b'{"a": NaN}', 400, "not-json"),
        (b"\xff", 400, "not-json"),
        (b"[" * 100_000, 400, "not-json"),
        (b"[]", 400, "not-an-object"),
        ({**NOTE_EXAMPLE, "text": "a" * 1001}, 413, "text-too-long"),
        ({**NOTE_EXAMPLE, "mine": list(range(6))}, 413, "list-too-long"),
        ({**NOTE_EXAMPLE, "text": None}, 422, "invalid-record"),
        ({**NOTE_EXAMPLE, "setting": "ward"}, 422, "invalid-record"),
        ({**NOTE_EXAMPLE, "discharge_date": "9999-12-31"}, 422, "invalid-record"),
        ({"text": "x"}, 422, "invalid-record"),
    ],
)
def test_what_is_wrong_is_said_with_its_status(body: Any, status: int, name: str) -> None:
    error = refused(body)
    assert (error.status, error.name) == (status, name)


def test_too_many_records_and_too_deep() -> None:
    assert refused({"records": [NOTE_EXAMPLE] * 4}, batch=True).name == "too-many-records"
    deep: Any = "x"
    for _ in range(MOST_DEEP + 1):
        deep = {"a": deep}
    assert refused({**NOTE_EXAMPLE, "mine": deep}).name == "too-deep"


@pytest.mark.parametrize("levels", [MOST_DEEP, 250, 1000])
@pytest.mark.parametrize("place", [("image",), ("mine", "image"), ("documents", "image")])
def test_an_image_that_is_no_text_may_not_be_deep(place: tuple[str, ...], levels: int) -> None:
    sent = b"[" * levels + b"]" * levels
    for key in reversed(place):
        sent = b'{"' + key.encode() + b'":' + sent + b"}"
    assert refused(b'{"record_id":"N1","text":"x","mine":' + sent + b"}").name in ("too-deep", "not-json")


def test_an_image_may_be_longer_than_a_text() -> None:
    whole = {**WHOLE_EXAMPLE, "documents": [{"image": "x" * (LIMITS.text_characters + 1)}]}
    assert read_records(orjson.dumps(whole), "encounter", False, LIMITS) == [whole]
    assert refused({**NOTE_EXAMPLE, "image": ["x" * (LIMITS.text_characters + 1)]}).name == "text-too-long"


@pytest.mark.parametrize(
    "codes", [["...."], [""], [{"code": "I10", "document_types": [["a", "b", "c"]]}], [None], "I10"]
)
def test_codes_that_ranking_cannot_read_are_refused(codes: Any) -> None:
    assert refused({**ENCOUNTER_EXAMPLE, "codes": codes}, "rank").status == 422


def test_dates_beyond_the_calendar_are_refused_anywhere_in_a_claim() -> None:
    lines = [{**BILL_EXAMPLE["lines"][0], "date": "9999-12-31"}]
    told = refused({**BILL_EXAMPLE, "lines": lines}, "bill")
    assert told.errors == [{"pointer": "/lines/0/date", "detail": "Value error, a date must lie between 1850 and 2150"}]


def test_problems_name_the_place_and_never_the_value() -> None:
    told = refused({"record_id": "MRN 4711", "text": 12, "setting": "Jane Roe"})
    said = orjson.dumps(problem_body(told, "r1")).decode()
    assert {e["pointer"] for e in told.errors} == {"/text", "/setting"}
    assert "4711" not in said
    assert "Roe" not in said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(ONE)), st.booleans(), JSON, st.sampled_from(["codes", "text", "poa", "lines", "documents"])
)
def test_anything_is_read_or_refused_by_a_problem(operation: str, batch: bool, value: Any, key: str) -> None:
    example = ONE[operation].model_config["json_schema_extra"]["examples"][0]  # type: ignore[index,call-overload]
    record = {**example, key: value}
    try:
        status = 200
        read_records(orjson.dumps({"records": [record]} if batch else record), operation, batch, LIMITS)
    except ProblemError as error:
        status = error.status
    assert status in (200, 400, 413, 422)
