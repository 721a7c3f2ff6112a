"""`medcode train coding`, `code --model` and `evaluate coding` one after the other; mistakes named plainly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support.charts import made_up
from typer.testing import CliRunner

from medcode_assets.cli import app
from medcode_assets.commands.training import TrainingOptionError
from medcode_ml.coding.labelled.note import LabelledSourceError
from medcode_ml.coding.training import TooFewChartsError
from medcode_ml.coding.training_parameters import TrainingParameterError
from medcode_ml.learning import NothingToLearnError
from medcode_ml.models.manifest import ModelFolderError

GONE = "D75.82"  # billable until September 2022
QUICK = ("--set", "use_network=false", "--set", "folds=2", "--set", "reranker.rounds=20")


def medcode(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), encoding="utf-8")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def undated(records: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    return [{k: v for k, v in r.items() if k != "discharge_date"} | more for r in records]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A model learned from undated notes of the code set of early 2022, with broken lines and notes of every split."""
    root = tmp_path_factory.mktemp("train")
    records: list[Any] = undated(made_up(48), split="train")
    for record in records[:4]:
        record["codes"].append(GONE)
        record["text"] += "Known hitplate.\n"
    records += undated(made_up(10, seed=3, first=200), split="dev")
    records += undated(made_up(10, seed=4, first=300), split="test")
    records.insert(2, "not json")
    records.insert(5, {"record_id": "broken", "codes": ["I10"]})
    write(root / "labelled.jsonl", records)
    done = medcode(
        "train", "coding", "--data", root / "labelled.jsonl", "--hold-out", "dev", "--model", root / "model", *QUICK
    )
    return root, done


def test_training_tells_what_was_read_and_what_was_not(trained: tuple[Path, Result]) -> None:
    root, done = trained
    assert done.exit_code == 0, done.output
    assert done.stdout == "", "the standard output is kept for data"
    assert "68 notes, 2 rejected" in done.stderr
    assert "line 3: not JSON" in done.stderr
    assert "line 6" in done.stderr
    manifest = json.loads((root / "model" / "manifest.json").read_text())
    assert manifest["version"] in done.stderr
    assert manifest["data"]["charts"] == 48, "neither the test split nor what is held out is learned from"
    assert manifest["data"]["calibration_charts"] == 10
    assert manifest["parameters"]["folds"] == 2
    assert manifest["facts"]["calibrated_on"] == "charts of other patients"
    assert sorted(p.name for p in root.iterdir()) == ["labelled.jsonl", "model"], "no state is left behind"


def test_nothing_of_the_notes_stands_in_the_models_papers(trained: tuple[Path, Result]) -> None:
    root, _ = trained
    for name in ("manifest.json", "model_card.md", "model.json"):
        said = (root / "model" / name).read_text(encoding="utf-8")
        assert "glimsweet" not in said, name
        assert "n200" not in said, name


def test_the_run_is_recorded(trained: tuple[Path, Result], medcode_home: Path) -> None:
    from mlflow.tracking import MlflowClient

    version = json.loads((trained[0] / "model" / "manifest.json").read_text())["version"]
    client = MlflowClient(tracking_uri=f"sqlite:///{medcode_home / 'mlruns' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("coding")
    runs = client.search_runs([experiment.experiment_id])
    (run,) = [r for r in runs if r.data.params.get("charts") == "48"]
    assert run.info.status == "FINISHED"
    assert run.data.params["calibration_charts"] == "10"
    assert any(name.endswith("micro_f1") for name in run.data.metrics)
    kept = Path(client.download_artifacts(run.info.run_id, "model/manifest.json"))
    assert json.loads(kept.read_text())["version"] == version


def test_the_model_codes_and_is_measured(trained: tuple[Path, Result], tmp_path: Path) -> None:
    root, _ = trained
    gold = undated(made_up(30, seed=8, first=600))
    notes = [{k: v for k, v in r.items() if k != "codes"} | {"ward": "3W"} for r in gold]
    write(tmp_path / "gold.jsonl", gold)
    write(tmp_path / "notes.jsonl", [*notes, "broken", {"record_id": "x"}])
    done = medcode("code", "--in", tmp_path / "notes.jsonl", "--out", tmp_path / "out.jsonl", "--model", root / "model")
    assert done.exit_code == 0, done.output
    assert "30 notes written" in done.stderr
    assert "2 lines rejected" in done.stderr
    assert [r["line"] for r in lines(tmp_path / "out.jsonl.rejected.jsonl")] == [31, 32]
    answers = lines(tmp_path / "out.jsonl")
    version = json.loads((root / "model" / "manifest.json").read_text())["version"]
    assert {a["model_version"] for a in answers} == {version}
    assert [a["record_id"] for a in answers] == [r["record_id"] for r in gold]
    assert {a["ward"] for a in answers} == {"3W"}
    texts = {r["record_id"]: r["text"] for r in gold}
    for answer in answers:
        for code in answer["codes"]:
            assert code["band"] != "auto" or code["evidence"], code
            for span in code["evidence"]:
                assert texts[answer["record_id"]][span["start"] : span["end"]] == span["text"]

    accepted = [c for a in answers for c in a["codes"] if c["accepted"]]
    assert sum(bool(c["evidence"]) for c in accepted) > 0.9 * len(accepted) > 50

    plain = medcode("code", "--in", tmp_path / "notes.jsonl", "--out", tmp_path / "plain.jsonl")
    assert plain.exit_code == 0
    figures = {
        name: json.loads(
            medcode(
                "evaluate", "coding", "--gold", tmp_path / "gold.jsonl", "--pred", tmp_path / f"{name}.jsonl",
                "--trained-on", root / "labelled.jsonl", "--resamples", "20",
            ).stdout
        )
        for name in ("out", "plain")
    }  # fmt: skip
    assert figures["out"]["full"]["micro_f1"] > 0.85
    assert figures["out"]["full"]["micro_f1"] > figures["plain"]["full"]["micro_f1"] + 0.2
    assert figures["out"]["predictions"]["model_versions"] == [version]
    assert figures["out"]["trained_on"]["gold_records_among_them"] == 0


def test_undated_notes_are_coded_in_the_code_set_of_the_training(trained: tuple[Path, Result], tmp_path: Path) -> None:
    root, _ = trained
    text = "HPI: Slept. Known hitplate.\n"
    notes = [{"record_id": "a", "text": text}, {"record_id": "b", "text": text, "discharge_date": "2026-10-15"}]
    write(tmp_path / "n.jsonl", notes)
    more = ("--in", tmp_path / "n.jsonl", "--out", tmp_path / "o.jsonl", "--model", root / "model")
    assert medcode("code", *more).exit_code == 0
    then, now = lines(tmp_path / "o.jsonl")
    assert then["code_set_release"] == "FY2022-04"
    assert GONE in {c["code"] for c in then["codes"]}
    assert now["code_set_release"] == "FY2027-10"
    assert GONE not in {c["code"] for c in now["codes"]}
    assert medcode("code", *more, "--as-of", "2026-10-15").exit_code == 0
    assert [a["code_set_release"] for a in lines(tmp_path / "o.jsonl")] == ["FY2027-10"] * 2


def test_a_model_in_place_is_replaced_and_other_files_are_not(trained: tuple[Path, Result], tmp_path: Path) -> None:
    root, _ = trained
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    with pytest.raises(ModelFolderError, match="left alone"):
        medcode("train", "coding", "--data", root / "labelled.jsonl", "--model", tmp_path / "mine", *QUICK)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "mine"


def test_calibration_needs_patients_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", made_up(24))
    write(tmp_path / "b.jsonl", made_up(4, seed=2, first=22))
    with pytest.raises(NothingToLearnError, match="1 patients stand in what is learned from and in what is calibrated"):
        medcode(
            "train", "coding", "--data", tmp_path / "a.jsonl", "--calibrate", tmp_path / "b.jsonl",
            "--model", tmp_path / "m", *QUICK,
        )  # fmt: skip
    same = write(tmp_path / "c.jsonl", [{k: v for k, v in r.items() if k != "patient_id"} for r in made_up(2)])
    with pytest.raises(NothingToLearnError, match="2 notes stand in what is learned from and in what is calibrated"):
        medcode(
            "train", "coding", "--data", tmp_path / "a.jsonl", "--calibrate", same, "--model", tmp_path / "m", *QUICK
        )
    with pytest.raises(
        NothingToLearnError, match="no note of the split dev to calibrate on; splits of the sources: no"
    ):
        medcode(
            "train", "coding", "--data", tmp_path / "a.jsonl", "--hold-out", "dev", "--model", tmp_path / "m", *QUICK
        )
    assert not (tmp_path / "m").exists()


def test_notes_without_a_split_are_learned_from(tmp_path: Path) -> None:
    """Without --hold-out the notes of no split were held out: a plain file gave nothing to learn from."""
    old = {**made_up(1, first=90)[0], "discharge_date": "1999-01-01"}
    write(tmp_path / "a.jsonl", [*made_up(12), old, *({**r, "split": "train"} for r in made_up(12, first=30))])
    done = medcode("train", "coding", "--data", tmp_path / "a.jsonl", "--model", tmp_path / "m", *QUICK)
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "m" / "manifest.json").read_text())["data"]["charts"] == 24
    assert "24 notes, 1 rejected" in done.stderr
    assert "note 13 of those read: no code set release is known for 1999-01-01" in done.stderr


def test_mistakes_say_what_and_where(tmp_path: Path) -> None:
    few = write(tmp_path / "few.jsonl", made_up(6))
    tests = write(tmp_path / "tests.jsonl", [{**r, "split": "test"} for r in made_up(6)])
    letter = write(tmp_path / "letter.txt", ["Dear all"])
    bad = write(tmp_path / "bad.jsonl", ["{", "[]"])
    (tmp_path / "empty").mkdir()

    def train(*arguments: str | Path) -> None:
        medcode("train", "coding", "--model", tmp_path / "m", *arguments)

    with pytest.raises(TooFewChartsError, match="6 charts have codes; at least 20"):
        train("--data", few)
    with pytest.raises(NothingToLearnError, match="notes of the split test are left out"):
        train("--data", tests)
    for unknown, says in (
        (letter, "no labelled source"),
        (tmp_path / "empty", "Wanted"),
        (tmp_path / "x", "not there"),
    ):
        with pytest.raises(LabelledSourceError, match=says):
            train("--data", unknown)
    with pytest.raises(LabelledSourceError, match="line 1"):
        train("--data", bad)
    for given, says in (("folds", "write name=value"), ("folds=many", "'many' is no number")):
        with pytest.raises(TrainingOptionError, match=says):
            train("--data", few, "--set", given)
    for given in ("leaves=3", "reranker.depth=3"):
        with pytest.raises(TrainingParameterError, match="has no parameter"):
            train("--data", few, "--set", given)
    assert not (tmp_path / "m").exists()


def test_coding_with_what_is_no_model_is_refused_before_any_note_is_read(tmp_path: Path) -> None:
    notes = write(tmp_path / "n.jsonl", [{"record_id": "a", "text": "x"}])
    for folder, says in ((tmp_path, "no manifest"), (tmp_path / "none", "there is no model folder")):
        with pytest.raises(ModelFolderError, match=says):
            medcode("code", "--in", notes, "--out", tmp_path / "o.jsonl", "--model", folder)
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.parametrize(
    "command", [("train", "coding", "--data", "a", "--model", "m"), ("code", "--in", "a", "--out", "b")]
)
def test_a_day_without_a_code_set_is_refused_at_once(command: tuple[str, ...]) -> None:
    done = medcode(*command, "--as-of", "1990-01-01")
    assert done.exit_code == 2
    assert "no code set release is known for 1990-01-01" in " ".join(done.stderr.replace("│", " ").split())


def test_a_mistake_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    script = "import sys; from medcode_assets.cli import main; sys.argv[0] = 'medcode'; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "train", "coding", "--data", "none.jsonl", "--model", "m"],
        capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ), check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("medcode: none.jsonl is not there")
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_has_examples() -> None:
    shown = " ".join(medcode("train", "coding", "--help").stdout.split())
    assert "medcode train coding --data labelled.jsonl" in shown
    assert "--tune" in shown
    assert "medcode code --in" in " ".join(medcode("code", "--help").stdout.split())
