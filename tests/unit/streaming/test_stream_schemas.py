"""The published schemas are what the contracts say, are sound, and the fast way of checking gives the same verdict."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.streaming.schemas import made_schemas, published, write_schemas
from medcode_ml.streaming.topics import REQUEST, SCANNED_RECORD, SUBJECTS
from medcode_ml.streaming.validation import checker

GOOD: dict[str, Any] = {
    "message_id": "m1", "kind": "service", "source_system": "ehr", "sent_at": "2026-11-22T10:00:00Z",
    "row": {"hospital_id": "H1", "encounter_number": "E1", "line_number": "1", "service": "MED"},
}  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_published_file_is_what_the_contracts_make(subject: str) -> None:
    """A column added to a contract must reach the schema that senders are given."""
    assert published(subject) == made_schemas()[subject]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_schema_is_a_sound_draft_2020_12_schema(subject: str) -> None:
    jsonschema.Draft202012Validator.check_schema(published(subject))


def test_schemas_are_written_one_a_topic(tmp_path: Path) -> None:
    assert {p.name for p in write_schemas(tmp_path / "new")} == {f"{subject}.json" for subject in SUBJECTS}


@pytest.mark.parametrize("kind", DELIVERED)
def test_a_row_of_every_delivered_table_is_accepted_and_lacks_its_key_is_not(kind: str) -> None:
    _, key, columns = DELIVERED[kind]
    row = {c.rstrip("?"): "x" for c in columns}
    message = {**GOOD, "kind": kind, "row": row}
    assert checker(SCANNED_RECORD).faults(message) == []
    for column in key:
        assert checker(SCANNED_RECORD).faults({**message, "row": {**row, column: ""}}) == [
            {"at": f"row.{column}", "fault": "is empty"}
        ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kind": "guess"}, {"at": "kind", "fault": "is none of the values allowed"}),
        ({"sent_at": "yesterday"}, {"at": "sent_at", "fault": "has the wrong form"}),
        ({"received_date": "05.10.2026"}, {"at": "received_date", "fault": "has the wrong form"}),
        ({"row": {**GOOD["row"], "service": 7}},
         {"at": "row.service", "fault": "has the wrong type (values are text)"}),
        ({"row": {**GOOD["row"], "Roe, Ann": "x"}},
         {"at": "row", "fault": "holds 1 columns that the layout does not know"}),
    ],
)  # fmt: skip
def test_a_fault_names_the_place_and_repeats_nothing(change: dict[str, Any], fault: dict[str, str]) -> None:
    assert checker(SCANNED_RECORD).faults({**GOOD, **change}) == [fault]


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@trials(max_examples=150, deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from([*GOOD, "hospital_id", "received_date", "other"]), _values, max_size=2),
    kind=st.sampled_from(sorted(DELIVERED)),
    columns=st.dictionaries(st.sampled_from(["service", "line_number", "mrn", "text", "x"]), _values, max_size=2),
)
def test_checking_by_kind_is_checking_against_the_published_schema(
    changes: dict[str, Any], kind: str, columns: dict[str, Any]
) -> None:
    """The schema is narrowed to the message's kind for speed: the verdict must be that of the published file."""
    message = {**GOOD, "kind": kind, "row": {**GOOD["row"], **columns}, **changes}
    whole = jsonschema.Draft202012Validator(
        published(SCANNED_RECORD), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    if "sent_at" not in changes:  # formats are each library's own
        assert checker(SCANNED_RECORD).is_valid(message) == whole.is_valid(message)


def _as_spark_writes(nulls: bool) -> dict[str, Any]:
    """A charge as the Scala client of the README sends it; without `nulls` as Spark's to_json does by itself."""
    row: dict[str, str | None] = dict.fromkeys(delivered_columns("charge"))
    row |= {
        "hospital_id": "H1", "encounter_number": "E1", "line_number": "1", "revenue_code": "0120", "charge": "12.50",
    }  # fmt: skip
    return {
        "message_id": hashlib.sha256(b"charge").hexdigest(), "kind": "charge", "source_system": "billing-warehouse",
        "received_date": "2026-11-20", "sent_at": "2026-11-22T10:00:00+01:00",
        "row": row if nulls else {c: v for c, v in row.items() if v is not None},
    }  # fmt: skip


def test_what_the_scala_client_writes_keeps_to_the_schema() -> None:
    assert checker(SCANNED_RECORD).faults(_as_spark_writes(nulls=True)) == []
    lacking = checker(SCANNED_RECORD).faults(_as_spark_writes(nulls=False))
    assert lacking == [{"at": "row", "fault": "units is missing"}], "to_json leaves null columns out unless told not to"
    asked = {
        "request_id": hashlib.sha256(b"N1").hexdigest(), "correlation_id": "chart-42", "operation": "code",
        "sent_at": "2026-11-22T10:00:00Z",
        "records": [{"record_id": "N1", "text": "Pneumonia.", "discharge_date": "2026-11-20"}],
    }  # fmt: skip
    assert checker(REQUEST).faults(asked) == []
