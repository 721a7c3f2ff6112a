"""Figures of a shadow run, worked by hand: both ways are told, and an encounter that one side lacks counts."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from medcode_ml.models.warehouse.comparison import COLUMNS, Outcome, compared, compared_amounts


def outcome(*rows: tuple[str, str | None, str | None, str | None, list[str]], seconds: float = 1.0) -> Outcome:
    encounters = pd.DataFrame(
        [(e, p, d, None if w is None else Decimal(w)) for e, p, d, w, _ in rows],
        columns=["encounter_id", "principal_code", "drg", "weight"], dtype=object,
    )  # fmt: skip
    codes = pd.DataFrame([(r[0], c) for r in rows for c in r[4]], columns=["encounter_id", "code"], dtype=object)
    return Outcome(encounters, codes, seconds)


CHAMPION = outcome(
    ("a", "J18.9", "193", "1.3", ["J18.9", "I10"]),
    ("b", "I10", "304", "1.0", ["I10", "E11.9"]),
    ("c", "A41.9", "871", "1.9", ["A41.9"]),
    ("d", None, None, None, []),
)
SHADOW = outcome(
    ("a", "J18.9", "193", "1.3", ["J18.9", "I10"]),
    ("b", "E11.9", "637", "0.9", ["I10"]),
    ("c", "A41.9", "870", "6.5", ["A41.9", "J96.01", "R65.21"]),
    ("d", None, None, None, []),
    seconds=2.5,
)


def test_agreement_and_both_directions_are_counted() -> None:
    found = compared(CHAMPION, SHADOW, resamples=50)
    assert tuple(found.columns) == COLUMNS
    value = dict(zip(found["figure"], found["value"], strict=True))
    assert value["code_agreement"] == pytest.approx(2 * 4 / (5 + 6), abs=1e-4)
    assert (value["codes_added"], value["codes_dropped"]) == (0.5, 0.25)
    assert value["principal_agreement"] == pytest.approx(2 / 3, abs=1e-4)
    assert value["drg_shift"] == pytest.approx(2 / 3, abs=1e-4)
    assert value["drg_weight_up"] == value["drg_weight_down"] == pytest.approx(1 / 3, abs=1e-4)
    assert value["case_mix_shift"] == pytest.approx((0 - 0.1 + 4.6) / 3, abs=1e-4)
    assert (value["champion_seconds"], value["shadow_seconds"]) == (1.0, 2.5)
    counted = dict(zip(found["figure"], found["encounters"], strict=True))
    assert (counted["drg_shift"], counted["codes_added"]) == (3, 4)
    shift = found.set_index("figure").loc["drg_shift"]
    assert shift["low"] <= shift["value"] <= shift["high"]


def test_a_version_agrees_with_itself() -> None:
    value = compared(CHAMPION, CHAMPION, resamples=20).set_index("figure")["value"]
    assert value["code_agreement"] == value["principal_agreement"] == 1.0
    assert not value[["codes_added", "codes_dropped", "drg_shift", "drg_weight_up", "case_mix_shift"]].any()


def test_a_claim_that_only_one_of_them_groups_has_shifted() -> None:
    lost = outcome(("a", None, None, None, []), *[("b", "I10", "304", "1.0", ["I10", "E11.9"])])
    value = compared(CHAMPION, lost, resamples=0).set_index("figure")["value"]
    assert value["drg_shift"] == pytest.approx(2 / 3, abs=1e-4), "a and c have no MS-DRG any more"
    assert value["codes_dropped"] == 0.75


def test_a_day_without_encounters_has_no_values() -> None:
    found = compared(outcome(), outcome(), resamples=20)
    assert found[found["figure"] == "drg_shift"]["value"].tolist() == [None]
    assert set(found["encounters"]) == {0}


def test_amounts_are_compared_claim_by_claim_and_in_sum() -> None:
    one = pd.DataFrame({"charges": [100.0, 200.0]}, index=pd.Index(["a", "b"], name="encounter_id"))
    other = pd.DataFrame({"charges": [110.0, 180.0]}, index=one.index)
    value = compared_amounts(one, other, (0.1, 0.2), resamples=20).set_index("figure")["value"]
    assert value["charges_apart"] == pytest.approx(0.1)
    assert value["charges_shift"] == pytest.approx(-10 / 300, abs=1e-4)
    assert value["shadow_seconds"] == 0.2
