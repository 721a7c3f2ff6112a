"""A document's tokens and the assertion triggers among them, read once for everybody who asks for the same document."""

from __future__ import annotations

from functools import lru_cache

from medcode_ml.coding.assertion import Trigger, trigger_finder
from medcode_ml.coding.tokens import Tokens, tokenize


# the ontology coder and the proposals read the same document one after the other; no more is kept of a patient's text
@lru_cache(maxsize=2)
def heard(text: str, boundaries: tuple[int, ...]) -> tuple[Tokens, list[Trigger]]:
    """Tokens of `text` and its triggers in text order; `boundaries` as in `tokenize`. Not to be changed."""
    tokens = tokenize(text, list(boundaries))
    return tokens, trigger_finder().find(tokens.low)
