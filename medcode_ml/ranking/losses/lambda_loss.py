"""NDCG-Loss2++ of the LambdaLoss framework (Wang et al. 2018): pairs weighed by what exchanging them would cost."""

from __future__ import annotations

import math
from typing import Final

import torch

from medcode_ml.ranking.losses.teaching import best_dcg, mean_of, ranks, teaching_lists

MU: Final = 10.0
"""Weight of the bound on nDCG beside LambdaRank's."""


def lambda_loss(scores: torch.Tensor, gains: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Loss as `losses` says, the sum over the pairs of a list in bits.

    For rows i before j in truth, at ranks r by score and with discount D(r) = log2(1 + r), the weight is
    (|1/D(ri) - 1/D(rj)| + MU |1/D(d) - 1/D(d + 1)|) |Gi - Gj| with d = |ri - rj|, G the gain over the best discounted
    gain of the list; it is taken as constant. Rows of equal score count as neighbours (d = 1).
    """
    scores, gains, mask = teaching_lists(scores, gains, mask)
    with torch.no_grad():
        rank = ranks(scores, mask)
        relative = gains / best_dcg(gains)
        difference = relative.unsqueeze(2) - relative.unsqueeze(1)
        discount = 1.0 / torch.log2(1.0 + rank)
        apart = (rank.unsqueeze(2) - rank.unsqueeze(1)).abs().clamp(min=1.0)
        bound = (1.0 / torch.log2(1.0 + apart) - 1.0 / torch.log2(2.0 + apart)).abs()
        exchange = (discount.unsqueeze(2) - discount.unsqueeze(1)).abs()
        ahead = (difference > 0) & mask.unsqueeze(2) & mask.unsqueeze(1)
        weight = ((exchange + MU * bound) * difference).masked_fill(~ahead, 0.0)
    wrong = torch.nn.functional.softplus(scores.unsqueeze(1) - scores.unsqueeze(2))
    return mean_of((weight * wrong).sum(dim=(1, 2)) / math.log(2.0))
