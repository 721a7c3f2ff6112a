"""intake mapping filtering

Revision: 0002, after: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "deidentified_document",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("document_id", sa.Text(), nullable=False, comment="document"),
        sa.Column(
            "text",
            sa.Text(),
            nullable=False,
            comment="text with each identifier replaced by its kind in angle brackets",
        ),
        sa.Column(
            "replaced",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="[{start, end, kind, new_start, new_end}]: characters of the document and of this text",
        ),
        sa.Column("recogniser_version", sa.Text(), nullable=False, comment="hash of recognisers and their settings"),
        sa.PrimaryKeyConstraint("received_date", "document_id", name=op.f("pk_deidentified_document")),
        schema="filtered",
        comment="Documents without identifiers (rule 42), for training sets; made on request, never read by the lineage",
    )
    op.create_table(
        "observation",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column(
            "encounter_id",
            sa.Text(),
            nullable=False,
            comment="medcode's id of the encounter: hash of source, hospital and encounter number",
        ),
        sa.Column("line_number", sa.Integer(), nullable=False, comment="line"),
        sa.Column("kind", sa.Text(), nullable=True, comment="vital or laboratory"),
        sa.Column(
            "name", sa.Text(), nullable=True, comment="what was observed, in the standard name where it is known"
        ),
        sa.Column("code", sa.Text(), nullable=True, comment="LOINC code where it is known"),
        sa.Column("value", sa.Double(), nullable=True, comment="value as a number, in `unit`"),
        sa.Column("value_text", sa.Text(), nullable=True, comment="value as delivered"),
        sa.Column(
            "unit",
            sa.Text(),
            nullable=True,
            comment="unit of `value`, UCUM; the standard one of the observation where it is known",
        ),
        sa.Column("source_unit", sa.Text(), nullable=True, comment="unit as delivered"),
        sa.Column("observed_date", sa.Date(), nullable=True, comment="day of the observation"),
        sa.Column("flag", sa.Text(), nullable=True, comment="L, H or A as delivered"),
        sa.Column(
            "repairs",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="repairs made: [{rule, column, from, to}]; the raw text stays in raw",
        ),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", "line_number", name=op.f("pk_observation")),
        schema="filtered",
        comment="Vital signs and results that every rule let through",
    )
    op.create_table(
        "copied_passage",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("document_id", sa.Text(), nullable=False, comment="document that repeats the passage"),
        sa.Column("passage_number", sa.Integer(), nullable=False, comment="place in the document, 1 first"),
        sa.Column(
            "encounter_id",
            sa.Text(),
            nullable=False,
            comment="medcode's id of the encounter: hash of source, hospital and encounter number",
        ),
        sa.Column("start_offset", sa.Integer(), nullable=False, comment="first character in the repeating document"),
        sa.Column("end_offset", sa.Integer(), nullable=False, comment="character after the last"),
        sa.Column("first_document_id", sa.Text(), nullable=False, comment="document that has the passage first"),
        sa.Column("first_start_offset", sa.Integer(), nullable=False, comment="first character there"),
        sa.Column("first_end_offset", sa.Integer(), nullable=False, comment="character after the last there"),
        sa.Column("first_written_date", sa.Date(), nullable=True, comment="date of that document"),
        sa.PrimaryKeyConstraint("received_date", "document_id", "passage_number", name=op.f("pk_copied_passage")),
        schema="mapped",
        comment="Passages carried forward from an earlier document of the encounter, with where each was first written",
    )
    op.create_table(
        "document_block",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("document_id", sa.Text(), nullable=False, comment="document"),
        sa.Column("block_number", sa.Integer(), nullable=False, comment="place in the document, 1 first"),
        sa.Column("section_number", sa.Integer(), nullable=False, comment="section it stands in"),
        sa.Column("kind", sa.Text(), nullable=False, comment="list or table"),
        sa.Column("start_offset", sa.Integer(), nullable=False, comment="first character"),
        sa.Column("end_offset", sa.Integer(), nullable=False, comment="character after the last"),
        sa.Column(
            "cells",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="list: [[start, end] an item]; table: a row is [[start, end] a cell], the head row first",
        ),
        sa.PrimaryKeyConstraint("received_date", "document_id", "block_number", name=op.f("pk_document_block")),
        schema="mapped",
        comment="Lists and tables of a document, kept as such",
    )
    op.create_table(
        "observation",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column(
            "encounter_id",
            sa.Text(),
            nullable=False,
            comment="medcode's id of the encounter: hash of source, hospital and encounter number",
        ),
        sa.Column("line_number", sa.Integer(), nullable=False, comment="line"),
        sa.Column("kind", sa.Text(), nullable=True, comment="vital or laboratory"),
        sa.Column(
            "name", sa.Text(), nullable=True, comment="what was observed, in the standard name where it is known"
        ),
        sa.Column("code", sa.Text(), nullable=True, comment="LOINC code where it is known"),
        sa.Column("value", sa.Double(), nullable=True, comment="value as a number, in `unit`"),
        sa.Column("value_text", sa.Text(), nullable=True, comment="value as delivered"),
        sa.Column(
            "unit",
            sa.Text(),
            nullable=True,
            comment="unit of `value`, UCUM; the standard one of the observation where it is known",
        ),
        sa.Column("source_unit", sa.Text(), nullable=True, comment="unit as delivered"),
        sa.Column("observed_date", sa.Date(), nullable=True, comment="day of the observation"),
        sa.Column("flag", sa.Text(), nullable=True, comment="L, H or A as delivered"),
        sa.Column(
            "repairs",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="repairs made: [{rule, column, from, to}]; the raw text stays in raw",
        ),
        sa.Column(
            "unreadable",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="delivered values that could not be typed: {column: value as delivered}",
        ),
        sa.PrimaryKeyConstraint("received_date", "encounter_id", "line_number", name=op.f("pk_observation")),
        schema="mapped",
        comment="Vital signs and laboratory results with value and unit in one standard form",
    )
    op.create_table(
        "payer",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("source", sa.Text(), nullable=False, comment="source"),
        sa.Column("payer_id", sa.Text(), nullable=False, comment="payer identifier used on claims"),
        sa.Column("name", sa.Text(), nullable=True, comment="name as delivered"),
        sa.Column("kind", sa.Text(), nullable=True, comment="medicare, medicaid, commercial or self_pay"),
        sa.Column("contract", sa.Text(), nullable=True, comment="contract in the payers file"),
        sa.Column("effective_from", sa.Date(), nullable=True, comment="first day"),
        sa.Column("effective_to", sa.Date(), nullable=True, comment="last day"),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what does not agree: [{rule, reason}]",
        ),
        sa.PrimaryKeyConstraint("received_date", "source", "payer_id", name=op.f("pk_payer")),
        schema="mapped",
        comment="Payers by the days they hold",
    )
    op.create_table(
        "person",
        sa.Column("patient_id", sa.Text(), nullable=False, comment="patient record of one hospital"),
        sa.Column(
            "person_id",
            sa.Text(),
            nullable=False,
            comment="medcode's id of the person: the smallest patient_id of the records that are one",
        ),
        sa.Column("record_count", sa.Integer(), nullable=False, comment="patient records of the person"),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_person")),
        schema="mapped",
        comment="Patient records and the person each belongs to; a person has one record or several",
    )
    op.create_index(op.f("ix_person_person_id"), "person", ["person_id"], unique=False, schema="mapped")
    op.create_table(
        "person_link",
        sa.Column("patient_id", sa.Text(), nullable=False, comment="the smaller patient_id of the pair"),
        sa.Column("other_patient_id", sa.Text(), nullable=False, comment="the larger patient_id of the pair"),
        sa.Column("probability", sa.Double(), nullable=False, comment="probability that the two are one person"),
        sa.Column(
            "weight", sa.Double(), nullable=False, comment="match weight: log2 of the Bayes factor, prior included"
        ),
        sa.Column(
            "band",
            sa.Text(),
            nullable=False,
            comment="auto (linked alone), review (a person is asked) or low (listed because a person decided)",
        ),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=True,
            comment="rule that keeps the pair from being linked alone, where one does",
        ),
        sa.Column(
            "fields",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="[{field, level, weight}]: how each field agrees and what that weighs",
        ),
        sa.Column("decision", sa.Text(), nullable=True, comment="same or different where a person decided, else null"),
        sa.Column("model_version", sa.Text(), nullable=False, comment="hash of the parameters and thresholds"),
        sa.PrimaryKeyConstraint("patient_id", "other_patient_id", name=op.f("pk_person_link")),
        schema="mapped",
        comment="Pairs of patient records that may be one person: linked alone, or waiting for a person to look",
    )
    op.create_table(
        "provider",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("source", sa.Text(), nullable=False, comment="source"),
        sa.Column("provider_kind", sa.Text(), nullable=False, comment="hospital or clinician"),
        sa.Column("npi", sa.Text(), nullable=False, comment="national provider identifier as delivered"),
        sa.Column("hospital_id", sa.Text(), nullable=True, comment="hospital"),
        sa.Column("name", sa.Text(), nullable=False, comment="name as delivered"),
        sa.Column("taxonomy", sa.Text(), nullable=True, comment="provider taxonomy code, normalised"),
        sa.Column("effective_from", sa.Date(), nullable=True, comment="first day, as the network says"),
        sa.Column("effective_to", sa.Date(), nullable=True, comment="last day, as the network says"),
        sa.Column(
            "registry_status",
            sa.Text(),
            nullable=False,
            comment="active, deactivated, not_listed, other_kind, invalid_npi, no_registry (none loaded)",
        ),
        sa.Column("registry_name", sa.Text(), nullable=True, comment="name in the registry"),
        sa.Column("registry_taxonomy", sa.Text(), nullable=True, comment="primary taxonomy in the registry"),
        sa.Column("registry_from", sa.Date(), nullable=True, comment="day the identifier was issued"),
        sa.Column("registry_to", sa.Date(), nullable=True, comment="day it was deactivated"),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what does not agree: [{rule, reason}]",
        ),
        sa.PrimaryKeyConstraint("received_date", "source", "provider_kind", "npi", name=op.f("pk_provider")),
        schema="mapped",
        comment="Hospitals and clinicians against the registry of provider identifiers",
    )
    op.create_table(
        "observation",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="source that delivered the row: simulated, folder, mimic-iii, mimic-iv",
        ),
        sa.Column("source_file", sa.Text(), nullable=False, comment="file the row came from"),
        sa.Column("source_line", sa.Integer(), nullable=False, comment="line of that file, the header being line 1"),
        sa.Column(
            "copy_number",
            sa.Integer(),
            nullable=False,
            comment="1, or higher where the same key was delivered again in the partition",
        ),
        sa.Column("hospital_id", sa.Text(), nullable=False, comment="hospital of the encounter"),
        sa.Column("encounter_number", sa.Text(), nullable=False, comment="encounter"),
        sa.Column("line_number", sa.Text(), nullable=False, comment="line"),
        sa.Column("kind", sa.Text(), nullable=True, comment="vital or laboratory"),
        sa.Column("name", sa.Text(), nullable=True, comment="what was observed, as delivered"),
        sa.Column("code", sa.Text(), nullable=True, comment="code of the observation"),
        sa.Column("code_system", sa.Text(), nullable=True, comment="LOINC or a local system"),
        sa.Column("value", sa.Text(), nullable=True, comment="value as delivered"),
        sa.Column("unit", sa.Text(), nullable=True, comment="unit as delivered"),
        sa.Column("observed_date", sa.Text(), nullable=True, comment="day of the observation, YYYY-MM-DD"),
        sa.Column("flag", sa.Text(), nullable=True, comment="L, H, A or empty"),
        sa.PrimaryKeyConstraint(
            "received_date",
            "source",
            "hospital_id",
            "encounter_number",
            "line_number",
            "copy_number",
            name=op.f("pk_observation"),
        ),
        schema="raw",
        comment="Vital signs and laboratory results as numbers or words. Values as delivered.",
    )
    op.create_table(
        "link_decision",
        sa.Column("decision_id", sa.Text(), nullable=False, comment="hash of the pair and the time"),
        sa.Column("patient_id", sa.Text(), nullable=False, comment="the smaller patient_id of the pair"),
        sa.Column("other_patient_id", sa.Text(), nullable=False, comment="the larger patient_id of the pair"),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="same, different, or withdrawn (the decision before is taken back)",
        ),
        sa.Column("decided_by", sa.Text(), nullable=False, comment="user who decided"),
        sa.Column("note", sa.Text(), nullable=False, comment="why"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_link_decision")),
        schema="review",
        comment="What people decided about pairs of patient records",
    )
    op.create_index(
        op.f("ix_link_decision_patient_id_other_patient_id"),
        "link_decision",
        ["patient_id", "other_patient_id"],
        unique=False,
        schema="review",
    )
    op.create_table(
        "quarantine_decision",
        sa.Column("decision_id", sa.Text(), nullable=False, comment="hash of subject and time"),
        sa.Column("record_id", sa.Text(), nullable=False, comment="record as named in filtered.quarantine"),
        sa.Column("rule", sa.Text(), nullable=False, comment="rule that set it aside"),
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received, which runs again"),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="released (the rule no longer holds the record), corrected (`column_name` is `value`), rejected (stays aside), withdrawn (the decision before is taken back)",
        ),
        sa.Column("column_name", sa.Text(), nullable=True, comment="column that was corrected"),
        sa.Column("value", sa.Text(), nullable=True, comment="value put in its place"),
        sa.Column("decided_by", sa.Text(), nullable=False, comment="user who decided"),
        sa.Column("note", sa.Text(), nullable=False, comment="why"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_quarantine_decision")),
        schema="review",
        comment="What people decided about quarantined records",
    )
    op.create_index(
        op.f("ix_quarantine_decision_record_id"), "quarantine_decision", ["record_id"], unique=False, schema="review"
    )
    op.execute(
        """
        INSERT INTO review.quarantine_decision (decision_id, record_id, rule, received_date, outcome, decided_by, note, decided_at)
        SELECT left(encode(sha256(convert_to(record_id || chr(31) || rule || chr(31) || decided_at::text, 'UTF8')), 'hex'), 20),
               record_id, rule, coalesce((SELECT max(p.received_date) FROM raw.page p WHERE p.page_id = record_id),
                                         decided_at::date), 'released', decided_by, note, decided_at
        FROM review.release
        """
    )
    op.drop_table("release", schema="review")
    op.add_column(
        "encounter",
        sa.Column(
            "mrn",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="normalised medical record number of its patient",
        ),
        schema="filtered",
    )
    op.create_index(op.f("ix_encounter_encounter_id"), "encounter", ["encounter_id"], unique=False, schema="filtered")
    op.create_index(op.f("ix_encounter_patient_id"), "encounter", ["patient_id"], unique=False, schema="filtered")
    op.add_column(
        "quarantine",
        sa.Column("owner", sa.Text(), nullable=False, server_default="", comment="who looks after such records"),
        schema="filtered",
    )
    op.add_column(
        "quarantine",
        sa.Column(
            "candidates",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="encounters (for an encounter: patients) it may belong to, for a person to choose: [{encounter_number or mrn, probability, weight, fields}]",
        ),
        schema="filtered",
    )
    op.alter_column(
        "quarantine",
        "severity",
        existing_type=sa.TEXT(),
        comment="error, or scope: not asked for, which is no fault",
        existing_comment="error sets aside; warning is counted and carried",
        existing_nullable=False,
        schema="filtered",
    )
    op.alter_column(
        "rule_count",
        "severity",
        existing_type=sa.TEXT(),
        comment="error, warning, information or scope",
        existing_comment="error or warning",
        existing_nullable=False,
        schema="filtered",
    )
    op.add_column(
        "crosswalk",
        sa.Column("reason", sa.Text(), nullable=False, server_default="", comment="why it was taken or not, in words"),
        schema="mapped",
    )
    op.add_column(
        "document_section",
        sa.Column(
            "typed_by",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="what told the type: heading, content (no heading stands there) or document",
        ),
        schema="mapped",
    )
    op.add_column(
        "encounter",
        sa.Column(
            "number_folded",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="the number with letters that scanners confuse as digits; for look-ups only",
        ),
        schema="mapped",
    )
    op.add_column(
        "encounter",
        sa.Column(
            "mrn",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="normalised medical record number of its patient",
        ),
        schema="mapped",
    )
    op.create_index(op.f("ix_encounter_patient_id"), "encounter", ["patient_id"], unique=False, schema="mapped")
    op.create_index(
        op.f("ix_encounter_source_hospital_id_number_folded"),
        "encounter",
        ["source", "hospital_id", "number_folded"],
        unique=False,
        schema="mapped",
    )
    op.add_column(
        "patient",
        sa.Column(
            "mrn_folded",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="the number with letters that scanners confuse as digits; for look-ups only",
        ),
        schema="mapped",
    )
    op.create_index(op.f("ix_patient_patient_id"), "patient", ["patient_id"], unique=False, schema="mapped")
    op.create_index(
        op.f("ix_patient_source_hospital_id_mrn_folded"),
        "patient",
        ["source", "hospital_id", "mrn_folded"],
        unique=False,
        schema="mapped",
    )
    op.add_column(
        "unmatched",
        sa.Column(
            "candidates",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="encounters (for an encounter: patients) it may belong to, for a person to choose: [{encounter_number or mrn, probability, weight, fields}]",
        ),
        schema="mapped",
    )
    op.add_column(
        "clinician",
        sa.Column(
            "effective_from", sa.Text(), nullable=True, comment="first day the clinician has privileges, YYYY-MM-DD"
        ),
        schema="raw",
    )
    op.add_column(
        "clinician",
        sa.Column(
            "effective_to", sa.Text(), nullable=True, comment="last day the clinician has privileges, YYYY-MM-DD"
        ),
        schema="raw",
    )
    op.add_column(
        "code_map",
        sa.Column("effective_from", sa.Text(), nullable=True, comment="first day the meaning holds, YYYY-MM-DD"),
        schema="raw",
    )
    op.add_column(
        "code_map",
        sa.Column("effective_to", sa.Text(), nullable=True, comment="last day the meaning holds, YYYY-MM-DD"),
        schema="raw",
    )
    op.add_column(
        "hospital",
        sa.Column("effective_from", sa.Text(), nullable=True, comment="first day these facts hold, YYYY-MM-DD"),
        schema="raw",
    )
    op.add_column(
        "hospital",
        sa.Column("effective_to", sa.Text(), nullable=True, comment="last day these facts hold, YYYY-MM-DD"),
        schema="raw",
    )
    op.add_column(
        "page",
        sa.Column(
            "regions",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="parts of the page that were marked, not guessed: [{kind: handwriting, stamp, unread or picture; box}]",
        ),
        schema="raw",
    )
    op.create_index(
        op.f("ix_page_received_date_source_hospital_id_record_id"),
        "page",
        ["received_date", "source", "hospital_id", "record_id"],
        unique=False,
        schema="raw",
    )
    op.add_column(
        "payer",
        sa.Column("effective_from", sa.Text(), nullable=True, comment="first day the payer is billed, YYYY-MM-DD"),
        schema="raw",
    )
    op.add_column(
        "payer",
        sa.Column("effective_to", sa.Text(), nullable=True, comment="last day the payer is billed, YYYY-MM-DD"),
        schema="raw",
    )
    op.create_index(
        op.f("ix_scanned_record_received_date_source_hospital_id_encounter_number"),
        "scanned_record",
        ["received_date", "source", "hospital_id", "encounter_number"],
        unique=False,
        schema="raw",
    )
    op.execute("UPDATE filtered.encounter e SET mrn = p.mrn FROM mapped.patient p WHERE p.patient_id = e.patient_id")
    op.execute("UPDATE filtered.quarantine SET owner = 'registration'")
    op.execute("UPDATE mapped.crosswalk SET reason = 'no reason was kept by the version that chose'")
    op.execute("UPDATE mapped.document_section SET typed_by = CASE heading WHEN '' THEN 'document' ELSE 'heading' END")
    op.execute(
        "UPDATE mapped.encounter SET number_folded = ltrim(translate(upper(regexp_replace(encounter_number, '[[:space:]./_-]+', '', 'g')), 'OQISBZ', '001582'), '0')"
    )
    op.execute("UPDATE mapped.encounter e SET mrn = p.mrn FROM mapped.patient p WHERE p.patient_id = e.patient_id")
    op.execute(
        "UPDATE mapped.patient SET mrn_folded = ltrim(translate(upper(regexp_replace(mrn, '[[:space:]./_-]+', '', 'g')), 'OQISBZ', '001582'), '0')"
    )
    op.alter_column("encounter", "mrn", server_default=None, schema="filtered")
    op.alter_column("quarantine", "owner", server_default=None, schema="filtered")
    op.alter_column("crosswalk", "reason", server_default=None, schema="mapped")
    op.alter_column("document_section", "typed_by", server_default=None, schema="mapped")
    op.alter_column("encounter", "number_folded", server_default=None, schema="mapped")
    op.alter_column("encounter", "mrn", server_default=None, schema="mapped")
    op.alter_column("patient", "mrn_folded", server_default=None, schema="mapped")


def downgrade() -> None:
    """Go one revision down."""
    op.drop_index(
        op.f("ix_scanned_record_received_date_source_hospital_id_encounter_number"),
        table_name="scanned_record",
        schema="raw",
    )
    op.drop_column("payer", "effective_to", schema="raw")
    op.drop_column("payer", "effective_from", schema="raw")
    op.drop_index(op.f("ix_page_received_date_source_hospital_id_record_id"), table_name="page", schema="raw")
    op.drop_column("page", "regions", schema="raw")
    op.drop_column("hospital", "effective_to", schema="raw")
    op.drop_column("hospital", "effective_from", schema="raw")
    op.drop_column("code_map", "effective_to", schema="raw")
    op.drop_column("code_map", "effective_from", schema="raw")
    op.drop_column("clinician", "effective_to", schema="raw")
    op.drop_column("clinician", "effective_from", schema="raw")
    op.drop_column("unmatched", "candidates", schema="mapped")
    op.drop_index(op.f("ix_patient_source_hospital_id_mrn_folded"), table_name="patient", schema="mapped")
    op.drop_index(op.f("ix_patient_patient_id"), table_name="patient", schema="mapped")
    op.drop_column("patient", "mrn_folded", schema="mapped")
    op.drop_index(op.f("ix_encounter_source_hospital_id_number_folded"), table_name="encounter", schema="mapped")
    op.drop_index(op.f("ix_encounter_patient_id"), table_name="encounter", schema="mapped")
    op.drop_column("encounter", "mrn", schema="mapped")
    op.drop_column("encounter", "number_folded", schema="mapped")
    op.drop_column("document_section", "typed_by", schema="mapped")
    op.drop_column("crosswalk", "reason", schema="mapped")
    op.alter_column(
        "rule_count",
        "severity",
        existing_type=sa.TEXT(),
        comment="error or warning",
        existing_comment="error, warning, information or scope",
        existing_nullable=False,
        schema="filtered",
    )
    op.alter_column(
        "quarantine",
        "severity",
        existing_type=sa.TEXT(),
        comment="error sets aside; warning is counted and carried",
        existing_comment="error, or scope: not asked for, which is no fault",
        existing_nullable=False,
        schema="filtered",
    )
    op.drop_column("quarantine", "candidates", schema="filtered")
    op.drop_column("quarantine", "owner", schema="filtered")
    op.drop_index(op.f("ix_encounter_patient_id"), table_name="encounter", schema="filtered")
    op.drop_index(op.f("ix_encounter_encounter_id"), table_name="encounter", schema="filtered")
    op.drop_column("encounter", "mrn", schema="filtered")
    op.create_table(
        "release",
        sa.Column(
            "record_id",
            sa.TEXT(),
            autoincrement=False,
            nullable=False,
            comment="record as named in filtered.quarantine",
        ),
        sa.Column("rule", sa.TEXT(), autoincrement=False, nullable=False, comment="rule that was overruled"),
        sa.Column("decided_by", sa.TEXT(), autoincrement=False, nullable=False, comment="user who decided"),
        sa.Column("note", sa.TEXT(), autoincrement=False, nullable=False, comment="why"),
        sa.Column(
            "decided_at", postgresql.TIMESTAMP(timezone=True), autoincrement=False, nullable=False, comment="when"
        ),
        sa.PrimaryKeyConstraint("record_id", "rule", name=op.f("pk_release")),
        schema="review",
        comment="Quarantined records that a person released: the rule no longer sets that record aside",
    )
    op.drop_index(op.f("ix_quarantine_decision_record_id"), table_name="quarantine_decision", schema="review")
    op.drop_table("quarantine_decision", schema="review")
    op.drop_index(op.f("ix_link_decision_patient_id_other_patient_id"), table_name="link_decision", schema="review")
    op.drop_table("link_decision", schema="review")
    op.drop_table("observation", schema="raw")
    op.drop_table("provider", schema="mapped")
    op.drop_table("person_link", schema="mapped")
    op.drop_index(op.f("ix_person_person_id"), table_name="person", schema="mapped")
    op.drop_table("person", schema="mapped")
    op.drop_table("payer", schema="mapped")
    op.drop_table("observation", schema="mapped")
    op.drop_table("document_block", schema="mapped")
    op.drop_table("copied_passage", schema="mapped")
    op.drop_table("observation", schema="filtered")
    op.drop_table("deidentified_document", schema="filtered")
