"""Providers and payers against registries, by the days they hold; what is not known is said, never passed silently."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from medcode_ml.codes.loaded import ReferenceFileError, loaded_path
from medcode_ml.codes.taxonomy import TABLE as TAXONOMY
from medcode_ml.codes.taxonomy import load_taxonomy, taxonomy_section
from medcode_ml.contracts import mapped
from medcode_ml.contracts.raw import delivered_columns
from medcode_ml.mapping.payers import map_payers
from medcode_ml.mapping.providers import map_providers, npis_of, same_name
from medcode_ml.simulation.organisations import HOSPITALS, LEFT, clinician_rows, hospital_rows
from medcode_ml.simulation.registry_file import FILE_NAME, write_registry
from medcode_ml.store.registry import COLUMNS, TABLE, load_nppes, registry_of

SEED = 5
RECEIVED = date(2026, 10, 5)


def raw(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, dtype=object).reindex(columns=delivered_columns(table)).astype(object)
    return frame.where(frame.notna() & (frame != ""), None).assign(source="simulated")


def network(registry: pd.DataFrame | None, clinicians: list[dict[str, str]] | None = None) -> pd.DataFrame:
    people = clinician_rows(SEED) if clinicians is None else clinicians
    return map_providers(raw("hospital", hospital_rows()), raw("clinician", people), registry, RECEIVED)


def rules(row: pd.Series) -> set[str]:  # type: ignore[type-arg]
    return {f["rule"] for f in row["findings"]}


@pytest.fixture
def registry(tmp_path: Path) -> Any:
    """The synthetic registry loaded, what it must show, and its rows for the network; gone afterwards."""
    expected = write_registry(tmp_path, SEED)
    listed = 4 + len(clinician_rows(SEED)) - 1
    seen: list[int] = []
    assert load_nppes(tmp_path / FILE_NAME, seen.append) == listed
    assert seen[-1] == listed
    asked = npis_of(raw("hospital", hospital_rows()), raw("clinician", clinician_rows(SEED)))
    found = registry_of(asked)
    assert found is not None
    yield expected, found
    loaded_path(TABLE).unlink()


def test_rows_have_the_shape_of_their_contract() -> None:
    made = network(None)
    assert list(made.columns) == [c.name for c in mapped.provider.columns if c.name != "received_date"]
    assert len(made) == 4 + len(clinician_rows(SEED))
    payers = map_payers(raw("payer", [{"payer_id": "P", "name": "P", "kind": "medicare"}]))
    assert list(payers.columns) == [c.name for c in mapped.payer.columns if c.name != "received_date"]
    assert network(None, []).shape[0] == 4


def test_without_a_registry_every_row_says_so() -> None:
    assert set(network(None)["registry_status"]) == {"no_registry"}


def test_rule_35_the_check_digit_is_asked_without_a_registry() -> None:
    person = {**clinician_rows(SEED)[0], "npi": "1234567890"}
    row = network(None, [person]).iloc[-1]
    assert row["registry_status"] == "invalid_npi"
    assert "npi_check_digit" in rules(row)


def test_each_fault_of_the_registry_file_is_told(registry: tuple[dict[str, str], pd.DataFrame]) -> None:
    expected, rows = registry
    made = network(rows).set_index("npi")
    for npi, what in expected.items():
        assert what == made.loc[npi, "registry_status"] or what in rules(made.loc[npi]), what
    others = made.drop(list(expected))
    assert set(others["registry_status"]) == {"active"}
    assert [n for n, r in others.iterrows() if rules(r) - {"no_longer_effective"}] == []
    assert made.loc[HOSPITALS[0].npi, "registry_from"] == date(2006, 5, 23)
    assert made.loc[next(iter(expected)), "registry_to"] == date(2025, 3, 15)


def test_an_identifier_deactivated_after_the_delivery_is_active_in_it(
    registry: tuple[dict[str, str], pd.DataFrame],
) -> None:
    expected, rows = registry
    deactivated = next(iter(expected))
    people = raw("clinician", clinician_rows(SEED))
    made = map_providers(raw("hospital", []), people, rows, date(2025, 3, 14)).set_index("npi")
    assert made.loc[deactivated, "registry_status"] == "active"
    assert made.loc[deactivated, "registry_to"] == date(2025, 3, 15)


def test_privileges_that_ended_are_found_by_the_day_of_the_delivery() -> None:
    left = network(None).set_index("npi").loc[LEFT.npi]
    assert left["effective_to"] == date(2025, 6, 30)
    assert rules(left) == {"no_longer_effective"}


def test_effective_dates_are_read_or_said_to_be_unreadable_and_out_of_order() -> None:
    person = clinician_rows(SEED)[0]
    made = network(None, [{**person, "effective_from": "soon"}])
    assert rules(made.iloc[-1]) == {"date_unreadable"}
    made = network(None, [{**person, "effective_from": "2026-01-01", "effective_to": "2025-01-01"}])
    assert rules(made.iloc[-1]) == {"dates_in_order"}
    assert rules(network(None, [{**person, "effective_from": "2027-01-01"}]).iloc[-1]) == {"not_yet_effective"}


def test_one_identifier_on_rows_that_disagree_is_one_row_with_a_finding() -> None:
    person = clinician_rows(SEED)[0]
    made = network(None, [person, person, {**person, "last_name": "Other"}])
    assert len(made) == 5
    assert rules(made.iloc[-1]) == {"delivered_differently"}


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("Saint Lucan Regional Hospital", "SAINT LUCAN REGIONAL HOSPITAL, INC.", True),
        ("O'Brien, Mary", "OBRIEN, MARY", True), ("Mary Smith", "SMITH, MARY", True),
        ("Smith, Mary", "Smith, Marie", True),
        ("Smith, Mary", "Nguyen, Robert", False), ("Harborview Medical Center", "Cascade Children's Hospital", False),
        ("", "Smith", False),
    ],
)  # fmt: skip
def test_names_are_compared_without_order_and_legal_suffixes(name: str, other: str, same: bool) -> None:
    assert same_name(name, other) is same


def test_the_taxonomy_code_set_tells_what_is_listed_and_for_whom(tmp_path: Path) -> None:
    file = tmp_path / "nucc.csv"
    file.write_text(
        "Code,Grouping,Section\n282N00000X,Hospitals,Non-Individual\n207R00000X,Physicians,Individual\n", "utf-8"
    )
    person = {**clinician_rows(SEED)[0], "taxonomy": "282N00000X"}
    assert rules(network(None, [person]).iloc[-1]) == set()
    try:
        assert load_taxonomy(file) == 2
        assert taxonomy_section("282N00000X") == "organization"
        assert rules(network(None, [person]).iloc[-1]) == {"taxonomy_of_kind"}
        assert rules(network(None, [{**person, "taxonomy": "207Q00000X"}]).iloc[-1]) == {"taxonomy_listed"}
    finally:
        loaded_path(TAXONOMY).unlink()
    assert rules(network(None, [{**person, "taxonomy": "207"}]).iloc[-1]) == {"taxonomy_format"}
    assert rules(network(None, [{**person, "taxonomy": None}]).iloc[-1]) == {"taxonomy_missing"}


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "NPI,Entity Type Code\n1,1\n"])
def test_a_file_that_is_no_registry_is_refused_and_the_one_before_stays(tmp_path: Path, text: str) -> None:
    write_registry(tmp_path, SEED)
    load_nppes(tmp_path / FILE_NAME)
    try:
        (tmp_path / "other.csv").write_text(text)
        with pytest.raises(ReferenceFileError, match=r"other\.csv"):
            load_nppes(tmp_path / "other.csv")
        cut = (tmp_path / FILE_NAME).read_bytes()
        (tmp_path / "cut.csv").write_bytes(cut[: len(cut) // 2])
        with pytest.raises(ReferenceFileError, match=r"cut\.csv"):
            load_nppes(tmp_path / "cut.csv")
        found = registry_of([HOSPITALS[0].npi])
        assert found is not None
        assert list(found.columns) == list(COLUMNS)
        assert len(found) == 1
    finally:
        loaded_path(TABLE).unlink()
    assert registry_of([HOSPITALS[0].npi]) is None


def test_a_file_that_is_no_taxonomy_is_refused(tmp_path: Path) -> None:
    for text in ("", "a,b\n", "Code,Section\n", "Code,Section\nnope,Individual\n"):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(ReferenceFileError, match=r"t\.csv"):
            load_taxonomy(tmp_path / "t.csv")


def test_payers_hold_from_day_to_day_and_say_what_does_not_agree() -> None:
    rows = [
        {"payer_id": "A", "name": " Plan  A ", "kind": "Commercial", "contract": "c1", "effective_to": "12/31/2025"},
        {"payer_id": "A", "name": "Plan A", "kind": "commercial", "contract": "c2", "effective_from": "2026-01-01"},
        {"payer_id": "B", "name": "B", "kind": "barter", "effective_from": "x"},
        {"payer_id": "C", "name": "C", "kind": "self-pay"},
        {"payer_id": "C", "name": "C again", "kind": "self-pay"},
    ]
    made = map_payers(raw("payer", rows), RECEIVED, {"c2"}).set_index("payer_id")
    assert made.loc["A", "name"] == "Plan A"
    assert made.loc["A", "kind"] == "commercial"
    assert made.loc["C", "kind"] == "self_pay"
    found = {payer: rules(row) for payer, row in made.iterrows()}
    assert found == {
        "A": {"contract_known", "no_longer_effective", "several_periods"},
        "B": {"payer_kind_known", "date_unreadable"},
        "C": {"periods_overlap"},
    }
    assert map_payers(raw("payer", [])).empty
