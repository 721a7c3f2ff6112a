"""Which coder codes: the ontology coder where nothing is promoted, and never in place of a model that is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from medcode_ml.coding.batch import MODEL_VERSION
from medcode_ml.coding.in_use import ONTOLOGY_CODER, coder_in_use
from medcode_ml.models.contents import json_file
from medcode_ml.models.folder import write_folder
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.models.registry import promote, register


def test_without_a_promoted_model_the_ontology_codes(tmp_path: Path) -> None:
    coder = coder_in_use(tmp_path)
    assert coder is ONTOLOGY_CODER
    assert coder.version == MODEL_VERSION


def test_a_registered_model_does_not_code_before_it_is_promoted(tmp_path: Path) -> None:
    write_folder(tmp_path / "made", kind="coding", files={"counts.json": json_file({"I10": 3})})
    register(tmp_path / "made", "coding", tmp_path)
    assert coder_in_use(tmp_path) is ONTOLOGY_CODER


def test_a_damaged_model_in_use_stops_the_coding(tmp_path: Path) -> None:
    write_folder(tmp_path / "made", kind="coding", files={"counts.json": json_file({"I10": 3})})
    kept = register(tmp_path / "made", "coding", tmp_path)
    promote("coding", kept.name, tmp_path)
    (kept / "counts.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"counts\.json"):
        coder_in_use(tmp_path)
