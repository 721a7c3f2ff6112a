"""A window held against a reference: one row a metric, and which rows are alarms. Pure functions of sketches.

False alarms: a day may spend `daily` (settings: false alarms in 100 days / 100). Half goes to the network as a whole, a
quarter each to hospitals and to types of documents, each shared equally by the tests made there (weighted Bonferroni).
The expected number of false alarms in any 100 days is then at most 100 x `daily`, however tests, overlapping windows
and days depend on each other; procedures that win power from earlier discoveries (LORD, SAFFRON) ask for independence
that overlapping windows against one reference do not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

import numpy as np

from medcode_ml.drift.figures import (
    BY_STAY,
    CORRECTED,
    ESTIMATED,
    FACTOR_LABELS,
    FACTOR_RIGHT,
    KEPT,
    LABELS_USED,
    PERFORMANCE,
    dropped,
    figure,
    tested_figures,
)
from medcode_ml.drift.language import Language
from medcode_ml.drift.performance import Calibration
from medcode_ml.drift.sketch import Counts, Key, Moments, Sketches, Values, merged
from medcode_ml.drift.two_sample import Tested, g_test, ks, mmd
from medcode_ml.drift.units import ALL, STATE

WINDOWS: Final = (1, 3, 7)
"""Days of the windows that end on the day: a strong shift shows in one, a small hospital's in seven."""
SHARES: Final = {"network": 0.5, "hospital": 0.25, "document_type": 0.25}
LEAST_EFFECT: Final = {"ks": 0.1, "g": 0.05, "mmd": 0.0, "delong": 0.1}
"""Shifts below these matter to nobody: distance of distributions, PSI, AUC above 0.5; of a drop the figure says it."""
_FEWEST_FOR_DROP: Final = 50
_DISPERSION_DAYS, _DISPERSION_UNITS, _MOST_DISPERSION = 5, 10, 20.0
_SETTLED_DAYS: Final = 10
_CLEARLY_DISPERSED: Final = 1.5


@dataclass(frozen=True)
class Reference:
    """What days are held against.

    Attributes:
        facts: reference_id, kind, version, days, releases.
        language: of its texts, for the coding model; None else.
        calibration: of the scores.
        scales: of what is estimated, by what is estimated: realised over estimated in the reference, 1 where unknown.
        documents: (received day, document id) of a sample of its documents, one an encounter.
        sketches: of its encounters. dispersion: of its days, by the same keys; a key without one has 1.
    """

    reference_id: str
    kind: str
    version: str
    first_day: date
    last_day: date
    releases: tuple[str, ...]
    language: Language | None
    calibration: Calibration
    documents: tuple[tuple[str, str], ...]
    sketches: Sketches
    dispersion: Mapping[Key, float]
    scales: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One row of ml.drift_metric, without what all rows of a day have alike."""

    hospital_id: str
    document_type: str
    metric: str
    window_days: int
    n: int
    n_reference: int
    value: float | None = None
    reference_value: float | None = None
    low: float | None = None
    high: float | None = None
    test: str | None = None
    statistic: float | None = None
    effect: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    threshold: float | None = None
    least_effect: float | None = None
    alarm: bool = False
    notes: Mapping[str, Any] | None = None

    @property
    def level(self) -> str:
        """Which share of the day's level its test is paid from."""
        if self.document_type != ALL:
            return "document_type"
        return "network" if self.hospital_id == ALL else "hospital"


def compare(window: Sketches, reference: Reference, window_days: int, least: int) -> list[Row]:
    """Every metric of a window against the reference; groups with fewer than `least` encounters are skipped, and said.

    A metric that the reference does not hold (a new hospital, a new type of document) is skipped, and said.
    """
    found: list[Row] = []
    unheld: dict[tuple[str, str], list[str]] = {}
    largest: dict[tuple[str, str], int] = {}
    for key in sorted(window):
        hospital, kind, metric = key
        if metric in KEPT:
            continue
        sketch, held = window[key], reference.sketches.get(key)
        group = (hospital, kind)
        largest[group] = max(largest.get(group, 0), sketch.n)
        if held is None or held.n < least:
            unheld.setdefault(group, []).append(metric)
        elif sketch.n >= least:
            corrected = window.get((hospital, kind, CORRECTED)) if metric == ESTIMATED else None
            found += _rows(key, sketch, held, window_days, reference.dispersion.get(key, 1.0), corrected)
    for group, n in largest.items():
        notes: dict[str, Any] = {}
        if n < least:
            notes["skipped"] = f"{n} encounters in the window, fewer than {least}: look at longer windows or at all"
        elif group in unheld:
            notes["skipped"] = (
                f"{len(unheld[group])} metrics: the reference holds fewer than {least} encounters of them"
            )
            notes["metrics"] = unheld[group][:40]
        found.append(Row(*group, "encounters", window_days, n, 0, value=float(n), notes=notes or None))
    return found


def _rows(key: Key, sketch: Any, held: Any, days: int, dispersion: float, corrected: Any) -> list[Row]:
    metric = key[2]
    row = Row(*key, days, sketch.n, held.n)
    if metric == ESTIMATED and (share := float(sketch.sums[BY_STAY]) / sketch.n):
        row = replace(row, notes={"told_by_stays": round(share, 3)})
    if metric in PERFORMANCE:
        # a day kept by an older release has none: the window is then shown as it was estimated
        shown = sketch if corrected is None or corrected.n != sketch.n else corrected
        return _performance(row, sketch, shown, held, dispersion)
    test, tested = _tested(sketch, held, dispersion)
    if isinstance(sketch, Values):
        row = replace(row, value=sketch.mean, reference_value=held.mean)
    else:
        row = replace(row, value=tested.effect)
    return [_with(row, test, tested, LEAST_EFFECT[test])]


def _tested(sketch: Any, held: Any, dispersion: float) -> tuple[str, Tested]:
    if isinstance(sketch, Values):
        return "ks", ks(sketch, held, dispersion)
    if isinstance(sketch, Counts):
        return "g", g_test(sketch, held, dispersion)
    return "mmd", mmd(sketch, held, dispersion)


def _performance(row: Row, sketch: Moments, shown: Moments, held: Moments, dispersion: float) -> list[Row]:
    """Rows of the figures `shown`; what is tested for a drop is `sketch`, which no label of other days has moved."""
    found = []
    for one in PERFORMANCE[row.metric]:
        value, error = figure(shown, one)
        if not np.isfinite(value):
            continue
        before, _ = figure(held, one)
        notes = row.notes
        if shown is not sketch:
            notes = {**(row.notes or {}), **_corrected_by(shown), "uncorrected": round(figure(sketch, one)[0], 4)}
        own = replace(
            row, metric=f"{row.metric}_{one.name}", value=value, reference_value=before,
            low=max(0.0, value - 1.96 * error), high=min(one.most, value + 1.96 * error), notes=notes,
        )  # fmt: skip
        if one.least is not None and sketch.n >= _FEWEST_FOR_DROP:
            own = _with(own, "drop", dropped(sketch, held, one, dispersion), one.least)
        found.append(own)
    return found


def _corrected_by(shown: Moments) -> dict[str, float]:
    """Labelled encounters that the days of a window were corrected by, a day, and the mean factors."""
    mean = shown.sums / shown.n
    return {
        "corrected_by": round(float(mean[LABELS_USED])),
        "factor_right": round(float(mean[FACTOR_RIGHT]), 4),
        "factor_labels": round(float(mean[FACTOR_LABELS]), 4),
    }


def _with(row: Row, test: str, tested: Tested, least: float) -> Row:
    if not np.isfinite(tested.statistic):
        return row
    return replace(
        row, test=test, statistic=tested.statistic, effect=tested.effect, p_value=tested.p_value,
        least_effect=least,
    )  # fmt: skip


def with_alarms(rows: Sequence[Row], daily: float) -> list[Row]:
    """All rows of one day with adjusted p-values and alarms; `daily` is the chance of a false alarm a day may have.

    Rows of every window and kind of model are to be given together.
    """
    made = {level: sum(r.p_value is not None and r.level == level for r in rows) for level in SHARES}
    found = []
    for row in rows:
        if row.p_value is None:
            found.append(row)
            continue
        adjusted = min(1.0, row.p_value * made[row.level] / SHARES[row.level])
        large = row.effect is not None and row.least_effect is not None and row.effect >= row.least_effect
        found.append(replace(row, p_adjusted=adjusted, threshold=daily, alarm=adjusted <= daily and large))
    return found


def dispersions(days: Sequence[Sketches], before: Mapping[Key, float] | None = None) -> dict[Key, float]:
    """By how much the days of a reference differ from each other more than encounters drawn at random would.

    Each day is tested against the other days; the mean strength, 1 where days are alike, is what later tests are
    divided by. Keys of a hospital's type of document, which have few encounters, take that of the type.

    Args:
        days: sketches of the days. before: the same of the reference of the version before. How days differ lies in the
            hospitals more than in the model: where there are fewer than 10 days to tell it, it is at least that.
    """
    found: dict[Key, float] = {}
    keys = sorted({key for day in days for key in day})
    for key in keys:
        hospital, kind, metric = key
        if hospital != ALL and kind != ALL:
            continue
        own = [day[key] for day in days if key in day]
        strengths: dict[str, list[float]] = {}
        for place, sketch in enumerate(own):
            if sketch.n < _DISPERSION_UNITS or len(own) < _DISPERSION_DAYS:
                continue
            rest = merged({key: other} for n, other in enumerate(own) if n != place)[key]
            for name, tested in _all_tested(metric, sketch, rest):
                if np.isfinite(tested.statistic):
                    strengths.setdefault(name, []).append(tested.strength)
        told = [_dispersion(one) for one in strengths.values() if len(one) >= _DISPERSION_DAYS]
        if told:
            found[key] = max(told)
    for key in keys:
        if key not in found:
            found[key] = found.get((ALL, key[1], key[2]), found.get((ALL, ALL, key[2]), 1.0))
    if before and len(days) < _SETTLED_DAYS:
        return {key: max(own, before.get(key, 1.0)) for key, own in found.items()}
    return found


def _all_tested(metric: str, sketch: Any, held: Any) -> list[tuple[str, Tested]]:
    if metric in PERFORMANCE:
        return [(one.name, dropped(sketch, held, one)) for one in tested_figures(metric)]
    return [_tested(sketch, held, 1.0)]


def _dispersion(strengths: Sequence[float]) -> float:
    """The mean strength of days; where it is clearly above 1, the upper end of its 90% interval (chi-square by days).

    A day that is out of the ordinary by nature lies further out than a few days of a reference can show.
    """
    from scipy.stats import chi2

    mean, freedom = float(np.mean(strengths)), len(strengths) - 1
    if mean > _CLEARLY_DISPERSED:
        mean *= freedom / float(chi2.ppf(0.1, freedom))
    return float(np.clip(mean, 1.0, _MOST_DISPERSION))


def windows_of(days: Mapping[date, Sketches], day: date) -> Iterable[tuple[int, Sketches]]:
    """The windows that end on `day`, each put together from the days there are; one no longer than the one before it
    is left out."""
    had = 0
    for length in WINDOWS:
        own = [sketches for d, sketches in days.items() if 0 <= (day - d).days < length]
        if len(own) > had:
            had = len(own)
            yield length, merged(own) if len(own) > 1 else own[0]


def strongest(rows: Iterable[Row], most: int = 12) -> list[dict[str, Any]]:
    """The alarms of rows, strongest first, for the reasons of an alarm."""
    alarms = sorted((r for r in rows if r.alarm), key=lambda r: (r.p_adjusted or 0.0, -(r.effect or 0.0)))
    return [
        {"hospital_id": r.hospital_id, "document_type": r.document_type, "metric": r.metric,
         "window_days": r.window_days, "p_adjusted": r.p_adjusted, "effect": r.effect}
        for r in alarms[:most]
    ]  # fmt: skip


__all__ = [
    "LEAST_EFFECT", "SHARES", "STATE", "WINDOWS", "Reference", "Row", "compare", "dispersions", "strongest",
    "windows_of", "with_alarms",
]  # fmt: skip
