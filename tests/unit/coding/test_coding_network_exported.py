"""The network in onnxruntime gives the logits of torch within 1e-4, whatever the shape of a batch."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import numpy as np
import pytest

from medcode_ml.coding.network.data import CandidateTable
from medcode_ml.coding.network.parameters import NetworkParameters
from medcode_ml.coding.network.scorer import NetworkScorer

CODES = ("J18.9", "J45.909", "G43.909", "M10.9", "D64.9")
TEXTS = [
    "Pneumonia and asthma .",
    "the patient denies migraine but has gout and zzyzxqia which nobody knows " * 6,
    "Anemia .",
    "gout " * 200,
]


def table(texts: list[str], candidates: list[int]) -> CandidateTable:
    generator = np.random.default_rng(3)
    note = np.repeat(np.arange(len(texts)), candidates).astype(np.int32)
    rows = len(note)
    features = generator.normal(size=(rows, 4)).astype(np.float32)
    features[generator.random(features.shape) < 0.3] = np.nan
    spans = np.full((rows, 2, 2), -1, dtype=np.int32)
    spans[:, 0] = (0, 4)
    return CandidateTable(note, np.array([CODES[i % 5] for i in range(rows)], dtype=object), features, spans)


@pytest.fixture(scope="module", params=[{}, {"use_peers": False}, {"use_attention": False}, {"label_alone": True}])
def scorer(request: pytest.FixtureRequest) -> NetworkScorer:
    return untrained(**request.param)


def untrained(**parameters: bool) -> NetworkScorer:
    learned = table(TEXTS, [5, 5, 5, 5])
    labels = np.arange(len(learned)) % 3 == 0
    p = NetworkParameters(word_size=16, size=16, hidden=16, bins=4, least_word=1, least_node=1, **parameters)
    made = NetworkScorer.untrained(TEXTS, learned, labels, p, 0)
    for parameter in made.network.parameters():  # what starts at zero hides a wrong layer
        parameter.data += 0.1 * np.random.default_rng(1).normal()
    return made


@pytest.mark.parametrize("candidates", [[5, 5, 5, 5], [1, 0, 3, 9], [1, 0, 0, 0], [0, 0, 1, 40]])
def test_onnxruntime_scores_as_torch_does(scorer: NetworkScorer, tmp_path: Path, candidates: list[int]) -> None:
    asked = table(TEXTS, candidates)
    scorer.onnx = None
    by_torch = scorer.scores(TEXTS, asked)
    assert scorer.use_onnx(tmp_path)
    assert np.ptp(by_torch) > 0 or len(asked) == 1
    np.testing.assert_allclose(scorer.scores(TEXTS, asked), by_torch, atol=1e-4)


def test_the_export_is_made_once_for_the_same_weights(scorer: NetworkScorer, tmp_path: Path) -> None:
    scorer.use_onnx(tmp_path)
    (made,) = tmp_path.iterdir()
    stamp = made.stat().st_mtime_ns
    scorer.use_onnx(tmp_path)
    assert [p.stat().st_mtime_ns for p in tmp_path.iterdir()] == [stamp]


class _Allocated(ctypes.Structure):
    """struct mallinfo2 of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
        )
    ]  # fmt: skip


def allocated() -> int:
    """Bytes that this process holds from malloc."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        pytest.skip("the C library is not glibc 2.33 or newer")
    libc.mallinfo2.restype = _Allocated
    gc.collect()
    found = libc.mallinfo2()
    return int(found.uordblks + found.hblkhd)


def test_a_shape_never_seen_before_leaves_nothing_in_memory(tmp_path: Path) -> None:
    """onnxruntime keeps a plan for every shape of its inputs: an API of many days would grow by each batch."""
    scorer = untrained()
    scorer.use_onnx(tmp_path)
    assert scorer.onnx is not None
    session, draw = scorer.onnx._session, np.random.default_rng(0)
    columns = next(i.shape[1] for i in session.get_inputs() if i.name == "features")

    def batches(count: int) -> None:
        for _ in range(count):
            notes, tokens, rows, codes, unknown = (int(draw.integers(2, most)) for most in (16, 90, 90, 60, 40))
            given = {
                "numbers": np.ones((notes, tokens), np.int64), "mask": np.ones((notes, tokens), bool),
                "spelled": np.ones((unknown, 6), np.int64), "note": np.sort(draw.integers(0, notes, rows)),
                "place": np.arange(rows), "label": draw.integers(0, codes, rows),
                "features": np.ones((rows, columns), np.float32), "spans": np.zeros((rows, 2, 2), np.int64),
                "labels": np.ones((codes, 16), np.float32), "width": np.zeros(rows, np.int64),
            }  # fmt: skip
            session.run(None, {i.name: given[i.name] for i in session.get_inputs()})

    batches(30)
    before = allocated()
    batches(100)
    assert (allocated() - before) / 100 < 1500, "bytes a shape"
