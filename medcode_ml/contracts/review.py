"""Schema `review`: what people decided. Facts from outside the lineage, never overwritten by a run.

Decisions are only added: the newest on a subject counts, `withdrawn` takes one back, and the history stays. What coders
decide about codes belongs to a chart; `chart_code` is what stood when it was closed, and coding anew changes nothing.
"""

from __future__ import annotations

from medcode_ml.contracts.tables import BOOL, DATE, FLOAT, INT, TEXT, TIME, column, table

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

_CHART = ("chart_id", TEXT, "hash of encounter, kind, coder and time of opening")
_ENCOUNTER = ("encounter_id", TEXT, "encounter of the chart")
_CODER = ("coder", TEXT, "coder, by the user id of the hospital")
_SOURCE = ("source", TEXT, "page (the coders' page), api or file")
_SENT_BY = ("sent_by", TEXT, "who brought it in: caller of the API as served.access names it, or user of the command")

chart = table(
    "review",
    "chart",
    "Charts that coders opened and closed, one row each time: an encounter looked at by one coder in one go",
    ("chart_id", "event"),
    column(*_CHART),
    column("event", TEXT, "opened or closed"),
    column(*_ENCOUNTER),
    column("hospital_id", TEXT, "hospital of the encounter"),
    column("kind", TEXT, "review (codes were proposed), or audit: a second coder of ml.audit_sample who saw none"),
    column(*_CODER),
    column(
        "version", TEXT, "what proposed the codes when the chart was opened; null where nothing was coded", null=True
    ),
    column(*_SOURCE),
    column(*_SENT_BY),
    column("opened_at", TIME, "when the coder opened it"),
    column("closed_at", TIME, "when the coder closed it", null=True),
    column("closed_date", DATE, "UTC day of closing: the day its labels belong to", null=True),
    column("outcome", TEXT, "final (codes complete and in order: labels) or given_back (no labels)", null=True),
    column("seconds", FLOAT, "seconds the coder worked on it", null=True),
    column(
        "seconds_source",
        TEXT,
        "client (active seconds as the coders' page counted them) or clock (opening to closing, each pause cut at "
        "MEDCODE_REVIEW_IDLE_MINUTES)",
        null=True,
    ),
    column("stratum", TEXT, "of an audit: stratum in ml.audit_sample", null=True),
    column("weight", FLOAT, "of an audit: encounters it stands for", null=True),
    column("recorded_at", TIME, "when it came in"),
    partitioned=False,
    index=(("encounter_id",), ("closed_date",)),
)

decision = table(
    "review",
    "decision",
    "What coders decided about codes, only ever added to: never a label before the chart is closed as final",
    ("decision_id",),
    column("decision_id", TEXT, "hash of the chart and of what was decided: sent again it is known"),
    column(*_CHART),
    column("number", INT, "place among the decisions of the chart, from 1: the order in which they count"),
    column(*_ENCOUNTER),
    column("code", TEXT, "ICD-10-CM code with its dot, billable at discharge"),
    column(
        "outcome",
        TEXT,
        "accepted, rejected, added (not proposed), reordered (moved to `place`), withdrawn (what was decided on the "
        "code before is taken back)",
    ),
    column(
        "reason",
        TEXT,
        "of a rejection: not_documented, not_supported, wrong_specificity, historical, ruled_out, duplicate, "
        "not_reportable, sequencing or other",
        null=True,
    ),
    column("place", INT, "of an added or reordered code: its place in the order, 1 first", null=True),
    column("poa", TEXT, "present on admission as the coder gave it: Y, N, U, W or 1 (exempt)", null=True),
    column("document_id", TEXT, "evidence of an added code: document", null=True),
    column("start_offset", INT, "first character in the document text", null=True),
    column("end_offset", INT, "character after the last", null=True),
    column("version", TEXT, "what proposed the codes that the coder saw", null=True),
    column(
        "band", TEXT, "band of the code the coder saw: auto, review or drop; null where it was not listed", null=True
    ),
    column("score", FLOAT, "its score", null=True),
    column(*_CODER),
    column(*_SOURCE),
    column(*_SENT_BY),
    column("decided_at", TIME, "when; of a chart sent whole, its closing where no time was given"),
    partitioned=False,
    index=(("chart_id",), ("encounter_id",)),
)

chart_code = table(
    "review",
    "chart_code",
    "Every code of a chart closed as final, proposed or added, as it was then: what became of it, and its place",
    ("chart_id", "code"),
    column(*_CHART),
    column("code", TEXT, "ICD-10-CM code with its dot"),
    column(*_ENCOUNTER),
    column("band", TEXT, "auto or review, as it was proposed; null where it was not", null=True),
    column("score", FLOAT, "score it was listed with; null where it was not", null=True),
    column("proposed_place", INT, "place in the order that ranking gave it, 1 first; null where it was not", null=True),
    column(
        "outcome",
        TEXT,
        "accepted, kept (auto band, nobody said a word), rejected, added; of an audit: confirmed, not_confirmed, added",
    ),
    column("reason", TEXT, "of a rejection", null=True),
    column("moved", BOOL, "the coder moved it to another place"),
    column("place", INT, "place in the coder's order, 1 first; null where it is not reported", null=True),
    column("poa", TEXT, "present on admission, the coder's where given, else as proposed", null=True),
    partitioned=False,
    index=(("encounter_id",),),
)

#: select of the newest decision on each record and rule, for views and statements inside the database
NEWEST_DECISION = """
    SELECT DISTINCT ON (record_id, rule) record_id, rule, outcome, decided_by, note, decided_at
    FROM review.quarantine_decision ORDER BY record_id, rule, decided_at DESC, decision_id
"""
