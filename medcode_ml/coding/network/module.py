"""How the network is trained: loss, optimiser and schedule, for a Lightning trainer."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torchmetrics.functional.classification import binary_average_precision

from medcode_ml.coding.network.data import NoteBatch, Notes
from medcode_ml.coding.network.labels import CodeBook, LabelBatch
from medcode_ml.coding.network.loss import binary_loss, listwise_loss
from medcode_ml.coding.network.network import CandidateNetwork, Scores

VALID_METRIC = "valid_average_precision"


class NetworkModule(pl.LightningModule):
    """Trains a `CandidateNetwork` on notes whose right candidates are known."""

    def __init__(
        self,
        network: CandidateNetwork,
        book: CodeBook,
        train: Notes,
        valid: Notes | None,
        *,
        features_only: bool = False,
    ) -> None:
        """`train` and `valid` are the data sets the batches number their codes in.

        With `features_only` the features' own score is trained and nothing else.
        """
        super().__init__()
        self.network = network
        self.use = network.parameters_used
        self.features_only = features_only
        self._book = book
        self._codes = {"train": train.codes, "valid": valid.codes if valid else []}
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def transfer_batch_to_device(self, batch: NoteBatch, device: torch.device, dataloader_idx: int) -> NoteBatch:
        """A batch is not a mapping of tensors: it moves itself."""
        return batch.to(device)

    def scored(self, batch: NoteBatch, part: str) -> Scores:
        """Scores of `batch`, whose codes are numbered as in the data of `part`; the labels are encoded on the way."""
        if self.features_only:
            logits = self.network.features_alone(batch)
            return Scores(logits, logits)
        if not self.use.use_text:
            alone: Scores = self.network(batch, None)
            return alone
        known = self._codes[part]
        labels: LabelBatch = self._book.batch([known[i] for i in batch.codes.tolist()]).to(batch.features.device)
        scores: Scores = self.network(batch, self.network.label_vectors(labels))
        return scores

    def training_step(self, batch: NoteBatch, batch_idx: int) -> torch.Tensor:
        """The loss of one batch, every member for itself."""
        logits, alone = self.scored(batch, "train")
        target = batch.target.unsqueeze(1).expand_as(logits)
        loss = binary_loss(logits, target, self.use.focus)
        if self.use.alone_weight > 0 and not self.features_only:
            loss = loss + self.use.alone_weight * binary_loss(alone, target, self.use.focus)
        if self.use.ranking_weight > 0:
            ranked = listwise_loss(logits.mean(dim=1), batch.target, batch.note, len(batch.mask))
            loss = loss + self.use.ranking_weight * ranked
        self.log("train_loss", loss, batch_size=len(batch.mask))
        return loss

    def validation_step(self, batch: NoteBatch, batch_idx: int) -> None:
        """Keep scores and truth of the batch for the figure of the whole pass."""
        self._seen.append((self.scored(batch, "valid").logits.mean(dim=1).float().cpu(), batch.target.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log the average precision over all candidates."""
        scores, target = (torch.cat(parts) for parts in zip(*self._seen, strict=True))
        self._seen.clear()
        self.log(VALID_METRIC, binary_average_precision(scores, target.int()), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW under a one-cycle schedule; word vectors move slower, biases and norms do not decay."""
        parts = {"embedding": self.use.word_rate, "encoder": self.use.encoder_rate}
        if not self.features_only:
            parts |= dict.fromkeys(("features", "out"), self.use.feature_rate)
        groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for name, weight in self.network.named_parameters():
            part = name.partition(".")[0]
            rate = self.use.learning_rate * parts.get(part, 1.0)
            moves = rate > 0 and (not self.features_only or part in ("features", "out"))
            weight.requires_grad_(moves)
            if not moves:
                continue
            decay = 0.0 if weight.ndim < 2 or "norm" in name else self.use.weight_decay
            groups.setdefault((rate, decay), []).append(weight)
        optimizer = torch.optim.AdamW(
            [{"params": own, "lr": rate, "weight_decay": decay} for (rate, decay), own in groups.items()]
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=[rate for rate, _ in groups],
            total_steps=max(2, int(self.trainer.estimated_stepping_batches)),
            pct_start=self.use.warm_up,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
