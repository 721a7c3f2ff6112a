"""One fitting of the amount network, and its weights as numpy arrays that price without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.billing.amounts.cases import TARGETS, Floats
from medcode_ml.billing.amounts.network_parameters import NetworkParameters
from medcode_ml.billing.amounts.providers import Located
from medcode_ml.billing.amounts.rows import Rows
from medcode_ml.billing.amounts.trees import QUANTILES
from medcode_ml.models.contents import Writer, json_file, tensor_file
from medcode_ml.models.fitting import Plan, fit, run_key

if TYPE_CHECKING:
    from medcode_ml.models.folder import ModelFolder
    from medcode_ml.models.tracking import Run

_WORDS: Final = 2**13 + 1
_MOST_WORDS: Final = 16
_LIMIT: Final = 4.0
"""Standard deviations beyond which a column is taken for no further away."""
_CHUNK: Final = 65_536
_ARRAYS, _HEAD = "network.safetensors", "network.json"


@dataclass(frozen=True)
class NetworkWeights:
    """A fitted network.

    Attributes:
        arrays: weights by name, and `centre`, `scale` (k,), `spread` (2,): log dollars of one standard deviation.
        states, regions: numbered from 1 in their order; 0 is any other.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    states: Sequence[str]
    regions: Sequence[str]

    def quantiles(self, rows: Rows, located: Located) -> dict[str, Floats]:
        """Log amounts at `QUANTILES`, by target, shape (n, 3)."""
        held = self.arrays
        # the words and places of a hospital are looked up once, not for each of its cases
        by_provider = np.concatenate(
            [
                held["embeddings.1.weight"][_numbered(located.facts.state, self.states)],
                held["embeddings.2.weight"][_numbered(located.facts.region, self.regions)],
                held["words.weight"][_words(located)].sum(axis=1),
            ],
            axis=1,
        )
        found = np.zeros((len(rows.drg), len(TARGETS), len(QUANTILES)))
        for first in range(0, len(rows.drg), _CHUNK):
            some = slice(first, first + _CHUNK)
            inner = np.concatenate(
                [
                    _seen(rows.values[some], held["centre"], held["scale"]),
                    held["embeddings.0.weight"][rows.drg[some] + 1],
                    by_provider[rows.provider[some]],
                ],
                axis=1,
            )
            for layer in ("first", "second"):
                inner = np.maximum(inner @ held[f"{layer}.weight"].T + held[f"{layer}.bias"], 0.0)
            raw = (inner @ held["out.weight"].T + held["out.bias"]).reshape(-1, len(TARGETS), len(QUANTILES))
            middle = raw[..., 1]
            low, high = (np.logaddexp(0.0, raw[..., i] + 1.2) for i in (0, 2))
            found[some] = np.stack([middle - low, middle, middle + high], axis=2)
        return {
            target: rows.base[target][:, None] + found[:, i] * float(held["spread"][i])
            for i, target in enumerate(TARGETS)
        }

    def files(self) -> dict[str, Writer]:
        """The files of a model folder that hold it."""
        return {
            _ARRAYS: tensor_file(self.arrays),
            _HEAD: json_file({"states": list(self.states), "regions": list(self.regions)}),
        }

    @staticmethod
    def read(folder: ModelFolder) -> NetworkWeights:
        """The network of a model folder."""
        head = folder.value(_HEAD)
        return NetworkWeights(folder.tensors(_ARRAYS), tuple(head["states"]), tuple(head["regions"]))


def fit_network(
    rows: Rows,
    located: Located,
    drgs: int,
    log_amounts: Mapping[str, Floats],
    p: NetworkParameters,
    seed: int,
    progress: bool = False,
    run: Run | None = None,
    checkpoints: Path | None = None,
) -> NetworkWeights:
    """Fit the network on cases whose amounts are known.

    Args:
        rows, located: the cases and their hospitals. drgs: how many the basis knows.
        log_amounts: by target, shape (n,).
        p, seed: the choices. progress: show a bar. run: the tracking run that gets the loss of every pass.
        checkpoints: folder where the state is kept after every pass, and an interrupted fitting taken up again.
    """
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from medcode_ml.billing.amounts.network import AmountModule, AmountNetwork

    states, regions = (tuple(sorted(set(v) - {""})) for v in (located.facts.state, located.facts.region))
    of_rows, deviation = _mean_and_deviation(rows.values)
    scale = np.where(deviation > 1e-6, 1.0 / np.maximum(deviation, 1e-6), 0.0)
    left = np.column_stack([log_amounts[target] - rows.base[target] for target in TARGETS])
    spread = np.maximum(left.std(axis=0), 1e-3)
    seen = _seen(rows.values, of_rows, scale).astype(np.float32)
    kinds = np.column_stack(
        [
            rows.drg + 1,
            _numbered(located.facts.state, states)[rows.provider],
            _numbered(located.facts.region, regions)[rows.provider],
        ]
    )
    words = _words(located)[rows.provider]
    wanted = (left / spread).astype(np.float32)
    arrays = [torch.from_numpy(np.ascontiguousarray(a)) for a in (seen, kinds, words, wanted)]
    data = TensorDataset(*arrays)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = AmountNetwork(seen.shape[1], (drgs + 1, len(states) + 1, len(regions) + 1), _WORDS, p)
        batches = -(-len(data) // p.batch)
        sampler = torch.utils.data.BatchSampler(torch.utils.data.RandomSampler(data), p.batch, drop_last=False)
        # whole batches are taken out of the tensors at once: a loader that gathers single cases is ten times slower
        loader = DataLoader(data, sampler=sampler, batch_size=None)
        key = ""
        if checkpoints is not None:
            digest = hashlib.sha256(b"".join(a.tobytes() for a in (seen, kinds, words, wanted))).hexdigest()
            key = run_key("amounts", p.facts(), seed, digest)
        fit(
            AmountModule(network, p, batches * p.epochs),
            loader,
            plan=Plan(p.epochs, seed),
            folder=checkpoints,
            key=key,
            run=run,
            progress=progress,
        )
    held = {name: value.detach().numpy().astype(np.float32) for name, value in network.state_dict().items()}
    held |= {"centre": of_rows, "scale": scale, "spread": spread}
    return NetworkWeights(held, states, regions)


def _mean_and_deviation(values: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Of what is known of each column; 0 of a column of which nothing is."""
    some = ~np.isnan(values)
    count = np.maximum(some.sum(axis=0), 1)
    held = np.where(some, values, 0.0).astype(np.float64)
    mean = held.sum(axis=0) / count
    return mean, np.sqrt((np.where(some, held - mean, 0.0) ** 2).sum(axis=0) / count)


def _seen(values: npt.NDArray[np.float32], centre: Floats, scale: Floats) -> Floats:
    """Columns in standard deviations from their means, within `_LIMIT`; 0 where not known."""
    found: Floats = np.clip(np.nan_to_num((values - centre) * scale), -_LIMIT, _LIMIT)
    return found


def _numbered(texts: npt.NDArray[np.object_], known: Sequence[str]) -> npt.NDArray[np.int64]:
    number = {text: place for place, text in enumerate(known, start=1)}
    return np.array([number.get(text, 0) for text in texts], dtype=np.int64)


def _words(located: Located) -> npt.NDArray[np.int64]:
    """Hashed words and pairs of words of each name, from 1; padded by 0, shape (p, _MOST_WORDS)."""
    found = np.zeros((len(located), _MOST_WORDS), dtype=np.int64)
    words = located.words
    for row in range(len(located)):
        # words that stand in one name only have no weight: they teach nothing of another hospital
        own = words.indices[words.indptr[row] : words.indptr[row + 1]]
        weighed = words.data[words.indptr[row] : words.indptr[row + 1]] > 0
        some = np.sort(own[weighed])[:_MOST_WORDS]
        found[row, : len(some)] = some + 1
    return found
