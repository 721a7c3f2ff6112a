"""Schema `served`: what the API keeps. Keys of its callers, long work it took on, and who asked for what.

No asset makes these tables: they are written by callers' requests, outside the lineage, and nothing is derived from
them. `job` holds what a caller sent until `expires_at`; `access` never holds anything of a patient.
"""

from __future__ import annotations

from medcode_ml.contracts.tables import FLOAT, INT, JSON, TEXT, TIME, column, table

api_key = table(
    "served",
    "api_key",
    "Keys of the API; the key itself is shown once and kept nowhere",
    ("key_id",),
    column("key_id", TEXT, "public part of the key, between the first and the second underscore"),
    column("name", TEXT, "system or person that holds it"),
    column("secret_hash", TEXT, "SHA-256 of the whole key, hexadecimal; the key is 256 random bits"),
    column("scopes", JSON, "what it may do: code, rank, bill, price, encounter, review, codes, models, metrics"),
    column("hospitals", JSON, "hospital_id of the hospitals it may ask for; [*] for all"),
    column("rate", TEXT, "requests allowed, such as 600/minute; null for the setting's", null=True),
    column("created_at", TIME, "when"),
    column("created_by", TEXT, "user who made it"),
    column("expires_at", TIME, "from then on it is refused; null for never", null=True),
    column("revoked_at", TIME, "from then on it is refused", null=True),
    partitioned=False,
)

job = table(
    "served",
    "job",
    "Long work taken on by the API, and answers kept under an idempotency key",
    ("job_id",),
    column(
        "job_id", TEXT, "the one in /v1/jobs/{id}: a hash of owner and idempotency key where there is one, or random"
    ),
    column("owner", TEXT, "who sent it: key:<key_id> or jwt:<hash of issuer and subject>; nobody else may read it"),
    column("request_hash", TEXT, "SHA-256 of route and body: the same key with another body is refused"),
    column("operation", TEXT, "code, rank, bill, price, encounter or review"),
    column("batch", INT, "1 for a batch of records, 0 for one record"),
    column("record_count", INT, "records in the request"),
    column("status", TEXT, "queued, running, done, failed or cancelled"),
    column("request", TEXT, "records as JSON; null once the job has ended", null=True),
    column("answer", TEXT, "answer as JSON; null until done", null=True),
    column("answer_status", INT, "HTTP status of the answer; null until done", null=True),
    column("attempts", INT, "how often a worker took it; the third failure ends it"),
    column("worker", TEXT, "worker that has it, and a mark of this one time that it was taken", null=True),
    column("lease_until", TIME, "a worker that lives prolongs it; after it any other may take the job", null=True),
    column("created_at", TIME, "when it came"),
    column("started_at", TIME, "when it was taken last", null=True),
    column("finished_at", TIME, "when it ended", null=True),
    column("expires_at", TIME, "when the row is deleted"),
    partitioned=False,
    index=(("status", "created_at"), ("owner", "started_at"), ("expires_at",)),
)

access = table(
    "served",
    "access",
    "Every access to the API, allowed or refused, without anything of a patient",
    ("access_id",),
    column("access_id", TEXT, "random id of the row"),
    column("at", TIME, "when the request came"),
    column("request_id", TEXT, "id that the answer carries as X-Request-Id"),
    column("subject", TEXT, "who: key:<key_id>, jwt:<hash>, no-auth, or anonymous where nobody was recognised"),
    column("method", TEXT, "HTTP method"),
    column("route", TEXT, "route as written in the OpenAPI document, never the path with its values"),
    column("status", INT, "HTTP status of the answer"),
    column(
        "decision",
        TEXT,
        "allow, or why not: unauthenticated, scope, hospital, rate, action; none where nothing was asked",
    ),
    column("record_count", INT, "records in the request; 0 where it was not read"),
    column("hospitals", JSON, "hospital_id that the records name"),
    column("milliseconds", FLOAT, "time from the first byte read to the answer"),
    partitioned=False,
    index=(("at",), ("subject", "at")),
)
