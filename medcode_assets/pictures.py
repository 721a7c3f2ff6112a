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


def paired_bars(title: str, names: tuple[str, str], rows: Sequence[tuple[str, float, float]], most: int = 15) -> str:
    """A markdown image of two horizontal bars for each row, the larger rows first; `names` says what the bars are."""
    from matplotlib.figure import Figure

    shown = sorted(rows, key=lambda row: row[1], reverse=True)[:most][::-1]
    figure = Figure(figsize=(7.5, 0.9 + 0.45 * len(shown)), dpi=110, layout="constrained")
    axes = figure.subplots()
    for place, (name, color) in enumerate(zip(names, ("#b8c4d6", "#3b6ea5"), strict=True)):
        heights = [at + (0.2 if place == 0 else -0.2) for at in range(len(shown))]
        axes.barh(heights, [row[1 + place] for row in shown], height=0.38, label=name, color=color)
    axes.set_yticks(range(len(shown)), [row[0] for row in shown])
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return _picture(title, drawn.getvalue())


def picture_file(title: str, path: Path) -> str:
    """A markdown image of a PNG file."""
    return _picture(title, path.read_bytes())


def png_picture(title: str, png: bytes) -> str:
    """A markdown image of a PNG."""
    return _picture(title, png)


def _picture(title: str, png: bytes) -> str:
    return f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"
