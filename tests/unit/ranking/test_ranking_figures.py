"""Figures of orders against values worked by hand, scipy and scikit-learn's formulas, and their intervals."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

import medcode_ml.ranking as package
from medcode_ml.codes.drg_weights import drg_weight
from medcode_ml.models.labelled_files import LabelledSourceError, Rejected
from medcode_ml.ranking.figures.certainty import certainty_figures
from medcode_ml.ranking.figures.drg import StayGrouper, agreement, family
from medcode_ml.ranking.figures.measured import Gold, Measured, averaged, paired, summary
from medcode_ml.ranking.figures.orders import order_figures, places
from medcode_ml.ranking.figures.pictures import principal_reliability_picture, principal_risk_picture
from medcode_ml.ranking.figures.predictions import RankedFileError, RankedStay, ranked_stay, read_ranked
from medcode_ml.ranking.figures.report import ranking_report, table
from medcode_ml.ranking.labelled.stay import LabelledStay, LabelledStays


def stay(number: int, *codes: str, patient: str | None = None, drg: str | None = None, **keys: Any) -> LabelledStay:
    record = {"encounter_id": f"E{number}", "age": 70, "sex": "M", "discharge_status": 1, "codes": sorted(codes)} | keys
    return LabelledStay(f"E{number}", patient or f"P{number}", codes, record, drg=drg)


def ranked(number: int, *codes: str, **keys: Any) -> RankedStay:
    return RankedStay(f"E{number}", codes, **keys)


def values_of(measured: list[float], patients: list[str]) -> Measured:
    nothing = np.full(len(measured), np.nan)
    return Measured(tuple(patients), {"principal_top1": np.array(measured)}, (nothing, nothing))


def test_ndcg_of_two_swapped_codes() -> None:
    best = 15 + 7 / math.log2(3)
    found = order_figures([["A", "B"], ["B", "A"]], [["A", "B"], ["A", "B"]])
    assert found["ndcg_at_10"] == pytest.approx([1.0, (7 + 15 / math.log2(3)) / best])
    assert found["ndcg_at_5"] == pytest.approx(found["ndcg_at_10"])


def test_ndcg_cuts_the_order_and_the_ideal() -> None:
    truth = list("ABCDEFGH")
    order = list("BCDEFAGH")  # the principal comes sixth
    worth = {"A": 15, "B": 7, "C": 7, "D": 3, "E": 3, "F": 3, "G": 1, "H": 1}
    for cut in (5, 10):
        gained = sum(worth[code] / math.log2(place + 1) for place, code in enumerate(order[:cut], start=1))
        best = sum(worth[code] / math.log2(place + 1) for place, code in enumerate(truth[:cut], start=1))
        assert order_figures([order], [truth])[f"ndcg_at_{cut}"] == pytest.approx([gained / best])


def test_codes_after_the_tenth_true_place_gain_nothing() -> None:
    truth = [f"C{number:02d}" for number in range(14)]
    late = [*truth[:10], *reversed(truth[10:])]
    found = order_figures([late], [truth])
    assert found["ndcg_at_10"] == pytest.approx([1.0])
    assert found["kendall_tau_b_top10"] == pytest.approx([1.0])


def test_kendall_counts_pairs() -> None:
    orders = [list("ABCD"), list("DCBA"), list("BACD")]
    assert order_figures(orders, [list("ABCD")] * 3)["kendall_tau_b_top10"] == pytest.approx([1, -1, 4 / 6])
    assert np.isnan(order_figures([["A"]], [["A"]])["kendall_tau_b_top10"]).all()


@given(st.permutations([f"C{number}" for number in range(12)]), st.integers(2, 12), st.integers(0, 12))
def test_kendall_is_that_of_scipy_with_lacking_codes_tied(order: list[str], true: int, kept: int) -> None:
    truth = [f"C{number}" for number in range(true)]
    given_codes = order[:kept]
    place = {code: number for number, code in enumerate(given_codes)}
    first = truth[:10]
    expected = kendalltau(range(len(first)), [place.get(code, 99) for code in first]).statistic
    found = order_figures([given_codes], [truth])["kendall_tau_b_top10"][0]
    assert found == pytest.approx(0.0 if math.isnan(expected) else expected)


def test_places_of_the_principal() -> None:
    found = order_figures([["A", "B"], ["B", "A"], ["B", "C", "D", "A"]], [["A", "B"], ["A", "B"], ["A"]])
    assert found["principal_top1"].tolist() == [1.0, 0.0, 0.0]
    assert found["principal_top3"].tolist() == [1.0, 1.0, 0.0]
    assert found["mean_reciprocal_rank"].tolist() == [1.0, 0.5, 0.25]


def test_a_lacking_code_is_last_and_a_foreign_one_keeps_its_place() -> None:
    found = order_figures([["X", "B", "B"], []], [["A", "B"], ["A", "B"]])
    assert found["mean_reciprocal_rank"].tolist() == [0.0, 0.0]
    assert found["ndcg_at_10"][0] == pytest.approx((7 / math.log2(3)) / (15 + 7 / math.log2(3)))
    assert found["ndcg_at_10"][1] == 0
    assert found["kendall_tau_b_top10"].tolist() == [-1.0, 0.0]


def test_codes_compare_without_dot_and_copies_count_once() -> None:
    assert places([["I5023", "i10", "I10", "J18.9"]], [["I50.23", "J189"]])[0, :2].tolist() == [1.0, 3.0]


def test_a_stay_without_a_true_order_has_no_figures() -> None:
    assert all(np.isnan(values).all() for values in order_figures([["A"]], [[]]).values())


def test_intervals_draw_patients_not_stays() -> None:
    measured = [1.0] * 50 + [0.0] * 50
    two = summary(values_of(measured, ["P1"] * 50 + ["P2"] * 50))["by_encounter"]
    apart = summary(values_of(measured, [str(number) for number in range(100)]))["by_encounter"]
    assert two["principal_top1_95"] == pytest.approx([0.0, 1.0], abs=0.02)
    low, high = apart["principal_top1_95"]
    assert 0.35 < low < apart["principal_top1"] == 0.5 < high < 0.65


def test_macro_by_patient_counts_each_patient_once() -> None:
    found = summary(values_of([1.0, 1.0, 1.0, 0.0, np.nan], ["P1", "P1", "P1", "P2", "P3"]), resamples=0)
    assert found["by_encounter"]["principal_top1"] == 0.75
    assert found["by_patient"]["principal_top1"] == 0.5
    assert "principal_top1_95" not in found["by_patient"]
    assert found["by_patient"]["case_mix_ratio"] is None


def test_paired_difference_is_narrower_than_the_two_intervals() -> None:
    generator = np.random.default_rng(3)
    patients = [str(number) for number in range(200)]
    base = (generator.random(200) < 0.5).astype(float)
    better = base.copy()
    better[np.flatnonzero(base == 0)[:10]] = 1.0
    found = paired(values_of(list(better), patients), values_of(list(base), patients))["by_encounter"]
    low, high = found["principal_top1_95"]
    assert found["principal_top1"] == pytest.approx(0.05)
    assert 0 < low < high < 0.1
    with pytest.raises(ValueError, match="same stays"):
        paired(values_of([1.0], ["P1"]), values_of([1.0], ["P2"]))


def test_average_of_several_orders_is_by_stay() -> None:
    found = averaged([values_of([1.0, np.nan], ["P1", "P2"]), values_of([0.0, np.nan], ["P1", "P2"])])
    assert found.values["principal_top1"][0] == 0.5
    assert found.counts() == {"principal_top1": 1, "case_mix_ratio": 0}


def test_drg_follows_the_order_and_its_family_the_base() -> None:
    gold = Gold([stay(1, "I50.23", "J96.01", "I10", drg="291"), stay(2, "J18.9", "I10")])
    assert gold.true_drgs == ["291", "195"]
    found = gold.measure([["J96.01", "I50.23", "I10"], ["J18.9", "I10"]])
    assert found.values["drg_agreement_with_true_order"].tolist() == [0.0, 1.0]
    assert found.values["drg_agreement_with_recorded"][0] == 0.0
    assert np.isnan(found.values["drg_agreement_with_recorded"][1])
    assert family("291") == family("292") != family("189")
    assert family("837") == family("839")
    assert family("000") == "000"
    assert agreement(["292"], ["291"]).tolist() == [0.0]
    assert agreement(["292", None], ["291", "291"], of_family=True).tolist() == [1.0, 0.0]


def test_case_mix_ratio_is_that_of_the_sums_of_weights() -> None:
    gold = Gold([stay(1, "I50.23", "J96.01", patient="P"), stay(2, "J18.9", "I10", patient="P"), stay(3, "I10")])
    orders = [["J96.01", "I50.23"], ["J18.9", "I10"], []]
    measured = gold.measure(orders)
    heart, lungs, pneumonia = (float(drg_weight(drg, 2026).weight) for drg in ("291", "189", "195"))  # type: ignore[union-attr]
    expected = (lungs + pneumonia) / (heart + pneumonia)
    assert measured.counts()["case_mix_ratio"] == 2
    assert summary(measured, resamples=0)["by_encounter"]["case_mix_ratio"] == pytest.approx(expected, abs=1e-4)
    same = paired(measured, measured, resamples=10)
    assert same["by_encounter"]["case_mix_ratio"] == 0
    assert same["by_patient"]["case_mix_ratio_95"] == [0.0, 0.0]


def test_rule_01_grouper_version_is_that_of_the_discharge_date() -> None:
    days = ("2026-11-15", "2024-12-01", "2018-01-01", "2150-01-01", None)
    grouper = StayGrouper([stay(n, "I10", discharge_date=day) for n, day in enumerate(days)])
    assert grouper.facts["grouper_versions"] == {"V40.0": 3, "V42.0": 1, "V44.0": 1}
    assert grouper.facts["stays_without_a_version_of_their_own"] == 3
    # a stay without a date is weighed by the table at hand; the others are of other years
    assert grouper.facts["stays_of_another_fiscal_year_than_the_weights"] == 4


def test_icd9_procedures_without_their_map_are_left_out_and_counted() -> None:
    operations = [
        {"code": "36.12", "system": "ICD-9-CM"},
        {"code": "02703DZ", "system": "ICD-10-PCS"},
        {"code": "99291", "system": "CPT"},
    ]
    grouper = StayGrouper([stay(1, "I21.4", "I10", procedures=operations)])
    assert grouper.facts["icd9_procedures_left_out"] == 1
    assert grouper.facts["icd9_procedures_mapped"] == 0
    assert grouper.drgs([["I21.4", "I10"]]) != StayGrouper([stay(1, "I21.4")]).drgs([["I21.4", "I10"]])


def test_what_cannot_be_grouped_has_no_drg() -> None:
    grouper = StayGrouper([stay(1, "NOCODE"), stay(2, "I10", age=None, sex=None, discharge_status="home")])
    assert grouper.drgs([["NOCODE"], ["I10"]]) == [None, "305"]
    assert grouper.drgs([[], []]) == [None, None]


def test_rule_43_only_the_figures_know_drgs() -> None:
    for file in Path(package.__path__[0]).rglob("*.py"):
        if file.parent.name == "figures":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                assert not any("drg_weight" in name or "figures.drg" in name for name in names), file


def test_certainty_worked_by_hand() -> None:
    said = [0.9, 0.8, 0.6, 0.3]
    right = [True, False, True, False]
    found = certainty_figures(said, right, list("ABCD"), resamples=0)
    # risks of the surest 1, 2, 3, 4: 0, 1/2, 1/3, 1/2
    assert found["aurc"] == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4, abs=1e-4)
    assert found["risk_at_50"] == 0.5
    assert found["risk_at_80"] == 0.5
    assert found["brier"] == pytest.approx((0.1**2 + 0.8**2 + 0.4**2 + 0.3**2) / 4, abs=1e-4)
    assert found["encounters"] == 4


def test_equal_probabilities_earn_no_luck() -> None:
    for right in ([True, False], [False, True]):
        assert certainty_figures([0.5, 0.5], right, ["A", "B"], resamples=0)["risk_at_50"] == 1.0


def test_certainty_has_intervals_by_patient() -> None:
    generator = np.random.default_rng(5)
    said = generator.random(300)
    right = generator.random(300) < said
    found = certainty_figures(said, right, [str(number // 2) for number in range(300)], resamples=200)
    for name in ("aurc", "risk_at_50", "risk_at_80", "brier", "expected_calibration_error"):
        low, high = found[f"{name}_95"]
        assert low <= found[name] <= high, name
        assert low < high, name
    assert found["risk_at_50"] < found["risk_at_80"] < 1 - right.mean()


def test_pictures_are_drawn(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    said = generator.random(80)
    right = generator.random(80) < said
    patients = [str(number) for number in range(80)]
    principal_risk_picture(tmp_path / "risk.png", said, right, patients, threshold=0.7, draws=20)
    principal_reliability_picture(tmp_path / "reliability.png", said, right, patients)
    for name in ("risk.png", "reliability.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def gold_of(*stays: LabelledStay) -> LabelledStays:
    return LabelledStays(stays, (Rejected("gold.jsonl line 9", "codes is missing"),), "a test")


def test_report_tells_what_was_missing_and_what_was_foreign() -> None:
    gold = gold_of(stay(1, "I50.23", "J96.01", drg="291"), stay(2, "J18.9", "I10"), stay(3, "N17.9", "I10"))
    predicted = [
        ranked(1, "I50.23", "J96.01", probability=0.9, model_version="m-1"),
        ranked(2, "I10", "E11.9", has_principal=False, probability=0.4, model_version="m-1"),
        ranked(8, "I10"),
    ]
    report = ranking_report(gold, predicted, resamples=20)
    assert json.loads(json.dumps(report)) == report
    assert report["gold"] == {
        "source": "a test", "encounters": 3, "patients": 3, "rejected": 1, "with_recorded_drg": 1,
    }  # fmt: skip
    assert report["predictions"] == {
        "records": 3, "missing_records": 1, "extra_records": 1, "with_other_codes": 1, "missing_codes": 1,
        "extra_codes": 1, "without_principal": 1, "model_versions": ["m-1"],
    }  # fmt: skip
    assert report["by_encounter"]["principal_top1"] == pytest.approx(1 / 3, abs=1e-4)
    assert report["counts"]["drg_agreement_with_recorded"] == 1
    assert report["certainty"]["encounters"] == 2
    assert report["certainty"]["risk_at_50"] == 0.0
    lines = table(report).splitlines()
    assert "3 encounters of 3 patients" in lines[0]
    assert any(line.startswith("nDCG@10") and line.endswith("3") for line in lines)


def test_report_compares_two_sets_of_predictions() -> None:
    gold = gold_of(*(stay(number, "I50.23", "J96.01") for number in range(6)))
    good = [ranked(number, "I50.23", "J96.01", model_version="new") for number in range(6)]
    bad = [ranked(number, "J96.01", "I50.23", model_version="old") for number in range(6)]
    report = ranking_report(gold, good, bad, resamples=20)
    assert report["difference"]["by_encounter"]["principal_top1"] == 1.0
    assert report["difference"]["by_patient"]["principal_top1_95"] == [1.0, 1.0]
    assert "difference to old" in table(report)
    assert "certainty" not in report


def test_variants_of_a_stay_are_not_measured() -> None:
    first = stay(1, "I10", "J18.9")
    further = LabelledStay("E1", "P1", ("J18.9", "I10"), first.record, weight=0.5, variant=1)
    assert (
        ranking_report(gold_of(first, further), [ranked(1, "I10", "J18.9")], resamples=0)["counts"]["principal_top1"]
        == 1
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ([], "no JSON object|not a JSON object"),
        ({"codes": []}, "encounter_id"),
        ({"encounter_id": "E", "codes": "I10"}, "codes"),
        ({"encounter_id": "E", "codes": [{"rank": 1}]}, "neither"),
        ({"encounter_id": "E", "codes": [{"code": "I10", "rank": 1}, {"code": "I11.0"}]}, "rank"),
        ({"encounter_id": "E", "codes": ["I10"], "principal_probability": 1.5}, "from 0 to 1"),
        ({"encounter_id": "E", "codes": ["I10"], "principal_probability": True}, "from 0 to 1"),
    ],
)
def test_malformed_ranked_lines_say_what_is_wrong(line: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ranked_stay(line)


def test_ranked_line_is_read_by_rank() -> None:
    codes = [{"code": "I10", "rank": 2, "principal": False}, {"code": "J18.9", "rank": 1, "principal": False}]
    found = ranked_stay({"encounter_id": 7, "codes": codes, "principal_probability": 1, "model_version": "m"})
    assert found == RankedStay("7", ("J18.9", "I10"), False, 1.0, "m")


def test_ranked_file_rejects_lines_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "ranked.jsonl"
    good = json.dumps({"encounter_id": "E1", "codes": ["I10"]})
    path.write_bytes(b"\xef\xbb\xbf" + good.encode() + b"\n\nnot json\n" + good.encode() + b"\n\xff\n")
    stays, rejected = read_ranked(path)
    assert [one.encounter_id for one in stays] == ["E1"]
    assert [one.where.split()[-1] for one in rejected] == ["3", "4", "5"]
    assert "earlier line" in rejected[1].reason
    with pytest.raises(LabelledSourceError, match="none"):
        read_ranked(tmp_path / "none.jsonl")
    path.write_text("[]\n", encoding="utf-8")
    with pytest.raises(RankedFileError, match="line 1"):
        read_ranked(path)
