"""A case to price: an MS-DRG at a hospital. Checks of one, and the frame that many of them make.

The mix of a hospital is all of its cases in the same frame. Where some of them carry the amounts that were found
(`KNOWN`), those inform its other cases; no case is ever priced by its own amounts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TEXTS: Final = ("provider_name", "city", "state", "zip", "referral_region")
CHARGES, PAYMENTS = "charges", "payments"
TARGETS: Final = (CHARGES, PAYMENTS)
KNOWN: Final = {CHARGES: "aveCharges", PAYMENTS: "avePayments"}
"""Keys of the amounts that were found, as the CMS files write them."""
COLUMNS: Final = ("drg", "provider_id", *TEXTS, "total_discharges", *KNOWN.values())
USUAL_DISCHARGES: Final = 27.0
"""Taken where a case does not say how many it stands for: the median of a hospital and DRG in the FY2011 file."""
_CCN: Final = 6
_ZIP: Final = 5


class AmountCaseError(ValueError):
    """A case cannot be priced or learned from; the message says what is wrong with it."""


@dataclass(frozen=True)
class AmountCases:
    """Cases as arrays: `n` cases of `p` providers.

    Attributes:
        drg: object (n,), three digits.
        provider: int (n,), place among `providers`.
        discharges: float (n,).
        amounts: by target, float (n,), US dollars; NaN where not known.
        providers: a frame of `p` rows: provider_id and `TEXTS`, missing text "".
    """

    drg: npt.NDArray[np.object_]
    provider: Ints
    discharges: Floats
    amounts: Mapping[str, Floats]
    providers: pd.DataFrame

    def __len__(self) -> int:
        """How many cases."""
        return len(self.drg)

    def of(self, rows: npt.NDArray[Any]) -> AmountCases:
        """The cases of `rows` (a mask or places), with the providers that are left."""
        kept, provider = np.unique(self.provider[rows], return_inverse=True)
        return AmountCases(
            self.drg[rows], provider.astype(np.int64), self.discharges[rows],
            {name: values[rows] for name, values in self.amounts.items()},
            self.providers.iloc[kept].reset_index(drop=True),
        )  # fmt: skip


def checked(record: Mapping[str, Any]) -> dict[str, Any]:
    """The case of a line, by `COLUMNS`, typed.

    Raises:
        AmountCaseError: a key that is needed is missing, or a value is not what it should be.
    """
    amounts = {key: _amount(record.get(key), key) for key in KNOWN.values()}
    return {
        "drg": drg_number(record.get("drg")),
        "provider_id": provider_number(record.get("provider_id")),
        **{key: _text(record.get(key), key) for key in TEXTS},
        "total_discharges": _amount(record.get("total_discharges"), "total_discharges"),
        **amounts,
    }


def frame_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The frame of checked cases, by `COLUMNS`, missing values None."""
    return pd.DataFrame([[record[name] for name in COLUMNS] for record in records], columns=list(COLUMNS), dtype=object)


def cases_of(frame: pd.DataFrame) -> AmountCases:
    """The cases of a frame with `drg` and `provider_id`, and what else of `COLUMNS` is known.

    A provider's texts are the first that any of its rows gives.

    Raises:
        AmountCaseError: a column that is needed is missing, or a value of one cannot be read.
    """
    for name in ("drg", "provider_id"):
        if name not in frame.columns:
            raise AmountCaseError(f"the cases have no column {name}; give {', '.join(COLUMNS[:2])} and what is known")
    number = {value: provider_number(value) for value in frame["provider_id"].unique()}
    ids = frame["provider_id"].map(number).to_numpy(dtype=object)
    names, provider = np.unique(ids.astype(str), return_inverse=True)
    providers = pd.DataFrame({"provider_id": names})
    for name in TEXTS:
        if name not in frame.columns:
            providers[name] = ""
            continue
        given = pd.Series(frame[name].to_numpy(dtype=object)).where(lambda v: v.notna() & (v != ""))
        own = given.groupby(provider).first().reindex(range(len(names)))
        providers[name] = [_text(v, name) or "" for v in own.where(own.notna(), None)]
    drgs = {value: drg_number(value) for value in frame["drg"].unique()}
    return AmountCases(
        frame["drg"].map(drgs).to_numpy(dtype=object),
        provider.astype(np.int64),
        np.nan_to_num(_numbers(frame, "total_discharges"), nan=USUAL_DISCHARGES),
        {target: _numbers(frame, key) for target, key in KNOWN.items()},
        providers,
    )


def drg_number(value: object) -> str:
    """An MS-DRG as three digits.

    Raises:
        AmountCaseError: it is none.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or not text.isascii() or len(text) > 3:
        raise AmountCaseError('drg is missing or no MS-DRG; give its number such as "291"')
    return text.zfill(3)


def provider_number(value: object) -> str:
    """A provider's identifier; a number of up to six digits is a CMS certification number, filled up with zeros.

    Raises:
        AmountCaseError: there is none.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip() if isinstance(value, str | int | np.integer) and not isinstance(value, bool) else ""
    if not text:
        raise AmountCaseError("provider_id is missing; give the hospital's CMS certification number or your own")
    return text.zfill(_CCN) if text.isdecimal() and len(text) <= _CCN else text


def _text(value: object, name: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | np.integer):
        raise AmountCaseError(f"{name} is no text")
    text = str(value).strip()
    if name == "zip":
        digits = text.split("-")[0]
        # a spreadsheet drops the zeros in front
        return digits.zfill(_ZIP)[:_ZIP] if digits.isdecimal() else (text or None)
    return text or None


def _amount(value: object, name: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float("nan") if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if not math.isfinite(number) or number <= 0:
        raise AmountCaseError(f"{name} is no number above 0; leave it out where it is not known")
    return number


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    try:
        values = pd.to_numeric(frame[name]).to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise AmountCaseError(f"the column {name} holds something that is no number") from None
    if (values <= 0).any() or np.isinf(values).any():
        raise AmountCaseError(f"the column {name} holds something that is no number above 0")
    return values
