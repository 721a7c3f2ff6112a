"""Made-up charts (`support.charts`) as the tables that a training set of coding is made of, with no network drawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pandas as pd
import sqlalchemy as sa
from support.charts import made_up
from support.tables import whole

from medcode_ml.contracts import filtered, linkage, mapped, raw
from medcode_ml.store.copying import copy_in

SOURCE, HOSPITAL = "simulated", "H1"


def put_labelled_charts(
    engine: sa.Engine, count: int, first: date, days: int, *, labels_late: Mapping[str, int] | None = None
) -> list[str]:
    """Put `count` charts, two a patient, on `days` days from `first`, each labelled on its day; their encounter ids.

    `labels_late` are encounters whose labels come so many days after the record.
    """
    charts = made_up(count, seed=4)
    late = labels_late or {}
    ids = [chart["record_id"] for chart in charts]
    received = [first + timedelta(days=number * days // count) for number in range(count)]
    common = {
        "source": SOURCE, "hospital_id": HOSPITAL, "encounter_id": ids, "received_date": received,
        "patient_id": [chart["patient_id"] for chart in charts],
    }  # fmt: skip
    stay = {**common, "setting": "inpatient", "discharge_date": received, "encounter_number": [i.upper() for i in ids]}
    document = {**common, "document_id": [f"d{i}" for i in ids], "text": [chart["text"] for chart in charts]}
    people = sorted(set(common["patient_id"]))
    codes = [
        (received[number] + timedelta(days=late.get(ids[number], 0)), ids[number].upper(), str(place),
         code if isinstance(code, str) else code["code"])
        for number, chart in enumerate(charts) for place, code in enumerate(chart["codes"], start=1)
    ]  # fmt: skip
    labels = pd.DataFrame(codes, columns=["received_date", "encounter_number", "line_number", "code"], dtype=object)
    frames = (
        (filtered.encounter, pd.DataFrame(stay, dtype=object)),
        (mapped.encounter, pd.DataFrame(stay, dtype=object)),
        (filtered.document, pd.DataFrame(document, dtype=object)),
        (linkage.person, pd.DataFrame({"patient_id": people, "person_id": people}, dtype=object)),
        (raw.delivered_tables["coder_label"], labels.assign(source=SOURCE, hospital_id=HOSPITAL, copy_number=1,
                                                            source_line=range(len(labels)))),
    )  # fmt: skip
    with engine.begin() as connection:
        for table, frame in frames:
            own = whole(table, frame)
            copy_in(connection, table, own[[c.name for c in table.columns if c.name in own.columns]])
    return ids
