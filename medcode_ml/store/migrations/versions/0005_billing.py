"""billing: edits by number, claim lines, what-if

Revision: 0005, after: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# numbers of the catalogue when this migration was written, for the edits raised before
_NUMBERS = {
    "external_cause_as_principal": 101,
    "manifestation_as_principal": 102,
    "unacceptable_principal": 103,
    "requires_secondary_diagnosis": 104,
    "questionable_admission": 105,
    "questionable_obstetric_admission": 106,
    "nonspecific_principal": 107,
    "duplicate_of_principal": 108,
    "age_conflict": 109,
    "sex_conflict": 110,
    "invalid_code": 111,
    "invalid_admitting_code": 112,
    "unspecified_code": 113,
    "wrong_procedure_performed": 114,
    "invalid_age": 115,
    "invalid_sex": 116,
    "invalid_discharge_status": 117,
    "non_covered": 118,
    "limited_coverage": 119,
    "non_specific_operating_room_procedure": 120,
    "open_biopsy": 121,
    "bilateral_procedure": 122,
    "medicare_is_secondary_payer": 123,
    "inconsistent_with_length_of_stay": 124,
    "other_medicare_edit": 125,
    "no_editor_for_date": 126,
    "ungroupable": 201,
    "no_grouper_for_date": 202,
    "hospital_acquired_condition": 203,
    "second_grouper_differs": 204,
    "missing_field": 301,
    "missing_recommended_field": 302,
    "unwritable_text": 303,
    "npi_invalid": 304,
    "tax_id_invalid": 305,
    "taxonomy_invalid": 306,
    "zip_invalid": 307,
    "state_invalid": 308,
    "sex_invalid": 309,
    "setting_invalid": 310,
    "claim_type_invalid": 311,
    "hour_invalid": 312,
    "code_value_invalid": 313,
    "subscriber_is_not_patient": 314,
    "mbi_invalid": 315,
    "taxonomy_unknown": 316,
    "discharge_before_admission": 401,
    "discharge_in_future": 402,
    "birth_after_admission": 403,
    "age_differs_from_birth_date": 404,
    "no_code_set_for_date": 405,
    "procedure_date_missing": 406,
    "procedure_date_outside_stay": 407,
    "line_date_outside_stay": 408,
    "line_date_missing": 409,
    "accommodation_days_differ": 410,
    "died_without_status": 411,
    "status_without_death": 412,
    "timely_filing_passed": 413,
    "timely_filing_near": 414,
    "duplicate_claim": 415,
    "no_principal": 501,
    "duplicate_code": 502,
    "sex_conflict_advisory": 503,
    "poa_missing": 504,
    "poa_invalid": 505,
    "poa_not_sent": 506,
    "excludes1_pair": 510,
    "codes_not_transmitted": 507,
    "procedures_not_transmitted": 508,
    "reason_for_visit_missing": 509,
    "no_charge_lines": 601,
    "too_many_lines": 602,
    "revenue_code_invalid": 603,
    "revenue_code_unassigned": 604,
    "hcpcs_invalid": 605,
    "modifier_invalid": 606,
    "modifier_without_hcpcs": 607,
    "outpatient_without_hcpcs": 608,
    "professional_line_without_hcpcs": 609,
    "charge_not_positive": 610,
    "charge_not_in_cents": 611,
    "units_not_positive": 612,
    "prior_payments_do_not_balance": 613,
    "charge_outside_interval": 614,
    "payment_outside_interval": 615,
    "ncci_pair": 701,
    "ncci_pair_without_modifier": 702,
    "units_unlikely": 703,
    "diagnosis_does_not_cover": 704,
    "payer_unknown": 801,
    "self_pay": 802,
    "contract_not_in_force": 803,
    "no_fee": 804,
    "not_priced": 805,
    "line_in_quarantine": 901,
}


def upgrade() -> None:
    """Go one revision up."""
    op.rename_table("edit", "claim_edit", schema="billed")
    op.execute("ALTER INDEX billed.pk_edit RENAME TO pk_claim_edit")
    op.alter_column(
        "claim_edit",
        "edit_number",
        new_column_name="place",
        comment="place among the edits of the claim",
        existing_comment="place in the claim",
        schema="billed",
    )
    op.add_column(
        "claim_edit",
        sa.Column(
            "edit_number",
            sa.Integer(),
            nullable=True,
            comment="number of the edit in the catalogue; it stays the same from release to release",
        ),
        schema="billed",
    )
    pairs = ", ".join(f"('{name}', {number})" for name, number in _NUMBERS.items())
    op.execute(
        f"UPDATE billed.claim_edit e SET edit_number = n.number FROM (VALUES {pairs}) AS n(edit, number) "
        "WHERE n.edit = e.edit"
    )
    op.alter_column("claim_edit", "edit_number", nullable=False, schema="billed")
    op.add_column(
        "claim",
        sa.Column(
            "fingerprint",
            sa.Text(),
            nullable=True,
            comment="hash of patient, provider, dates and codes: equal ones are duplicates; null where one of them is missing",
        ),
        schema="billed",
    )
    op.add_column(
        "claim",
        sa.Column(
            "filing_limit",
            sa.Date(),
            nullable=True,
            comment="last day on which the payer takes the claim, by its contract",
        ),
        schema="billed",
    )
    op.create_index(op.f("ix_claim_fingerprint"), "claim", ["fingerprint"], unique=False, schema="billed")
    op.create_table(
        "claim_line",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter"),
        sa.Column("line_number", sa.Integer(), nullable=False, comment="place on the claim, 1 first (LX01)"),
        sa.Column("charge_number", sa.Integer(), nullable=False, comment="line number the hospital gave the charge"),
        sa.Column("revenue_code", sa.Text(), nullable=True, comment="revenue code, four digits"),
        sa.Column("hcpcs", sa.Text(), nullable=True, comment="HCPCS code"),
        sa.Column("modifiers", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="modifiers in order"),
        sa.Column("units", sa.Numeric(14, 6), nullable=True, comment="units of service, days for accommodation"),
        sa.Column("charge", sa.Numeric(14, 2), nullable=True, comment="charge in US dollars"),
        sa.Column("service_date", sa.Date(), nullable=True, comment="date of service"),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", "line_number", name=op.f("pk_claim_line")),
        schema="billed",
        comment="Service lines of a claim as they were charged",
    )
    op.create_table(
        "what_if",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="encounter"),
        sa.Column(
            "principal_code",
            sa.Text(),
            nullable=False,
            comment="the other principal; every other code keeps its place behind it",
        ),
        sa.Column("rank", sa.Integer(), nullable=False, comment="place of that code in the reporting order"),
        sa.Column("drg", sa.Text(), nullable=False, comment="MS-DRG, three digits"),
        sa.Column("drg_title", sa.Text(), nullable=True, comment="title of the MS-DRG"),
        sa.Column("weight", sa.Numeric(14, 6), nullable=True, comment="relative weight"),
        sa.Column("expected_payment", sa.Numeric(14, 2), nullable=True, comment="expected payment in US dollars"),
        sa.Column(
            "difference",
            sa.Numeric(14, 2),
            nullable=True,
            comment="that less the expected payment of the claim, US dollars",
        ),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", "principal_code", name=op.f("pk_what_if")),
        schema="billed",
        comment="What the claim would be grouped and paid as with another eligible principal: for review, never applied",
    )


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("what_if", schema="billed")
    op.drop_table("claim_line", schema="billed")
    op.drop_index(op.f("ix_claim_fingerprint"), table_name="claim", schema="billed")
    op.drop_column("claim", "filing_limit", schema="billed")
    op.drop_column("claim", "fingerprint", schema="billed")
    op.drop_column("claim_edit", "edit_number", schema="billed")
    op.alter_column(
        "claim_edit",
        "place",
        new_column_name="edit_number",
        comment="place in the claim",
        existing_comment="place among the edits of the claim",
        schema="billed",
    )
    op.execute("ALTER INDEX billed.pk_claim_edit RENAME TO pk_edit")
    op.rename_table("claim_edit", "edit", schema="billed")
