"""One training run of the network."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader

from medcode_ml.coding.network.data import CandidateTable, LengthBuckets, NoteBatch, Notes
from medcode_ml.coding.network.module import NetworkModule
from medcode_ml.models.fitting import Fitted, Plan, fit, run_key

if TYPE_CHECKING:
    from medcode_ml.coding.network.scorer import NetworkScorer
    from medcode_ml.models.tracking import Run

Labelled = tuple[Sequence[str], CandidateTable, npt.NDArray[np.bool_]]


def train(
    scorer: NetworkScorer,
    train: Labelled,
    valid: Labelled | None,
    *,
    seed: int,
    progress: bool = False,
    checkpoint_folder: Path | None = None,
    run: Run | None = None,
    fast_dev_run: bool = False,
) -> Fitted:
    """Train the network of `scorer` in place: its features' own score, then the whole.

    Arguments as in `NetworkScorer.fit`; returned is how the training of the whole went.
    """
    use = scorer.network.parameters_used
    notes = scorer.notes(*train)
    valid_notes = scorer.notes(*valid) if valid else None
    data = fingerprint(train) if checkpoint_folder else ""
    stages = [(True, use.feature_epochs)] if use.feature_epochs else []
    for features_only, epochs in [*stages, (False, use.epochs)]:
        scorer.network.train()
        fitted = fit(
            NetworkModule(scorer.network, scorer.book, notes, valid_notes, features_only=features_only),
            _loader(notes, use.tokens_a_batch, use.notes_a_batch, seed),
            _loader(valid_notes, use.tokens_a_batch, use.notes_a_batch, None) if valid_notes else None,
            plan=Plan(epochs, seed),
            folder=checkpoint_folder,
            key=run_key(use.facts(), seed, data, features_only) if checkpoint_folder else "",
            run=None if features_only else run,
            progress=progress,
            fast_dev_run=fast_dev_run,
        )
    scorer.network.requires_grad_(True)
    scorer.forget()
    return fitted


def fingerprint(labelled: Labelled) -> str:
    """A hash of notes, candidates and labels: two trainings on the same data have the same."""
    texts, table, labels = labelled
    digest = hashlib.sha256()
    for part in (*texts, *table.code):
        digest.update(part.encode("utf-8"))
        digest.update(b"\0")
    for column in (table.note, table.features, table.spans, labels):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _loader(notes: Notes, tokens: int, most: int, seed: int | None) -> DataLoader[NoteBatch]:
    # as sampler, not as batch sampler: only so does Lightning tell it which pass begins
    buckets = LengthBuckets(notes, most_tokens=tokens, most_notes=most, seed=seed)
    return DataLoader(notes, batch_size=None, sampler=buckets)
