"""From coders' orders to a promoted ranker on a real PostgreSQL: nothing lost, nobody on two sides, no gate forced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from support.labelled_network import FIRST, LAST, SMALL, labelled_network

from medcode_ml.billing.payers import load_payers
from medcode_ml.coding.stage import run_coding
from medcode_ml.contracts import coded, ml, ranked, raw
from medcode_ml.lifecycle import promote, to_shadow
from medcode_ml.models.contents import json_file
from medcode_ml.models.folder import read_folder, write_folder
from medcode_ml.models.registry import promoted
from medcode_ml.models.warehouse.evaluation import CHAMPION, MODEL
from medcode_ml.models.warehouse.promotion import (
    NotPromotedError,
    persons_in_two_parts,
    promote_version,
    retire_version,
    training_set_gates,
)
from medcode_ml.models.warehouse.shadow import shadow_figures
from medcode_ml.models.warehouse.stages import CANDIDATE, moves_of, registered_versions, standing_of
from medcode_ml.models.warehouse.training_set import labels_outside_release, training_encounters
from medcode_ml.models.warehouse.versions import TrainingDataError, TrainingResult
from medcode_ml.ranking.batch import MODEL_VERSION, RankedBatch, rank_frames
from medcode_ml.ranking.evaluation import NDCG, RULE, TOP1, evaluate_from_store
from medcode_ml.ranking.frames import PLACE
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.in_use import Rank
from medcode_ml.ranking.promotion import FEWEST, gates
from medcode_ml.ranking.stage import run_ranking
from medcode_ml.ranking.store_frames import frames_of_day
from medcode_ml.ranking.training_run import data_hash, labelled_frames, train_from_store
from medcode_ml.ranking.training_set import run_training_set
from medcode_ml.settings import settings
from medcode_ml.shadow import run_shadow
from medcode_ml.store.accounting import accounts
from medcode_ml.store.frames import read_frame

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SET = ml.ranking_training_set


@pytest.fixture(scope="module")
def labelled(server_engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A small network, coded, with the training set of all its days."""
    with labelled_network(server_engine, tmp_path_factory.mktemp("ordered")) as engine:
        run_coding(engine, FIRST, LAST)
        run_training_set(engine, FIRST, LAST)
        yield engine


def rows(engine: sa.Engine) -> pd.DataFrame:
    return read_frame(engine, sa.select(SET).order_by(SET.c.received_date, SET.c.encounter_id))


def test_days_without_labels_give_an_empty_training_set(database: sa.Engine) -> None:
    assert run_training_set(database, FIRST, LAST).rows == {"ranking_training_set": 0}


def test_labelled_encounters_are_in_a_part_or_set_aside_with_a_reason(labelled: sa.Engine) -> None:
    (account,) = accounts(labelled, SET.fullname, FIRST, LAST)
    assert account.balances
    assert account.carried > 0.6 * SMALL.encounters
    assert account.set_aside > 0
    known = {"no_encounter", "no_release", "no_codes", "no_order", "no_principal", "one_code"}
    assert set(rows(labelled)["set_aside"].dropna()) <= known
    assert all(gate.passed for gate in training_set_gates(labelled, ml.RANKING, FEWEST))
    assert labels_outside_release(labelled, ml.RANKING, FIRST, LAST) == []


def test_the_codes_stand_as_the_coders_ordered_them(labelled: sa.Engine) -> None:
    one = training_encounters(labelled, ml.RANKING).iloc[0]
    query = sa.text(
        "SELECT l.code, nullif(l.poa, '') AS poa FROM raw.coder_label l JOIN mapped.encounter e ON e.source = l.source "
        "AND e.hospital_id = l.hospital_id AND e.encounter_number = l.encounter_number "
        "WHERE e.encounter_id = :e ORDER BY l.line_number::int"
    )
    labels = read_frame(labelled, query, {"e": one["encounter_id"]})
    assert [code.replace(".", "") for code in one["codes"]] == [code.replace(".", "") for code in labels["code"]]
    assert [poa or None for poa in one["poa"]] == list(labels["poa"])


def test_no_person_is_in_two_parts_and_the_latest_are_the_test(labelled: sa.Engine) -> None:
    kept = training_encounters(labelled, ml.RANKING)
    assert kept.groupby("person_id")["split"].nunique().max() == 1
    last = kept.groupby("person_id").agg(day=("discharge_date", "max"), part=("split", "first"))
    assert last.loc[last["part"] == "train", "day"].max() <= last.loc[last["part"] == "test", "day"].min()


def test_a_second_run_and_a_day_alone_change_nothing(labelled: sa.Engine) -> None:
    before = rows(labelled)
    run_training_set(labelled, FIRST, LAST)
    pd.testing.assert_frame_equal(before, rows(labelled))
    run_training_set(labelled, date(2026, 9, 30), date(2026, 9, 30))
    pd.testing.assert_frame_equal(before, rows(labelled))


def test_a_recent_slice_is_taken_from_the_persons_seen_since_and_given_back(labelled: sa.Engine) -> None:
    before, changed = rows(labelled), date(2026, 10, 1)
    run_training_set(labelled, LAST, LAST, since=FIRST, recent_from=changed)
    found = rows(labelled)
    assert (found["set_aside"] == before["set_aside"]).where(before["set_aside"].notna(), True).all()
    last = (
        found[found["split"].notna()]
        .groupby("person_id")
        .agg(day=("encounter_received", "max"), part=("split", "first"))
    )
    assert last.loc[last["part"] == "test", "day"].min() >= changed
    assert {"train", "calibration", "test"} == set(last.loc[last["day"] >= changed, "part"])
    assert persons_in_two_parts(labelled, ml.RANKING) == 0
    run_training_set(labelled, LAST, LAST)
    pd.testing.assert_frame_equal(before, rows(labelled))


def test_two_records_found_to_be_one_person_come_to_one_part(labelled: sa.Engine) -> None:
    kept = training_encounters(labelled, ml.RANKING)
    learned, tested = (kept.loc[kept["split"] == part, "patient_id"].iloc[0] for part in ("train", "test"))
    before = read_frame(labelled, sa.text("SELECT * FROM mapped.person"))
    join_persons(labelled, {learned: learned, tested: learned})
    assert persons_in_two_parts(labelled, ml.RANKING) == 1
    run_training_set(labelled, LAST, LAST)
    assert persons_in_two_parts(labelled, ml.RANKING) == 0
    join_persons(labelled, dict(zip(before["patient_id"], before["person_id"], strict=True)))
    run_training_set(labelled, LAST, LAST)


def join_persons(engine: sa.Engine, person_of: Mapping[str, str]) -> None:
    change = sa.text("UPDATE mapped.person SET person_id = :person WHERE patient_id = :patient")
    with engine.begin() as connection:
        connection.execute(change, [{"patient": patient, "person": person} for patient, person in person_of.items()])


def test_labels_that_come_on_a_later_day_replace_the_earlier(labelled: sa.Engine) -> None:
    first = training_encounters(labelled, ml.RANKING).query("received_date == @FIRST").iloc[0]
    label = raw.delivered_tables["coder_label"]
    number = "(SELECT min(encounter_number) FROM mapped.encounter WHERE encounter_id = :e)"
    late = sa.text(
        "INSERT INTO raw.coder_label (received_date, source, source_file, source_line, copy_number, hospital_id, "
        f"encounter_number, line_number, code, poa, coder_id) SELECT :d, :s, 'late', 1, 1, :h, '00' || {number}, :n, "
        ":c, 'Y', 'C1'"
    )
    given = {"d": LAST, "s": first["source"], "h": first["hospital_id"], "e": first["encounter_id"]}
    with labelled.begin() as connection:
        connection.execute(
            late, [{**given, "n": n, "c": c} for n, c in (("2", "I10"), ("10", "E11.9"), ("1", "J18.9"))]
        )
    run_training_set(labelled, FIRST, LAST)
    both = rows(labelled).query("encounter_id == @first.encounter_id")
    assert list(both["set_aside"]) == ["labelled_again", None]
    assert list(both["codes"])[1] == ["J18.9", "I10", "E11.9"], "by number, not by text"
    with labelled.begin() as connection:
        connection.execute(sa.delete(label).where(label.c.source_file == "late"))
    run_training_set(labelled, FIRST, LAST)


# --- what a model learns from is what the stage ranks -----------------------------------------------------------------


def test_a_stay_is_read_for_training_as_the_stage_reads_it(labelled: sa.Engine) -> None:
    """No skew: age, days of the stay, drugs, units and evidence are the same rows on both ways."""
    kept = training_encounters(labelled, ml.RANKING)
    learned = labelled_frames(labelled, kept)
    assert list(learned.encounters["encounter_id"]) == list(kept["encounter_id"])
    assert list(learned.encounters["patient_id"]) == list(kept["person_id"])
    with labelled.connect() as connection:
        days = [frames_of_day(connection, day.date()) for day in pd.date_range(FIRST, LAST)]
    ids = set(kept["encounter_id"])
    for name in ("encounters", "procedures", "medications", "microbiology", "units", "services"):
        own = getattr(learned, name)
        other = pd.concat([getattr(day, name) for day in days])
        columns = [c for c in other.columns if c != "patient_id"]
        assert as_rows(own[columns]) == as_rows(other.loc[other["encounter_id"].isin(ids), columns]), name
        assert len(own), name
    served = pd.concat([day.codes for day in days]).set_index(["encounter_id", "code"])
    taught = learned.codes.set_index(["encounter_id", "code"])
    both = served.index.intersection(taught.index)
    assert len(both) > 0.5 * len(taught)
    columns = ["poa", "score", "mention_count", "document_types", "assertion"]
    assert as_rows(taught.loc[both, columns]) == as_rows(served.loc[both, columns])
    assert PLACE not in served.columns, "the stage is never told a place"


def as_rows(frame: pd.DataFrame) -> list[str]:
    return sorted(str([None if value != value else value for value in row]) for row in frame.itertuples(index=False))


def test_a_code_that_coding_did_not_list_has_at_most_the_evidence_of_a_relative(labelled: sa.Engine) -> None:
    kept = training_encounters(labelled, ml.RANKING)
    codes = labelled_frames(labelled, kept).codes
    counted = read_frame(labelled, sa.select(coded.encounter_code.c.encounter_id, coded.encounter_code.c.code))
    listed = set(counted.itertuples(index=False, name=None))
    missed = codes[[(e, c) not in listed for e, c in zip(codes["encounter_id"], codes["code"], strict=True)]]
    assert len(missed)
    assert missed[["score", "mention_count", "assertion"]].isna().all(axis=None)
    assert missed["document_types"].notna().any(), "E11.9 in the text speaks for the E11.65 of the list"
    given = {(r.encounter_id, c): p for r in kept.itertuples() for c, p in zip(r.codes, r.poa, strict=True)}
    assert all(given[e, c] == p for e, c, p in missed[["encounter_id", "code", "poa"]].itertuples(index=False))


def test_the_hash_of_the_data_tells_another_order_and_another_drug(labelled: sa.Engine) -> None:
    kept = training_encounters(labelled, ml.RANKING)
    frames = labelled_frames(labelled, kept)
    digest = data_hash(kept, frames)
    assert data_hash(kept, labelled_frames(labelled, kept)) == digest
    turned = kept.assign(codes=[codes[::-1] for codes in kept["codes"]])
    assert data_hash(turned, frames) != digest
    assert frames.medications is not None
    other = RankingFrames(
        frames.encounters, frames.codes, **{**frames.context(), "medications": frames.medications[1:]}
    )
    assert data_hash(kept, other) != digest


def test_an_encounter_that_is_gone_stops_the_training(labelled: sa.Engine) -> None:
    kept = training_encounters(labelled, ml.RANKING).head(3)
    kept.loc[kept.index[0], "encounter_id"] = "gone"
    with pytest.raises(TrainingDataError, match=r"1 of 3 encounters are not in filtered\.encounter any more"):
        labelled_frames(labelled, kept)


# --- a version: trained, evaluated, promoted or refused ---------------------------------------------------------------


def most_frequent(stays: RankingFrames, _: RankingFrames | None, folder: Path, *rest: Any, **more: Any) -> None:
    """The simplest model there is: how often each code stood first."""
    first = stays.codes.loc[stays.codes[PLACE] == 1, "code"].value_counts()
    write_folder(folder, kind="ranking", files={"counts.json": json_file({str(k): int(v) for k, v in first.items()})},
                 parameters={"of": len(stays.encounters)})  # fmt: skip


def knows_the_order(engine: sa.Engine) -> Rank:
    """A ranker that answers what the hospital's coders wrote."""
    labels = dict(zip(*(training_encounters(engine, ml.RANKING)[c] for c in ("encounter_id", "codes")), strict=True))

    def rank(frames: RankingFrames) -> RankedBatch:
        batch = rank_frames(frames)
        place = [labels[e].index(c) + 1 for e, c in zip(batch.codes["encounter_id"], batch.codes["code"], strict=True)]
        return RankedBatch(batch.encounters, batch.codes.assign(rank=place))

    return rank


@pytest.fixture(scope="module")
def trained(labelled: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingResult]:
    home = tmp_path_factory.mktemp("models")
    return home, train_from_store(labelled, home, train=most_frequent)


def test_a_model_is_registered_and_its_encounters_are_known(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    home, result = trained
    model = read_frame(labelled, sa.select(ml.ranking_model)).iloc[0]
    assert home / registered_versions(labelled, "ranking")[result.version]["folder"] == result.folder
    parts = read_frame(labelled, sa.text("SELECT part, count(*) AS n FROM ml.ranking_model_encounter GROUP BY 1"))
    counts = dict(zip(parts["part"], parts["n"], strict=True))
    assert counts == {part: model[f"{part}_encounters"] for part in ("train", "calibration", "test")}
    assert not list((home / "training").rglob("*.json")), "the registry has the model; nothing else is left"
    again = train_from_store(labelled, home, train=most_frequent)
    assert again.version == result.version or len(read_frame(labelled, sa.select(ml.ranking_model))) == 2


def test_a_model_that_is_no_better_than_the_guidelines_is_refused(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    home, result = trained
    with pytest.raises(NotPromotedError, match="codes_kept: not measured; candidate_beats_guidelines: not measured"):
        promote("ranking", labelled, home, version=result.version, by="test")
    same = lambda *_: ({MODEL: rank_frames, RULE: rank_frames}, None)  # noqa: E731
    evaluate_from_store(labelled, home, result.version, measured=same, resamples=200)
    with pytest.raises(NotPromotedError, match=r"candidate_beats_guidelines: principal found .* \+0.0000"):
        promote("ranking", labelled, home, version=result.version, by="test")
    assert promoted("ranking", home) is None
    assert standing_of(labelled, result.version).stage == CANDIDATE


def test_rule_43_a_model_that_drops_a_code_is_refused_however_well_it_orders(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    home, result = trained

    def drops(frames: RankingFrames) -> RankedBatch:
        batch = knows_the_order(labelled)(frames)
        return RankedBatch(batch.encounters, batch.codes.drop(batch.codes.index[batch.codes["rank"] == 3][0]))

    evaluate_from_store(
        labelled, home, result.version, measured=lambda *_: ({MODEL: drops, RULE: rank_frames}, None), resamples=200
    )
    failed = {gate.name: gate.said for gate in gates(labelled, result.version) if not gate.passed}
    assert failed["codes_kept"].startswith("1 of ")


def test_the_same_principals_in_a_better_order_are_better_and_in_a_worse_one_are_not(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    """A tie in principals found is settled by nDCG@10, with the same certainty."""
    home, result = trained

    def own_principal(rest: Rank) -> Rank:
        def rank(frames: RankingFrames) -> RankedBatch:
            lead, batch = rank_frames(frames), rest(frames)
            first = set(
                zip(*(lead.codes.loc[lead.codes["rank"] == 1, c] for c in ("encounter_id", "code")), strict=True)
            )
            keys = zip(batch.codes["encounter_id"], batch.codes["code"], strict=True)
            place = [0 if key in first else rank for key, rank in zip(keys, batch.codes["rank"], strict=True)]
            return RankedBatch(batch.encounters, batch.codes.assign(rank=place))

        return rank

    def passes(rank: Rank) -> bool:
        evaluate_from_store(
            labelled, home, result.version, measured=lambda *_: ({MODEL: rank, RULE: rank_frames}, None), resamples=200
        )
        return {gate.name: gate.passed for gate in gates(labelled, result.version)}["candidate_beats_guidelines"]

    def turned(frames: RankingFrames) -> RankedBatch:
        batch = rank_frames(frames)
        return RankedBatch(batch.encounters, batch.codes.assign(rank=-batch.codes["rank"]))

    assert passes(own_principal(knows_the_order(labelled)))
    assert not passes(own_principal(turned))


def test_a_better_model_is_promoted_once_and_the_next_must_beat_it(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    home, result = trained
    better = {MODEL: knows_the_order(labelled), RULE: rank_frames}
    evaluate_from_store(labelled, home, result.version, measured=lambda *_: (better, None), resamples=200)
    assert all(gate.passed for gate in gates(labelled, result.version))
    assert promote("ranking", labelled, home, version=result.version, by="test").changed
    assert promoted("ranking", home) == result.folder
    assert not promote("ranking", labelled, home, version=result.version, by="test").changed
    assert [one.stage for one in moves_of(labelled, result.version)] == ["candidate", "shadow", "champion"]

    def narrower(stays: RankingFrames, *rest: Any, **more: Any) -> None:
        most_frequent(stays.of(list(stays.encounters["encounter_id"][:50])), *rest, **more)

    second = train_from_store(labelled, home, train=narrower)
    assert second.version != result.version
    evaluate_from_store(labelled, home, second.version, measured=lambda *_: (better, None), resamples=200)
    with pytest.raises(NotPromotedError, match="candidate_beats_champion: not measured against"):
        promote("ranking", labelled, home, version=second.version, by="test")
    worse = {MODEL: rank_frames, RULE: rank_frames, CHAMPION: knows_the_order(labelled)}
    evaluate_from_store(labelled, home, second.version, measured=lambda *_: (worse, result.version), resamples=200)
    with pytest.raises(NotPromotedError, match="candidate_beats_champion: principal found against ranking-"):
        promote("ranking", labelled, home, version=second.version, by="test")
    assert promoted("ranking", home) == result.folder
    retire_version(labelled, home, result.version, by="test", note="the rules again")
    assert promoted("ranking", home) is None


def test_the_promoted_model_ranks_and_every_encounter_says_so(labelled: sa.Engine) -> None:
    """Train for real on the small network; the ranked tables are whole with the model as with the guidelines."""
    home = settings().home
    result = train_from_store(labelled, home, parameters={"rivals": False, "folds": 3})
    found = evaluate_from_store(labelled, home, result.version, resamples=200)
    value = found.figures.set_index(["part", "ranker", "figure"])["value"]
    assert value["encounter", MODEL, "codes_kept"] == value["encounter", RULE, "codes_kept"] == 1.0
    assert 0 < value["encounter", MODEL, TOP1] <= 1
    assert value["encounter", MODEL, NDCG] > 0.5
    # on a network this small there may be too few wrong principals to calibrate on: then no probability is said
    said = ("encounter", MODEL, "brier_score") in value.index
    assert said == (read_folder(result.folder, "ranking").manifest.facts["calibration"] != "none")
    to_shadow(labelled, home, result.version, by="test", note="to be seen")
    run_shadow(labelled, home, FIRST, FIRST, load_payers(None), resamples=50)
    seen = shadow_figures(labelled, result.version, MODEL_VERSION).set_index("figure")["value"]
    assert seen["code_agreement"] == 1.0, "the order adds no code and drops none"
    assert 0 <= seen["drg_shift"] <= 1 - seen["principal_agreement"] + 0.5
    assert read_frame(labelled, sa.select(ranked.encounter)).empty, "nothing of a shadow run is kept"
    promote_version(labelled, ml.RANKING, home, result.version, [], by="test")
    try:
        figures = run_ranking(labelled, FIRST, LAST).figures
    finally:
        retire_version(labelled, home, result.version, by="test", note="the rules again")
    assert figures["ranker"] == result.version
    by_model = read_frame(labelled, sa.select(ranked.encounter))
    assert set(by_model["model_version"]) == {result.version}
    certain = by_model.loc[by_model["outcome"] == "ranked", "principal_probability"]
    assert certain.between(0, 1).all() if said else certain.isna().all()
    assert by_model["needs_review"].sum() == figures["principals_to_review"]
    assert by_model.loc[by_model["needs_review"], "review_reason"].notna().all()
    assert all(a.balances for a in accounts(labelled, "ranked", FIRST, LAST))
    codes = sa.select(ranked.encounter_code.c.encounter_id, ranked.encounter_code.c.code).order_by(sa.text("1, 2"))
    of_model = read_frame(labelled, codes)
    run_ranking(labelled, FIRST, LAST)
    by_rule = read_frame(labelled, sa.select(ranked.encounter))
    assert set(by_rule["model_version"]) == {MODEL_VERSION}
    assert by_rule["principal_probability"].isna().all()
    pd.testing.assert_frame_equal(of_model, read_frame(labelled, codes))


def test_a_link_made_since_that_puts_a_person_on_two_sides_stops_the_promotion(
    labelled: sa.Engine, trained: tuple[Path, TrainingResult]
) -> None:
    _, result = trained
    kept = training_encounters(labelled, ml.RANKING)
    learned, tested = (kept.loc[kept["split"] == part, "patient_id"].iloc[0] for part in ("train", "test"))
    join_persons(labelled, {learned: learned, tested: learned})
    failed = [gate.name for gate in gates(labelled, result.version) if not gate.passed]
    assert failed == ["patients_do_not_overlap"]
