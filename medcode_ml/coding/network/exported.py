"""The network in onnxruntime: exported once for its weights, kept under their hash, the same logits within 1e-4."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from medcode_ml.coding.network.data import NoteBatch
from medcode_ml.coding.network.embedding import WordEmbedding
from medcode_ml.coding.network.network import CandidateNetwork
from medcode_ml.coding.network.vocabulary import PADDING

if TYPE_CHECKING:
    import onnxruntime

_LAYOUT: Final = 1
_INPUTS: Final = ("numbers", "mask", "spelled", "note", "place", "label", "features", "spans", "labels", "width")
_OUTPUT: Final = "logits"
_OPSET: Final = 18


class ExportedNetwork:
    """A session of onnxruntime with one thread; calls of several threads are safe."""

    def __init__(self, path: Path) -> None:
        """Open an exported network."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # a worker has one core; threads of its own would only fight those of the other workers
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # arenas grow to the largest batch ever seen and keep it
        options.enable_cpu_mem_arena = False
        # a plan of memory is kept for every shape ever seen, and hardly two batches have the same
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def logits(self, batch: NoteBatch, labels: torch.Tensor) -> npt.NDArray[np.float32]:
        """Logits of the candidates of `batch`, float32 (rows,), the mean of all members."""
        given = {name: getattr(batch, name).numpy() for name in _INPUTS[:-2]}
        if not len(given["spelled"]):
            given["spelled"] = np.zeros((1, given["spelled"].shape[1]), dtype=np.int64)
        given |= {"labels": labels.numpy(), "width": np.zeros(batch.width, dtype=np.int64)}
        found: npt.NDArray[np.float32] = self._session.run([_OUTPUT], given)[0]
        return found


def exported(network: CandidateNetwork, weights: Mapping[str, npt.NDArray[Any]], folder: Path) -> ExportedNetwork:
    """The exported form of `network`, made and put into `folder` where it does not lie there yet."""
    path = folder / f"{_name(network, weights)}.onnx"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
        try:
            export(network, making / path.name)
            os.replace(making / path.name, path)  # two workers may both have made it: the same file
        finally:
            for left in making.iterdir():
                left.unlink()
            making.rmdir()
    return ExportedNetwork(path)


def export(network: CandidateNetwork, path: Path) -> None:
    """Write `network`, which reads text with the convolutional encoder, as ONNX."""
    held = _Exportable(copy.deepcopy(network).eval())
    size, features = network.parameters_used.size, _columns(network)
    # two notes of 7 and 5 tokens, 5 candidates: no two sizes alike, so that none is taken for another
    example = (
        torch.ones(2, 7, dtype=torch.int64), torch.arange(7) < torch.tensor([[7], [5]]),
        torch.ones(3, 6, dtype=torch.int64), torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 1, 2, 0, 1]),
        torch.tensor([0, 1, 2, 3, 0]), torch.zeros(5, features), torch.tensor([[[0, 2]] * 8] * 5),
        torch.zeros(4, size), torch.zeros(9, dtype=torch.int64),
    )  # fmt: skip
    dims = {
        "numbers": ("notes", "tokens"), "mask": ("notes", "tokens"), "spelled": ("unknown", "grams"),
        "note": ("rows",), "place": ("rows",), "label": ("rows",), "features": ("rows",),
        "spans": ("rows", "mentions"), "labels": ("codes",), "width": ("width",),
    }  # fmt: skip
    axes = {name: dict(enumerate(own)) for name, own in dims.items()}
    with torch.inference_mode(), warnings.catch_warnings():
        # the exporter warns of negative indices (there are none) and of foldings that it leaves out
        warnings.simplefilter("ignore")
        torch.onnx.export(
            held, example, str(path), input_names=list(_INPUTS), output_names=[_OUTPUT], opset_version=_OPSET,
            dynamic_axes={**axes, _OUTPUT: {0: "rows"}}, dynamo=False,
        )  # fmt: skip


@dataclass(frozen=True)
class _Batch:
    """What the network reads of a `NoteBatch`; `width` is a size here, not a number read from the data."""

    numbers: torch.Tensor
    mask: torch.Tensor
    spelled: torch.Tensor
    note: torch.Tensor
    place: torch.Tensor
    label: torch.Tensor
    features: torch.Tensor
    spans: torch.Tensor
    width: Any


class _Exportable(nn.Module):
    def __init__(self, network: CandidateNetwork) -> None:
        super().__init__()
        embedding = _Embedding(network.embedding)
        network.embedding = network.encoder.embedding = embedding  # type: ignore[union-attr,assignment]
        self.network = network

    def forward(
        self,
        numbers: torch.Tensor,
        mask: torch.Tensor,
        spelled: torch.Tensor,
        note: torch.Tensor,
        place: torch.Tensor,
        label: torch.Tensor,
        features: torch.Tensor,
        spans: torch.Tensor,
        labels: torch.Tensor,
        width: torch.Tensor,
    ) -> torch.Tensor:
        batch: Any = _Batch(numbers, mask, spelled, note, place, label, features, spans, width.shape[0])
        out: torch.Tensor = self.network(batch, labels).logits.mean(dim=1)
        return out


class _Embedding(nn.Module):
    """`WordEmbedding` without a choice by the data: there is always a row of n-grams."""

    def __init__(self, own: WordEmbedding) -> None:
        super().__init__()
        self.known, self.size, self.word, self.gram = own.known, own.size, own.word, own.gram

    def forward(self, numbers: torch.Tensor, unknown_grams: torch.Tensor) -> torch.Tensor:
        beyond = numbers > self.known
        vectors = self.word(numbers.masked_fill(beyond, PADDING))
        count = (unknown_grams != PADDING).sum(dim=1, keepdim=True).clamp(min=1)
        spelled = self.gram(unknown_grams).sum(dim=1) / count
        own = spelled[(numbers - self.known - 1).clamp(min=0)]
        return torch.where(beyond.unsqueeze(-1), own, vectors)


def _columns(network: CandidateNetwork) -> int:
    return len(network.reading.bins())


def _name(network: CandidateNetwork, weights: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps([_LAYOUT, _OPSET, network.parameters_used.facts()], sort_keys=True).encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights[name]).tobytes())
    return digest.hexdigest()[:32]
