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
)
