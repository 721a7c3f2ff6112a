"""What happens around every epoch of a fitting: seeds, finite figures, tracking, history and the progress bar.

Imports Lightning, so it is imported by `fitting` while fitting only.
"""

from __future__ import annotations

import math
from typing import Any

import pytorch_lightning as pl
import torch
from tqdm import tqdm

from medcode_ml.models.fitting import FitError, set_epoch
from medcode_ml.models.tracking import Run


class Epochs(pl.Callback):
    """Seeds each epoch by its number, so that a resumed fitting goes on as an uninterrupted one; keeps the figures.

    `history` holds the figures of each epoch and is saved with the checkpoints.
    """

    def __init__(self, seed: int, run: Run | None, progress: bool) -> None:
        self.seed, self.run, self.progress = seed, run, progress
        self.history: list[dict[str, float]] = []
        self.bar: tqdm[Any] | None = None
        self.first = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin the bar."""
        steps = trainer.estimated_stepping_batches
        self.bar = tqdm(
            total=int(steps) if math.isfinite(steps) else None,
            initial=trainer.global_step,
            desc="fitting",
            unit="step",
            disable=not self.progress,
        )

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed the epoch."""
        pl.seed_everything((self.seed * 100_003 + trainer.current_epoch + 1) % 2**32, workers=True, verbose=False)
        if self.first:
            # Lightning has made the loader's iterator of the first epoch of a call already, that of later epochs it
            # makes now, and an iterator draws one number: so that both go on from the same state
            torch.empty((), dtype=torch.int64).random_()
            self.first = False
        # Lightning tells samplers the epoch, but not a batch sampler that is one of its own
        set_epoch(trainer.train_dataloader, trainer.current_epoch)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Move the bar."""
        if self.bar is not None:
            self.bar.update(trainer.global_step - self.bar.n)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Hold the figures of the epoch, record them, and stop at one that is no number."""
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        lost = [name for name, value in figures.items() if not math.isfinite(value)]
        if lost:
            raise FitError(
                f"{lost[0]} is no number any more after epoch {trainer.current_epoch + 1}: choose a lower learning rate"
            )
        self.history.append(figures)
        if self.run is not None:
            self.run.metrics(figures, trainer.current_epoch)
        if self.bar is not None:
            self.bar.set_postfix({name: f"{value:.3g}" for name, value in figures.items()})

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """End the bar."""
        if self.bar is not None:
            self.bar.close()

    def state_dict(self) -> dict[str, Any]:
        """What is saved with a checkpoint."""
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What a checkpoint held."""
        self.history = list(state_dict["history"])
