"""Which lists teach anything, what all losses do first and last, and ranks by score."""

from __future__ import annotations

import torch


def teaching_lists(
    scores: torch.Tensor, gains: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The lists in which two real rows differ in gain, with scores and gains 0 on padding.

    Shapes (lists, longest) in and (lists that teach, longest) out. What was on padding, be it infinite or no number,
    touches neither the loss nor a gradient.
    """
    gains = gains.masked_fill(~mask, 0.0)
    highest = gains.masked_fill(~mask, float("-inf")).amax(dim=1)
    lowest = gains.masked_fill(~mask, float("inf")).amin(dim=1)
    teaches = highest > lowest
    return scores.masked_fill(~mask, 0.0)[teaches], gains[teaches], mask[teaches]


def mean_of(each: torch.Tensor) -> torch.Tensor:
    """Mean of the losses of the lists that teach, shape (lists,); 0, with a gradient of 0, where there is none."""
    return each.sum() / max(len(each), 1)


def ranks(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Rank of each row by score, 1 for the highest; equal scores share the mean of their ranks. No gradient.

    Sharing keeps the loss the same in whatever order the rows come; on padding the value means nothing.
    """
    with torch.no_grad():
        against = scores.unsqueeze(1) - scores.unsqueeze(2)
        before = (against > 0).to(scores.dtype) + 0.5 * (against == 0).to(scores.dtype)
        # every row is level with itself, which adds one half
        return 0.5 + (before * mask.unsqueeze(1)).sum(dim=2)


def best_dcg(gains: torch.Tensor) -> torch.Tensor:
    """Discounted gain of each list in its best order, shape (lists, 1); padding has gain 0, gains are not negative."""
    places = torch.arange(1, gains.shape[1] + 1, device=gains.device, dtype=gains.dtype)
    best = gains.sort(dim=1, descending=True).values
    return (best / torch.log2(1.0 + places)).sum(dim=1, keepdim=True)
