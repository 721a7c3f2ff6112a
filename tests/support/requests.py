"""Requests as hospitals send them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

NOTE = {
    "record_id": "N1",
    "text": "Discharge diagnosis: pneumonia. Essential hypertension.",
    "discharge_date": "2026-11-05",
}


def request(request_id: str, operation: str, *records: dict[str, Any], **other: Any) -> dict[str, Any]:
    """A message of the request topic."""
    return {
        "request_id": request_id, "operation": operation, "sent_at": datetime.now(UTC).isoformat(),
        "records": list(records), **other,
    }  # fmt: skip
