"""Reads price cases with the amounts that were found: JSON Lines, or the folder layout of the CMS file of FY2011."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from medcode_ml.billing.amounts.cases import KNOWN, AmountCaseError, checked, frame_of
from medcode_ml.models.labelled_files import (
    LabelledSourceError,
    Rejected,
    json_objects,
    line_of,
    table_chunks,
    table_file,
)

CHARGES_TABLE, PROVIDERS_TABLE = "MedicareCharges", "MedicareProviders"
WANTED: Final = (
    f"a .jsonl file (lines of `medcode price` with {', '.join(KNOWN.values())}), or a folder with "
    f"{CHARGES_TABLE}.csv and {PROVIDERS_TABLE}.csv"
)
_FROM_PROVIDERS: Final = {
    "nameprovider": "provider_name",
    "cityprovider": "city",
    "stateprovider": "state",
    "zipprovider": "zip",
    "referralregion": "referral_region",
}
_FROM_CHARGES: Final = {
    "drg": "drg",
    "idprovider": "provider_id",
    "totaldischarges": "total_discharges",
    "avecharges": "aveCharges",
    "avepayments": "avePayments",
}


@dataclass(frozen=True)
class LabelledCases:
    """What a source held.

    Attributes:
        cases: a frame by `cases.COLUMNS`; every row has both amounts.
        rejected: lines or rows that gave no case.
        source: the layout in words.
        remarks: what a reader of the figures should know.
    """

    cases: pd.DataFrame
    rejected: tuple[Rejected, ...]
    source: str
    remarks: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 over the cases: the same data gives the same, whatever their order."""
        cells = ([("" if v is None else str(v)) for v in row] for row in self.cases.itertuples(index=False))
        rows = sorted("\x1f".join(row) for row in cells)
        return hashlib.sha256("\x00".join(rows).encode("utf-8", "surrogatepass")).hexdigest()


def read_cases(path: Path) -> LabelledCases:
    """Read cases whose amounts are known.

    Raises:
        LabelledSourceError: nothing of a known layout is there, or a file of it cannot be read.
    """
    rejected: list[Rejected] = []
    remarks: list[str] = []
    if path.is_dir():
        rows = _folder(path, rejected, remarks)
        source = f"CMS inpatient charges: {path.resolve().name}"
    elif path.is_file() and path.suffix in (".jsonl", ".ndjson", ".json"):
        rows = _lines(path, rejected)
        source = f"JSON Lines: {path.name}"
    else:
        raise LabelledSourceError(f"{path} is {'no known layout' if path.exists() else 'not there'}. Wanted: {WANTED}")
    if not rows:
        first = f"; the first: {rejected[0].where}: {rejected[0].reason}" if rejected else ""
        raise LabelledSourceError(f"{path}: no case with its amounts in it, {len(rejected)} rejected{first}")
    return LabelledCases(frame_of(rows), tuple(rejected), source, tuple(remarks))


def _lines(path: Path, rejected: list[Rejected]) -> list[dict[str, Any]]:
    rows = []
    for number, line in json_objects(path, rejected, "price cases"):
        try:
            rows.append(_whole(line))
        except AmountCaseError as wrong:
            rejected.append(Rejected(line_of(path, number), str(wrong)))
    return rows


def _folder(folder: Path, rejected: list[Rejected], remarks: list[str]) -> list[dict[str, Any]]:
    charges, providers = table_file(folder, CHARGES_TABLE), table_file(folder, PROVIDERS_TABLE)
    if charges is None or providers is None:
        lacking = CHARGES_TABLE if charges is None else PROVIDERS_TABLE
        raise LabelledSourceError(f"{folder} has no {lacking}.csv. Wanted: {WANTED}")
    known: dict[str, dict[str, Any]] = {}
    for chunk in table_chunks(providers, ("idprovider", *_FROM_PROVIDERS)):
        for row in chunk[["idprovider", *_FROM_PROVIDERS]].to_dict("records"):
            known[str(row["idprovider"])] = {to: _given(row[name]) for name, to in _FROM_PROVIDERS.items()}
    rows, without, number = [], set(), 1
    for chunk in table_chunks(charges, tuple(_FROM_CHARGES)):
        for row in chunk[list(_FROM_CHARGES)].to_dict("records"):
            number += 1
            line = {to: _given(row[name]) for name, to in _FROM_CHARGES.items()}
            own = known.get(str(line["provider_id"]))
            if own is None:
                without.add(line["provider_id"])
            try:
                rows.append(_whole({**(own or {}), **line}))
            except AmountCaseError as wrong:
                rejected.append(Rejected(line_of(charges, number), str(wrong)))
    if without:
        remarks.append(f"{len(without)} providers have no row in {providers.name}: only their mix is known")
    return rows


def _whole(line: Mapping[str, Any]) -> dict[str, Any]:
    case = checked(line)
    lacking = [key for key in KNOWN.values() if case[key] is None]
    if lacking:
        raise AmountCaseError(f"{' and '.join(lacking)} missing; give the mean amounts that were found, in US dollars")
    return case


def _given(value: Any) -> Any:
    return None if value is None or value != value else value
