"""the registry: one table of models and one of their stages for every kind, figures of shadow runs

Revision: 0012, after: 0011
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# prefix of the kind's tables, kind, what its version is named in, what was said of its promotions
_KINDS = (
    ("coding", "coding", "coded.encounter", "Which model codes from when on"),
    ("ranking", "ranking", "ranked.encounter", "Which model ranks from when on"),
    ("amount", "amounts", "billed.predicted_amount", "Which model of amounts is in use from when on"),
)
_BEFORE = "One row for every {} model trained: where it lies, from what, and how"
_NOW = "What every {} model was trained on, and how; its place and its parents stand in ml.model"


def upgrade() -> None:
    """Go one revision up: rows of the three kinds move into the tables for all."""
    op.create_table(
        "model",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            comment="version of the model: kind, day made, first digits of the hash of its content",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="coding, ranking or amounts"),
        sa.Column("folder", sa.Text(), nullable=False, comment="model folder, relative to the home of medcode"),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("trained_by", sa.Text(), nullable=False, comment="asset or person that had it trained"),
        sa.Column("first_day", sa.Date(), nullable=True, comment="first received day of what it was made from"),
        sa.Column("last_day", sa.Date(), nullable=True, comment="last received day of what it was made from"),
        sa.Column(
            "figures",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="figures its folder names: [{name, part, coder, value, low, high, count}]",
        ),
        sa.Column(
            "champion", sa.Text(), nullable=True, comment="parent: version that was champion when it was trained"
        ),
        sa.Column(
            "tuned_from", sa.Text(), nullable=True, comment="parent: version whose parameters it was trained with"
        ),
        sa.Column(
            "tuning",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="its own search for parameters: {parameters, value, complete, pruned, failed}",
        ),
        sa.Column("mlflow_run", sa.Text(), nullable=True, comment="id of its run in MLflow"),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model")),
        schema="ml",
        comment="The registry: one row for every version of every kind of model, with what it came from; never changed",
    )
    op.create_index(op.f("ix_model_kind_trained_at"), "model", ["kind", "trained_at"], unique=False, schema="ml")
    op.create_table(
        "model_stage",
        sa.Column("kind", sa.Text(), nullable=False, comment="coding, ranking or amounts"),
        sa.Column("number", sa.Integer(), nullable=False, comment="moves of the kind in their order, from 1"),
        sa.Column("version", sa.Text(), nullable=False, comment="version that moved"),
        sa.Column(
            "stage",
            sa.Text(),
            nullable=False,
            comment="where to: candidate, shadow (runs beside the champion), champion (works), retired",
        ),
        sa.Column(
            "replaced",
            sa.Text(),
            nullable=True,
            comment="of a champion: the one whose place it took; null where there was none",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("by", sa.Text(), nullable=False, comment="person or asset"),
        sa.Column("why", sa.Text(), nullable=False, comment="why"),
        sa.PrimaryKeyConstraint("kind", "number", name=op.f("pk_model_stage")),
        schema="ml",
        comment="The life of every version, only ever added to: candidate, shadow, champion, retired; the newest row counts",
    )
    op.create_index(op.f("ix_model_stage_version"), "model_stage", ["version"], unique=False, schema="ml")
    op.create_table(
        "shadow_figure",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("kind", sa.Text(), nullable=False, comment="coding, ranking or amounts"),
        sa.Column("shadow", sa.Text(), nullable=False, comment="version in stage shadow"),
        sa.Column(
            "champion",
            sa.Text(),
            nullable=False,
            comment="what worked: the champion, or the rules where there is none (ontology, guidelines)",
        ),
        sa.Column("figure", sa.Text(), nullable=False, comment="what was compared, such as drg_shift"),
        sa.Column("value", sa.Double(), nullable=True, comment="value"),
        sa.Column("low", sa.Double(), nullable=True, comment="lower end of the 95% interval, drawn by encounter"),
        sa.Column("high", sa.Double(), nullable=True, comment="upper end of the 95% interval"),
        sa.Column("encounters", sa.Integer(), nullable=False, comment="encounters or claims compared"),
        sa.Column("notes", sa.Text(), nullable=False, comment="unit of the figure"),
        sa.PrimaryKeyConstraint("received_date", "kind", "shadow", "figure", name=op.f("pk_shadow_figure")),
        schema="ml",
        comment="What a version in stage shadow did with a day's input, beside the champion: nothing of it is billed",
    )
    op.create_index(op.f("ix_shadow_figure_shadow"), "shadow_figure", ["shadow"], unique=False, schema="ml")
    for prefix, kind, _, _ in _KINDS:
        _move_up(prefix, kind)
        op.drop_table(f"{prefix}_promotion", schema="ml")
        op.drop_column(f"{prefix}_model", "folder", schema="ml")
        op.drop_column(f"{prefix}_model", "trained_at", schema="ml")
        op.create_table_comment(
            f"{prefix}_model", _NOW.format(prefix), existing_comment=_BEFORE.format(prefix), schema="ml"
        )


def downgrade() -> None:
    """Go one revision down: versions and promotions go back to the tables of their kind, other stages are lost."""
    for prefix, kind, named_in, said in _KINDS:
        op.create_table(
            f"{prefix}_promotion",
            sa.Column("promotion_id", sa.Text(), nullable=False, comment="hash of version and time"),
            sa.Column(
                "version",
                sa.Text(),
                nullable=False,
                comment=f"version of the model, as its folder and {named_in}.model_version say it",
            ),
            sa.Column("replaced", sa.Text(), nullable=True, comment="version that was in use before"),
            sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
            sa.Column("promoted_by", sa.Text(), nullable=False, comment="who, or the asset that did"),
            sa.Column("note", sa.Text(), nullable=False, comment="why"),
            sa.PrimaryKeyConstraint("promotion_id", name=op.f(f"pk_{prefix}_promotion")),
            schema="ml",
            comment=f"{said}: one row a promotion, the newest counts; never overwritten",
        )
        place = sa.Column("folder", sa.Text(), nullable=True, comment="model folder, relative to the home of medcode")
        op.add_column(f"{prefix}_model", place, schema="ml")
        op.add_column(
            f"{prefix}_model",
            sa.Column("trained_at", sa.DateTime(timezone=True), nullable=True, comment="when"),
            schema="ml",
        )
        _move_down(prefix, kind)
        for column in ("folder", "trained_at"):
            op.alter_column(f"{prefix}_model", column, nullable=False, schema="ml")
        op.create_table_comment(
            f"{prefix}_model", _BEFORE.format(prefix), existing_comment=_NOW.format(prefix), schema="ml"
        )
    op.drop_index(op.f("ix_shadow_figure_shadow"), table_name="shadow_figure", schema="ml")
    op.drop_table("shadow_figure", schema="ml")
    op.drop_index(op.f("ix_model_stage_version"), table_name="model_stage", schema="ml")
    op.drop_table("model_stage", schema="ml")
    op.drop_index(op.f("ix_model_kind_trained_at"), table_name="model", schema="ml")
    op.drop_table("model", schema="ml")


def _move_up(prefix: str, kind: str) -> None:
    run = op.get_bind().execute
    run(
        sa.text(
            "INSERT INTO ml.model (version, kind, folder, trained_at, trained_by, first_day, last_day, figures, "
            "champion, tuned_from, tuning, mlflow_run) "
            f"SELECT m.version, :kind, m.folder, m.trained_at, 'asset ml/{prefix}_model', d.first_day, d.last_day, "
            f"'[]', (SELECT p.version FROM ml.{prefix}_promotion p WHERE p.promoted_at < m.trained_at "
            "ORDER BY p.promoted_at DESC LIMIT 1), NULL, NULL, NULL "
            f"FROM ml.{prefix}_model m LEFT JOIN (SELECT e.version, min(t.received_date) AS first_day, "
            f"max(t.received_date) AS last_day FROM ml.{prefix}_model_encounter e "
            f"JOIN ml.{prefix}_training_set t USING (encounter_id) GROUP BY 1) d USING (version)"
        ),
        {"kind": kind},
    )
    trained = run(sa.text(f"SELECT version, trained_at FROM ml.{prefix}_model ORDER BY 2, 1")).all()
    promoted = run(
        sa.text(
            f"SELECT version, replaced, promoted_at, promoted_by, note FROM ml.{prefix}_promotion ORDER BY promoted_at"
        )
    ).all()
    moves: list[tuple[Any, ...]] = [
        (at, version, "candidate", None, f"asset ml/{prefix}_model", "trained") for version, at in trained
    ]
    now = None
    for version, _, at, by, note in promoted:
        # a promotion was one row; the one in use before it went with it
        if now is not None and now != version:
            moves.append((at, now, "retired", None, by, f"replaced by {version}"))
        moves.append((at, version, "shadow", None, by, note))
        moves.append((at, version, "champion", now if now != version else None, by, note))
        now = version
    # rows of one moment stay in the order in which they were put down
    for number, (at, version, stage, replaced, by, why) in enumerate(sorted(moves, key=lambda move: move[0]), start=1):
        run(
            sa.text(
                "INSERT INTO ml.model_stage (kind, number, version, stage, replaced, at, by, why) "
                "VALUES (:kind, :number, :version, :stage, :replaced, :at, :by, :why)"
            ),
            {"kind": kind, "number": number, "version": version, "stage": stage, "replaced": replaced, "at": at,
             "by": by, "why": why},
        )  # fmt: skip


def _move_down(prefix: str, kind: str) -> None:
    run = op.get_bind().execute
    run(
        sa.text(
            f"UPDATE ml.{prefix}_model o SET folder = m.folder, trained_at = m.trained_at "
            "FROM ml.model m WHERE m.version = o.version"
        )
    )
    run(
        sa.text(
            f"INSERT INTO ml.{prefix}_promotion (promotion_id, version, replaced, promoted_at, promoted_by, note) "
            "SELECT md5(kind || number), version, replaced, at, by, why FROM ml.model_stage "
            "WHERE kind = :kind AND stage = 'champion'"
        ),
        {"kind": kind},
    )
