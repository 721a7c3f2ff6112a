"""The network in onnxruntime gives the logits of torch within 1e-4, whatever the shape of a batch."""

from __future__ import annotations

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
    learned = table(TEXTS, [5, 5, 5, 5])
    labels = np.arange(len(learned)) % 3 == 0
    p = NetworkParameters(word_size=16, size=16, hidden=16, bins=4, least_word=1, least_node=1, **request.param)
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
