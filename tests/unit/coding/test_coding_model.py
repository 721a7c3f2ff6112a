"""The trained coder on made-up charts: portable, the same in any order, evidence in its place, bands earned."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.charts import CONDITIONS, DAY, labelled, made_up

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.coding.batch import code_batch, code_notes
from medcode_ml.coding.by_model import LISTED, code_by_model
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.model import KIND, CodingModel, load_model
from medcode_ml.coding.reranker import RerankerParameters
from medcode_ml.coding.scored import AT_ONCE, Scored, by_ontology
from medcode_ml.coding.training import TooFewChartsError, prepare, train, tuned
from medcode_ml.coding.training_parameters import TrainingParameterError, TrainingParameters
from medcode_ml.models.bands import AUTO, DROP, REVIEW, Bands
from medcode_ml.models.folder import ModelFolder, write_folder
from medcode_ml.models.manifest import ModelFolderError

SMALL: dict[str, Any] = {"use_network": False, "folds": 3, "reranker.rounds": 80}
TINY_NETWORK: dict[str, Any] = {
    "folds": 2, "network_folds": 2, "reranker.rounds": 10, "network.word_size": 8, "network.size": 8,
    "network.hidden": 8, "network.members": 1, "network.dilations": (1,), "network.epochs": 1,
    "network.feature_epochs": 1,
}  # fmt: skip
NO_SECTIONS = pd.DataFrame(columns=["document_id", "section_number", "section_type", "start_offset", "end_offset"])
GONE = "D75.82"
BEFORE = date(2020, 10, 15)
Encounter = tuple[list[Document], str | None, date]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    charts = labelled(made_up(60))
    # a code that is gone since, on charts of its own time
    old = [{**r, "codes": [GONE], "text": f"HPI: Known hitplate, day {r['record_id']}."} for r in made_up(4, first=70)]
    return train([*charts, *labelled(old, BEFORE)], [], tmp_path_factory.mktemp("models") / "coding", SMALL)


@pytest.fixture(scope="module")
def model(folder: ModelFolder) -> CodingModel:
    return load_model(folder.path)


def with_bands(model: CodingModel, bands: Bands, threshold: float | None = None) -> CodingModel:
    """The same scores under other bands."""
    level = model.threshold if threshold is None else threshold
    return CodingModel(
        model.version, model.learned, model.reranker, model.network, model.network_weight, model.calibrator, level,
        bands, model.day,
    )  # fmt: skip


def new_encounters(count: int = 70, day: date = DAY) -> list[Encounter]:
    return [(list(c.documents), c.setting, day) for c in labelled(made_up(count, seed=9, first=500))]


def told(scored: Sequence[Scored]) -> list[dict[str, tuple[float, str, bool]]]:
    return [{c: (s.scores[c], s.bands[c], k.accepted) for c, k in s.coded.candidates.items()} for s in scored]


def one(model: CodingModel, text: str, day: date = DAY) -> dict[str, Any]:
    notes = pd.DataFrame(
        {"record_id": ["r"], "text": [text], "setting": ["inpatient"], "discharge_date": [day]}, dtype=object
    )
    return code_notes(notes, NO_SECTIONS, model=model)[0]


def accepted(answer: dict[str, Any]) -> list[str]:
    return [c["code"] for c in answer["codes"] if c["accepted"]]


# --- what it learned --------------------------------------------------------------------------------------------------


def test_shorthand_of_the_house_is_coded_on_charts_it_has_not_seen(model: CodingModel) -> None:
    fresh = labelled(made_up(70, seed=9, first=500))
    found = [
        {k.code for k in s.coded.candidates.values() if k.accepted} for s in code_by_model(new_encounters(), model)
    ]
    right = sum(len(f & set(c.codes)) for f, c in zip(found, fresh, strict=True))
    assert 2 * right / (sum(map(len, found)) + sum(len(c.codes) for c in fresh)) > 0.85


def test_denied_mentions_are_hardly_ever_accepted(model: CodingModel) -> None:
    answer = one(model, "HPI: Known glimsweet. Slept well.\nROS: Denies gout.\n")
    assert "E11.9" in accepted(answer)
    assert {c["code"]: c["assertion"] for c in answer["codes"]}["M10.9"] == "negated"
    code_of = {plain: code for code, (_, plain) in CONDITIONS.items()}
    taken = 0
    encounters = new_encounters()
    for (documents, _, _), scored in zip(encounters, code_by_model(encounters, model), strict=True):
        denied = scored.coded.candidates[code_of[documents[0].text.split("Denies ")[1].split(".")[0]]]
        assert denied.assertion == "negated"
        taken += denied.accepted
    assert taken <= len(encounters) // 10


def test_the_version_of_the_model_and_the_code_set_stand_in_the_answer(model: CodingModel, folder: ModelFolder) -> None:
    answer = one(model, "Known glimsweet.")
    assert answer["model_version"] == folder.manifest.version == model.version != ""
    assert answer["code_set_release"] == "FY2027-10"


# --- folder -----------------------------------------------------------------------------------------------------------


def test_a_folder_written_again_gives_equal_scores(model: CodingModel, tmp_path: Path) -> None:
    write_folder(tmp_path / "again", kind=KIND, files=model.files())
    assert told(code_by_model(new_encounters(10), load_model(tmp_path / "again"))) == told(
        code_by_model(new_encounters(10), model)
    )


def test_the_folder_codes_elsewhere_and_in_another_process(
    folder: ModelFolder, model: CodingModel, tmp_path: Path
) -> None:
    shutil.copytree(folder.path, tmp_path / "copied here")
    text = "HPI: Known glimsweet and beltpox. Denies asthma."
    script = (
        "import json, sys; from datetime import date; from pathlib import Path\n"
        "from medcode_ml.coding.by_model import code_by_model; from medcode_ml.coding.model import load_model\n"
        "from medcode_ml.coding.encounter import Document\n"
        "model = load_model(Path(sys.argv[1]))\n"
        f"(scored,) = code_by_model([([Document('d', sys.argv[2], None, ())], None, date.fromisoformat('{DAY}'))], "
        "model)\n"
        "print(json.dumps([model.version, scored.scores, scored.bands]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "copied here", text], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (here,) = code_by_model([([Document("d", text, None, ())], None, DAY)], model)
    assert json.loads(done.stdout) == [model.version, here.scores, here.bands]


def test_a_folder_that_was_tampered_with_is_refused(folder: ModelFolder, tmp_path: Path) -> None:
    shutil.copytree(folder.path, tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"model\.json .* was changed"):
        load_model(tmp_path / "m")
    with pytest.raises(ModelFolderError, match=r"no manifest\.json"):
        load_model(tmp_path)


def test_the_card_and_the_manifest_say_what_was_learned_from(folder: ModelFolder) -> None:
    data, facts = folder.manifest.data, folder.manifest.facts
    assert (data["charts"], data["calibration_charts"]) == (64, 0)
    assert data["charts_with_marked_evidence"] == 20
    assert data["codes_outside_their_release"] == [], "the old code was good on the day of its charts"
    assert facts["calibrated_on"] == "training charts out of fold"
    assert folder.manifest.parameters["reranker"]["rounds"] == 80
    coders = {(f.coder, f.name) for f in folder.manifest.figures}
    assert {("model", "micro_f1"), ("re-ranker alone", "micro_f1"), ("ontology", "micro_f1")} <= coders
    assert "64" in (folder.path / "model_card.md").read_text(encoding="utf-8")
    for name in ("risk_coverage.png", "reliability.png"):
        assert (folder.path / name).read_bytes().startswith(b"\x89PNG")


# --- the same in any company ------------------------------------------------------------------------------------------


def test_order_and_size_of_a_batch_change_nothing(model: CodingModel) -> None:
    encounters = new_encounters()
    assert len(encounters) > AT_ONCE
    together = told(code_by_model(encounters, model))
    assert told(code_by_model(encounters[::-1], model))[::-1] == together
    assert told([code_by_model([e], model)[0] for e in encounters[:6]]) == together[:6]


def test_the_order_of_an_encounters_documents_changes_nothing(model: CodingModel) -> None:
    documents = [Document(i, t, None, ()) for i, t in (("b", "Known glimsweet."), ("a", "Known beltpox."))]
    assert told(code_by_model([(documents, None, DAY)], model)) == told(
        code_by_model([(documents[::-1], None, DAY)], model)
    )


def test_no_encounters_give_no_answers(model: CodingModel) -> None:
    assert code_by_model([], model) == []


def test_equal_notes_under_two_ids_get_equal_codes_each_time(model: CodingModel) -> None:
    notes = pd.DataFrame(
        {"record_id": ["1", "2"], "text": ["Known thinbone."] * 2, "setting": [None] * 2, "discharge_date": [DAY] * 2},
        dtype=object,
    )
    first, second = code_notes(notes, NO_SECTIONS, model=model)
    assert first["codes"] == second["codes"] == code_notes(notes, NO_SECTIONS, model=model)[0]["codes"]
    assert accepted(first) == ["M81.0"]


# --- releases ---------------------------------------------------------------------------------------------------------


def test_codes_are_those_of_each_notes_own_release(model: CodingModel) -> None:
    encounters = [([Document("d", "HPI: Known hitplate, day 1.", None, ())], None, day) for day in (DAY, BEFORE, DAY)]
    now, before, again = code_by_model(encounters, model)
    assert GONE in before.coded.candidates
    assert told([now]) == told([again])
    for scored, day in ((now, DAY), (before, BEFORE)):
        assert scored.coded.candidates
        assert all(CodeSet.on(day).is_billable(c) for c in scored.coded.candidates)


# --- evidence ---------------------------------------------------------------------------------------------------------


def batch_of(model: CodingModel, documents: list[tuple[str, str, str]], day: date = DAY) -> Any:
    """Code rows of (encounter, document, text)."""
    frame = pd.DataFrame(
        [(d, e, t, "inpatient", day, None) for e, d, t in documents],
        columns=["document_id", "encounter_id", "text", "setting", "discharge_date", "document_type"],
        dtype=object,
    )
    return code_batch(frame, NO_SECTIONS, model=model)


def test_accepted_codes_carry_evidence_that_stands_at_its_place(model: CodingModel) -> None:
    texts = {c.record_id: c.documents[0].text for c in labelled(made_up(12, seed=9, first=500))}
    batch = batch_of(model, [(i, f"doc {i}", t) for i, t in texts.items()])
    evidence = batch.evidence
    for row in evidence.itertuples(index=False):
        assert texts[row.encounter_id][row.start_offset : row.end_offset] == row.text != ""
    shown = set(zip(evidence["encounter_id"], evidence["code"], strict=True))
    good = batch.codes[batch.codes["accepted"]]
    assert len(good) > 20
    assert set(zip(good["encounter_id"], good["code"], strict=True)) <= shown
    for row in good.itertuples(index=False):
        own = evidence[(evidence["encounter_id"] == row.encounter_id) & (evidence["code"] == row.code)]
        terms = [t for t in CONDITIONS[row.code] if t in texts[row.encounter_id]]
        assert not terms or any(t in said or said in t for said in own["text"] for t in terms), row.code


def test_evidence_of_several_documents_names_the_right_one(model: CodingModel) -> None:
    texts = {"b": "HPI: Known glimsweet. Slept.", "a": "Ward note, quiet.\nKnown beltpox. Ate.", "c": "Known thinbone"}
    batch = batch_of(model, [("E", d, t) for d, t in texts.items()])
    evidence = batch.evidence[batch.evidence["code"].isin(batch.codes["code"][batch.codes["accepted"]])]
    for row in evidence.itertuples(index=False):
        assert texts[row.document_id][row.start_offset : row.end_offset] == row.text != ""
    where = {(r.code, r.document_id) for r in evidence.itertuples(index=False)}
    assert {("E11.9", "b"), ("B02.9", "a"), ("M81.0", "c")} <= where
    assert batch.encounters["document_count"].tolist() == [3]


def test_learned_evidence_is_denied_where_the_text_denies_it(model: CodingModel) -> None:
    """The trigger reaches from the word after it: the phrase "denies glimsweet" was taken for affirmed."""
    (scored,) = code_by_model([([Document("d", "ROS: Denies glimsweet.", None, ())], None, DAY)], model)
    own = scored.coded.candidates["E11.9"]
    assert own.supports
    assert own.assertion == "negated"
    assert {s.judgement.assertion for s in own.supports} == {"negated"}
    assert not any(s.judgement.carries for s in own.supports)


# --- bands ------------------------------------------------------------------------------------------------------------


def test_without_a_certificate_nothing_is_auto(model: CodingModel) -> None:
    bare = with_bands(model, Bands(None, None))
    scored = code_by_model(new_encounters(10), bare)
    assert {b for s in scored for b in s.bands.values()} == {REVIEW}


def test_the_bands_of_the_folder_are_those_that_were_certified(folder: ModelFolder, model: CodingModel) -> None:
    facts = folder.manifest.facts
    assert model.bands.auto == facts["auto_band"]["value"]
    assert facts["auto_band"]["because"]
    drop = facts["drop_band"]["value"]
    assert model.bands.drop == (None if drop is None else min(drop, model.threshold))


def test_what_the_guidelines_reject_is_never_auto(model: CodingModel) -> None:
    everything = with_bands(model, Bands(0.0, None), threshold=0.0)
    refused = 0
    for documents, setting, day in new_encounters(12):
        (scored,) = code_by_model([(documents, setting, day)], everything)
        for code, known in by_ontology(documents, setting, day).coded.candidates.items():
            if not known.accepted and not known.alternative and code in scored.bands:
                refused += 1
                assert scored.bands[code] != AUTO, code
    assert refused >= 12, "every made-up chart denies something"


def test_nothing_is_auto_without_a_text_that_states_it(model: CodingModel) -> None:
    everything = with_bands(model, Bands(0.0, None), threshold=0.0)
    texts = ["", "Walked home.", "ROS: Denies glimsweet.", *(d[0].text for d, _, _ in new_encounters(5))]
    seen: set[str] = set()
    for text in texts:
        (scored,) = code_by_model([([Document("d", text, None, ())], None, DAY)], everything)
        for code, candidate in scored.coded.candidates.items():
            stated = [s for s in candidate.supports if s.judgement.assertion not in ("negated", "hypothetical")]
            seen.add(scored.bands[code])
            assert scored.bands[code] != AUTO or stated, (code, text)
    assert seen == {AUTO, REVIEW}


def test_accepted_codes_are_never_dropped_and_others_never_auto(model: CodingModel) -> None:
    for threshold in (0.0, 0.5, 1.1):
        for bands in (Bands(0.0, 1.1), Bands(0.4, 0.9), Bands(None, 1.1)):
            for scored in code_by_model(new_encounters(4), with_bands(model, bands, threshold)):
                for code, candidate in scored.coded.candidates.items():
                    assert scored.bands[code] != (DROP if candidate.accepted else AUTO)


# --- odd input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n\n", "\x00\x0c\t", "....", "ü" * 50, "'" * 10])
def test_a_text_that_says_nothing_has_no_accepted_code(model: CodingModel, text: str) -> None:
    answer = one(model, text)
    assert accepted(answer) == []
    assert all(c["evidence"] == [] for c in answer["codes"])


@given(
    st.lists(
        st.sampled_from(
            ["glimsweet", "pneumonia", "Denies ", ". ", "\n\n", ":", "é", "\u2028", "\r\n", "\U0001f600", "-"]
        )
        | st.text(max_size=6),
        max_size=14,
    ).map("".join)
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gets_an_answer_with_its_evidence_in_place(model: CodingModel, text: str) -> None:
    answer = one(model, text)
    assert len(answer["codes"]) <= LISTED
    scores = [c["score"] for c in answer["codes"]]
    assert all(0 <= s <= 1 for s in scores)
    assert len({c["code"] for c in answer["codes"]}) == len(scores)
    for code in answer["codes"]:
        for span in code["evidence"]:
            assert text[span["start"] : span["end"]] == span["text"]


# --- training ---------------------------------------------------------------------------------------------------------


def test_too_few_charts_are_refused_with_their_number(tmp_path: Path) -> None:
    charts = labelled([*made_up(19), *({**r, "codes": []} for r in made_up(30, first=50))])
    with pytest.raises(TooFewChartsError, match="19 charts have codes; at least 20"):
        train(charts, [], tmp_path / "m", SMALL)
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ModelFolderError, match="left alone"):
        train(labelled(made_up(24)), [], tmp_path, SMALL)


def test_parameters_are_named_or_refused() -> None:
    p = TrainingParameters.of({"seed": 3, "reranker.leaves": 7, "network.epochs": 2}, TrainingParameters(folds=4))
    assert (p.seed, p.folds, p.reranker, p.network) == (3, 4, RerankerParameters(leaves=7), {"epochs": 2})
    assert TrainingParameters.of({}) == TrainingParameters()
    for name in (
        "leaves",
        "reranker",
        "reranker.",
        "reranker.depth",
        "network",
        "network.",
        "network.depth",
        "Seed",
        "",
    ):
        with pytest.raises(TrainingParameterError, match="has no parameter"):
            TrainingParameters.of({name: 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [("folds", 1), ("folds", True), ("network_folds", 0), ("seed", -1), ("seed", 1.5), ("precision", 2), ("loss", 0),
     ("confidence", float("nan")), ("use_network", 3), ("reranker.rounds", 0), ("reranker.leaves", 1),
     ("reranker.columns", 0), ("reranker.l2", -1)],
)  # fmt: skip
def test_values_that_no_training_can_use_are_refused_before_it(name: str, value: object) -> None:
    with pytest.raises(TrainingParameterError, match=rf"{name} is {value}: choose"):
        TrainingParameters.of({name: value})


def test_the_network_joins_in_and_is_loaded_with_the_folder(tmp_path: Path) -> None:
    """Twenty-four charts, calibrated on eight of other patients: far too few to certify anything."""
    held = labelled(made_up(8, seed=4, first=900))
    written = train(labelled(made_up(24)), held, tmp_path / "m", TINY_NETWORK, checkpoints=tmp_path / "kept")
    facts = written.manifest.facts
    assert facts["calibrated_on"] == "charts of other patients"
    assert written.manifest.data["calibration_charts"] == 8
    assert facts["auto_band"]["value"] is None
    assert facts["auto_band"]["because"] not in ("", "certified")
    loaded = load_model(written.path)
    assert (loaded.network is not None) == (facts["network_weight"] > 0)
    assert loaded.bands.auto is None
    scored = code_by_model(new_encounters(3), loaded)
    assert AUTO not in {b for s in scored for b in s.bands.values()}
    assert told(code_by_model(new_encounters(3)[::-1], loaded))[::-1] == told(scored)


def test_tuning_goes_on_where_it_stopped(tmp_path: Path) -> None:
    import optuna

    def trials() -> int:
        storage = f"sqlite:///{tmp_path / 'tuning.db'}"
        (name,) = optuna.get_all_study_names(storage)
        return len(optuna.load_study(study_name=name, storage=storage).trials)

    p = TrainingParameters.of(SMALL)
    prepared = prepare(labelled(made_up(24)), p)
    first = tuned(prepared, p, 1, tmp_path / "tuning.db", False)
    assert trials() == 1
    again = tuned(prepared, p, 1, tmp_path / "tuning.db", False)
    assert (trials(), again) == (1, first)
    more = tuned(prepared, p, 2, tmp_path / "tuning.db", False)
    assert trials() == 2
    chosen = TrainingParameters.of(more.parameters, p)
    assert chosen.folds == p.folds
    assert chosen.reranker != p.reranker
    assert 8 <= chosen.reranker.leaves <= 63


def test_training_twice_gives_the_same_model(tmp_path: Path) -> None:
    charts = labelled(made_up(24))
    one_, other = (
        train(charts, [], tmp_path / name, {**SMALL, "folds": 2, "reranker.rounds": 10}) for name in ("a", "b")
    )
    for name in ("learned.safetensors", "reranker.txt", "model.json"):
        assert (one_.path / name).read_bytes() == (other.path / name).read_bytes(), name


def test_labels_are_those_of_training_alone(model: CodingModel) -> None:
    assert set(model.learned.labels) == {*CONDITIONS, GONE}
    assert model.learned.notes == 64
    assert np.array_equal(np.sort(model.learned.labels), model.learned.labels)
