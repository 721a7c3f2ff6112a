"""Checking messages against the published schemas, and saying what is wrong without repeating any value."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from medcode_ml.contracts.raw import DELIVERED
from medcode_ml.streaming.schemas import of_kind, published
from medcode_ml.streaming.topics import SCANNED_RECORD

if TYPE_CHECKING:
    import jsonschema_rs

MAX_FAULTS: Final = 20
_SENTENCES: Final = {
    "type": "has the wrong type (values are text)",
    "minLength": "is empty",
    "maxLength": "is too long",
    "minItems": "holds too few entries",
    "maxItems": "holds too many entries",
    "enum": "is none of the values allowed",
    "const": "is none of the values allowed",
    "pattern": "has the wrong form",
    "format": "has the wrong form",
}
#: names that may be repeated in a fault: those of the schemas
_KNOWN: Final = frozenset(
    {column.rstrip("?") for _, _, columns in DELIVERED.values() for column in columns}
    | {
        "message_id", "kind", "source_system", "hospital_id", "received_date", "sent_at", "row", "request_id",
        "correlation_id", "operation", "reply_to", "as_of", "records", "reply_id", "status", "answers", "problem",
        "rule", "reason", "model_version", "answered_at", "event_id", "encounter_id", "version", "recorded_at",
        "dead_letter_id", "faults", "topic", "partition", "offset", "key", "encoding", "message",
    }
)  # fmt: skip


class Checker:
    """The schema of one topic, compiled; a scanned record is held against its own kind alone."""

    def __init__(self, subject: str) -> None:
        """Compile the published schema of `subject`."""
        from jsonschema_rs import validator_for

        schema = published(subject)
        self._whole = validator_for(schema, validate_formats=True)
        self._kinds: dict[Any, jsonschema_rs.Validator] = {}
        if subject == SCANNED_RECORD:
            self._kinds = {kind: validator_for(of_kind(schema, kind), validate_formats=True) for kind in DELIVERED}

    def is_valid(self, message: Any) -> bool:
        """Whether the message keeps to the schema."""
        return self._validator(message).is_valid(message)

    def faults(self, message: Any) -> list[dict[str, str]]:
        """Places of the message that break the schema as {at, fault}, at most `MAX_FAULTS`; none when it is valid."""
        found: list[dict[str, str]] = []
        for error in self._validator(message).iter_errors(message):
            found.append({"at": _place(error.instance_path), "fault": _sentence(error)})
            if len(found) == MAX_FAULTS:
                break
        return found

    def _validator(self, message: Any) -> jsonschema_rs.Validator:
        kind = message.get("kind") if isinstance(message, dict) else None
        return self._kinds.get(kind, self._whole) if isinstance(kind, str) else self._whole


@lru_cache(maxsize=8)
def checker(subject: str) -> Checker:
    """The checker of a topic, compiled once."""
    return Checker(subject)


def _place(path: list[str | int]) -> str:
    """A place in a message; names that the schema does not know may be anything, so they are left out."""
    return ".".join(str(p) if isinstance(p, int) or p in _KNOWN else "?" for p in path) or "the message"


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    name, told = error.kind.name, error.kind.as_dict()
    if name == "required":
        return f"{told['property']} is missing"
    if name == "additionalProperties":
        return f"holds {len(told['unexpected'])} columns that the layout does not know"
    return _SENTENCES.get(name, f"breaks {name}")
