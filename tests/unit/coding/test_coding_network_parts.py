"""The parts of the network: masking, precision, spans, bins, losses against values worked by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.coding.network.attention import CrossAttention, masked_softmax, span_means
from medcode_ml.coding.network.data import CandidateTable, LengthBuckets, Notes, spans_in_tokens
from medcode_ml.coding.network.descriptions import described, lineage
from medcode_ml.coding.network.embedding import WordEmbedding
from medcode_ml.coding.network.encoder import ConvolutionalEncoder, Encoder
from medcode_ml.coding.network.features import FeatureEncoding, feature_edges, padded_edges
from medcode_ml.coding.network.loss import binary_loss, listwise_loss
from medcode_ml.coding.network.tokenizer import WordTokenizer
from medcode_ml.coding.network.vocabulary import PADDING, Vocabulary, gram_buckets, gram_matrix, note_tokens
from medcode_ml.coding.network.wordvectors import gram_vectors, word_vectors


def test_no_word_has_the_number_of_padding() -> None:
    vocabulary = Vocabulary.of([["fever", "fever"], ["cough"], ["cough"]], [["sepsis"]])
    assert vocabulary.words == ["cough", "sepsis"]
    unknown: dict[str, int] = {}
    assert vocabulary.numbers(["cough", "rash", "sepsis", "hives", "rash"], unknown) == [1, 3, 2, 4, 3]
    assert list(unknown) == ["rash", "hives"]
    assert (gram_matrix(["rash", "edema"])[:, 0] != PADDING).all()
    with pytest.raises(ValueError, match="every word once"):
        Vocabulary(["a", "a"])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_every_text_has_a_token_and_tokens_lie_in_it(text: str) -> None:
    tokens = note_tokens(text)
    assert len(tokens.words) == len(tokens.starts) == len(tokens.ends) >= 1
    assert all(tokens.words)
    assert (tokens.starts >= 0).all()
    assert (tokens.ends <= len(text)).all()


def test_padding_has_no_vector_and_unknown_words_are_spelled() -> None:
    embedding = WordEmbedding(3, 4)
    spelled = torch.from_numpy(gram_matrix(["hives", "hive"]))
    vectors = embedding(torch.tensor([[0, 2, 4, 5]]), spelled)
    assert (vectors[0, 0] == 0).all()
    assert torch.equal(vectors[0, 1], embedding.word.weight[2])
    wanted = embedding.gram.weight[spelled[1][spelled[1] > 0]].mean(dim=0)
    assert torch.allclose(vectors[0, 3], wanted)
    assert embedding(torch.tensor([1, 0]), torch.zeros(0, 1, dtype=torch.int64)).shape == (2, 4)


def test_words_used_alike_get_like_vectors_and_so_does_their_spelling() -> None:
    lines = [
        ["fever", "chills", "x"],
        ["pyrexia", "chills", "x"],
        ["femur", "fracture", "y"],
        ["tibia", "fracture", "y"],
    ] * 5
    vocabulary = Vocabulary.of(lines, [["unused"]])
    vectors = word_vectors(vocabulary, lines, 4, seed=0)
    assert vectors.shape == (len(vocabulary) + 1, 4)
    assert (vectors[PADDING] == 0).all()
    of = {word: vectors[i] for i, word in enumerate(vocabulary.words, start=1)}
    assert (of["unused"] == 0).all()
    assert of["fever"] @ of["pyrexia"] > of["fever"] @ of["tibia"] + 1
    spelled = gram_vectors(vocabulary, vectors)
    assert (spelled[PADDING] == 0).all()
    own = spelled[list(gram_buckets("fractures"))].mean(axis=0)
    assert own @ of["fracture"] > own @ of["fever"]


def test_padding_reaches_no_token_through_the_convolutions() -> None:
    torch.manual_seed(0)
    encoder = ConvolutionalEncoder(WordEmbedding(20, 8), 16).eval()
    assert isinstance(encoder, Encoder)
    nothing = torch.zeros(0, 1, dtype=torch.int64)
    words = torch.randint(1, 20, (1, 9))
    short = encoder(words, torch.ones(1, 9, dtype=torch.bool), nothing)
    padded = torch.nn.functional.pad(words, (0, 30))
    long = encoder(padded, padded > 0, nothing)
    assert torch.allclose(long[:, :9], short, atol=1e-6)
    assert (long[:, 9:] == 0).all()


def test_attention_is_softmax_in_float32_under_bfloat16() -> None:
    torch.manual_seed(0)
    attention = CrossAttention(8, 8, 8)
    labels, states = torch.randn(2, 3, 8), torch.randn(2, 50, 8)
    mask = torch.arange(50) < torch.tensor([[50], [20]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        weights = attention.weights(labels, states, mask)
        scores = masked_softmax(torch.zeros(1, 3, dtype=torch.bfloat16), torch.tensor([[True, True, True]]))
    assert weights.dtype == torch.float32
    assert weights.sum(dim=-1).tolist() == [[pytest.approx(1.0, abs=1e-6)] * 3] * 2
    assert (weights[1, :, 20:] == 0).all()
    # a third has no exact bfloat16: 0.333984 there
    assert scores[0, 0].item() == pytest.approx(1 / 3, abs=1e-7)


def test_span_means_by_hand() -> None:
    states = torch.tensor([[[1.0], [2.0], [6.0], [0.0]], [[4.0], [5.0], [0.0], [0.0]]])
    spans = torch.tensor([[[0, 3], [1, 2]], [[0, 2], [-1, -1]]])
    means, there = span_means(states, torch.tensor([0, 1]), spans)
    assert means.squeeze(-1).tolist() == [[3.0, 2.0], [4.5, 0.0]]
    assert there.tolist() == [[True, True], [True, False]]


def test_spans_of_characters_become_spans_of_tokens() -> None:
    tokens = note_tokens("Fever of the patient, no cough.")
    assert tokens.words == ["fever", ",", "no", "cough", "."]
    spans = np.array([[[0, 5], [22, 30]], [[6, 12], [-1, -1]], [[24, 27], [5, 5]]], dtype=np.int32)
    assert spans_in_tokens(spans, tokens.starts, tokens.ends).tolist() == [
        [[0, 1], [2, 4]],
        [[1, 2], [-1, -1]],  # only words that are passed over: the token after them
        [[3, 4], [-1, -1]],
    ]


def test_features_are_cut_at_quantiles_and_silence_is_told() -> None:
    values = np.array([[0.0, 5.0, np.nan], [1.0, 5.0, np.nan], [2.0, 5.0, np.nan], [4.0, 5.0, np.nan]], np.float32)
    edges = feature_edges(values, np.array([False, True, False, True]), bins=4)
    assert not np.isfinite(edges[1:]).any()  # one value, and none at all
    encoding = FeatureEncoding(torch.from_numpy(edges))
    assert encoding.size_out == np.isfinite(edges[0]).sum() - 1 + 3
    given = torch.tensor([[-9.0, 5.0, np.nan], [9.0, np.nan, 1.0], [np.nan, 5.0, np.nan]])
    encoded = encoding(given)
    bins = encoding.size_out - 3
    assert encoded[0].tolist() == [0.0] * bins + [0.0, 0.0, 1.0]
    assert encoded[1].tolist() == [1.0] * bins + [0.0, 1.0, 0.0]
    assert encoded[2].tolist() == [0.0] * bins + [1.0, 0.0, 1.0]
    again = FeatureEncoding(padded_edges(encoding.bins()))
    assert torch.equal(again(given), encoded)


def test_losses_against_values_worked_by_hand() -> None:
    logits, target = torch.tensor([0.0, math.log(3.0)]), torch.tensor([1.0, 0.0])
    assert binary_loss(logits, target).item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    # focal, exponent 2: each times the squared probability of being wrong
    assert binary_loss(logits, target, focus=2.0).item() == pytest.approx(
        (0.25 * math.log(2) + 0.5625 * math.log(4)) / 2
    )
    note = torch.tensor([0, 0, 1])
    scores = torch.tensor([math.log(1.0), math.log(3.0), 7.0])
    assert listwise_loss(scores, torch.tensor([1.0, 0.0, 0.0]), note, 2).item() == pytest.approx(math.log(4))
    assert listwise_loss(scores, torch.zeros(3), note, 2).item() == 0.0


def test_codes_are_described_by_title_terms_and_ancestors() -> None:
    words, sources = described("I50.23")
    assert {"acute", "chronic", "systolic"} <= {w for w, s in zip(words, sources, strict=True) if s == 1}
    assert "circulatory" in {w for w, s in zip(words, sources, strict=True) if s == 3}
    assert described("Q99.XYZ")[0] != described("Q99.XYA")[0]
    assert lineage("I50.23") == ("I", "I50", "I50.2", "I50.23")


def test_batches_hold_every_note_once_and_keep_to_their_limits() -> None:
    texts = [" ".join(["fever"] * n) for n in range(1, 41)]
    note = np.arange(1, 40, dtype=np.int32)  # the first note has no candidate
    table = CandidateTable(
        note,
        np.array(["R50.9"] * len(note), dtype=object),
        np.zeros((len(note), 1), dtype=np.float32),
        np.full((len(note), 1, 2), -1, dtype=np.int32),
    )
    notes = Notes(texts, table, None, WordTokenizer(Vocabulary(["fever"])))
    plain = LengthBuckets(notes, most_tokens=100, most_notes=6)
    assert Counter(n for batch in plain for n in batch) == Counter(note.tolist())
    assert all(len(b) <= 6 and len(b) * max(notes.lengths[b]) <= 100 for b in plain)
    shuffled = LengthBuckets(notes, most_tokens=100, most_notes=6, seed=1)
    first = list(shuffled)
    assert len(first) == len(shuffled) == len(plain)
    assert list(shuffled) == first
    shuffled.set_epoch(1)
    assert Counter(n for batch in shuffled for n in batch) == Counter(note.tolist())
    assert list(shuffled) != first
