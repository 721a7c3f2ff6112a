"""What the warehouse knows that answers are read against: what came before, our claims, their codes and edits.

Every look-up is for the rows of one part of a file, so that memory does not grow with the years of a warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.answers.delivered import DELIVERED_COLUMNS
from medcode_ml.billing.answers.frames import Answers
from medcode_ml.billing.answers.repeated import IDS, Seen
from medcode_ml.billing.batch import claim_number
from medcode_ml.contracts import answers, billed, mapped, raw
from medcode_ml.store.frames import read_frame

#: table of each frame whose rows are known again
TABLES = {
    "acknowledgements": answers.acknowledgement, "claim_statuses": answers.claim_status,
    "remittances": answers.remittance, "remittance_claims": answers.remittance_claim,
}  # fmt: skip
#: how a hospital's number of an encounter is written in `mapped.encounter`
_NORMAL = "ltrim(upper(regexp_replace({}, '[[:space:]./_-]+', '', 'g')), '0')"


def _any(column: sa.ColumnElement[Any], values: Iterable[str]) -> sa.ColumnElement[bool]:
    return column == sa.func.any(sa.cast(sorted(set(values)), sa.ARRAY(sa.Text)))


def recall(connection: sa.Connection, day: date, part: Answers, seen: Seen) -> None:
    """Add to `seen` what of a part was processed on days before `day`."""
    for name, column in IDS.items():
        table, ids = TABLES[name], getattr(part, name)[column]
        if len(ids):
            query = sa.select(table.c[column]).where(_any(table.c[column], ids), table.c.received_date < day)
            seen.rows |= set(connection.execute(query).scalars())
    table = answers.answer_set
    hashes = part.sets["interchange_sha256"].dropna()
    if len(hashes):
        query = sa.select(table.c.interchange_sha256).where(
            _any(table.c.interchange_sha256, hashes), table.c.received_date < day, table.c.status == "read"
        )
        seen.interchanges |= set(connection.execute(query).scalars())


def our_claims(connection: sa.Connection, day: date, part: Answers) -> pd.DataFrame:
    """Our claims that a part may answer, made up to `day`: a row each time one was sent; a held one has `sent` False.

    Columns: those that `match` reads. For acknowledgements one claim of each transaction set is enough.
    """
    numbers = {*part.remittance_claims["control_number"].dropna(), *part.claim_statuses["control_number"].dropna()}
    batches = {str(number)[:9] for number in part.claim_statuses["batch_number"].dropna()}
    acknowledged = {
        *part.acknowledgements["group_control_number"].dropna(),
        *part.acknowledgements["interchange_control_number"].dropna(),
    }
    claim, sent = billed.claim.c, billed.interchange_claim.c
    payers = _payers(day)
    columns: list[sa.ColumnElement[Any]] = [
        claim.claim_number, claim.payer_id,
        sa.func.coalesce(sent.total_charge, claim.total_charge).label("total_charge"),
        claim.encounter_id, payers.c.payer_name, sent.control_number, sent.set_control_number,
        sa.case((sent.control_number.is_not(None), claim.received_date)).label("sent_on"),
        sent.control_number.is_not(None).label("sent"),
    ]  # fmt: skip
    same = sa.and_(sent.received_date == claim.received_date, sent.encounter_id == claim.encounter_id)
    base = (
        sa.select(*columns)
        .select_from(billed.claim)
        .outerjoin(billed.interchange_claim, same)
        .outerjoin(payers, payers.c.payer_id == claim.payer_id)
        .where(claim.received_date <= day)
    )
    # payers drop leading zeros; ours have nine digits
    groups = {number.lstrip("0").zfill(9) for number in batches | acknowledged}
    one_a_set = base.where(_any(sent.control_number, groups)).distinct(sent.control_number, sent.set_control_number)
    found = [read_frame(connection, base.where(_any(claim.claim_number, numbers)))] if numbers else []
    found += [read_frame(connection, one_a_set)] if groups else []
    names = [c.name for c in base.selected_columns]
    filled = [frame for frame in found if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=names, dtype=object)


def _payers(day: date) -> sa.Subquery:
    """The newest name of each payer."""
    table = raw.delivered_tables["payer"].c
    query = sa.select(table.payer_id, table.name.label("payer_name")).where(table.received_date <= day)
    return query.distinct(table.payer_id).order_by(table.payer_id, table.received_date.desc()).subquery("payers")


def codes_and_edits(
    connection: sa.Connection, day: date, encounters: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What we transmitted (encounter_id, code; in the order sent) and the edits we raised (encounter_id, edit)."""
    sent, edit = billed.interchange_claim.c, billed.claim_edit.c
    newest = (
        sa.select(sent.encounter_id, sent.diagnoses)
        .where(_any(sent.encounter_id, encounters), sent.received_date <= day)
        .distinct(sent.encounter_id)
        .order_by(sent.encounter_id, sent.received_date.desc(), sent.sequence.desc())
    )
    codes = [(e, code) for e, listed in connection.execute(newest).tuples() for code in listed]
    raised = (
        sa.select(edit.encounter_id, edit.edit)
        .where(_any(edit.encounter_id, encounters), edit.received_date <= day)
        .order_by(edit.encounter_id, edit.received_date, edit.place)
    )
    return pd.DataFrame(codes, columns=["encounter_id", "code"], dtype=object), read_frame(connection, raised)


def delivered_rows(connection: sa.Connection, day: date) -> pd.DataFrame:
    """Rows of `raw.remittance` of `day`: `DELIVERED_COLUMNS` and source; one of an unknown encounter has no number."""
    row, encounter = raw.delivered_tables["remittance"].c, mapped.encounter.c
    number: sa.ColumnElement[str] = sa.literal_column(_NORMAL.format("remittance.encounter_number"))
    ids = (
        sa.select(encounter.encounter_id)
        .where(
            encounter.source == row.source, encounter.hospital_id == row.hospital_id,
            encounter.encounter_number == number, encounter.received_date <= day,
        )
        .limit(1)
        .scalar_subquery()
        .label("encounter_id")
    )  # fmt: skip
    own = [row[c] for c in DELIVERED_COLUMNS if c != "control_number"]
    query = (
        sa.select(row.source, ids, *own)
        .where(row.received_date == day)
        .order_by(row.source, row.payer_id, row.trace_number, row.source_file, row.source_line)
    )
    found = read_frame(connection, query)
    found["control_number"] = pd.Series(
        [None if e is None else claim_number(e) for e in found["encounter_id"]], index=found.index, dtype=object
    )
    return found.drop(columns="encounter_id")


def days_to_run_again(connection: sa.Connection, start: date, end: date) -> list[date]:
    """Days after `end` that hold, as new, an answer of `start` to `end`: they ran before these days did."""
    found: set[date] = set()
    keys = [(TABLES[name], column) for name, column in IDS.items()]
    for table, column in (*keys, (answers.answer_set, "interchange_sha256")):
        later, own = table.alias("later"), table.alias("own")
        query = (
            sa.select(later.c.received_date)
            .join(own, own.c[column] == later.c[column])
            .where(own.c.received_date.between(start, end), later.c.received_date > end)
            .distinct()
        )
        if column == "interchange_sha256":
            query = query.where(own.c.status == "read", later.c.status == "read")
        found |= set(connection.execute(query).scalars())
    return sorted(found)


def answered(connection: sa.Connection, start: date, end: date) -> dict[str, float | int | str]:
    """How long the claims answered from `start` to `end` waited for their first payment or denial, in days."""
    sent, paid = billed.interchange_claim.c, answers.remittance_claim.c
    first = (
        sa.select(paid.encounter_id, sa.func.min(paid.received_date).label("answered"))
        .where(paid.outcome == "matched", paid.received_date <= end)
        .group_by(paid.encounter_id)
        .subquery()
    )
    went = (
        sa.select(sent.encounter_id, sa.func.min(sent.received_date).label("sent"))
        .where(sent.received_date <= end)
        .group_by(sent.encounter_id)
        .subquery()
    )
    days = sa.cast(first.c.answered - went.c.sent, sa.Integer)
    both = went.outerjoin(first, first.c.encounter_id == went.c.encounter_id)
    rejected = sa.exists().where(
        answers.claim_status.c.encounter_id == went.c.encounter_id, answers.claim_status.c.level == "claim",
        answers.claim_status.c.status == "rejected", answers.claim_status.c.received_date <= end,
    )  # fmt: skip
    waits = sa.select(
        sa.func.avg(days).filter(first.c.answered >= start),
        sa.func.count().filter(first.c.answered.is_(None), ~rejected),
    ).select_from(both)
    mean, waiting = connection.execute(waits).one()
    figures: dict[str, float | int | str] = {"claims_waiting": int(waiting)}
    return figures if mean is None else {**figures, "mean_days_to_answer": round(float(mean), 1)}
