"""claims: frequency, release of held claims, sequence of interchanges

Revision: 0007, after: 0006
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FILES = "837 files written, one for each payer, claim type and day"
_FILES_NOW = "837 files written: one for each payer, claim type and day, another where it is full or was sent already"
_MEMBERS = "Which claim went out in which interchange"
_MEMBERS_NOW = f"{_MEMBERS}: once as an original, again as a replacement or void of what was sent"
# a transaction set took so many claims when this migration was written
_CLAIMS_A_SET = 5000


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "claim_decision",
        sa.Column("decision_id", sa.Text(), nullable=False, comment="hash of subject and time"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter of the claim"),
        sa.Column(
            "received_date", sa.Date(), nullable=False, comment="day the encounter was received, which runs again"
        ),
        sa.Column(
            "edit",
            sa.Text(),
            nullable=True,
            comment="edit it is about; null for a replacement or void, which is about the claim",
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="released (the edit stays and no longer holds the claim), delay_reason (the claim says why it is "
            "late, `value` is CLM20), replace or void (of the claim that the payer knows as `value`), withdrawn (the "
            "decision before is taken back)",
        ),
        sa.Column("value", sa.Text(), nullable=True, comment="the payer's control number, or the delay reason code"),
        sa.Column("decided_by", sa.Text(), nullable=False, comment="user who decided"),
        sa.Column("note", sa.Text(), nullable=False, comment="why"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_claim_decision")),
        schema="review",
        comment="What people decided about claims that are held or were sent",
    )
    op.create_index(
        op.f("ix_claim_decision_encounter_id"), "claim_decision", ["encounter_id"], unique=False, schema="review"
    )
    _claims()
    _interchanges()


def _claims() -> None:
    frequency = "1 original, 7 replacement or 8 void of a claim sent before (CLM05-3)"
    _add("claim", "frequency_code", sa.Text(), frequency, "'1'")
    _add("claim", "payer_control_number", sa.Text(), "the payer's number of the claim replaced or voided (REF*F8)")
    _add("claim", "delay_reason", sa.Text(), "why the claim is filed late (CLM20)")
    for name in ("encounter_id", "claim_number"):
        op.create_index(op.f(f"ix_claim_{name}"), "claim", [name], unique=False, schema="billed")
    released = "who released the claim from this edit: it stays, and holds no more"
    _add("claim_edit", "released_by", sa.Text(), released)
    _add("claim_edit", "released_because", sa.Text(), "why it was released")


def _interchanges() -> None:
    """One file for each payer, claim type and day until now; its claims stood in one set unless they were too many."""
    place = "place among the files of payer, claim type and day, 1 first"
    _add("interchange", "sequence", sa.Integer(), place, "1")
    _key("interchange", "received_date", "payer_id", "claim_type", "sequence")
    _say("interchange", _FILES, _FILES_NOW)
    last = "sequence of the interchange: of several rows of a claim in a day the highest is the last"
    _add("interchange_claim", "sequence", sa.Integer(), last, "1")
    _key("interchange_claim", "received_date", "encounter_id", "control_number")
    _say("interchange_claim", _MEMBERS, _MEMBERS_NOW)
    transaction_set = "transaction set in it (ST02); null where it was not kept"
    _add("interchange_claim", "set_control_number", sa.Text(), transaction_set)
    op.execute(
        "UPDATE billed.interchange_claim m SET set_control_number = '0001' FROM billed.interchange f "
        "WHERE f.received_date = m.received_date AND f.control_number = m.control_number "
        f"AND f.claims <= {_CLAIMS_A_SET}"
    )
    _add(
        "interchange_claim", "frequency_code", sa.Text(), "1 original, 7 replacement, 8 void (CLM05-3), as sent", "'1'"
    )
    number = "the payer's number of the claim replaced or voided (REF*F8)"
    _add("interchange_claim", "payer_control_number", sa.Text(), number)
    charge = "CLM02 in US dollars as sent; null where it was not kept"
    _add("interchange_claim", "total_charge", sa.Numeric(14, 2), charge)
    op.execute(
        "UPDATE billed.interchange_claim m SET total_charge = c.total_charge FROM billed.claim c "
        "WHERE c.received_date = m.received_date AND c.encounter_id = m.encounter_id AND c.status = 'ready'"
    )
    content = (
        "hash of what the claim says but for its frequency: another one means another content; null where not kept"
    )
    _add("interchange_claim", "content_sha256", sa.Text(), content)
    for name in ("encounter_id", "control_number"):
        op.create_index(
            op.f(f"ix_interchange_claim_{name}"), "interchange_claim", [name], unique=False, schema="billed"
        )


def _add(table: str, name: str, type_: sa.types.TypeEngine[Any], comment: str, fill: str | None = None) -> None:
    """Add a column; with `fill`, the value of the rows that are there, it is NOT NULL and has no default afterwards."""
    made = sa.Column(
        name, type_, nullable=fill is None, comment=comment, server_default=sa.text(fill) if fill else None
    )
    op.add_column(table, made, schema="billed")
    if fill is not None:
        op.alter_column(table, name, server_default=None, schema="billed")


def _key(table: str, *columns: str) -> None:
    op.drop_constraint(op.f(f"pk_{table}"), table, schema="billed", type_="primary")
    op.create_primary_key(op.f(f"pk_{table}"), table, list(columns), schema="billed")


def _say(table: str, before: str, now: str) -> None:
    op.create_table_comment(table, now, existing_comment=before, schema="billed")


def downgrade() -> None:
    """Go one revision down; what the older tables have no room for, further files of a day, is given up."""
    op.execute("DELETE FROM billed.interchange_claim WHERE sequence > 1")
    op.execute("DELETE FROM billed.interchange WHERE sequence > 1")
    for name in ("control_number", "encounter_id"):
        op.drop_index(op.f(f"ix_interchange_claim_{name}"), table_name="interchange_claim", schema="billed")
    _key("interchange_claim", "received_date", "encounter_id")
    _key("interchange", "received_date", "payer_id", "claim_type")
    _say("interchange_claim", _MEMBERS_NOW, _MEMBERS)
    _say("interchange", _FILES_NOW, _FILES)
    for name in ("claim_number", "encounter_id"):
        op.drop_index(op.f(f"ix_claim_{name}"), table_name="claim", schema="billed")
    added = {
        "interchange_claim": (
            "content_sha256", "total_charge", "payer_control_number", "frequency_code", "set_control_number", "sequence",
        ),
        "interchange": ("sequence",),
        "claim_edit": ("released_because", "released_by"),
        "claim": ("delay_reason", "payer_control_number", "frequency_code"),
    }  # fmt: skip
    for table, names in added.items():
        for name in names:
            op.drop_column(table, name, schema="billed")
    op.drop_index(op.f("ix_claim_decision_encounter_id"), table_name="claim_decision", schema="review")
    op.drop_table("claim_decision", schema="review")
