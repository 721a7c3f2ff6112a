"""The MIMIC-IV layout (hosp, icu and note modules, or their files in one folder) read as one delivery.

Admission types and places become UB-04 codes by the tables below; a word they do not name stays missing.
"""

from __future__ import annotations

from collections.abc import Mapping
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

#: Form locator 14. Observation stays carry no inpatient priority, except those that began as an emergency.
ADMISSION_TYPES: Final = {
    "EW EMER.": "1",
    "DIRECT EMER.": "1",
    "EU OBSERVATION": "1",
    "URGENT": "2",
    "ELECTIVE": "3",
    "SURGICAL SAME DAY ADMISSION": "3",
}
#: Observation is outpatient care; "OBSERVATION ADMIT" went on to an inpatient stay.
OUTPATIENT_TYPES: Final = frozenset({"EU OBSERVATION", "DIRECT OBSERVATION", "AMBULATORY OBSERVATION"})
#: Form locator 15. The emergency room is no point of origin since July 2010, and where the patient came from before it
#: is not recorded: code 9, not available.
ADMISSION_SOURCES: Final = {
    "WALK-IN/SELF REFERRAL": "1",
    "CLINIC REFERRAL": "2",
    "PHYSICIAN REFERRAL": "2",
    "TRANSFER FROM HOSPITAL": "4",
    "TRANSFER FROM SKILLED NURSING FACILITY": "5",
    "INFORMATION NOT AVAILABLE": "9",
    "EMERGENCY ROOM": "9",
    "INTERNAL TRANSFER TO OR FROM PSYCH": "D",
    "AMBULATORY SURGERY TRANSFER": "E",
}
#: Form locator 17. "HOSPICE" does not say whether at home (50) or in a facility (51) and stays missing.
DISCHARGE_STATUSES: Final = {
    "HOME": "01",
    "ASSISTED LIVING": "01",
    "ACUTE HOSPITAL": "02",
    "SKILLED NURSING FACILITY": "03",
    "HOME HEALTH CARE": "06",
    "AGAINST ADVICE": "07",
    "DIED": "20",
    "REHAB": "62",
    "CHRONIC/LONG TERM ACUTE CARE": "63",
    "PSYCH FACILITY": "65",
    "HEALTHCARE FACILITY": "70",
    "OTHER FACILITY": "70",
}
_CM: Final = {"9": "ICD-9-CM", "10": "ICD-10-CM"}
_PCS: Final = {"9": "ICD-9-PCS", "10": "ICD-10-PCS"}


def diagnosis_rows(_: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Diagnoses at their place in the hospital's billing order."""
    systems = [_CM.get(version) for version in rows["icd_version"]]
    return in_stay(rows, rows["seq_num"].tolist(), code=rows["icd_code"], code_system=systems)


def procedure_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """ICD procedures at their place in the hospital's order."""
    systems = [_PCS.get(version) for version in rows["icd_version"]]
    days = stays.moved(rows, "chartdate")
    return in_stay(rows, rows["seq_num"].tolist(), code=rows["icd_code"], code_system=systems, procedure_date=days)


def hcpcs_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """HCPCS events by day, numbered from 1001 so that they never share a line with the ICD procedures of the stay."""
    lines = [str(HCPCS_LINES_AFTER + int(place)) for place in numbered(rows, ["chartdate", "seq_num"])]
    systems = [hcpcs_system(code) for code in rows["hcpcs_cd"]]
    days = stays.moved(rows, "chartdate")
    return in_stay(rows, lines, code=rows["hcpcs_cd"], code_system=systems, procedure_date=days)


def note_rows(document_type: str, stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Notes of one file as electronic documents."""
    return pd.DataFrame(
        {
            "hospital_id": HOSPITAL_ID,
            "record_id": rows["note_id"],
            "encounter_number": rows["hadm_id"],
            "mrn": rows["subject_id"],
            "document_type": document_type,
            "written_date": stays.moved(rows, "charttime"),
            "text": rows["text"],
            "source_line": rows["source_line"],
        },
        dtype=object,
    )


def discharge_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Discharge summaries."""
    return note_rows("discharge_summary", stays, rows)


def radiology_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Radiology reports."""
    return note_rows("radiology_report", stays, rows)


def prescription_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Prescriptions."""
    return medication_rows(stays, rows, "starttime")


_NOTE: Final = ("note_id", "subject_id", "hadm_id", "text")
_ICD: Final = ("subject_id", "hadm_id", "seq_num", "icd_code", "icd_version")


class MimicIVSource(MimicSource):
    """MIMIC-IV, all of it received on one day."""

    name = "mimic-iv"
    patient_columns = ("subject_id", "gender", "anchor_age", "anchor_year")
    steps = (
        Step("scanned_record", "discharge", _NOTE, discharge_rows),
        Step("scanned_record", "radiology", _NOTE, radiology_rows),
        Step("procedure", "procedures_icd", _ICD, procedure_rows),
        Step("procedure", "hcpcsevents", ("subject_id", "hadm_id", "hcpcs_cd"), hcpcs_rows),
        Step("diagnosis", "diagnoses_icd", _ICD, diagnosis_rows),
        Step("medication", "prescriptions", ("subject_id", "hadm_id", "starttime", "drug"), prescription_rows),
        Step("microbiology", "microbiologyevents", ("subject_id", "hadm_id", "spec_type_desc"), microbiology_rows),
        Step("unit_stay", "icustays", ("subject_id", "hadm_id", "intime", "first_careunit"), unit_stay_rows),
        Step("service", "services", ("subject_id", "hadm_id", "transfertime", "curr_service"), service_rows),
    )

    def patient_rows(self, stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
        """Patients. MIMIC-IV gives an age in a year, no birth date: 1 January stands in for it.

        With that day the age on any later day is the layout's own reckoning, anchor age plus years since the anchor
        year. Ages over 89 are pooled there as 91.
        """
        born = [
            rebased(f"{int(year) - int(age):04d}-01-01", stays.years.get(who, 0))
            if year and age and year.isdecimal() and age.isdecimal()
            else None
            for who, year, age in zip(rows["subject_id"], rows["anchor_year"], rows["anchor_age"], strict=True)
        ]
        return pd.DataFrame(
            {
                "hospital_id": HOSPITAL_ID,
                "mrn": rows["subject_id"],
                "birth_date": born,
                "sex": text_column(rows, "gender"),
                "death_date": stays.deaths(rows, "dod"),
                "source_line": rows["source_line"],
            },
            dtype=object,
        )

    def encounter_rows(self, stays: Stays, first_service: Mapping[str, str]) -> pd.DataFrame:
        """Encounters of the admissions."""
        return encounter_frame(
            stays,
            first_service,
            setting=lambda kind: None if kind is None else "outpatient" if kind in OUTPATIENT_TYPES else "inpatient",
            types=ADMISSION_TYPES,
            origins=ADMISSION_SOURCES,
            statuses=DISCHARGE_STATUSES,
        )
