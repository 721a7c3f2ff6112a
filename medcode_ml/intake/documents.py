"""The files of scanned records turned into rows of raw.page: pages read, text files decoded, gates asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from medcode_ml.contracts.ids import record_hash
from medcode_ml.intake.folder import read_text_file
from medcode_ml.intake.gates import gate_pages
from medcode_ml.intake.page_store import PageWork, missing_file
from medcode_ml.intake.pages import file_hash
from medcode_ml.intake.source import DeliveryError, TextDecodeError

UNDECODABLE_TEXT = "undecodable_text"
OUTSIDE_DELIVERY = "outside_delivery"
_TEXT_SUFFIX = ".txt"

PathOf = Callable[[str], Path]


def record_files(records: pd.DataFrame) -> list[tuple[Any, str]]:
    """(record row, file name) of every file that a scanned record names, in order."""
    named = records[records["files"].fillna("").ne("")]  # most records of a text delivery name none
    return [(row, name.strip()) for row in named.itertuples() for name in row.files.split("|") if name.strip()]


def page_paths(records: pd.DataFrame, path_of: PathOf) -> list[Path]:
    """Paths of the page images of `records`, for reading them ahead; names that lead astray are left to the rows."""
    found = []
    for _, name in record_files(records):
        if not name.lower().endswith(_TEXT_SUFFIX):
            try:
                path = path_of(name)
            except DeliveryError:
                continue
            if path.is_file():
                found.append(path)
    return found


def read_document_files(
    records: pd.DataFrame,
    patients: pd.DataFrame,
    encounters: pd.DataFrame,
    path_of: PathOf,
    work: PageWork,
    progress: bool = False,
) -> pd.DataFrame:
    """Return raw.page rows (without received_date) for one day's scanned records; every named file has a row."""
    readings = work.readings(page_paths(records, path_of), progress)
    rows: list[dict[str, Any]] = []
    numbers: dict[tuple[str, str], int] = {}
    for record, name in record_files(records):
        key = (record.hospital_id, record.record_id)
        for page in _pages_of(name, path_of, readings):
            numbers[key] = numbers.get(key, 0) + 1
            rows.append(
                {
                    **page,
                    "page_id": _page_id(record, name, numbers[key]),
                    "source": record.source,
                    "hospital_id": record.hospital_id,
                    "sender_record_id": record.record_id,
                    "record_id": f"{record.hospital_id}\x1f{record.record_id}",
                    "page_number": numbers[key],
                    "file": name,
                    "is_text": name.lower().endswith(_TEXT_SUFFIX),
                }
            )
    columns = [
        "page_id", "source", "hospital_id", "record_id", "page_number", "file", "content_hash", "text", "words",
        "regions", "rotation", "skew", "confidence", "quality", "gate", "gate_reason", "seconds",
    ]  # fmt: skip
    if not rows:
        return pd.DataFrame(columns=columns, dtype=object)
    frame = pd.DataFrame(rows, dtype=object)
    if "regions" not in frame:  # only text files in this delivery
        frame["regions"] = None
    is_text = frame["is_text"].astype(bool)
    gated = pd.concat([_gated(frame[~is_text], records, patients, encounters), frame[is_text]]).sort_index()
    gated["record_id"] = gated["sender_record_id"]
    return gated[columns].astype(object).where(lambda f: f.notna(), None)


def _gated(
    pages: pd.DataFrame, records: pd.DataFrame, patients: pd.DataFrame, encounters: pd.DataFrame
) -> pd.DataFrame:
    if pages.empty:
        return pages
    named = records.assign(record_id=records["hospital_id"] + "\x1f" + records["record_id"])
    named = named.drop_duplicates("record_id")[["record_id", "hospital_id", "encounter_number", "page_count"]]
    who = encounters.drop_duplicates(["hospital_id", "encounter_number"])[["hospital_id", "encounter_number", "mrn"]]
    people = patients.drop_duplicates(["hospital_id", "mrn"])
    people = people[["hospital_id", "mrn", "last_name", "first_name", "birth_date"]]
    filed = who.merge(people, on=["hospital_id", "mrn"], how="left").astype(object)
    return gate_pages(pages, named, filed.where(filed.notna(), None))


def _pages_of(name: str, path_of: PathOf, readings: dict[Path, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    try:
        path = path_of(name)
    except DeliveryError as error:
        return [{**missing_file(), "gate": OUTSIDE_DELIVERY, "gate_reason": f"{error}."}]
    if not path.is_file():
        return [missing_file()]
    if not name.lower().endswith(_TEXT_SUFFIX):
        return readings[path]
    row = {**missing_file(), "content_hash": file_hash(path), "gate": None, "gate_reason": None}
    try:
        return [row | {"text": read_text_file(path)}]
    except TextDecodeError as error:
        return [row | {"gate": UNDECODABLE_TEXT, "gate_reason": f"{error}."}]


def _page_id(record: Any, name: str, number: int) -> str:
    return record_hash(record.source, record.hospital_id, record.record_id, record.copy_number, name, number)
