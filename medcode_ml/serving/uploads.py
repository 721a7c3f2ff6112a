"""Files sent as multipart/form-data: the record is the part `record`, every other part a document of it.

What comes out is the body that says the same in JSON, so that limits, jobs and idempotency keys know one form alone.
"""

from __future__ import annotations

import base64
import codecs
from typing import Any, Final

import orjson
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from medcode_ml.serving.problems import ProblemError
from medcode_ml.serving.reading import MOST_DEEP

MULTIPART: Final = "multipart/form-data"
RECORD: Final = "record"
_UNTYPED: Final = frozenset({"", "file", "files"})
_CHARSETS: Final = frozenset({"utf-8", "ascii", "iso8859-1"})
"""Codecs that make characters of any bytes or say that they cannot; others raise what nobody awaits, or make halves."""
_MOST_FILES: Final = 200
_MOST_PARTS: Final = 20

BODY: Final[dict[str, Any]] = {
    "schema": {
        "type": "object",
        "required": [RECORD, "file"],
        "properties": {
            RECORD: {"type": "string", "contentMediaType": "application/json", "description": "the encounter as JSON"},
            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
        },
        "additionalProperties": {"type": "string", "format": "binary"},
        "description": "a part's name is its document's type, such as discharge_summary; `file` where it has none",
    }
}
"""The body in the OpenAPI document."""


async def read_upload(request: Request, most_bytes: int) -> bytes:
    """The record with its documents, as JSON: those it names itself, then the files in the order they were sent.

    Raises:
        ProblemError: 400 where the parts cannot be read, 415 where they are in another charset, 422 where the record is
            missing or too deep, or other parts are no files.
    """
    _check_charset(request.headers["content-type"])
    try:
        async with request.form(max_files=_MOST_FILES, max_fields=_MOST_PARTS, max_part_size=most_bytes) as form:
            given, files = None, []
            for name, part in form.multi_items():
                content = await part.read() if isinstance(part, UploadFile) else part
                if name == RECORD:
                    if given is not None:
                        raise ProblemError(422, "invalid-upload", "there is more than one part `record`")
                    given = content
                elif isinstance(content, bytes):
                    image = base64.b64encode(content).decode("ascii")
                    files.append({"type": None if name in _UNTYPED else name, "image": image})
                else:
                    raise ProblemError(
                        422, "invalid-upload", "every part but `record` must be a file (with a filename)"
                    )
    except HTTPException as error:
        raise ProblemError(400, "not-multipart", f"the parts of the body cannot be read: {error.detail}") from None
    if given is None:
        raise ProblemError(422, "invalid-upload", "the part `record` is missing: the encounter as JSON")
    try:
        record = orjson.loads(given)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "not-json", f"the part `record` is not JSON in UTF-8 (character {error.pos})") from None
    if not isinstance(record, dict):
        raise ProblemError(400, "not-an-object", "the part `record` must be one object")
    own = record.get("documents")
    if own is not None and not isinstance(own, list):
        raise ProblemError(422, "invalid-record", "documents must be a list")
    try:
        return orjson.dumps({**record, "documents": [*(own or []), *files]})
    except orjson.JSONEncodeError:  # it reads deeper nesting than it writes
        raise ProblemError(422, "too-deep", f"the record is nested more than {MOST_DEEP} levels deep") from None


def _check_charset(content_type: str) -> None:
    from python_multipart.multipart import parse_options_header

    _, options = parse_options_header(content_type)
    try:
        known = codecs.lookup(options.get(b"charset", b"utf-8").decode("latin-1")).name in _CHARSETS
    except (LookupError, ValueError):
        known = False
    if not known:
        raise ProblemError(415, "unsupported-media-type", "send the parts in UTF-8, without another charset")
