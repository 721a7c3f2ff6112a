"""A transformer of a local folder as encoder: chunks, stitching, and a clear error where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.coding.network.encoder import Encoder
from medcode_ml.coding.network.transformer import (
    ChunkedTransformerEncoder,
    LocalTransformer,
    PieceTokenizer,
    TransformerError,
    chunk_places,
)

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "fever", "cough", "no", "and", ".", "##s"]


@given(st.integers(1, 3000), st.integers(8, 510), st.integers(0, 7))
def test_chunks_keep_every_token_once(length: int, body: int, overlap: int) -> None:
    places = chunk_places(length, body, overlap)
    kept = [i for _, _, first, last in places for i in range(first, last)]
    assert kept == list(range(length))
    assert all(first <= own_first < own_last <= last <= first + body for first, last, own_first, own_last in places)


class Positions(torch.nn.Module):
    """In HuggingFace's manner, but each state is the token's number and its place in the chunk."""

    class Config:
        hidden_size = 2

    class Output:
        def __init__(self, states: torch.Tensor) -> None:
            self.last_hidden_state = states

    config = Config()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Output:
        place = torch.arange(input_ids.shape[1]).expand_as(input_ids)
        return self.Output(torch.stack([input_ids, place], dim=-1) * attention_mask.unsqueeze(-1).float())


def test_states_are_stitched_from_the_chunk_where_a_token_stands_inside() -> None:
    encoder = ChunkedTransformerEncoder(Positions(), begin=101, end=102, chunk=10, overlap=4)
    numbers = torch.arange(1, 21).repeat(2, 1)
    numbers[1, 5:] = 0
    states = encoder(numbers, numbers > 0, torch.zeros(0, 1, dtype=torch.int64))
    assert states[0, :, 0].tolist() == list(range(20))
    # chunks of 8 at 0, 4, 8, 12: a token's place is counted from its chunk's [CLS]
    assert states[0, :, 1].tolist() == [1, 2, 3, 4, 5, 6, 3, 4, 5, 6, 3, 4, 5, 6, 3, 4, 5, 6, 7, 8]
    assert states[1, :5, 0].tolist() == list(range(5))
    assert (states[1, 5:] == 0).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with random weights as its users save one."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    where = tmp_path_factory.mktemp("transformer")
    pieces = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    pieces.normalizer = normalizers.Lowercase()
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=pieces, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(where)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    transformers.BertModel(config).save_pretrained(where)
    return where


def test_a_local_folder_is_read_in_chunks(folder: Path) -> None:
    local = LocalTransformer.load(folder)
    encoder = ChunkedTransformerEncoder.of(local).eval()
    assert isinstance(encoder, Encoder)
    tokenizer = PieceTokenizer(local.tokenizer)
    numbers, starts, ends = tokenizer.numbers("Fevers and cough.", {})
    assert [WORDS[n - 1] for n in numbers] == ["fever", "##s", "and", "cough", "."]
    assert (starts.tolist(), ends.tolist()) == ([0, 5, 7, 11, 16], [5, 6, 10, 16, 17])
    assert len(tokenizer.numbers("", {})[0]) == 1
    many, _, _ = tokenizer.numbers("no fever and cough . " * 20, {})
    batch = torch.zeros(2, len(many), dtype=torch.int64)
    batch[0] = torch.tensor(many)
    batch[1, : len(numbers)] = torch.tensor(numbers)
    nothing = torch.zeros(0, 1, dtype=torch.int64)
    with torch.no_grad():
        states = encoder(batch, batch > 0, nothing)
        alone = encoder(batch[1:, : len(numbers)], batch[1:, : len(numbers)] > 0, nothing)
    assert states.shape == (2, 100, 16)
    assert torch.allclose(states[1, : len(numbers)], alone[0], atol=1e-5)
    assert (states[1, len(numbers) :] == 0).all()


def test_a_network_with_a_transformer_is_saved_whole(folder: Path) -> None:
    import json

    from medcode_ml.coding.network.data import CandidateTable
    from medcode_ml.coding.network.parameters import NetworkParameters
    from medcode_ml.coding.network.scorer import NetworkScorer

    texts = ["fever and cough .", "no fever and no cough . " * 8] * 4
    rows = len(texts) * 2
    table = CandidateTable(
        np.repeat(np.arange(len(texts), dtype=np.int32), 2),
        np.array(["R50.9", "R05.9"] * len(texts), dtype=object),
        np.zeros((rows, 1), dtype=np.float32),
        np.full((rows, 1, 2), -1, dtype=np.int32),
    )
    labels = np.array([True, True, False, False] * 4)
    small = NetworkParameters(word_size=8, size=8, hidden=8, epochs=1, encoder_rate=0.02)
    scorer = NetworkScorer.fit(texts, table, labels, parameters=small, transformer=folder)
    again = NetworkScorer.from_tensors(scorer.tensors(), json.loads(json.dumps(scorer.facts())))
    assert (again.scores(texts, table) == scorer.scores(texts, table)).all()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(TransformerError, match=r"holds no config\.json"):
        LocalTransformer.load(tmp_path)
