"""Going through the segments of an 837 one by one, and reading the values in them.

Messages name the segment, its place in the file and what was expected, never a value, which may identify a patient.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal

_AMOUNT = re.compile(r"-?(\d{1,18}(\.\d{0,9})?|\.\d{1,9})", re.ASCII)
_CENT = Decimal("0.01")


class SegmentError(ValueError):
    """A segment is missing, in the wrong place, or holds a value that cannot be read."""


class Cursor:
    """The segments of a file with a place in them; elements are counted as the guides do, the name being element 0."""

    def __init__(self, segments: list[list[str]], component: str) -> None:
        self._segments, self._component = segments, component
        self.place = 0

    @property
    def name(self) -> str:
        """Name of the segment at hand; empty at the end of the file."""
        return self._segments[self.place][0] if self.place < len(self._segments) else ""

    @property
    def where(self) -> str:
        """The segment at hand, for a message."""
        name = self.name
        known = name if name.isalnum() and len(name) <= 3 else "?"
        return f"segment {self.place + 1} ({known})" if name else "the end of the file"

    def fault(self, what: str) -> SegmentError:
        """A fault at the segment at hand."""
        return SegmentError(f"{self.where}: {what}")

    def stands(self, name: str, first: str = "") -> bool:
        """True when the segment at hand has this name and, if given, this first element (or its first component)."""
        if self.name != name:
            return False
        return not first or self.element(1).split(self._component)[0] == first

    def take(self, what: str, name: str, first: str = "") -> Segment:
        """Return the segment at hand, which must be the one named, and go on.

        Raises:
            SegmentError: another one stands here.
        """
        if not self.stands(name, first):
            raise self.fault(f"{name}{'*' if first else ''}{first} is missing here ({what})")
        return self.any()

    def any(self) -> Segment:
        """Return the segment at hand, whichever it is, and go on."""
        found = Segment(self._segments[self.place], self._component, self.where)
        self.place += 1
        return found

    def element(self, number: int) -> str:
        """An element of the segment at hand; empty where it is absent."""
        elements = self._segments[self.place]
        return elements[number] if number < len(elements) else ""

    def skip_to(self, names: Collection[str]) -> None:
        """Go on to the next segment with one of the names, or the end; the segment at hand is passed."""
        self.place += 1
        while self.place < len(self._segments) and self._segments[self.place][0] not in names:
            self.place += 1


class Segment:
    """One segment with its place for messages."""

    __slots__ = ("_component", "_elements", "_where")

    def __init__(self, elements: list[str], component: str, where: str) -> None:
        self._elements, self._component, self._where = elements, component, where

    def fault(self, what: str) -> SegmentError:
        """A fault in this segment."""
        return SegmentError(f"{self._where}: {what}")

    def text(self, number: int) -> str | None:
        """An element; None where it is absent or empty."""
        value = self._elements[number] if number < len(self._elements) else ""
        return value or None

    def needed(self, number: int, what: str) -> str:
        """An element that must be there."""
        value = self.text(number)
        if value is None:
            raise self.fault(f"element {number} is empty ({what})")
        return value

    def parts(self, number: int, count: int) -> list[str]:
        """Components of an element, filled up with empty ones to `count`."""
        parts = (self.text(number) or "").split(self._component)
        if len(parts) > count:
            raise self.fault(f"element {number} has more than {count} components")
        return parts + [""] * (count - len(parts))

    def composites(self) -> list[list[str]]:
        """Every element after the name, each in its components."""
        return [element.split(self._component) for element in self._elements[1:]]

    def elements(self) -> list[str]:
        """Every element after the name."""
        return self._elements[1:]

    def amount(self, number: int, what: str) -> Decimal:
        """An amount or quantity, exactly, with at least two decimals."""
        return self.amount_of(self.needed(number, what), what)

    def amount_of(self, value: str, what: str) -> Decimal:
        """As `amount`, of a value already at hand."""
        if _AMOUNT.fullmatch(value) is None:
            raise self.fault(f"no amount ({what})")
        read = Decimal(value)
        exponent = read.as_tuple().exponent
        return read.quantize(_CENT) if isinstance(exponent, int) and exponent > -2 else read

    def units(self, number: int) -> int | Decimal:
        """Units of service: whole ones as a whole number."""
        read = self.amount(number, "units")
        return int(read) if read == int(read) else read

    def day(self, number: int, what: str) -> date:
        """A date written CCYYMMDD."""
        return self.day_of(self.needed(number, what), what)

    def day_of(self, value: str, what: str) -> date:
        """As `day`, of a value already at hand."""
        try:
            if len(value) != 8 or not (value.isascii() and value.isdigit()):
                raise ValueError
            return date(int(value[:4]), int(value[4:6]), int(value[6:]))
        except ValueError:
            raise self.fault(f"no date ({what})") from None
