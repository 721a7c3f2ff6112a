"""Figures of a ranker beside its rivals: paired by encounter, drawn by person, no code added or dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from medcode_ml.contracts import ml
from medcode_ml.models.warehouse.evaluation import CHAMPION, MODEL, WHOLE, difference
from medcode_ml.ranking.batch import RankedBatch, rank_frames
from medcode_ml.ranking.evaluation import KEPT, NDCG, RULE, TOP1, evaluate
from medcode_ml.ranking.frames import PLACE
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.in_use import Rank

CODES = ["I10", "J18.9", "N17.9"]


def stays(
    truths: Sequence[Sequence[str]], people: Sequence[str] | None = None, setting: str = "inpatient"
) -> RankingFrames:
    encounters = pd.DataFrame(
        [(f"E{n}", people[n] if people else f"P{n}", setting, date(2026, 10, 15)) for n in range(len(truths))],
        columns=["encounter_id", "patient_id", "setting", "discharge_date"], dtype=object,
    )  # fmt: skip
    codes = pd.DataFrame(
        [(f"E{n}", code, place) for n, truth in enumerate(truths) for place, code in enumerate(truth, start=1)],
        columns=["encounter_id", "code", PLACE], dtype=object,
    )  # fmt: skip
    return RankingFrames(encounters, codes)


def ranker(order: Callable[[str, list[str]], Sequence[str]], **said: float | bool) -> Rank:
    """A ranker that puts the codes of an encounter as `order` says."""

    def rank(frames: RankingFrames) -> RankedBatch:
        assert PLACE not in frames.codes, "the coders' places are never shown to a ranker"
        ids = list(frames.encounters["encounter_id"])
        given = {e: sorted(frames.codes.loc[frames.codes["encounter_id"] == e, "code"]) for e in ids}
        rows = [(e, n, code) for e in ids for n, code in enumerate(order(e, given[e]), start=1)]
        told = {"principal_probability": None, "needs_review": False, **said}
        return RankedBatch(
            pd.DataFrame({"encounter_id": ids, **{k: [v] * len(ids) for k, v in told.items()}}, dtype=object),
            pd.DataFrame(rows, columns=["encounter_id", "rank", "code"], dtype=object),
        )

    return rank


def kept_share(figures: pd.DataFrame) -> float:
    return float(figures.loc[(figures["part"] == WHOLE) & (figures["figure"] == KEPT), "value"].iloc[0])


def by_alphabet(_: str, codes: list[str]) -> list[str]:
    return codes


def backwards(_: str, codes: list[str]) -> list[str]:
    return codes[::-1]


def test_every_part_ranker_and_figure_has_one_row_of_the_contract() -> None:
    test = stays([CODES] * 12)
    result = evaluate("ranking-20261122-00000000", {MODEL: ranker(by_alphabet), RULE: ranker(backwards)}, test)
    figures = result.figures
    assert list(figures.columns) == [c.name for c in ml.ranking_evaluation.columns]
    assert not figures.duplicated(["version", "part", "ranker", "figure"]).any()
    assert figures[["version", "part", "ranker", "figure", "encounters", "notes"]].notna().all(axis=None)
    assert set(figures["part"]) == {WHOLE, "inpatient"}
    value = figures.set_index(["part", "ranker", "figure"])["value"]
    assert value[WHOLE, MODEL, TOP1] == 1.0
    assert value[WHOLE, RULE, TOP1] == 0.0
    assert value[WHOLE, RULE, "mean_reciprocal_rank"] == pytest.approx(1 / 3, abs=1e-4)
    assert value[WHOLE, RULE, "kendall_tau_b_top10"] == -1.0
    assert value[WHOLE, difference(RULE), TOP1] == 1.0
    assert value[WHOLE, difference(RULE), NDCG] == pytest.approx(1 - value[WHOLE, RULE, NDCG], abs=2e-4)
    assert result.listing(TOP1)[0][:3] == (WHOLE, MODEL, "1.000")


def test_the_champion_is_measured_on_encounters_that_are_news_to_it() -> None:
    test = stays([CODES] * 12)
    known = {f"E{n}" for n in range(8)}

    def by_heart(encounter: str, codes: list[str]) -> list[str]:
        return codes if encounter in known else codes[::-1]

    by = {MODEL: ranker(by_alphabet), CHAMPION: ranker(by_heart)}
    new = {f"E{n}" for n in range(8, 12)}
    figures = evaluate("v", by, test, new_to_champion=new, resamples=10).figures
    top = figures[(figures["figure"] == TOP1) & (figures["part"] == WHOLE)].set_index("ranker")
    assert top["value"].to_dict() == {MODEL: 1.0, CHAMPION: 0.0, difference(CHAMPION): 1.0}
    assert top["encounters"].to_dict() == {MODEL: 12, CHAMPION: 4, difference(CHAMPION): 4}
    nothing = evaluate("v", by, test, new_to_champion=set(), resamples=10).figures
    assert CHAMPION not in set(nothing["ranker"])
    rows = nothing[nothing["ranker"] == difference(CHAMPION)]
    assert rows[["figure", "value", "encounters"]].to_numpy().tolist() == [[TOP1, None, 0], [NDCG, None, 0]]


def test_equal_rankers_differ_by_nothing_in_every_draw() -> None:
    test = stays([CODES if n % 2 else CODES[::-1] for n in range(20)])
    result = evaluate("v", {MODEL: ranker(by_alphabet), RULE: ranker(by_alphabet)}, test, resamples=200)
    same = result.figures[result.figures["ranker"] == difference(RULE)]
    assert len(same)
    assert (same[["value", "low", "high"]] == 0).all(axis=None)


def test_encounters_of_one_person_do_not_count_as_so_many_persons() -> None:
    """Ten stays of one patient and ten of another are two draws, not twenty: the interval says so."""
    truths = [CODES if n < 10 else CODES[::-1] for n in range(20)]
    rows = []
    for people in (None, ["A"] * 10 + ["B"] * 10):
        figures = evaluate("v", {MODEL: ranker(by_alphabet)}, stays(truths, people)).figures
        rows.append(figures.set_index(["part", "figure"]).loc[(WHOLE, TOP1)])
    alone, of_two = rows
    assert alone["value"] == of_two["value"] == 0.5
    assert alone["low"] > 0.2
    assert of_two["low"] < 0.05
    assert of_two["encounters"] == 20


def test_a_person_of_many_stays_weighs_as_one_by_person() -> None:
    truths = [CODES, CODES, CODES, CODES[::-1]]
    figures = evaluate("v", {MODEL: ranker(by_alphabet)}, stays(truths, ["A", "A", "A", "B"]), resamples=10).figures
    value = figures.set_index(["part", "figure"])["value"]
    assert value[WHOLE, TOP1] == 0.75
    assert value[WHOLE, f"{TOP1}_by_person"] == 0.5


def test_a_drg_is_measured_for_inpatients_alone() -> None:
    """Rule 15: the same three codes group to three DRGs; an outpatient has none."""
    truth = ["A41.9", "J18.9", "N17.9"]
    other = ranker(lambda _, codes: ["J18.9", "A41.9", "N17.9"])
    for setting, there in (("inpatient", True), ("outpatient", False)):
        test = stays([truth] * 12, setting=setting)
        value = evaluate("v", {MODEL: ranker(lambda _, codes: truth), RULE: other}, test, resamples=10).figures
        value = value.set_index(["part", "ranker", "figure"])["value"]
        assert ((WHOLE, MODEL, "drg_agreement_with_true_order") in value.index) is there
        if there:
            assert value[WHOLE, MODEL, "drg_agreement_with_true_order"] == value[WHOLE, MODEL, "case_mix_ratio"] == 1.0
            assert value[WHOLE, RULE, "drg_agreement_with_true_order"] == 0.0
            assert value[WHOLE, RULE, "case_mix_ratio"] < 1.0
            assert value[WHOLE, difference(RULE), "case_mix_ratio"] > 0.0


@pytest.mark.parametrize("changed", [CODES[:2], [*CODES, "E11.9"], [*CODES, "I10"], ["I10", "J18.9", "J18.9"]])
def test_rule_43_a_code_that_was_added_or_dropped_is_seen(changed: list[str]) -> None:
    rank = ranker(lambda encounter, codes: changed if encounter == "E3" else codes)
    result = evaluate("v", {MODEL: rank}, stays([CODES] * 12), resamples=10)
    assert kept_share(result.figures) == pytest.approx(11 / 12)


def test_the_guidelines_keep_every_code_even_copies_and_unknown_ones() -> None:
    result = evaluate("v", {RULE: rank_frames}, stays([["J18.9", "I10", "I10", "ZZZ.9", "W01.0XXA"]] * 3), resamples=10)
    assert kept_share(result.figures) == 1.0


def test_what_goes_to_review_is_measured_beside_what_does_not() -> None:
    doubts = ranker(by_alphabet, principal_probability=0.8, needs_review=False)
    value = evaluate("v", {MODEL: doubts, RULE: ranker(by_alphabet)}, stays([CODES] * 5), resamples=10).figures
    value = value.set_index(["part", "ranker", "figure"])["value"]
    assert value[WHOLE, MODEL, "needs_review"] == 0.0
    assert value[WHOLE, MODEL, "principal_top1_without_review"] == 1.0
    assert value[WHOLE, MODEL, "brier_score"] == pytest.approx(0.04)
    assert (WHOLE, RULE, "brier_score") not in value.index, "the share of a rule is no probability"


def test_a_setting_of_few_encounters_is_not_a_part() -> None:
    few, many = stays([CODES] * 9, setting="outpatient"), stays([CODES] * 12)
    few = replace(few, encounters=few.encounters.assign(encounter_id="O" + few.encounters["encounter_id"]),
                  codes=few.codes.assign(encounter_id="O" + few.codes["encounter_id"]))  # fmt: skip
    both = RankingFrames(pd.concat([few.encounters, many.encounters]), pd.concat([few.codes, many.codes]))
    result = evaluate("v", {MODEL: ranker(by_alphabet)}, both, resamples=10)
    assert set(result.figures["part"]) == {WHOLE, "inpatient"}


def test_a_test_without_encounters_has_no_figures_and_beats_nobody() -> None:
    result = evaluate("v", {MODEL: ranker(by_alphabet), RULE: rank_frames}, stays([]), resamples=10)
    assert result.encounters == 0
    assert result.figures.empty
    assert result.listing(TOP1) == []
    assert result.by_figure()[1] == []
