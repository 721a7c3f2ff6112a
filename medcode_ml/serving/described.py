"""What the OpenAPI document says of answers: their schemas with examples, and the problems that a route may give."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import orjson
from pydantic.json_schema import models_json_schema

from medcode_ml.serving.answer_forms import MANY_ANSWERS, ONE_ANSWER, AcceptedJob, JobAnswer
from medcode_ml.serving.formats import Open
from medcode_ml.serving.other_answer_forms import OTHER_ANSWERS
from medcode_ml.serving.problems import MEDIA_TYPE

JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{model}"
_ANSWERS: Final[tuple[type[Open], ...]] = (
    *ONE_ANSWER.values(),
    *MANY_ANSWERS.values(),
    AcceptedJob,
    JobAnswer,
    *OTHER_ANSWERS,
)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with."""
    schema = {"schema": {"$ref": _REF.format(model="ProblemDetails")}}
    return {status: {"description": "problem", "content": {MEDIA_TYPE: schema}} for status in statuses}


def answered(model: type[Open], said: str = "the answer", status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The answer that a route gives where all is well."""
    schema = {"schema": {"$ref": _REF.format(model=model.__name__)}}
    return {status: {"description": said, "content": {JSON: schema}}}


def answer_schemas() -> dict[str, Any]:
    """The schemas of all answers and of what is in them, by name; each answer with the example of `answers.json`.

    The examples are what the API answers to the examples of requests and about made-up encounters, shortened.
    """
    _, held = models_json_schema([(model, "validation") for model in _ANSWERS], ref_template=_REF)
    found: dict[str, Any] = held["$defs"]
    examples = orjson.loads((files("medcode_ml.serving") / "answers.json").read_bytes())
    for model in _ANSWERS:
        found[model.__name__]["examples"] = [examples[model.__name__]]
    return found
