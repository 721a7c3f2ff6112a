"""Schema `ranked`: the codes of an encounter in reporting order."""

from __future__ import annotations

from medcode_ml.contracts.tables import BOOL, FLOAT, INT, JSON, TEXT, column, table

encounter = table(
    "ranked",
    "encounter",
    "One row for every coded encounter: its principal diagnosis, or why there is none",
    ("encounter_id",),
    column("encounter_id", TEXT, "encounter"),
    column("principal_code", TEXT, "principal diagnosis", null=True),
    column("code_count", INT, "codes in the order"),
    column("model_version", TEXT, "what ranked: guidelines or a model"),
    column("outcome", TEXT, "ranked, no_codes or no_eligible_principal"),
    column("runner_up", TEXT, "next eligible principal, for the coder's eye", null=True),
    column(
        "principal_probability",
        FLOAT,
        "calibrated probability that the principal is the one a coder would choose; null for the guidelines",
        null=True,
    ),
    column("needs_review", BOOL, "a coder decides on the principal: its probability is too low for the error allowed"),
    column(
        "review_reason", TEXT, "why, with the rivals side by side, such as I50.23 (0.48) or J18.9 (0.41)", null=True
    ),
)

encounter_code = table(
    "ranked",
    "encounter_code",
    "The accepted codes in reporting order, principal first, each place with its reason",
    ("encounter_id", "rank"),
    column("encounter_id", TEXT, "encounter"),
    column("rank", INT, "1 first"),
    column("code", TEXT, "ICD-10-CM code"),
    column("principal", BOOL, "this is the principal diagnosis"),
    column("score", FLOAT, "score of the place, falling with rank"),
    column("poa", TEXT, "present on admission; null when exempt", null=True),
    column("reasons", JSON, "reasons of the place, in a coder's words"),
    column("eligible", BOOL, "the code may be principal"),
    column("principal_share", FLOAT, "share of the choice of the principal, 1 over the encounter's codes", null=True),
)
