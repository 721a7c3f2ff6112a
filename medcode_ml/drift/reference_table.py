"""References as they are frozen in the tables `ml.drift_reference` and `ml.drift_reference_sketch`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import drift
from medcode_ml.drift.evaluation import Reference
from medcode_ml.drift.frames import AMOUNTS, CODING, RANKING
from medcode_ml.drift.language import Language
from medcode_ml.drift.performance import Calibration
from medcode_ml.drift.sketch import sketch_from_json
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame

LAYOUT: Final = {CODING: 2, RANKING: 2, AMOUNTS: 2}
"""Of the facts and sketches: a reference of another layout is made again."""


def store_reference(connection: sa.Connection, made: Reference, origin: str, encounters: int, labelled: int) -> None:
    """Write a reference and its sketches; one of the same content is replaced."""
    facts = {
        "layout": LAYOUT[made.kind],
        "language": None if made.language is None else made.language.to_json(),
        "calibration": made.calibration.to_json(),
        "documents": [list(one) for one in made.documents],
        "scales": dict(made.scales),
    }
    row = {
        "reference_id": made.reference_id, "kind": made.kind, "version": made.version, "origin": origin,
        "first_day": made.first_day, "last_day": made.last_day, "created_at": datetime.now(UTC),
        "encounters": encounters, "labelled": labelled, "releases": list(made.releases), "facts": facts,
    }  # fmt: skip
    sketches = pd.DataFrame(
        [
            (made.reference_id, *key, sketch.n, made.dispersion.get(key, 1.0), sketch.to_json())
            for key, sketch in made.sketches.items()
        ],
        columns=[c.name for c in drift.drift_reference_sketch.columns],
        dtype=object,
    )
    for table, frame in ((drift.drift_reference, pd.DataFrame([row])), (drift.drift_reference_sketch, sketches)):
        connection.execute(sa.delete(table).where(table.c.reference_id == made.reference_id))
        copy_in(connection, table, frame.astype(object))


def load_reference(source: sa.Connection, reference_id: str) -> Reference:
    """The reference as it was frozen."""
    table, sketch = drift.drift_reference, drift.drift_reference_sketch
    row = read_frame(source, sa.select(table).where(table.c.reference_id == reference_id)).iloc[0]
    held = read_frame(source, sa.select(sketch).where(sketch.c.reference_id == reference_id))
    keys = list(zip(held["hospital_id"], held["document_type"], held["metric"], strict=True))
    facts: dict[str, Any] = row["facts"]
    return Reference(
        reference_id, row["kind"], row["version"], row["first_day"], row["last_day"], tuple(row["releases"]),
        None if facts["language"] is None else Language.from_json(facts["language"]),
        Calibration.from_json(facts["calibration"]),
        tuple((day, document) for day, document in facts["documents"]),
        dict(zip(keys, map(sketch_from_json, held["sketch"]), strict=True)),
        dict(zip(keys, held["dispersion"], strict=True)),
        facts.get("scales", {}),  # those of coding made before there were any have none
    )  # fmt: skip
