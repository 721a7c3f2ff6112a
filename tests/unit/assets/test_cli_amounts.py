"""`medcode train amounts`, `price` and `evaluate amounts` one after the other, as a person gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.amounts_hospitals import made_up
from typer.testing import CliRunner

from medcode_assets.cli import app

QUICK = ("--set", "network.epochs=2", "--set", "trees.rounds=20", "--set", "folds=2", "--set", "steps=8")


def _write(frame: pd.DataFrame, path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")), encoding="utf-8")
    return path


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _run(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_model_of_amounts_is_trained_used_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCODE_HOME", str(tmp_path / "home"))
    cases = made_up(60)
    new = cases["provider_id"].str[2:].astype(int) > 40
    model, prices = tmp_path / "model", tmp_path / "prices.jsonl"
    learned = _write(cases[~new], tmp_path / "learned.jsonl")
    _run("train", "amounts", "--data", learned, "--model", model, *QUICK)
    asked = _write(cases[new].drop(columns=["aveCharges", "avePayments"]).assign(own_key=1), tmp_path / "asked.jsonl")
    _run("price", "--in", asked, "--out", prices, "--model", model)
    answers = _lines(prices)
    assert len(answers) == int(new.sum())
    assert all(a["charges_low"] < a["charges"] < a["charges_high"] and a["own_key"] == 1 for a in answers)
    assert {a["model_version"] for a in answers} == {json.loads((model / "manifest.json").read_text())["version"]}
    gold = _write(cases[new], tmp_path / "gold.jsonl")
    figures = tmp_path / "figures.json"
    _run("evaluate", "amounts", "--gold", gold, "--pred", prices, "--out", figures, "--resamples", "50")
    assert json.loads(figures.read_text(encoding="utf-8"))


def test_without_a_model_the_weight_prices_and_a_bad_line_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "cases.jsonl"
    source.write_text('{"drg": "470", "provider_id": "10001"}\n{"drg": "none"}\n', encoding="utf-8")
    _run("price", "--in", source, "--out", tmp_path / "prices.jsonl")
    assert [line["model_version"] for line in _lines(tmp_path / "prices.jsonl")] == ["weight"]
    assert [line["line"] for line in _lines(tmp_path / "prices.jsonl.rejected.jsonl")] == [2]
