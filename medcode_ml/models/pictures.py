"""Pictures of a model: risk against coverage, and said against found probabilities (PNG, by matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medcode_ml.models.calibration import Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_BLUE: Final = "#2f6690"
_RED: Final = "#b23a48"
_GREY: Final = "#8a8f98"


def risk_coverage_picture(
    path: Path,
    probabilities: ArrayLike,
    correct: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    *,
    threshold: float | None = None,
    precision: float = 0.95,
    title: str = "Risk and coverage",
    things: str = "codes",
    cover: Literal["true", "all"] = "true",
    draws: int = 200,
    seed: int = 0,
) -> None:
    """Draw, for every threshold, the share of wrong codes among those taken against the share of true codes taken.

    `things` is what is taken, in the plural; with `cover` "all" the coverage is the share of all of them, where each
    is a decision (encounters with their principal) and not a find.

    Arguments as in `bands.auto_threshold`; the shade is the 95% bootstrap interval over the groups (of the risk at
    the same coverage). `threshold` marks the certified auto band, `precision` the target.
    """
    p, right = np.asarray(probabilities, float), np.asarray(correct, bool)
    ids = np.unique(np.asarray(groups), return_inverse=True)[1]
    order = np.argsort(-p, kind="stable")
    right, ids, p = right[order], ids[order], p[order]
    grid = np.linspace(0.0, 1.0, 201)[1:]
    rng = np.random.default_rng(seed)
    count = int(ids.max(initial=0)) + 1
    drawn = np.array(
        [
            _risk_at(right, np.bincount(rng.integers(count, size=count), minlength=count)[ids], grid, cover)
            for _ in range(draws)
        ]
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    whole = f"true {things}" if cover == "true" else things
    figure, axes = _canvas(title)
    axes.fill_between(grid, low, high, color=_BLUE, alpha=0.18, linewidth=0, label="95% interval")
    axes.plot(grid, _risk_at(right, np.ones(len(p)), grid, cover), color=_BLUE, linewidth=1.8, label="risk")
    axes.axhline(1 - precision, color=_GREY, linewidth=1, linestyle="--", label=f"target {1 - precision:.0%}")
    if threshold is not None:
        taken = p >= threshold
        covered = right[taken].sum() / max(1, right.sum()) if cover == "true" else taken.mean()
        at = covered, (~right[taken]).mean() if taken.any() else 0.0
        axes.plot(*at, "o", color=_RED, markersize=7, label=f"auto band: p ≥ {threshold:.3f}")
        axes.annotate(
            f"{at[0]:.0%} of the {whole},\n{at[1]:.1%} wrong",
            at, (14, 18), textcoords="offset points", fontsize=9, color=_RED,
            arrowprops={"arrowstyle": "-", "color": _RED, "linewidth": 0.8},
        )  # fmt: skip
    axes.set_xlabel(f"coverage: share of the {whole} that are taken without a person")
    axes.set_ylabel(f"risk: share of wrong {things} among those taken")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    _save(figure, axes, path)


def reliability_picture(path: Path, measured: Reliability, *, title: str = "Said and found probabilities") -> None:
    """Draw the share of true codes against the mean probability of each bin; the larger a dot, the more codes.

    The bars are Wilson's 95% intervals of the shares, as if codes were independent.
    """
    figure, axes = _canvas(title)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="perfectly calibrated")
    low, high = _wilson(measured.found, measured.rows)
    axes.vlines(measured.said, low, high, color=_BLUE, linewidth=1.2)
    axes.plot(measured.said, measured.found, color=_BLUE, linewidth=1, alpha=0.5)
    axes.scatter(
        measured.said,
        measured.found,
        s=12 + 130 * np.sqrt(measured.rows / measured.rows.max()),
        color=_BLUE,
        zorder=3,
        label="codes in bins",
    )
    error = {f.name: f for f in measured.figures}["expected_calibration_error"]
    axes.text(0.98, 0.04, f"ECE {error.value:.4f} ({error.low:.4f} to {error.high:.4f}), {error.count:,} codes",
              ha="right", fontsize=9, transform=axes.transAxes)  # fmt: skip
    axes.set_xlabel("mean probability said")
    axes.set_ylabel("share of codes that are true")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    _save(figure, axes, path)


def _risk_at(
    right: NDArray[np.bool_], weights: NDArray[Any], grid: NDArray[np.float64], cover: Literal["true", "all"]
) -> NDArray[np.float64]:
    """The risk of the best rows that hold each share of the true codes (or of all); rows in falling probability."""
    true, rows = np.cumsum(right * weights), np.cumsum(weights)
    if not len(rows) or true[-1] == 0:
        return np.ones_like(grid)
    covered = true if cover == "true" else rows
    at = np.searchsorted(covered, grid * covered[-1] - 1e-9).clip(0, len(rows) - 1)
    risk: NDArray[np.float64] = 1.0 - true[at] / rows[at]
    return risk


def _wilson(share: NDArray[np.float64], rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    z = 1.96
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2)) / (1 + z**2 / rows)
    return centre - half, centre + half


def _canvas(title: str) -> tuple[Drawing, Axes]:
    # a Figure of its own, never pyplot: nothing global, no display needed
    from matplotlib.figure import Figure as Drawing

    figure = Drawing(figsize=(7.0, 5.0), dpi=130, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=11, loc="left")
    axes.grid(color="#e6e8eb", linewidth=0.7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _save(figure: Drawing, axes: Axes, path: Path) -> None:
    axes.legend(loc="upper left", fontsize=9, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    # without matplotlib's version and date: the same picture is the same file
    figure.savefig(path, format="png", metadata={"Software": None})
