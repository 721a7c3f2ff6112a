"""What a stage function answers: counts and figures of the days it worked on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class StageResult:
    """Counts and figures of one run of a stage over received days `start` to `end`, both included.

    `rows` counts rows by table; `figures` are what people look at (shares, means); `listing` is a small frame-like
    table of what the stage did, as (header, rows), without any patient data.
    """

    stage: str
    start: date
    end: date
    rows: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float | int | str] = field(default_factory=dict)
    listing: tuple[tuple[str, ...], tuple[tuple[str | int | float, ...], ...]] = ((), ())
