"""The listwise losses against values worked by hand; padding, order of the rows, gradients; and the gains by place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.ranking.gains import gains
from medcode_ml.ranking.losses import LOSSES, READ_ONLY_THE_ORDER
from medcode_ml.ranking.losses.approx_ndcg import TEMPERATURE, approx_ndcg
from medcode_ml.ranking.losses.lambda_loss import MU, lambda_loss
from medcode_ml.ranking.losses.listmle import listmle
from medcode_ml.ranking.losses.softmax import softmax
from medcode_ml.ranking.losses.teaching import ranks

LN2, LN3 = math.log(2.0), math.log(3.0)
ALL = pytest.mark.parametrize("name", sorted(LOSSES))
lists = st.lists(
    st.tuples(st.floats(-30, 30, width=32), st.sampled_from([0.0, 1.0, 3.0, 7.0, 15.0])), min_size=2, max_size=9
)


def _loss(loss: Any, scores: list[float], worth: list[float]) -> float:
    rows = torch.tensor([scores], dtype=torch.float64)
    return float(loss(rows, torch.tensor([worth], dtype=torch.float64), torch.ones_like(rows, dtype=torch.bool)))


def test_gains_follow_the_places() -> None:
    """1st 15, 2-3 7, 4-6 3, 7-10 1, then nothing; an unknown place (0) is worth nothing."""
    assert gains(np.arange(13)).tolist() == [0, 15, 7, 7, 3, 3, 3, 1, 1, 1, 1, 0, 0]
    assert gains(np.array([[300], [1]])).tolist() == [[0], [15]]


def test_softmax_by_hand() -> None:
    """Scores ln 2, 0, 0: probabilities 1/2, 1/4, 1/4."""
    assert _loss(softmax, [LN2, 0, 0], [1, 0, 0]) == pytest.approx(LN2)
    # shares 3/4 and 1/4: 3/4 ln 2 + 1/4 ln 4
    assert _loss(softmax, [LN2, 0, 0], [3, 1, 0]) == pytest.approx(0.75 * LN2 + 0.25 * 2 * LN2)


def test_listmle_by_hand() -> None:
    """Scores ln 2, 0, 0 in true order: the first is chosen with 2/4, then the second with 1/2, the last surely."""
    assert _loss(listmle, [LN2, 0, 0], [7, 3, 0]) == pytest.approx(LN2 + LN2)
    # the other way round: 1/4, then 1/3
    assert _loss(listmle, [LN2, 0, 0], [0, 3, 7]) == pytest.approx(2 * LN2 + LN3)


def test_listmle_leaves_equals_alone() -> None:
    """Two of equal gain are each chosen against the lower one only: 2/3 and 1/2; two last ones teach nothing."""
    assert _loss(listmle, [LN2, 0, 0], [3, 3, 0]) == pytest.approx(math.log(1.5) + LN2)
    assert _loss(listmle, [LN2, 5.0, -5.0], [3, 0, 0]) == pytest.approx(math.log(2 + math.exp(5) + math.exp(-5)) - LN2)


def test_lambda_loss_by_hand() -> None:
    """Gains 3 and 1 with scores 0 and ln 3: the better one stands second."""
    discount = 1 / math.log2(3)
    best = 3 + 1 * discount
    # exchange 1 - 1/log2(3), bound the same at a distance of one; log2(1 + e^(ln 3 - 0)) = 2 bits
    weight = ((1 - discount) + MU * (1 - discount)) * (3 - 1) / best
    assert _loss(lambda_loss, [0, LN3], [3, 1]) == pytest.approx(weight * 2)
    assert weight * 2 == pytest.approx(4.47243, abs=1e-5)


def test_lambda_loss_of_three_by_hand() -> None:
    """Gains 0, 7, 3 at scores 2, 1, 0, so at ranks 1, 2, 3: every pair with its own exchange and distance."""
    d1, d2, d3 = 1.0, 1 / math.log2(3), 0.5
    best = 7 * d1 + 3 * d2
    one = d1 - d2  # distance 1: 1/log2(2) - 1/log2(3)
    two = d2 - d3  # distance 2: 1/log2(3) - 1/log2(4)
    ahead_7_0 = ((d1 - d2) + MU * one) * 7 / best * math.log2(1 + math.exp(2 - 1))
    ahead_7_3 = ((d2 - d3) + MU * one) * 4 / best * math.log2(1 + math.exp(0 - 1))
    ahead_3_0 = ((d1 - d3) + MU * two) * 3 / best * math.log2(1 + math.exp(2 - 0))
    assert _loss(lambda_loss, [2, 1, 0], [0, 7, 3]) == pytest.approx(ahead_7_0 + ahead_7_3 + ahead_3_0)


def test_approx_ndcg_by_hand() -> None:
    """Gains 3 and 1, the second ahead by ln 3 temperatures: it comes before the first with 3/4, ranks 1.75 and 1.25."""
    reached = 3 / math.log2(2.75) + 1 / math.log2(2.25)
    expected = 1 - reached / (3 + 1 / math.log2(3))
    assert _loss(approx_ndcg, [0, TEMPERATURE * LN3], [3, 1]) == pytest.approx(expected)
    assert expected == pytest.approx(0.198456, abs=1e-6)


def test_approx_ndcg_nears_ndcg_where_scores_are_far_apart() -> None:
    """Gains 1, 7, 0 in this order: nDCG is (1 + 7 / log2 3) / (7 + 1 / log2 3)."""
    ndcg = (1 + 7 / math.log2(3)) / (7 + 1 / math.log2(3))
    assert 1 - _loss(approx_ndcg, [200, 100, 0], [1, 7, 0]) == pytest.approx(ndcg)


def test_equal_scores_share_their_ranks() -> None:
    """2, 5, 2, 9: ranks 3.5, 2, 3.5, 1; what stands on padding counts for none."""
    scores = torch.tensor([[2.0, 5.0, 2.0, 9.0, 100.0]])
    assert ranks(scores, torch.tensor([[True, True, True, True, False]]))[0, :4].tolist() == [3.5, 2.0, 3.5, 1.0]


@ALL
@settings(deadline=None, max_examples=40)
@given(rows=lists, padding=st.integers(1, 4), trash=st.sampled_from([0.0, 1e30, math.inf, -math.inf, math.nan]))
def test_padding_has_no_effect(name: str, rows: list[tuple[float, float]], padding: int, trash: float) -> None:
    """Whatever stands on padding changes neither the loss nor a gradient, and gets none itself."""
    scores, worth = (list(x) for x in zip(*rows, strict=True))
    alone = torch.tensor([scores], requires_grad=True)
    wide = torch.tensor([scores + [trash] * padding], requires_grad=True)
    mask = torch.tensor([[True] * len(scores) + [False] * padding])
    one = LOSSES[name](alone, torch.tensor([worth]), mask[:, : len(scores)])
    other = LOSSES[name](wide, torch.tensor([worth + [trash] * padding]), mask)
    one.backward()
    other.backward()
    assert other.item() == pytest.approx(one.item(), rel=1e-5, abs=1e-5)
    assert wide.grad is not None
    assert alone.grad is not None
    assert torch.allclose(wide.grad[:, : len(scores)], alone.grad, rtol=1e-4, atol=1e-5)
    assert not wide.grad[:, len(scores) :].any()


@ALL
@settings(deadline=None, max_examples=40)
@given(rows=lists, seed=st.integers(0, 99))
def test_the_order_of_the_rows_is_of_no_consequence(name: str, rows: list[tuple[float, float]], seed: int) -> None:
    """Equal scores and equal gains included."""
    mixed = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    one, other = (_loss(LOSSES[name], *(list(x) for x in zip(*r, strict=True))) for r in (rows, mixed))
    assert other == pytest.approx(one, rel=1e-9, abs=1e-9)


@ALL
@settings(deadline=None, max_examples=40)
@given(rows=lists, scale=st.sampled_from([0.0, 1.0, 1000.0]), shift=st.sampled_from([0.0, -500.0]))
def test_losses_and_gradients_are_finite(
    name: str, rows: list[tuple[float, float]], scale: float, shift: float
) -> None:
    """At extreme scores too; losses are never negative and gradients of a list add up to nothing."""
    scores = torch.tensor([[s * scale + shift for s, _ in rows]], dtype=torch.float64, requires_grad=True)
    loss = LOSSES[name](scores, torch.tensor([[g for _, g in rows]]).double(), torch.ones(1, len(rows)).bool())
    loss.backward()
    assert scores.grad is not None
    assert math.isfinite(loss.item())
    assert loss.item() >= -1e-9
    assert torch.isfinite(scores.grad).all()
    assert float(scores.grad.sum()) == pytest.approx(0.0, abs=1e-6)


@ALL
def test_lists_that_teach_nothing_do_not_count(name: str) -> None:
    """The mean is over lists with two gains; one row, equal gains, no gain and padding alone are no lists of it."""
    scores = torch.tensor([[1.0, 2.0, 0.5], [1.0, 9.0, 9.0], [3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    worth = torch.tensor([[7.0, 3.0, 0.0], [7.0, 9.0, 9.0], [3.0, 3.0, 3.0], [0.0, 0.0, 0.0], [7.0, 3.0, 1.0]])
    mask = torch.tensor([[True] * 3, [True, False, False], [True] * 3, [True] * 3, [False] * 3])
    loss = LOSSES[name]
    assert float(loss(scores, worth, mask)) == pytest.approx(float(loss(scores[:1], worth[:1], mask[:1])))
    scores.requires_grad_(True)
    nothing = loss(scores[1:], worth[1:], mask[1:])
    nothing.backward()
    assert nothing.item() == 0.0
    assert scores.grad is not None
    assert not scores.grad.any()


@ALL
def test_a_step_down_the_gradient_betters_the_order(name: str) -> None:
    """A list in the wrong order comes right by following the loss alone."""
    worth = torch.tensor([[0.0, 1.0, 3.0, 7.0]])
    scores = torch.tensor([[0.4, 0.3, 0.2, 0.1]], requires_grad=True)
    descent = torch.optim.Adam([scores], lr=0.05)
    for _ in range(200):
        descent.zero_grad()
        LOSSES[name](scores, worth, torch.ones_like(worth).bool()).backward()
        descent.step()
    assert scores.argsort(dim=1).tolist() == [[0, 1, 2, 3]]


def test_losses_that_read_only_the_order_do() -> None:
    """They are given 1 / place instead of the gain, so nothing but the order may count, and for others it does."""
    for name, loss in LOSSES.items():
        same = _loss(loss, [0.3, 0.1, 0.2], [7, 3, 1]) == pytest.approx(_loss(loss, [0.3, 0.1, 0.2], [1.0, 0.5, 0.4]))
        assert same == (name in READ_ONLY_THE_ORDER)
