"""Claims that went out before: an original goes once, what was sent stays as it was, a change asks for a biller.

A file counts as sent when an insurer answered it, or a biller asked for a replacement or void of a claim in it. A ready
claim of another received day counts as sent too: an encounter may be delivered more than once. What the payer rejected
(999, 277CA) it never took in: once corrected, it goes out as an original again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.batch import BilledBatch, with_edits
from medcode_ml.billing.claims import ClaimFrames
from medcode_ml.billing.decisions import Asked
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.gathering import Named, claim_frames, one_of, rows_of_part
from medcode_ml.billing.x12.loops import ORIGINAL, VOID
from medcode_ml.billing.x12.writer import content_hash, placed, ready_claims
from medcode_ml.contracts import billed

Way = tuple[str, str | None]
"""How a claim goes out: its frequency code and the payer's control number of the claim it is about."""


class Sent(NamedTuple):
    """How a claim went out last. `content` is its hash, None where it was not kept; `rejected`: never taken in."""

    day: date
    payer_id: str
    frequency: str
    payer_control_number: str | None
    content: str | None
    rejected: bool


class History(NamedTuple):
    """How a claim went out last with its own received day, None where it did not, and with whatever day."""

    here: Sent | None
    last: Sent


def contents(frames: ClaimFrames, claims: pd.DataFrame) -> dict[str, str]:
    """Hash of what each ready claim says, by encounter; claims that cannot be written have none."""
    fit, _ = placed(ready_claims(frames, claims))
    return {one.encounter_id: content_hash(one) for one in fit}


def sent_files(connection: sa.Connection, days: Iterable[date]) -> set[tuple[date, str]]:
    """Return received day and control number of the 837 files of these days that were sent."""
    rows = connection.execute(_SENT_FILES, {"days": sorted(set(days))})
    return {(row.received_date, row.control_number) for row in rows}


def sent_before(connection: sa.Connection, day: date, encounter_ids: Sequence[str]) -> dict[str, History]:
    """Return how the claims of these encounters went out, asked on the received day `day`; most never did."""
    found = _from_files(connection, day, encounter_ids)
    for key, other in _from_other_days(connection, day, encounter_ids, found).items():
        here = found[key].here if key in found else None
        found[key] = History(here, other)
    if not found:
        return found
    newest = {row.encounter_id: row.status for row in connection.execute(_NEWEST_STATUS, {"ids": list(found)})}
    return {
        key: one._replace(last=one.last._replace(rejected=True)) if newest.get(key) == "rejected" else one
        for key, one in found.items()
    }


def with_history(
    connection: sa.Connection, day: date, batch: BilledBatch, frames: ClaimFrames, asked: dict[str, Asked]
) -> BilledBatch:
    """The batch with every ready claim held against what was sent of it before and what a biller asked for."""
    ready = batch.claims[batch.claims["status"] == "ready"]
    before = sent_before(connection, day, ready["encounter_id"].tolist())
    if not before:
        return batch
    own = ready[ready["encounter_id"].isin(before)]
    now = contents(frames.only(list(before)), own)
    claims = batch.claims.copy()
    edits: dict[str, list[Edit]] = {}
    for at, key, payer in own[["encounter_id", "payer_id"]].itertuples():
        says = judged(before[key], day, payer, now.get(key), asked.get(key))
        if isinstance(says, Edit):
            edits[key] = [says]
        else:
            claims.at[at, "frequency_code"], claims.at[at, "payer_control_number"] = says
    return with_edits(replace(batch, claims=claims), edits)


def judged(before: History, day: date, payer_id: str | None, content: str | None, asked: Asked | None) -> Edit | Way:
    """How a claim of the received day `day` goes out, or the edit that holds it.

    A claim that stands in a file of its day as it is now keeps the frequency it was sent with; it is not written again.
    """
    here, last = before
    wanted = None if asked is None else (asked.frequency, asked.payer_control_number)
    if here is not None:
        as_sent = (here.frequency, here.payer_control_number)
        # a void says only that the claim is taken back: what it would say now does not matter
        unchanged = here.content in (None, content) or (here.frequency == VOID and wanted is not None)
        if unchanged and (wanted == as_sent or (wanted is None and here.frequency != VOID)):
            return as_sent
    if wanted is not None:
        return wanted
    if last.frequency == VOID:
        return ORIGINAL, None
    if payer_id != last.payer_id and not last.rejected:
        return found("sent_to_another_payer", payer=last.payer_id, day=last.day.isoformat())
    if last.content in (None, content):
        return found("claim_already_sent", day=last.day.isoformat())
    return (ORIGINAL, None) if last.rejected else found("changed_after_sent", day=last.day.isoformat())


def _from_files(connection: sa.Connection, day: date, encounter_ids: Sequence[str]) -> dict[str, History]:
    member, file = billed.interchange_claim.c, billed.interchange.c
    together = sa.and_(file.received_date == member.received_date, file.control_number == member.control_number)
    query = (
        sa.select(billed.interchange_claim, file.payer_id)
        .join_from(billed.interchange_claim, billed.interchange, together)
        .where(one_of(member.encounter_id, encounter_ids))
        .order_by(member.received_date, member.sequence)
    )
    rows = connection.execute(query).all()
    sent = sent_files(connection, {row.received_date for row in rows}) if rows else set()
    own = [row for row in rows if (row.received_date, row.control_number) in sent]
    refused = _rejected_in_999(connection, [row.encounter_id for row in own])
    found: dict[str, History] = {}
    for row in own:
        key = str(row.encounter_id)
        one = Sent(
            row.received_date, row.payer_id, row.frequency_code, row.payer_control_number, row.content_sha256,
            (key, row.control_number) in refused,
        )  # fmt: skip
        here = one if one.day == day else found[key].here if key in found else None
        found[key] = History(here, one)
    return found


def _from_other_days(
    connection: sa.Connection, day: date, encounter_ids: Sequence[str], known: dict[str, History]
) -> dict[str, Sent]:
    """Ready claims of other days, which go out with their day; what they say is made anew from the lineage."""
    claim = billed.claim.c
    query = (
        sa.select(claim.encounter_id, sa.func.max(claim.received_date).label("day"))
        .where(one_of(claim.encounter_id, encounter_ids), claim.received_date != day, claim.status == "ready")
        .group_by(claim.encounter_id)
    )
    by_day: dict[date, list[str]] = {}
    for row in connection.execute(query):
        if row.encounter_id not in known or known[row.encounter_id].last.day <= row.day:
            by_day.setdefault(row.day, []).append(row.encounter_id)
    found: dict[str, Sent] = {}
    for other, keys in sorted(by_day.items()):
        claims = rows_of_part(connection, billed.claim, other, Named(keys))
        now = contents(claim_frames(connection, other, Named(keys)), claims)
        for row in claims.to_dict("records"):
            key = str(row["encounter_id"])
            rejected = key in known and known[key].last.rejected
            found[key] = Sent(
                other, str(row["payer_id"]), str(row["frequency_code"]), row["payer_control_number"], now.get(key),
                rejected,
            )  # fmt: skip
    return found


def _rejected_in_999(connection: sa.Connection, encounter_ids: Sequence[str]) -> set[tuple[str, str]]:
    if not encounter_ids:
        return set()
    rows = connection.execute(_REJECTED_SETS, {"ids": list(encounter_ids)})
    return {(row.encounter_id, row.control_number) for row in rows}


# An answer by claim alone may be to the original or the replacement: the 835 says which (CLP09), the 277CA cannot.
_SENT_FILES = sa.text("""
    SELECT f.received_date, f.control_number FROM billed.interchange f
    WHERE f.received_date = ANY(CAST(:days AS date[])) AND (
        EXISTS (
            SELECT FROM billed.acknowledgement a WHERE a.outcome = 'matched'
            AND (ltrim(a.group_control_number, '0') = ltrim(f.control_number, '0')
                 OR ltrim(a.interchange_control_number, '0') = ltrim(f.control_number, '0'))
        )
        OR EXISTS (
            SELECT FROM billed.interchange_claim m
            WHERE m.received_date = f.received_date AND m.control_number = f.control_number AND (
                EXISTS (
                    SELECT FROM billed.claim_status s
                    WHERE s.encounter_id = m.encounter_id AND s.outcome = 'matched' AND m.frequency_code = '1'
                )
                OR EXISTS (
                    SELECT FROM billed.remittance_claim r
                    WHERE r.encounter_id = m.encounter_id AND r.outcome IN ('matched', 'unbalanced')
                    AND coalesce(r.frequency, '1') = m.frequency_code
                )
                OR EXISTS (
                    SELECT FROM review.claim_decision d
                    WHERE d.encounter_id = m.encounter_id AND d.received_date >= m.received_date
                    AND d.outcome IN ('replace', 'void') AND d.decided_at > f.written_at
                )
            )
        )
    )
""")
_REJECTED_SETS = sa.text("""
    SELECT DISTINCT m.encounter_id, m.control_number FROM billed.interchange_claim m
    JOIN billed.acknowledgement a ON a.outcome = 'matched' AND a.status = 'rejected' AND CASE a.level
        WHEN 'interchange' THEN ltrim(a.interchange_control_number, '0') = ltrim(m.control_number, '0')
        WHEN 'group' THEN ltrim(a.group_control_number, '0') = ltrim(m.control_number, '0')
        ELSE ltrim(a.group_control_number, '0') = ltrim(m.control_number, '0')
             AND ltrim(a.set_control_number, '0') = ltrim(m.set_control_number, '0') END
    WHERE m.encounter_id = ANY(CAST(:ids AS text[]))
""")
# A claim that was paid or denied was taken in, whatever an earlier answer said.
_NEWEST_STATUS = sa.text("""
    SELECT DISTINCT ON (s.encounter_id) s.encounter_id, s.status FROM billed.claim_status s
    WHERE s.level = 'claim' AND s.outcome = 'matched' AND s.encounter_id = ANY(CAST(:ids AS text[]))
    AND NOT EXISTS (
        SELECT FROM billed.remittance_claim r WHERE r.encounter_id = s.encounter_id AND r.outcome = 'matched'
    )
    ORDER BY s.encounter_id, s.received_date DESC, s.effective_date DESC NULLS LAST, s.claim_status_id
""")
