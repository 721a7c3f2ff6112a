"""The MIMIC-IV and MIMIC-III layouts: stays with their diagnoses in billing order and all that their tables tell.

Days count from the day of admission, 0 first. ICD-9-CM diagnoses are mapped (`icd9.py`). The layouts shift all dates
and tell the true year to three only, so that stays get no discharge date: no code of theirs counts as invalid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from medcode_ml.codes.identifiers import dotted
from medcode_ml.models.labelled_files import LabelledSourceError, Rejected, table_chunks, table_file
from medcode_ml.ranking.labelled import mimic_context
from medcode_ml.ranking.labelled.icd9 import SEED, Reading, orders_of, readings
from medcode_ml.ranking.labelled.lines import Found, msdrg_number, varied
from medcode_ml.ranking.labelled.stay import LabelledStay

_ROWS: Final = 1_000_000
_TABLES: Final = ("admissions", "patients", "diagnoses_icd")
_OPTIONAL: Final = (
    "procedures_icd", "services", "prescriptions", "microbiologyevents", "icustays", "transfers", "drgcodes",
)  # fmt: skip
_LATEST_AGE: Final = 91
"""Ages over 89 are pooled as 91 in MIMIC-IV, and shifted by 300 years in MIMIC-III."""
_MIDDLE_AGE: Final = pd.Timedelta(days=51 * 365)
"""A birthday with a year of two digits is taken to lie within fifty years of it."""
_STATUS: Final = {
    "HOME": 1, "ASSISTED LIVING": 1, "ACUTE HOSPITAL": 2, "SHORT TERM HOSPITAL": 2, "SKILLED NURSING FACILITY": 3,
    "SNF": 3, "ICF": 4, "DISC-TRAN CANCER/CHLDRN H": 5, "HOME HEALTH CARE": 6, "HOME WITH HOME IV PROVIDR": 6,
    "AGAINST ADVICE": 7, "LEFT AGAINST MEDICAL ADVI": 7, "DIED": 20, "DEAD/EXPIRED": 20, "DISC-TRAN TO FEDERAL HC": 43,
    "HOSPICE": 50, "HOSPICE-HOME": 50, "HOSPICE-MEDICAL FACILITY": 51, "REHAB": 62, "REHAB/DISTINCT PART HOSP": 62,
    "CHRONIC/LONG TERM ACUTE CARE": 63, "LONG TERM CARE HOSPITAL": 63, "SNF-MEDICAID ONLY CERTIF": 64,
    "PSYCH FACILITY": 65, "DISCH-TRAN TO PSYCH HOSP": 65, "HEALTHCARE FACILITY": 70, "OTHER FACILITY": 70,
}  # fmt: skip
"""Place of discharge to patient discharge status (form locator 17); "HOSPICE" does not say where and counts as home."""
_DIED: Final = 20


@dataclass(frozen=True, slots=True)
class Files:
    """Where the tables lie, by name in small letters; `third` where they are those of MIMIC-III."""

    tables: dict[str, Path]
    third: bool


def find(folder: Path) -> Files | None:
    """The tables at or below `folder`; None without admissions, patients and diagnoses.

    Raises:
        LabelledSourceError: a table is there in two places, or belongs to no layout that is known.
    """
    found = {name: path for name in (*_TABLES, *_OPTIONAL) if (path := table_file(folder, name)) is not None}
    if not found.keys() >= set(_TABLES):
        return None
    columns = set(next(table_chunks(found["diagnoses_icd"], (), rows=1)).columns)
    if "icd_code" not in columns and "icd9_code" not in columns:
        raise LabelledSourceError(
            f"{found['diagnoses_icd']}: it has neither icd_code and icd_version (MIMIC-IV) nor icd9_code (MIMIC-III)"
        )
    return Files(found, "icd_code" not in columns)


def read(files: Files, *, variants: int = 1, seed: int = SEED) -> Found:
    """Read every stay with diagnoses, in the order of the admissions.

    Raises:
        LabelledSourceError: a table lacks a column or cannot be read.
    """
    found = Found()
    stays = _admissions(files, found)
    diagnoses = _ordered(files, "diagnoses_icd", stays)
    offered = {stay: _offered(rows) for stay, rows in diagnoses.items()}
    context = mimic_context.read(files.tables, stays, files.third)
    drgs = _drgs(files, stays)
    unmapped = mixed = 0
    for stay, facts in stays.to_dict("index").items():
        rows = diagnoses.get(str(stay))
        if not rows:
            found.rejected.append(Rejected(f"stay number {facts['number']} of admissions", "it has no diagnoses"))
            continue
        orders = orders_of(offered[str(stay)])
        if not orders:
            found.rejected.append(Rejected(f"stay number {facts['number']} of admissions", "no code of it has a map"))
            continue
        unmapped += sum(not own for own in offered[str(stay)])
        mixed += any(version == "9" for _, version in rows)
        codes = orders[0]
        record = _record(str(stay), facts, context.get(str(stay), {}), codes)
        labelled = LabelledStay(str(stay), str(facts["subject_id"]), codes, record, drg=drgs.get(str(stay)))
        found.stays += varied(labelled, offered[str(stay)], variants, seed)
    if mixed:
        found.remarks.append(
            f"{mixed} stays were coded in ICD-9-CM: their codes are mapped, {unmapped} of them have no map and are "
            "left out; a mapped code is not always what a coder would have chosen"
        )
    found.remarks.append("stays have no discharge date (the layout shifts it): code sets are not checked by date")
    absent = [name for name in mimic_context.USED if name not in files.tables]
    if absent:
        found.remarks.append(f"tables that are not there: {', '.join(absent)}")
    return found


def _admissions(files: Files, found: Found) -> pd.DataFrame:
    """Facts of each stay, by its number, in the order of the table."""
    wanted = ("subject_id", "hadm_id", "admittime", "dischtime", "admission_type")
    frame = pd.concat(list(table_chunks(files.tables["admissions"], wanted, rows=_ROWS)), ignore_index=True)
    frame["number"] = range(1, len(frame) + 1)
    known = frame["hadm_id"].notna() & frame["subject_id"].notna() & ~frame["hadm_id"].duplicated()
    found.rejected += [
        Rejected(f"stay number {number} of admissions", "it has no hadm_id or subject_id, or stands there twice")
        for number in frame.loc[~known, "number"]
    ]
    frame = frame[known].reset_index(drop=True)
    near = frame["hadm_id"].map(mimic_context.known_times(files.tables)) if files.third else None
    frame["admitted"] = mimic_context.stamps(frame["admittime"], near)
    discharged = mimic_context.stamps(frame["dischtime"], frame["admitted"])
    days = (discharged - frame["admitted"]).dt.total_seconds() / 86_400
    frame["length_of_stay_days"] = [None if pd.isna(d) or d < 0 else round(d, 2) for d in days]
    frame = frame.merge(_patients(files), on="subject_id", how="left")
    frame["age"] = (_completed_years(frame) if files.third else _years_since_anchor(frame)).clip(0, _LATEST_AGE)
    return frame.set_index("hadm_id")


def _patients(files: Files) -> pd.DataFrame:
    """Sex, and what tells the age, of each patient: in MIMIC-IV the age in one year, in MIMIC-III the birthday."""
    wanted = ("subject_id", "gender", *(("dob",) if files.third else ("anchor_age", "anchor_year")))
    chunks = [chunk[list(wanted)] for chunk in table_chunks(files.tables["patients"], wanted, rows=_ROWS)]
    return pd.concat(chunks, ignore_index=True).drop_duplicates("subject_id")


def _years_since_anchor(stays: pd.DataFrame) -> pd.Series[Any]:
    age, year = (pd.to_numeric(stays[name], errors="coerce") for name in ("anchor_age", "anchor_year"))
    return age + stays["admitted"].dt.year - year


def _completed_years(stays: pd.DataFrame) -> pd.Series[Any]:
    admitted = stays["admitted"]
    born = mimic_context.stamps(stays["dob"], admitted - _MIDDLE_AGE)
    before = (admitted.dt.month < born.dt.month) | (
        (admitted.dt.month == born.dt.month) & (admitted.dt.day < born.dt.day)
    )
    return admitted.dt.year - born.dt.year - before.astype(float)


def _ordered(files: Files, table: str, stays: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Codes of each stay with their version ("9" or "10"), in billing order."""
    code = "icd9_code" if files.third else "icd_code"
    wanted = ("hadm_id", "seq_num", code, *(() if files.third else ("icd_version",)))
    frame = pd.concat(
        [c.loc[c["hadm_id"].isin(stays.index), list(wanted)] for c in table_chunks(files.tables[table], wanted, _ROWS)],
        ignore_index=True,
    )
    frame = frame[frame[code].notna()].assign(seq_num=lambda f: pd.to_numeric(f["seq_num"], errors="coerce"))
    frame = frame[frame["seq_num"].notna()].sort_values(["hadm_id", "seq_num"], kind="stable")
    versions = ["9"] * len(frame) if files.third else frame["icd_version"].astype(str).str.strip().tolist()
    rows: dict[str, list[tuple[str, str]]] = {}
    for stay, own, version in zip(frame["hadm_id"], frame[code], versions, strict=True):
        rows.setdefault(str(stay), []).append((str(own).strip().upper(), version))
    return rows


def _offered(rows: Sequence[tuple[str, str]]) -> list[tuple[Reading, ...]]:
    return [readings(code, "diagnosis") if version == "9" else ((dotted(code),),) for code, version in rows]


def _drgs(files: Files, stays: pd.DataFrame) -> dict[str, str]:
    """MS-DRG of each stay. MIMIC-IV calls it HCFA; in MIMIC-III that is the grouper before 2007, MS this one."""
    if "drgcodes" not in files.tables:
        return {}
    wanted = ("hadm_id", "drg_type", "drg_code")
    kind = "MS" if files.third else "HCFA"
    drgs: dict[str, str] = {}
    for chunk in table_chunks(files.tables["drgcodes"], wanted, _ROWS):
        own = chunk[(chunk["drg_type"] == kind) & chunk["hadm_id"].isin(stays.index) & chunk["drg_code"].notna()]
        for stay, drg in zip(own["hadm_id"], own["drg_code"], strict=True):
            try:
                number = msdrg_number(drg)
            except ValueError as wrong:
                raise LabelledSourceError(f"{files.tables['drgcodes']}: {wrong}") from wrong
            if number is not None:
                drgs.setdefault(str(stay), number)
    return drgs


def _record(stay: str, facts: dict[str, Any], context: dict[str, Any], codes: Sequence[str]) -> dict[str, Any]:
    """The stay as `medcode rank` reads it, its codes sorted."""
    place = _word(facts.get("discharge_location"))
    died = str(facts.get("hospital_expire_flag") or "") == "1"
    place = "DIED" if place == "DEAD/EXPIRED" else place
    age, days = facts["age"], facts["length_of_stay_days"]
    return {
        "encounter_id": stay,
        "patient_id": str(facts["subject_id"]),
        "age": None if pd.isna(age) else int(age),
        "sex": _word(facts.get("gender")),
        "admission_type": _word(facts.get("admission_type")),
        "admission_location": _word(facts.get("admission_location")),
        "discharge_location": place,
        "discharge_status": _DIED if died else _STATUS.get(place or ""),
        "insurance": _word(facts.get("insurance")),
        "length_of_stay_days": None if pd.isna(days) else float(days),
        **context,
        "codes": sorted(codes),
    }


def _word(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
