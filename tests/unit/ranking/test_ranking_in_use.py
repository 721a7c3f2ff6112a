"""Which ranker ranks: the guidelines where nothing is promoted, and never in place of a model that is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from medcode_ml.models.contents import json_file
from medcode_ml.models.folder import write_folder
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.models.registry import promote, register
from medcode_ml.ranking.batch import MODEL_VERSION
from medcode_ml.ranking.in_use import GUIDELINES, ranker_in_use


def test_without_a_promoted_model_the_guidelines_rank(tmp_path: Path) -> None:
    ranker = ranker_in_use(tmp_path)
    assert ranker is GUIDELINES
    assert ranker.version == MODEL_VERSION


def test_a_registered_model_does_not_rank_before_it_is_promoted(tmp_path: Path) -> None:
    write_folder(tmp_path / "made", kind="ranking", files={"model.json": json_file({})})
    register(tmp_path / "made", "ranking", tmp_path)
    assert ranker_in_use(tmp_path) is GUIDELINES


def test_a_damaged_model_in_use_stops_the_ranking(tmp_path: Path) -> None:
    write_folder(tmp_path / "made", kind="ranking", files={"model.json": json_file({"names": []})})
    kept = register(tmp_path / "made", "ranking", tmp_path)
    promote("ranking", kept.name, tmp_path)
    with pytest.raises(ModelFolderError, match="train it anew"):
        ranker_in_use(tmp_path)
    (kept / "model.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"model\.json"):
        ranker_in_use(tmp_path)
