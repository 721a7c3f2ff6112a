"""Tables of schema `ml` that watch the models: frozen references, sketches of days, metrics, alarms, audit samples.

Sketches hold sorted figures, counts and sums, hashes of words; never a text, a word or a name.
"""

from __future__ import annotations

from medcode_ml.contracts.tables import BOOL, DATE, FLOAT, INT, JSON, TEXT, TIME, column, table

_KIND = ("kind", TEXT, "kind of model: coding, ranking or amounts")
_REFERENCE = ("reference_id", TEXT, "the reference it belongs to")
_HOSPITAL = ("hospital_id", TEXT, "hospital, or all")
_DOCUMENT_TYPE = ("document_type", TEXT, "type of document, or all (the encounter as a whole)")
_METRIC = ("metric", TEXT, "what is measured, such as oov_rate")
_SKETCH = ("sketch", JSON, "what a test needs of the encounters: {values, weights}, {counts} or {n, sums, products}")

drift_reference = table(
    "ml",
    "drift_reference",
    "What later days are held against, one row a reference: frozen once made",
    ("reference_id",),
    column("reference_id", TEXT, "hash of kind, version, days and encounters"),
    column(*_KIND),
    column("version", TEXT, "version of the model whose outputs are held"),
    column("origin", TEXT, "model_test (encounters kept apart when it was trained) or first_days (it worked on)"),
    column("first_day", DATE, "first received day"),
    column("last_day", DATE, "last received day; only later ones are held against it"),
    column("created_at", TIME, "when it was frozen"),
    column("encounters", INT, "encounters"),
    column("labelled", INT, "those of them that coders labelled"),
    column("releases", JSON, "code set releases of the encounters, and those the model was taught in"),
    column("facts", JSON, "hashes of its words, projection of texts, calibration of scores on its labels"),
    partitioned=False,
    index=(("kind", "version"),),
)

drift_reference_sketch = table(
    "ml",
    "drift_reference_sketch",
    "Sketches of a reference, by hospital, type of document and metric",
    ("reference_id", "hospital_id", "document_type", "metric"),
    column(*_REFERENCE),
    column(*_HOSPITAL),
    column(*_DOCUMENT_TYPE),
    column(*_METRIC),
    column("n", INT, "encounters"),
    column(
        "dispersion",
        FLOAT,
        "by how much its own days differ from one another more than chance has it; at least 1, tests are divided by it",
    ),
    column(*_SKETCH),
    partitioned=False,
)

drift_sketch = table(
    "ml",
    "drift_sketch",
    "Sketches of a day: windows are put together from them, so that any evaluation can be made again",
    ("reference_id", "hospital_id", "document_type", "metric"),
    column(*_REFERENCE),
    column(*_HOSPITAL),
    column(*_DOCUMENT_TYPE),
    column(*_METRIC),
    column("n", INT, "encounters"),
    column(*_SKETCH),
    index=(("reference_id", "received_date"),),
)

drift_metric = table(
    "ml",
    "drift_metric",
    "How far a day, and the days up to it, are from the reference: by model, hospital, type of document and metric",
    ("kind", "hospital_id", "document_type", "metric", "window_days"),
    column(*_KIND),
    column("version", TEXT, "version of the model in use on the day"),
    column(*_REFERENCE),
    column(*_HOSPITAL),
    column(*_DOCUMENT_TYPE),
    column(*_METRIC),
    column("window_days", INT, "days of the window that ends on this day"),
    column("value", FLOAT, "the metric in the window: mean, PSI (less its bias), F1 and so on", null=True),
    column("reference_value", FLOAT, "the metric in the reference", null=True),
    column("low", FLOAT, "lower end of its 95% interval, where it has one", null=True),
    column("high", FLOAT, "upper end of its 95% interval", null=True),
    column("test", TEXT, "ks, g, mmd, drop, delong, release; null where nothing is tested", null=True),
    column("statistic", FLOAT, "statistic of the test after division by the dispersion", null=True),
    column("effect", FLOAT, "size of the shift, on the scale of `least_effect`", null=True),
    column("p_value", FLOAT, "p-value of this test alone", null=True),
    column("p_adjusted", FLOAT, "p-value after weighing all tests of the day (Bonferroni)", null=True),
    column("threshold", FLOAT, "p_adjusted at or below which there is an alarm: the share of the day", null=True),
    column("least_effect", FLOAT, "a smaller shift is no alarm, however certain", null=True),
    column("alarm", BOOL, "both are passed"),
    column("n", INT, "encounters in the window"),
    column("n_reference", INT, "encounters in the reference"),
    column("notes", JSON, "why it was skipped; ids of typical documents, listed words that tell; releases"),
    index=(("kind", "received_date"), ("metric", "received_date")),
)

drift_alarm = table(
    "ml",
    "drift_alarm",
    "Alarms raised and cleared, only ever added to: an alarm stands until a row clears it",
    ("alarm_id", "event"),
    column("alarm_id", TEXT, "hash of kind, version, hospital and day"),
    column("event", TEXT, "raised or cleared"),
    column(*_KIND),
    column("version", TEXT, "version it is about"),
    column(*_HOSPITAL),
    column("day", DATE, "received day whose evaluation raised it"),
    column("at", TIME, "when"),
    column("by", TEXT, "ml/drift_metric, or the person or asset that cleared it"),
    column("reason", TEXT, "why"),
    column("metrics", JSON, "strongest metrics: [{document_type, metric, window_days, p_adjusted, effect}]"),
    partitioned=False,
    index=(("kind", "day"),),
)

audit_sample = table(
    "ml",
    "audit_sample",
    "Encounters drawn at random for a second coder, by stratum, with the weight that makes them stand for all",
    ("encounter_id",),
    column("encounter_id", TEXT, "encounter"),
    column("hospital_id", TEXT, "hospital"),
    column("version", TEXT, "what coded it"),
    column("stratum", TEXT, "auto (all accepted codes), review (at least one), no_codes"),
    column("stratum_size", INT, "encounters of the stratum on the day"),
    column("drawn", INT, "those drawn"),
    column("weight", FLOAT, "stratum_size / drawn: encounters it stands for"),
)
