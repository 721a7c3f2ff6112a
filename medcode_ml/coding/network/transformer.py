"""A transformer from a folder on disk as encoder: long notes go through it in overlapping chunks.

Needs the package `transformers`; nothing is fetched from anywhere. Meant for a GPU.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CHUNK, OVERLAP = 512, 128
_SPECIAL = 2


class TransformerError(ValueError):
    """The transformer cannot be used; the message says what is missing and where."""


@dataclass(frozen=True)
class LocalTransformer:
    """Model and tokenizer of one folder."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @staticmethod
    def load(folder: Path) -> LocalTransformer:
        """Load a folder as `save_pretrained` writes it (config.json, safetensors weights, tokenizer.json).

        Raises:
            TransformerError: the package is not installed, or the folder holds no such model.
        """
        transformers = _package()
        if not (folder / "config.json").is_file():
            raise TransformerError(f"{folder} holds no config.json: give the folder of a saved transformer")
        try:
            model = transformers.AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
        except (OSError, ValueError, KeyError) as wrong:
            raise TransformerError(f"the transformer in {folder} cannot be loaded: {wrong}") from wrong
        return LocalTransformer(model, _checked(tokenizer))

    @staticmethod
    def from_facts(facts: dict[str, Any]) -> LocalTransformer:
        """The same architecture and tokenizer from `facts()`, with random weights."""
        transformers = _package()
        from tokenizers import Tokenizer

        config = transformers.AutoConfig.for_model(**facts["config"])
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer.from_str(json.dumps(facts["tokenizer"])), **facts["special_tokens"]
        )
        return LocalTransformer(transformers.AutoModel.from_config(config), _checked(tokenizer))

    def facts(self) -> dict[str, Any]:
        """Architecture and tokenizer as JSON; the weights are the network's."""
        return {
            "config": self.model.config.to_dict(),
            "tokenizer": json.loads(self.tokenizer.backend_tokenizer.to_str()),
            "special_tokens": {k: str(v) for k, v in self.tokenizer.special_tokens_map.items() if isinstance(v, str)},
        }


def _package() -> Any:
    if find_spec("transformers") is None:
        raise TransformerError(
            "a transformer encoder needs the package transformers: install it with `pip install 'medcode[transformer]'`"
        )
    import transformers

    return transformers


def _checked(tokenizer: Any) -> Any:
    if not tokenizer.is_fast:
        raise TransformerError("the transformer's tokenizer gives no character offsets: a tokenizer.json is needed")
    if tokenizer.cls_token_id is None or tokenizer.sep_token_id is None:
        raise TransformerError("the transformer's tokenizer has no tokens for begin and end ([CLS], [SEP])")
    return tokenizer


class PieceTokenizer:
    """Word pieces of a transformer, numbered from 1 because 0 is padding."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.known = len(tokenizer)

    def numbers(
        self, text: str, unknown: dict[str, int]
    ) -> tuple[Sequence[int], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """As `Tokenizer` says; a transformer has pieces for every word, so nothing is ever unknown."""
        cut = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        pieces, places = list(cut["input_ids"]), list(cut["offset_mapping"])
        if not pieces:
            pieces, places = [self._tokenizer.sep_token_id], [(0, 0)]
        offsets = np.array(places, dtype=np.int32)
        return [piece + 1 for piece in pieces], offsets[:, 0].copy(), offsets[:, 1].copy()


class ChunkedTransformerEncoder(nn.Module):
    """States of all tokens of a note from chunks of it, each token's from the chunk where it stands furthest inside."""

    def __init__(self, model: nn.Module, *, begin: int, end: int, chunk: int = CHUNK, overlap: int = OVERLAP) -> None:
        """Encode with `model`, called as HuggingFace's are; `begin` and `end` are its numbers for [CLS] and [SEP]."""
        super().__init__()
        self.model = model
        self.size_out = int(model.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self._begin, self._end = begin, end
        self._body, self._overlap = chunk - _SPECIAL, overlap

    @staticmethod
    def of(local: LocalTransformer) -> ChunkedTransformerEncoder:
        """The encoder of a loaded transformer; chunks are as long as its positions allow, 512 at most."""
        chunk = min(CHUNK, int(getattr(local.model.config, "max_position_embeddings", CHUNK)))
        begin, end = local.tokenizer.cls_token_id, local.tokenizer.sep_token_id
        return ChunkedTransformerEncoder(local.model, begin=begin, end=end, chunk=chunk, overlap=chunk // 4)

    def forward(self, numbers: torch.Tensor, mask: torch.Tensor, spelled: torch.Tensor) -> torch.Tensor:
        """As `Encoder` says."""
        cuts = [chunk_places(int(n), self._body, self._overlap) for n in mask.sum(dim=1).tolist()]
        # one row a chunk: begin, its tokens, end, padding
        rows = sum(len(own) for own in cuts)
        longest = max(last - first for own in cuts for first, last, _, _ in own)
        pieces = numbers.new_zeros(rows, longest + _SPECIAL)
        seen = torch.zeros_like(pieces)
        row = 0
        for note, own in enumerate(cuts):
            for first, last, _, _ in own:
                length = last - first
                pieces[row, 0], pieces[row, length + 1] = self._begin, self._end
                pieces[row, 1 : length + 1] = numbers[note, first:last] - 1
                seen[row, : length + 2] = 1
                row += 1
        read = self.model(input_ids=pieces, attention_mask=seen).last_hidden_state
        states = read.new_zeros(*numbers.shape, self.size_out)
        row = 0
        for note, own in enumerate(cuts):
            for first, _, kept_first, kept_last in own:
                states[note, kept_first:kept_last] = read[row, kept_first - first + 1 : kept_last - first + 1]
                row += 1
        return states


def chunk_places(length: int, body: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """Chunks of `length` tokens: first token, the token after the last, and the part whose states are kept.

    Neighbours share `overlap` tokens and each keeps its half of them; the kept parts are the whole note, once.
    """
    chunks: list[tuple[int, int]] = [(0, min(length, body))]
    while chunks[-1][1] < length:
        first = chunks[-1][1] - overlap
        chunks.append((first, min(length, first + body)))
    cuts = [0, *((after[0] + before[1]) // 2 for before, after in pairwise(chunks)), length]
    return [(first, last, cuts[i], cuts[i + 1]) for i, (first, last) in enumerate(chunks)]
