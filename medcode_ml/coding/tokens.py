"""A document as tokens with their places in the text, cut into sentences."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from medcode_ml.coding.words import ELIDED, LATERAL, TOKEN, word_set

_ABBREVIATIONS = word_set(
    """
    dr mr mrs ms vs approx dept fig no st e.g i.e etc prof jr sr
    """
)
_BULLETS = frozenset({"-", "•", "*", "·", "–", "#", "►", "o", "+"})


@dataclass(slots=True)
class Tokens:
    """Tokens of one document: parallel lists, and the first token of every sentence.

    Attributes:
        words: tokens as written. low: in lower case. starts, ends: character offsets.
        skip: the token is passed over in matching. lateral: it names a side.
        sentences: index of the first token of each sentence, ascending, 0 first.
    """

    words: list[str]
    low: list[str]
    starts: list[int]
    ends: list[int]
    skip: list[bool]
    lateral: list[bool]
    sentences: list[int]

    def sentence_of(self, token: int) -> tuple[int, int]:
        """First token and the token after the last of the sentence that `token` stands in."""
        i = bisect_right(self.sentences, token)
        start = self.sentences[i - 1]
        return start, self.sentences[i] if i < len(self.sentences) else len(self.words)


def tokenize(text: str, boundaries: list[int]) -> Tokens:
    """Tokens of `text`; a sentence also ends at each character offset of `boundaries` (ascending: section starts)."""
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in TOKEN.finditer(text):
        words.append(match[0])
        start, end = match.span()
        starts.append(start)
        ends.append(end)
    low = [w.lower() for w in words]
    skip = [w in ELIDED or w == "\n" for w in low]
    lateral = [w in LATERAL for w in low]
    return Tokens(words, low, starts, ends, skip, lateral, _sentences(text, words, low, starts, ends, boundaries))


def _sentences(
    text: str, words: list[str], low: list[str], starts: list[int], ends: list[int], boundaries: list[int]
) -> list[int]:
    found = {0}
    last = len(words) - 1
    for i, word in enumerate(words):
        if i == last:
            break
        if word == ".":
            after = words[i + 1]
            spaced = starts[i + 1] > ends[i]
            before = low[i - 1] if i else ""
            if (spaced or after[0].isupper() or after[0].isdigit()) and not (
                before in _ABBREVIATIONS or (len(before) == 1 and not before.isdigit() and not after[0].isupper())
            ):
                found.add(i + 1)
        elif word in ("!", ";") or (word == "?" and (starts[i + 1] > ends[i] and words[i + 1][0].isupper())):
            found.add(i + 1)
        elif word[0] == "\n":
            after = words[i + 1]
            if len(word) > 1 or after in _BULLETS or after[0].isupper() or after[0].isdigit():
                found.add(i + 1)
    for offset in boundaries:
        # the first token that starts at or after the boundary
        place = bisect_right(starts, offset - 1)
        if 0 < place <= last:
            found.add(place)
    return sorted(found)
