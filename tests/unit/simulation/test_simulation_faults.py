"""Planted faults: each one listed is really there, and most encounters are clean."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.identifiers import npi_is_valid, revenue_code_is_valid
from medcode_ml.simulation import NetworkConfig, simulate
from medcode_ml.simulation.faults import FAULTS
from medcode_ml.simulation.scanning import EXPECTED

DEFAULT = NetworkConfig()
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def network() -> tuple[Tables, pd.DataFrame, pd.DataFrame]:
    days = list(simulate(DEFAULT).days())
    tables = {
        n: pd.concat([d.tables[n].assign(day=d.received) for d in days], ignore_index=True) for n in days[0].tables
    }
    return tables, pd.concat([d.truth["faults"] for d in days]), pd.concat([d.truth["pages"] for d in days])


def spoilt(network: tuple[Tables, pd.DataFrame, pd.DataFrame], kind: str) -> tuple[Tables, pd.Series]:
    tables, faults, _ = network
    found = faults[faults["kind"] == kind]
    assert 1 <= len(found) <= 3
    return tables, found.iloc[0]


def where(frame: pd.DataFrame, **values: str) -> pd.DataFrame:
    for column, value in values.items():
        frame = frame[frame[column] == value]
    return frame


def encounter(tables: Tables, fault: pd.Series) -> pd.DataFrame:
    frame = tables["encounter"]
    return frame[
        (frame["encounter_number"] == fault["encounter_number"]) & (frame["hospital_id"] == fault["hospital_id"])
    ]


def test_every_kind_is_planted_and_about_nine_in_ten_encounters_are_clean(
    network: tuple[Tables, pd.DataFrame, pd.DataFrame],
) -> None:
    _, faults, pages = network
    assert set(faults["kind"]) == {f.kind for f in FAULTS} | set(EXPECTED)
    repaired = ("skew", "stain", "rotated_90", "rotated_180", "rotated_270", "confusable_mrn")
    hurt = faults[~faults["kind"].isin(repaired)].drop_duplicates(["hospital_id", "encounter_number"])
    assert len(hurt) / DEFAULT.encounters < 0.12
    assert 74 <= len(pages) <= 86
    assert (faults["expected"] != "").all()


def test_rule_38_birth_date_in_future(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "birth_date_in_future")
    patient = where(tables["patient"], mrn=fault["record"], hospital_id=fault["hospital_id"]).iloc[0]
    assert patient["birth_date"] > patient["day"].isoformat()


def test_encounter_delivered_twice(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    assert len(encounter(*spoilt(network, "encounter_delivered_twice"))) == 2


def test_unknown_patient(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "unknown_patient")
    row = encounter(tables, fault).iloc[0]
    same_day = tables["patient"][tables["patient"]["day"] == row["day"]]
    assert row["mrn"] not in set(same_day["mrn"])


def test_rule_35_invalid_npi(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    assert not npi_is_valid(encounter(*spoilt(network, "invalid_npi")).iloc[0]["attending_npi"])


def test_rule_37_wrong_revenue_code(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "wrong_revenue_code")
    number, line = fault["record"].rsplit("/", 1)
    row = where(tables["charge"], encounter_number=number, line_number=line).iloc[0]
    assert not revenue_code_is_valid(row["revenue_code"])


def test_rule_01_code_not_valid_at_discharge(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "code_not_valid_at_discharge")
    day = date.fromisoformat(encounter(tables, fault).iloc[0]["discharge_date"])
    given = where(tables["diagnosis"], encounter_number=fault["encounter_number"])["code"]
    assert any(not CodeSet.on(day).is_billable(c) for c in given)


def test_document_under_unknown_encounter(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "document_under_unknown_encounter")
    filed = where(tables["scanned_record"], record_id=fault["record"]).iloc[0]["encounter_number"]
    assert filed not in set(tables["encounter"]["encounter_number"])


def test_empty_note(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "empty_note")
    row = where(tables["scanned_record"], record_id=fault["record"]).iloc[0]
    assert row["text"].strip() == row["files"] == ""


def test_rule_38_discharge_before_admission(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    row = encounter(*spoilt(network, "discharge_before_admission")).iloc[0]
    assert row["discharge_date"] < row["admission_date"]


def test_rule_40_confusable_mrn(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "confusable_mrn")
    mrn = encounter(tables, fault).iloc[0]["mrn"]
    assert mrn.startswith("O")
    assert "0" + mrn[1:] in set(tables["patient"]["mrn"])


def test_rule_38_death_date_but_discharged_home(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "death_date_but_discharged_home")
    assert encounter(tables, fault).iloc[0]["discharge_status"] == "01"
    assert (where(tables["patient"], mrn=fault["record"])["death_date"] != "").any()


def test_rule_38_procedure_after_discharge(network: tuple[Tables, pd.DataFrame, pd.DataFrame]) -> None:
    tables, fault = spoilt(network, "procedure_after_discharge")
    number, line = fault["record"].rsplit("/", 1)
    row = where(tables["procedure"], encounter_number=number, line_number=line).iloc[0]
    assert row["procedure_date"] > encounter(tables, fault).iloc[0]["discharge_date"]


def test_rule_39_page_counts_tell_of_missing_pages_only_where_one_is_missing(
    network: tuple[Tables, pd.DataFrame, pd.DataFrame],
) -> None:
    tables, faults, pages = network
    kind = faults.set_index("record")["kind"]
    delivered = pages.groupby("record_id").size()
    scanned = tables["scanned_record"][tables["scanned_record"]["files"] != ""].set_index("record_id")
    for record, count in delivered.items():
        stated = int(scanned.loc[record, "page_count"])
        expected = {"page_missing": count + 1, "duplicate_page": count - 1}.get(kind.get(record, ""), count)
        assert stated == expected, record
        assert scanned.loc[record, "text"] == ""


def test_small_networks_have_few_faults_and_none_when_switched_off() -> None:
    small = list(simulate(NetworkConfig(encounters=50, scanned_pages=0)).days())
    assert 1 <= sum(len(d.truth["faults"]) for d in small) <= 2
    clean = list(simulate(NetworkConfig(encounters=50, scanned_pages=0, planted_faults=False)).days())
    assert sum(len(d.truth["faults"]) for d in clean) == 0
