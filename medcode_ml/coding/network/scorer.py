"""A trained network with all it needs to score: fit it, score with it, see where it looked, take it to a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from medcode_ml.coding.network.data import CandidateTable, LengthBuckets, NoteBatch, Notes
from medcode_ml.coding.network.descriptions import all_terms, described
from medcode_ml.coding.network.features import feature_edges, padded_edges
from medcode_ml.coding.network.labels import CodeBook
from medcode_ml.coding.network.network import CandidateNetwork
from medcode_ml.coding.network.parameters import NetworkParameters
from medcode_ml.coding.network.tokenizer import Tokenizer, WordTokenizer
from medcode_ml.coding.network.transformer import ChunkedTransformerEncoder, LocalTransformer, PieceTokenizer
from medcode_ml.coding.network.vocabulary import Vocabulary, note_tokens
from medcode_ml.coding.network.wordvectors import gram_vectors, word_vectors

if TYPE_CHECKING:
    from medcode_ml.coding.network.exported import ExportedNetwork
    from medcode_ml.models.tracking import Run

_MOST_CACHED = 100_000
_LABELS_AT_ONCE = 4096
_NOTES_AT_ONCE, _TOKENS_AT_ONCE = 16, 16384


class NetworkScorer:
    """Scores candidates of notes with a network."""

    def __init__(
        self,
        network: CandidateNetwork,
        vocabulary: Vocabulary,
        book: CodeBook,
        transformer: LocalTransformer | None = None,
    ) -> None:
        """Score with `network`; words and nodes are those of `vocabulary` and `book`, the encoder `transformer`'s."""
        self.network = network.eval()
        self.vocabulary = vocabulary
        self.book = book
        self.transformer = transformer
        self.tokenizer: Tokenizer = PieceTokenizer(transformer.tokenizer) if transformer else WordTokenizer(vocabulary)
        self.onnx: ExportedNetwork | None = None
        self._lock = Lock()
        self._rows: dict[str, int] = {}
        self._vectors = torch.empty(0, network.parameters_used.size)

    @staticmethod
    def fit(
        texts: Sequence[str],
        table: CandidateTable,
        labels: npt.NDArray[np.bool_],
        valid: tuple[Sequence[str], CandidateTable, npt.NDArray[np.bool_]] | None = None,
        *,
        parameters: NetworkParameters | None = None,
        seed: int = 0,
        progress: bool = False,
        checkpoint_folder: Path | None = None,
        run: Run | None = None,
        transformer: Path | None = None,
    ) -> NetworkScorer:
        """Train a network on the candidates of `texts`.

        Args:
            texts: the notes. table: their candidates. labels: bool (rows,), which of them are right.
            valid: the same three of other notes, for the figure shown after every pass; nothing is chosen by it.
            parameters: the choices; None takes the defaults.
            seed: the same seed gives the same network on the same machine and number of threads.
            progress: show a bar.
            checkpoint_folder: where the state is kept after every pass, and an interrupted fit taken up again.
            run: the tracking run that gets the figures of every pass.
            transformer: the folder of a transformer that takes the place of the convolutional encoder.

        Raises:
            ValueError: there is nothing to learn from, or the columns do not fit together.
        """
        from medcode_ml.coding.network.training import train

        p = parameters or NetworkParameters()
        table.check(len(texts))
        if len(labels) != len(table) or not labels.any() or labels.all():
            raise ValueError(
                f"{len(table)} candidates with {int(labels.sum())} right of {len(labels)} labels: a network needs a "
                "label for every candidate, and both right and wrong ones"
            )
        local = LocalTransformer.load(transformer) if transformer else None
        scorer = NetworkScorer.untrained(texts, table, labels, p, seed, local)
        train(
            scorer,
            (texts, table, labels),
            valid,
            seed=seed,
            progress=progress,
            checkpoint_folder=checkpoint_folder,
            run=run,
        )
        return scorer

    @staticmethod
    def untrained(
        texts: Sequence[str],
        table: CandidateTable,
        labels: npt.NDArray[np.bool_],
        p: NetworkParameters,
        seed: int,
        transformer: LocalTransformer | None = None,
    ) -> NetworkScorer:
        """A scorer with vocabulary, word vectors, nodes and bins of the training data and all else at random."""
        torch.manual_seed(seed)
        notes = [note_tokens(text).words for text in texts]
        terms = all_terms()
        descriptions = [described(code)[0] for code in dict.fromkeys(table.code)]
        vocabulary = Vocabulary.of(notes, [*terms, *descriptions], least=p.least_word)
        book = CodeBook.of(vocabulary, table.code[labels], least=p.least_node, prior=p.node_prior)
        edges = torch.from_numpy(feature_edges(table.features, labels, p.bins))
        network = CandidateNetwork(
            p, words=len(vocabulary), nodes=len(book.nodes), edges=edges, encoder=_encoder(transformer)
        )
        if p.use_text:
            vectors = word_vectors(vocabulary, [*notes, *terms], p.word_size, seed)
            with torch.no_grad():
                network.embedding.word.weight.zero_()[:, : vectors.shape[1]] = torch.from_numpy(vectors)
                spelled = torch.from_numpy(gram_vectors(vocabulary, vectors))
                network.embedding.gram.weight.zero_()[:, : vectors.shape[1]] = spelled
        return NetworkScorer(network, vocabulary, book, transformer)

    def scores(self, texts: Sequence[str], table: CandidateTable) -> npt.NDArray[np.float32]:
        """Logits of the candidates of `table`, float32 (rows,); neither their order nor the batch changes them."""
        out = np.zeros(len(table), dtype=np.float32)
        notes = self.notes(texts, table)
        with torch.inference_mode():
            for chosen in LengthBuckets(notes, most_tokens=_TOKENS_AT_ONCE, most_notes=_NOTES_AT_ONCE):
                batch = notes[chosen].to(self.device)
                labels = self._label_vectors(notes, batch)
                if self.onnx is not None and labels is not None:
                    out[batch.rows.numpy()] = self.onnx.logits(batch, labels)
                    continue
                scores = self.network(batch, labels)
                out[batch.rows.cpu().numpy()] = scores.logits.mean(dim=1).float().cpu().numpy()
        return out

    def use_onnx(self, folder: Path) -> bool:
        """Score in onnxruntime from now on; the export lies in `folder`, made there where it does not yet.

        False where it stays with torch: the network has a transformer, reads no text, or stands on another device.
        """
        if self.transformer is not None or not self.network.parameters_used.use_text or self.device.type != "cpu":
            return False
        from medcode_ml.coding.network.exported import exported

        self.onnx = exported(self.network, self.tensors(), folder)
        return True

    def attention(
        self, texts: Sequence[str], table: CandidateTable, rows: npt.NDArray[np.intp]
    ) -> list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]]:
        """Where the network looks for each of `rows` (ascending): starts, ends and weights of the note's tokens.

        Offsets are characters of the text; weights sum to 1.
        """
        if not (self.network.parameters_used.use_text and self.network.parameters_used.use_attention):
            raise ValueError("this network was trained without attention; it cannot say where it looks")
        chosen_table = table.taken(rows)
        notes = self.notes(texts, chosen_table)
        found: dict[int, tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]] = {}
        with torch.inference_mode():
            for chosen in LengthBuckets(notes, most_tokens=_TOKENS_AT_ONCE, most_notes=_NOTES_AT_ONCE):
                batch = notes[chosen].to(self.device)
                labels = self._label_vectors(notes, batch)
                assert labels is not None
                weights = self.network.attention_weights(batch, labels).cpu().numpy()
                for at, row in enumerate(batch.rows.tolist()):
                    starts, ends = notes.places[int(chosen_table.note[row])]
                    found[row] = (starts, ends, weights[at, : len(starts)])
        return [found[i] for i in range(len(rows))]

    def notes(self, texts: Sequence[str], table: CandidateTable, labels: npt.NDArray[np.bool_] | None = None) -> Notes:
        """`texts` and their candidates, tokenised for this network."""
        return Notes(texts, table, labels, self.tokenizer)

    def _label_vectors(self, notes: Notes, batch: NoteBatch) -> torch.Tensor | None:
        if not self.network.parameters_used.use_text:
            return None
        codes = [notes.codes[i] for i in batch.codes.tolist()]
        with self._lock:
            if len(self._rows) > _MOST_CACHED:
                self._forget()
            missing = [code for code in codes if code not in self._rows]
            for at in range(0, len(missing), _LABELS_AT_ONCE):
                more = missing[at : at + _LABELS_AT_ONCE]
                vectors = self.network.label_vectors(self.book.batch(more).to(self.device))
                self._vectors = torch.cat([self._vectors.to(self.device), vectors])
                self._rows.update({code: i for i, code in enumerate(more, start=len(self._rows))})
            return self._vectors[[self._rows[code] for code in codes]]

    @property
    def device(self) -> torch.device:
        """Where the network stands; `network.to("cuda")` moves it."""
        return next(self.network.parameters()).device

    def forget(self) -> None:
        """Drop the label vectors kept from earlier notes, after the network has changed."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._rows.clear()
        self._vectors = torch.empty(0, self.network.parameters_used.size)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Weights and bins by name, for a safetensors file."""
        own = dict(self.network.named_parameters()) | dict(self.network.named_buffers())
        return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in own.items()}

    def facts(self) -> dict[str, Any]:
        """All else it takes to build the same scorer again, as JSON."""
        return {
            "parameters": self.network.parameters_used.facts(),
            "words": self.vocabulary.words,
            "code_book": self.book.facts(),
            "bins": self.network.reading.bins(),
            "transformer": self.transformer.facts() if self.transformer else None,
        }

    @staticmethod
    def from_tensors(tensors: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> NetworkScorer:
        """The scorer that `tensors()` and `facts()` came from.

        Raises:
            ValueError: a tensor is missing, one too many, or of another shape.
        """
        p = NetworkParameters.of(facts["parameters"])
        vocabulary = Vocabulary(facts["words"])
        book = CodeBook(vocabulary, facts["code_book"]["nodes"], facts["code_book"]["prior"])
        edges = padded_edges(facts["bins"])
        transformer = LocalTransformer.from_facts(facts["transformer"]) if facts["transformer"] else None
        network = CandidateNetwork(
            p, words=len(vocabulary), nodes=len(book.nodes), edges=edges, encoder=_encoder(transformer)
        )
        own = dict(network.named_parameters()) | dict(network.named_buffers())
        if wrong := sorted(set(own) ^ set(tensors)):
            raise ValueError(f"the network's weights do not fit its facts: {', '.join(wrong[:5])} missing or too many")
        with torch.no_grad():
            for name, tensor in own.items():
                given = torch.from_numpy(np.array(tensors[name]))
                if given.shape != tensor.shape:
                    raise ValueError(f"weight {name} has shape {tuple(given.shape)}, not {tuple(tensor.shape)}")
                tensor.copy_(given)
        return NetworkScorer(network, vocabulary, book, transformer)


def _encoder(transformer: LocalTransformer | None) -> ChunkedTransformerEncoder | None:
    return ChunkedTransformerEncoder.of(transformer) if transformer else None
