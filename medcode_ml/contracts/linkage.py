"""Schema `mapped`, across days: which patient records are one person. Replaced as a whole, not by received day."""

from __future__ import annotations

from medcode_ml.contracts.tables import FLOAT, INT, JSON, TEXT, column, table

person = table(
    "mapped",
    "person",
    "Patient records and the person each belongs to; a person has one record or several",
    ("patient_id",),
    column("patient_id", TEXT, "patient record of one hospital"),
    column("person_id", TEXT, "medcode's id of the person: the smallest patient_id of the records that are one"),
    column("record_count", INT, "patient records of the person"),
    partitioned=False,
    index=(("person_id",),),
)

person_link = table(
    "mapped",
    "person_link",
    "Pairs of patient records that may be one person: linked alone, or waiting for a person to look",
    ("patient_id", "other_patient_id"),
    column("patient_id", TEXT, "the smaller patient_id of the pair"),
    column("other_patient_id", TEXT, "the larger patient_id of the pair"),
    column("probability", FLOAT, "probability that the two are one person"),
    column("weight", FLOAT, "match weight: log2 of the Bayes factor, prior included"),
    column("band", TEXT, "auto (linked alone), review (a person is asked) or low (listed because a person decided)"),
    column("reason", TEXT, "rule that keeps the pair from being linked alone, where one does", null=True),
    column("fields", JSON, "[{field, level, weight}]: how each field agrees and what that weighs"),
    column("decision", TEXT, "same or different where a person decided, else null", null=True),
    column("model_version", TEXT, "hash of the parameters and thresholds"),
    partitioned=False,
)
