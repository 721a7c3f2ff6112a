"""Records with an unknown number: filed alone only where the number is a slip away and something else agrees."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from medcode_ml.mapping.linkage.misfiled import candidates_for, patients_for, printed_person

COUNT = 60


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    rows = [
        {
            "patient_id": f"p{n}", "source": "s", "hospital_id": "H", "mrn": f"{500_000 + n * 137}",
            "last_name": f"Family{chr(65 + n % 26)}{chr(97 + n // 26)}", "first_name": f"Given{chr(97 + n % 26)}",
            "birth_date": date(1930 + n, 1 + n % 12, 1 + n % 28), "sex": "F", "ssn": None, "address": None,
            "city": None, "state": None, "zip": None,
        }
        for n in range(COUNT)
    ]  # fmt: skip
    return pd.DataFrame(rows, dtype=object)


@pytest.fixture(scope="module")
def encounters(patients: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "encounter_id": f"e{n}", "source": "s", "hospital_id": "H", "encounter_number": f"{7_001_000 + n * 3}",
            "mrn": patients["mrn"][n], "patient_id": f"p{n}", "admission_date": date(2026, 9, 1 + n % 28),
            "discharge_date": date(2026, 9, 2 + n % 28), "attending_npi": f"npi{n % 7}",
        }
        for n in range(COUNT)
    ]  # fmt: skip
    return pd.DataFrame(rows, dtype=object)


def document(**values: Any) -> pd.DataFrame:
    """A document of encounter 5 (number 7001015) with one digit misread, and further changes."""
    row = {
        "record": "r", "source": "s", "hospital_id": "H", "encounter_number": "7O01016", "mrn": f"{500_000 + 5 * 137}",
        "written_date": date(2026, 9, 6), "author_npi": "npi5", "text": "Progress note", **values,
    }  # fmt: skip
    return pd.DataFrame([row], dtype=object)


def test_a_slip_in_the_number_is_filed_where_the_record_number_agrees(
    encounters: pd.DataFrame, patients: pd.DataFrame
) -> None:
    found = candidates_for(document(), encounters, patients)
    assert list(found[found["band"] == "auto"]["target"]) == ["e5"]
    said = {f["field"]: f["level"] for f in found.iloc[0]["fields"]}
    assert said["encounter_number"] == "one character differs"
    assert said["mrn"] == "same"
    assert sum(f["weight"] for f in found.iloc[0]["fields"]) == pytest.approx(found.iloc[0]["weight"], abs=0.05)
    assert "685" not in str(found.iloc[0]["fields"])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"encounter_number": "9555123"}, "another one"),
        ({"text": "Patient: OKAFOR, RAJ    DOB: 01/01/1999"}, "another patient"),
        ({"written_date": date(2026, 3, 1)}, "outside the stay"),
    ],
)
def test_what_disagrees_asks_a_person(
    encounters: pd.DataFrame, patients: pd.DataFrame, changes: dict[str, Any], why: str
) -> None:
    found = candidates_for(document(**changes), encounters, patients)
    assert found.iloc[0]["target"] == "e5"
    assert found.iloc[0]["band"] == "review"
    assert why in found.iloc[0]["reason"]


def test_a_number_alone_is_not_enough(encounters: pd.DataFrame, patients: pd.DataFrame) -> None:
    found = candidates_for(document(mrn=None, written_date=None, author_npi=None), encounters, patients)
    assert set(found["band"]) <= {"review"}


def test_the_printed_head_tells_the_patient(encounters: pd.DataFrame, patients: pd.DataFrame) -> None:
    one = patients.iloc[5]
    head = (
        f"HOSPITAL\nPatient: {one['last_name'].upper()}, {one['first_name'].upper()}  DOB: {one['birth_date']:%m/%d/%Y}"
    )
    found = candidates_for(document(mrn=None, text=head), encounters, patients)
    assert list(found[found["band"] == "auto"]["target"]) == ["e5"]


def test_nothing_near_has_no_candidate(encounters: pd.DataFrame, patients: pd.DataFrame) -> None:
    assert candidates_for(document(encounter_number="12", mrn="99"), encounters, patients).empty
    assert candidates_for(document(hospital_id="X"), encounters, patients).empty
    assert candidates_for(document().iloc[:0], encounters, patients).empty


def test_an_encounter_finds_its_patient_by_number_and_printed_head(patients: pd.DataFrame) -> None:
    one = patients.iloc[9]
    asked = {"record": "e", "source": "s", "hospital_id": "H", "mrn": one["mrn"][:-1] + "7"}
    head = f"Name: {one['last_name']}, {one['first_name']}  Date of birth: {one['birth_date']:%m/%d/%Y}"
    found = patients_for(pd.DataFrame([{**asked, "text": head}], dtype=object), patients)
    assert list(found[found["band"] == "auto"]["target"]) == ["p9"]
    without = patients_for(pd.DataFrame([{**asked, "text": None}], dtype=object), patients)
    assert "auto" not in set(without["band"])


@pytest.mark.parametrize(
    ("head", "name", "born"),
    [
        ("Patient: SMITH, JOHN    MRN: 1    DOB: O1/02/195I", ("SMITH", "JOHN"), "19510102"),
        ("Name: O'Brien, Mary\nBirth date 1950-03-04", ("O'BRIEN", "MARY"), "19500304"),
        ("DOB: 77/77/1950", None, None),
        ("", None, None),
    ],
)
def test_heads_are_read_as_far_as_they_can_be(head: str, name: tuple[str, str] | None, born: str | None) -> None:
    assert printed_person(head) == (name, born)
