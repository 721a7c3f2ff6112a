"""Lines of `medcode rank`: JSON objects in, frames for `rank_batch`, JSON objects out. The files are the caller's.

Codes come out in reporting order, as many as came in: copies of a code are kept, each with its own place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import pandas as pd

from medcode_ml.codes.identifiers import undotted
from medcode_ml.ranking.batch import MODEL_VERSION, RankedBatch, rank_batch
from medcode_ml.ranking.documents import document_types_of
from medcode_ml.ranking.frames import CODE_COLUMNS, ENCOUNTER_COLUMNS

_LISTS: Final = {
    "procedures": ("encounter_id", "code", "system", "day"),
    "medications": ("encounter_id", "name", "start_day"),
    "microbiology": ("encounter_id", "specimen", "organism", "day"),
    "units": ("encounter_id", "name", "start_day", "hours"),
}
_CODE_KEYS: Final = ("poa", "score", "mention_count", "document_types", "assertion")


class RankRecordError(ValueError):
    """A line cannot be ranked; the message says what is wrong with it."""


def check_record(record: Mapping[str, Any]) -> None:
    """Raise `RankRecordError` where a line is not an encounter that `rank_records` can read."""
    identity = record.get("encounter_id")
    if not isinstance(identity, str | int) or isinstance(identity, bool) or identity == "":
        raise RankRecordError("encounter_id is missing; give a string that is unique in the file")
    codes = record.get("codes")
    if not isinstance(codes, list):
        raise RankRecordError('codes is missing or no list; give a list of ICD-10-CM codes such as ["I50.23"]')
    for place, code in enumerate(codes, start=1):
        text = code.get("code") if isinstance(code, Mapping) else code
        if not isinstance(text, str) or not text.strip():
            raise RankRecordError(f"code {place} is no text; give a code such as I50.23, or an object with a code key")
    for name in _LISTS:
        entries = record.get(name)
        if entries is None:
            continue
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise RankRecordError(f"{name} is no list of objects; leave it out or give {', '.join(_LISTS[name][1:])}")
    documents = record.get("documents")
    if documents is not None and not (isinstance(documents, list) and all(isinstance(d, Mapping) for d in documents)):
        raise RankRecordError('documents is no list of objects; leave it out or give [{"type": ..., "text": ...}]')
    if record.get("services") is not None and not isinstance(record["services"], list):
        raise RankRecordError("services is no list; give the hospital services in order")
    if record.get("poa") is not None and not isinstance(record["poa"], Mapping):
        raise RankRecordError('poa is no object; give one of codes and indicators such as {"I50.23": "Y"}')
    _day(record.get("discharge_date"))


def rank_records(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rank encounters given as objects.

    Returns:
        One object for each, in the order given: every key that medcode does not know is carried through, with
        {"encounter_id", "codes": [{"code", "score", "rank", "principal", "reasons"}], "model_version"}.

    Raises:
        RankRecordError: a record is not readable (`check_record`).
    """
    for record in records:
        check_record(record)
    ranked = _rank(records)
    by_encounter = {int(place): group for place, group in ranked.codes.groupby("encounter_id", sort=False)}
    answers = []
    for place, record in enumerate(records):
        group = by_encounter.get(place)
        answers.append({**_carried(record), "codes": [] if group is None else _codes_out(group)})
        answers[-1]["model_version"] = MODEL_VERSION
    return answers


def _rank(records: Sequence[Mapping[str, Any]]) -> RankedBatch:
    """Encounters are numbered, so that a repeated encounter_id in a file still gives a line each."""
    encounters = pd.DataFrame(
        [
            {
                **{column: record.get(column) for column in ENCOUNTER_COLUMNS},
                "encounter_id": place,
                "discharge_date": _day(record.get("discharge_date")),
            }
            for place, record in enumerate(records)
        ],
        columns=list(ENCOUNTER_COLUMNS),
        dtype=object,
    )
    rows = [row for place, record in enumerate(records) for row in _code_rows(place, record)]
    lists = {
        name: pd.DataFrame(
            [
                {**{column: entry.get(column) for column in columns}, "encounter_id": place}
                for place, record in enumerate(records)
                for entry in record.get(name) or []
            ],
            columns=list(columns),
            dtype=object,
        )
        for name, columns in _LISTS.items()
    }
    services = pd.DataFrame(
        [
            {"encounter_id": place, "name": entry.get("name") if isinstance(entry, Mapping) else entry}
            for place, record in enumerate(records)
            for entry in record.get("services") or []
        ],
        columns=["encounter_id", "name"],
        dtype=object,
    )
    codes = pd.DataFrame(rows, columns=list(CODE_COLUMNS), dtype=object)
    return rank_batch(encounters, codes, services=services, **lists)


def _code_rows(place: int, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    indicators = {undotted(str(code)): value for code, value in (record.get("poa") or {}).items()}
    texts = [entry["code"] if isinstance(entry, Mapping) else entry for entry in record["codes"]]
    named = document_types_of(texts, record.get("documents") or [])
    rows = []
    for entry in record["codes"]:
        given: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {"code": entry}
        code = given["code"]
        row = {key: given.get(key) for key in _CODE_KEYS} | {"encounter_id": place, "code": code}
        if row["poa"] is None:
            row["poa"] = indicators.get(undotted(code))
        if row["document_types"] is None:
            row["document_types"] = named.get(code)
        rows.append(row)
    return rows


def _codes_out(group: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "code": str(row.code),
            "score": round(float(row.score), 6),  # type: ignore[arg-type]
            "rank": int(row.rank),  # type: ignore[call-overload]
            "principal": bool(row.principal),
            "reasons": list(row.reasons),  # type: ignore[call-overload]
        }
        for row in group.itertuples(index=False)
    ]


def _carried(record: Mapping[str, Any]) -> dict[str, Any]:
    """The line without its codes: known and unknown keys alike go through untouched."""
    return {key: value for key, value in record.items() if key not in ("codes", "model_version")}


def _day(value: object) -> date | None:
    if value is None or value == "":
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise RankRecordError("discharge_date is no date; write it as 2026-11-15") from None
