"""The amount network as a torch module and its Lightning module; imported only while fitting.

A case is its columns and embeddings of its DRG, state, referral region and the words of the hospital's name: the
embedding of a hospital is made of what is known of it, so a hospital never seen has one too. Out come three quantiles
of what effect and level leave of either log amount.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from medcode_ml.billing.amounts.network_parameters import NetworkParameters
from medcode_ml.billing.amounts.trees import QUANTILES

_OUT = 2 * len(QUANTILES)


class AmountNetwork(nn.Module):
    """Columns (n, k), numbers of DRG, state, region (n, 3), words of the name (n, w) padded by 0 -> (n, 2, 3)."""

    def __init__(self, columns: int, kinds: tuple[int, int, int], words: int, p: NetworkParameters) -> None:
        """Make it for `columns`, so many DRGs, states and regions, and a table of words."""
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(kind, p.embedding) for kind in kinds)
        self.words = nn.EmbeddingBag(words, p.embedding, mode="sum", padding_idx=0)
        for table in (*self.embeddings, self.words):
            nn.init.normal_(table.weight, std=0.05)
        with torch.no_grad():
            # the padding is left out here; where weights are summed without torch it must add nothing
            self.words.weight[0] = 0.0
        wide = columns + p.embedding * (len(kinds) + 1)
        self.first = nn.Linear(wide, p.hidden)
        self.second = nn.Linear(p.hidden, p.hidden // 2)
        self.out = nn.Linear(p.hidden // 2, _OUT)
        nn.init.zeros_(self.out.weight)
        self.dropout = nn.Dropout(p.dropout)
        self.unknown = p.unknown

    def forward(self, values: torch.Tensor, kinds: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Quantiles in standard deviations, in rising order."""
        if self.training and self.unknown:
            # a hospital of a state or region that is not known must be priced too; a DRG always is known here
            hidden = torch.rand(kinds.shape) < self.unknown
            hidden[:, 0] = False
            kinds = kinds.masked_fill(hidden, 0)
        held = [values, *(table(kinds[:, i]) for i, table in enumerate(self.embeddings)), self.words(words)]
        inner = torch.relu(self.first(self.dropout(torch.cat(held, dim=1))))
        raw = self.out(self.dropout(torch.relu(self.second(inner)))).view(-1, 2, len(QUANTILES))
        middle = raw[..., 1]
        low, high = (nn.functional.softplus(raw[..., i] + 1.2) for i in (0, 2))
        return torch.stack([middle - low, middle, middle + high], dim=2)


class AmountModule(pl.LightningModule):
    """Fits the network to the pinball losses of its quantiles."""

    def __init__(self, network: AmountNetwork, p: NetworkParameters, steps: int) -> None:
        """Fit `network` in `steps` steps."""
        super().__init__()
        self.network, self.p, self.steps = network, p, steps
        self.quantiles: torch.Tensor
        self.register_buffer("quantiles", torch.tensor(QUANTILES), persistent=False)

    def training_step(self, batch: tuple[torch.Tensor, ...], index: int) -> torch.Tensor:
        """The loss of a batch."""
        values, kinds, words, wanted = batch
        loss = pinball(self.network(values, kinds, words), wanted, self.quantiles)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(values))
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW, its rate rising and falling once."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.p.learning_rate, weight_decay=self.p.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.p.learning_rate, total_steps=max(self.steps, 2), pct_start=0.2
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def pinball(found: torch.Tensor, wanted: torch.Tensor, quantiles: torch.Tensor) -> torch.Tensor:
    """Mean pinball loss (Koenker and Bassett 1978) of quantiles (n, 2, q) against values (n, 2)."""
    over = wanted[..., None] - found
    return torch.maximum(quantiles * over, (quantiles - 1.0) * over).mean()
