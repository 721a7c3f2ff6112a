"""The ranking benchmark: what stands in its table, and that no patient is ever on both sides of a fold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from medcode_ml.benchmarks import ranking
from medcode_ml.benchmarks.ranking import GIVEN, RANDOM, RULE, MissingKeyError, prepared, run, table
from medcode_ml.benchmarks.ranking_folds import TRAINERS, Ranker, cross_validated
from medcode_ml.benchmarks.ranking_speed import encounters_of, measured
from medcode_ml.ranking.labelled.reading import read_stays
from medcode_ml.ranking.labelled.stay import LabelledStay
from medcode_ml.ranking.records import rank_records


@pytest.fixture
def stays_folder(tmp_path: Path) -> Path:
    lines = [
        {"encounter_id": "E1", "patient_id": "P1", "age": 70, "sex": "M", "codes": ["I10", "J18.9"], "icu_hours": 3},
        {"encounter_id": "E2", "patient_id": "P2", "age": 70, "sex": "F", "codes": ["E11.9", "N17.9"]},
        {"encounter_id": "E3", "patient_id": "P2", "age": 71, "sex": "F", "codes": ["I10", "K35.80"]},
        {"encounter_id": "E4", "patient_id": "P3", "age": 71, "sex": "F", "codes": ["I10", "R07.9", "I21.4"]},
    ]
    gold = [
        {"encounter_id": "E1", "codes": ["J18.9", "I10"], "drg": 195},
        {"encounter_id": "E2", "codes": ["E11.9", "N17.9"], "drg": None},
        {"encounter_id": "E3", "codes": ["K35.80", "I10"]},
        {"encounter_id": "E4", "codes": ["I21.4", "I10", "R07.9"]},
    ]
    for name, own in (("encounters", lines), ("gold", gold)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, own)), encoding="utf-8")
    return tmp_path


def as_told(stays: Sequence[LabelledStay]) -> Ranker:
    """Ranks what it was trained on as it was told, and refuses patients that it has met."""
    met = {stay.patient_id for stay in stays}

    def rank(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        assert not met & {line["patient_id"] for line in lines}
        return [{**line, "principal_probability": 0.5} for line in rank_records(lines)]

    return rank


def test_run_on_a_folder(stays_folder: Path) -> None:
    found = run(stays_folder, resamples=50)
    assert set(found["figures"]) == {RULE, GIVEN, RANDOM}
    rule = found["figures"][RULE]["by_encounter"]
    assert rule["principal_top1"] == 0.75
    assert rule["drg_agreement_with_recorded"] == 1.0
    assert found["figures"][GIVEN]["by_encounter"]["principal_top1"] == 0.25
    assert found["counts"][RULE]["drg_agreement_with_recorded"] == 1
    assert found["difference"][GIVEN]["by_encounter"]["principal_top1"] == -0.5
    assert RULE not in found["difference"]
    assert 0.2 < found["figures"][RANDOM]["by_encounter"]["principal_top1"] < 0.7
    text = table(found)
    assert "4 encounters of 3 patients" in text
    assert text.count("principal found") == 2
    assert json.loads(json.dumps(found)) == found


def test_folds_keep_patients_apart_and_answers_in_their_order(stays_folder: Path) -> None:
    stays = prepared(read_stays(stays_folder).stays)
    answers = cross_validated(stays, as_told, folds=3, repeats=2, seed=5)
    assert [[one.encounter_id for one in repeat] for repeat in answers] == [["E1", "E2", "E3", "E4"]] * 2
    with pytest.raises(ValueError, match="3 patients"):
        cross_validated(stays, as_told, folds=4, repeats=1, seed=5)


def test_trainers_stand_in_the_table_with_their_difference(stays_folder: Path) -> None:
    found = run(stays_folder, trainers={"as told": as_told}, folds=3, repeats=2, resamples=50)
    assert found["difference"]["as told"]["by_encounter"]["principal_top1"] == 0
    assert found["certainty"]["as told"]["encounters"] == 8
    text = table(found)
    assert "difference to the guidelines" in text
    assert "probability of the principal" in text


def test_network_and_trees_are_fitted_on_the_other_patients(tmp_path: Path) -> None:
    orders = (["J18.9", "I48.91", "N17.9", "I10"], ["K35.80", "E87.6", "I10"], ["I21.4", "I50.23", "E11.9"])
    lines = [
        {"encounter_id": f"E{n}", "patient_id": f"P{n}", "age": 70, "sex": "M", "codes": orders[n % 3]}
        for n in range(12)
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    found = run(path, trainers={name: TRAINERS[name] for name in ("network", "regression")}, folds=2, resamples=0)
    assert found["versions"]["network"] == ["network"]
    assert found["versions"]["regression"] == ["regression"]
    assert not found["certainty"], "an uncalibrated probability is no probability"
    assert found["counts"]["network"]["principal_top1"] == 12
    # four of each kind of stay: what is asked of one patient was told of another
    assert found["figures"]["network"]["by_encounter"]["principal_top1"] == 1.0


def test_variants_are_learned_from_and_not_measured(stays_folder: Path) -> None:
    gold = [json.loads(line) for line in (stays_folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    gold[2]["icd9"] = ["51881", "2724"]
    (stays_folder / "gold.jsonl").write_text("\n".join(map(json.dumps, gold)), encoding="utf-8")
    seen: list[int] = []

    def counting(stays: Sequence[LabelledStay]) -> Ranker:
        seen.append(len(stays))
        return as_told(stays)

    found = run(stays_folder, trainers={"counting": counting}, folds=3, variants=3, resamples=0)
    assert found["encounters"] == found["counts"][RULE]["principal_top1"] == 4
    assert sorted(seen) == [2, 5, 5]


def test_without_takes_keys_from_every_stay(stays_folder: Path) -> None:
    stays = prepared(read_stays(stays_folder).stays, ("icu_hours", "sex"))
    assert not any({"icu_hours", "sex"} & set(stay.record) for stay in stays)
    assert all("age" in stay.record for stay in stays)
    with pytest.raises(MissingKeyError, match="drg"):
        run(stays_folder, without=("drg",))


def test_without_poa_reaches_the_codes() -> None:
    codes = [{"code": "A41.9", "poa": "N"}, "I10"]
    stay = LabelledStay("E", "P", ("A41.9", "I10"), {"encounter_id": "E", "codes": codes, "poa": {"I10": "Y"}})
    (bare,) = prepared([stay], ("poa",))
    assert bare.record["codes"] == [{"code": "A41.9"}, "I10"]
    assert "poa" not in bare.record


def test_documents_become_what_they_say_of_each_code() -> None:
    text = "DISCHARGE DIAGNOSES:\n1. Pneumonia.\n2. Essential hypertension.\n"
    documents = [{"type": "discharge_summary", "text": text}]
    stay = LabelledStay(
        "E", "P", ("J18.9", "I10"), {"encounter_id": "E", "codes": ["I10", "J18.9"], "documents": documents}
    )
    (read,) = prepared([stay])
    assert "documents" not in read.record
    assert any(code["document_types"] for code in read.record["codes"])
    (bare,) = prepared([stay], ("documents",))
    assert bare.record["codes"] == ["I10", "J18.9"]


def test_made_up_encounters_are_ranked_whole() -> None:
    lines = encounters_of(5, 20)
    assert lines == encounters_of(5, 20)
    assert all(len(set(line["codes"])) == 20 for line in lines)
    found = measured(60, 20)
    assert found.encounters == 60
    assert "60 encounters of 20 codes by guidelines" in found.line()


def test_nothing_to_measure_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ranking.main([])
    assert "--data" in capsys.readouterr().err


def test_the_command_prints_its_table_and_writes_its_figures(
    stays_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = stays_folder / "figures.json"
    arguments = ["--data", str(stays_folder), "--resamples", "20", "--without", "age,sex", "--json", str(out)]
    assert ranking.main(arguments) == 0
    assert "without age, sex" in capsys.readouterr().out
    assert json.loads(out.read_text(encoding="utf-8"))["without"] == ["age", "sex"]
