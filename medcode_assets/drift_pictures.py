"""The page of the drift asset: performance with its limits, the heat map of p-values, inputs by day, exemplars."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from medcode_assets.pictures import markdown_table, png_picture
from medcode_ml.drift.report import INPUTS, PERFORMANCE_OF, DriftReport

_MOST_METRICS = 28


def drift_page(reports: Sequence[DriftReport]) -> str:
    """Markdown with inline pictures, a part for each kind of model; ids of documents, metrics and public words only."""
    if not reports:
        return "No day was evaluated yet: a reference is made of the first days a version works on."
    # the alarms of every kind stand in each report
    return "\n\n".join([_alarms(reports[0]), *(part for report in reports for part in _parts(report))])


def _parts(report: DriftReport) -> list[str]:
    parts = [f"### Drift of the {report.kind} model up to {report.last_day}"]
    for estimated, realised, title in PERFORMANCE_OF[report.kind]:
        if report.performance["metric"].isin([estimated, realised]).any():
            parts.append(png_picture(f"{title} by day", performance_picture(report, estimated, realised, title)))
    if len(report.inputs):
        parts.append(png_picture("unknown words and page confidence by day", inputs_picture(report)))
    if len(report.heat):
        parts.append(png_picture("adjusted p-values by hospital and metric", heat_picture(report)))
    if report.exemplars:
        parts.append("Documents most typical of the last three days: " + ", ".join(f"`{d}`" for d in report.exemplars))
        parts.append(markdown_table(("word that tells them", "weight"), list(report.words)))
    return parts


def _alarms(report: DriftReport) -> str:
    if report.alarms.empty:
        return "No alarm stands."
    columns = ["day", "kind", "version", "hospital_id", "reason"]
    return "**Alarms that stand**\n\n" + markdown_table(columns, list(report.alarms[columns].itertuples(index=False)))


def performance_picture(report: DriftReport, estimated: str, realised: str, title: str) -> bytes:
    """The estimated figure with its 95% interval, the realised one, and the limits: reference and 3 standard errors."""
    figure, axes = _figure(3.2)
    rows = report.performance
    worse = 1 if "wape" in estimated else -1
    for metric, color, label in ((estimated, "#3b6ea5", "estimated"), (realised, "#c0532f", "realised")):
        own = rows[rows["metric"] == metric]
        if own.empty:
            continue
        days, value = own["received_date"].to_list(), own["value"].astype(float).to_numpy()
        axes.plot(days, value, color=color, marker="o", markersize=3, linewidth=1.2, label=label)
        low, high = (own[c].astype(float).to_numpy() for c in ("low", "high"))
        axes.fill_between(days, low, high, color=color, alpha=0.15, linewidth=0)
        flagged = own["alarm"].astype(bool).to_numpy()
        axes.scatter(np.array(days)[flagged], value[flagged], s=60, facecolors="none", edgecolors="black", zorder=3)
        # the limits are those of what there is on every day; of the guidelines nothing can be estimated
        if metric == estimated or not (rows["metric"] == estimated).any():
            centre = own["reference_value"].astype(float).to_numpy()
            error = (high - low) / (2 * 1.96)
            axes.plot(days, centre, color="#555555", linewidth=0.9, label="reference")
            axes.plot(days, centre + worse * 3 * error, color="#555555", linewidth=0.9, linestyle=":", label="limit")
    _by_day(axes)
    axes.set_title(f"{title} by received day, 95% intervals; circled: alarm", fontsize=10, loc="left")
    axes.legend(fontsize=8, frameon=False, ncols=4)
    return _drawn(figure)


def inputs_picture(report: DriftReport) -> bytes:
    """Share of unknown words and confidence of read pages by day, with those of the reference."""
    figure, axes = _figure(2.8)
    rows = report.inputs
    sides = [(axes, "oov_rate", "#3b6ea5"), (axes.twinx(), "page_confidence", "#5a8f4d")]
    for side, metric, color in sides:
        own = rows[rows["metric"] == metric]
        if own.empty:
            side.set_yticks([])
            continue
        days = own["received_date"].to_list()
        side.plot(days, own["value"].astype(float), color=color, marker="o", markersize=3, linewidth=1.2)
        side.plot(days, own["reference_value"].astype(float), color=color, linewidth=0.9, linestyle=":")
        side.set_ylabel(INPUTS[metric], fontsize=8, color=color)
        side.tick_params(labelsize=8)
    _by_day(axes)
    axes.set_title(
        "unknown words (share) and page confidence (0-100) by day; dotted: reference", fontsize=10, loc="left"
    )
    return _drawn(figure)


def heat_picture(report: DriftReport) -> bytes:
    """The least adjusted p-value of each hospital and metric on the last day; darker is less likely by chance."""
    grid = report.heat.pivot(index="metric", columns="hospital_id", values="p_adjusted").astype(float)
    least = grid.min(axis=1).sort_values(kind="stable").index[:_MOST_METRICS]
    told = [name for name in least if grid.loc[name].min() < 1]
    # what nothing speaks for is left out, unless nothing speaks at all
    least = told or list(least[:5])
    strength = -np.log10(grid.loc[least].clip(lower=1e-12)).to_numpy()
    figure, axes = _figure(1.2 + 0.2 * len(least))
    shown = axes.imshow(np.ma.masked_invalid(strength), aspect="auto", cmap="Blues", vmin=0, vmax=8)
    axes.set_xticks(range(grid.shape[1]), list(grid.columns), fontsize=8)
    axes.set_yticks(range(len(least)), list(least), fontsize=7)
    figure.colorbar(shown, ax=axes, label="-log10 of the adjusted p-value", pad=0.02)
    axes.set_title(f"{report.kind}: what shifted on {report.last_day}, by hospital", fontsize=10, loc="left")
    return _drawn(figure)


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, height), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _by_day(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter

    locator: Any = AutoDateLocator
    formatter: Any = DateFormatter
    axes.xaxis.set_major_locator(locator(minticks=1, maxticks=10, interval_multiples=False))
    axes.xaxis.set_major_formatter(formatter("%d %b"))
    first, last = axes.get_xlim()
    axes.set_xlim(min(first, last - 5), max(last, first + 5))


def _drawn(figure: Any) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return drawn.getvalue()
