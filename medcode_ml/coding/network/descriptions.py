"""What a code says of itself: title, inclusion terms and the titles above, as words; and the nodes it hangs under."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.network.vocabulary import text_words

#: Where a word of a description comes from; 0 is padding.
OWN, INCLUSION, ABOVE = 1, 2, 3
_MOST_INCLUSION, _MOST_ABOVE = 12, 12


@lru_cache(maxsize=100_000)
def described(code: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Words of the description of `code` and where each comes from (OWN, INCLUSION, ABOVE); never empty.

    A code the tabular list does not name is described by its nearest ancestors and by its own characters.
    """
    table = tabular()
    words: dict[str, int] = {}
    title = table.title(code)
    # a code without a title still differs from its brothers
    for word in text_words(title) if title else [code.lower()]:
        words.setdefault(word, OWN)
    terms = (word for term in table.inclusion_terms(code) for word in text_words(term))
    _add(words, terms, INCLUSION, _MOST_INCLUSION)
    above = (word for node in table.ancestors(code) for word in text_words(table.title(node) or ""))
    _add(words, above, ABOVE, _MOST_ABOVE)
    return tuple(words), tuple(words.values())


def _add(words: dict[str, int], more: Iterable[str], source: int, most: int) -> None:
    limit = len(words) + most
    for word in more:
        if len(words) >= limit:
            return
        words.setdefault(word, source)


def lineage(code: str) -> tuple[str, ...]:
    """The nodes whose learned vectors `code` shares: chapter letter, category, each longer prefix, the code itself."""
    nodes = [code[:1], *(code[:n] for n in range(3, len(code) + 1) if code[n - 1] != ".")]
    return tuple(dict.fromkeys(nodes))


@lru_cache(maxsize=1)
def all_terms() -> tuple[tuple[str, ...], ...]:
    """Words of every title and inclusion term of the tabular list: text to learn words from."""
    return tuple(tuple(text_words(str(term))) for term in tabular().terms()["term"])
