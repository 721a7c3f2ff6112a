"""Fitting a network with Lightning: seeded, stopped early, resumable from its last epoch.

Checkpoints are Lightning's; they are read as weights and numbers only (`weights_only`), never as code.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from medcode_ml.models.tracking import Run

if TYPE_CHECKING:
    import pytorch_lightning as pl

_FINISHED: Final = "finished.json"
_LOUD: Final = ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric")


class FitError(RuntimeError):
    """The fitting cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to fit.

    `monitor` is the logged figure that decides (None: the last epoch is taken), `mode` whether the least or the most is
    best, `patience` after how many epochs without a better one to stop (None: never), `max_seconds` the time after
    which no further epoch begins, `precision` Lightning's ("32-true", "bf16-mixed").
    """

    max_epochs: int
    seed: int = 0
    monitor: str | None = None
    mode: Literal["min", "max"] = "max"
    patience: int | None = None
    max_seconds: float | None = None
    gradient_clip: float | None = 1.0
    accumulate: int = 1
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


@dataclass(frozen=True)
class Fitted:
    """How a fitting went: the monitored figure of the epoch taken, epochs done, figures of each, seconds of this call.

    `resumed_at` is the epoch it was resumed at (0: from the beginning).
    """

    best: float | None
    epochs: int
    history: tuple[dict[str, float], ...]
    seconds: float
    resumed_at: int = 0


def run_key(*facts: Any) -> str:
    """A key of all that makes two fittings the same (parameters, hash of the data, seed), for `fit`."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def fit(
    module: pl.LightningModule,
    train: Any,
    valid: Any = None,
    *,
    plan: Plan,
    folder: Path | None = None,
    key: str = "",
    run: Run | None = None,
    progress: bool = False,
    fast_dev_run: bool = False,
) -> Fitted:
    """Fit `module` on the loaders and leave it with the weights of its best epoch, on the CPU, in evaluation mode.

    A checkpoint of every epoch is kept in `folder / key`; the same call after an interruption goes on after the last
    finished epoch, and after a finished fitting only loads its weights. Give a `key` (`run_key`) with the folder:
    another key begins anew. Every epoch is seeded by its number: on the same machine a resumed fitting ends with the
    weights of an uninterrupted one, if the loader's sampler (or batch sampler) draws from torch's random state or has
    `set_epoch`. `fast_dev_run` takes one batch only and keeps nothing.

    Raises:
        FitError: a figure is no number any more, the monitored figure is not logged, or the checkpoint is of another
            network.
        KeyboardInterrupt: it was interrupted.
    """
    begun = time.monotonic()
    if folder is not None and not key:
        raise FitError("a checkpoint folder needs the key of the fitting, or it would resume another one")
    kept = folder / key if folder is not None else Path(tempfile.mkdtemp(prefix="medcode-fit-"))
    try:
        done = kept / _FINISHED
        if not done.is_file():
            _fit(module, train, valid, plan, kept, run, progress, fast_dev_run)
        if fast_dev_run:
            module.cpu().eval()
            return Fitted(None, 1, (), time.monotonic() - begun)
        said = json.loads(done.read_text(encoding="utf-8"))
        _load(module, kept / said["weights"])
        return Fitted(
            said["best"], len(said["history"]), tuple(said["history"]), time.monotonic() - begun, said["resumed_at"]
        )
    finally:
        if folder is None:
            shutil.rmtree(kept, ignore_errors=True)


def _fit(
    module: pl.LightningModule,
    train: Any,
    valid: Any,
    plan: Plan,
    kept: Path,
    run: Run | None,
    progress: bool,
    fast_dev_run: bool,
) -> None:
    """Fit and write what `fit` reads back."""
    import pytorch_lightning as pl
    from lightning_fabric.utilities.exceptions import MisconfigurationException
    from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, Timer

    from medcode_ml.models.epochs import Epochs

    epochs = Epochs(plan.seed, run, progress)
    best = ModelCheckpoint(
        dirpath=kept,
        filename="best",
        monitor=plan.monitor,
        mode=plan.mode,
        save_last=True,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    callbacks: list[pl.Callback] = [epochs] if fast_dev_run else [epochs, best]
    if plan.monitor is not None and plan.patience is not None:
        callbacks.append(
            EarlyStopping(plan.monitor, patience=plan.patience, mode=plan.mode, check_on_train_epoch_end=True)
        )
    if plan.max_seconds is not None:
        callbacks.append(Timer(timedelta(seconds=plan.max_seconds), interval="epoch", verbose=False))
    last = kept / "last.ckpt"
    resume = last if last.is_file() and not fast_dev_run else None
    with _quiet(), _deterministic(), _interruptible():
        pl.seed_everything(plan.seed, workers=True, verbose=False)
        trainer = pl.Trainer(
            accelerator="auto",
            devices=1,
            precision=plan.precision,
            max_epochs=plan.max_epochs,
            gradient_clip_val=plan.gradient_clip,
            accumulate_grad_batches=plan.accumulate,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=not fast_dev_run,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            fast_dev_run=fast_dev_run,
            default_root_dir=kept,
        )
        before = _epochs_done(resume)
        # Lightning asks the loader for its first order before it tells the sampler which epoch it resumes at
        set_epoch(train, before)
        try:
            trainer.fit(module, train, valid, ckpt_path=resume, weights_only=True)
        except MisconfigurationException as wrong:
            raise FitError(f"the network cannot be fitted: {wrong}") from wrong
        except RuntimeError as wrong:
            # of a checkpoint whose weights have other names or shapes than the network
            if resume is not None and "state_dict" in str(wrong):
                raise FitError(f"the checkpoint {last} is of another network: delete the folder {kept}") from wrong
            raise
    if fast_dev_run:
        return
    weights = "best.ckpt" if plan.monitor is not None else last.name
    figure = float(best.best_model_score) if best.best_model_score is not None and plan.monitor is not None else None
    said = {"weights": weights, "best": figure, "history": epochs.history, "resumed_at": before}
    making = kept / f".{_FINISHED}.{os.getpid()}"
    making.write_text(json.dumps(said), encoding="utf-8")
    os.replace(making, kept / _FINISHED)


def set_epoch(loader: Any, epoch: int) -> None:
    """Tell a loader's sampler and batch sampler which epoch begins, where they want to know."""
    for name in ("sampler", "batch_sampler"):
        told = getattr(getattr(loader, name, None), "set_epoch", None)
        if told is not None:
            told(epoch)


def _read(checkpoint: Path) -> Mapping[str, Any]:
    import torch

    try:
        held: Mapping[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as broken:  # torch raises whatever the broken bytes lead it to
        raise FitError(
            f"the checkpoint {checkpoint} cannot be read ({type(broken).__name__}): delete the folder "
            f"{checkpoint.parent} to begin anew"
        ) from broken
    return held


def _epochs_done(checkpoint: Path | None) -> int:
    return int(_read(checkpoint)["epoch"]) + 1 if checkpoint is not None else 0


def _load(module: pl.LightningModule, checkpoint: Path) -> None:
    try:
        module.load_state_dict(_read(checkpoint)["state_dict"])
    except RuntimeError as other:
        raise FitError(
            f"the checkpoint {checkpoint} is of another network: delete the folder {checkpoint.parent}"
        ) from other
    module.cpu().eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's tips and its advice about workers."""
    levels = {name: logging.getLogger(name).level for name in _LOUD}
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for text in (
                ".*does not have many workers.*",
                ".*no `val_dataloader`.*",
                ".*deterministic.*",
                ".*Checkpoint directory.*exists.*",
            ):
                warnings.filterwarnings("ignore", text)
            warnings.filterwarnings("ignore", module="pytorch_lightning.*", category=FutureWarning)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _deterministic() -> Iterator[None]:
    """Deterministic kernels wherever there are such; the process is left as it was."""
    import torch

    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lightning turns an interruption into an exit and leaves the signal ignored; undo both."""
    import threading

    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as left:
        if isinstance(left.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from left
        raise
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
