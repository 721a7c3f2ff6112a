"""Held claims as a worklist: what holds them, and what people decide about them and about claims that were sent.

Decisions are only added; `decisions` reads those that stand. One takes effect when the claim's day is billed again.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.decisions import (
    DELAY,
    FREQUENCIES,
    LATE,
    OUTCOMES,
    RELEASED,
    WITHDRAWN,
    newest_claim_decisions,
)
from medcode_ml.billing.edits.catalogue import edit_names, edit_numbers, is_releasable
from medcode_ml.billing.sent import sent_before, sent_files
from medcode_ml.billing.x12.loops import DELAY_REASONS, VOID
from medcode_ml.billing.x12.segments import x12_text
from medcode_ml.contracts import billed, review
from medcode_ml.contracts.ids import record_hash
from medcode_ml.store.frames import read_frame


class HeldClaimError(ValueError):
    """There is nothing to decide about that claim, or not like that; the message says what to do."""


def held_by_edit(engine: sa.Engine, *, hospital: str | None = None, payer: str | None = None) -> pd.DataFrame:
    """Count what holds claims: [number, edit, claims, alone, charges, oldest, releasable], the most charges first.

    `alone` are the claims that nothing else holds, `charges` their total charges in US dollars, of all the claims.
    """
    found = read_frame(engine, _HELD_BY_EDIT, {"hospital": hospital, "payer": payer})
    found["releasable"] = [is_releasable(name) if name in edit_names() else False for name in found["edit"]]
    return found


def held_claims(
    engine: sa.Engine, *, edit: str | None = None, hospital: str | None = None, payer: str | None = None,
    limit: int = 50,
) -> pd.DataFrame:  # fmt: skip
    """Held claims, oldest first: [received_date, encounter_id, claim_number, payer_id, total_charge, edits].

    `edit` is a name or number; `edits` names those that hold the claim.

    Raises:
        HeldClaimError: no such edit.
    """
    asked = {
        "edit": None if edit is None else edit_named(edit), "hospital": hospital, "payer": payer, "limit": limit
    }  # fmt: skip
    return read_frame(engine, _HELD_CLAIMS, asked)


def claim_of(source: sa.Engine | sa.Connection, claim: str) -> dict[str, Any]:
    """The newest row of billed.claim of a claim number or encounter.

    Raises:
        HeldClaimError: there is none.
    """
    table = billed.claim.c
    found: pd.DataFrame | None = None
    for column in (table.encounter_id, table.claim_number):
        query = sa.select(billed.claim).where(column == claim).order_by(table.received_date.desc()).limit(1)
        found = read_frame(source, query)
        if len(found):
            row: dict[str, Any] = found.to_dict("records")[0]
            return row
    raise HeldClaimError(f"no claim or encounter {claim}; `medcode held list --edit EDIT` names the claims held")


def edits_of(engine: sa.Engine, claim: dict[str, Any]) -> pd.DataFrame:
    """Edits of a claim in their order, as rows of billed.claim_edit."""
    table = billed.claim_edit.c
    query = (
        sa.select(billed.claim_edit)
        .where(table.received_date == claim["received_date"], table.encounter_id == claim["encounter_id"])
        .order_by(table.place)
    )
    return read_frame(engine, query)


def files_of(source: sa.Engine | sa.Connection, encounter_id: str) -> pd.DataFrame:
    """The 837 files that carried the claim of an encounter, oldest first, as rows of billed.interchange_claim."""
    table = billed.interchange_claim.c
    query = (
        sa.select(billed.interchange_claim)
        .where(table.encounter_id == encounter_id)
        .order_by(table.received_date, table.sequence)
    )
    return read_frame(source, query)


def decisions_of(engine: sa.Engine, encounter_id: str) -> pd.DataFrame:
    """Decisions about a claim, oldest first: [decided_at, outcome, edit, value, decided_by, note]."""
    table = review.claim_decision.c
    columns = (table.decided_at, table.outcome, table.edit, table.value, table.decided_by, table.note)
    query = sa.select(*columns).where(table.encounter_id == encounter_id).order_by(table.decided_at, table.decision_id)
    return read_frame(engine, query)


def edit_named(edit: str) -> str:
    """Name of an edit given by name or number.

    Raises:
        HeldClaimError: the catalogue has no such edit.
    """
    by_number = {str(number): name for name, number in edit_numbers().items()}
    name = by_number.get(edit, edit)
    if name not in edit_names():
        raise HeldClaimError(f"no edit {edit}; `medcode held list` names those that hold claims")
    return name


def decide(
    engine: sa.Engine,
    claim: str,
    outcome: str,
    by: str,
    note: str,
    when: datetime,
    *,
    edit: str | None = None,
    value: str | None = None,
) -> date:
    """Write a decision about a claim and return the received day that has to be billed again.

    Args:
        claim: claim number or encounter.
        outcome: released or withdrawn (with `edit`; without, a replacement or void is withdrawn), delay_reason (with
            the code as `value`), replace or void (with the payer's control number as `value`, unless its answers have
            told it).

    Raises:
        HeldClaimError: an unknown claim or edit, an edit that is never released, a claim that was never sent, a payer's
            number that nobody knows.
    """
    if outcome not in OUTCOMES:
        raise HeldClaimError(f"no outcome {outcome!r}: choose {', '.join(OUTCOMES)}")
    if not by.strip() or not note.strip():
        raise HeldClaimError("a decision needs the name of the person (--by) and the reason (--note)")
    named = LATE if outcome == DELAY else None if edit is None else edit_named(edit)
    with engine.begin() as connection:
        row = claim_of(connection, claim)
        key, day = str(row["encounter_id"]), row["received_date"]
        standing = _standing(connection, key, named)
        if outcome == WITHDRAWN:
            if standing is None or standing.outcome == WITHDRAWN:
                what = f"from {named}" if named else "for a replacement or void"
                raise HeldClaimError(f"nothing stands on claim {claim} {what}; there is nothing to withdraw")
            day = standing.received_date
        elif outcome in FREQUENCIES:
            value = _number_for(connection, claim, key, day, value)
        else:
            _refuse(connection, claim, row, outcome, named, value)
        connection.execute(
            sa.insert(review.claim_decision),
            {
                "decision_id": record_hash("claim decision", key, named or "", when.isoformat(), outcome),
                "encounter_id": key, "received_date": day, "edit": named, "outcome": outcome,
                "value": None if outcome in (RELEASED, WITHDRAWN) else value, "decided_by": by.strip(),
                "note": note.strip(), "decided_at": when,
            },
        )  # fmt: skip
    return date.fromisoformat(str(day))


def days_to_run(engine: sa.Engine) -> list[date]:
    """Received days of claims that do not show yet what was decided about them."""
    with engine.connect() as connection:
        days = {row.received_date for row in connection.execute(_NOT_SHOWN)}
        # a replacement that was withdrawn: only while its file has not been sent can it be taken back
        rows = connection.execute(_WITHDRAWN_LATE).all()
        sent = sent_files(connection, [row.received_date for row in rows]) if rows else set()
        days |= {row.received_date for row in rows if (row.received_date, row.control_number) not in sent}
    return sorted(days)


def _standing(connection: sa.Connection, encounter_id: str, edit: str | None) -> Any:
    table = review.claim_decision.c
    of_edit = table.edit.is_(None) if edit is None else table.edit == edit
    return connection.execute(newest_claim_decisions().where(table.encounter_id == encounter_id, of_edit)).first()


def _refuse(
    connection: sa.Connection, claim: str, row: dict[str, Any], outcome: str, edit: str | None, value: str | None
) -> None:
    """Releases and delay reasons: about an edit that the claim carries, and one that can be released."""
    if edit is None:
        raise HeldClaimError("a release names the edit (--edit)")
    if outcome == RELEASED and not is_releasable(edit):
        raise HeldClaimError(
            f"{edit} is never released: without it no 837 can be written, or a claim would go out twice; "
            f"`medcode held show {claim}` says what to do instead"
        )
    if outcome == DELAY and value not in DELAY_REASONS:
        said = ", ".join(f"{code} {what}" for code, what in DELAY_REASONS.items())
        raise HeldClaimError(f"no delay reason {value}: choose {said}")
    table = billed.claim_edit.c
    carried = sa.select(table.edit).where(
        table.received_date == row["received_date"], table.encounter_id == row["encounter_id"], table.edit == edit
    )
    if connection.execute(carried).first() is None:
        raise HeldClaimError(
            f"claim {claim} does not have the edit {edit}; `medcode held show {claim}` lists its edits"
        )


def _number_for(connection: sa.Connection, claim: str, encounter_id: str, day: date, given: str | None) -> str:
    """The payer's control number for a replacement or void of a claim that was sent: the one given, or as answered."""
    if files_of(connection, encounter_id).empty:
        raise HeldClaimError(f"claim {claim} has never been sent; there is nothing to replace or void")
    history = sent_before(connection, day, [encounter_id]).get(encounter_id)
    last = history.last if history is not None else None
    if last is not None and last.rejected:
        raise HeldClaimError(
            f"the payer rejected claim {claim} and never took it in: correct it and bill its day again, "
            "it goes out as an original"
        )
    if last is not None and last.frequency == VOID:
        raise HeldClaimError(f"claim {claim} was voided; withdraw the void, then it goes out as an original again")
    if given is not None and x12_text(given, 50):
        return x12_text(given, 50)
    known = connection.execute(_PAYERS_NUMBER, {"encounter": encounter_id}).first()
    if known is None:
        raise HeldClaimError(
            f"no answer tells the payer's number of claim {claim} yet; give it (--number) or wait for its 277CA or 835"
        )
    return str(known.payer_control_number)


_HELD_BY_EDIT = sa.text("""
    SELECT e.edit_number AS number, e.edit, count(*) AS claims,
           count(*) FILTER (WHERE e.holding = 1) AS alone, sum(c.total_charge) AS charges,
           min(c.received_date) AS oldest
    FROM billed.claim c
    JOIN (
        SELECT received_date, encounter_id, edit_number, edit,
               count(*) OVER (PARTITION BY received_date, encounter_id) AS holding
        FROM billed.claim_edit WHERE level = 'error' AND released_by IS NULL
        GROUP BY received_date, encounter_id, edit_number, edit
    ) e USING (received_date, encounter_id)
    WHERE c.status = 'held'
      AND (CAST(:hospital AS text) IS NULL OR c.hospital_id = :hospital)
      AND (CAST(:payer AS text) IS NULL OR c.payer_id = :payer)
    GROUP BY e.edit_number, e.edit ORDER BY charges DESC, e.edit_number
""")
_HELD_CLAIMS = sa.text("""
    SELECT c.received_date, c.encounter_id, c.claim_number, c.payer_id, c.total_charge,
           string_agg(DISTINCT e.edit, ', ') AS edits
    FROM billed.claim c
    JOIN billed.claim_edit e ON e.received_date = c.received_date AND e.encounter_id = c.encounter_id
         AND e.level = 'error' AND e.released_by IS NULL
    WHERE c.status = 'held'
      AND (CAST(:hospital AS text) IS NULL OR c.hospital_id = :hospital)
      AND (CAST(:payer AS text) IS NULL OR c.payer_id = :payer)
    GROUP BY c.received_date, c.encounter_id, c.claim_number, c.payer_id, c.total_charge
    HAVING CAST(:edit AS text) IS NULL OR bool_or(e.edit = :edit)
    ORDER BY c.received_date, c.encounter_id LIMIT :limit
""")
_PAYERS_NUMBER = sa.text("""
    SELECT payer_control_number FROM (
        SELECT received_date, payer_control_number FROM billed.remittance_claim
        WHERE encounter_id = :encounter AND outcome = 'matched' AND payer_control_number IS NOT NULL
        UNION ALL
        SELECT received_date, payer_control_number FROM billed.claim_status
        WHERE encounter_id = :encounter AND outcome = 'matched' AND level = 'claim' AND payer_control_number IS NOT NULL
    ) answered ORDER BY received_date DESC, payer_control_number LIMIT 1
""")
_NEWEST = """
    SELECT DISTINCT ON (encounter_id, edit) encounter_id, edit, outcome, value, received_date
    FROM review.claim_decision ORDER BY encounter_id, edit, decided_at DESC, decision_id
"""
_NOT_SHOWN = sa.text(f"""
    SELECT e.received_date FROM ({_NEWEST}) d
    JOIN billed.claim_edit e ON e.encounter_id = d.encounter_id AND e.edit = d.edit AND e.level = 'error'
    WHERE d.outcome = 'released' AND e.released_by IS NULL OR d.outcome <> 'released' AND e.released_by IS NOT NULL
    UNION
    SELECT c.received_date FROM ({_NEWEST}) d
    JOIN billed.claim c ON c.encounter_id = d.encounter_id
    WHERE d.edit = '{LATE}'
      AND c.delay_reason IS DISTINCT FROM CASE d.outcome WHEN '{DELAY}' THEN d.value END
    UNION
    SELECT c.received_date FROM ({_NEWEST}) d
    JOIN billed.claim c ON c.encounter_id = d.encounter_id AND c.received_date = d.received_date
    WHERE d.outcome IN ('replace', 'void')
      AND (c.frequency_code, c.payer_control_number)
          IS DISTINCT FROM (CASE d.outcome WHEN 'replace' THEN '7' ELSE '8' END, d.value)
      AND (c.status = 'ready' OR EXISTS (
          SELECT FROM billed.claim_edit e WHERE e.received_date = c.received_date AND e.encounter_id = c.encounter_id
          AND e.edit IN ('changed_after_sent', 'claim_already_sent', 'sent_to_another_payer')
      ))
""")
_WITHDRAWN_LATE = sa.text(f"""
    SELECT m.received_date, m.control_number FROM ({_NEWEST}) d
    JOIN billed.interchange_claim m ON m.encounter_id = d.encounter_id AND m.received_date = d.received_date
    WHERE d.edit IS NULL AND d.outcome = 'withdrawn' AND m.frequency_code IN ('7', '8')
""")
