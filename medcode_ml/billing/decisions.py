"""What people decided about claims, as the billing stage asks for it; `held` writes the decisions.

The newest decision on a claim and edit counts, `withdrawn` takes it back. A release or a delay reason is about the
encounter, whichever day delivers it; a replacement or void is about the claim of one received day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.claims import ClaimFrames
from medcode_ml.billing.gathering import one_of
from medcode_ml.billing.releases import Release
from medcode_ml.billing.x12.loops import REPLACEMENT, VOID
from medcode_ml.contracts import review

RELEASED, REPLACE, VOIDED, WITHDRAWN, DELAY = "released", "replace", "void", "withdrawn", "delay_reason"
OUTCOMES = (RELEASED, REPLACE, VOIDED, WITHDRAWN, DELAY)
LATE = "timely_filing_passed"
"""The edit that a delay reason is about."""
FREQUENCIES = {REPLACE: REPLACEMENT, VOIDED: VOID}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a biller asked for of a claim that was sent: frequency 7 or 8, and the payer's number of the claim."""

    frequency: str
    payer_control_number: str


@dataclass(frozen=True)
class ClaimDecisions:
    """The decisions that stand, by encounter."""

    releases: dict[str, dict[str, Release]] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    delay_reasons: dict[str, str] = field(default_factory=dict)


def newest_claim_decisions() -> sa.Select[tuple[str]]:
    """Select the newest decision on each encounter and edit, those withdrawn among them."""
    table = review.claim_decision.c
    subject = (table.encounter_id, table.edit)
    return (
        sa.select(review.claim_decision)
        .distinct(*subject)
        .order_by(*subject, table.decided_at.desc(), table.decision_id)
    )


def claim_decisions(connection: sa.Connection, day: date, encounter_ids: Sequence[str]) -> ClaimDecisions:
    """Return the decisions that stand on these encounters for their claims of the received day `day`."""
    found = ClaimDecisions()
    query = newest_claim_decisions().where(one_of(review.claim_decision.c.encounter_id, encounter_ids))
    for row in connection.execute(query):
        if row.outcome == RELEASED:
            found.releases.setdefault(row.encounter_id, {})[row.edit] = Release(row.decided_by, row.note)
        elif row.outcome == DELAY:
            found.delay_reasons[row.encounter_id] = row.value
        elif row.outcome in FREQUENCIES and row.received_date == day:
            found.asked[row.encounter_id] = Asked(FREQUENCIES[row.outcome], row.value)
    return found


def with_delay_reasons(frames: ClaimFrames, reasons: dict[str, str]) -> ClaimFrames:
    """The frames with the delay reasons that people gave."""
    if not reasons:
        return frames
    given = [reasons.get(key) for key in frames.encounters["encounter_id"]]
    column = pd.Series(given, index=frames.encounters.index, dtype=object)
    return replace(frames, encounters=frames.encounters.assign(delay_reason=column))
