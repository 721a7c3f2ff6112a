"""The model folder and the registry: whole or not at all, never another model than the one named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medcode_ml.models import registry
from medcode_ml.models.card import CardWords, render_card
from medcode_ml.models.contents import Writer, booster_file, json_file, table_file, tensor_file
from medcode_ml.models.folder import check_target, data_file, read_folder, write_folder
from medcode_ml.models.manifest import CARD, Figure, ModelFolderError

TENSORS = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3).T, "codes": np.array([1, 2], np.int64)}
FILES: Mapping[str, Writer] = {
    "network/weights.safetensors": tensor_file(TENSORS),
    "codes.json": json_file(["A01.00", "E11.9"]),
    "terms.parquet": table_file(pd.DataFrame({"term": ["fever", None], "weight": [0.5, 1.0]})),
}


def _write(target: Path, kind: str = "coding", **more: object) -> Path:
    written = write_folder(target, kind=kind, files=FILES, parameters={"layers": (1, 2)}, **more)  # type: ignore[arg-type]
    return written.path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    figure = Figure("micro_f1", "all", "model", 0.68, 0.66, 0.70, 250)
    path = _write(tmp_path / "m", code_set_release="FY2018", figures=[figure], facts={"band": None})
    model = read_folder(path, "coding")
    assert model.manifest.figures == (figure,)
    assert model.manifest.version == model.manifest.own_version()
    assert model.manifest.parameters == {"layers": [1, 2]}
    # a transposed view keeps its values
    assert np.array_equal(model.tensors("network/weights.safetensors")["weight"], TENSORS["weight"])
    assert model.value("codes.json") == ["A01.00", "E11.9"]
    assert model.table("terms.parquet")["term"].tolist() == ["fever", None]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m"]


def test_trees_keep_their_scores(tmp_path: Path) -> None:
    import lightgbm

    features = np.random.default_rng(0).normal(size=(200, 3))
    trees = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(features, features[:, 0] > 0), 5
    )
    path = write_folder(tmp_path / "m", kind="ranking", files={"trees.txt": booster_file(trees)}).path
    again = read_folder(path, "ranking").booster("trees.txt")
    assert np.array_equal(again.predict(features), trees.predict(features))


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    one = write_folder(tmp_path / "a", kind="coding", files=FILES).manifest
    other = write_folder(tmp_path / "b", kind="coding", files={**FILES, "codes.json": json_file(["A01.01"])}).manifest
    assert one.version.split("-")[2] != other.version.split("-")[2]


@pytest.mark.parametrize(
    "fault", ["missing folder", "no manifest", "changed file", "lost file", "kind", "newer", "edited"]
)
def test_an_unsound_folder_is_refused_with_what_to_do(tmp_path: Path, fault: str) -> None:
    path = _write(tmp_path / "m")
    manifest = path / "manifest.json"
    held = json.loads(manifest.read_text())
    kind, said = "coding", {
        "missing folder": "there is no model", "no manifest": "no model folder", "changed file": "was changed",
        "lost file": "lacks its", "kind": "holds a coding model", "newer": "newer medcode", "edited": "was changed",
    }[fault]  # fmt: skip
    if fault == "missing folder":
        path = tmp_path / "none"
    elif fault == "no manifest":
        manifest.unlink()
    elif fault == "changed file":
        (path / "codes.json").write_text('["Z99.9"]')
    elif fault == "lost file":
        (path / "codes.json").unlink()
    elif fault == "kind":
        kind = "ranking"
    elif fault == "newer":
        manifest.write_text(json.dumps({**held, "format": 99}))
    else:
        manifest.write_text(json.dumps({**held, "facts": {"band": 0.1}}))
    with pytest.raises(ModelFolderError, match=said):
        read_folder(path, kind)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "kind": 3}'])
def test_a_broken_manifest_is_refused(tmp_path: Path, text: str) -> None:
    path = _write(tmp_path / "m")
    (path / "manifest.json").write_text(text)
    with pytest.raises(ModelFolderError, match="manifest"):
        read_folder(path, "coding")


def test_a_manifest_cannot_name_files_outside_the_folder(tmp_path: Path) -> None:
    path = _write(tmp_path / "m")
    manifest = replace(read_folder(path, "coding").manifest, files={"../secret": "0" * 64})
    manifest = replace(manifest, version=manifest.own_version())
    (path / "manifest.json").write_text(manifest.to_json())
    with pytest.raises(ModelFolderError, match="changed"):
        read_folder(path, "coding")


def test_only_a_model_of_the_same_kind_is_overwritten(tmp_path: Path) -> None:
    path = _write(tmp_path / "m")
    with pytest.raises(ModelFolderError, match="holds a coding model"):
        _write(path, kind="ranking")
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "letter.txt").write_text("dear")
    with pytest.raises(ModelFolderError, match="left alone"):
        check_target(letters, "coding")
    with pytest.raises(ModelFolderError, match="is a file"):
        check_target(letters / "letter.txt", "coding")
    assert (letters / "letter.txt").read_text() == "dear"


def test_a_failed_writing_leaves_the_model_before(tmp_path: Path) -> None:
    path = _write(tmp_path / "m")
    before = read_folder(path, "coding").manifest

    def fails(file: Path) -> None:
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="middle"):
        write_folder(path, kind="coding", files={**FILES, "zz": fails})
    with pytest.raises(ModelFolderError, match="None for what is missing"):
        write_folder(path, kind="coding", files=FILES, facts={"x": float("nan")})
    assert read_folder(path, "coding").manifest == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_manifest_names_no_input_file(tmp_path: Path) -> None:
    notes = tmp_path / "john_smith.jsonl"
    notes.write_text("{}")
    assert data_file(notes) == {
        "bytes": 2,
        "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    }


def test_the_card_shows_figures_by_rival_with_intervals(tmp_path: Path) -> None:
    words = CardWords("A coder", "To propose codes.", "Reports.", "With care.", "Beta.", ["rare codes"], ["billing"],
                      {"risk.png": "risk"}, {"micro_f1": "micro-F1"})  # fmt: skip
    figures = [
        Figure("micro_f1", "all", "model", 0.68, 0.66, 0.70, 2500),
        Figure("micro_f1", "all", "boosted | trees", 0.64),
        Figure("micro_f1", "unseen", "model", 0.25, 0.2, 0.3, 90),
    ]
    path = _write(tmp_path / "m", figures=figures, data={"notes": 750}, card=lambda m: render_card(m, words))
    card = (path / CARD).read_text()
    assert "| micro-F1 | all | 2,500 | 0.680 (0.660 to 0.700) | 0.640 |" in card
    assert "| micro-F1 | unseen | 90 | 0.250 (0.200 to 0.300) |  |" in card
    assert "boosted \\| trees" in card
    assert read_folder(path, "coding").manifest.version in card
    # a picture that is not in the folder is not linked
    assert "risk.png" not in card


def test_registered_versions_are_promoted_and_withdrawn(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert registry.promoted("coding", home) is None
    assert registry.versions("coding", home) == []
    kept = registry.register(_write(tmp_path / "m"), "coding", home)
    assert registry.register(tmp_path / "m", "coding", home) == kept
    version = kept.name
    assert [m.version for m in registry.versions("coding", home)] == [version]
    assert registry.promoted("coding", home) is None
    registry.promote("coding", version, home)
    assert registry.promoted("coding", home) == kept
    registry.withdraw("coding", home)
    assert registry.promoted("coding", home) is None


def test_a_lost_or_changed_promoted_model_is_an_error_not_the_ontology(tmp_path: Path) -> None:
    home = tmp_path / "home"
    kept = registry.register(_write(tmp_path / "m"), "coding", home)
    with pytest.raises(ModelFolderError, match="choose one of " + kept.name):
        registry.promote("coding", "coding-20200101-00000000", home)
    with pytest.raises(ModelFolderError, match="no coding model"):
        registry.promote("coding", "../../m", home)
    registry.promote("coding", kept.name, home)
    (kept / "codes.json").write_text("[]")
    with pytest.raises(ModelFolderError, match="was changed"):
        registry.promoted("coding", home)
    kept.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelFolderError, match="is registered"):
        registry.promoted("coding", home)
    (kept.parent / "promoted.json").write_text("{")
    with pytest.raises(ModelFolderError, match="promote a version again"):
        registry.promoted("coding", home)
