"""Owners of hospitals by name and place, and CMS' file over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.billing.amounts.cases import cases_of
from medcode_ml.billing.amounts.kernels import kernels
from medcode_ml.billing.amounts.owners import KINDS, Owned, owners_of
from medcode_ml.billing.amounts.owners_loaded import TABLE, load_hospital_owners
from medcode_ml.billing.amounts.providers import ProviderSpace, facts_of
from medcode_ml.codes.loaded import ReferenceFileError, loaded_path

HEADER = "Facility ID,Facility Name,Hospital Ownership\n"


def owner(name: str, city: str = "", state: str = "", number: str = "X1") -> Owned:
    given = (np.array([text], dtype=object) for text in (number, name, city, state))
    return owners_of(*given)[0]


@pytest.fixture
def nothing_loaded() -> Iterator[None]:
    yield
    loaded_path(TABLE).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("name", "city", "state", "found"),
    [
        ("Kendall Regional Medical Center", "MIAMI", "FL", Owned("HCA", "investor")),
        ("ST. MARK'S HOSPITAL", "SALT LAKE CITY", "UT", Owned("HCA", "investor")),
        ("SAINT MARKS HOSP", "SALT LAKE CITY", "UT", Owned("HCA", "investor")),
        ("ST MARYS MEDICAL CENTER", "WEST PALM BEACH", "FL", Owned("Tenet", "investor")),
        ("BANNER GOOD SAMARITAN MEDICAL CENTER", "PHOENIX", "AZ", Owned("Banner", "nonprofit")),
        ("JOHNS HOPKINS HOSPITAL, THE", "BALTIMORE", "MD", Owned("Maryland rate setting", "regulated")),
        ("VAN WERT COUNTY HOSPITAL", "VAN WERT", "OH", Owned("", "public")),
        ("ELKHART COUNTY GENERAL HOSPITAL", "ELKHART", "IN", Owned("", "public")),
        ("AULTMAN HOSPITAL", "CANTON", "OH", Owned("", "")),
    ],
)
def test_a_hospital_is_known_by_name_and_place(name: str, city: str, state: str, found: Owned) -> None:
    assert owner(name, city, state) == found


def test_the_same_name_elsewhere_is_of_another_owner() -> None:
    name = "SPRING VALLEY HOSPITAL MEDICAL CENTER"
    assert owner(name, "LAS VEGAS", "NV").owner == "Universal Health Services"
    assert owner(name, "SPRING VALLEY", "IL").owner == ""


def test_a_city_that_a_file_cut_short_is_still_the_city() -> None:
    name = "GOOD SAMARITAN MEDICAL CENTER"
    assert owner(name, "WEST PALM BEAC", "FL") == owner(name, "WEST PALM BEACH", "FL") == Owned("Tenet", "investor")


@given(st.text(), st.text(), st.text(max_size=3))
def test_any_text_has_an_owner_or_none(name: str, city: str, state: str) -> None:
    found = owner(name, city, state)
    assert found.kind in ("", *KINDS)
    assert found == owner(name, city, state)


def test_hospitals_of_one_owner_are_alike_and_those_of_none_are_not() -> None:
    names = ("BRANDON REGIONAL HOSPITAL", "LARGO MEDICAL CENTER", "TAMPA HOSPITAL", "ODESSA HOSPITAL")
    rows = [
        {"drg": "470", "provider_id": f"10000{n}", "provider_name": name, "city": "TOWN", "state": "FL"}
        for n, name in enumerate(names)
    ]
    facts = facts_of(cases_of(pd.DataFrame(rows)), ("470",))
    located = ProviderSpace.fit(facts).located(facts)
    matrices = dict(kernels(located, located))
    assert matrices["owner"][0, 1] == matrices["kind of owner within the state"][0, 1] == 1.0
    assert matrices["owner"][0, 2] == matrices["owner"][2, 3] == matrices["kind of owner"][2, 3] == 0.0


# --- what CMS publishes -----------------------------------------------------------------------------------------------


def test_what_was_loaded_wins_where_the_table_says_otherwise_or_little(tmp_path: Path, nothing_loaded: None) -> None:
    file = tmp_path / "hospitals.csv"
    file.write_text(
        HEADER + "100001,Kendall Regional,Proprietary\n100002,Largo,Voluntary non-profit - Private\n"
        "100003,Aultman,Government - Hospital District or Authority\n10004,Elm,Physician\n100005,No one,\n"
    )
    assert load_hospital_owners(file) == 4
    assert owner("KENDALL REGIONAL", "", "FL", "100001") == Owned("HCA", "investor")
    assert owner("LARGO MEDICAL CENTER", "", "FL", "100002") == Owned("", "nonprofit"), "sold since"
    assert owner("AULTMAN HOSPITAL", "", "OH", "100003") == Owned("", "public")
    assert owner("ELM HOSPITAL", "", "OH", "010004") == Owned("", "investor"), "a spreadsheet drops zeros"
    assert owner("ELM HOSPITAL", "", "OH", "999999") == Owned("", "")
    file.write_text(HEADER + "100003,Aultman,Tribal\n")
    assert load_hospital_owners(file) == 1
    assert owner("AULTMAN HOSPITAL", "", "OH", "100003") == Owned("", "federal"), (
        "the new file takes the old one's place"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "it is not Hospital General Information"),
        (HEADER, "it is not Hospital General Information"),
        (
            HEADER + "100001,Elm,Proprietary\n100002,Oak,Cooperative\n",
            "line 3: the ownership 'Cooperative' is not known",
        ),
        ("", "cannot be read as CSV"),
    ],
)
def test_another_file_is_refused_in_words(content: str, said: str, tmp_path: Path, nothing_loaded: None) -> None:
    file = tmp_path / "hospitals.csv"
    file.write_text(content)
    with pytest.raises(ReferenceFileError, match=said):
        load_hospital_owners(file)
    assert not loaded_path(TABLE).exists()
