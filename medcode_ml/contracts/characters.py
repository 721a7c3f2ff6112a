"""What a text must be for any table, hash or file to hold it: whole characters."""

from __future__ import annotations


def has_half_character(text: str) -> bool:
    """True where a text holds half of a surrogate pair: a valid escape of JSON, but no character that UTF-8 knows."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
