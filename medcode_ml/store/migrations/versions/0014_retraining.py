"""training sets of a time window, evaluation on a recent slice

Revision: 0014, after: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# kind, reasons of its own for which an encounter is in no part
_NO_LABELS = "no_encounter, no_discharge_date, no_release"
_TRAINING_SETS = {
    "coding": f"{_NO_LABELS}, no_documents, no_codes",
    "ranking": f"{_NO_LABELS}, no_codes, no_order (a label without its place), no_principal (the first label is not "
    "billable at discharge), one_code (nothing to order)",
    "amount": "held (an edit holds the claim), void, outpatient, no_drg, no_discharge_date, no_charge, no_payment",
}
_BEFORE = "why it is in no part: {} or labelled_again (a later day brought newer labels)"
_NOW = (
    "why it is in no part: {}, labelled_again (a later day brought newer labels) or before_window (the encounter was "
    "received before the day since)"
)


def upgrade() -> None:
    """Go one revision up; what stands is of no window and has no recent slice, so that the new columns are null."""
    for kind, reasons in _TRAINING_SETS.items():
        table = f"{kind}_training_set"
        for name, comment in (
            ("encounter_received", "day the encounter itself was received last; its labels may come later"),
            ("since", "window of the last split: encounters received before are set aside"),
            ("recent_from", "first day of the recent slice of the last split; null where it was made by person and "
             "time"),
        ):  # fmt: skip
            op.add_column(table, sa.Column(name, sa.Date(), nullable=True, comment=comment), schema="ml")
        op.alter_column(
            table, "set_aside", comment=_NOW.format(reasons), existing_comment=_BEFORE.format(reasons), schema="ml"
        )
    for column in (
        sa.Column(
            "since", sa.Date(), nullable=True,
            comment="window of its training set: encounters received before were set aside",
        ),
        sa.Column(
            "recent_from", sa.Date(), nullable=True,
            comment="its test are persons seen since this day; null where the test was the latest persons of all",
        ),
        sa.Column(
            "reason", sa.Text(), nullable=True, comment="why it was trained, such as the drift that asked for it"
        ),
    ):  # fmt: skip
        op.add_column("model", column, schema="ml")


def downgrade() -> None:
    """Go one revision down; encounters outside of a window have no split, and none is made for them here."""
    for name in ("reason", "recent_from", "since"):
        op.drop_column("model", name, schema="ml")
    for kind, reasons in _TRAINING_SETS.items():
        table = f"{kind}_training_set"
        op.alter_column(
            table, "set_aside", comment=_BEFORE.format(reasons), existing_comment=_NOW.format(reasons), schema="ml"
        )
        for name in ("recent_from", "since", "encounter_received"):
            op.drop_column(table, name, schema="ml")
