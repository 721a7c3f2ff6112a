"""`medcode evaluate coding`: figures as JSON on the standard output, a table beside it, mistakes named plainly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from medcode_assets.commands.evaluation import EvaluationError, evaluate_app
from medcode_ml.coding.figures.predictions import PredictionFileError
from medcode_ml.coding.labelled.note import LabelledSourceError


def write(path: Path, *records: object) -> str:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), encoding="utf-8")
    return str(path)


def code(name: str, score: float, accepted: bool, **more: Any) -> dict[str, Any]:
    return {"code": name, "score": score, "accepted": accepted, **more}


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(evaluate_app, ["coding", *arguments], catch_exceptions=False)


@pytest.fixture
def gold(tmp_path: Path) -> str:
    marked = [{"code": "R50.9", "evidence": [{"start": 0, "end": 5}]}, "R05.9"]
    return write(
        tmp_path / "gold.jsonl",
        {"record_id": "A", "text": "Fever and cough.", "codes": marked, "split": "dev"},
        {"record_id": "B", "text": "Hypertension.", "codes": ["I10"], "split": "test"},
        {"record_id": "C", "text": "x"},
    )


@pytest.fixture
def pred(tmp_path: Path) -> str:
    evidence = [{"start": 0, "end": 5, "text": "Fever"}]
    return write(
        tmp_path / "pred.jsonl",
        {"record_id": "A", "model_version": "m1", "codes": [
            code("R50.9", 0.9, True, band="auto", evidence=evidence), code("R05.9", 0.2, False, band="drop")]},
        {"record_id": "elsewhere", "codes": []},
        "not json",
        {"record_id": "A", "codes": []},
        {"record_id": "B", "codes": [{"code": "I10"}]},
    )  # fmt: skip


def test_figures_go_to_the_standard_output_and_all_that_was_left_out_is_told(gold: str, pred: str) -> None:
    done = evaluate("--gold", gold, "--pred", pred, "--resamples", "20")
    report = json.loads(done.stdout)
    assert done.exit_code == 0
    assert report["full"]["precision"] == 1.0
    assert report["full"]["recall"] == round(1 / 3, 4)
    assert len(report["full"]["micro_f1_95"]) == 2
    assert report["by_band"]["auto"]["precision"] == 1.0
    assert report["evidence"]["word_f1"] == 1.0
    assert report["gold"]["notes"] == 2
    assert report["gold"]["rejected"] == 1
    assert report["predictions"] == {
        "records": 2, "missing_records": 1, "extra_records": 1, "model_versions": ["m1"], "rejected": 3
    }  # fmt: skip
    assert report["notes_without_prediction"] == 1
    for told in (
        "1 gold line rejected", "gold.jsonl line 3: codes is missing", "pred.jsonl line 3: not JSON",
        "line 4: its record_id has codes on an earlier line", "line 5: the score of a code is missing",
        "1 gold records have no prediction", "1 predicted records are not in the gold", "micro-F1",
    ):  # fmt: skip
        assert told in done.stderr, told


def test_trained_on_adds_unseen_codes_and_warns_of_gold_that_was_learned_from(
    gold: str, pred: str, tmp_path: Path
) -> None:
    seen = write(
        tmp_path / "seen.jsonl",
        {"record_id": "A", "text": "x", "codes": ["R50.9"], "split": "train"},
        {"record_id": "Z", "text": "x", "codes": ["I10"], "split": "test"},
    )
    done = evaluate("--gold", gold, "--pred", pred, "--trained-on", seen)
    report = json.loads(done.stdout)
    assert report["by_frequency"]["1"]["micro_f1"] == 1.0
    assert report["unseen"]["true_codes"] == 2, "the codes of the test split were not learned from"
    assert report["trained_on"]["gold_records_among_them"] == 1
    assert "1 gold records were trained on" in done.stderr


def test_one_split_can_be_measured_and_the_json_written_whole(gold: str, pred: str, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = evaluate("--gold", gold, "--pred", pred, "--split", "dev", "--out", str(out), "--resamples", "0")
    assert done.stdout == ""
    report = json.loads(out.read_text())
    assert report["notes"] == 1
    assert "micro_f1_95" not in report["full"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_codes_as_plain_strings_are_ranked_by_their_order(gold: str, tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.jsonl", {"record_id": "A", "codes": ["J18.9", "R509", "R05.9"]})
    report = json.loads(evaluate("--gold", gold, "--pred", plain, "--split", "dev").stdout)
    assert report["full"]["map"] == round((1 / 2 + 2 / 3) / 2, 4)
    assert report["full"]["recall"] == 1.0


@pytest.mark.parametrize("broken", [
    {"record_id": 1, "codes": []}, {"record_id": "A"}, {"record_id": "A", "codes": [7]}, [],
    {"record_id": "A", "codes": [{"code": "I10", "score": "high", "accepted": True}]},
    {"record_id": "A", "codes": [{"code": "I10", "score": 1, "accepted": "yes"}]},
    {"record_id": "A", "codes": [{"code": "I10", "score": 1, "accepted": True, "band": 3}]},
    {"record_id": "A", "codes": [{"code": "I10", "score": 1, "accepted": True, "evidence": [3]}]},
    '{"record_id": "A", "codes": [{"code": "I10", "score": NaN, "accepted": true}]}',
])  # fmt: skip
def test_predictions_without_a_good_line_are_a_mistake_of_the_user(gold: str, tmp_path: Path, broken: object) -> None:
    with pytest.raises(PredictionFileError, match="line 1"):
        evaluate("--gold", gold, "--pred", write(tmp_path / "p.jsonl", broken))


def test_mistakes_say_what_and_where(gold: str, pred: str, tmp_path: Path) -> None:
    with pytest.raises(LabelledSourceError, match=r"none\.jsonl"):
        evaluate("--gold", gold, "--pred", str(tmp_path / "none.jsonl"))
    with pytest.raises(LabelledSourceError, match="is not there"):
        evaluate("--gold", str(tmp_path / "none.jsonl"), "--pred", pred)
    with pytest.raises(EvaluationError, match="its splits: dev, test"):
        evaluate("--gold", gold, "--pred", pred, "--split", "train")
    with pytest.raises(EvaluationError, match="no such folder"):
        evaluate("--gold", gold, "--pred", pred, "--out", str(tmp_path / "none" / "f.json"))


def test_help_has_an_example() -> None:
    assert "medcode evaluate coding --gold" in evaluate("--help").stdout
