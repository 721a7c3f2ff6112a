"""Gates, leads and listings of every kind of model, and the place where a training works: what needs no database."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from medcode_ml.contracts.ml import AMOUNT, CODING, RANKING, ModelTables
from medcode_ml.models.warehouse.evaluation import EvaluationResult, Lead
from medcode_ml.models.warehouse.labels import COMMON
from medcode_ml.models.warehouse.promotion import first_decides, labels_gate
from medcode_ml.models.warehouse.versions import training_place

FEWEST = {"train": 100, "calibration": 20, "test": 30}


def test_the_tables_of_every_kind_are_alike_but_for_what_the_kind_learns_from() -> None:
    for name in ("model", "model_encounter", "evaluation"):
        columns = [
            {c.name for c in getattr(kind, name).columns} - {kind.who, "text_source"} for kind in (CODING, RANKING)
        ]
        assert columns[0] == columns[1], name
    own = [{c.name for c in k.training_set.columns} - {*COMMON, "received_date"} for k in (CODING, RANKING)]
    assert own == [{"document_ids", "character_count", "text_hash"}, {"code_count", "poa"}]


def test_amounts_go_the_same_way_with_claims_in_the_place_of_codes() -> None:
    def columns(kind: ModelTables, name: str) -> set[str]:
        return {c.name for c in getattr(kind, name).columns} - {kind.who}

    for name in ("model_encounter", "evaluation"):
        assert columns(AMOUNT, name) == columns(RANKING, name), name
    codes = {"code_set_releases", "code_count"}
    assert columns(RANKING, "model") - columns(AMOUNT, "model") == codes
    assert columns(AMOUNT, "model") - columns(RANKING, "model") == {"sources", "source_cases", "hospitals"}
    learned = {"label_source", "codes", "codes_outside_release"}
    assert set(COMMON) - columns(AMOUNT, "training_set") == learned


@pytest.mark.parametrize("part", FEWEST)
def test_too_few_labels_are_no_basis_for_a_model(part: str) -> None:
    assert labels_gate(FEWEST, FEWEST).passed
    short = labels_gate({**FEWEST, part: FEWEST[part] - 1}, FEWEST)
    assert not short.passed
    assert f"{part}: {FEWEST[part] - 1} of {FEWEST[part]}" in short.said
    missing = {name: n for name, n in FEWEST.items() if name != part}
    assert f"{part}: 0 of {FEWEST[part]}" in labels_gate(missing, FEWEST).said


def test_a_lead_says_its_interval_or_that_it_was_not_measured() -> None:
    ahead = Lead(0.05, 0.01, 0.09, "unit: x; champion: ranking-20261122-00000000")
    assert ahead.said("nDCG@10", "the guidelines") == "nDCG@10 against the guidelines: +0.0500 (95% +0.0100 to +0.0900)"
    assert ahead.measured_against("ranking-20261122-00000000")
    assert not ahead.measured_against("ranking-20261122-11111111")
    assert Lead(None, None, None, "").said("nDCG@10", "it") == "not measured against it"


def test_a_lead_is_proven_by_the_lower_end_of_its_interval_and_an_error_the_other_way_round() -> None:
    ahead, chance, alike, behind = (
        Lead(0.05, low, high, "") for low, high in ((0.01, 0.09), (-0.01, 0.09), (0.0, 0.0), (-0.09, -0.01))
    )
    assert [one.proven for one in (ahead, chance, alike, behind)] == [True, False, False, False]
    assert [one.behind for one in (ahead, chance, alike, behind)] == [False, False, False, True]
    less = Lead(-0.05, -0.09, -0.01, "n", 7).of_less()
    assert (less.value, less.low, less.high, less.encounters) == (0.05, 0.01, 0.09, 7)
    assert not Lead(None, None, None, "").of_less().proven


def test_where_the_first_figure_is_alike_the_next_decides_and_only_then() -> None:
    alike, ahead, behind = Lead(0.0, 0.0, 0.0, ""), Lead(0.05, 0.01, 0.09, ""), Lead(-0.05, -0.09, -0.01, "")
    assert first_decides([alike, ahead])
    assert not first_decides([alike, behind])
    assert not first_decides([alike, alike])
    assert not first_decides([behind, ahead])
    assert first_decides([ahead, behind])
    assert not first_decides([Lead(None, None, None, ""), ahead])


def test_figures_are_listed_by_whom_they_are_of() -> None:
    rows = [
        ("v", "encounter", who, "top1", value, None, None, 9, "") for who, value in (("model", 0.5), ("rule", None))
    ]
    figures = pd.DataFrame(rows, columns=[c.name for c in RANKING.evaluation.columns], dtype=object)
    result = EvaluationResult(RANKING, "v", 9, figures)
    assert result.listing("top1") == [
        ("encounter", "model", "0.500", "- to -", "9"), ("encounter", "rule", "-", "- to -", "9"),
    ]  # fmt: skip
    assert result.by_figure() == (("figure", "model", "rule"), [("top1", "0.500", "-")])


def test_what_a_training_left_lying_stays_for_the_next_one_only_where_it_was_cut_short(tmp_path: Path) -> None:
    def work(place: tuple[Path, Path]) -> None:
        for folder in place:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "file").write_text("x")

    with pytest.raises(KeyboardInterrupt), training_place(tmp_path, "ranking", "ab" * 32) as place:
        work(place)
        raise KeyboardInterrupt
    assert all((folder / "file").is_file() for folder in place)
    with training_place(tmp_path, "ranking", "ab" * 32) as again:
        assert again == place
        work(again)
    assert not any(folder.exists() for folder in place)
