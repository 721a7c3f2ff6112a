"""One fitting of the network: from lists whose order is known to weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medcode_ml.models.fitting import Plan, fit, run_key
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray
from medcode_ml.ranking.lists import Lists
from medcode_ml.ranking.network.parameters import NetworkParameters
from medcode_ml.ranking.network.scorer import NetworkWeights

if TYPE_CHECKING:
    from medcode_ml.models.tracking import Run
    from medcode_ml.ranking.network.module import RankingNetwork

_CONSTANT = 1e-6
"""A column whose spread is below this share of its greatest value does not vary but for rounding."""


class NothingToLearnError(ValueError):
    """No list teaches anything."""


def fit_network(
    lists: Lists,
    p: NetworkParameters,
    progress: bool = False,
    run: Run | None = None,
    checkpoints: Path | None = None,
) -> NetworkWeights:
    """Fit the two decisions on `lists`.

    Args:
        lists: whose places are known; encounters that teach neither decision are passed over.
        p: the choices.
        progress: show a bar.
        run: the tracking run that gets the loss of every pass.
        checkpoints: folder where the state is kept after every pass, and an interrupted fitting taken up again.

    Raises:
        NothingToLearnError: no encounter teaches anything.
        FitError: the fitting cannot go on.
    """
    import torch
    from torch.utils.data import DataLoader

    from medcode_ml.ranking.losses import READ_ONLY_THE_ORDER
    from medcode_ml.ranking.network.data import ListBatches, RankingData, teaching_of
    from medcode_ml.ranking.network.module import TRAIN_LOSS, RankingModule, RankingNetwork

    teaching = teaching_of(lists, by_place=p.loss in READ_ONLY_THE_ORDER)
    if not teaching.rows.any():
        raise NothingToLearnError(
            f"none of {len(lists)} encounters teaches an order: an encounter is needed with two eligible diagnoses "
            "whose true places are known"
        )
    hospitals, hospital = _numbered(lists.hospitals)
    # a habit of the only hospital is no habit: it is the weight
    habit_columns = np.flatnonzero(lists.habits) if len(hospitals) > 1 else np.zeros(0, dtype=np.int64)
    data = RankingData(lists, teaching, hospital)
    spread = np.stack([_spread(lists, teaching.principal), _spread(lists, teaching.order)], axis=1)
    spread = np.where(spread > 0, np.maximum(spread, p.least_spread), 0.0)
    centre, scale = _seen_by_the_layer(lists, teaching.rows)
    start = np.stack([lists.start_principal, lists.start_order], axis=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(p.seed)
        network = RankingNetwork(start, spread, habit_columns, len(hospitals), centre, scale, p.hidden, p.dropout)
    fingerprint = _fingerprint(lists) if checkpoints else ""
    for layer in (False, True) if p.hidden else (False,):
        network.train()
        fit(
            RankingModule(network, p, len(data), layer=layer),
            DataLoader(
                data,
                batch_size=None,
                sampler=ListBatches(data.encounters, batch=p.batch if layer else None, seed=p.seed),
            ),
            plan=Plan(p.epochs, p.seed)
            if layer
            else Plan(p.epochs, p.seed, monitor=TRAIN_LOSS, mode="min", patience=1, gradient_clip=None),
            folder=checkpoints,
            key=run_key("ranking", p.facts(), fingerprint, layer) if checkpoints else "",
            run=run,
            progress=progress,
        )
    return _weights(network, lists, start, spread, hospitals, habit_columns, centre, scale)


def _weights(
    network: RankingNetwork,
    lists: Lists,
    start: FloatArray,
    spread: FloatArray,
    hospitals: tuple[str, ...],
    habit_columns: IntArray,
    centre: FloatArray,
    scale: FloatArray,
) -> NetworkWeights:
    state = {name: held.detach().cpu().numpy().astype(np.float64) for name, held in network.state_dict().items()}
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    weights = start * (1.0 + state["multiplier"]) + state["shift"] * inverse
    return NetworkWeights(
        names=lists.names,
        hospitals=hospitals if len(habit_columns) else (),
        principal=weights[:, 0].copy(),
        order=weights[:, 1].copy(),
        habit_columns=habit_columns,
        habits=state["habit"] * inverse[habit_columns, 0] if len(habit_columns) else np.zeros((0, 0)),
        centre=centre,
        scale=scale,
        into=state["layer.0.weight"].T if "layer.0.weight" in state else np.zeros((len(start), 0)),
        bias=state.get("layer.0.bias", np.zeros(0)),
        out=state["layer.3.weight"].T if "layer.3.weight" in state else np.zeros((0, 2)),
    )


def _numbered(hospitals: tuple[str | None, ...]) -> tuple[tuple[str, ...], IntArray]:
    """The known hospitals in the order of the alphabet, and the number of each encounter's; their count for None."""
    known = sorted({name for name in hospitals if name is not None})
    number = {name: i for i, name in enumerate(known)}
    place = [len(known) if name is None else number[name] for name in hospitals]
    return tuple(known), np.array(place, dtype=np.int64)


def _spread(lists: Lists, chosen: BoolArray) -> FloatArray:
    """Standard deviation of each column within encounters over the `chosen` rows, shape (m,); 0 for constant ones."""
    values = lists.values[chosen].astype(np.float64)
    if not len(values):
        return np.zeros(values.shape[1])
    first = np.flatnonzero(np.diff(lists.encounter[chosen], prepend=-1))
    length = np.diff(np.append(first, len(values)))
    mean = np.add.reduceat(values, first, axis=0) / length[:, None]
    greatest = np.abs(values).max(axis=0)
    values -= np.repeat(mean, length, axis=0)
    found: FloatArray = np.sqrt(np.einsum("nm,nm->m", values, values) / len(values))
    found[found <= _CONSTANT * greatest] = 0.0
    return found


def _seen_by_the_layer(lists: Lists, chosen: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Mean of each column over the `chosen` rows and one over its standard deviation, 0 where it is constant."""
    values = lists.values[chosen]
    centre: FloatArray = values.mean(axis=0, dtype=np.float64)
    spread: FloatArray = values.std(axis=0, dtype=np.float64)
    varies = spread > _CONSTANT * np.abs(values).max(axis=0)
    return centre, np.divide(1.0, spread, out=np.zeros_like(spread), where=varies)


def _fingerprint(lists: Lists) -> str:
    """A hash of the lists: two fittings on the same data have the same."""
    digest = hashlib.sha256(repr((lists.names, lists.hospitals)).encode())
    for held in (
        lists.values,
        lists.start_principal,
        lists.start_order,
        lists.habits,
        lists.encounter,
        lists.candidate,
        lists.ordered,
        lists.place,
    ):
        digest.update(np.ascontiguousarray(held).tobytes())
    return digest.hexdigest()
