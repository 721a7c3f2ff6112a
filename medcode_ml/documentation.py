"""What the documents on a line of `medcode rank` say of its codes: sections and coder, called one after the other.

Only composition lives here, as in `pipeline.py`: ranking knows no coder and coding no list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from medcode_ml.codes.release import LAST_DAY, NoReleaseError, release_on
from medcode_ml.mapping.sections import split_documents
from medcode_ml.ranking.documents import documented

Record = Mapping[str, Any]


def with_documents(records: Sequence[Record], *, progress: bool = False) -> list[dict[str, Any]]:
    """Return the lines with what their documents say of each code, as its `document_types`.

    The ontology coder reads the documents, in the code set of the discharge date or, where that decides none, in the
    newest. What a line says itself of a code stays; lines without documents come back as they are.

    Args:
        records: lines that `ranking.records.check_record` accepts.
        progress: show a bar.
    """
    texts = documents_of(records)
    if texts.empty:
        return [dict(record) for record in records]
    from medcode_ml.coding.batch import code_batch

    found = code_batch(texts, split_documents(texts), progress=progress).codes
    read = set(texts["encounter_id"])
    rows = [
        {"encounter_id": str(place), "code": entry["code"], "document_types": entry.get("document_types")}
        for place, record in enumerate(records)
        if str(place) in read
        for entry in _entries(record)
    ]
    listed = pd.DataFrame(rows, columns=["encounter_id", "code", "document_types"], dtype=object)
    told: dict[str, list[Any]] = {}
    for encounter, value in documented(listed, found)[["encounter_id", "document_types"]].itertuples(index=False):
        told.setdefault(encounter, []).append(value)
    return [
        {
            **record,
            "codes": [
                {**entry, "document_types": said} if said is not None else entry
                for entry, said in zip(_entries(record), told.get(str(place), []), strict=True)
            ],
        }
        if str(place) in told
        else dict(record)
        for place, record in enumerate(records)
    ]


def documents_of(records: Sequence[Record]) -> pd.DataFrame:
    """The documents of the lines as `code_batch` takes them; encounter_id is the place of the line."""
    rows = [
        {
            "document_id": f"{place}-{number}",
            "encounter_id": str(place),
            "text": str(document.get("text") or ""),
            "setting": record.get("setting"),
            "discharge_date": _day_of_codes(record.get("discharge_date")),
            "document_type": document.get("type") or None,
        }
        for place, record in enumerate(records)
        for number, document in enumerate(record.get("documents") or [])
    ]
    columns = ["document_id", "encounter_id", "text", "setting", "discharge_date", "document_type"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _entries(record: Record) -> list[dict[str, Any]]:
    return [dict(entry) if isinstance(entry, Mapping) else {"code": entry} for entry in record["codes"]]


def _day_of_codes(value: Any) -> date:
    """The discharge date where it decides a code set, else the last day of the newest one."""
    if not value:
        return LAST_DAY
    day = date.fromisoformat(str(value)[:10])
    try:
        release_on(day)
    except NoReleaseError:
        return LAST_DAY
    return day
