"""Schema `review`: what people decided. Facts from outside the lineage, never overwritten by a run."""

from __future__ import annotations

from medcode_ml.contracts.tables import TEXT, TIME, column, table

release = table(
    "review",
    "release",
    "Quarantined records that a person released: the rule no longer sets that record aside",
    ("record_id", "rule"),
    column("record_id", TEXT, "record as named in filtered.quarantine"),
    column("rule", TEXT, "rule that was overruled"),
    column("decided_by", TEXT, "user who decided"),
    column("note", TEXT, "why"),
    column("decided_at", TIME, "when"),
    partitioned=False,
)
