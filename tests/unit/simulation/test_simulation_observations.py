"""Observations of the simulated network: numbers in each hospital's own names and units, from a stream of their own."""

from __future__ import annotations

import pandas as pd
import pytest

from medcode_ml.contracts.raw import delivered_columns
from medcode_ml.simulation import NetworkConfig, simulate
from medcode_ml.simulation.organisations import LEFT, clinician_rows, clinicians, code_map_rows

TABLES = ("observation", "encounter")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return simulate(NetworkConfig(encounters=160, scanned_pages=0, planted_faults=False)).tables()


def test_stays_have_observations_within_their_days_and_visits_have_none(tables: dict[str, pd.DataFrame]) -> None:
    key = ["hospital_id", "encounter_number"]
    joined = tables["observation"].merge(tables["encounter"], on=key)
    assert len(joined) == len(tables["observation"]) > 1000
    assert set(joined["setting"]) == {"inpatient"}
    assert (joined["observed_date"] >= joined["admission_date"]).all()
    assert (joined["observed_date"] <= joined["discharge_date"]).all()
    assert not tables["observation"].duplicated([*key, "line_number"]).any()
    assert set(delivered_columns("observation")) <= set(tables["observation"].columns)


def test_hospitals_differ_in_names_units_and_habits(tables: dict[str, pd.DataFrame]) -> None:
    glucose = tables["observation"][tables["observation"]["name"].isin(["Glu", "Gluc", "GLUCOSE, SERUM"])]
    assert glucose.groupby("hospital_id")["unit"].first().nunique() == 2
    assert glucose["name"].nunique() == 3
    assert tables["observation"]["unit"].isin(["F", "C"]).any()
    assert tables["observation"]["value"].str.contains("/").any()
    assert tables["observation"]["value"].str.fullmatch(r"\d+(\.\d+)? [HL]").any()
    assert {"LOINC", "SLLAB", ""} == set(tables["observation"]["code_system"])


def test_one_clinician_has_left_and_one_local_code_changed_its_meaning() -> None:
    rows = clinician_rows(3)
    ended = [r for r in rows if r["effective_to"]]
    assert [r["npi"] for r in ended] == [LEFT.npi]
    assert LEFT.npi not in {c.npi for staff in clinicians(3).values() for c in staff}
    maps = pd.DataFrame(code_map_rows())
    assert (maps["effective_to"] != "").sum() == 1
    assert maps.duplicated(["code"]).sum() == 1
