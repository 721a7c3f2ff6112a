"""The network as a whole, on a made-up task: what a disease's mention says decides, and its features hardly do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file, save_file

from medcode_ml.coding.network.data import CandidateTable
from medcode_ml.coding.network.parameters import NetworkParameters
from medcode_ml.coding.network.scorer import NetworkScorer
from medcode_ml.coding.network.training import train

CODES = {"pneumonia": "J18.9", "asthma": "J45.909", "migraine": "G43.909", "gout": "M10.9", "anemia": "D64.9"}
FILLER = [
    "the",
    "patient",
    "was",
    "seen",
    "on",
    "ward",
    "and",
    "slept",
    "well",
    ",",
    "walked",
    "ate",
    "without",
    "help",
]
SMALL = NetworkParameters(
    word_size=32, size=32, hidden=32, epochs=12, learning_rate=5e-3, notes_a_batch=8, dropout=0.1, text_dropout=0.1
)
Task = tuple[list[str], CandidateTable, npt.NDArray[np.bool_]]


def made_up(notes: int, seed: int) -> Task:
    """Texts, candidates and labels: a disease is right where it is "known" and not where the patient "denies" it.

    The first feature agrees with the truth in 65 of 100 cases, the others are noise and often silent.
    """
    generator = np.random.default_rng(seed)
    texts, note_of, codes, features, spans, labels = [], [], [], [], [], []
    for note in range(notes):
        text = ""
        for word in generator.permutation(list(CODES)):
            filler = " ".join(generator.choice(FILLER, generator.integers(4, 12)))
            right = bool(generator.random() < 0.5)
            text += f"{filler} {'known' if right else 'denies'} {word} . "
            start = text.rindex(word)
            hint = float(generator.random() < (0.65 if right else 0.35))
            note_of.append(note)
            codes.append(CODES[word])
            features.append([hint, generator.normal(), np.nan if generator.random() < 0.3 else generator.normal()])
            spans.append([[start, start + len(word)], [-1, -1]])
            labels.append(right)
        texts.append(text)
    table = CandidateTable(
        np.array(note_of, dtype=np.int32),
        np.array(codes, dtype=object),
        np.array(features, dtype=np.float32),
        np.array(spans, dtype=np.int32),
    )
    return texts, table, np.array(labels)


def accuracy(scorer: NetworkScorer, task: Task) -> float:
    texts, table, labels = task
    return float(((scorer.scores(texts, table) > 0) == labels).mean())


@pytest.fixture(scope="module")
def learned() -> Task:
    return made_up(60, seed=1)


@pytest.fixture(scope="module")
def fresh() -> Task:
    return made_up(40, seed=2)


@pytest.fixture(scope="module")
def scorer(learned: Task) -> NetworkScorer:
    return NetworkScorer.fit(*learned, parameters=SMALL, seed=3)


def test_reads_what_the_features_do_not_say(scorer: NetworkScorer, learned: Task, fresh: Task) -> None:
    features_alone = NetworkScorer.fit(*learned, parameters=replace(SMALL, use_text=False), seed=3)
    assert accuracy(features_alone, fresh) < 0.75
    assert accuracy(scorer, fresh) > 0.9


def test_the_other_notes_of_a_batch_change_no_score(scorer: NetworkScorer, fresh: Task) -> None:
    texts, table, _ = fresh
    together = scorer.scores(texts, table)
    longer = [*texts, texts[0] * 40]
    last = np.flatnonzero(table.note == 0)
    more = CandidateTable(
        np.concatenate([table.note, np.full(len(last), len(texts), dtype=np.int32)]),
        np.concatenate([table.code, table.code[last]]),
        np.concatenate([table.features, table.features[last]]),
        np.concatenate([table.spans, table.spans[last]]),
    )
    assert scorer.scores(longer, more)[: len(table)] == pytest.approx(together, abs=1e-4)
    for note in (0, 7):
        rows = np.flatnonzero(table.note == note)
        own = table.taken(rows)
        alone = CandidateTable(np.zeros(len(rows), dtype=np.int32), own.code, own.features, own.spans)
        assert scorer.scores([texts[note]], alone) == pytest.approx(together[rows], abs=1e-4)


def test_the_order_of_candidates_changes_no_score(scorer: NetworkScorer, fresh: Task) -> None:
    texts, table, _ = fresh
    order = np.lexsort((np.random.default_rng(0).random(len(table)), table.note))
    assert scorer.scores(texts, table.taken(order)) == pytest.approx(scorer.scores(texts, table)[order], abs=1e-4)


def test_codes_and_words_never_seen_still_score(scorer: NetworkScorer) -> None:
    text = "Zzyzxitis qwrtpsyndrome, kxnown."
    features = np.zeros((3, 3), dtype=np.float32)
    spans = np.array([[[0, 9], [10, 23]]] * 3, dtype=np.int32)
    codes = np.array(["S72.001A", "Z38.00", "S72.999Q"], dtype=object)
    scores = scorer.scores([text], CandidateTable(np.zeros(3, dtype=np.int32), codes, features, spans))
    assert np.isfinite(scores).all()
    assert len(set(scores.tolist())) == 3


def test_features_enter_the_score_and_silence_is_no_number(scorer: NetworkScorer, fresh: Task) -> None:
    texts, table, _ = fresh
    scores = []
    for value in (0.0, 1.0, np.nan, np.inf):
        features = table.features.copy()
        features[:, 0] = value
        scores.append(scorer.scores(texts, replace(table, features=features)))
    assert all(np.isfinite(s).all() for s in scores)
    assert scores[1].mean() > scores[0].mean() + 0.1
    assert not np.allclose(scores[2], scores[0])


def test_empty_texts_and_notes_without_candidates(scorer: NetworkScorer, fresh: Task) -> None:
    texts, table, _ = fresh
    own = table.taken(np.flatnonzero(table.note == 3))
    lonely = CandidateTable(np.full(len(own), 1, dtype=np.int32), own.code, own.features, np.full_like(own.spans, -1))
    assert np.isfinite(scorer.scores([texts[0], "", " \n "], lonely)).all()
    assert len(scorer.scores(texts, table.taken(np.array([], dtype=np.intp)))) == 0


def test_a_folder_of_tensors_and_facts_gives_equal_scores(scorer: NetworkScorer, fresh: Task, tmp_path: Path) -> None:
    texts, table, _ = fresh
    save_file(scorer.tensors(), tmp_path / "network.safetensors")
    (tmp_path / "network.json").write_text(json.dumps(scorer.facts()), encoding="utf-8")
    facts = json.loads((tmp_path / "network.json").read_text(encoding="utf-8"))
    tensors = load_file(tmp_path / "network.safetensors")
    again = NetworkScorer.from_tensors(tensors, facts)
    assert (again.scores(texts, table) == scorer.scores(texts, table)).all()
    tensors.popitem()
    with pytest.raises(ValueError, match="do not fit"):
        NetworkScorer.from_tensors(tensors, facts)


def test_the_text_counts_as_far_as_it_is_trusted(scorer: NetworkScorer, fresh: Task) -> None:
    texts, table, _ = fresh

    def scores(trust: float, given: CandidateTable) -> npt.NDArray[np.float32]:
        facts = scorer.facts()
        facts["parameters"] |= {"text_trust": trust}
        return NetworkScorer.from_tensors(scorer.tensors(), facts).scores(texts, given)

    without, half, whole = (scores(trust, table) for trust in (0.0, 0.5, 1.0))
    assert half == pytest.approx((without + whole) / 2, abs=1e-4)
    assert np.abs(whole - without).mean() > 0.5
    # without the text nothing but the features counts: the same features, the same score
    assert np.ptp(scores(0.0, replace(table, features=np.zeros_like(table.features)))) < 1e-5


def test_a_seed_gives_the_same_network_and_another_another(learned: Task, fresh: Task) -> None:
    short = replace(SMALL, epochs=1)
    first, second, other = (
        NetworkScorer.fit(*learned, parameters=short, seed=seed).scores(*fresh[:2]) for seed in (5, 5, 6)
    )
    assert (first == second).all()
    assert not np.allclose(first, other)


def test_attention_names_places_in_the_text(scorer: NetworkScorer, fresh: Task) -> None:
    texts, table, _ = fresh
    rows = np.array([0, 6, 7])
    looked = scorer.attention(texts, table, rows)
    for row, (starts, ends, weights) in zip(rows, looked, strict=True):
        assert len(starts) == len(ends) == len(weights)
        assert weights.sum() == pytest.approx(1.0, abs=1e-5)
        assert ends.max() <= len(texts[table.note[row]])


def test_one_batch_of_training_runs_through(learned: Task, fresh: Task) -> None:
    """fast_dev_run: a batch of training and one of validation, nothing kept."""
    scorer = NetworkScorer.untrained(*learned, SMALL, seed=0)
    before = {name: tensor.copy() for name, tensor in scorer.tensors().items()}
    train(scorer, learned, fresh, seed=0, fast_dev_run=True)
    assert any((before[name] != tensor).any() for name, tensor in scorer.tensors().items())


def test_an_interrupted_fit_goes_on_from_its_checkpoint(learned: Task, fresh: Task, tmp_path: Path) -> None:
    short = replace(SMALL, epochs=2)
    begun = NetworkScorer.fit(*learned, parameters=short, seed=1, checkpoint_folder=tmp_path)
    assert list(tmp_path.rglob("*.ckpt"))
    again = NetworkScorer.fit(*learned, parameters=short, seed=1, checkpoint_folder=tmp_path)
    assert (again.scores(*fresh[:2]) == begun.scores(*fresh[:2])).all()


def test_what_cannot_be_learned_from_is_refused(learned: Task) -> None:
    texts, table, labels = learned
    with pytest.raises(ValueError, match="both right and wrong"):
        NetworkScorer.fit(texts, table, np.zeros_like(labels))
    with pytest.raises(ValueError, match="must ascend"):
        NetworkScorer.fit(texts, table.taken(np.arange(len(table))[::-1]), labels)
    with pytest.raises(ValueError, match="do not fit"):
        NetworkScorer.fit(texts, replace(table, code=table.code[:-1]), labels)
    with pytest.raises(ValueError, match="unknown network parameters depth"):
        NetworkParameters.of({"depth": 3})
