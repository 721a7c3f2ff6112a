"""Figures of a shadow run, worked by hand: both ways are told, and an encounter that one side lacks counts."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from medcode_ml.models.warehouse.comparison import (
    COLUMNS,
    Outcome,
    compared,
    compared_amounts,
    drgs_of,
    held_against_coders,
)


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


def coders(*rows: tuple[str, str | None, str | None]) -> pd.DataFrame:
    known = pd.DataFrame(
        [(e, d, None if w is None else Decimal(w)) for e, d, w in rows],
        columns=["encounter_id", "coder_drg", "coder_weight"], dtype=object,
    )  # fmt: skip
    both = drgs_of(CHAMPION, SHADOW).merge(known, on="encounter_id", how="left").astype(object)
    return both.where(both.notna(), None)


def test_both_versions_are_held_against_the_coders_drg_and_never_against_its_weight() -> None:
    """Rule 43: the shadow's 870 weighs three times the coders' 871 and is lost, not gained."""
    found = held_against_coders(
        coders(("a", "193", "1.3"), ("b", "637", "0.9"), ("c", "871", "1.9"), ("d", "280", "1.5"))
    )
    value, counted = (dict(zip(found["figure"], found[name], strict=True)) for name in ("value", "encounters"))
    assert (value["drg_right_champion"], value["drg_right_shadow"]) == (0.5, 0.5), "a and c; a and b"
    assert (value["drg_gained"], value["drg_lost"]) == (0.25, 0.25)
    assert {counted[n] for n in ("drg_right_champion", "drg_right_shadow", "drg_gained", "drg_lost")} == {4}
    # d has no weight by either version: it is counted as wrong above, and its distance is not known
    assert counted["drg_weight_error_shadow"] == 3
    assert value["drg_weight_error_champion"] == pytest.approx(0.1 / 3, abs=1e-4)
    assert value["drg_weight_error_shadow"] == pytest.approx(4.6 / 3, abs=1e-4)


def test_encounters_that_no_coder_labelled_are_not_counted() -> None:
    found = held_against_coders(coders(("a", "193", "1.3"), ("b", None, None))).set_index("figure")
    assert found["encounters"]["drg_right_shadow"] == 1
    nobody = held_against_coders(coders())
    assert nobody["value"].tolist() == [None] * len(nobody)


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


def test_predicted_payments_are_held_against_what_was_paid() -> None:
    names = pd.Index(["a", "b", "c"], name="encounter_id")
    one = pd.DataFrame({"charges": [9.0, 9.0, 9.0], "payments": [100.0, 200.0, 300.0]}, index=names)
    other = one.assign(payments=[110.0, 150.0, 300.0])
    paid = pd.Series([Decimal("110"), Decimal("200")], index=["a", "b"], name="payments", dtype=object)
    found = compared_amounts(one, other, (0.1, 0.2), paid, resamples=20).set_index("figure")
    assert found["value"]["payments_error_champion"] == pytest.approx((10 / 110 + 0) / 2, abs=1e-4)
    assert found["value"]["payments_error_shadow"] == pytest.approx((0 + 50 / 200) / 2, abs=1e-4)
    assert found["encounters"]["payments_error_shadow"] == 2
    assert "payments_error_shadow" not in set(compared_amounts(one, other, (0.1, 0.2), resamples=0)["figure"])
