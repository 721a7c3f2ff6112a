"""what coders decided about codes, and what is measured of it

Revision: 0013, after: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# table, column, what was said of it, what is said now
_SAID = (
    (
        "served",
        "api_key",
        "scopes",
        "what it may do: code, rank, bill, price, encounter, codes, models, metrics",
        "what it may do: code, rank, bill, price, encounter, review, codes, models, metrics",
    ),
    (
        "served",
        "job",
        "operation",
        "code, rank, bill, price or encounter",
        "code, rank, bill, price, encounter or review",
    ),
    *(
        (
            "ml",
            f"{kind}_training_set",
            "label_source",
            "coder_label; delivered or crosswalked (codes that came with a research record)",
            "review (a chart that a coder closed as final), coder_label (delivered by the hospital), delivered or crosswalked (codes that came with a research record)",
        )
        for kind in ("coding", "ranking")
    ),
)


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "chart",
        sa.Column("chart_id", sa.Text(), nullable=False, comment="hash of encounter, kind, coder and time of opening"),
        sa.Column("event", sa.Text(), nullable=False, comment="opened or closed"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter of the chart"),
        sa.Column("hospital_id", sa.Text(), nullable=False, comment="hospital of the encounter"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="review (codes were proposed), or audit: a second coder of ml.audit_sample who saw none",
        ),
        sa.Column("coder", sa.Text(), nullable=False, comment="coder, by the user id of the hospital"),
        sa.Column(
            "version",
            sa.Text(),
            nullable=True,
            comment="what proposed the codes when the chart was opened; null where nothing was coded",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="page (the coders' page), api or file"),
        sa.Column(
            "sent_by",
            sa.Text(),
            nullable=False,
            comment="who brought it in: caller of the API as served.access names it, or user of the command",
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, comment="when the coder opened it"),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True, comment="when the coder closed it"),
        sa.Column("closed_date", sa.Date(), nullable=True, comment="UTC day of closing: the day its labels belong to"),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=True,
            comment="final (codes complete and in order: labels) or given_back (no labels)",
        ),
        sa.Column("seconds", sa.Double(), nullable=True, comment="seconds the coder worked on it"),
        sa.Column(
            "seconds_source",
            sa.Text(),
            nullable=True,
            comment="client (active seconds as the coders' page counted them) or clock (opening to closing, each pause cut at MEDCODE_REVIEW_IDLE_MINUTES)",
        ),
        sa.Column("stratum", sa.Text(), nullable=True, comment="of an audit: stratum in ml.audit_sample"),
        sa.Column("weight", sa.Double(), nullable=True, comment="of an audit: encounters it stands for"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="when it came in"),
        sa.PrimaryKeyConstraint("chart_id", "event", name=op.f("pk_chart")),
        schema="review",
        comment="Charts that coders opened and closed, one row each time: an encounter looked at by one coder in one go",
    )
    op.create_index(op.f("ix_chart_closed_date"), "chart", ["closed_date"], unique=False, schema="review")
    op.create_index(op.f("ix_chart_encounter_id"), "chart", ["encounter_id"], unique=False, schema="review")
    op.create_table(
        "decision",
        sa.Column(
            "decision_id",
            sa.Text(),
            nullable=False,
            comment="hash of the chart and of what was decided: sent again it is known",
        ),
        sa.Column("chart_id", sa.Text(), nullable=False, comment="hash of encounter, kind, coder and time of opening"),
        sa.Column(
            "number",
            sa.Integer(),
            nullable=False,
            comment="place among the decisions of the chart, from 1: the order in which they count",
        ),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter of the chart"),
        sa.Column("code", sa.Text(), nullable=False, comment="ICD-10-CM code with its dot, billable at discharge"),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="accepted, rejected, added (not proposed), reordered (moved to `place`), withdrawn (what was decided on the code before is taken back)",
        ),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=True,
            comment="of a rejection: not_documented, not_supported, wrong_specificity, historical, ruled_out, duplicate, not_reportable, sequencing or other",
        ),
        sa.Column(
            "place",
            sa.Integer(),
            nullable=True,
            comment="of an added or reordered code: its place in the order, 1 first",
        ),
        sa.Column(
            "poa",
            sa.Text(),
            nullable=True,
            comment="present on admission as the coder gave it: Y, N, U, W or 1 (exempt)",
        ),
        sa.Column("document_id", sa.Text(), nullable=True, comment="evidence of an added code: document"),
        sa.Column("start_offset", sa.Integer(), nullable=True, comment="first character in the document text"),
        sa.Column("end_offset", sa.Integer(), nullable=True, comment="character after the last"),
        sa.Column("version", sa.Text(), nullable=True, comment="what proposed the codes that the coder saw"),
        sa.Column(
            "band",
            sa.Text(),
            nullable=True,
            comment="band of the code the coder saw: auto, review or drop; null where it was not listed",
        ),
        sa.Column("score", sa.Double(), nullable=True, comment="its score"),
        sa.Column("coder", sa.Text(), nullable=False, comment="coder, by the user id of the hospital"),
        sa.Column("source", sa.Text(), nullable=False, comment="page (the coders' page), api or file"),
        sa.Column(
            "sent_by",
            sa.Text(),
            nullable=False,
            comment="who brought it in: caller of the API as served.access names it, or user of the command",
        ),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when; of a chart sent whole, its closing where no time was given",
        ),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decision")),
        schema="review",
        comment="What coders decided about codes, only ever added to: never a label before the chart is closed as final",
    )
    op.create_index(op.f("ix_decision_chart_id"), "decision", ["chart_id"], unique=False, schema="review")
    op.create_index(op.f("ix_decision_encounter_id"), "decision", ["encounter_id"], unique=False, schema="review")
    op.create_table(
        "chart_code",
        sa.Column("chart_id", sa.Text(), nullable=False, comment="hash of encounter, kind, coder and time of opening"),
        sa.Column("code", sa.Text(), nullable=False, comment="ICD-10-CM code with its dot"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter of the chart"),
        sa.Column(
            "band", sa.Text(), nullable=True, comment="auto or review, as it was proposed; null where it was not"
        ),
        sa.Column("score", sa.Double(), nullable=True, comment="score it was listed with; null where it was not"),
        sa.Column(
            "proposed_place",
            sa.Integer(),
            nullable=True,
            comment="place in the order that ranking gave it, 1 first; null where it was not",
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="accepted, kept (auto band, nobody said a word), rejected, added; of an audit: confirmed, not_confirmed, added",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="of a rejection"),
        sa.Column("moved", sa.Boolean(), nullable=False, comment="the coder moved it to another place"),
        sa.Column(
            "place",
            sa.Integer(),
            nullable=True,
            comment="place in the coder's order, 1 first; null where it is not reported",
        ),
        sa.Column(
            "poa", sa.Text(), nullable=True, comment="present on admission, the coder's where given, else as proposed"
        ),
        sa.PrimaryKeyConstraint("chart_id", "code", name=op.f("pk_chart_code")),
        schema="review",
        comment="Every code of a chart closed as final, proposed or added, as it was then: what became of it, and its place",
    )
    op.create_index(op.f("ix_chart_code_encounter_id"), "chart_code", ["encounter_id"], unique=False, schema="review")
    for schema, table, column, before, now in _SAID:
        op.alter_column(table, column, existing_comment=before, comment=now, schema=schema)


def downgrade() -> None:
    """Go one revision down."""
    for schema, table, column, before, now in _SAID:
        op.alter_column(table, column, existing_comment=now, comment=before, schema=schema)
    op.drop_table("chart_code", schema="review")
    op.drop_table("decision", schema="review")
    op.drop_table("chart", schema="review")
