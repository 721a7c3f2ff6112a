"""The network and how Lightning trains it: first the sum with L-BFGS, then the layer with AdamW on what is left."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn

from medcode_ml.ranking.knowledge import FloatArray, IntArray
from medcode_ml.ranking.losses import LOSSES, Loss
from medcode_ml.ranking.network.data import ListBatch, Padded
from medcode_ml.ranking.network.parameters import NetworkParameters
from medcode_ml.ranking.network.scorer import INPUT_LIMIT

TRAIN_LOSS: Final = "train_loss"
_STEPS: Final = 20
"""Steps of L-BFGS in one pass."""
_DECAY: Final = 0.05
"""Weight decay of the layer."""


class RankingNetwork(nn.Module):
    """Scores of rows for both decisions: (1 + multiplier) * start + shift as weights, habits, and the layer.

    The shifts are held as multiples of one standard deviation of their column, so that one ridge suits all columns; a
    column that never varies within an encounter has none.
    """

    def __init__(
        self,
        start: FloatArray,
        spread: FloatArray,
        habit_columns: IntArray,
        hospitals: int,
        centre: FloatArray,
        scale: FloatArray,
        hidden: int,
        dropout: float,
    ) -> None:
        """`start` and `spread` of shape (columns, 2), principal and order; `centre` and `scale` as the layer sees."""
        super().__init__()
        inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        self.start: torch.Tensor
        self.inverse: torch.Tensor
        self.habit_columns: torch.Tensor
        self.centre: torch.Tensor
        self.scale: torch.Tensor
        for name, held in (("start", start), ("inverse", inverse), ("centre", centre), ("scale", scale)):
            self.register_buffer(name, torch.from_numpy(held.astype(np.float32)))
        self.register_buffer("habit_columns", torch.from_numpy(habit_columns))
        self.shift = nn.Parameter(torch.zeros(start.shape))
        self.multiplier = nn.Parameter(torch.zeros(2))
        self.habit = nn.Parameter(torch.zeros(hospitals, len(habit_columns)))
        self.layer: nn.Sequential | None = None
        if hidden:
            out = nn.Linear(hidden, 2, bias=False)
            nn.init.zeros_(out.weight)
            self.layer = nn.Sequential(nn.Linear(len(start), hidden), nn.ReLU(), nn.Dropout(dropout), out)

    def additive(self, values: torch.Tensor, hospital: torch.Tensor) -> torch.Tensor:
        """The sum's part of the scores, float (rows, 2), of `values` and `hospital` as `ListBatch` has them."""
        scores = values @ (self.start * (1.0 + self.multiplier) + self.shift * self.inverse)
        if not self.habit.numel():
            return scores
        # one row more, of zeros, for hospitals that are not known
        own = nn.functional.pad(self.habit * self.inverse[self.habit_columns, 0], (0, 0, 0, 1))
        added = (values.index_select(1, self.habit_columns) * own.index_select(0, hospital)).sum(dim=1)
        return scores + nn.functional.pad(added.unsqueeze(1), (0, 1))

    def beyond(self, values: torch.Tensor) -> torch.Tensor:
        """The layer's part of the scores, float (rows, 2)."""
        if self.layer is None:
            return values.new_zeros(len(values), 2)
        seen = ((values - self.centre) * self.scale).clamp(-INPUT_LIMIT, INPUT_LIMIT)
        scores: torch.Tensor = self.layer(seen)
        return scores

    def held_back(self, ridge: float, habit_ridge: float) -> torch.Tensor:
        """What leaving the guidelines costs, in the loss of one stay."""
        own = self.shift.square().sum() + self.multiplier.square().sum()
        return ridge * own + habit_ridge * self.habit.square().sum()


class RankingModule(pl.LightningModule):
    """Trains a `RankingNetwork` on lists whose order is known: its sum, or its layer when the sum is done."""

    def __init__(self, network: RankingNetwork, p: NetworkParameters, encounters: int, *, layer: bool) -> None:
        """`encounters`: how many teach, over which the ridge is spread. `layer`: train that, else the sum."""
        super().__init__()
        self.network, self.p, self.encounters, self.layer = network, p, encounters, layer
        self._principal, self._order = LOSSES["softmax"], LOSSES[p.loss]

    def training_step(self, batch: ListBatch, batch_idx: int) -> torch.Tensor:
        """Loss of a batch: both decisions, and for the sum its ridge."""
        if self.layer:
            with torch.no_grad():
                additive = self.network.additive(batch.values, batch.hospital)
            scores = additive + self.network.beyond(batch.values)
        else:
            scores = self.network.additive(batch.values, batch.hospital)
        loss = _mean(self._principal, scores[:, 0], batch.principal)
        loss = loss + self.p.order_weight * _mean(self._order, scores[:, 1], batch.order)
        if not self.layer:
            loss = loss + self.network.held_back(self.p.ridge, self.p.habit_ridge) / self.encounters
        # L-BFGS asks for the loss many times a step: the least is the one it went to
        self.log(
            TRAIN_LOSS,
            loss,
            on_step=False,
            on_epoch=True,
            reduce_fx="mean" if self.layer else "min",
            batch_size=len(batch.principal) + len(batch.order),
        )
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """L-BFGS with a line search for the sum, AdamW for the layer; the other part stands still."""
        for name, weight in self.network.named_parameters():
            weight.requires_grad_(name.startswith("layer.") == self.layer)
        moving = [weight for weight in self.network.parameters() if weight.requires_grad]
        if self.layer:
            return torch.optim.AdamW(moving, lr=self.p.learning_rate, weight_decay=_DECAY)
        return torch.optim.LBFGS(
            moving,
            lr=1.0,
            max_iter=_STEPS,
            tolerance_grad=1e-6,
            tolerance_change=1e-9,
            history_size=_STEPS,
            line_search_fn="strong_wolfe",
        )


def _mean(loss: Loss, scores: torch.Tensor, blocks: list[Padded]) -> torch.Tensor:
    """Mean of `loss` over the lists of all blocks, each of which teaches; 0 where there are none."""
    total = scores.sum() * 0.0
    for block in blocks:
        own = scores.index_select(0, block.rows.flatten()).view_as(block.gains)
        total = total + loss(own, block.gains, block.mask) * len(block.gains)
    return total / max(sum(len(block.gains) for block in blocks), 1)
