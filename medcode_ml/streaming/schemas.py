"""The JSON Schemas of the topics (draft 2020-12): made from the contracts, published as files, one a topic and version.

The files under `schemas/` are what senders and readers outside medcode are given and what messages are checked against
here. A change that would refuse what was accepted before, or send what readers do not expect, is a new version.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from medcode_ml.contracts.raw import DELIVERED, optional_columns
from medcode_ml.streaming.topics import DEAD_LETTER, EVENT, REPLY, REQUEST, SCANNED_RECORD, SUBJECTS

Schema = dict[str, Any]

OPERATIONS: Final = ("code", "rank", "bill")
MAX_RECORDS: Final = 1000
"""Records in a request, at most."""
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_DATE: Final = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_OPAQUE: Final = {"type": "string", "minLength": 1, "maxLength": 128}
_TIME: Final = {"type": "string", "format": "date-time", "description": "RFC 3339 time at which it was sent"}


def published(subject: str) -> Schema:
    """The schema of a topic as it is published."""
    loaded: Schema = json.loads(_file(subject))
    return loaded


def write_schemas(folder: Path) -> list[Path]:
    """Write the published schema of every topic into `folder`, which is made where it is missing; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for subject in SUBJECTS:
        path = folder / f"{subject}.json"
        path.write_text(_file(subject), encoding="utf-8")
        written.append(path)
    return written


@lru_cache(maxsize=len(SUBJECTS))
def _file(subject: str) -> str:
    return (files(__package__) / "schemas" / f"{subject}.json").read_text(encoding="utf-8")


def made_schemas() -> dict[str, Schema]:
    """Every schema made anew from the contracts: what the files must hold (a test compares them)."""
    made = {
        SCANNED_RECORD: _scanned_record(), REQUEST: _request(), REPLY: _reply(), EVENT: _event(),
        DEAD_LETTER: _dead_letter(),
    }  # fmt: skip
    return {
        subject: {"$schema": _DRAFT, "$id": f"urn:medcode:schema:{subject}", "title": subject,
                  "description": f"{SUBJECTS[subject]}. The key of a message is an opaque id, never a patient's.",
                  **schema}
        for subject, schema in made.items()
    }  # fmt: skip


def of_kind(schema: Schema, kind: str) -> Schema:
    """The scanned-record schema for messages known to be of `kind`: the same verdict without trying other kinds."""
    narrowed = {name: value for name, value in schema.items() if name not in ("allOf", "$id")}
    narrowed["properties"] = {**schema["properties"], "row": {"$ref": f"#/$defs/{kind}"}}
    narrowed["$defs"] = {kind: schema["$defs"][kind]}
    return narrowed


def _scanned_record() -> Schema:
    return {
        "type": "object",
        "required": ["message_id", "kind", "source_system", "sent_at", "row"],
        "properties": {
            "message_id": {**_OPAQUE, "description": "the sender's id of the message, the same when it is sent again"},
            "kind": {"enum": list(DELIVERED), "description": "delivered table that `row` belongs to"},
            "source_system": {**_OPAQUE, "description": "system that sends"},
            "hospital_id": {**_OPAQUE, "description": "hospital it is about"},
            "received_date": {
                "type": "string", "pattern": _DATE,
                "description": "day the record counts as received; the UTC day of the message where it is left out",
            },
            "sent_at": _TIME,
            "row": {"type": "object"},
        },
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"properties": {"row": {"$ref": f"#/$defs/{kind}"}}},
            }
            for kind in DELIVERED
        ],
        "$defs": {kind: _row(kind) for kind in DELIVERED},
    }  # fmt: skip


def _row(kind: str) -> Schema:
    comment, key, columns = DELIVERED[kind]
    optional = optional_columns(kind)
    made: Schema = {}
    for name, text in columns.items():
        column = name.rstrip("?")
        if column in key:
            made[column] = {"type": "string", "minLength": 1, "description": text}
        else:
            made[column] = {"type": ["string", "null"], "description": text}
    if kind == "scanned_record":
        made["files"]["description"] = (
            "page files separated by |: sha256:<64 hex digits>.<suffix> of the attachments or the page store, or a "
            "path or file: URL inside the shared delivery folder"
        )
    return {
        "type": "object", "description": f"{comment}. Every value is text as written; empty or null is missing.",
        "required": [c for c in made if c not in optional], "properties": made, "additionalProperties": False,
    }  # fmt: skip


def _request() -> Schema:
    return {
        "type": "object",
        "required": ["request_id", "operation", "sent_at", "records"],
        "properties": {
            "request_id": {**_OPAQUE, "description": "the requester's id; sent again, it gets the same answer again"},
            "correlation_id": {**_OPAQUE, "description": "comes back in the answer; request_id where it is left out"},
            "operation": {"enum": list(OPERATIONS)},
            "reply_to": {
                "type": "string", "pattern": r"^[A-Za-z0-9._-]{1,249}$",
                "description": "topic for the answer, one that the operator allows; the reply topic where left out",
            },
            "as_of": {
                "type": "string", "pattern": _DATE, "description": "discharge date where a note has none; billing day",
            },
            "sent_at": _TIME,
            "records": {
                "type": "array", "minItems": 1, "maxItems": MAX_RECORDS, "items": {"type": "object"},
                "description": "lines as `medcode code`, `rank` and `bill` read them",
            },
        },
    }  # fmt: skip


def _reply() -> Schema:
    problem = {
        "type": "object",
        "required": ["rule", "reason"],
        "properties": {"rule": {"type": "string"}, "reason": {"type": "string"}},
    }
    return {
        "type": "object",
        "required": ["reply_id", "request_id", "correlation_id", "status", "answered_at"],
        "properties": {
            "reply_id": {**_OPAQUE, "description": "the same however often the answer is sent"},
            "request_id": _OPAQUE,
            "correlation_id": _OPAQUE,
            "operation": {"enum": list(OPERATIONS)},
            "status": {"enum": ["ok", "error"], "description": "error: the request as a whole could not be answered"},
            "answers": {
                "type": "array",
                "description": "one for each record, in order: what `medcode code`, `rank`, `bill` write, or a problem",
                "items": {"anyOf": [{"type": "object", "required": ["problem"], "properties": {"problem": problem}},
                                    {"type": "object"}]},
            },
            "problem": problem,
            "model_version": {"type": ["string", "null"]},
            "answered_at": {"type": "string", "format": "date-time"},
        },
        "oneOf": [{"required": ["answers"]}, {"required": ["problem"]}],
    }  # fmt: skip


def _event() -> Schema:
    return {
        "type": "object",
        "required": ["event_id", "kind", "encounter_id", "received_date", "recorded_at"],
        "properties": {
            "event_id": {**_OPAQUE, "description": "the same however often the event is sent"},
            "kind": {"enum": ["coded", "ranked", "billed", "held"]},
            "encounter_id": {**_OPAQUE, "description": "medcode's opaque id of the encounter"},
            "received_date": {"type": "string", "pattern": _DATE},
            "version": {"type": ["string", "null"], "description": "model version, or grouper version of a claim"},
            "recorded_at": {"type": "string", "format": "date-time"},
        },
    }


def _dead_letter() -> Schema:
    return {
        "type": "object",
        "required": ["dead_letter_id", "rule", "reason", "topic", "partition", "offset", "encoding", "message"],
        "properties": {
            "dead_letter_id": {**_OPAQUE, "description": "the same however often the dead letter is sent"},
            "rule": {"type": "string"},
            "reason": {"type": "string", "description": "what is wrong and what to do"},
            "faults": {
                "type": "array",
                "items": {"type": "object", "properties": {"at": {"type": "string"}, "fault": {"type": "string"}}},
            },
            "topic": {"type": "string"},
            "partition": {"type": "integer", "minimum": 0},
            "offset": {"type": "integer", "minimum": 0},
            "key": {"type": ["string", "null"]},
            "encoding": {"enum": ["text", "base64", "none"]},
            "message": {"type": ["string", "null"], "description": "the message as delivered"},
        },
    }
