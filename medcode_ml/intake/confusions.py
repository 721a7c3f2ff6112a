"""Characters a reader of pages mistakes for one another, folded for comparing only: the text itself stays (rule 40)."""

from __future__ import annotations

import re

_FOLD = str.maketrans({"o": "0", "q": "0", "i": "1", "l": "1", "|": "1", "!": "1", "s": "5", "b": "8", "z": "2"})


def folded(text: str) -> str:
    """Lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", text.lower())


def folded_digits(text: str) -> str:
    """`folded`, with letters that look like digits turned into them (O/0, I/1, S/5, B/8, Z/2): for numbers, dates."""
    return folded(text.lower().translate(_FOLD))
