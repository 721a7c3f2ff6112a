"""Tables and plots for asset metadata: counts and names only, never patient data."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

Row = Sequence[str | int | float]


def markdown_table(header: Sequence[str], rows: Sequence[Row]) -> str:
    """A markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(v) for v in row) + " |" for row in rows])


def bar_chart(title: str, rows: Sequence[Row], most: int = 15) -> str:
    """A markdown image of horizontal bars: the last value of each row, named by the others."""
    from matplotlib.figure import Figure

    shown = sorted(rows, key=lambda row: float(row[-1]), reverse=True)[:most][::-1]
    names = [" · ".join(str(v) for v in row[:-1]) for row in shown]
    figure = Figure(figsize=(7.5, 0.6 + 0.32 * len(shown)), dpi=110, layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, [float(row[-1]) for row in shown], color="#3b6ea5")
    axes.bar_label(bars, fmt="%d", padding=3, fontsize=8)
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return _picture(title, drawn.getvalue())


def picture_file(title: str, path: Path) -> str:
    """A markdown image of a PNG file."""
    return _picture(title, path.read_bytes())


def _picture(title: str, png: bytes) -> str:
    return f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"
