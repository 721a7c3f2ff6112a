"""One minus nDCG at smoothed ranks (ApproxNDCG, Qin, Liu and Li 2010)."""

from __future__ import annotations

from typing import Final

import torch

from medcode_ml.ranking.losses.teaching import best_dcg, mean_of, teaching_lists

TEMPERATURE: Final = 0.5
"""Difference of scores (log-odds) that counts as a fair distance; the smaller, the nearer to nDCG and the harder."""


def approx_ndcg(scores: torch.Tensor, gains: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Loss as `losses` says, between 0 and 1: a row's rank is 1 and the sum of sigmoids over the rows before it."""
    scores, gains, mask = teaching_lists(scores, gains, mask)
    before = torch.sigmoid((scores.unsqueeze(1) - scores.unsqueeze(2)) / TEMPERATURE)
    itself = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
    rank = 1.0 + before.masked_fill(~mask.unsqueeze(1) | itself, 0.0).sum(dim=2)
    reached = (gains / torch.log2(1.0 + rank)).sum(dim=1)
    return mean_of(1.0 - reached / best_dcg(gains).squeeze(1))
