"""Small deliveries written by hand, for tests that need one exact fault each."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from medcode_ml.codes.identifiers import npi_check_digit
from medcode_ml.contracts.raw import delivered_columns

DAY = "2026-10-05"
NPI = "123456789" + str(npi_check_digit("123456789"))

HOSPITAL = {
    "hospital_id": "H1", "name": "Harbor General", "npi": NPI, "tax_id": "123456789", "taxonomy": "282N00000X",
    "address": "1 Quay St", "city": "Salem", "state": "MA", "zip": "019700000", "hac_exempt": "N",
}  # fmt: skip
CLINICIAN = {"npi": NPI, "last_name": "Doe", "first_name": "Jo", "taxonomy": "207R00000X", "hospital_id": "H1"}
PAYER = {"payer_id": "MCR01", "name": "Medicare", "kind": "medicare", "contract": "medicare_ipps"}


def patient(mrn: str, **other: Any) -> dict[str, Any]:
    """A patient row."""
    return {
        "hospital_id": "H1", "mrn": mrn, "last_name": "Roe", "first_name": "Ann", "birth_date": "1950-02-03",
        "sex": "F", "address": "2 Elm St", "city": "Salem", "state": "MA", "zip": "01970", **other,
    }  # fmt: skip


def stay(number: str, mrn: str, **other: Any) -> dict[str, Any]:
    """An inpatient encounter row that lacks nothing."""
    return {
        "hospital_id": "H1", "encounter_number": number, "mrn": mrn, "setting": "inpatient",
        "admission_date": "2026-09-28", "admission_hour": "10", "discharge_date": "2026-10-02", "discharge_hour": "12",
        "admission_type": "1", "admission_source": "1", "discharge_status": "01", "service": "MED",
        "attending_npi": NPI, "payer_id": "MCR01", "member_id": "1EG4TE5MK73", "admitting_code": "R05.9", **other,
    }  # fmt: skip


def note(record: str, number: str, text: str | None, **other: Any) -> dict[str, Any]:
    """A document row with electronic text."""
    return {
        "hospital_id": "H1", "record_id": record, "encounter_number": number, "document_type": "discharge_summary",
        "written_date": "2026-10-02", "text": text, **other,
    }  # fmt: skip


def charge(number: str, line: int, amount: str = "1200.00", **other: Any) -> dict[str, Any]:
    """A room charge row."""
    return {
        "hospital_id": "H1", "encounter_number": number, "line_number": str(line), "revenue_code": "0120",
        "units": "4", "charge": amount, "service_date": "2026-09-28", **other,
    }  # fmt: skip


def write(root: Path, day: str = DAY, **tables: list[dict[str, Any]]) -> Path:
    """Write tables as one day of a delivery; hospital, clinician and payer are there unless given. Returns the day."""
    folder = root / day
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    for name, rows in {"hospital": [HOSPITAL], "clinician": [CLINICIAN], "payer": [PAYER], **tables}.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, delivered_columns(name), restval="")
            writer.writeheader()
            writer.writerows(rows)
    return folder
