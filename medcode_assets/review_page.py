"""The page on coders and proposals in an asset's metadata: shares, reasons, times, audits, as tables and a picture."""

from __future__ import annotations

from typing import Any

import pandas as pd

from medcode_assets.pictures import bar_chart, markdown_table
from medcode_ml.feedback.report import FeedbackReport

_SHARE = ("figure", "band", "version", "number", "of", "share", "low", "high")
_TIME = ("kind", "charts", "given_back", "median_seconds", "p90_seconds", "charts_per_hour", "by_clock")
_AUDIT = ("figure", "value", "low", "high", "number", "encounters", "notes")


def review_page(report: FeedbackReport) -> str:
    """Markdown of the figures over all hospitals and all time; empty where no chart was ever closed."""
    if report.times.empty:
        return ""
    parts = []
    for title, frame, columns in (
        ("Coders against proposals (95% intervals)", report.shares, _SHARE),
        ("Seconds a chart", report.times, _TIME),
        ("Audits: a second coder without proposals", report.audits, _AUDIT),
    ):
        own = frame[frame["hospital_id"] == "all"]
        if title.startswith("Audits"):
            own = own[own["version"] == "all"]
        if len(own):
            parts.append(f"**{title}**\n\n" + markdown_table(columns, _rows(own, columns)))
    reasons = report.reasons[report.reasons["hospital_id"] == "all"].groupby("reason")["codes"].sum()
    if len(reasons):
        bars = [(str(reason), int(codes)) for reason, codes in reasons.items()]
        parts.append(bar_chart("proposed codes rejected, by reason", bars))
    return "\n\n".join(parts)


def _rows(frame: pd.DataFrame, columns: tuple[str, ...]) -> list[list[str]]:
    return [[_shown(value) for value in row] for row in frame[list(columns)].itertuples(index=False, name=None)]


def _shown(value: Any) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
