"""Whether the parameters of a fitting have known names and values within their limits, before any data is read.

The limits themselves stand with the parameters; the error is the caller's, so that it says which fitting refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Where finite numbers may lie: `least` and `most` included, `above` and `below` not; None sets no limit."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def hold(self, value: object) -> bool:
        """Say whether `value` is a finite number within them; true and false are none."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        """The limits in words, as in "a number above 0, at most 1"."""
        said = [
            f"from {self.least:g} on" if self.least is not None else "",
            f"above {self.above:g}" if self.above is not None else "",
            f"at most {self.most:g}" if self.most is not None else "",
            f"below {self.below:g}" if self.below is not None else "",
        ]
        return ", ".join(words for words in said if words)


def check_whole(parameters: object, least: Mapping[str, int], error: type[ValueError], prefix: str = "") -> None:
    """Refuse parameters that are no whole numbers, or below the `least` of their name.

    Args:
        parameters: holds them as attributes.
        least: the least value by name.
        error: raised where one is refused.
        prefix: before their names in the message, as "network.".
    """
    for name, lowest in least.items():
        value = getattr(parameters, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise error(f"{prefix}{name} is {value!r}: choose a whole number from {lowest} on")


def check_numbers(parameters: object, limits: Mapping[str, Limits], error: type[ValueError], prefix: str = "") -> None:
    """Refuse parameters that are no numbers within the `limits` of their name; the rest as in `check_whole`."""
    for name, held in limits.items():
        value = getattr(parameters, name)
        if not held.hold(value):
            raise error(f"{prefix}{name} is {value!r}: choose a number {held}")


def check_names(given: Iterable[str], known: Iterable[str], whose: str, error: type[ValueError]) -> None:
    """Refuse names that are none of the `known` ones; `whose` parameters they are, as "the trees", is said."""
    names = sorted(known)
    if strange := sorted(set(given) - set(names)):
        told = ", ".join(map(repr, strange))
        raise error(f"there is no parameter {told} of {whose}; choose among {', '.join(names)}")
