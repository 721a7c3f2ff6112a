"""Losses over the candidates of a batch."""

from __future__ import annotations

import torch
from torch.nn import functional


def binary_loss(logits: torch.Tensor, target: torch.Tensor, focus: float = 0.0) -> torch.Tensor:
    """Mean binary cross-entropy; with `focus` > 0 the focal loss (Lin et al. 2017) without its class weight.

    Args:
        logits, target: float of one shape.
        focus: how much candidates that are already clear count less.
    """
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if focus > 0:
        each = each * (1 - torch.exp(-each)) ** focus
    return each.mean()


def listwise_loss(logits: torch.Tensor, target: torch.Tensor, note: torch.Tensor, notes: int) -> torch.Tensor:
    """Cross-entropy of a softmax over each note's candidates against its right ones (ListNet's top one, Cao 2007).

    Args:
        logits, target: float (rows,). note: int64 (rows,), below `notes`.

    Returns:
        Mean over the notes that have a right candidate; 0 where none has.
    """
    logits = logits.float()
    highest = logits.new_full((notes,), float("-inf")).scatter_reduce(0, note, logits.detach(), "amax")
    shifted = logits - highest[note]
    total = logits.new_zeros(notes).index_add(0, note, shifted.exp())
    right = logits.new_zeros(notes).index_add(0, note, target)
    asked = logits.new_zeros(notes).index_add(0, note, target * (total[note].log() - shifted))
    has = right > 0
    return (asked[has] / right[has]).mean() if bool(has.any()) else logits.sum() * 0.0
