"""The topics and what they are called: the prefix of the settings, what they carry, and the version of their schema."""

from __future__ import annotations

from typing import Final

from medcode_ml.settings import settings

SCANNED_RECORD: Final = "scanned-record.v1"
REQUEST: Final = "request.v1"
REPLY: Final = "reply.v1"
EVENT: Final = "event.v1"
DEAD_LETTER: Final = "dead-letter.v1"
#: subject -> what it carries
SUBJECTS: Final = {
    SCANNED_RECORD: "Documents as text or a pointer to page images, and the rows of every other delivered table",
    REQUEST: "Requests to code, rank or bill records, with a correlation id and where the answer goes",
    REPLY: "Answers to requests",
    EVENT: "What became of encounters: coded, ranked, billed, held",
    DEAD_LETTER: "Messages that could not be taken in, with the reason and where they came from",
}


class StreamError(ValueError):
    """Streaming cannot go on as things stand; the message says what is wrong, where, and what to do."""


def topic(subject: str) -> str:
    """Name of the topic of a subject: medcode.scanned-record.v1 with the default prefix."""
    return f"{settings().kafka_prefix}.{subject}"
