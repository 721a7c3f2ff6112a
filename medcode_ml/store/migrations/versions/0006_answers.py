"""what insurers answer: acknowledgements, claim status, remittances, denials

Revision: 0006, after: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one revision up."""
    op.create_table(
        "answer_file",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("file_sha256", sa.Text(), nullable=False, comment="sha256 of the file; the name of its kept copy"),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="inbox, or simulated: made by the simulated payers, synthetic"
        ),
        sa.Column(
            "name",
            sa.Text(),
            nullable=False,
            comment="opaque name made of hash and kind; the name it came with is not kept, it may tell a person",
        ),
        sa.Column("bytes", sa.BigInteger(), nullable=False, comment="size in bytes"),
        sa.Column("copies", sa.Integer(), nullable=False, comment="times it arrived on this day"),
        sa.Column(
            "first_received",
            sa.Date(),
            nullable=False,
            comment="first day it arrived: before received_date when it is repeated",
        ),
        sa.PrimaryKeyConstraint("received_date", "file_sha256", name=op.f("pk_answer_file")),
        schema="raw",
        comment="Files of insurers (999, TA1, 277CA, 835) as they arrived, each kept whole under its hash",
    )
    op.create_index(op.f("ix_answer_file_file_sha256"), "answer_file", ["file_sha256"], unique=False, schema="raw")
    op.create_table(
        "answer_set",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("set_id", sa.Text(), nullable=False, comment="hash of file and place, or of the delivered payment"),
        sa.Column("source", sa.Text(), nullable=False, comment="source of the file or rows; simulated is synthetic"),
        sa.Column("file_sha256", sa.Text(), nullable=True, comment="file; null for delivered rows"),
        sa.Column(
            "set_number",
            sa.Integer(),
            nullable=True,
            comment="place of the set in its file, 1 first; null for delivered rows",
        ),
        sa.Column(
            "interchange_sha256",
            sa.Text(),
            nullable=True,
            comment="hash of its interchange: the same in whatever file it comes",
        ),
        sa.Column("sender_id", sa.Text(), nullable=True, comment="who sent the interchange (ISA06)"),
        sa.Column("receiver_id", sa.Text(), nullable=True, comment="who is to receive it (ISA08)"),
        sa.Column("interchange_control_number", sa.Text(), nullable=True, comment="ISA13"),
        sa.Column("group_control_number", sa.Text(), nullable=True, comment="GS06"),
        sa.Column("set_control_number", sa.Text(), nullable=True, comment="ST02"),
        sa.Column(
            "transaction",
            sa.Text(),
            nullable=False,
            comment="999, 277, 835, TA1 or what else the file says; rows for delivered payments",
        ),
        sa.Column("guide", sa.Text(), nullable=True, comment="implementation guide (ST03, GS08)"),
        sa.Column("test", sa.Boolean(), nullable=True, comment="the sender marks it as a test (ISA15)"),
        sa.Column("first_segment", sa.Integer(), nullable=True, comment="number of its first segment in the file"),
        sa.Column("last_segment", sa.Integer(), nullable=True, comment="number of its last segment in the file"),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="read, repeated, refused, or not_read: no answer to a claim"
        ),
        sa.Column(
            "because",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why it was not read, or read before, as a list of sentences",
        ),
        sa.Column(
            "claims",
            sa.Integer(),
            nullable=False,
            comment="claims paid or denied in it (CLP), counted apart from what was read of them",
        ),
        sa.Column(
            "claims_repeated",
            sa.Integer(),
            nullable=False,
            comment="of these, those processed before, which are not written again",
        ),
        sa.PrimaryKeyConstraint("received_date", "set_id", name=op.f("pk_answer_set")),
        schema="billed",
        comment="Transaction sets of the files that arrived, and payments delivered as rows: read, repeated, refused or no answer",
    )
    op.create_index(op.f("ix_answer_set_file_sha256"), "answer_set", ["file_sha256"], unique=False, schema="billed")
    op.create_index(
        op.f("ix_answer_set_interchange_sha256"), "answer_set", ["interchange_sha256"], unique=False, schema="billed"
    )
    op.create_table(
        "acknowledgement",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column(
            "acknowledgement_id", sa.Text(), nullable=False, comment="hash of the interchange it came in and its place"
        ),
        sa.Column("set_id", sa.Text(), nullable=False, comment="set it came in"),
        sa.Column("level", sa.Text(), nullable=False, comment="interchange (TA1), group or transaction_set"),
        sa.Column(
            "interchange_control_number",
            sa.Text(),
            nullable=True,
            comment="our interchange (TA101); only at that level",
        ),
        sa.Column(
            "group_control_number",
            sa.Text(),
            nullable=True,
            comment="our group (AK102), the same as the interchange's number",
        ),
        sa.Column("set_control_number", sa.Text(), nullable=True, comment="our transaction set (AK202)"),
        sa.Column("acknowledged_transaction", sa.Text(), nullable=True, comment="what was acknowledged: HC or 837"),
        sa.Column("code", sa.Text(), nullable=True, comment="code as written (AK901, IK501, TA104)"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="accepted, accepted_with_errors, partly_accepted, rejected or unknown",
        ),
        sa.Column("sets_received", sa.BigInteger(), nullable=True, comment="sets that the payer counted (AK903)"),
        sa.Column("sets_accepted", sa.BigInteger(), nullable=True, comment="sets that it accepted (AK904)"),
        sa.Column(
            "reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what was wrong, as a list of sentences",
        ),
        sa.Column(
            "envelope_faults",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="faults of the envelopes around it (rule 32), as a list of sentences",
        ),
        sa.Column("outcome", sa.Text(), nullable=False, comment="matched, unmatched, unbalanced or refused"),
        sa.Column(
            "because",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why it was not matched, as a list of sentences",
        ),
        sa.PrimaryKeyConstraint("received_date", "acknowledgement_id", name=op.f("pk_acknowledgement")),
        schema="billed",
        comment="999 and TA1: the syntax of our 837 files, groups and transaction sets, accepted or rejected",
    )
    op.create_index(
        op.f("ix_acknowledgement_acknowledgement_id"),
        "acknowledgement",
        ["acknowledgement_id"],
        unique=False,
        schema="billed",
    )
    op.create_index(
        op.f("ix_acknowledgement_group_control_number"),
        "acknowledgement",
        ["group_control_number"],
        unique=False,
        schema="billed",
    )
    op.create_table(
        "acknowledgement_fault",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("acknowledgement_id", sa.Text(), nullable=False, comment="acknowledgement of the set"),
        sa.Column("fault_number", sa.Integer(), nullable=False, comment="place among its faults, 1 first"),
        sa.Column("segment", sa.Text(), nullable=True, comment="segment (IK301)"),
        sa.Column("segment_position", sa.BigInteger(), nullable=True, comment="its place in the set (IK302)"),
        sa.Column("loop", sa.Text(), nullable=True, comment="loop (IK303)"),
        sa.Column("element", sa.Text(), nullable=True, comment="element of the segment (IK401-1)"),
        sa.Column("component", sa.Text(), nullable=True, comment="component of the element (IK401-2)"),
        sa.Column("data_element", sa.Text(), nullable=True, comment="data element reference (IK402)"),
        sa.Column("code", sa.Text(), nullable=True, comment="code of the fault (IK304, IK403)"),
        sa.Column("sentence", sa.Text(), nullable=False, comment="the fault, for a person"),
        sa.Column("claim_number", sa.Text(), nullable=True, comment="claim it concerns (CTX)"),
        sa.Column("bad_value", sa.Text(), nullable=True, comment="copy of the value (IK404); may tell a person"),
        sa.PrimaryKeyConstraint(
            "received_date", "acknowledgement_id", "fault_number", name=op.f("pk_acknowledgement_fault")
        ),
        schema="billed",
        comment="Syntax faults that a 999 tells: segment, element and what is wrong there",
    )
    op.create_table(
        "claim_status",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column(
            "claim_status_id", sa.Text(), nullable=False, comment="hash of the interchange it came in and its place"
        ),
        sa.Column("set_id", sa.Text(), nullable=False, comment="set it came in"),
        sa.Column("place", sa.Integer(), nullable=False, comment="place in the set, 1 first"),
        sa.Column("level", sa.Text(), nullable=False, comment="receiver (batch), provider, claim or line"),
        sa.Column("source_id", sa.Text(), nullable=True, comment="identifier of who answers"),
        sa.Column("source_name", sa.Text(), nullable=True, comment="name of who answers"),
        sa.Column("batch_number", sa.Text(), nullable=True, comment="our batch (BHT03 of the 837)"),
        sa.Column("control_number", sa.Text(), nullable=True, comment="patient control number as written (TRN02)"),
        sa.Column("payer_control_number", sa.Text(), nullable=True, comment="the payer's number of the claim"),
        sa.Column("clearinghouse_number", sa.Text(), nullable=True, comment="the clearinghouse's number of the claim"),
        sa.Column("line_control_number", sa.Text(), nullable=True, comment="line of the claim"),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="accepted, rejected, forwarded, not_found or unknown (rule 32)"
        ),
        sa.Column("action", sa.Text(), nullable=True, comment="WQ accepted, U rejected, as written (STC03)"),
        sa.Column(
            "reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="list of {category, status, entity} (STC01, STC10, STC11)",
        ),
        sa.Column("message", sa.Text(), nullable=True, comment="free text (STC12)"),
        sa.Column(
            "charge", sa.Numeric(precision=14, scale=2), nullable=True, comment="charge answered, US dollars (STC04)"
        ),
        sa.Column("effective_date", sa.Date(), nullable=True, comment="day of the status (STC02)"),
        sa.Column("service_from", sa.Date(), nullable=True, comment="first day of service"),
        sa.Column("service_to", sa.Date(), nullable=True, comment="last day of service"),
        sa.Column("accepted_claims", sa.BigInteger(), nullable=True, comment="claims accepted, of a batch or provider"),
        sa.Column("rejected_claims", sa.BigInteger(), nullable=True, comment="claims rejected, of a batch or provider"),
        sa.Column(
            "accepted_charge", sa.Numeric(precision=14, scale=2), nullable=True, comment="charges accepted, US dollars"
        ),
        sa.Column(
            "rejected_charge", sa.Numeric(precision=14, scale=2), nullable=True, comment="charges rejected, US dollars"
        ),
        sa.Column(
            "envelope_faults",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="faults of the envelopes around it (rule 32), as a list of sentences",
        ),
        sa.Column("outcome", sa.Text(), nullable=False, comment="matched, unmatched, unbalanced or refused"),
        sa.Column(
            "because",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why it was not matched, as a list of sentences",
        ),
        sa.Column("claim_number", sa.Text(), nullable=True, comment="our claim, where it was matched"),
        sa.Column("encounter_id", sa.Text(), nullable=True, comment="its encounter"),
        sa.PrimaryKeyConstraint("received_date", "claim_status_id", name=op.f("pk_claim_status")),
        schema="billed",
        comment="277CA: claims, batches and lines accepted or rejected before adjudication",
    )
    op.create_index(
        op.f("ix_claim_status_claim_status_id"), "claim_status", ["claim_status_id"], unique=False, schema="billed"
    )
    op.create_index(
        op.f("ix_claim_status_encounter_id"), "claim_status", ["encounter_id"], unique=False, schema="billed"
    )
    op.create_table(
        "remittance",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column(
            "remittance_id",
            sa.Text(),
            nullable=False,
            comment="hash of payer, trace number, date and amount: the same in whatever file it comes",
        ),
        sa.Column("set_id", sa.Text(), nullable=False, comment="set it came in"),
        sa.Column("payer_id", sa.Text(), nullable=True, comment="payer (N104 of N1*PR)"),
        sa.Column("payer_name", sa.Text(), nullable=True, comment="name of the payer"),
        sa.Column(
            "payer_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="all identifiers of the payer"
        ),
        sa.Column("payee_id", sa.Text(), nullable=True, comment="who was paid (N104 of N1*PE)"),
        sa.Column("payee_name", sa.Text(), nullable=True, comment="name of who was paid"),
        sa.Column(
            "payee_ids",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="all identifiers of who was paid",
        ),
        sa.Column("trace_number", sa.Text(), nullable=True, comment="check or transfer number (TRN02)"),
        sa.Column("originator_id", sa.Text(), nullable=True, comment="who originated the payment (TRN03)"),
        sa.Column("handling_code", sa.Text(), nullable=True, comment="BPR01"),
        sa.Column("payment_method", sa.Text(), nullable=True, comment="ACH, CHK, NON and so on (BPR04)"),
        sa.Column("payment_date", sa.Date(), nullable=True, comment="day of the payment (BPR16)"),
        sa.Column("production_date", sa.Date(), nullable=True, comment="day the 835 was made (DTM*405)"),
        sa.Column("currency", sa.Text(), nullable=True, comment="currency; only USD is posted"),
        sa.Column("paid", sa.Numeric(precision=18, scale=2), nullable=True, comment="amount paid, US dollars (BPR02)"),
        sa.Column("claims", sa.Integer(), nullable=False, comment="claims in it"),
        sa.Column(
            "claims_paid",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="sum of the claims' payments, US dollars",
        ),
        sa.Column(
            "provider_adjustments",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="sum of the provider adjustments (PLB), US dollars",
        ),
        sa.Column(
            "difference",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="paid - (claims_paid - provider_adjustments): 0.00 when it balances",
        ),
        sa.Column("balanced", sa.Boolean(), nullable=False, comment="the payment balances"),
        sa.Column(
            "faults",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why it does not, as a list of sentences",
        ),
        sa.Column(
            "envelope_faults",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="faults of the envelopes around it (rule 32), as a list of sentences",
        ),
        sa.Column(
            "notes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what is odd and unbalances nothing, as a list of sentences",
        ),
        sa.Column("outcome", sa.Text(), nullable=False, comment="read, unbalanced or refused"),
        sa.Column(
            "because",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why it was not read, as a list of sentences",
        ),
        sa.PrimaryKeyConstraint("received_date", "remittance_id", name=op.f("pk_remittance")),
        schema="billed",
        comment="Payments: one 835 or one delivered payment, with what it adds up to (rule 31)",
    )
    op.create_index(op.f("ix_remittance_remittance_id"), "remittance", ["remittance_id"], unique=False, schema="billed")
    op.create_table(
        "remittance_claim",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column(
            "remittance_claim_id",
            sa.Text(),
            nullable=False,
            comment="hash of the payment and of what tells the claim within it",
        ),
        sa.Column("remittance_id", sa.Text(), nullable=False, comment="payment"),
        sa.Column("set_id", sa.Text(), nullable=False, comment="set it came in"),
        sa.Column("place", sa.Integer(), nullable=False, comment="place in the payment, 1 first"),
        sa.Column(
            "segment_number",
            sa.Integer(),
            nullable=True,
            comment="segment of its CLP in the file; null for delivered rows",
        ),
        sa.Column(
            "payer_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="all identifiers of the payer"
        ),
        sa.Column("payer_name", sa.Text(), nullable=True, comment="name of the payer"),
        sa.Column("trace_number", sa.Text(), nullable=True, comment="trace number of the payment"),
        sa.Column("payment_date", sa.Date(), nullable=True, comment="day of the payment"),
        sa.Column("control_number", sa.Text(), nullable=True, comment="patient control number as written (CLP01)"),
        sa.Column("status_code", sa.Text(), nullable=True, comment="claim status code (CLP02)"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="processed_as_primary and so on, denied, reversal, predetermination, processed or unknown",
        ),
        sa.Column(
            "charge", sa.Numeric(precision=14, scale=2), nullable=True, comment="charge answered, US dollars (CLP03)"
        ),
        sa.Column(
            "paid",
            sa.Numeric(precision=14, scale=2),
            nullable=True,
            comment="amount paid, US dollars (CLP04); negative in a reversal",
        ),
        sa.Column(
            "patient_responsibility",
            sa.Numeric(precision=14, scale=2),
            nullable=True,
            comment="amount left to the patient, US dollars (CLP05)",
        ),
        sa.Column(
            "adjusted",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="sum of the adjustments of claim and lines, US dollars",
        ),
        sa.Column(
            "difference",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="charge - adjusted - paid: 0.00 when it balances (rule 31)",
        ),
        sa.Column("balanced", sa.Boolean(), nullable=False, comment="claim and lines balance"),
        sa.Column("filing_indicator", sa.Text(), nullable=True, comment="kind of insurance (CLP06)"),
        sa.Column("payer_control_number", sa.Text(), nullable=True, comment="the payer's number of the claim (CLP07)"),
        sa.Column("facility_type", sa.Text(), nullable=True, comment="type of bill, first two digits (CLP08)"),
        sa.Column("frequency", sa.Text(), nullable=True, comment="type of bill, third digit (CLP09)"),
        sa.Column("patient_status", sa.Text(), nullable=True, comment="discharge status (CLP10)"),
        sa.Column("drg", sa.Text(), nullable=True, comment="DRG the payer paid by (CLP11)"),
        sa.Column("drg_weight", sa.Numeric(precision=18, scale=6), nullable=True, comment="its weight (CLP12)"),
        sa.Column(
            "discharge_fraction", sa.Numeric(precision=18, scale=6), nullable=True, comment="discharge fraction (CLP13)"
        ),
        sa.Column("forwarded_to", sa.Text(), nullable=True, comment="payer it was forwarded to"),
        sa.Column("corrected_payer", sa.Text(), nullable=True, comment="payer that should have been asked"),
        sa.Column("claim_received_date", sa.Date(), nullable=True, comment="day the payer received the claim"),
        sa.Column("statement_from", sa.Date(), nullable=True, comment="first day of the statement"),
        sa.Column("statement_to", sa.Date(), nullable=True, comment="last day of the statement"),
        sa.Column(
            "remark_codes", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="RARCs of the claim"
        ),
        sa.Column("amounts", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="AMT by qualifier"),
        sa.Column("quantities", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="QTY by qualifier"),
        sa.Column(
            "inpatient",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="MIA by element, without its remarks",
        ),
        sa.Column(
            "outpatient",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="MOA by element, without its remarks",
        ),
        sa.Column(
            "reference_numbers", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="REF by qualifier"
        ),
        sa.Column(
            "faults",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why claim or lines do not balance, as a list of sentences",
        ),
        sa.Column(
            "payment_faults",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why its payment does not balance, as a list of sentences",
        ),
        sa.Column(
            "envelope_faults",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="faults of the envelopes around it (rule 32), as a list of sentences",
        ),
        sa.Column(
            "notes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what is odd and unbalances nothing, as a list of sentences",
        ),
        sa.Column("outcome", sa.Text(), nullable=False, comment="matched, unmatched, unbalanced or refused"),
        sa.Column(
            "because",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="why it was not matched, as a list of sentences",
        ),
        sa.Column("claim_number", sa.Text(), nullable=True, comment="our claim, where one was found"),
        sa.Column("encounter_id", sa.Text(), nullable=True, comment="its encounter"),
        sa.PrimaryKeyConstraint("received_date", "remittance_claim_id", name=op.f("pk_remittance_claim")),
        schema="billed",
        comment="Claims of the payments: paid, denied, reversed or corrected, each matched to our claim or set apart",
    )
    op.create_index(
        op.f("ix_remittance_claim_encounter_id"), "remittance_claim", ["encounter_id"], unique=False, schema="billed"
    )
    op.create_index(
        op.f("ix_remittance_claim_remittance_claim_id"),
        "remittance_claim",
        ["remittance_claim_id"],
        unique=False,
        schema="billed",
    )
    op.create_index(
        op.f("ix_remittance_claim_remittance_id"), "remittance_claim", ["remittance_id"], unique=False, schema="billed"
    )
    op.create_table(
        "remittance_line",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("remittance_claim_id", sa.Text(), nullable=False, comment="claim of the payment"),
        sa.Column("line_number", sa.Integer(), nullable=False, comment="place in the claim, 1 first"),
        sa.Column("procedure_system", sa.Text(), nullable=True, comment="HC for HCPCS and so on (SVC01-1)"),
        sa.Column("procedure", sa.Text(), nullable=True, comment="procedure paid (SVC01-2)"),
        sa.Column("modifiers", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="modifiers in order"),
        sa.Column(
            "submitted_procedure",
            sa.Text(),
            nullable=True,
            comment="procedure submitted, where another was paid (SVC06)",
        ),
        sa.Column("revenue_code", sa.Text(), nullable=True, comment="revenue code"),
        sa.Column("charge", sa.Numeric(precision=14, scale=2), nullable=True, comment="charge, US dollars (SVC02)"),
        sa.Column("paid", sa.Numeric(precision=14, scale=2), nullable=True, comment="amount paid, US dollars (SVC03)"),
        sa.Column("units_paid", sa.Numeric(precision=18, scale=6), nullable=True, comment="units paid"),
        sa.Column(
            "units_submitted",
            sa.Numeric(precision=18, scale=6),
            nullable=True,
            comment="units submitted, where they differ",
        ),
        sa.Column("service_from", sa.Date(), nullable=True, comment="first day of service"),
        sa.Column("service_to", sa.Date(), nullable=True, comment="last day of service"),
        sa.Column("line_control_number", sa.Text(), nullable=True, comment="line of our claim (REF*6R)"),
        sa.Column("remark_codes", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="RARCs of the line"),
        sa.Column("amounts", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="AMT by qualifier"),
        sa.Column("quantities", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="QTY by qualifier"),
        sa.Column(
            "reference_numbers", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="REF by qualifier"
        ),
        sa.Column(
            "adjusted", sa.Numeric(precision=18, scale=2), nullable=False, comment="sum of its adjustments, US dollars"
        ),
        sa.Column(
            "difference",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="charge - adjusted - paid: 0.00 when it balances (rule 31)",
        ),
        sa.Column("balanced", sa.Boolean(), nullable=False, comment="the line balances"),
        sa.PrimaryKeyConstraint("received_date", "remittance_claim_id", "line_number", name=op.f("pk_remittance_line")),
        schema="billed",
        comment="Service lines of the claims of a payment",
    )
    op.create_table(
        "remittance_adjustment",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("remittance_claim_id", sa.Text(), nullable=False, comment="claim of the payment"),
        sa.Column("adjustment_number", sa.Integer(), nullable=False, comment="place in the claim, 1 first"),
        sa.Column(
            "line_number",
            sa.Integer(),
            nullable=True,
            comment="line of the payment's claim; null for an adjustment of the whole claim",
        ),
        sa.Column(
            "group_code", sa.Text(), nullable=False, comment="CO contractual, PR patient, OA other, PI payer initiated"
        ),
        sa.Column("reason_code", sa.Text(), nullable=False, comment="CARC"),
        sa.Column(
            "amount",
            sa.Numeric(precision=14, scale=2),
            nullable=True,
            comment="amount taken off the charge, US dollars; negative adds",
        ),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=True, comment="units adjusted"),
        sa.Column(
            "remark_codes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="RARCs of the line, or of the claim",
        ),
        sa.PrimaryKeyConstraint(
            "received_date", "remittance_claim_id", "adjustment_number", name=op.f("pk_remittance_adjustment")
        ),
        schema="billed",
        comment="Adjustments of claims and lines: group, CARC and amount, with the RARCs that explain them (rule 33)",
    )
    op.create_table(
        "provider_adjustment",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("remittance_id", sa.Text(), nullable=False, comment="payment"),
        sa.Column("adjustment_number", sa.Integer(), nullable=False, comment="place in the payment, 1 first"),
        sa.Column("provider_id", sa.Text(), nullable=True, comment="provider"),
        sa.Column("fiscal_period", sa.Date(), nullable=True, comment="last day of the provider's fiscal year"),
        sa.Column(
            "reason_code", sa.Text(), nullable=True, comment="PLB03-1, as WO overpayment recovery or L6 interest"
        ),
        sa.Column("reference_number", sa.Text(), nullable=True, comment="PLB03-2"),
        sa.Column(
            "amount",
            sa.Numeric(precision=14, scale=2),
            nullable=True,
            comment="amount taken off the payment, US dollars; negative adds",
        ),
        sa.PrimaryKeyConstraint(
            "received_date", "remittance_id", "adjustment_number", name=op.f("pk_provider_adjustment")
        ),
        schema="billed",
        comment="Adjustments of a whole payment, not of a claim (PLB): withheld, refunded, interest",
    )
    op.create_table(
        "answer_unread",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("file_sha256", sa.Text(), nullable=False, comment="file"),
        sa.Column(
            "unread_number", sa.Integer(), nullable=False, comment="place among them; below 0 outside any interchange"
        ),
        sa.Column("set_id", sa.Text(), nullable=True, comment="set, where it stands in one"),
        sa.Column("segment_number", sa.Integer(), nullable=False, comment="segment of the file, or the one before"),
        sa.Column("segment", sa.Text(), nullable=True, comment="name of the segment"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="size in bytes or characters"),
        sa.Column("original", sa.Text(), nullable=True, comment="what was written; may tell a person"),
        sa.Column("because", sa.Text(), nullable=False, comment="why it was not read"),
        sa.PrimaryKeyConstraint("received_date", "file_sha256", "unread_number", name=op.f("pk_answer_unread")),
        schema="billed",
        comment="Segments that were not understood and what stands outside the envelopes: nothing is lost",
    )
    op.create_table(
        "denial",
        sa.Column("received_date", sa.Date(), nullable=False, comment="day the record was received; the partition"),
        sa.Column("remittance_claim_id", sa.Text(), nullable=False, comment="claim of the payment"),
        sa.Column("adjustment_number", sa.Integer(), nullable=False, comment="adjustment of that claim"),
        sa.Column("claim_number", sa.Text(), nullable=False, comment="our claim"),
        sa.Column("encounter_id", sa.Text(), nullable=False, comment="its encounter"),
        sa.Column("payer_name", sa.Text(), nullable=True, comment="name of the payer"),
        sa.Column("payment_date", sa.Date(), nullable=True, comment="day of the payment"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="claim (denied whole), line (a line unpaid) or reduction (paid in part)",
        ),
        sa.Column("group_code", sa.Text(), nullable=False, comment="CO, PR, OA or PI"),
        sa.Column("reason_code", sa.Text(), nullable=False, comment="CARC"),
        sa.Column("remark_codes", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="RARCs"),
        sa.Column("denial_key", sa.Text(), nullable=False, comment="group, CARC and RARCs, as CO-16-M76+N290"),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=True, comment="amount denied, US dollars"),
        sa.Column(
            "line_number",
            sa.Integer(),
            nullable=True,
            comment="line of the payment's claim; null where the whole claim is meant",
        ),
        sa.Column("procedure", sa.Text(), nullable=True, comment="procedure of the line"),
        sa.Column("revenue_code", sa.Text(), nullable=True, comment="revenue code of the line"),
        sa.Column("drg", sa.Text(), nullable=True, comment="DRG the payer worked with"),
        sa.Column("for_coders", sa.Boolean(), nullable=False, comment="the reason is one that coders can answer"),
        sa.Column(
            "codes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="our diagnoses on the claim, in reporting order",
        ),
        sa.Column(
            "edits",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="names of the edits we had raised on the claim",
        ),
        sa.Column(
            "because",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what is doubtful about the denial, as a list of sentences",
        ),
        sa.PrimaryKeyConstraint("received_date", "remittance_claim_id", "adjustment_number", name=op.f("pk_denial")),
        schema="billed",
        comment="Adjustments that deny a claim of ours, a line or part of one, with the codes and edits behind it (rule 33)",
    )
    op.create_index(op.f("ix_denial_encounter_id"), "denial", ["encounter_id"], unique=False, schema="billed")


def downgrade() -> None:
    """Go one revision down."""
    op.drop_table("denial", schema="billed")
    op.drop_table("answer_unread", schema="billed")
    op.drop_table("provider_adjustment", schema="billed")
    op.drop_table("remittance_adjustment", schema="billed")
    op.drop_table("remittance_line", schema="billed")
    op.drop_table("remittance_claim", schema="billed")
    op.drop_table("remittance", schema="billed")
    op.drop_table("claim_status", schema="billed")
    op.drop_table("acknowledgement_fault", schema="billed")
    op.drop_table("acknowledgement", schema="billed")
    op.drop_table("answer_set", schema="billed")
    op.drop_table("answer_file", schema="raw")
