"""From records to the body of an answer, for requests and jobs alike; and from the body to the response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson
from starlette.responses import Response

from medcode_ml.operations import Answer, Unanswered
from medcode_ml.serving.metrics import metrics
from medcode_ml.serving.problems import MEDIA_TYPE

ID: Final[Mapping[str, str]] = {
    "code": "record_id", "rank": "encounter_id", "bill": "encounter_id", "encounter": "encounter_id",
    "review": "encounter_id",
}  # fmt: skip
"""Key that names a record, by operation; cases to price have none."""


def body_of(operation: str, batch: bool, records: Sequence[Mapping[str, Any]], found: Sequence[Answer]) -> bytes:
    """The body: of a batch {"answers", "rejected"}, of one record its answer or the problem."""
    count(operation, found)
    if not batch:
        (one,) = found
        return dumped(_problem(one) if isinstance(one, Unanswered) else one)
    rejected = [
        {"place": place, ID.get(operation, "place"): records[place].get(ID.get(operation, ""), place), **_problem(one)}
        for place, one in enumerate(found)
        if isinstance(one, Unanswered)
    ]
    return dumped({"answers": [a for a in found if not isinstance(a, Unanswered)], "rejected": rejected})


def status_of(batch: bool, found: Sequence[Answer]) -> int:
    """The HTTP status: a batch is answered whatever single records lack."""
    one = found[0]
    if batch or not isinstance(one, Unanswered):
        return 200
    return 500 if one.ours else 422


def answer_response(content: bytes, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The response of a body that is JSON already: an answer, or the problem of a record."""
    media = "application/json" if status < 400 else MEDIA_TYPE
    return Response(content, status_code=status, media_type=media, headers=headers)


def count(operation: str, found: Sequence[Answer]) -> None:
    """Tell the figures."""
    metrics().records.labels(operation).inc(len(found))
    for one in found:
        if isinstance(one, Unanswered):
            metrics().unanswered.labels(operation, "medcode" if one.ours else "record").inc()


def dumped(value: Any) -> bytes:
    """`value` as JSON; amounts as texts, days in ISO form, as the command line writes them."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def _problem(one: Unanswered) -> dict[str, Any]:
    name = "record-failed" if one.ours else "record-refused"
    return {
        "type": f"urn:medcode:problem:{name}",
        "title": name.replace("-", " ").capitalize(),
        "status": 500 if one.ours else 422,
        "detail": one.reason,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")
