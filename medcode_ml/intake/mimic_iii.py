"""The MIMIC-III layout read as one delivery, also where a spreadsheet rewrote its dates.

Files saved from a spreadsheet carry dates as 10/23/64 21:09. The century is found from what the year must agree with:
the stay's own timestamps in ICUSTAYS or SERVICES where those kept four digits, else the 2100s in which MIMIC-III
plays; a birth lies before the first admission, a death on or after the last. Admission types and places become UB-04
codes by the tables below; a word they do not name stays missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

import pandas as pd

from medcode_ml.intake.mimic import (
    HCPCS_LINES_AFTER,
    HOSPITAL_ID,
    MimicSource,
    Stays,
    Step,
    encounter_frame,
    hcpcs_system,
    in_stay,
    medication_rows,
    microbiology_rows,
    numbered,
    rebased,
    service_rows,
    text_column,
    unit_stay_rows,
)

_TOUCHED: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2})(?: (\d{1,2}):(\d{2})(?::\d{2})?)?", re.ASCII)
_USUAL_CENTURY: Final = 2100
_POOLED_AGE: Final = 91
"""Age at the first admission given to patients over 89, as MIMIC-IV pools them; MIMIC-III makes them about 300."""
_OLDEST_REAL_AGE: Final = 200

ADMISSION_TYPES: Final = {"EMERGENCY": "1", "URGENT": "2", "ELECTIVE": "3", "NEWBORN": "4"}
#: Form locator 15; the emergency room has no code since July 2010: 9, not available.
ADMISSION_SOURCES: Final = {
    "CLINIC REFERRAL/PREMATURE": "2",
    "PHYS REFERRAL/NORMAL DELI": "2",
    "TRANSFER FROM HOSP/EXTRAM": "4",
    "TRANSFER FROM SKILLED NUR": "5",
    "TRANSFER FROM OTHER HEALT": "6",
    "TRSF WITHIN THIS FACILITY": "D",
    "EMERGENCY ROOM ADMIT": "9",
    "** INFO NOT AVAILABLE **": "9",
}
#: Form locator 17. Home with an intravenous provider (08) was withdrawn in 2005 and counts as home.
DISCHARGE_STATUSES: Final = {
    "HOME": "01",
    "HOME WITH HOME IV PROVIDR": "01",
    "SHORT TERM HOSPITAL": "02",
    "SNF": "03",
    "ICF": "04",
    "DISC-TRAN CANCER/CHLDRN H": "05",
    "HOME HEALTH CARE": "06",
    "LEFT AGAINST MEDICAL ADVI": "07",
    "DEAD/EXPIRED": "20",
    "DISC-TRAN TO FEDERAL HC": "43",
    "HOSPICE-HOME": "50",
    "HOSPICE-MEDICAL FACILITY": "51",
    "REHAB/DISTINCT PART HOSP": "62",
    "LONG TERM CARE HOSPITAL": "63",
    "SNF-MEDICAID ONLY CERTIF": "64",
    "DISCH-TRAN TO PSYCH HOSP": "65",
    "OTHER FACILITY": "70",
}
DOCUMENT_TYPES: Final = {
    "discharge summary": "discharge_summary",
    "radiology": "radiology_report",
    "physician": "progress_note",
    "general": "progress_note",
    "nursing": "nursing_note",
    "nursing/other": "nursing_note",
    "consult": "consultation",
}


def touched_date(value: str | None, *, near: int | None = None) -> str | None:
    """ISO text of a date a spreadsheet rewrote, in the century whose year lies nearest to `near` (default: 2100s).

    Anything else, ISO text included, is returned as delivered.
    """
    parts = _TOUCHED.fullmatch(value) if value else None
    if parts is None or value is None:
        return value
    month, day, short = (int(part) for part in parts.groups()[:3])
    year = _USUAL_CENTURY + short
    if near is not None:
        year = min((century + short for century in range(1700, 2400, 100)), key=lambda one: abs(one - near))
    try:
        iso = date(year, month, day).isoformat()
    except ValueError:
        return value
    return f"{iso} {int(parts[4]):02d}:{parts[5]}:00" if parts[4] else iso


def _on_or_after(value: str | None, first: str | None) -> str | None:
    """ISO text of a rewritten date that cannot lie before the day of `first` (ISO)."""
    if value is None or first is None or not _TOUCHED.fullmatch(value) or not first[:4].isdecimal():
        return touched_date(value)
    found = touched_date(value, near=int(first[:4]) + 49)
    while found is not None and found[:10] < first[:10] and found[:4].isdecimal():
        later = touched_date(value, near=int(found[:4]) + 100)
        if later == found:
            break
        found = later
    return found


def _birth(value: str | None, first_admission: str | None, newborn: bool) -> str | None:
    """Birth date as ISO text, the latest one not after the first admission; ages over 89 become `_POOLED_AGE`.

    A rewritten birth date of the year of admission is a newborn's, or that of someone over 89 whose birth was moved
    300 years back: only newborns are admitted as such.
    """
    if value is None or first_admission is None or not first_admission[:4].isdecimal():
        return touched_date(value)
    admitted = int(first_admission[:4])
    born = touched_date(value, near=admitted - 49)
    if born is not None and _TOUCHED.fullmatch(value) and born[:10] > first_admission[:10]:
        born = touched_date(value, near=int(born[:4]) - 100)
    if born is None or not born[:4].isdecimal():
        return born
    age = admitted - int(born[:4])
    rewritten_pooled = _TOUCHED.fullmatch(value) is not None and age in (0, 100) and not newborn
    return rebased(first_admission, _POOLED_AGE) if rewritten_pooled or age > _OLDEST_REAL_AGE else born


def diagnosis_rows(_: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Diagnoses at their place in the hospital's billing order, all ICD-9."""
    return in_stay(rows, rows["seq_num"].tolist(), code=rows["icd9_code"], code_system="ICD-9-CM")


def procedure_rows(_: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """ICD-9 procedures at their place; MIMIC-III does not date them."""
    return in_stay(rows, rows["seq_num"].tolist(), code=rows["icd9_code"], code_system="ICD-9-PCS")


def cpt_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """CPT events by day and ticket, numbered from 1001 so that they never share a line with the ICD-9 procedures."""
    lines = [str(HCPCS_LINES_AFTER + int(place)) for place in numbered(rows, ["chartdate", "ticket_id_seq"])]
    systems = [hcpcs_system(code) for code in rows["cpt_cd"]]
    return in_stay(rows, lines, code=rows["cpt_cd"], code_system=systems, procedure_date=stays.moved(rows, "chartdate"))


def note_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Notes as electronic documents."""
    kinds = [DOCUMENT_TYPES.get(kind.strip().lower(), "other") if kind else "other" for kind in rows["category"]]
    return pd.DataFrame(
        {
            "hospital_id": HOSPITAL_ID,
            "record_id": rows["row_id"],
            "encounter_number": rows["hadm_id"],
            "mrn": rows["subject_id"],
            "document_type": kinds,
            "written_date": stays.moved(rows, "chartdate"),
            "text": rows["text"],
            "source_line": rows["source_line"],
        },
        dtype=object,
    )


def prescription_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Prescriptions."""
    return medication_rows(stays, rows, "startdate")


_ICD: Final = ("subject_id", "hadm_id", "seq_num", "icd9_code")
_NOTE: Final = ("row_id", "subject_id", "hadm_id", "chartdate", "category", "text")


class MimicIIISource(MimicSource):
    """MIMIC-III, all of it received on one day."""

    name = "mimic-iii"
    patient_columns = ("subject_id", "gender", "dob")
    steps = (
        Step("scanned_record", "noteevents", _NOTE, note_rows),
        Step("procedure", "procedures_icd", _ICD, procedure_rows),
        Step("procedure", "cptevents", ("subject_id", "hadm_id", "cpt_cd"), cpt_rows),
        Step("diagnosis", "diagnoses_icd", _ICD, diagnosis_rows),
        Step("medication", "prescriptions", ("subject_id", "hadm_id", "startdate", "drug"), prescription_rows),
        Step("microbiology", "microbiologyevents", ("subject_id", "hadm_id", "spec_type_desc"), microbiology_rows),
        Step("unit_stay", "icustays", ("subject_id", "hadm_id", "intime", "first_careunit"), unit_stay_rows),
        Step("service", "services", ("subject_id", "hadm_id", "transfertime", "curr_service"), service_rows),
    )

    def readable_admissions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Admissions with dates as ISO text, rewritten ones in the century of their stay."""
        years = self._stay_years() if rows["admittime"].dropna().str.contains("/", regex=False).any() else {}
        admitted = [
            touched_date(value, near=years.get(stay))
            for stay, value in zip(rows["hadm_id"], rows["admittime"], strict=True)
        ]
        left = [_on_or_after(value, first) for value, first in zip(rows["dischtime"], admitted, strict=True)]
        return rows.assign(
            admittime=pd.Series(admitted, index=rows.index, dtype=object),
            dischtime=pd.Series(left, index=rows.index, dtype=object),
        )

    def patient_rows(self, stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
        """Patients, with the century of birth and death found from their admissions."""
        known = stays.admissions.dropna(subset=["subject_id", "admittime"])
        by_patient = known.groupby("subject_id")
        first, last = by_patient["admittime"].min().to_dict(), by_patient["admittime"].max().to_dict()
        newborns = set(known.loc[known["admission_type"] == "NEWBORN", "subject_id"])
        who = rows["subject_id"].tolist()
        born = [_birth(value, first.get(one), one in newborns) for one, value in zip(who, rows["dob"], strict=True)]
        died = [_on_or_after(v, last.get(one)) for one, v in zip(who, text_column(rows, "dod"), strict=True)]
        dates = pd.DataFrame({"subject_id": who, "born": born, "died": died}, dtype=object)
        return pd.DataFrame(
            {
                "hospital_id": HOSPITAL_ID,
                "mrn": rows["subject_id"],
                "birth_date": stays.moved(dates, "born"),
                "sex": rows["gender"],
                "death_date": stays.deaths(dates, "died"),
                "source_line": rows["source_line"],
            },
            dtype=object,
        )

    def encounter_rows(self, stays: Stays, first_service: Mapping[str, str]) -> pd.DataFrame:
        """Encounters of the admissions; MIMIC-III holds inpatient stays only."""
        return encounter_frame(
            stays,
            first_service,
            setting=lambda _: "inpatient",
            types=ADMISSION_TYPES,
            origins=ADMISSION_SOURCES,
            statuses=DISCHARGE_STATUSES,
        )

    def _stay_years(self) -> dict[str, int]:
        """Four-digit year of the earliest timestamp of each stay in SERVICES and ICUSTAYS."""
        years: dict[str, int] = {}
        for name, column in (("services", "transfertime"), ("icustays", "intime")):
            path = self._find(name)
            rows = self._read(path, ("hadm_id", column))[1].rows if path else pd.DataFrame()
            if not len(rows):
                continue
            times = rows[["hadm_id", column]].dropna()
            times = times[times[column].str.match(r"\d{4}-")]
            years |= {str(stay): int(when[:4]) for stay, when in times.groupby("hadm_id")[column].min().items()}
        return years
