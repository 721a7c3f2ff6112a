"""What a recogniser answers, and how overlapping answers become one replacement each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: kinds of identifier, in the trade's words; what stands for one in the text is the kind in angle brackets
KINDS: Final = (
    "NAME", "DATE", "AGE", "ADDRESS", "LOCATION", "ZIP", "HOSPITAL", "PHONE", "EMAIL", "URL", "IP", "SSN", "MRN",
    "ACCOUNT", "MEMBER_ID", "LICENCE", "VEHICLE", "DEVICE", "ID",
)  # fmt: skip
#: how sure: the record's own identifiers, then labelled or well-formed ones, then what a language model believes
KNOWN, STRONG, WEAK = 3, 2, 1
_BETWEEN_NAMES = re.compile(r"(?:, ?|\.? )")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of a text that identify somebody.

    `kept` is what safe harbour lets stay: the year of a date, the first digits of a ZIP, "90+" of an age.
    """

    start: int
    end: int
    kind: str
    strength: int = STRONG
    kept: str = ""

    @property
    def replacement(self) -> str:
        """What stands in the de-identified text."""
        return f"<{self.kind} {self.kept}>" if self.kept else f"<{self.kind}>"


def merged(spans: Iterable[Span], text: str) -> list[Span]:
    """Spans in order without overlap: overlapping ones become one, called after the longest (a language
    model's belief counts only where nothing else speaks).

    Parts of one name ("Smith" ", " "John") become one span.
    """
    found: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if not found or span.start >= found[-1].end:
            if found and _one_name(found[-1], span, text):
                found[-1] = Span(found[-1].start, span.end, "NAME", max(found[-1].strength, span.strength))
            else:
                found.append(span)
            continue
        before = found[-1]
        best = max(before, span, key=lambda s: (s.strength > WEAK, s.end - s.start, s.strength))
        kept = best.kept if (best.start, best.end) == (before.start, max(before.end, span.end)) else _kept(before, span)
        found[-1] = Span(before.start, max(before.end, span.end), best.kind, best.strength, kept)
    return found


def _kept(one: Span, other: Span) -> str:
    """Two spans that overlap in part keep only what both would keep."""
    if one.kind != other.kind:
        return ""
    return one.kept if one.kept == other.kept else ""


def _one_name(before: Span, after: Span, text: str) -> bool:
    return before.kind == after.kind == "NAME" and _BETWEEN_NAMES.fullmatch(text[before.end : after.start]) is not None


def replace_spans(text: str, spans: Sequence[Span]) -> tuple[str, list[dict[str, Any]]]:
    """Return the text with each span replaced, and [{start, end, kind, new_start, new_end}] in both texts' characters.

    `spans` are in order and do not overlap.
    """
    parts: list[str] = []
    rows: list[dict[str, Any]] = []
    at = length = 0
    for span in spans:
        parts.append(text[at : span.start])
        length += span.start - at
        new = span.replacement
        parts.append(new)
        rows.append(
            {"start": span.start, "end": span.end, "kind": span.kind, "new_start": length, "new_end": length + len(new)}
        )
        length += len(new)
        at = span.end
    parts.append(text[at:])
    return "".join(parts), rows
