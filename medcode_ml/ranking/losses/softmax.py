"""Cross-entropy of the softmax of the scores against the share of each row in the gains (ListNet, Cao et al. 2007)."""

from __future__ import annotations

import torch

from medcode_ml.ranking.losses.teaching import mean_of, teaching_lists


def softmax(scores: torch.Tensor, gains: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Loss as `losses` says; with one gain above 0 it is minus the log of that row's probability."""
    scores, gains, mask = teaching_lists(scores, gains, mask)
    share = gains / gains.sum(dim=1, keepdim=True)
    total = scores.masked_fill(~mask, float("-inf")).logsumexp(dim=1)
    return mean_of(total - (share * scores).sum(dim=1))
