"""The columns a rule may name, with their types, and fast reading of them: each is turned into numbers once a batch."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from medcode_ml.codes.release import NoReleaseError, Release, release_on
from medcode_ml.contracts import mapped

Kind = Literal["text", "date", "number", "list"]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

#: records that rules look at, in the order they are filtered
RECORDS = (
    "patient", "encounter", "document", "diagnosis", "procedure", "charge", "medication", "microbiology",
    "observation", "unit_stay", "service",
)  # fmt: skip
_STAY: dict[str, Kind] = {
    "admission_date": "date", "discharge_date": "date", "hospital_id": "text", "setting": "text",
    "patient_birth_date": "date", "patient_death_date": "date",
}  # fmt: skip
#: columns that a record gets from its patient, stay, hospital, clinician or payer before rules are asked
CONTEXT: dict[str, dict[str, Kind]] = {
    "patient": {},
    "encounter": {
        "patient_birth_date": "date", "patient_death_date": "date", "patient_sex": "text",
        "person_death_date": "date",
        "payer_kind": "text", "payer_effective_from": "date", "payer_effective_to": "date",
        "attending_registry_status": "text", "attending_taxonomy": "text",
        "attending_effective_from": "date", "attending_effective_to": "date",
        "hospital_npi": "text", "hospital_tax_id": "text", "hospital_taxonomy": "text", "hospital_state": "text",
        "hospital_zip": "text",
    },
    **dict.fromkeys(RECORDS[2:], _STAY),
}  # fmt: skip
_EPOCH = date(1970, 1, 1).toordinal()


class MissingContextError(ValueError):
    """A frame lacks a column that a rule asks."""


@cache
def columns_of(record: str) -> dict[str, Kind]:
    """The columns a rule over `record` may name: those of its mapped table, and its context."""
    own: dict[str, Kind] = {}
    for column in getattr(mapped, record).columns:
        if column.name in ("repairs", "unreadable"):
            continue
        own[column.name] = _kind(column.type)
    return own | CONTEXT[record]


def _kind(type_: sa.types.TypeEngine[Any]) -> Kind:
    if isinstance(type_, sa.Date):
        return "date"
    if isinstance(type_, JSONB):
        return "list"
    return "text" if isinstance(type_, sa.Text) else "number"


class Batch:
    """A frame of one kind of record as rules read it; every column is converted at most once.

    Dates become days since 1970 and numbers become floats, missing ones NaN; texts become places in their list of
    different values, -1 where missing, so that a check looks at each different value once.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._numbers: dict[str, Numbers] = {}
        self._different: dict[str, tuple[npt.NDArray[np.intp], npt.NDArray[np.object_]]] = {}

    @staticmethod
    def of(frame: pd.DataFrame | Batch) -> Batch:
        """`frame` itself where it is a batch already."""
        return frame if isinstance(frame, Batch) else Batch(frame)

    def __len__(self) -> int:
        return len(self.frame)

    def series(self, mask: Mask) -> pd.Series:
        """`mask` as a column of the frame."""
        return pd.Series(mask, index=self.frame.index, dtype=bool)

    def column(self, name: str) -> pd.Series:
        """The column as it stands.

        Raises:
            MissingContextError: the frame does not have it.
        """
        if name not in self.frame.columns:
            raise MissingContextError(
                f"the records lack the column {name}, which a rule asks; join it first"
            )
        return self.frame[name]

    def replace(self, name: str, values: pd.Series) -> None:
        """Put other values into a column (a repair)."""
        self.frame[name] = values
        self._numbers.pop(name, None)
        self._different.pop(name, None)

    def different(self, name: str) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.object_]]:
        """Places and different values of a column: `values[places]` is the column where `places` is not -1."""
        if name not in self._different:
            column = self.column(name)
            cells = column.to_numpy(dtype=object)
            at = column.first_valid_index()
            if at is not None and isinstance(column.at[at], list):
                whole, cells = cells, np.empty(len(cells), dtype=object)
                cells[:] = [None if v is None else tuple(v) for v in whole]
            self._different[name] = pd.factorize(cells, use_na_sentinel=True)
        return self._different[name]

    def numbers(self, name: str) -> Numbers:
        """The column as floats: numbers as they are, dates as days since 1970, NaN where missing. Shape (records,)."""
        if name not in self._numbers:
            places, values = self.different(name)
            known = np.array([*(_number(v) for v in values), np.nan], dtype=np.float64)
            self._numbers[name] = known[places]
        return self._numbers[name]

    def each(self, name: str, answers: Mask) -> Mask:
        """Answers about the different values of a column, spread over its records; missing is good."""
        return np.append(answers, True)[self.different(name)[0]]

    def missing(self, name: str) -> Mask:
        """Where the column has no value."""
        return np.asarray(self.different(name)[0] < 0)


def _number(value: Any) -> float:
    if isinstance(value, date):
        return float(value.toordinal() - _EPOCH)
    return float(value)


def release_places(days: pd.Series) -> tuple[npt.NDArray[np.intp], list[Release | None]]:
    """The code set release of each day, as places in a list of releases; -1 where the day is missing (rule 1)."""
    places, different = pd.factorize(days.to_numpy(dtype=object), use_na_sentinel=True)
    found = [_release(day) for day in different]
    listed = list(dict.fromkeys(found))
    at = np.array([*(listed.index(r) for r in found), -1], dtype=np.intp)
    return at[places], listed


def _release(day: date) -> Release | None:
    try:
        return release_on(day)
    except NoReleaseError:
        return None


def parsed(record: str, column: str, text: str) -> Any:
    """Read `text` as a value of the column, as a person writes it.

    Raises:
        ValueError: it is none; the message says how the column is written.
    """
    type_ = getattr(mapped, record).c[column].type
    text = text.strip()
    try:
        if isinstance(type_, sa.Date):
            return date.fromisoformat(text)
        if isinstance(type_, sa.Numeric) and not isinstance(type_, sa.Double):
            return round(_finite(Decimal(text)), 2)
        if isinstance(type_, sa.Integer):
            return int(text)
        if isinstance(type_, sa.Double):
            return float(_finite(Decimal(text)))
    except (ValueError, ArithmeticError):
        raise ValueError(f"{column} is written as {_written(type_)}") from None
    if isinstance(type_, JSONB):
        return [part.strip() for part in text.split("|") if part.strip()]
    if not text:
        raise ValueError(f"{column} is text and cannot be empty")
    return text


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("not a finite number")
    return number


def _written(type_: sa.types.TypeEngine[Any]) -> str:
    if isinstance(type_, sa.Date):
        return "a date, YYYY-MM-DD"
    if isinstance(type_, sa.Integer):
        return "a whole number"
    if isinstance(type_, sa.Double):
        return "a number such as 36.6"
    return "dollars and cents such as 1200.50"
