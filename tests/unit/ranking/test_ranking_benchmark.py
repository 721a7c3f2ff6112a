"""The figures of the ranking benchmark against values worked by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from medcode_ml.benchmarks.ranking import figures, gain, interval, kendall, ndcg, run


def test_gain_by_place() -> None:
    assert [gain(place) for place in (1, 2, 3, 4, 6, 7, 10, 11)] == [15, 7, 7, 3, 3, 1, 1, 0]


def test_ndcg_of_two_swapped_codes() -> None:
    best = 15 + 7 / math.log2(3)
    assert ndcg(["A", "B"], ["A", "B"]) == pytest.approx(1.0)
    assert ndcg(["B", "A"], ["A", "B"]) == pytest.approx((7 + 15 / math.log2(3)) / best)


def test_kendall_counts_pairs() -> None:
    assert kendall(list("ABCD"), list("ABCD")) == 1.0
    assert kendall(list("DCBA"), list("ABCD")) == -1.0
    assert kendall(list("BACD"), list("ABCD")) == pytest.approx(4 / 6)
    assert math.isnan(kendall(["A"], ["A"]))


def test_places_of_the_principal() -> None:
    found = figures([["A", "B"], ["B", "A"]], [["A", "B"], ["A", "B"]])
    assert found["principal_top1"].tolist() == [1.0, 0.0]
    assert found["mean_reciprocal_rank"].tolist() == [1.0, 0.5]


def test_interval_resamples_patients_not_stays() -> None:
    values = np.array([1.0] * 50 + [0.0] * 50)
    two_patients = interval(values, ["P1"] * 50 + ["P2"] * 50)
    all_apart = interval(values, [str(number) for number in range(100)])
    assert (two_patients["low"], two_patients["high"]) == (0.0, 1.0)
    assert 0.35 < all_apart["low"] < all_apart["mean"] == 0.5 < all_apart["high"] < 0.65
    assert interval(np.array([1.0, np.nan]), ["P1", "P2"])["encounters"] == 1


def test_run_on_a_folder(tmp_path: Path) -> None:
    lines = [
        {"encounter_id": "E1", "patient_id": "P1", "age": 70, "sex": "M", "codes": ["I10", "J18.9"]},
        {"encounter_id": "E2", "patient_id": "P2", "age": 70, "sex": "F", "codes": ["E11.9", "N17.9"]},
    ]
    gold = [
        {"encounter_id": "E1", "codes": ["J18.9", "I10"], "drg": 195},
        {"encounter_id": "E2", "codes": ["E11.9", "N17.9"], "drg": None},
    ]
    (tmp_path / "encounters.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, gold)), encoding="utf-8")
    found = run(tmp_path)
    assert found["medcode"]["principal_top1"]["mean"] == 0.5
    assert found["as_given"]["principal_top1"]["mean"] == 0.5
    assert found["medcode"]["drg_agreement_with_recorded"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "encounters": 1}
