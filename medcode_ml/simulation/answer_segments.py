"""Segments and envelopes of insurers' answers (999, 277CA, 835), for simulated payers, benchmarks and tests.

Written from what the guides say, apart from billing's own readers and writers: one does not prove the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

GUIDES = {"999": "005010X231A1", "277": "005010X214", "835": "005010X221A1"}
FUNCTIONS = {"999": "FA", "277": "HN", "835": "HP"}
_FIRST = date(2026, 11, 20)


def isa(
    control: int, *, sender: str, receiver: str, day: date, test: bool, element: str = "*", component: str = ":"
) -> str:
    """The ISA segment without its terminator; `control` has up to nine digits."""
    parts = ["ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{sender[:15]:<15}", "ZZ", f"{receiver[:15]:<15}",
             f"{day:%y%m%d}", "0900", "^", "00501", f"{control:09d}", "0", "T" if test else "P", component]  # fmt: skip
    return element.join(parts)


def transaction(kind: str, body: Sequence[str], number: int = 1, guide: str = "") -> list[str]:
    """ST, body and SE with the right count; ST03 names the guide, but in an 835 only where one is asked for."""
    guide = guide or ("" if kind == "835" else GUIDES[kind])
    opening = f"ST*{kind}*{number:04d}" + (f"*{guide}" if guide else "")
    return [opening, *body, f"SE*{len(body) + 2}*{number:04d}"]


def header(
    function: str, guide: str, control: int, *, sender: str, receiver: str, day: date = _FIRST, test: bool = False
) -> list[str]:
    """ISA and GS."""
    return [
        isa(control, sender=sender, receiver=receiver, day=day, test=test),
        f"GS*{function}*{sender}*{receiver}*{day:%Y%m%d}*0900*{control}*X*{guide}",
    ]


def trailer(control: int, sets: int) -> list[str]:
    """GE and IEA."""
    return [f"GE*{sets}*{control}", f"IEA*1*{control:09d}"]


def as_bytes(segments: Iterable[str], ending: str = "~\n") -> bytes:
    """Segments as the bytes of a file."""
    return "".join(segment + ending for segment in segments).encode()
