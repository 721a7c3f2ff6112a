"""The timeline of the coding model as a picture: performance, what was done about a change, and the auto band, by day.

Colours are told apart by people who see no red or green (Okabe and Ito), and nothing is told by colour alone.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import numpy as np

from medcode_ml.drift.timeline import ALARM, ASKED, IN_USE, REFUSED, SHADOWED, TRAINED, Event, Timeline

_BLUE, _ORANGE, _GREEN, _GREY, _INK = "#0072B2", "#D55E00", "#009E73", "#9aa0a6", "#222222"
_LANES: Final = ("in use", "alarm", "retraining", "in shadow")
_HALF: Final = timedelta(hours=12)
_SHORT: Final = 8
"""Characters of a version that are shown: the first digits of the hash of its content."""


def timeline_picture(timeline: Timeline, title: str, shift_day: date | None = None, shift: str = "") -> bytes:
    """Draw the timeline as PNG.

    Args:
        timeline: with at least one day. title: above it; says whose data it is.
        shift_day: first day of a changed world, where somebody knows it. shift: what changed.
    """
    from matplotlib.figure import Figure

    days = [_at(day) for day in timeline.days["day"]]
    figure = Figure(figsize=(10.0, 6.4), dpi=120, layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(3.0, 1.7, 1.3))
    _performance(top, timeline, days)
    _lanes(middle, timeline, days)
    _bands(bottom, timeline, days)
    for axes in (top, middle, bottom):
        _suspended(axes, timeline)
        if shift_day is not None:
            axes.axvline(
                _at(shift_day) - _HALF, color=_INK, linewidth=1.4, linestyle=(0, (5, 3)), zorder=1,
                label=f"the world changes: {shift}" if axes is top and shift else None,
            )  # fmt: skip
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(labelsize=8)
        if axes.get_legend_handles_labels()[0]:
            # above the axes, where no line or bar can run through it
            axes.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)
    bottom.set_xlim(days[0] - _HALF, days[-1] + _HALF)
    _by_day(bottom)
    bottom.set_xlabel("received day", fontsize=9)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    drawn = io.BytesIO()
    # without matplotlib's version and date: the same picture is the same file
    figure.savefig(drawn, format="png", metadata={"Software": None})
    return drawn.getvalue()


def _performance(axes: Any, timeline: Timeline, days: Sequence[datetime]) -> None:
    rows = timeline.days
    for name, color, marker, style in (("estimated", _BLUE, "s", "--"), ("realised", _ORANGE, "o", "-")):
        value, low, high = (rows[f"{name}{end}"].to_numpy(float) for end in ("", "_low", "_high"))
        if not np.isfinite(value).any():
            continue
        axes.fill_between(days, low, high, color=color, alpha=0.15, linewidth=0)
        said = "realised (coders' labels)" if name == "realised" else "estimated (without labels)"
        axes.plot(days, value, color=color, marker=marker, markersize=4, linewidth=1.4, linestyle=style, label=said)
    axes.set_ylabel("micro-F1, 95% interval", fontsize=9)
    axes.grid(axis="y", color="#e6e8eb", linewidth=0.7)
    if not axes.lines:
        axes.text(0.5, 0.5, "no day was measured yet", transform=axes.transAxes, ha="center", fontsize=9, color=_GREY)


def _lanes(axes: Any, timeline: Timeline, days: Sequence[datetime]) -> None:
    axes.set_yticks(range(len(_LANES)), list(_LANES))
    axes.set_ylim(len(_LANES) - 0.5, -0.6)
    end = days[-1] + _HALF
    used = timeline.of(IN_USE)
    for n, event in enumerate(used):
        until = _at(used[n + 1].day) - _HALF if n + 1 < len(used) else end
        _bar(axes, 0, _at(event.day) - _HALF, until, "#56B4E9" if n % 2 else "#a8d5f2", _short(event.version))
    for event in timeline.of(ALARM):
        gone = next((_at(u.day) - _HALF for u in used if u.day > event.day), end)
        _bar(axes, 1, _at(event.day), gone, "#E69F00", "", height=0.22)
        axes.plot(_at(event.day), 1, marker="^", markersize=9, color=_ORANGE, markeredgecolor=_INK, zorder=4)
    asked, trained = timeline.of(ASKED), timeline.of(TRAINED)
    for event in asked:
        axes.plot(_at(event.day), 2, marker="D", markersize=7, color="white", markeredgecolor=_INK, zorder=3)
    for event in trained:
        axes.plot(_at(event.day), 2, marker="o", markersize=5, color=_INK, zorder=4)
    _shadows(axes, timeline, end)
    marks = {"^": "alarm raised", "D": "retraining asked for", "o": "model trained", "x": "refused"}
    colors = {"^": _ORANGE, "D": "white", "o": _INK, "x": _INK}
    shown = [m for m, events in (("^", timeline.of(ALARM)), ("D", asked), ("o", trained),
                                 ("x", timeline.of(REFUSED))) if events]  # fmt: skip
    for mark in shown:
        axes.plot([], [], marker=mark, linestyle="none", color=colors[mark], markeredgecolor=_INK, label=marks[mark])


def _shadows(axes: Any, timeline: Timeline, end: datetime) -> None:
    for event in timeline.of(SHADOWED):
        over: list[Event] = [
            e
            for e in (*timeline.of(IN_USE), *timeline.of(REFUSED))
            if e.version == event.version and e.day >= event.day
        ]
        refused = bool(over) and over[0].what == REFUSED
        until = end if not over else _at(over[0].day) + (_HALF if refused else -_HALF)
        _bar(axes, 3, _at(event.day) - _HALF, until, "#CC79A7", _short(event.version))
        if refused:
            axes.plot(_at(over[0].day), 3, marker="x", markersize=8, color=_INK, markeredgewidth=2, zorder=4)


def _bar(axes: Any, lane: int, begin: datetime, end: datetime, color: str, text: str, height: float = 0.62) -> None:
    if end <= begin:
        return
    axes.broken_barh([(begin, end - begin)], (lane - height / 2, height), color=color, linewidth=0, zorder=2)
    if text and end - begin >= timedelta(days=3):  # a shorter bar has no room for it
        axes.text(
            begin + (end - begin) / 2, lane, text, ha="center", va="center", fontsize=8, color=_INK, zorder=5,
            clip_on=True,
        )  # fmt: skip


def _bands(axes: Any, timeline: Timeline, days: Sequence[datetime]) -> None:
    rows = timeline.days
    auto, held = (np.nan_to_num(rows[c].to_numpy(float)) for c in ("auto_share", "suspended_share"))
    width = timedelta(hours=19)
    axes.bar(days, auto, width=width, color=_GREEN, label="auto band")
    if held.any():
        axes.bar(
            days, held, bottom=auto, width=width, facecolor="white", edgecolor=_GREEN, hatch="////", linewidth=0.8,
            label="of the auto band, sent to review",
        )  # fmt: skip
    if not auto.any() and not held.any():
        axes.text(
            0.5, 0.5, "no code was in the auto band: too few labels to promise its precision", fontsize=9, color=_INK,
            transform=axes.transAxes, ha="center",
        )  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of codes", fontsize=9)


def _suspended(axes: Any, timeline: Timeline) -> None:
    """Shade the days on which the auto band was suspended, wholly or for some hospitals."""
    rows = timeline.days
    label: str | None = "auto band suspended"
    for day in rows.loc[rows["suspended_share"] > 0, "day"]:
        axes.axvspan(
            _at(day) - _HALF, _at(day) + _HALF, color=_GREY, alpha=0.18, linewidth=0, zorder=0,
            label=label if axes.get_subplotspec().is_first_row() else None,
        )  # fmt: skip
        label = None


def _by_day(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter

    locator: Any = AutoDateLocator
    formatter: Any = DateFormatter
    axes.xaxis.set_major_locator(locator(minticks=3, maxticks=14, interval_multiples=False))
    axes.xaxis.set_major_formatter(formatter("%d %b"))


def _short(version: str) -> str:
    return version[-_SHORT:] if "-" in version else version


def _at(day: date) -> datetime:
    return datetime.combine(day, time())
