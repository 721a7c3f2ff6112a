"""streaming: outboxes are found by an index of what waits, dead letters keep the time of their message

Revision: 0016, after: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_UNSENT = sa.text("published_at IS NULL")
_EVENTS = "What became of encounters, {}: the outbox of the event topic"
_ONCE = (_EVENTS.format("once for every state"), "hash of kind, encounter and state")
_AT_CHANGES = (_EVENTS.format("at every change of state"), "hash of kind, day, encounter, state and the event before")


def upgrade() -> None:
    """Go one revision up."""
    op.add_column(
        "stream_dead_letter",
        sa.Column(
            "message_time",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="time of the message by the broker; null where it had none or it was lost",
        ),
        schema="raw",
    )
    op.create_index(
        op.f("ix_stream_dead_letter_topic_partition_offset"),
        "stream_dead_letter",
        ["topic", "partition", "offset"],
        unique=False,
        schema="raw",
        postgresql_where=_UNSENT,
    )
    op.create_index(
        op.f("ix_reply_answered_at_reply_id"),
        "reply",
        ["answered_at", "reply_id"],
        unique=False,
        schema="served",
        postgresql_where=_UNSENT,
    )
    op.create_index(
        op.f("ix_event_recorded_at_event_id"),
        "event",
        ["recorded_at", "event_id"],
        unique=False,
        schema="served",
        postgresql_where=_UNSENT,
    )
    op.create_index(
        op.f("ix_event_encounter_id_recorded_at"),
        "event",
        ["encounter_id", "recorded_at"],
        unique=False,
        schema="served",
    )
    _describe_events(_ONCE, _AT_CHANGES)


def downgrade() -> None:
    """Go one revision down."""
    _describe_events(_AT_CHANGES, _ONCE)
    op.drop_index(op.f("ix_event_encounter_id_recorded_at"), table_name="event", schema="served")
    op.drop_index(op.f("ix_event_recorded_at_event_id"), table_name="event", schema="served")
    op.drop_index(op.f("ix_reply_answered_at_reply_id"), table_name="reply", schema="served")
    op.drop_index(op.f("ix_stream_dead_letter_topic_partition_offset"), table_name="stream_dead_letter", schema="raw")
    op.drop_column("stream_dead_letter", "message_time", schema="raw")


def _describe_events(before: tuple[str, str], after: tuple[str, str]) -> None:
    op.create_table_comment("event", after[0], existing_comment=before[0], schema="served")
    op.alter_column(
        "event",
        "event_id",
        comment=after[1],
        existing_comment=before[1],
        existing_type=sa.Text(),
        existing_nullable=False,
        schema="served",
    )
