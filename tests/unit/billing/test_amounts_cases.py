"""Price cases: what is read, what is refused and why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.amounts_hospitals import made_up

from medcode_ml.billing.amounts.by_weight import PER_WEIGHT, price_by_weight
from medcode_ml.billing.amounts.cases import AmountCaseError, cases_of, checked, drg_number, provider_number
from medcode_ml.billing.amounts.model import PRICED
from medcode_ml.billing.amounts.places import NAMES, places
from medcode_ml.billing.amounts.reading import read_cases
from medcode_ml.billing.amounts.records import check_case, price_records
from medcode_ml.billing.amounts.weights import SUCCESSORS, grouped
from medcode_ml.models.labelled_files import LabelledSourceError

CASE = {"drg": "291", "provider_id": "10001", "provider_name": "ELM", "city": "TOWN", "state": "AL", "zip": "36301"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"drg": None}, "drg is missing"),
        ({"drg": "I50"}, "drg is missing or no MS-DRG"),
        ({"drg": "2911"}, "no MS-DRG"),
        ({"drg": True}, "no MS-DRG"),
        ({"provider_id": None}, "provider_id is missing"),
        ({"provider_id": " "}, "provider_id is missing"),
        ({"total_discharges": 0}, "total_discharges is no number above 0"),
        ({"total_discharges": "many"}, "total_discharges is no number"),
        ({"aveCharges": -5}, "aveCharges is no number above 0"),
        ({"avePayments": float("nan")}, "avePayments is no number above 0"),
        ({"provider_name": ["ELM"]}, "provider_name is no text"),
        ({"drg": "000"}, "drg has no weight"),
    ],
)
def test_a_case_that_cannot_be_priced_says_why(change: dict[str, object], said: str) -> None:
    with pytest.raises(AmountCaseError, match=said):
        check_case({**CASE, **change})


def test_numbers_that_lost_their_zeros_get_them_back() -> None:
    case = checked({**CASE, "drg": 39, "provider_id": 10001, "zip": 2114})
    assert (case["drg"], case["provider_id"], case["zip"]) == ("039", "010001", "02114")
    assert checked({**CASE, "zip": "02114-1234"})["zip"] == "02114"


@given(st.one_of(st.none(), st.booleans(), st.text(max_size=8), st.integers(), st.floats(), st.lists(st.integers())))
def test_any_value_is_a_number_or_refused_in_words(value: object) -> None:
    for read, least in ((drg_number, 3), (provider_number, 1)):
        said = None
        try:
            number = read(value)
        except AmountCaseError as wrong:
            number, said = "", str(wrong)
        assert len(number) >= least or (said is not None and "is missing" in said)


def test_the_frame_keeps_a_hospital_together_and_the_first_text_that_is_given() -> None:
    frame = pd.DataFrame([{**CASE, "provider_name": None}, {**CASE, "drg": "292", "provider_id": "010001"}])
    cases = cases_of(frame)
    assert len(cases.providers) == 1
    assert cases.providers["provider_name"].tolist() == ["ELM"]
    assert np.isnan(cases.amounts["charges"]).all()


def test_lines_and_folder_give_the_same_cases(tmp_path: Path) -> None:
    frame = made_up(4)
    lines = tmp_path / "cases.jsonl"
    bad = {**CASE, "aveCharges": 5.0}
    texts = [json.dumps(row) for row in [*frame.to_dict("records"), bad]]
    lines.write_text("\n".join([*texts, "{not json"]) + "\n", encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    frame.rename(columns={"provider_id": "idProvider", "total_discharges": "totalDischarges"})[
        ["drg", "idProvider", "totalDischarges", "aveCharges", "avePayments"]
    ].to_csv(folder / "MedicareCharges.csv", index=False)
    frame.drop_duplicates("provider_id").rename(
        columns={"provider_id": "idProvider", "provider_name": "nameProvider", "city": "cityProvider",
                 "state": "stateProvider", "zip": "zipProvider", "referral_region": "referralRegion"}
    )[["idProvider", "nameProvider", "cityProvider", "stateProvider", "zipProvider", "referralRegion"]].to_csv(
        folder / "MedicareProviders.csv", index=False
    )  # fmt: skip
    one, other = read_cases(lines), read_cases(folder)
    assert [r.reason for r in one.rejected] == [
        "avePayments missing; give the mean amounts that were found, in US dollars",
        "not JSON; one object a line is wanted",
    ]
    assert one.fingerprint() == other.fingerprint()
    assert one.fingerprint() != read_cases(folder).cases.iloc[1:].pipe(lambda f: type(one)(f, (), "")).fingerprint()


def test_a_source_of_no_known_layout_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabelledSourceError, match="has no MedicareCharges"):
        read_cases(tmp_path)
    with pytest.raises(LabelledSourceError, match="not there"):
        read_cases(tmp_path / "nothing.jsonl")


def test_without_a_model_a_price_is_the_weight_times_the_rate() -> None:
    price = price_by_weight(pd.DataFrame([CASE])).iloc[0]
    facts = grouped("291")
    assert facts is not None
    assert price["payments"] == pytest.approx(facts.weight * PER_WEIGHT["payments"][0])
    assert price["payments_low"] < price["payments"] < price["payments_high"]


def test_a_retired_drg_has_the_weight_of_its_successor() -> None:
    for retired, successor in SUCCESSORS.items():
        assert grouped(retired) == grouped(successor) is not None


def test_lines_keep_their_order_and_unknown_keys() -> None:
    lines = [{**CASE, "ward": "7"}, {**CASE, "drg": "470", "charges": "to be replaced"}]
    priced = price_records(lines)
    assert [p["drg"] for p in priced] == ["291", "470"]
    assert priced[0]["ward"] == "7"
    assert all(isinstance(p[name], float) for p in priced for name in PRICED)
    assert {p["model_version"] for p in priced} == {"weight"}
    assert price_records([]) == []


def test_places_are_known_by_zip_code_and_near_it() -> None:
    found, area = places(np.array(["02114", "02199", "", "99999"], dtype=object))
    assert found.shape == (4, 2 + len(NAMES))
    assert found[0, 0] == pytest.approx(42.36, abs=0.1)
    assert found[1, 0] == pytest.approx(42.35, abs=0.2)
    assert area[0]
    assert not area[2]
    assert np.isnan(found[2]).all()
