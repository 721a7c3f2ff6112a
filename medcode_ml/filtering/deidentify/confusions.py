"""Characters that readers of pages take for one another, for looking identifiers up: the text itself stays."""

from __future__ import annotations

import re
from typing import Final

#: one character class that stands for a digit as scanners may have read it
DIGIT: Final = "[0-9OoIl|SB]"
_TO_DIGIT = str.maketrans({"O": "0", "o": "0", "Q": "0", "I": "1", "l": "1", "|": "1", "i": "1", "S": "5", "s": "5",
                           "B": "8", "Z": "2", "z": "2"})  # fmt: skip
_TO_LETTER = str.maketrans({"0": "o", "1": "l", "|": "l", "i": "l", "5": "s", "8": "b", "2": "z"})
_LOOKALIKE = {"o": "[o0]", "l": "[l1I|]", "i": "[i1lI|]", "s": "[s5]", "b": "[b8]", "m": "(?:m|rn)", "g": "[g9]"}


def folded_number(text: str) -> str:
    """Letters and digits only, look-alike letters turned into digits: "M-OO2 l4" -> "M00214"."""
    return re.sub(r"[\W_]+", "", text.translate(_TO_DIGIT)).upper()


def folded_word(text: str) -> str:
    """Letters only, lower case, look-alike digits and strokes turned into one letter each: "Ke11y" = "Kelly"."""
    low = text.lower().translate(_TO_LETTER).replace("rn", "m").replace("vv", "w")
    return re.sub(r"[\W\d_]+", "", low)


def digits_in(text: str) -> int:
    """How many real digits stand in `text`."""
    return sum(c.isdigit() for c in text)


def lookalike(word: str) -> str:
    """A regular expression of `word` with the usual misreadings, first letter any case."""
    return "".join(_LOOKALIKE.get(c.lower(), re.escape(c)) for c in word)
