"""The ranking network on planted lists: what it recovers, what holds it back, resuming, habits, and numpy alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from support.ranking_lists import found_principals, planted_lists

from medcode_ml.models.contents import read_tensors, tensor_file
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.models.tracking import Run
from medcode_ml.ranking.losses import LOSSES
from medcode_ml.ranking.network.data import ListBatches, padded, teaching_of
from medcode_ml.ranking.network.fit import NothingToLearnError, fit_network
from medcode_ml.ranking.network.parameters import (
    LOSS_NAMES,
    NetworkParameterError,
    NetworkParameters,
    tuning_space,
)
from medcode_ml.ranking.network.scorer import NetworkWeights, NetworkWeightsError

PRINCIPAL = (2.0, -1.0, 0.5, 0.0)
ORDER = (-0.5, 1.5, 0.0, 1.0)
FREE = NetworkParameters(ridge=0.5, habit_ridge=0.5)


def _same(one: NetworkWeights, other: NetworkWeights) -> bool:
    mine, yours = one.arrays(), other.arrays()
    return all(np.array_equal(mine[name], yours[name]) for name in mine)


def test_planted_weights_are_recovered() -> None:
    """The lists are drawn by the model itself, so with many stays its weights must be the planted ones."""
    weights = fit_network(planted_lists(1500, PRINCIPAL, ORDER), FREE)
    assert weights.principal == pytest.approx(PRINCIPAL, abs=0.2)
    assert weights.order == pytest.approx(ORDER, abs=0.1)


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_loss_puts_the_planted_order_right(loss: str) -> None:
    """Scores of lists not seen rise and fall with the planted ones; from no weights at all."""
    weights = fit_network(planted_lists(400, PRINCIPAL, ORDER), replace(FREE, loss=loss))
    fresh = planted_lists(200, PRINCIPAL, ORDER, seed=1)
    assert np.corrcoef(weights.order_scores(fresh.values), fresh.values @ np.array(ORDER))[0, 1] > 0.98
    best = found_principals(fresh.values @ np.array(PRINCIPAL), fresh)
    assert found_principals(weights.principal_scores(fresh.values), fresh) > best - 0.05


def test_a_very_large_ridge_keeps_the_guidelines() -> None:
    """And with a small one the same lists lead away from them."""
    start = (0.3, 0.7, -0.2, 1.0)
    lists = planted_lists(100, PRINCIPAL, ORDER, start=start)
    held = fit_network(lists, NetworkParameters(ridge=1e9))
    assert held.principal == pytest.approx(start, abs=1e-6)
    assert held.order == pytest.approx(start, abs=1e-6)
    free = fit_network(lists, FREE)
    assert np.abs(free.principal - np.array(start)).max() > 0.5


def test_a_ridge_gives_way_to_many_stays() -> None:
    """The same ridge of 30 holds ten stays near the guidelines, meets a hundred half way and lets eight hundred go."""
    planted = (0.5, -0.5, 0.5, 0.0)
    few, some, many = (
        np.abs(fit_network(planted_lists(stays, planted, planted), NetworkParameters(ridge=30.0)).principal[:3]).mean()
        for stays in (10, 100, 800)
    )
    assert few < 0.12 < some < 0.38 < many


def test_a_column_that_is_constant_within_stays_keeps_its_weight() -> None:
    """Whatever it is between stays: nothing within one can speak of it, and it must not become no number."""
    lists = planted_lists(80, PRINCIPAL, ORDER, start=(0.1, 0.2, 0.3, 0.4))
    values = lists.values.copy()
    values[:, 3] = lists.encounter + 0.1
    weights = fit_network(replace(lists, values=values), FREE)
    multiplied = weights.principal[3] / 0.4
    assert np.isfinite(multiplied)
    # only the common multiplier of the guidelines' score may touch it, and that is near one half to two
    assert 0.3 < multiplied < 3.0
    start = np.array([0.1, 0.2, 0.3, 0.0])
    silent = fit_network(replace(lists, values=values, start_principal=start, start_order=start), FREE)
    assert silent.principal[3] == 0.0
    assert silent.order[3] == 0.0


def test_a_weight_few_stays_speak_of_is_held() -> None:
    """An indicator that stands in two rows, both principal by chance, does not get a great weight."""
    lists = planted_lists(200, PRINCIPAL, ORDER, seed=3)
    values = lists.values.copy()
    values[:, 3] = 0.0
    values[np.flatnonzero(lists.place == 1)[:2], 3] = 1.0
    rare = replace(lists, values=values)
    held = fit_network(rare, NetworkParameters(ridge=10.0)).principal[3]
    free = fit_network(rare, NetworkParameters(ridge=10.0, least_spread=0.0)).principal[3]
    assert 0.0 < held < 1.0
    assert free > 2.0 * held


def test_habits_of_a_hospital_shrink_with_few_stays() -> None:
    """Two hospitals do otherwise by as much; the one with few stays is believed less, an unknown one adds nothing."""
    many, few = 400, 12
    where = [None] * 400 + ["many"] * many + ["few"] * few
    lists = planted_lists(
        400 + many + few, PRINCIPAL, ORDER, hospitals=where, habit={"many": -3.0, "few": -3.0}, seed=2
    )
    weights = fit_network(lists, NetworkParameters(ridge=1.0, habit_ridge=10.0))
    own = dict(zip(weights.hospitals, weights.habits[:, 0], strict=True))
    assert weights.habit_columns.tolist() == [0]
    assert own["many"] < -1.5
    assert own["many"] < own["few"] < -0.05
    held = fit_network(lists, NetworkParameters(ridge=1.0, habit_ridge=1e9))
    assert np.abs(held.habits).max() < 1e-6

    numbers = weights.hospital_numbers(["many", "elsewhere", None])
    assert numbers.tolist() == [weights.hospitals.index("many"), -1, -1]
    row = np.ones((3, 4), dtype=np.float32)
    plain = weights.principal_scores(row)
    with_habits = weights.principal_scores(row, numbers)
    assert with_habits[1:].tolist() == plain[1:].tolist()
    assert with_habits[0] == pytest.approx(plain[0] + own["many"])


def test_the_only_hospital_has_no_habits() -> None:
    """What all stays share is the weight itself."""
    weights = fit_network(planted_lists(50, PRINCIPAL, ORDER, hospitals=["one"] * 50), FREE)
    assert weights.hospitals == ()
    assert weights.hospital_numbers(["one"]).tolist() == [-1]


class _Interrupts:
    """A run that breaks the fitting off when it is told its `last` figures."""

    def __init__(self, last: int) -> None:
        self.left = last

    def metrics(self, figures: Mapping[str, float], step: int | None = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("loss", "hidden", "last"), [("listmle", 0, 2), ("lambda", 0, 3), ("listmle", 6, 7)])
def test_a_fitting_that_was_broken_off_ends_as_an_uninterrupted_one(
    tmp_path: Path, loss: str, hidden: int, last: int
) -> None:
    """In the sum, with the memory of L-BFGS, and in the layer, with dropout and shuffling."""
    lists = planted_lists(120, PRINCIPAL, ORDER, both=1.0)
    p = NetworkParameters(loss=loss, hidden=hidden, ridge=0.1, epochs=6, batch=16)
    whole = fit_network(lists, p)
    with pytest.raises(KeyboardInterrupt):
        fit_network(lists, p, run=cast(Run, _Interrupts(last)), checkpoints=tmp_path)
    unfinished = [folder for folder in tmp_path.iterdir() if not (folder / "finished.json").exists()]
    assert len(unfinished) == 1
    assert (unfinished[0] / "last.ckpt").exists()
    assert _same(fit_network(lists, p, checkpoints=tmp_path), whole)
    # finished now: nothing is fitted again, so nobody breaks it off
    assert _same(fit_network(lists, p, run=cast(Run, _Interrupts(1)), checkpoints=tmp_path), whole)
    # other lists do not resume these
    other = planted_lists(120, PRINCIPAL, ORDER, both=1.0, seed=9)
    assert not _same(fit_network(other, p, checkpoints=tmp_path), whole)


def test_the_layer_learns_what_a_sum_cannot() -> None:
    """A code is principal where two columns have one sign: no weights can say that; scores add up as taken apart."""
    lists = planted_lists(800, (0.0, 0.0, 0.5, 0.0), ORDER, both=2.0)
    fresh = planted_lists(400, (0.0, 0.0, 0.5, 0.0), ORDER, both=2.0, seed=1)
    p = NetworkParameters(ridge=1.0, hidden=16, dropout=0.0, learning_rate=1e-2, epochs=25, batch=32)
    layered, plain = fit_network(lists, p), fit_network(lists, replace(p, hidden=0))
    scores = layered.principal_scores(fresh.values)
    assert found_principals(scores, fresh) > found_principals(plain.principal_scores(fresh.values), fresh) + 0.15

    values = fresh.values[:50]
    layer = layered.principal_scores(values) - layered.contributions(values).sum(axis=1)
    occluded = values.astype(np.float64)
    occluded[:, 1] = layered.centre[1]
    fall = layer - (layered.principal_scores(occluded) - layered.contributions(occluded).sum(axis=1))
    assert layered.occlusion(values)[:, 1] == pytest.approx(fall)
    assert np.abs(fall).max() > 0.5
    # without a layer the sum is all there is
    assert not plain.occlusion(values).any()
    assert plain.contributions(values).sum(axis=1) == pytest.approx(plain.principal_scores(values))
    assert plain.order_contributions(values).sum(axis=1) == pytest.approx(plain.order_scores(values))


def test_contributions_hold_the_habits_too() -> None:
    """Their sum is the score of the hospital's own stays."""
    lists = planted_lists(60, PRINCIPAL, ORDER, hospitals=["a", "b", None] * 20, habit={"a": 1.0, "b": -1.0})
    weights = fit_network(lists, FREE)
    hospital = weights.hospital_numbers(lists.hospitals)[lists.encounter]
    scores = weights.principal_scores(lists.values, hospital)
    assert weights.contributions(lists.values, hospital).sum(axis=1) == pytest.approx(scores)
    assert np.abs(scores - weights.principal_scores(lists.values)).max() > 0.1


def test_weights_come_back_from_a_file_and_score_without_torch(tmp_path: Path) -> None:
    """The ranker that only scores must not load torch."""
    lists = planted_lists(60, PRINCIPAL, ORDER, hospitals=["a", "b", None] * 20, both=1.0)
    weights = fit_network(lists, NetworkParameters(hidden=3, epochs=3))
    file = tmp_path / "weights.safetensors"
    tensor_file(weights.arrays())(file)
    assert _same(NetworkWeights.from_arrays(read_tensors(file)), weights)
    script = f"""
import sys
from pathlib import Path
import numpy as np
from medcode_ml.models.contents import read_tensors
from medcode_ml.ranking.network.fit import fit_network
from medcode_ml.ranking.network.parameters import NetworkParameters
from medcode_ml.ranking.network.scorer import NetworkWeights
weights = NetworkWeights.from_arrays(read_tensors(Path({str(file)!r})))
print(float(weights.principal_scores(np.ones((1, 4)), weights.hospital_numbers(["b"]))[0]))
print("torch" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    expected = weights.principal_scores(np.ones((1, 4)), weights.hospital_numbers(["b"]))[0]
    assert float(said[0]) == pytest.approx(expected)
    assert said[1] == "False"


def test_the_sum_and_the_layer_score_alike_in_torch_and_numpy() -> None:
    """What was fitted is what scores: the numpy arithmetic against the network itself."""
    import torch

    from medcode_ml.ranking.network.fit import _weights
    from medcode_ml.ranking.network.module import RankingNetwork

    lists = planted_lists(20, PRINCIPAL, ORDER, hospitals=["a", "b"] * 10, start=(0.5, -0.5, 0.0, 1.0))
    start = np.stack([lists.start_principal, lists.start_order], axis=1)
    generator = np.random.default_rng(5)
    spread, centre, scale = generator.random((4, 2)) + 0.5, generator.normal(size=4), generator.random(4) + 0.5
    spread[2] = 0.0
    network = RankingNetwork(start, spread, np.array([0, 3]), 2, centre, scale, 5, 0.5).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(generator=torch.Generator().manual_seed(weight.numel()))
    weights = _weights(network, lists, start, spread, ("a", "b"), np.array([0, 3]), centre, scale)
    hospital = np.arange(len(lists.values)) % 3
    with torch.no_grad():
        values = torch.from_numpy(lists.values)
        scores = (network.additive(values, torch.from_numpy(hospital)) + network.beyond(values)).numpy()
    known = np.where(hospital == 2, -1, hospital)
    assert weights.principal_scores(lists.values, known) == pytest.approx(scores[:, 0], abs=1e-4)
    assert weights.order_scores(lists.values) == pytest.approx(scores[:, 1], abs=1e-4)


def test_the_same_lists_give_the_same_weights() -> None:
    """Twice in one process, whatever was drawn in between."""
    lists = planted_lists(60, PRINCIPAL, ORDER)
    p = NetworkParameters(hidden=4, epochs=3)
    first = fit_network(lists, p)
    np.random.default_rng().random(7)
    assert _same(first, fit_network(lists, p))


def test_stays_without_a_known_principal_teach_none() -> None:
    """The true principal is no candidate, or nobody gave places: such stays leave the principal's weights alone."""
    lists = planted_lists(80, PRINCIPAL, ORDER)
    barred = replace(lists, candidate=lists.candidate & ~((lists.place == 1) & (lists.encounter < 40)))
    teaching = teaching_of(barred, by_place=True)
    assert not teaching.principal[lists.encounter < 40].any()
    assert (teaching.principal == barred.candidate)[lists.encounter >= 40].all()
    unknown = replace(lists, place=np.where(lists.encounter < 40, 0, lists.place))
    assert not teaching_of(unknown, by_place=False).rows[lists.encounter < 40].any()
    alone = lists.of(np.arange(80) >= 40)
    assert fit_network(unknown, FREE).principal == pytest.approx(fit_network(alone, FREE).principal, abs=1e-3)


def test_what_teaches_the_order() -> None:
    """The true principal, rows that take no part and rows without a place do not; by gain, places 2 and 3 are equal."""
    lists = planted_lists(1, PRINCIPAL, ORDER, length=5)
    lists = replace(
        lists,
        place=np.array([2, 1, 0, 3, 12]),
        ordered=np.array([True, True, True, True, True]),
        candidate=np.array([True, True, False, False, False]),
    )
    by_gain, by_place = (teaching_of(lists, by_place=way) for way in (False, True))
    assert by_gain.order.tolist() == by_place.order.tolist() == [True, False, False, True, True]
    assert by_gain.worth[[0, 3, 4]].tolist() == [7, 7, 0]
    assert by_place.worth[[0, 3, 4]].tolist() == [0.5, pytest.approx(1 / 3), 0]
    equal = replace(lists, ordered=np.array([True, True, True, True, False]))
    assert not teaching_of(equal, by_place=False).order.any()
    assert teaching_of(equal, by_place=True).order.sum() == 2


def test_nothing_to_learn_is_said() -> None:
    """Instead of weights that look fitted."""
    lists = planted_lists(5, PRINCIPAL, ORDER)
    with pytest.raises(NothingToLearnError, match="none of 5 encounters"):
        fit_network(replace(lists, place=np.zeros_like(lists.place)), FREE)


def test_without_weight_the_order_stays_with_the_guidelines() -> None:
    """And the principal is learned all the same."""
    lists = planted_lists(100, PRINCIPAL, ORDER, start=(0.1, 0.2, 0.3, 0.4))
    weights = fit_network(lists, replace(FREE, order_weight=0.0))
    assert weights.order.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert weights.principal[0] > 1.0


def test_blocks_hold_every_row_once_and_keep_long_lists_apart() -> None:
    """A list of 3,000 codes does not pad a hundred lists of two."""
    lengths = [2] * 100 + [3000] + [7] * 3
    encounter = np.repeat(np.arange(len(lengths)), lengths)
    blocks = padded(encounter, np.ones(len(encounter), dtype=bool), np.arange(len(encounter), dtype=np.float64) + 1)
    rows = np.concatenate([block.rows[block.mask].numpy() for block in blocks])
    assert sorted(rows.tolist()) == list(range(len(encounter)))
    assert {tuple(block.mask.shape) for block in blocks} >= {(1, 3000)}
    for block in blocks:
        assert not block.gains[~block.mask].any()
        assert (block.gains == block.rows + 1)[block.mask].all()
        of_list = encounter[block.rows.numpy()]
        assert (of_list == of_list[:, :1])[block.mask.numpy()].all()


def test_batches_are_shuffled_by_the_pass() -> None:
    """The same pass in the same order, another in another, every encounter once."""
    batches = ListBatches(np.arange(10), batch=3, seed=1)
    first = list(batches)
    assert first == list(batches)
    assert sorted(number for batch in first for number in batch) == list(range(10))
    assert [len(b) for b in first] == [3, 3, 3, 1]
    assert len(batches) == 4
    batches.set_epoch(1)
    assert list(batches) != first
    assert list(ListBatches(np.arange(4))) == [[0, 1, 2, 3]]


def test_parameters() -> None:
    """The names of the losses are theirs; what no fitting can use is refused with what to choose."""
    assert sorted(LOSS_NAMES) == sorted(LOSSES)
    p = NetworkParameters.of({"loss": "softmax", "hidden": 8})
    assert NetworkParameters.of(p.facts()) == p
    assert set(tuning_space(NetworkParameters())) < set(tuning_space(p)) <= set(p.facts())
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"lose": 1}, "no parameter 'lose'"),
        ({"loss": "hinge"}, "approx_ndcg, lambda"),
        ({"hidden": -1}, "from 0 on"),
        ({"epochs": True}, "whole number"),
        ({"ridge": float("nan")}, "ridge is nan"),
        ({"dropout": 1.0}, "below 1"),
        ({"learning_rate": 0.0}, "above 0"),
    ]
    for given, said in wrong:
        with pytest.raises(NetworkParameterError, match=said):
            NetworkParameters.of(given)


def test_values_and_files_of_another_model_are_refused() -> None:
    """With what to do."""
    weights = fit_network(planted_lists(30, PRINCIPAL, ORDER), FREE)
    with pytest.raises(NetworkWeightsError, match="4 columns"):
        weights.principal_scores(np.ones((2, 5)))
    arrays = weights.arrays()
    del arrays["habits"]
    with pytest.raises(ModelFolderError, match="lack habits"):
        NetworkWeights.from_arrays(arrays)
