"""The MIMIC layouts: what lands where, dates moved back patient by patient, and what is missing stays missing."""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.codes.identifiers import npi_is_valid
from medcode_ml.contracts.raw import delivered_columns
from medcode_ml.intake.mimic import STAND_IN_NPI, hcpcs_system, rebased, whole_years_back
from medcode_ml.intake.mimic_iii import MimicIIISource
from medcode_ml.intake.mimic_iv import MimicIVSource
from medcode_ml.intake.source import DeliveredFile, DeliveryError, Source

RECEIVED = date(2026, 10, 15)

IV = {
    "hosp/patients.csv": """subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod
1,F,60,2180,2011 - 2013,2184-02-29
2,M,91,2150,2011 - 2013,2152-05-05
""",
    "hosp/admissions.csv": """subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,\
admission_location,discharge_location,insurance,hospital_expire_flag
1,11,2180-02-27 14:38:00,2180-03-04 09:02:00,,EW EMER.,EMERGENCY ROOM,SKILLED NURSING FACILITY,Medicaid,0
1,12,2184-02-20 01:00:00,2184-02-29 20:00:00,2184-02-29 20:00:00,URGENT,TRANSFER FROM HOSPITAL,,Medicare,1
2,21,2150-11-01 07:00:00,2150-11-02 07:00:00,,EU OBSERVATION,PACU,HOSPICE,Other,0
""",
    "hosp/diagnoses_icd.csv": """subject_id,hadm_id,seq_num,icd_code,icd_version
1,11,2,0389,9
1,11,1,99591,9
2,21,1,I5023,10
""",
    "hosp/procedures_icd.csv": """subject_id,hadm_id,seq_num,chartdate,icd_code,icd_version
1,11,1,2180-02-29,5491,9
2,21,1,2150-11-01,02HV33Z,10
""",
    "hosp/hcpcsevents.csv": """subject_id,hadm_id,chartdate,hcpcs_cd,seq_num,short_description
1,11,2180-03-01,99219,10,Hospital
1,11,2180-03-01,G0378,9,Hospital
""",
    "hosp/prescriptions.csv": """subject_id,hadm_id,starttime,drug,ndc
1,11,2180-03-02 10:00:00,Heparin,63323026201
1,11,2180-02-28 10:00:00,"Insulin, regular",0
1,11,someday,Aspirin,
""",
    "hosp/microbiologyevents.csv": """subject_id,hadm_id,chartdate,spec_type_desc,org_name
1,11,2180-02-28 00:00:00,BLOOD CULTURE,ESCHERICHIA COLI
1,,2179-01-01 00:00:00,URINE,
""",
    "hosp/services.csv": """subject_id,hadm_id,transfertime,prev_service,curr_service
1,11,2180-03-01 00:00:00,MED,CSURG
1,11,2180-02-27 15:00:00,,MED
""",
    "icu/icustays.csv": """subject_id,hadm_id,stay_id,first_careunit,last_careunit,intime,outtime,los
1,11,900,MICU,SICU,2180-02-28 00:00:00,2180-03-01 12:00:00,2.5
""",
    "note/discharge.csv.gz": """note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text
1-DS-1,1,11,DS,1,2180-03-04 00:00:00,,"Admitted with ""sepsis"".

Discharged, stable."
1-DS-2,1,12
""",
}

III = {
    "PATIENTS.csv": """ROW_ID,SUBJECT_ID,GENDER,DOB,DOD
1,1,F,3/5/34 0:00,1/5/00 0:00
2,2,M,1885-03-24 00:00:00,
3,3,M,6/1/02 0:00,
4,4,F,2/10/02 0:00,
""",
    "ADMISSIONS.csv": """ROW_ID,SUBJECT_ID,HADM_ID,ADMITTIME,DISCHTIME,ADMISSION_TYPE,ADMISSION_LOCATION,\
DISCHARGE_LOCATION,INSURANCE,HOSPITAL_EXPIRE_FLAG
1,1,11,12/23/99 21:09,1/5/00 7:15,EMERGENCY,EMERGENCY ROOM ADMIT,DEAD/EXPIRED,Medicare,1
2,2,21,4/2/85 10:00,4/9/85 11:00,ELECTIVE,PHYS REFERRAL/NORMAL DELI,ICF,Private,0
3,3,31,9/28/02 16:47,10/1/02 12:00,URGENT,TRANSFER FROM HOSP/EXTRAM,SNF,Self Pay,0
4,4,41,2/10/02 16:47,2/14/02 12:00,NEWBORN,CLINIC REFERRAL/PREMATURE,HOME,Medicaid,0
""",
    "SERVICES.csv": """ROW_ID,SUBJECT_ID,HADM_ID,TRANSFERTIME,PREV_SERVICE,CURR_SERVICE
1,3,31,2202-09-28 16:48:00,,SURG
""",
    "DIAGNOSES_ICD.csv": """ROW_ID,SUBJECT_ID,HADM_ID,SEQ_NUM,ICD9_CODE
1,1,11,1,0389
""",
    "PROCEDURES_ICD.csv": """ROW_ID,SUBJECT_ID,HADM_ID,SEQ_NUM,ICD9_CODE
1,1,11,1,3605
""",
    "CPTEVENTS.csv": """ROW_ID,SUBJECT_ID,HADM_ID,CHARTDATE,CPT_CD,TICKET_ID_SEQ
1,1,11,,99254,1
""",
    "NOTEEVENTS.csv": """ROW_ID,SUBJECT_ID,HADM_ID,CHARTDATE,CATEGORY,TEXT
7,1,11,2199-12-24,Nursing/other,"Resting
comfortably"
8,1,11,2199-12-24,ECG,Sinus rhythm
""",
}


def folder(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return root


def read(source: Source) -> dict[tuple[str, str], DeliveredFile]:
    (day,) = source.received_dates()
    found = {(one.table, one.file.rpartition("/")[2]): one for one in source.read(day)}
    for (table, _), one in found.items():
        assert list(one.rows.columns) == [*delivered_columns(table), "source_line"]
        assert one.rows[delivered_columns(table)].map(lambda value: value is None or isinstance(value, str)).all(None)
    return found


@pytest.fixture
def iv(tmp_path: Path) -> dict[tuple[str, str], DeliveredFile]:
    return read(MimicIVSource(folder(tmp_path, IV)))


@pytest.fixture
def iii(tmp_path: Path) -> dict[tuple[str, str], DeliveredFile]:
    return read(MimicIIISource(folder(tmp_path, III)))


def test_the_stand_in_hospital_has_a_valid_npi_and_lacks_what_a_claim_needs(
    iv: dict[tuple[str, str], DeliveredFile],
) -> None:
    row = iv["hospital", "stand-in"].rows.iloc[0]
    assert npi_is_valid(STAND_IN_NPI)
    assert row["npi"] == STAND_IN_NPI
    assert "stand-in" in row["name"]
    assert row[["tax_id", "taxonomy", "address", "zip"]].isna().all()


def test_iv_dates_move_back_by_the_patients_own_whole_years(iv: dict[tuple[str, str], DeliveredFile]) -> None:
    stays = iv["encounter", "admissions.csv"].rows.set_index("encounter_number")
    # Patient 1: last discharge 2184-02-29 -> 158 years; 2026 has no 29 February.
    assert stays.loc["12", ["admission_date", "discharge_date"]].tolist() == ["2026-02-20", "2026-02-28"]
    assert stays.loc["11", ["admission_date", "discharge_date"]].tolist() == ["2022-02-27", "2022-03-04"]
    # Patient 2: 2150-11-02 would be later in the year than the received day -> 125 years.
    assert stays.loc["21", ["admission_date", "discharge_date"]].tolist() == ["2025-11-01", "2025-11-02"]
    assert stays.loc["11", ["admission_hour", "discharge_hour"]].tolist() == ["14", "09"]


def test_iv_birth_date_gives_the_layouts_own_age(iv: dict[tuple[str, str], DeliveredFile]) -> None:
    people = iv["patient", "patients.csv"].rows.set_index("mrn")
    assert people["birth_date"].to_dict() == {"1": "1962-01-01", "2": "1934-01-01"}
    # Patient 2 died in May 2027 of the moved years: nobody could know on the received day.
    assert people["death_date"].to_dict() == {"1": "2026-02-28", "2": None}
    assert people[["last_name", "first_name", "ssn", "address"]].isna().all(None)


def test_iv_places_become_ub04_codes_and_unknown_ones_stay_missing(iv: dict[tuple[str, str], DeliveredFile]) -> None:
    stays = iv["encounter", "admissions.csv"].rows.set_index("encounter_number")
    assert stays["admission_type"].to_dict() == {"11": "1", "12": "2", "21": "1"}
    assert stays["admission_source"].to_dict() == {"11": "9", "12": "4", "21": None}
    assert stays["discharge_status"].to_dict() == {"11": "03", "12": "20", "21": None}
    assert stays["setting"].to_dict() == {"11": "inpatient", "12": "inpatient", "21": "outpatient"}
    assert stays["service"].to_dict() == {"11": "MED", "12": None, "21": None}
    assert stays[["attending_npi", "member_id", "admitting_code", "document_count"]].isna().all(None)


def test_iv_insurance_becomes_payers_of_known_kind_only(iv: dict[tuple[str, str], DeliveredFile]) -> None:
    payers = iv["payer", "admissions.csv"].rows.set_index("payer_id")
    assert payers["kind"].to_dict() == {"mimic-medicaid": "medicaid", "mimic-medicare": "medicare", "mimic-other": None}
    assert iv["encounter", "admissions.csv"].rows["payer_id"].isin(payers.index).all()


def test_iv_codes_keep_the_billing_order_and_their_system_and_form(iv: dict[tuple[str, str], DeliveredFile]) -> None:
    rows = iv["diagnosis", "diagnoses_icd.csv"].rows
    assert rows[["encounter_number", "line_number", "code", "code_system", "source_line"]].values.tolist() == [
        ["11", "2", "0389", "ICD-9-CM", 2],
        ["11", "1", "99591", "ICD-9-CM", 3],
        ["21", "1", "I5023", "ICD-10-CM", 4],
    ]
    procedures = iv["procedure", "procedures_icd.csv"].rows
    assert procedures["code_system"].tolist() == ["ICD-9-PCS", "ICD-10-PCS"]
    assert procedures["procedure_date"].tolist() == ["2022-02-28", "2025-11-01"]


def test_iv_hcpcs_lines_count_numerically_and_never_meet_those_of_the_icd_procedures(
    iv: dict[tuple[str, str], DeliveredFile],
) -> None:
    events = iv["procedure", "hcpcsevents.csv"].rows
    assert events[["line_number", "code", "code_system"]].values.tolist() == [
        ["1002", "99219", "CPT"],
        ["1001", "G0378", "HCPCS"],
    ]
    assert hcpcs_system("0256T") == "CPT"
    assert hcpcs_system(None) is None


def test_iv_medications_by_first_day_with_unreadable_dates_as_delivered(
    iv: dict[tuple[str, str], DeliveredFile],
) -> None:
    rows = iv["medication", "prescriptions.csv"].rows
    assert rows[["line_number", "drug", "ndc", "start_date"]].values.tolist() == [
        ["2", "Heparin", "63323026201", "2022-03-02"],
        ["1", "Insulin, regular", None, "2022-02-28"],
        ["3", "Aspirin", None, "someday"],
    ]


def test_iv_cultures_without_stay_are_set_aside_with_their_reason(iv: dict[tuple[str, str], DeliveredFile]) -> None:
    found = iv["microbiology", "microbiologyevents.csv"]
    assert found.rows[["specimen", "organism", "specimen_date"]].values.tolist() == [
        ["BLOOD CULTURE", "ESCHERICHIA COLI", "2022-02-28"]
    ]
    assert found.rejected[["source_line", "rule"]].values.tolist() == [[3, "missing_key"]]
    assert found.rows_in == 2


def test_iv_units_services_and_notes(iv: dict[tuple[str, str], DeliveredFile]) -> None:
    unit = iv["unit_stay", "icustays.csv"].rows.iloc[0]
    assert unit[["unit", "start_date", "hours"]].tolist() == ["MICU", "2022-02-28", "60.00"]
    services = iv["service", "services.csv"].rows
    assert services[["line_number", "service"]].values.tolist() == [["2", "CSURG"], ["1", "MED"]]
    notes = iv["scanned_record", "discharge.csv.gz"]
    assert notes.rows[["record_id", "document_type", "written_date", "text", "source_line"]].values.tolist() == [
        ["1-DS-1", "discharge_summary", "2022-03-04", 'Admitted with "sepsis".\n\nDischarged, stable.', 2]
    ]
    assert notes.rejected[["source_line", "rule"]].values.tolist() == [[5, "field_count"]]


def test_files_flat_in_one_folder_are_found_and_absent_ones_are_no_fault(tmp_path: Path) -> None:
    flat = {name.rpartition("/")[2]: text for name, text in IV.items() if "hosp" in name and "micro" not in name}
    found = read(MimicIVSource(folder(tmp_path, flat)))
    assert ("diagnosis", "diagnoses_icd.csv") in found
    assert not [table for table, _ in found if table in ("microbiology", "scanned_record", "unit_stay")]


def test_a_table_that_lost_a_column_is_set_aside_and_the_others_land(tmp_path: Path) -> None:
    files = IV | {"hosp/diagnoses_icd.csv": "subject_id,hadm_id,seq_num,icd_code\n1,11,1,0389\n"}
    found = read(MimicIVSource(folder(tmp_path, files)))["diagnosis", "diagnoses_icd.csv"]
    assert found.rejected["rule"].tolist() == ["missing_column"]
    assert "icd_version" in found.rejected["reason"].iloc[0]
    assert len(found.rows) == 0


@pytest.mark.parametrize("lost", ["hosp/admissions.csv", "hosp/patients.csv"])
def test_without_admissions_or_patients_there_is_nothing_to_read(tmp_path: Path, lost: str) -> None:
    root = folder(tmp_path, {name: text for name, text in IV.items() if name != lost})
    with pytest.raises(DeliveryError, match=Path(lost).name):
        read(MimicIVSource(root))
    folder(tmp_path, {lost: "subject_id\n1\n"})
    with pytest.raises(DeliveryError, match="missing"):
        read(MimicIVSource(root))


def test_all_arrives_on_the_received_day_and_there_are_no_page_files(tmp_path: Path) -> None:
    source = MimicIVSource(folder(tmp_path, IV), date(2026, 12, 1))
    assert source.received_dates() == [date(2026, 12, 1)]
    assert list(source.read(RECEIVED)) == []
    with pytest.raises(DeliveryError, match="no page files"):
        source.page_path(date(2026, 12, 1), "p.png")


def test_iii_two_digit_years_get_the_century_they_must_have(iii: dict[tuple[str, str], DeliveredFile]) -> None:
    stays = iii["encounter", "ADMISSIONS.csv"].rows.set_index("encounter_number")
    # 12/23/99 to 1/5/00 is 2199 to 2200, so 174 years; stay 31 is of 2202 by its service.
    assert stays.loc["11", ["admission_date", "discharge_date"]].tolist() == ["2025-12-23", "2026-01-05"]
    assert stays.loc["31", ["admission_date", "discharge_date"]].tolist() == ["2026-09-28", "2026-10-01"]
    assert stays.loc["11", ["admission_hour", "discharge_hour"]].tolist() == ["21", "07"]
    people = iii["patient", "PATIENTS.csv"].rows.set_index("mrn")
    assert people.loc["1", ["birth_date", "death_date"]].tolist() == ["1960-03-05", "2026-01-05"]


def test_iii_ages_over_89_are_pooled_and_newborns_stay_newborn(iii: dict[tuple[str, str], DeliveredFile]) -> None:
    born = iii["patient", "PATIENTS.csv"].rows.set_index("mrn")["birth_date"]
    assert born["2"] == "1935-04-02"  # delivered as 300 years old: 91 on the day of first admission
    assert born["3"] == "1935-09-28"  # 300 years before 2202, with two digits left of it
    assert born["4"] == "2026-02-10"


def test_iii_codes_are_icd9_and_places_become_ub04_codes(iii: dict[tuple[str, str], DeliveredFile]) -> None:
    assert iii["diagnosis", "DIAGNOSES_ICD.csv"].rows["code_system"].tolist() == ["ICD-9-CM"]
    assert iii["procedure", "PROCEDURES_ICD.csv"].rows["code_system"].tolist() == ["ICD-9-PCS"]
    assert iii["procedure", "CPTEVENTS.csv"].rows[["line_number", "code"]].values.tolist() == [["1001", "99254"]]
    stays = iii["encounter", "ADMISSIONS.csv"].rows
    assert stays["admission_type"].tolist() == ["1", "3", "2", "4"]
    assert stays["discharge_status"].tolist() == ["20", "04", "03", "01"]
    assert stays["admission_source"].tolist() == ["9", "2", "4", "2"]
    notes = iii["scanned_record", "NOTEEVENTS.csv"].rows
    assert notes["document_type"].tolist() == ["nursing_note", "other"]
    assert notes["written_date"].tolist() == ["2025-12-24", "2025-12-24"]
    assert notes["source_line"].tolist() == [2, 4]


def test_iii_untouched_iso_dates_pass_through(tmp_path: Path) -> None:
    files = {
        "PATIENTS.csv": "ROW_ID,SUBJECT_ID,GENDER,DOB,DOD\n1,1,F,2094-03-05 00:00:00,\n",
        "ADMISSIONS.csv": "SUBJECT_ID,HADM_ID,ADMITTIME,DISCHTIME,ADMISSION_TYPE\n"
        "1,11,2164-10-23 21:09:00,2164-11-01 17:15:00,EMERGENCY\n",
    }
    found = read(MimicIIISource(folder(tmp_path, files)))
    stay = found["encounter", "ADMISSIONS.csv"].rows.iloc[0]
    assert stay[["admission_date", "discharge_date", "discharge_status"]].tolist() == ["2025-10-23", "2025-11-01", None]
    assert found["patient", "PATIENTS.csv"].rows["birth_date"].tolist() == ["1955-03-05"]


@given(st.dates(date(2100, 1, 1), date(2210, 12, 31)), st.dates(date(2024, 1, 1), date(2028, 12, 31)))
def test_the_last_discharge_comes_to_lie_in_the_twelve_months_before_the_received_day(
    last: date, received: date
) -> None:
    moved = date.fromisoformat(str(rebased(last.isoformat(), whole_years_back(last.isoformat(), received))))
    assert received - timedelta(days=366) <= moved <= received
    assert moved.month == last.month


def test_a_real_past_date_is_never_moved_forward() -> None:
    assert whole_years_back("2019-05-01", RECEIVED) == 0
    assert rebased("2019-05-01 10:00:00", 0) == "2019-05-01"
    assert rebased(None, 5) is None
    assert pd.isna(rebased(None, 5))
