"""Minus the log likelihood of the true order (ListMLE, Xia et al. 2008): each row is chosen before all below it.

The likelihood of an order says nothing of rows of equal gain. Here such a row is chosen among itself and the rows of
lower gain only, so that equals are not drawn together, and the last of all, below which nothing is, teach nothing.
"""

from __future__ import annotations

import torch

from medcode_ml.ranking.losses.teaching import mean_of, teaching_lists


def listmle(scores: torch.Tensor, gains: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Loss as `losses` says, the sum over the places of a list; only the order of the gains matters."""
    scores, gains, mask = teaching_lists(scores, gains, mask)
    below = gains.unsqueeze(1) < gains.unsqueeze(2)
    itself = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
    # padding is among nothing but itself and costs nothing
    among = (below & mask.unsqueeze(1) & mask.unsqueeze(2)) | itself
    spread = scores.unsqueeze(1).expand(-1, scores.shape[1], -1)
    total = spread.masked_fill(~among, float("-inf")).logsumexp(dim=2)
    return mean_of((total - scores).sum(dim=1))
