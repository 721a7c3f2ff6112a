"""Readers of stays in true order: what each layout gives, what is rejected, and that no answer slips into a record."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from medcode_ml.models.labelled_files import LabelledSourceError
from medcode_ml.ranking.labelled import mimic_context
from medcode_ml.ranking.labelled.icd9 import orders_of, readings
from medcode_ml.ranking.labelled.lines import msdrg_number
from medcode_ml.ranking.labelled.reading import read_stays
from medcode_ml.ranking.labelled.stay import LabelledStay
from medcode_ml.ranking.records import rank_records


def written(path: Path, lines: list[Any]) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_json_lines_keep_the_true_order_out_of_the_record(tmp_path: Path) -> None:
    codes = [{"code": "J18.9", "rank": 1, "score": 0.9, "principal": True, "poa": "Y"}, "i10", "A41.9", "I10"]
    keys = {"medications": [{"name": "Heparin", "start_day": 0}], "drg": 193, "hospital_id": 4, "own_key": "x"}
    path = written(tmp_path / "gold.jsonl", [{"encounter_id": 7, "patient_id": 12, "codes": codes} | keys])
    (found,) = read_stays(path).stays
    assert found.codes == ("J18.9", "I10", "A41.9")
    assert (found.encounter_id, found.patient_id, found.hospital, found.drg) == ("7", "12", "4", "193")
    assert found.record["codes"] == ["A41.9", "i10", "I10", {"code": "J18.9", "poa": "Y"}]
    assert "drg" not in found.record
    assert found.record["own_key"] == "x"
    assert sorted(c["code"] for c in rank_records([found.record])[0]["codes"]) == ["A41.9", "I10", "J18.9", "i10"]


def test_a_coders_score_stays_where_nothing_ranked_the_code(tmp_path: Path) -> None:
    path = written(tmp_path / "gold.jsonl", [{"encounter_id": "E", "codes": [{"code": "I10", "score": 0.4}, "J18.9"]}])
    assert {"code": "I10", "score": 0.4} in read_stays(path).stays[0].record["codes"]


def test_malformed_lines_are_rejected_with_their_number(tmp_path: Path) -> None:
    good = {"encounter_id": "E1", "codes": ["I10"]}
    lines: list[Any] = [
        good,
        "{",
        {"codes": ["I10"]},
        {"encounter_id": "E2", "codes": []},
        {"encounter_id": "E3", "codes": [{"rank": 1}]},
        good,
        {"encounter_id": "E4", "codes": ["I10"], "drg": "29A"},
        {"encounter_id": "E5", "codes": ["I10"], "medications": "Heparin"},
        {"encounter_id": "E6", "codes": ["I10"], "discharge_date": "soon"},
    ]
    found = read_stays(written(tmp_path / "stays.jsonl", lines))
    assert [stay.encounter_id for stay in found.stays] == ["E1"]
    assert [one.where for one in found.rejected] == [f"stays.jsonl line {number}" for number in range(2, 10)]
    for one, says in zip(
        found.rejected,
        ["not JSON", "encounter_id", "codes", "code", "line 1 too", "MS-DRG", "medications", "2026"],
        strict=True,
    ):
        assert says in one.reason
    assert found.remarks == ("1 stays name no patient_id: each counts as a patient of its own",)
    assert found.stays[0].patient_id == "encounter E1"


def test_folder_joins_the_stays_with_their_true_orders(tmp_path: Path) -> None:
    gold = [
        {"encounter_id": "E1", "patient_id": "P1", "codes": ["J18.9", "I10"], "drg": 195},
        {"encounter_id": "E2", "patient_id": "P2", "codes": ["I10", "J18.9"]},
        {"encounter_id": "E3", "patient_id": "P3", "codes": ["I10"]},
    ]
    stays = [
        {"encounter_id": "E1", "patient_id": "P1", "codes": ["I10", "J18.9"]},
        {"encounter_id": "E2", "patient_id": "P2", "codes": ["I10", "E11.9"]},
        {"encounter_id": "E4", "patient_id": "P4", "codes": ["I10"]},
    ]
    written(tmp_path / "gold.jsonl", gold)
    written(tmp_path / "encounters.jsonl", stays)
    found = read_stays(tmp_path)
    assert [(s.encounter_id, s.codes, s.drg) for s in found.stays] == [("E1", ("J18.9", "I10"), "195")]
    assert found.stays[0].record["codes"] == ["I10", "J18.9"]
    reasons = {one.where: one.reason for one in found.rejected}
    assert "not those of gold.jsonl" in reasons["encounters.jsonl line 2"]
    assert "no codes for this encounter_id" in reasons["encounters.jsonl line 3"]
    assert "no stay with this encounter_id" in reasons["gold.jsonl line 3"]
    written(tmp_path / "encounters_context.jsonl", [stays[0] | {"icu_hours": 3.0}])
    assert read_stays(tmp_path).stays[0].record["icu_hours"] == 3.0


def test_fingerprint_is_that_of_the_data_not_of_its_order(tmp_path: Path) -> None:
    lines = [{"encounter_id": f"E{n}", "patient_id": "P", "codes": ["J18.9", "I10"]} for n in range(3)]
    first = read_stays(written(tmp_path / "a.jsonl", lines)).fingerprint()
    assert read_stays(written(tmp_path / "b.jsonl", lines[::-1])).fingerprint() == first
    lines[1]["codes"] = ["I10", "J18.9"]
    assert read_stays(written(tmp_path / "c.jsonl", lines)).fingerprint() != first
    lines[1] = {"encounter_id": "E1", "patient_id": "P", "codes": ["J18.9", "I10"], "age": 4}
    assert read_stays(written(tmp_path / "d.jsonl", lines)).fingerprint() != first


def test_icd9_codes_are_read_as_what_says_least_first() -> None:
    # 486 pneumonia, organism unspecified; 518.81 acute respiratory failure; 272.4 other and unspecified hyperlipidemia
    assert readings("486", "diagnosis")[0] == ("J18.9",)
    assert readings("51881", "diagnosis")[0] == ("J96.00",)
    assert readings("272.4", "diagnosis")[0] == ("E78.5",)
    assert set(readings("2724", "diagnosis")) == {("E78.4",), ("E78.5",)}
    assert readings("0000", "diagnosis") == ()
    # a combination gives codes that are needed together
    assert all(len(one) == 2 for one in readings("25062", "diagnosis"))
    assert readings("36.12", "procedure") == ()


def test_further_readings_are_distinct_and_repeatable() -> None:
    offered = [readings(code, "diagnosis") for code in ("51881", "2724", "486", "70703")]
    drawn = orders_of(offered, 5, seed=3)
    assert drawn[0] == ("J96.00", "E78.5", "J18.9", "L89.139")
    assert len(drawn) == len(set(drawn)) == 5
    assert drawn == orders_of(offered, 5, seed=3)
    assert all(
        code in {one for reading in own for one in reading}
        for order in drawn
        for code, own in zip(order, offered, strict=True)
    )
    assert orders_of([readings("486", "diagnosis")], 5) == [("J18.9",)]
    assert orders_of([()]) == []


def test_variants_share_the_weight_of_their_stay(tmp_path: Path) -> None:
    gold = {"encounter_id": "E1", "patient_id": "P1", "codes": ["J96.00", "E78.5"], "icd9": ["51881", "2724"]}
    plain = {"encounter_id": "E2", "patient_id": "P2", "codes": ["I10", "J18.9"]}
    written(tmp_path / "gold.jsonl", [gold, plain])
    written(tmp_path / "encounters.jsonl", [{**line, "codes": sorted(line["codes"])} for line in (gold, plain)])
    found = read_stays(tmp_path, variants=3).stays
    assert [(s.encounter_id, s.variant) for s in found] == [("E1", 0), ("E1", 1), ("E1", 2), ("E2", 0)]
    assert [s.weight for s in found] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])
    assert found[0].codes == ("J96.00", "E78.5")
    assert len({s.codes for s in found[:3]}) == 3
    assert all(sorted(s.codes) == s.record["codes"] for s in found)
    assert all(s.patient_id == "P1" for s in found[:3])
    with pytest.raises(ValueError, match="at least once"):
        read_stays(tmp_path, variants=0)


def mimic_iv(folder: Path) -> None:
    """Two stays of MIMIC-IV, the second coded in ICD-9-CM; hosp and icu in their own folders, one file packed."""
    (folder / "hosp").mkdir(parents=True)
    (folder / "icu").mkdir()
    tables = {
        "hosp/admissions": "subject_id,hadm_id,admittime,dischtime,admission_type,admission_location,"
        "discharge_location,insurance,hospital_expire_flag\n"
        "1,11,2150-03-01 22:00:00,2150-03-04 10:00:00,EW EMER.,EMERGENCY ROOM,HOME,Medicare,0\n"
        "2,22,2160-05-05 08:00:00,2160-05-06 08:00:00,ELECTIVE,PHYSICIAN REFERRAL,,Other,1\n"
        "2,33,2160-08-05 08:00:00,2160-08-06 08:00:00,ELECTIVE,PHYSICIAN REFERRAL,HOME,Other,0\n",
        "hosp/patients": "subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod\n"
        "1,F,60,2148,2014 - 2016,\n2,M,91,2160,2011 - 2013,\n",
        "hosp/diagnoses_icd": "subject_id,hadm_id,seq_num,icd_code,icd_version\n"
        "1,11,2,I10,10\n1,11,1,J189,10\n1,11,10,E119,10\n2,22,2,2724,9\n2,22,1,51881,9\n2,22,3,0000,9\n",
        "hosp/procedures_icd": "subject_id,hadm_id,seq_num,chartdate,icd_code,icd_version\n"
        "1,11,1,2150-03-03,5A1955Z,10\n1,11,2,2150-03-01,0BH17EZ,10\n2,22,1,2160-05-05,9671,9\n",
        "hosp/services": "subject_id,hadm_id,transfertime,prev_service,curr_service\n"
        "1,11,2150-03-02 09:00:00,MED,SURG\n1,11,2150-03-01 22:30:00,,MED\n",
        "hosp/prescriptions": "subject_id,hadm_id,starttime,drug\n"
        "1,11,2150-03-02 01:00:00,Heparin\n1,11,2150-03-01 23:00:00,Heparin \n1,11,2150-02-28 12:00:00,Insulin\n"
        "1,11,,Senna\n",
        "hosp/microbiologyevents": "subject_id,hadm_id,chartdate,spec_type_desc,org_name\n"
        "1,11,2150-03-02 00:00:00,BLOOD CULTURE,\n,,2150-03-02 00:00:00,URINE,\n",
        "icu/icustays": "subject_id,hadm_id,stay_id,first_careunit,last_careunit,intime,outtime,los\n"
        "1,11,5,MICU,MICU,2150-03-02 00:00:00,2150-03-03 12:00:00,1.5\n",
        "hosp/drgcodes": "subject_id,hadm_id,drg_type,drg_code,description\n"
        "1,11,APR,139,x\n1,11,HCFA,95,x\n2,22,HCFA,189,x\n",
    }  # fmt: skip
    for name, text in tables.items():
        if name == "hosp/diagnoses_icd":
            (folder / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")


def test_mimic_iv_stays_with_all_that_the_tables_tell(tmp_path: Path) -> None:
    mimic_iv(tmp_path)
    found = read_stays(tmp_path)
    first, second = found.stays
    assert first.codes == ("J18.9", "I10", "E11.9")
    assert (first.drg, first.patient_id, first.discharge_date) == ("095", "1", None)
    assert first.record == {
        "encounter_id": "11", "patient_id": "1", "age": 62, "sex": "F", "admission_type": "EW EMER.",
        "admission_location": "EMERGENCY ROOM", "discharge_location": "HOME", "discharge_status": 1,
        "insurance": "Medicare", "length_of_stay_days": 2.5, "service": "MED", "services": ["MED", "SURG"],
        "procedures": [
            {"code": "0BH17EZ", "system": "ICD-10-PCS", "day": 0},
            {"code": "5A1955Z", "system": "ICD-10-PCS", "day": 2},
        ],
        "medications": [
            {"name": "Heparin", "start_day": 0}, {"name": "Insulin", "start_day": 0},
            {"name": "Senna", "start_day": None},
        ],
        "microbiology": [{"specimen": "BLOOD CULTURE", "organism": None, "day": 1}],
        "units": [{"name": "MICU", "start_day": 1, "hours": 36.0}], "icu_hours": 36.0,
        "codes": ["E11.9", "I10", "J18.9"],
    }  # fmt: skip
    assert second.codes == ("J96.00", "E78.5")
    assert (second.record["discharge_status"], second.record["discharge_location"]) == (20, None)
    assert (second.record["age"], second.record["icu_hours"], second.record["service"]) == (91, 0.0, None)
    assert second.record["procedures"] == [{"code": "9671", "system": "ICD-9-CM", "day": 0}]
    assert [one.reason for one in found.rejected] == ["it has no diagnoses"]
    assert any("1 stays were coded in ICD-9-CM" in remark and " 1 of them" in remark for remark in found.remarks)
    assert len(rank_records([s.record for s in found.stays])) == 2
    assert {s.encounter_id: s.weight for s in read_stays(tmp_path, variants=2).stays} == {"11": 1.0, "22": 0.5}


def test_intensive_care_comes_from_the_transfers_where_it_has_no_table(tmp_path: Path) -> None:
    mimic_iv(tmp_path)
    (tmp_path / "icu" / "icustays.csv").unlink()
    (tmp_path / "hosp" / "transfers.csv").write_text(
        "subject_id,hadm_id,transfer_id,eventtype,careunit,intime,outtime\n"
        "1,11,1,admit,Medical Intensive Care Unit (MICU),2150-03-02 00:00:00,2150-03-02 06:00:00\n"
        "1,11,2,transfer,Medicine,2150-03-02 06:00:00,2150-03-04 10:00:00\n"
        "1,11,3,discharge,,2150-03-04 10:00:00,\n",
        encoding="utf-8",
    )
    record = read_stays(tmp_path).stays[0].record
    assert record["units"] == [{"name": "Medical Intensive Care Unit (MICU)", "start_day": 1, "hours": 6.0}]
    assert record["icu_hours"] == 6.0


def test_mimic_iii_with_capital_names_and_years_of_two_digits(tmp_path: Path) -> None:
    tables = {
        "ADMISSIONS": "ROW_ID,SUBJECT_ID,HADM_ID,ADMITTIME,DISCHTIME,ADMISSION_TYPE,ADMISSION_LOCATION,"
        "DISCHARGE_LOCATION,INSURANCE,HOSPITAL_EXPIRE_FLAG\n"
        "1,1,11,10/23/04 21:09,10/25/04 21:09,EMERGENCY,EMERGENCY ROOM ADMIT,DEAD/EXPIRED,Medicare,1\n",
        "PATIENTS": "ROW_ID,SUBJECT_ID,GENDER,DOB\n1,1,F,10/24/34 0:00\n",
        "DIAGNOSES_ICD": "ROW_ID,SUBJECT_ID,HADM_ID,SEQ_NUM,ICD9_CODE\n1,1,11,1,486\n2,1,11,2,4019\n",
        "PRESCRIPTIONS": "ROW_ID,SUBJECT_ID,HADM_ID,STARTDATE,DRUG\n1,1,11,2204-10-24 00:00:00,Heparin\n",
        "ICUSTAYS": "ROW_ID,SUBJECT_ID,HADM_ID,FIRST_CAREUNIT,INTIME,OUTTIME\n"
        "1,1,11,MICU,2204-10-23 22:00:00,2204-10-24 22:00:00\n",
        "DRGCODES": "ROW_ID,SUBJECT_ID,HADM_ID,DRG_TYPE,DRG_CODE\n1,1,11,HCFA,89\n2,1,11,MS,193\n",
    }  # fmt: skip
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    found = read_stays(tmp_path)
    (stay,) = found.stays
    assert found.source == "MIMIC-III layout"
    assert (stay.codes, stay.drg) == (("J18.9", "I10"), "193")
    assert stay.record["age"] == 69
    assert stay.record["length_of_stay_days"] == 2.0
    assert (stay.record["discharge_status"], stay.record["discharge_location"]) == (20, "DIED")
    assert stay.record["medications"] == [{"name": "Heparin", "start_day": 1}]
    assert stay.record["units"] == [{"name": "MICU", "start_day": 0, "hours": 24.0}]
    assert "microbiology" not in stay.record
    assert any("microbiologyevents" in remark for remark in found.remarks)


def test_times_that_cannot_be_read_are_missing() -> None:
    times = mimic_context.stamps(pd.Series(["2150-03-01 22:00:00", "13/45/20", None, "soon", "3/1/50 7:05"], dtype=str))
    assert [None if pd.isna(t) else t.isoformat() for t in times] == [
        "2150-03-01T22:00:00", None, None, None, "2150-03-01T07:05:00",
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "drg"), [(95, "095"), ("193", "193"), (None, None), ("", None)])
def test_drg_numbers(value: object, drg: str | None) -> None:
    assert msdrg_number(value) == drg


def test_what_cannot_be_read_says_what_is_wanted(tmp_path: Path) -> None:
    for path, says in [
        (tmp_path / "none", "is not there"),
        (tmp_path, "no labelled source"),
        (written(tmp_path / "notes.txt", ["x"]), "no labelled source"),
        (written(tmp_path / "empty.jsonl", ["[]"]), "no labelled stay.*line 1"),
    ]:
        with pytest.raises(LabelledSourceError, match=says):
            read_stays(path)
    mimic_iv(tmp_path / "iv")
    (tmp_path / "iv" / "hosp" / "patients.csv").write_text("subject_id,gender\n1,F\n", encoding="utf-8")
    with pytest.raises(LabelledSourceError, match="anchor_age"):
        read_stays(tmp_path / "iv")
    (tmp_path / "iv" / "hosp" / "admissions.csv.gz").write_bytes(gzip.compress(b"x"))
    with pytest.raises(LabelledSourceError, match="name the folder of one"):
        read_stays(tmp_path / "iv")


def test_a_labelled_stay_tells_its_discharge_date() -> None:
    assert LabelledStay("E", "P", ("I10",), {"discharge_date": "2026-11-15T10:00"}).discharge_date is not None
