"""Lines of `medcode rank`: JSON objects in, frames for `rank_batch`, JSON objects out. The files are the caller's.

Codes come out in reporting order, as many as came in: copies of a code are kept, each with its own place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from medcode_ml.codes.identifiers import undotted
from medcode_ml.ranking.batch import rank_frames
from medcode_ml.ranking.frames import CODE_COLUMNS, ENCOUNTER_COLUMNS, PLACE
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.record_form import CODE_KEYS, LISTS, RankRecordError, check_record, day_of

if TYPE_CHECKING:
    from medcode_ml.ranking.model import RankingModel

_CODE_OUT: Final = ("code", "score", "rank", "principal", "eligible", "reasons")
_OUTCOME: Final = (
    "outcome", "runner_up", "principal_probability", "needs_review", "review_reason", "model_version",
)  # fmt: skip
"""Keys of a ranked line besides its codes: columns of `ranked.encounter`."""
__all__ = ["RankRecordError", "check_record", "frames_of", "rank_records"]


def rank_records(records: Sequence[Mapping[str, Any]], model: RankingModel | None = None) -> list[dict[str, Any]]:
    """Rank encounters given as objects; by the Official Guidelines where no `model` is given.

    Returns:
        One object for each, in the order given: every key that medcode does not know is carried through, with
        {"encounter_id", "codes": [{"code", "score", "rank", "principal", "eligible", "reasons"}], "outcome",
        "runner_up", "principal_probability", "needs_review", "review_reason", "model_version"}.

    Raises:
        RankRecordError: a record is not readable (`check_record`).
    """
    for record in records:
        check_record(record)
    ranked = rank_frames(frames_of(records), model)
    codes: list[list[dict[str, Any]]] = [[] for _ in records]
    # lists once, not a frame for each encounter
    columns = (ranked.codes[name].tolist() for name in ("encounter_id", *_CODE_OUT))
    for place, code, score, rank, principal, eligible, reasons in zip(*columns, strict=True):
        told = {"code": code, "score": round(score, 6), "rank": rank, "principal": principal, "eligible": eligible}
        codes[place].append({**told, "reasons": reasons})
    outcomes = ranked.encounters[list(_OUTCOME)].to_dict("records")
    return [
        {**_carried(record), "codes": own, **outcome}
        for record, own, outcome in zip(records, codes, outcomes, strict=True)
    ]


def frames_of(records: Sequence[Mapping[str, Any]], orders: Sequence[Sequence[str]] | None = None) -> RankingFrames:
    """The frames of readable records (`check_record`).

    Encounters are numbered, so that a repeated encounter_id in a file still gives a line each. `orders` gives the codes
    of each record in their true order, for the column `frames.PLACE`.
    """
    encounters = pd.DataFrame(
        [
            {
                **{column: record.get(column) for column in ENCOUNTER_COLUMNS},
                "encounter_id": place,
                "discharge_date": day_of(record.get("discharge_date")),
            }
            for place, record in enumerate(records)
        ],
        columns=list(ENCOUNTER_COLUMNS),
        dtype=object,
    )
    true_orders = orders if orders is not None else [()] * len(records)
    rows = [
        row
        for place, (record, order) in enumerate(zip(records, true_orders, strict=True))
        for row in _code_rows(place, record, order)
    ]
    lists = {
        name: pd.DataFrame(
            [
                {**{column: entry.get(column) for column in keys}, "encounter_id": place}
                for place, record in enumerate(records)
                for entry in record.get(name) or []
            ],
            columns=["encounter_id", *keys],
            dtype=object,
        )
        for name, keys in LISTS.items()
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
    codes = pd.DataFrame(rows, columns=[*CODE_COLUMNS, PLACE], dtype=object)
    return RankingFrames(encounters, codes, services=services, **lists)


def _code_rows(place: int, record: Mapping[str, Any], order: Sequence[str]) -> list[dict[str, Any]]:
    indicators = {undotted(str(code)): value for code, value in (record.get("poa") or {}).items()}
    rows = []
    true_place = {undotted(code): number for number, code in enumerate(order, start=1)}
    for entry in record["codes"]:
        given: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {"code": entry}
        code = given["code"]
        row = {key: given.get(key) for key in CODE_KEYS} | {"encounter_id": place, "code": code}
        row[PLACE] = true_place.get(undotted(code))
        if row["poa"] is None:
            row["poa"] = indicators.get(undotted(code))
        rows.append(row)
    return rows


def _carried(record: Mapping[str, Any]) -> dict[str, Any]:
    """The line without its codes: known and unknown keys alike go through untouched."""
    return {key: value for key, value in record.items() if key not in ("codes", *_OUTCOME)}
