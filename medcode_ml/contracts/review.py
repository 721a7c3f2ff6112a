"""Schema `review`: what people decided. Facts from outside the lineage, never overwritten by a run.

Decisions are only added: the newest on a subject counts, `withdrawn` takes one back, and the history stays.
"""

from __future__ import annotations

from medcode_ml.contracts.tables import DATE, TEXT, TIME, column, table

quarantine_decision = table(
    "review",
    "quarantine_decision",
    "What people decided about quarantined records",
    ("decision_id",),
    column("decision_id", TEXT, "hash of subject and time"),
    column("record_id", TEXT, "record as named in filtered.quarantine"),
    column("rule", TEXT, "rule that set it aside"),
    column("received_date", DATE, "day the record was received, which runs again"),
    column(
        "outcome",
        TEXT,
        "released (the rule no longer holds the record), corrected (`column_name` is `value`), rejected (stays aside), "
        "withdrawn (the decision before is taken back)",
    ),
    column("column_name", TEXT, "column that was corrected", null=True),
    column("value", TEXT, "value put in its place", null=True),
    column("decided_by", TEXT, "user who decided"),
    column("note", TEXT, "why"),
    column("decided_at", TIME, "when"),
    partitioned=False,
    index=(("record_id",),),
)

claim_decision = table(
    "review",
    "claim_decision",
    "What people decided about claims that are held or were sent",
    ("decision_id",),
    column("decision_id", TEXT, "hash of subject and time"),
    column("encounter_id", TEXT, "encounter of the claim"),
    column("received_date", DATE, "day the encounter was received, which runs again"),
    column("edit", TEXT, "edit it is about; null for a replacement or void, which is about the claim", null=True),
    column(
        "outcome",
        TEXT,
        "released (the edit stays and no longer holds the claim), delay_reason (the claim says why it is late, `value` "
        "is CLM20), replace or void (of the claim that the payer knows as `value`), withdrawn (the decision before is "
        "taken back)",
    ),
    column("value", TEXT, "the payer's control number, or the delay reason code", null=True),
    column("decided_by", TEXT, "user who decided"),
    column("note", TEXT, "why"),
    column("decided_at", TIME, "when"),
    partitioned=False,
    index=(("encounter_id",),),
)

link_decision = table(
    "review",
    "link_decision",
    "What people decided about pairs of patient records",
    ("decision_id",),
    column("decision_id", TEXT, "hash of the pair and the time"),
    column("patient_id", TEXT, "the smaller patient_id of the pair"),
    column("other_patient_id", TEXT, "the larger patient_id of the pair"),
    column("outcome", TEXT, "same, different, or withdrawn (the decision before is taken back)"),
    column("decided_by", TEXT, "user who decided"),
    column("note", TEXT, "why"),
    column("decided_at", TIME, "when"),
    partitioned=False,
    index=(("patient_id", "other_patient_id"),),
)

#: select of the newest decision on each record and rule, for views and statements inside the database
NEWEST_DECISION = """
    SELECT DISTINCT ON (record_id, rule) record_id, rule, outcome, decided_by, note, decided_at
    FROM review.quarantine_decision ORDER BY record_id, rule, decided_at DESC, decision_id
"""
