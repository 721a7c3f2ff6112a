"""The words of a chart and its decisions, as records and tables write them, and what each means."""

from __future__ import annotations

from typing import Final

REVIEW, AUDIT = "review", "audit"
KINDS: Final = (REVIEW, AUDIT)
FINAL, GIVEN_BACK = "final", "given_back"
ENDS: Final = (FINAL, GIVEN_BACK)
OPENED, CLOSED = "opened", "closed"
ACCEPTED, REJECTED, ADDED, REORDERED, WITHDRAWN = "accepted", "rejected", "added", "reordered", "withdrawn"
OUTCOMES: Final = (ACCEPTED, REJECTED, ADDED, REORDERED, WITHDRAWN)
#: what became of a proposed code without a word of the coder: of a review, and of an audit
KEPT, CONFIRMED, NOT_CONFIRMED = "kept", "confirmed", "not_confirmed"
PAGE, API, FILE = "page", "api", "file"
#: where the seconds of a chart come from
CLIENT, CLOCK = "client", "clock"
REASONS: Final = {
    "not_documented": "the documents do not state the condition",
    "not_supported": "it is stated, without the clinical support that a payer asks for",
    "wrong_specificity": "the condition is right and the code too broad, too narrow or of the wrong side",
    "historical": "a past condition that is not treated any more",
    "ruled_out": "considered and ruled out, or uncertain where that may not be coded",
    "duplicate": "another code says it already",
    "not_reportable": "it does not meet the definition of a reportable diagnosis, or is integral to another",
    "sequencing": "right for the patient and wrong for this claim by the order rules",
    "other": "none of these",
}
POA: Final = ("Y", "N", "U", "W", "1")
