"""The trained ranker: it learns a habit, keeps what the guidelines force, says what decided and how sure it is."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.ranking.columns import GROUPS, group_of, lists_of
from medcode_ml.ranking.model import RankingModel, load_model
from medcode_ml.ranking.reading import read_batch
from medcode_ml.ranking.records import frames_of, rank_records
from medcode_ml.ranking.scores import guideline_scores
from medcode_ml.ranking.training import TooFewStaysError, decide, train
from medcode_ml.ranking.training_figures import Contender
from medcode_ml.ranking.training_parameters import TrainingParameterError, TrainingParameters

OTHERS = ["I10", "E11.9", "N17.9", "D62", "I48.91", "E87.1", "Z79.4", "J44.9", "F32.A", "K21.9", "E78.5", "N39.0"]


def _stays(count: int, seed: int) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Made-up stays: respiratory failure always before the pneumonia, where the guidelines' tables put it after.

    In every fourth stay coders toss a coin between two codes instead.
    """
    drawn = random.Random(seed)
    records, orders = [], []
    for number in range(count):
        order = ["J96.01", "J18.9"] if number % 4 else drawn.sample(["K85.90", "I63.9"], 2)
        order += sorted(drawn.sample(OTHERS, 4))
        records.append(
            {
                "encounter_id": f"E{number}", "patient_id": f"P{number // 2}", "age": 70, "sex": "F",
                "admission_type": "EMERGENCY", "service": "MED", "codes": drawn.sample(order, len(order)),
            }
        )  # fmt: skip
        orders.append(order)
    return records, orders


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("ranking") / "model"
    train(frames_of(*_stays(120, 1)), None, target, {"network.ridge": 2.0, "error": 0.3})
    return target


@pytest.fixture(scope="module")
def model(folder: Path) -> RankingModel:
    return load_model(folder)


def _first(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["codes"][0]["code"] for answer in answers]


def test_the_model_learns_what_the_guidelines_do_not_say(model: RankingModel) -> None:
    records = [record for record in _stays(20, 2)[0] if "J18.9" in record["codes"]]
    assert set(_first(rank_records(records))) == {"J18.9"}
    assert set(_first(rank_records(records, model))) == {"J96.01"}


def test_a_model_keeps_every_code_and_says_what_decided(model: RankingModel) -> None:
    records, _ = _stays(5, 3)
    for record, answer in zip(records, rank_records(records, model), strict=True):
        assert sorted(code["code"] for code in answer["codes"]) == sorted(record["codes"])
        assert answer["model_version"] == model.version
        assert answer["outcome"] == "ranked"
        first, second = answer["codes"][:2]
        assert any(reason.startswith("Ahead of the next in line: ") for reason in first["reasons"])
        assert any(reason.startswith("Weighed: ") for reason in second["reasons"])
        assert 0 < answer["principal_probability"] < 1


def test_forced_pairs_and_eligibility_hold_whatever_the_weights(model: RankingModel) -> None:
    """Rules 19, 23 and 24 by construction: weights that want the opposite change nothing."""
    records = [
        {"encounter_id": "E1", "codes": ["I50.23", "I11.0", "N17.9", "E87.1"]},
        {"encounter_id": "E2", "codes": ["R65.20", "A41.9", "J18.9"]},
        {"encounter_id": "E3", "codes": ["R07.9", "I21.4", "I25.10"]},
        {"encounter_id": "E4", "codes": ["W19.XXXA", "S72.001A", "Z87.891"]},
    ]
    contrary = _Contrary(model.scorer)
    turned = RankingModel(model.version, model.names, contrary, "network", model.calibrator, None)
    orders = [[code["code"] for code in answer["codes"]] for answer in rank_records(records, turned)]
    assert orders[0].index("I11.0") + 1 == orders[0].index("I50.23")
    assert orders[1][0] != "R65.20"
    assert orders[1].index("R65.20") == orders[1].index("A41.9") + 1
    assert orders[2][0] in ("I21.4", "I25.10")
    assert orders[3][0] == "S72.001A"
    assert orders[3][-1] == "W19.XXXA"


class _Contrary:
    """Scores turned round."""

    def __init__(self, scorer: Any) -> None:
        self.scorer = scorer

    def principal_scores(self, lists: Any) -> Any:
        return -self.scorer.principal_scores(lists)

    def order_scores(self, lists: Any) -> Any:
        return -self.scorer.order_scores(lists)

    def contributions(self, lists: Any) -> Any:
        return tuple(-values for values in self.scorer.contributions(lists))

    def files(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("count", [1, 60, 300])
def test_lists_of_every_length(model: RankingModel, count: int) -> None:
    billable = sorted(CodeSet.on(date(2026, 3, 10)).codes)[::150][:count]
    record = {"encounter_id": "E", "codes": billable}
    answer = rank_records([record], model)[0]
    assert [code["rank"] for code in answer["codes"]] == list(range(1, count + 1))
    assert sum(code["principal"] for code in answer["codes"]) <= 1


def test_every_odd_encounter_has_a_stated_outcome(model: RankingModel) -> None:
    records = [
        {"encounter_id": "none", "codes": []},
        {"encounter_id": "no principal", "codes": ["W19.XXXA", "Y92.239"]},
        {"encounter_id": "unknown code", "codes": ["J18.9", "QQQ.1"]},
        {"encounter_id": "copy", "codes": ["J18.9", "J18.9", "I10"]},
        {"encounter_id": "no age", "codes": ["J18.9", "I10"], "age": None},
        {"encounter_id": "not billable", "codes": ["B88.0", "J18.9"], "discharge_date": "2026-11-15"},
    ]
    none, barred, unknown, copy, ageless, invalid = rank_records(records, model)
    assert none["outcome"] == "no_codes"
    assert not none["needs_review"]
    assert barred["outcome"] == "no_eligible_principal"
    assert barred["needs_review"]
    assert barred["review_reason"] == "No listed code may be principal"
    assert barred["principal_probability"] is None
    assert _first([unknown, copy, ageless, invalid]) == ["J18.9"] * 4
    assert unknown["codes"][-1]["code"] == "QQQ.1"
    assert [code["code"] for code in copy["codes"]] == ["J18.9", "I10", "J18.9"]
    assert any("not billable" in reason for reason in invalid["codes"][1]["reasons"])


def test_review_shows_both_rivals(model: RankingModel) -> None:
    cautious = RankingModel(model.version, model.names, model.scorer, model.decided_by, model.calibrator, 0.999)
    answer = rank_records([{"encounter_id": "E", "codes": ["J96.01", "J18.9", "I10"]}], cautious)[0]
    assert answer["needs_review"]
    assert "J96.01 (" in answer["review_reason"]
    assert " or J18.9 (" in answer["review_reason"]


def test_the_guidelines_are_linear_in_the_columns() -> None:
    """A model that learned nothing is the guidelines: their scores are the columns by the starting weights."""
    records, orders = _stays(30, 4)
    records[0]["poa"] = {"N17.9": "N"}
    read = read_batch(frames_of(records, orders))
    lists, scores = lists_of(read), guideline_scores(read.batch, read.features)
    assert np.allclose(lists.values @ lists.start_principal, scores.principal, atol=1e-4)
    assert np.allclose(lists.values @ lists.start_order, scores.order, atol=1e-4)
    assert {group_of(name) for name in lists.names} <= set(GROUPS)


def test_the_true_place_is_no_column() -> None:
    """A leak guard: the columns of labelled stays are those of the same stays without labels."""
    records, orders = _stays(30, 5)
    assert np.array_equal(
        lists_of(read_batch(frames_of(records, orders))).values, lists_of(read_batch(frames_of(records))).values
    )


def _told(column: str, **stay: Any) -> dict[str, float]:
    """The values of one column by code, for a stay of a complication and gallstones."""
    codes = ["T84.54XA", "K80.00", "I10"]
    read = read_batch(frames_of([{"encounter_id": "E", "codes": codes, **stay}]))
    lists = lists_of(read)
    values = lists.values[:, lists.names.index(column)]
    return dict(zip(read.batch.rows.frame["code"], values.tolist(), strict=True))


def test_a_complication_of_one_ventilated_late() -> None:
    """Who was put on a ventilator after the first days may have come for something else than the complication."""
    column = "complication_ventilated_late"
    late, early = ([{"code": "5A1955Z", "system": "ICD-10-PCS", "day": day}] for day in (4, 0))
    assert _told(column, procedures=late) == {"T84.54XA": 1.0, "K80.00": 0.0, "I10": 0.0}
    assert not any(_told(column, procedures=early).values())


def test_an_operation_after_a_move_to_surgeons() -> None:
    column = "operated_after_a_move_to_surgery"
    late, early = ([{"code": "0FT44ZZ", "system": "ICD-10-PCS", "day": day}] for day in (4, 0))
    moved = ["MED", "SURG"]
    assert _told(column, procedures=late, services=moved, service="MED") == {
        "T84.54XA": 0.0, "K80.00": 1.0, "I10": 0.0,
    }  # fmt: skip
    assert not any(_told(column, procedures=early, services=moved, service="MED").values())
    assert not any(_told(column, procedures=late, services=["SURG"], service="SURG").values())
    assert not any(_told(column, procedures=late, services=["MED"], service="MED").values())


def test_a_model_of_other_columns_is_refused(model: RankingModel) -> None:
    other = RankingModel(model.version, model.names[1:], model.scorer, "network", model.calibrator, None)
    with pytest.raises(ModelFolderError, match="train it anew"):
        rank_records([{"encounter_id": "E", "codes": ["J18.9", "I10"]}], other)


def test_too_few_stays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TooFewStaysError, match="at least 30"):
        train(frames_of(*_stays(20, 6)), None, tmp_path / "model")


def test_trees_decide_only_when_better_beyond_chance() -> None:
    patients = tuple(str(number) for number in range(100))

    def found(share: int) -> Contender:
        return Contender({"principal_top1": np.array([float(n < share) for n in range(100)])}, patients)

    assert decide({"network": found(50), "lambdarank": found(51)}) == "network"
    assert decide({"network": found(50), "lambdarank": found(70), "regression": found(75)}) == "regression"
    assert decide({"network": found(50), "lambdarank": found(30)}) == "network"


def test_the_folder_tells_its_rivals_and_has_its_pictures(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    coders = {figure["coder"] for figure in manifest["figures"]}
    assert {"network", "lambdarank", "rank_xendcg", "regression", "guidelines"} <= coders
    assert {"principal_risk_coverage.png", "principal_reliability.png", "model_card.md"} <= set(manifest["files"])
    ahead = {f["coder"]: f["low"] for f in manifest["figures"] if f["name"] == "principal_top1_over_guidelines"}
    assert ahead["network"] > 0


def test_scores_that_tell_nothing_send_every_stay_to_review(model: RankingModel) -> None:
    uncalibrated = RankingModel(model.version, model.names, model.scorer, model.decided_by, None, None)
    answer = rank_records([{"encounter_id": "E", "codes": ["J96.01", "J18.9", "I10"]}], uncalibrated)[0]
    assert answer["needs_review"]
    assert answer["principal_probability"] is None


@pytest.mark.parametrize("given", [{"folds": 1}, {"error": 0}, {"rivals": 1}, {"nothing": 1}])
def test_odd_parameters_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(TrainingParameterError):
        TrainingParameters.of(given)
