"""The MIMIC-IV and MIMIC-IV-Note layouts: one discharge summary a stay with its ICD-10-CM diagnoses.

Read as Edin et al. 2023 (Automated medical coding on MIMIC-III and MIMIC-IV) prepared them: notes that belong to a
stay, one note a stay, ICD-10 only. Their published split, a file of stay and split, is used when it stands beside the
data. Unlike theirs, procedures are left out (another code set) and rare codes are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd
from tqdm import tqdm

from medcode_ml.codes.release import FIRST_DAY, LAST_DAY
from medcode_ml.coding.labelled.lines import SPLITS, Found
from medcode_ml.coding.labelled.note import DEV, TEST, TRAIN, LabelledNote, written_codes
from medcode_ml.coding.labelled.splitting import split_by_patient_and_time
from medcode_ml.models.labelled_files import LabelledSourceError, Rejected, one_file, table_chunks, table_file

SPLIT_FILES: Final = tuple(f"mimiciv_icd10_split.{kind}" for kind in ("feather", "parquet", "csv"))
TEST_SHARE: Final = 0.15
DEV_SHARE: Final = 0.1
SEED: Final = 20230401
_OUTPATIENT: Final = frozenset({"EU OBSERVATION", "DIRECT OBSERVATION", "AMBULATORY OBSERVATION"})
_YEARS: Final = re.compile(r"(\d{4})\s*-\s*(\d{4})")


@dataclass(frozen=True, slots=True)
class Files:
    """Where the files of the layout lie; the last three may be absent."""

    discharge: Path
    diagnoses: Path
    admissions: Path | None
    patients: Path | None
    split: Path | None


def find(folder: Path) -> Files | None:
    """The files of the layout at or below `folder`; None where the notes or the diagnoses are absent.

    Raises:
        LabelledSourceError: a file is there in two places.
    """
    discharge, diagnoses = table_file(folder, "discharge"), table_file(folder, "diagnoses_icd")
    if discharge is None or diagnoses is None:
        return None
    split = one_file(folder, SPLIT_FILES)
    return Files(discharge, diagnoses, table_file(folder, "admissions"), table_file(folder, "patients"), split)


def read(files: Files, *, progress: bool = False) -> Found:
    """Read every stay with a discharge summary and ICD-10-CM diagnoses, in the order of the notes.

    Raises:
        LabelledSourceError: a file lacks a column or cannot be read.
    """
    found = Found()
    codes = _diagnoses(files.diagnoses)
    facts = _stays(files, found)
    notes = _notes(files.discharge, codes, found, progress)
    for note in notes:
        written, not_codes = written_codes(codes[note["hadm_id"]])
        found.codes_rejected += not_codes
        day, setting = facts.get(note["hadm_id"], (None, "inpatient"))
        found.notes.append(
            LabelledNote(
                record_id=note["hadm_id"],
                text=note["text"],
                codes=written,
                setting=setting,
                discharge_date=day,
                patient_id=note["subject_id"],
                document_type="discharge_summary",
            )
        )
    found.notes = _with_splits(found.notes, files.split, found)
    return found


def _notes(path: Path, codes: dict[str, list[str]], found: Found, progress: bool) -> Iterator[dict[str, str]]:
    """One note a stay, the last by its number where there are several."""
    wanted = ("note_id", "subject_id", "hadm_id", "text")
    best: dict[str, tuple[int, dict[str, str]]] = {}
    apart: dict[str, int] = {}
    row_number = 0
    with tqdm(desc="discharge summaries", unit="note", disable=not progress) as bar:
        for chunk in table_chunks(path, wanted):
            bar.update(len(chunk))
            has_order = "note_seq" in chunk
            for row in chunk.to_dict("records"):
                row_number += 1
                stay, text = row["hadm_id"], row["text"]
                if not isinstance(stay, str) or not stay:
                    apart["belong to no stay"] = apart.get("belong to no stay", 0) + 1
                elif stay not in codes:
                    apart["belong to a stay without ICD-10-CM diagnoses"] = (
                        apart.get("belong to a stay without ICD-10-CM diagnoses", 0) + 1
                    )
                elif not isinstance(text, str) or not text.strip():
                    found.rejected.append(Rejected(f"{path.name} row {row_number}", "its text is empty"))
                else:
                    order = int(row["note_seq"]) if has_order and str(row["note_seq"]).isdecimal() else row_number
                    if stay in best:
                        apart["are earlier notes of a stay"] = apart.get("are earlier notes of a stay", 0) + 1
                    if stay not in best or order > best[stay][0]:
                        best[stay] = (order, {"hadm_id": stay, "subject_id": row["subject_id"], "text": text})
    found.remarks += [f"{count} discharge summaries left out: they {why}" for why, count in sorted(apart.items())]
    return (note for _, note in best.values())


def _diagnoses(path: Path) -> dict[str, list[str]]:
    """ICD-10-CM codes of each stay, in billing order."""
    wanted = ("hadm_id", "seq_num", "icd_code", "icd_version")
    frame = pd.concat([c[list(wanted)] for c in table_chunks(path, wanted, rows=1_000_000)], ignore_index=True)
    frame = frame[(frame["icd_version"].str.strip() == "10") & frame["icd_code"].notna() & frame["hadm_id"].notna()]
    frame = frame.assign(seq_num=pd.to_numeric(frame["seq_num"], errors="coerce")).sort_values(
        ["hadm_id", "seq_num"], kind="stable"
    )
    codes: dict[str, list[str]] = {}
    for stay, code in zip(frame["hadm_id"], frame["icd_code"], strict=True):
        codes.setdefault(stay, []).append(code)
    return codes


def _stays(files: Files, found: Found) -> dict[str, tuple[date | None, str]]:
    """Discharge date, as near as it can be told, and setting of each stay.

    Dates are shifted into the future by patient; `patients` tells the three years that the anchor year stands for, and
    their middle is taken. No stay coded in ICD-10 ended before its first day.
    """
    if files.admissions is None:
        found.remarks.append("no admissions file: stays have no discharge date and count as inpatient")
        return {}
    shifts: dict[str, int] = {}
    if files.patients is not None:
        for chunk in table_chunks(files.patients, ("subject_id", "anchor_year", "anchor_year_group")):
            for row in chunk.to_dict("records"):
                years = _YEARS.fullmatch(str(row["anchor_year_group"]).strip())
                if years and str(row["anchor_year"]).isdecimal():
                    middle = (int(years[1]) + int(years[2])) // 2
                    shifts[row["subject_id"]] = int(row["anchor_year"]) - middle
    else:
        found.remarks.append("no patients file: the years of the stays cannot be told, so they have no discharge date")
    stays: dict[str, tuple[date | None, str]] = {}
    for chunk in table_chunks(files.admissions, ("subject_id", "hadm_id", "dischtime", "admission_type")):
        for row in chunk.to_dict("records"):
            setting = "outpatient" if row["admission_type"] in _OUTPATIENT else "inpatient"
            shift = shifts.get(row["subject_id"])
            day = _day(row["dischtime"], shift) if shift is not None else None
            stays[row["hadm_id"]] = (day, setting)
    return stays


def _day(stamp: Any, years_back: int) -> date | None:
    try:
        shifted = date.fromisoformat(str(stamp)[:10])
    except ValueError:
        return None
    year = shifted.year - years_back
    # 29 February exists only in leap years
    day = date(year, shifted.month, min(shifted.day, 28) if shifted.month == 2 else shifted.day)
    return min(max(day, FIRST_DAY), LAST_DAY)


def _with_splits(notes: Sequence[LabelledNote], path: Path | None, found: Found) -> list[LabelledNote]:
    if path is not None:
        of = _published(path)
        missing = sum(n.record_id not in of for n in notes)
        found.remarks.append(f"split: the published one, {path.name}; {missing} stays stand in none of its parts")
        return [replace(n, split=of.get(n.record_id)) for n in notes]
    rest, test = split_by_patient_and_time(notes, TEST_SHARE, SEED)
    train, dev = split_by_patient_and_time(rest, DEV_SHARE / (1 - TEST_SHARE), SEED) if rest else ((), ())
    found.remarks.append(
        f"split: made here by patient and time, since no {SPLIT_FILES[0]} stands beside the data; figures cannot be "
        "compared with those of the published split"
    )
    of = {n.record_id: name for name, part in ((TRAIN, train), (DEV, dev), (TEST, test)) for n in part}
    return [replace(n, split=of[n.record_id]) for n in notes]


def _published(path: Path) -> dict[str, str]:
    try:
        if path.suffix == ".feather":
            frame = pd.read_feather(path)
        elif path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise LabelledSourceError(f"{path}: cannot be read ({type(error).__name__}); is it complete?") from error
    if not {"_id", "split"} <= set(frame.columns):
        raise LabelledSourceError(f"{path}: it lacks a column of _id, split")
    unknown = sorted(set(frame["split"].astype(str)) - set(SPLITS))
    if unknown:
        raise LabelledSourceError(f"{path}: it names splits other than {', '.join(SPLITS)}")
    # a feather made by pandas may hold the stay as a number, even as one with a decimal point
    stays = frame["_id"].astype(str).str.removesuffix(".0")
    return dict(zip(stays, frame["split"].astype(str).map(SPLITS), strict=True))
