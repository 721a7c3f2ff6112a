"""From the bytes of a body to records: limits, JSON, form. What passes here has the form that the functions expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from medcode_ml.serving.formats import MANY, ONE
from medcode_ml.serving.problems import ProblemError
from medcode_ml.settings import Settings

MOST_DEEP: Final = 32
"""Objects and lists within each other, at most."""
_MOST_ERRORS: Final = 20


@dataclass(frozen=True)
class Limits:
    """What a request may hold at most; see the settings of the same names."""

    body_bytes: int
    text_characters: int
    records: int
    list_entries: int
    async_bytes: int
    seconds: float

    @staticmethod
    def of(chosen: Settings) -> Limits:
        """The limits of the settings."""
        return Limits(
            chosen.api_body_bytes, chosen.api_text_characters, chosen.api_records, chosen.api_list_entries,
            chosen.api_async_bytes, chosen.api_seconds,
        )  # fmt: skip


def read_records(body: bytes, operation: str, batch: bool, limits: Limits) -> list[dict[str, Any]]:
    """The records of a body.

    Raises:
        ProblemError: 400 where it is no JSON object, 413 where it is beyond a limit, 422 where a key has another form.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "not-json", f"the body is not JSON in UTF-8 (at character {error.pos})") from None
    if not isinstance(given, dict):
        wanted = 'an object {"records": [...]}' if batch else "one object"
        raise ProblemError(400, "not-an-object", f"the body must be {wanted}")
    _within(given, limits, batch)
    model: type[BaseModel] = (MANY if batch else ONE)[operation]
    try:
        _adapter(model).validate_python(given)
    except ValidationError as error:
        raise ProblemError(
            422, "invalid-record", "the body has not the form it should have; /docs shows it", errors=_errors(error)
        ) from None
    return list(given["records"]) if batch else [given]


_ADAPTERS: dict[type[BaseModel], TypeAdapter[BaseModel]] = {}


def _adapter(model: type[BaseModel]) -> TypeAdapter[BaseModel]:
    return _ADAPTERS.setdefault(model, TypeAdapter(model))


def _errors(error: ValidationError) -> list[dict[str, str]]:
    """Places and rules, never values; of a choice between forms one line is enough."""
    found: dict[str, str] = {}
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        parts = [
            str(p) for p in one["loc"] if not (isinstance(p, str) and ("[" in p or p[:1].isupper() or p in _FORMS))
        ]
        found.setdefault("/" + "/".join(parts), one["msg"])
        if len(found) == _MOST_ERRORS:
            break
    return [{"pointer": pointer, "detail": detail} for pointer, detail in found.items()]


_FORMS: Final = frozenset({"str", "int", "float", "constrained-str"})


def _within(given: dict[str, Any], limits: Limits, batch: bool) -> None:
    """Hold a body against the limits of depth, lists and texts."""
    records = given.get("records") if batch else None
    if isinstance(records, list) and len(records) > limits.records:
        raise ProblemError(
            413, "too-many-records", f"{len(records)} records; send at most {limits.records} in one request"
        )
    level: list[Any] = [given]
    for _ in range(MOST_DEEP + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                if len(value) > limits.text_characters:
                    raise ProblemError(
                        413, "text-too-long", f"a text has {len(value)} characters; at most {limits.text_characters}"
                    )
            elif isinstance(value, dict):
                # an image in base64 is bounded by the body alone
                below.extend(v for k, v in value.items() if not (k == "image" and isinstance(v, str)))
            elif isinstance(value, list):
                if len(value) > limits.list_entries and value is not records:
                    raise ProblemError(
                        413, "list-too-long", f"a list has {len(value)} entries; at most {limits.list_entries}"
                    )
                below.extend(value)
        if not below:
            return
        level = below
    raise ProblemError(422, "too-deep", f"the body is nested more than {MOST_DEEP} levels deep")
