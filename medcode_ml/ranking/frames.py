"""Checks and orders the frames that ranking is given, and numbers encounters and codes.

Columns that are missing are filled with None, so that the rest of the package never asks which were given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.identifiers import undotted
from medcode_ml.codes.mce_tables import dx_attributes
from medcode_ml.codes.release import LAST_DAY, NoReleaseError, Release, release_on
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray, TextArray

ENCOUNTER_COLUMNS: Final = (
    "encounter_id", "patient_id", "hospital_id", "setting", "age", "sex", "admission_type", "discharge_date", "service",
    "length_of_stay_days", "icu_hours", "admission_location", "discharge_location", "discharge_status",
)  # fmt: skip
CODE_COLUMNS: Final = ("encounter_id", "code", "poa", "score", "mention_count", "document_types", "assertion")
PLACE: Final = "place"
"""Column of the codes of labelled stays: the true place, 1 first. Only training reads it, never the ranking."""
_ABSENT_CODE: Final = ""
_EDITOR_FLAGS: Final = ("unacceptable_principal", "manifestation", "external_cause", "questionable_admission")


class RankingInputError(ValueError):
    """The frames given to ranking do not fit together."""


@dataclass(frozen=True, slots=True)
class CodeRows:
    """One entry for each code of each encounter, sorted by encounter and code; each array of shape (rows,)."""

    frame: pd.DataFrame
    """The rows with every column of `CODE_COLUMNS`, and `PLACE`."""
    encounter: IntArray
    """Place of the encounter in the encounter frame, ascending."""
    code: IntArray
    """Place of the code among the distinct codes."""
    duplicate: BoolArray
    """A copy of a code that the encounter already has."""
    flags: dict[str, BoolArray]
    """The editor's tables at discharge (rule 1): unacceptable_principal, manifestation, external_cause, ..."""
    invalid: BoolArray
    """Known, but not billable on the discharge date; never set where the date decides no release."""


def with_columns(frame: pd.DataFrame | None, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return a frame with exactly these columns, None in the ones it did not have; an empty one for None."""
    given = pd.DataFrame(columns=list(columns)) if frame is None else frame
    return given.reindex(columns=list(columns)).reset_index(drop=True)


def checked_encounters(encounters: pd.DataFrame) -> pd.DataFrame:
    """Return the encounters with every column of `ENCOUNTER_COLUMNS`, in the given order.

    Raises:
        RankingInputError: no encounter_id column, or an encounter stands more than once.
    """
    if "encounter_id" not in encounters.columns:
        raise RankingInputError("encounters: the column encounter_id is missing; give one row for each encounter")
    if encounters["encounter_id"].isna().any():
        raise RankingInputError("encounters: encounter_id is empty in some rows; every encounter needs its id")
    repeated = int(encounters["encounter_id"].duplicated().sum())
    if repeated:
        raise RankingInputError(f"encounters: {repeated} rows repeat an encounter_id; give one row for each encounter")
    return with_columns(encounters, ENCOUNTER_COLUMNS)


def places_in(ids: pd.Series[Any], known: pd.Index[Any], what: str) -> IntArray:
    """Return the place of each id in `known`.

    Raises:
        RankingInputError: ids that are not known, counted by `what`.
    """
    places: IntArray = known.get_indexer(pd.Index(ids)).astype(np.int64)
    unknown = int((places < 0).sum())
    if unknown:
        raise RankingInputError(
            f"{what}: {unknown} rows belong to encounters that are not in the encounter frame; give both for one batch"
        )
    return places


def _numbers(column: pd.Series[Any], fill: float) -> FloatArray:
    return np.asarray(pd.to_numeric(column, errors="coerce").fillna(fill), dtype=np.float64)


def code_rows(encounters: pd.DataFrame, codes: pd.DataFrame) -> tuple[CodeRows, TextArray]:
    """Number and sort the codes of a batch.

    Returns:
        The rows, and the distinct undotted codes, sorted; shape (codes,).

    Raises:
        RankingInputError: missing columns, empty codes, or codes of encounters that are not in `encounters`.
    """
    for column in ("encounter_id", "code"):
        if column not in codes.columns:
            raise RankingInputError(f"codes: the column {column} is missing")
    frame = with_columns(codes, (*CODE_COLUMNS, PLACE))
    encounter = places_in(frame["encounter_id"], pd.Index(encounters["encounter_id"]), "codes")
    if frame["code"].isna().any() or (frame["code"].astype(str).str.strip() == _ABSENT_CODE).any():
        raise RankingInputError("codes: some codes are empty; leave the row out or give the code")
    bare = frame["code"].astype(str).str.strip().str.upper().map(undotted)
    keyed = frame.assign(
        _encounter=encounter,
        _bare=bare,
        # of copies the best documented one keeps the place
        _poa=(frame["poa"] != "Y").astype(np.int8),
        _score=-_numbers(frame["score"], 0.0),
        _written=frame["code"].astype(str),
    ).sort_values(["_encounter", "_bare", "_poa", "_score", "_written"], kind="stable", ignore_index=True)
    distinct, code = np.unique(keyed["_bare"].to_numpy(dtype=np.str_), return_inverse=True)
    encounter = keyed["_encounter"].to_numpy(dtype=np.int64)
    duplicate = np.asarray(keyed.duplicated(["_encounter", "_bare"], keep="first"), dtype=np.bool_)
    flags, invalid = _by_release(encounters, encounter, keyed["_bare"])
    rows = CodeRows(keyed[[*CODE_COLUMNS, PLACE]], encounter, code.astype(np.int64), duplicate, flags, invalid)
    return rows, distinct


def release_of(day: object) -> Release | None:
    """Return the release at discharge, None where the date is missing or outside every known release."""
    if not isinstance(day, date) or pd.isna(day):  # type: ignore[call-overload]
        return None
    try:
        return release_on(day)
    except NoReleaseError:
        return None


def _by_release(
    encounters: pd.DataFrame, encounter: IntArray, bare: pd.Series[str]
) -> tuple[dict[str, BoolArray], BoolArray]:
    """The editor's flags and validity of each row, by the release of its encounter.

    Without a release the newest editor tables speak and no code is called invalid.
    """
    dates = encounters["discharge_date"].tolist()
    found = {day: release_of(day) for day in dict.fromkeys(dates)}
    releases = [found[day] for day in dates]
    ordered = list(dict.fromkeys(releases))
    number = {release: place for place, release in enumerate(ordered)}
    of_row = np.array([number[release] for release in releases], dtype=np.int64)[encounter]
    flags: dict[str, BoolArray] = {name: np.zeros(len(bare), dtype=np.bool_) for name in _EDITOR_FLAGS}
    invalid: BoolArray = np.zeros(len(bare), dtype=np.bool_)
    for release, place in number.items():
        rows = np.flatnonzero(of_row == place)
        if not len(rows):
            continue
        day = release.start if release else LAST_DAY
        table = dx_attributes(day)
        written = bare.iloc[rows]
        by_code = pd.Index(table["code"].map(undotted)).get_indexer(pd.Index(written))
        for name in _EDITOR_FLAGS:
            values = table[name].to_numpy(dtype=np.bool_)
            flags[name][rows] = np.where(by_code >= 0, values[by_code], False)
        if release is not None:
            invalid[rows] = ~np.asarray(CodeSet.on(day).billable_mask(written), dtype=np.bool_)
    return flags, invalid


def optional_numbers(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Return a column as floats, NaN where it is empty or not a number."""
    return _numbers(column, float("nan"))
