"""From coders' labels to a promoted model on a real PostgreSQL: nothing lost, nobody on two sides, no gate forced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from support.labelled_network import FIRST, LAST, SMALL, labelled_network

from medcode_ml.billing.payers import load_payers
from medcode_ml.coding.batch import CODE_COLUMNS, MODEL_VERSION, CodedBatch, code_batch
from medcode_ml.coding.evaluation import ONTOLOGY, evaluate_from_store
from medcode_ml.coding.in_use import Code
from medcode_ml.coding.promotion import FEWEST, gates
from medcode_ml.coding.proposals.charts import LabelledChart
from medcode_ml.coding.stage import run_coding
from medcode_ml.coding.training_run import data_hash, labelled_charts, train_from_store
from medcode_ml.coding.training_set import run_training_set
from medcode_ml.contracts import coded, ml, ranked, raw
from medcode_ml.lifecycle import promote, to_shadow
from medcode_ml.models.contents import json_file
from medcode_ml.models.folder import read_folder, write_folder
from medcode_ml.models.registry import promoted
from medcode_ml.models.warehouse.evaluation import CHAMPION, MODEL
from medcode_ml.models.warehouse.promotion import (
    NotPromotedError,
    labels_gate,
    persons_in_two_parts,
    promote_version,
    retire_version,
)
from medcode_ml.models.warehouse.shadow import shadow_figures
from medcode_ml.models.warehouse.stages import CANDIDATE, moves_of, registered_versions, standing_of
from medcode_ml.models.warehouse.training_set import training_encounters
from medcode_ml.models.warehouse.versions import TrainingDataError, TrainingResult
from medcode_ml.settings import settings
from medcode_ml.shadow import run_shadow
from medcode_ml.store.accounting import accounts
from medcode_ml.store.checks import codes_outside_release
from medcode_ml.store.frames import read_frame

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SET = ml.coding_training_set


@pytest.fixture(scope="module")
def labelled(server_engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A small network with the training set of all its days."""
    with labelled_network(server_engine, tmp_path_factory.mktemp("labelled")) as engine:
        run_training_set(engine, FIRST, LAST)
        yield engine


def rows(engine: sa.Engine) -> pd.DataFrame:
    return read_frame(engine, sa.select(SET).order_by(SET.c.received_date, SET.c.encounter_id))


def test_days_without_labels_give_an_empty_training_set(database: sa.Engine) -> None:
    result = run_training_set(database, FIRST, LAST)
    assert result.rows == {"coding_training_set": 0}


def test_labelled_encounters_are_in_a_part_or_set_aside_with_a_reason(labelled: sa.Engine) -> None:
    (account,) = accounts(labelled, "ml.coding_training_set", FIRST, LAST)
    assert account.balances
    assert account.carried > 0.8 * SMALL.encounters
    # the simulation plants encounters that filtering sets aside, and their labels come all the same
    assert account.set_aside > 0
    assert set(rows(labelled)["set_aside"].dropna()) <= {"no_encounter", "no_documents", "no_release", "no_codes"}


def test_no_person_is_in_two_parts_and_the_latest_are_the_test(labelled: sa.Engine) -> None:
    kept = training_encounters(labelled, ml.CODING)
    assert kept.groupby("person_id")["split"].nunique().max() == 1
    assert (kept["split"].value_counts(normalize=True) > 0.1).all()
    last = kept.groupby("person_id").agg(day=("discharge_date", "max"), part=("split", "first"))
    assert last.loc[last["part"] == "train", "day"].max() <= last.loc[last["part"] == "test", "day"].min()


def test_the_table_holds_no_text_of_a_patient(labelled: sa.Engine) -> None:
    with labelled.connect() as connection:
        held = str(connection.execute(sa.text("SELECT jsonb_agg(t) FROM ml.coding_training_set t")).scalar_one())
        people = connection.execute(sa.text("SELECT DISTINCT last_name FROM raw.patient")).scalars().all()
    assert people
    assert not [name for name in people if name in held]


def test_a_second_run_and_a_day_alone_change_nothing(labelled: sa.Engine) -> None:
    before = rows(labelled)
    run_training_set(labelled, FIRST, LAST)
    pd.testing.assert_frame_equal(before, rows(labelled))
    run_training_set(labelled, date(2026, 9, 30), date(2026, 9, 30))
    pd.testing.assert_frame_equal(before, rows(labelled))


def test_two_records_found_to_be_one_person_come_to_one_part(labelled: sa.Engine) -> None:
    kept = training_encounters(labelled, ml.CODING)
    learned = kept.loc[kept["split"] == "train", "patient_id"].iloc[0]
    tested = kept.loc[kept["split"] == "test", "patient_id"].iloc[0]
    before = read_frame(labelled, sa.text("SELECT * FROM mapped.person"))
    with labelled.begin() as connection:
        connection.execute(
            sa.text("UPDATE mapped.person SET person_id = :p WHERE patient_id IN (:p, :q)"), {"p": learned, "q": tested}
        )
    assert persons_in_two_parts(labelled, ml.CODING) == 1
    run_training_set(labelled, LAST, LAST)
    assert persons_in_two_parts(labelled, ml.CODING) == 0
    with labelled.begin() as connection:
        for row in before.itertuples():
            connection.execute(
                sa.text("UPDATE mapped.person SET person_id = :p WHERE patient_id = :q"),
                {"p": row.person_id, "q": row.patient_id},
            )
    run_training_set(labelled, LAST, LAST)


def test_labels_that_come_on_a_later_day_find_their_encounter_and_replace_the_earlier(labelled: sa.Engine) -> None:
    first = training_encounters(labelled, ml.CODING).query("received_date == @FIRST").iloc[0]
    label = raw.delivered_tables["coder_label"]
    number = "(SELECT min(encounter_number) FROM mapped.encounter WHERE encounter_id = :e)"
    with labelled.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO raw.coder_label (received_date, source, source_file, source_line, copy_number, "
                "hospital_id, encounter_number, line_number, code, coder_id) "
                f"SELECT :d, :s, 'late', 1, 1, :h, '00' || {number}, '1', 'I10', 'C1'"
            ),
            {"d": LAST, "s": first["source"], "h": first["hospital_id"], "e": first["encounter_id"]},
        )
    run_training_set(labelled, FIRST, LAST)
    both = rows(labelled).query("encounter_id == @first.encounter_id")
    assert list(both["set_aside"]) == ["labelled_again", None]
    assert list(both["codes"])[1] == ["I10"]
    assert both["split"].notna().sum() == 1
    assert all(a.balances for a in accounts(labelled, "ml.coding_training_set", FIRST, LAST))
    with labelled.begin() as connection:
        connection.execute(sa.delete(label).where(label.c.source_file == "late"))
    run_training_set(labelled, FIRST, LAST)
    assert list(rows(labelled).query("encounter_id == @first.encounter_id")["set_aside"]) == [None]


def test_the_notes_are_the_texts_that_were_labelled_or_training_refuses(labelled: sa.Engine) -> None:
    encounters = training_encounters(labelled, ml.CODING)
    charts = labelled_charts(labelled, encounters)
    assert [c.record_id for c in charts] == list(encounters["encounter_id"])
    assert all(c.documents and c.codes and c.patient_id for c in charts)
    assert any(d.sections for c in charts for d in c.documents)
    one = encounters["document_ids"].iloc[0][0]
    digest = data_hash(encounters, "documents")
    with labelled.begin() as connection:
        change = sa.text("UPDATE filtered.document SET text = text || :more WHERE document_id = :d")
        connection.execute(change, {"more": " Addendum.", "d": one})
    with pytest.raises(TrainingDataError, match="1 encounters have other documents"):
        labelled_charts(labelled, encounters)
    run_training_set(labelled, FIRST, LAST)
    assert data_hash(training_encounters(labelled, ml.CODING), "documents") != digest
    assert len(labelled_charts(labelled, training_encounters(labelled, ml.CODING))) == len(encounters)


def test_training_without_identifiers_asks_for_the_copies_that_are_missing(labelled: sa.Engine) -> None:
    with pytest.raises(TrainingDataError, match="run deidentify_job"):
        labelled_charts(labelled, training_encounters(labelled, ml.CODING), "deidentified_document")


# --- a version: trained, evaluated, promoted or refused ---------------------------------------------------------------


def most_frequent(charts: list[LabelledChart], _: list[LabelledChart], folder: Path, *rest: Any, **more: Any) -> None:
    """The simplest model there is: how often each code was given."""
    counts = Counter(code for chart in charts for code in chart.codes)
    write_folder(folder, kind="coding", files={"counts.json": json_file(dict(sorted(counts.items())))},
                 parameters={"of": len(charts)})  # fmt: skip


def knows_the_labels(engine: sa.Engine) -> Code:
    """A coder that answers what the hospital's coders wrote."""
    labels = dict(zip(*(training_encounters(engine, ml.CODING)[c] for c in ("encounter_id", "codes")), strict=True))

    def code(documents: pd.DataFrame, sections: pd.DataFrame) -> CodedBatch:
        ids = documents["encounter_id"].unique()
        found = [(e, c, 0.9, "review", True, "affirmed", "Y", "documents", 1, [], "") for e in ids for c in labels[e]]
        nothing = pd.DataFrame()
        return CodedBatch(pd.DataFrame(found, columns=list(CODE_COLUMNS)), nothing, nothing, nothing)

    return code


@pytest.fixture(scope="module")
def trained(labelled: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingResult]:
    home = tmp_path_factory.mktemp("models")
    return home, train_from_store(labelled, home, train=most_frequent)


def test_a_model_is_registered_and_its_encounters_are_known(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    home, result = trained
    model = read_frame(labelled, sa.select(ml.coding_model)).iloc[0]
    (row,) = registered_versions(labelled, "coding").values()
    assert home / row["folder"] == result.folder
    assert (row["first_day"], row["last_day"]) == (FIRST, LAST)
    assert (row["champion"], row["trained_by"]) == (None, "asset ml/coding_model")
    assert row["mlflow_run"]
    assert set(read_folder(result.folder, "coding").manifest.files) == {"counts.json"}
    parts = read_frame(labelled, sa.text("SELECT part, count(*) AS n FROM ml.coding_model_encounter GROUP BY 1"))
    counts = dict(zip(parts["part"], parts["n"], strict=True))
    assert counts == {part: model[f"{part}_encounters"] for part in ("train", "calibration", "test")}
    assert model["data_hash"] == data_hash(training_encounters(labelled, ml.CODING), "documents")
    again = train_from_store(labelled, home, train=most_frequent)
    assert len(read_frame(labelled, sa.select(ml.coding_model))) == len({result.version, again.version})


def test_a_model_that_is_no_better_than_the_ontology_is_refused(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    home, result = trained
    with pytest.raises(NotPromotedError, match="candidate_beats_ontology: not measured"):
        promote("coding", labelled, home, version=result.version, by="test")
    same = lambda *_: ({MODEL: code_batch, ONTOLOGY: code_batch}, None)  # noqa: E731
    evaluate_from_store(labelled, home, result.version, measured=same, resamples=200)
    with pytest.raises(
        NotPromotedError, match=r"candidate_beats_ontology: micro-F1 against the ontology coder: \+0.0000"
    ):
        promote("coding", labelled, home, version=result.version, by="test")
    assert promoted("coding", home) is None
    assert standing_of(labelled, result.version).stage == CANDIDATE


def test_a_better_model_is_promoted_once_and_the_next_must_beat_it(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    home, result = trained
    better = {MODEL: knows_the_labels(labelled), ONTOLOGY: code_batch}
    found = evaluate_from_store(labelled, home, result.version, measured=lambda *_: (better, None), resamples=200)
    assert found.outside == ()
    assert all(gate.passed for gate in gates(labelled, result.version))
    assert promote("coding", labelled, home, version=result.version, by="test").changed
    assert promoted("coding", home) == result.folder
    assert not promote("coding", labelled, home, version=result.version, by="test").changed
    assert [one.stage for one in moves_of(labelled, result.version)] == ["candidate", "shadow", "champion"]

    def narrower(charts: list[LabelledChart], *rest: Any, **more: Any) -> None:
        most_frequent(charts[:50], *rest, **more)

    second = train_from_store(labelled, home, train=narrower)
    assert second.version != result.version
    evaluate_from_store(labelled, home, second.version, measured=lambda *_: (better, None), resamples=200)
    with pytest.raises(NotPromotedError, match="candidate_beats_champion: not measured against"):
        promote("coding", labelled, home, version=second.version, by="test")
    worse = {MODEL: code_batch, ONTOLOGY: code_batch, CHAMPION: knows_the_labels(labelled)}
    measured = lambda *_: (worse, result.version)  # noqa: E731
    evaluate_from_store(labelled, home, second.version, measured=measured, resamples=200)
    with pytest.raises(NotPromotedError, match="candidate_beats_champion: micro-F1 against coding-"):
        promote("coding", labelled, home, version=second.version, by="test")
    assert promoted("coding", home) == result.folder
    retire_version(labelled, home, result.version, by="test", note="the rules again")
    assert promoted("coding", home) is None


@pytest.fixture(scope="module")
def real(labelled: sa.Engine) -> str:
    """A model trained for real on the small network: its version."""
    parameters = {"use_network": False, "folds": 4, "reranker.rounds": 60}
    return train_from_store(labelled, settings().home, parameters=parameters).version


def test_a_version_in_shadow_is_compared_and_nothing_of_it_is_kept(labelled: sa.Engine, real: str) -> None:
    home = settings().home
    run_coding(labelled, FIRST, FIRST)
    before = [read_frame(labelled, sa.select(t)) for t in (coded.encounter, coded.encounter_code, ranked.encounter)]
    assert run_shadow(labelled, home, FIRST, FIRST, load_payers(None), resamples=50).rows["shadow_figure"] == 0
    to_shadow(labelled, home, real, by="test", note="to be seen")
    for last in (FIRST + timedelta(1), FIRST):
        assert run_shadow(labelled, home, FIRST, last, load_payers(None), resamples=50).rows["shadow_figure"] > 0
    after = [read_frame(labelled, sa.select(t)) for t in (coded.encounter, coded.encounter_code, ranked.encounter)]
    for one, other in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(one, other)
    found = shadow_figures(labelled, real, MODEL_VERSION)
    assert set(found["received_date"]) == {FIRST, FIRST + timedelta(1)}
    value = found.set_index(["received_date", "figure"])["value"][FIRST]
    assert 0 < value["code_agreement"] < 1, "it is another coder"
    assert value["codes_added"] > 0 or value["codes_dropped"] > 0
    assert 0 <= value["drg_shift"] <= 1
    assert value["drg_weight_up"] + value["drg_weight_down"] <= value["drg_shift"] + 1e-4
    assert value["shadow_seconds"] > 0
    assert found.set_index(["received_date", "figure"])["encounters"][FIRST]["drg_shift"] > 5


def test_the_promoted_model_codes_and_every_encounter_says_so(labelled: sa.Engine, real: str) -> None:
    """The coded tables are whole with the model as with the ontology coder."""
    home = settings().home
    promote_version(labelled, ml.CODING, home, real, [], by="test")
    try:
        run_coding(labelled, FIRST, LAST)
    finally:
        retire_version(labelled, home, real, by="test", note="the rules again")
    by_model = read_frame(labelled, sa.select(coded.encounter))
    assert set(by_model["model_version"]) == {real}
    assert all(a.balances for a in accounts(labelled, "coded", FIRST, LAST))
    assert codes_outside_release(labelled, FIRST, LAST) == []
    without = sa.text(
        "SELECT count(*) FROM coded.encounter_code c WHERE accepted AND origin = 'documents' AND NOT EXISTS "
        "(SELECT 1 FROM coded.evidence v WHERE v.encounter_id = c.encounter_id AND v.code = c.code)"
    )
    there = sa.text(
        "SELECT count(*), count(*) FILTER (WHERE v.text = substr(d.text, v.start_offset + 1, v.end_offset - "
        "v.start_offset)) FROM coded.evidence v JOIN filtered.document d USING (received_date, document_id)"
    )
    with labelled.connect() as connection:
        assert connection.execute(without).scalar_one() == 0
        evidence, right = connection.execute(there).one()
    assert evidence == right > 0
    run_coding(labelled, FIRST, LAST)
    by_ontology = read_frame(labelled, sa.select(coded.encounter))
    assert set(by_ontology["model_version"]) == {MODEL_VERSION}
    assert len(by_ontology) == len(by_model)


def test_a_link_made_since_that_puts_a_person_on_two_sides_stops_the_promotion(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    _, result = trained
    kept = training_encounters(labelled, ml.CODING)
    learned, tested = (kept.loc[kept["split"] == part, "patient_id"].iloc[0] for part in ("train", "test"))
    with labelled.connect() as connection:
        joined = sa.text("UPDATE mapped.person SET person_id = :p WHERE patient_id IN (:p, :q)")
        connection.execute(joined, {"p": learned, "q": tested})
        connection.commit()
    failed = [gate.name for gate in gates(labelled, result.version) if not gate.passed]
    assert failed == ["patients_do_not_overlap"]


def test_too_few_labels_are_no_basis_for_a_model() -> None:
    assert not labels_gate({"train": 99, "calibration": 20, "test": 30}, FEWEST).passed
    assert labels_gate({"train": 100, "calibration": 20, "test": 30}, FEWEST).passed
    assert "test: 0 of 30" in labels_gate({"train": 500, "calibration": 90}, FEWEST).said
