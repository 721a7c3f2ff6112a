"""Notes and their candidates as batches: tokens, spans as tokens, notes of like length together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from medcode_ml.coding.network.tokenizer import Tokenizer
from medcode_ml.coding.network.vocabulary import gram_matrix

_CHUNK = 8


@dataclass(frozen=True)
class CandidateTable:
    """Candidates of notes, a row each.

    Attributes:
        note: int (rows,), number of the note in the list of texts, ascending.
        code: object (rows,), the candidate's code.
        features: float32 (rows, columns); NaN where a channel said nothing.
        spans: int (rows, most spans, 2), characters of the candidate's mentions in the text; -1 where there is none.
    """

    note: npt.NDArray[np.int32]
    code: npt.NDArray[np.object_]
    features: npt.NDArray[np.float32]
    spans: npt.NDArray[np.int32]

    def __len__(self) -> int:
        """How many candidates there are."""
        return len(self.note)

    def check(self, notes: int) -> None:
        """Raise ValueError where the columns do not fit together or to `notes` texts."""
        rows = len(self.note)
        shapes = (self.code.shape, self.features.shape[:1], self.spans.shape[:1])
        if shapes != ((rows,),) * 3 or self.features.ndim != 2 or self.spans.ndim != 3 or self.spans.shape[2] != 2:
            raise ValueError(
                f"the candidate table's columns do not fit: note {self.note.shape}, code {self.code.shape}, "
                f"features {self.features.shape}, spans {self.spans.shape}; one row a candidate is needed"
            )
        if rows and ((np.diff(self.note) < 0).any() or self.note[0] < 0 or self.note[-1] >= notes):
            raise ValueError(f"the candidate table's note numbers must ascend and lie in 0 ... {notes - 1}")

    def taken(self, rows: npt.NDArray[np.intp]) -> CandidateTable:
        """The `rows` (ascending) alone."""
        return CandidateTable(self.note[rows], self.code[rows], self.features[rows], self.spans[rows])


@dataclass(frozen=True, slots=True)
class NoteBatch:
    """Some notes with their candidates as tensors.

    Attributes:
        numbers, mask, spelled: int64 and bool (notes, tokens), int64 (unknown words, n-grams), as `Encoder` says.
        note, place: int64 (rows,), the note in this batch and the candidate's place among the note's own.
        label: int64 (rows,), the candidate's code among `codes`.
        codes: int64 (distinct codes,), their numbers in the data set.
        features: float32 (rows, columns). spans: int64 (rows, most spans, 2), in tokens.
        target: float32 (rows,), 1 where the candidate is right; all 0 where nobody knows.
        rows: int64 (rows,), rows of the whole table.
    """

    numbers: torch.Tensor
    mask: torch.Tensor
    spelled: torch.Tensor
    note: torch.Tensor
    place: torch.Tensor
    label: torch.Tensor
    codes: torch.Tensor
    features: torch.Tensor
    spans: torch.Tensor
    target: torch.Tensor
    rows: torch.Tensor

    @property
    def width(self) -> int:
        """Most candidates of a note."""
        return int(self.place.max()) + 1

    def to(self, device: torch.device) -> NoteBatch:
        """The same on `device`."""
        return NoteBatch(*(getattr(self, name).to(device) for name in self.__slots__))


class Notes(Dataset["NoteBatch"]):
    """Tokenised notes with their candidates; a list of note numbers as index gives their batch.

    A note without a candidate has nothing to score and is in no batch.
    """

    def __init__(
        self,
        texts: Sequence[str],
        table: CandidateTable,
        targets: npt.NDArray[np.bool_] | None,
        tokenizer: Tokenizer,
    ) -> None:
        """Tokenise `texts` with `tokenizer`; without `targets` nobody knows which candidates are right."""
        table.check(len(texts))
        self.table = table
        self.targets = np.zeros(len(table), np.float32) if targets is None else targets.astype(np.float32)
        self.bounds = np.searchsorted(table.note, np.arange(len(texts) + 1))
        self.codes, self.label = _distinct(table.code)
        self.known = tokenizer.known
        unknown: dict[str, int] = {}
        self.numbers: list[npt.NDArray[np.int64]] = []
        self.places: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []
        self.spans = np.full(table.spans.shape, -1, dtype=np.int64)
        for i, text in enumerate(texts):
            numbers, starts, ends = tokenizer.numbers(text, unknown)
            self.numbers.append(np.asarray(numbers, dtype=np.int64))
            self.places.append((starts, ends))
            rows = slice(self.bounds[i], self.bounds[i + 1])
            self.spans[rows] = spans_in_tokens(table.spans[rows], starts, ends)
        self.spelling = gram_matrix(list(unknown)) if unknown else np.zeros((0, 1), dtype=np.int64)
        self.with_candidates = np.flatnonzero(np.diff(self.bounds) > 0)
        self.lengths = np.array([len(n) for n in self.numbers], dtype=np.int64)

    def __len__(self) -> int:
        """How many notes there are."""
        return len(self.numbers)

    def __getitem__(self, notes: Sequence[int]) -> NoteBatch:
        """The batch of `notes`, each with a candidate."""
        lengths = self.lengths[list(notes)]
        numbers = np.zeros((len(notes), int(lengths.max())), dtype=np.int64)
        for i, note in enumerate(notes):
            numbers[i, : lengths[i]] = self.numbers[note]
        spelled = np.zeros((0, 1), dtype=np.int64)
        beyond = numbers > self.known
        if beyond.any():
            used, again = np.unique(numbers[beyond], return_inverse=True)
            spelled = self.spelling[used - self.known - 1]
            numbers[beyond] = again + self.known + 1
        counts = np.diff(self.bounds)[list(notes)]
        rows = np.concatenate([np.arange(self.bounds[n], self.bounds[n + 1]) for n in notes])
        codes, label = np.unique(self.label[rows], return_inverse=True)
        return NoteBatch(
            torch.from_numpy(numbers),
            torch.from_numpy(np.arange(numbers.shape[1]) < lengths[:, None]),
            torch.from_numpy(spelled),
            torch.from_numpy(np.repeat(np.arange(len(notes)), counts)),
            torch.from_numpy(rows - np.repeat(self.bounds[list(notes)], counts)),
            torch.from_numpy(label),
            torch.from_numpy(codes),
            torch.from_numpy(self.table.features[rows]),
            torch.from_numpy(self.spans[rows]),
            torch.from_numpy(self.targets[rows]),
            torch.from_numpy(rows),
        )


def _distinct(codes: npt.NDArray[np.object_]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct `codes` in order of appearance, and the number of each row's code among them."""
    numbers: dict[str, int] = {}
    rows = [numbers.setdefault(code, len(numbers)) for code in codes]
    return list(numbers), np.array(rows, dtype=np.int64)


def spans_in_tokens(
    spans: npt.NDArray[np.int32], starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """Spans of characters as spans of tokens: first token and the token after the last; -1 where there is none.

    A span that holds no token (its words are passed over) becomes the token that follows it.
    """
    there = (spans[..., 0] >= 0) & (spans[..., 1] > spans[..., 0])
    first = np.minimum(np.searchsorted(ends, spans[..., 0], side="right"), len(starts) - 1)
    last = np.maximum(np.searchsorted(starts, spans[..., 1], side="left"), first + 1)
    out: npt.NDArray[np.int64] = np.where(there[..., None], np.stack([first, last], axis=-1), -1).astype(np.int64)
    return out


class LengthBuckets(Sampler[list[int]]):
    """Batches of notes of like length, so that little is padding; with a seed they are shuffled anew every pass."""

    def __init__(self, notes: Notes, *, most_tokens: int, most_notes: int, seed: int | None = None) -> None:
        """At most `most_notes` notes and `most_tokens` padded tokens a batch, but always one note."""
        self.notes = notes
        self.most_tokens, self.most_notes = most_tokens, most_notes
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The shuffle of pass `epoch` comes next; Lightning calls this, on a resumed run too."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of one pass."""
        return iter(self._batches())

    def __len__(self) -> int:
        """How many batches there are: the same in every pass, because the batches are cut from one order."""
        return len(self._cut(self._by_length(None)))

    def _by_length(self, generator: np.random.Generator | None) -> npt.NDArray[np.int64]:
        own = self.notes.with_candidates
        lengths = self.notes.lengths[own]
        # notes of the very same length change places, so that batches differ from pass to pass
        ties = np.zeros(len(own)) if generator is None else generator.random(len(own))
        order: npt.NDArray[np.int64] = own[np.lexsort((ties, lengths))]
        return order

    def _cut(self, order: npt.NDArray[np.int64]) -> list[list[int]]:
        batches: list[list[int]] = []
        current: list[int] = []
        longest = 0
        for note in order.tolist():
            length = max(longest, int(self.notes.lengths[note]))
            if current and (len(current) >= self.most_notes or length * (len(current) + 1) > self.most_tokens):
                batches.append(current)
                current, length = [], int(self.notes.lengths[note])
            current.append(note)
            longest = length
        return [*batches, current] if current else batches

    def _batches(self) -> list[list[int]]:
        if self.seed is None:
            return self._cut(self._by_length(None))
        generator = np.random.default_rng([self.seed, self.epoch])
        # neighbours in length are mixed within chunks of a few batches; the cut itself stays the same
        plain = self._cut(self._by_length(None))
        mixed: list[list[int]] = []
        for at in range(0, len(plain), _CHUNK):
            chunk = plain[at : at + _CHUNK]
            pool = generator.permutation([n for batch in chunk for n in batch]).tolist()
            for batch in chunk:
                mixed.append([pool.pop() for _ in batch])
        return [mixed[i] for i in generator.permutation(len(mixed))]
