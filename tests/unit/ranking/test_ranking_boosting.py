"""The LightGBM rivals on planted lists: every objective ranks, the same lists give the same trees, files, errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.ranking_lists import found_principals, planted_lists

from medcode_ml.models.contents import booster_file, read_booster
from medcode_ml.ranking.boosting import (
    OBJECTIVES,
    RankingTrees,
    TreeParameterError,
    TreeParameters,
    TreesError,
)

WEIGHTS = (2.5, -1.5, 0.5, 0.0)
SMALL = TreeParameters(rounds=60)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_planted_signal_is_ranked(objective: str) -> None:
    """On lists not seen: principals far beyond chance, and scores that follow the planted ones."""
    trees = RankingTrees.fit(planted_lists(300, WEIGHTS, WEIGHTS), SMALL, objective)
    fresh = planted_lists(200, WEIGHTS, WEIGHTS, seed=1)
    scores = trees.scores(fresh.values)
    assert found_principals(scores, fresh) > 0.55
    assert found_principals(np.random.default_rng(0).random(len(scores)), fresh) < 0.35
    assert np.corrcoef(scores, fresh.values @ np.array(WEIGHTS))[0, 1] > 0.8
    assert trees.objective == objective


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_same_lists_give_the_same_trees_and_come_back_from_a_file(objective: str, tmp_path: Path) -> None:
    """xendcg draws at random: its seed must be the parameters'."""
    lists = planted_lists(60, WEIGHTS, WEIGHTS)
    first, again = (RankingTrees.fit(lists, SMALL, objective) for _ in range(2))
    assert first.booster.model_to_string() == again.booster.model_to_string()
    file = tmp_path / "trees.txt"
    booster_file(first.booster)(file)
    loaded = RankingTrees(read_booster(file), objective)
    assert np.array_equal(loaded.scores(lists.values), first.scores(lists.values))


def test_contributions_add_up_to_the_score() -> None:
    """But for one constant that all rows share."""
    lists = planted_lists(60, WEIGHTS, WEIGHTS)
    trees = RankingTrees.fit(lists, SMALL, "lambdarank")
    found = trees.contributions(lists.values)
    rest = trees.scores(lists.values) - found.sum(axis=1)
    assert found.shape == lists.values.shape
    assert rest == pytest.approx(np.full(len(rest), rest[0]))
    # the column with the greatest planted weight decides most
    assert np.abs(found).mean(axis=0).argmax() == 0


def test_rows_that_take_no_part_teach_nothing() -> None:
    """Copies, unknown codes and rows without a true place: changing them changes no tree."""
    lists = planted_lists(80, WEIGHTS, WEIGHTS)
    out = (np.arange(len(lists.values)) % 9 == 8) & (lists.place != 1)
    barred = replace(lists, candidate=lists.candidate & ~out, ordered=~out)
    noise = lists.values.copy()
    noise[out] = 99.0
    unknown = replace(lists, place=np.where(out, 0, lists.place), values=noise)
    first = RankingTrees.fit(barred, SMALL, "lambdarank").scores(lists.values)
    assert np.array_equal(RankingTrees.fit(unknown, SMALL, "lambdarank").scores(lists.values), first)


def test_a_handful_of_stays_is_enough_to_fit() -> None:
    """The least number of rows in a leaf gives way, or small hospitals would get trees without a split."""
    trees = RankingTrees.fit(planted_lists(8, WEIGHTS, WEIGHTS), SMALL, "lambdarank")
    fresh = planted_lists(100, WEIGHTS, WEIGHTS, seed=1)
    assert len(np.unique(trees.scores(fresh.values))) > 10
    assert trees.scores(fresh.values[:0]).shape == (0,)
    assert trees.contributions(fresh.values[:0]).shape == (0, 4)


def test_columns_may_have_any_name() -> None:
    """LightGBM refuses marks in names and doubles; ours have both."""
    lists = replace(planted_lists(40, WEIGHTS, WEIGHTS), names=('drugs: "heparin"', "drugs, [iv]", "drugs; iv]", "é"))
    assert RankingTrees.fit(lists, SMALL, "regression").booster.num_trees() > 0


def test_what_cannot_be_fitted_is_said() -> None:
    """With what to choose instead."""
    lists = planted_lists(5, WEIGHTS, WEIGHTS)
    with pytest.raises(TreesError, match="none of 5 encounters"):
        RankingTrees.fit(replace(lists, place=np.zeros_like(lists.place)), SMALL, "lambdarank")
    with pytest.raises(TreesError, match="10001 codes"):
        RankingTrees.fit(planted_lists(1, WEIGHTS, WEIGHTS, length=10_001), SMALL, "lambdarank")
    with pytest.raises(TreeParameterError, match="lambdarank, rank_xendcg, regression"):
        RankingTrees.fit(lists, SMALL, "binary")
    with pytest.raises(TreeParameterError, match="no parameter 'depth'"):
        TreeParameters.of({"depth": 3})
    with pytest.raises(TreeParameterError, match="leaves is 1"):
        TreeParameters.of({"leaves": 1})
    assert TreeParameters.of(SMALL.facts()) == SMALL
