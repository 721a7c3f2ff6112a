"""The coding model through time, read from the tables: performance by received day, and what was done about a change.

Everything is told on the axis of received days, whenever it was worked on: a day that is coded late, or again, stands
where its records do. Nothing here knows on which day a world really changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import drift, ml
from medcode_ml.drift.figures import MICRO_F1, REALISED, figure
from medcode_ml.drift.frames import CODING
from medcode_ml.drift.sketch import Moments, sketch_from_json
from medcode_ml.models.warehouse.stages import CHAMPION, RETIRED, champion_version
from medcode_ml.store.drift_alarms import ALL_HOSPITALS, RAISED, SUSPENDED
from medcode_ml.store.frames import read_frame

ALARM, ASKED, TRAINED, SHADOWED, IN_USE, REFUSED = "alarm", "asked", "trained", "shadow", "in use", "refused"
_DRAWS: Final = 20_000
_SEED: Final = 20261122
_PERFORMANCE: Final = {"estimated_micro_f1": "estimated", "realised_micro_f1": "realised"}
COLUMNS: Final = (
    "day", "version", "encounters", "auto_share", "suspended_share",
    *(f"{name}{end}" for name in _PERFORMANCE.values() for end in ("", "_low", "_high")),
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Something that was done.

    Attributes:
        day: received day it belongs to: of an alarm, the day that raised it; of a training, the last day learned from;
            of a shadow run, its first day; of a version in use, the first day it worked on.
        what: alarm, asked, trained, shadow, in use or refused (retired without ever having been in use).
        version: concerned, "" where none is yet. said: why, in words.
    """

    day: date
    what: str
    version: str
    said: str = ""


@dataclass(frozen=True)
class Timeline:
    """The coder day by day.

    Attributes:
        days: one row for each received day that was coded (`COLUMNS`): the version that coded most of it; `auto_share`
            of the accepted codes were in the auto band and `suspended_share` would have been; micro-F1 with its 95%
            interval, NaN where there is none.
        events: in the order of their days.
        counts: right, accepted, labels and so on of each day that was measured (columns of `figures.MICRO_F1`).
        champion: what is in use now, also where it has not worked on a day yet; None where it is the ontology coder.
    """

    days: pd.DataFrame
    events: tuple[Event, ...]
    counts: Mapping[date, Moments]
    champion: str | None = None

    def of(self, what: str) -> list[Event]:
        """The events of one sort."""
        return [event for event in self.events if event.what == what]

    def realised(self, days: Iterable[date]) -> Realised | None:
        """Micro-F1 of several days together; None where none of them was measured."""
        held = [self.counts[day] for day in days if day in self.counts]
        if not held:
            return None
        together = Moments.merged(held)
        value, error = figure(together, MICRO_F1)
        return Realised(value, error, together.n) if np.isfinite(value) else None


@dataclass(frozen=True)
class Realised:
    """Micro-F1 over the labelled encounters of several days, and its standard error."""

    value: float
    error: float
    encounters: int

    @property
    def low(self) -> float:
        """Lower end of the 95% interval."""
        return max(0.0, self.value - 1.96 * self.error)

    @property
    def high(self) -> float:
        """Upper end of the 95% interval."""
        return min(1.0, self.value + 1.96 * self.error)


def won_back(before: Realised, shifted: Realised, after: Realised) -> tuple[float, float, float]:
    """Share of what was lost that is there again, with its 95% interval; NaN where nothing was lost.

    The three are of different encounters and vary independently; the interval is that of the ratio of normal draws.
    """
    rng = np.random.default_rng(_SEED)
    a, b, c = (rng.normal(one.value, one.error, _DRAWS) for one in (before, shifted, after))
    lost = before.value - shifted.value
    if lost <= 0:
        return float("nan"), float("nan"), float("nan")
    drawn = np.divide(c - b, a - b, out=np.full(_DRAWS, np.nan), where=np.abs(a - b) > 1e-9)
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return (after.value - shifted.value) / lost, float(low), float(high)


def coding_timeline(source: sa.Engine, first: date = date.min, last: date = date.max) -> Timeline:
    """The timeline of the coding model over the received days `first` to `last`; queries alone."""
    with source.connect() as connection:
        days = _days(connection, first, last)
        events = [
            event
            for read in (_alarms, _trainings, _shadow_runs, _refusals)
            for event in read(connection)
            if first <= event.day <= last
        ]
        events += _works_from(days)
        return Timeline(
            days,
            tuple(sorted(events, key=_order)),
            _counts(connection, first, last),
            champion_version(connection, CODING),
        )


_ORDER: Final = (IN_USE, ALARM, ASKED, TRAINED, SHADOWED, REFUSED)


def _order(event: Event) -> tuple[date, int, str]:
    return event.day, _ORDER.index(event.what), event.version


def with_events(timeline: Timeline, more: Iterable[Event]) -> Timeline:
    """The timeline with events that its tables do not hold, such as runs that were asked for."""
    return replace(timeline, events=tuple(sorted([*timeline.events, *more], key=_order)))


def _days(connection: sa.Connection, first: date, last: date) -> pd.DataFrame:
    given = {"first": first, "last": last, "suspended": f"%{SUSPENDED}%"}
    found = read_frame(connection, sa.text(_WORKED), given)
    shares = read_frame(connection, sa.text(_SHARES), given)
    days = found.merge(shares, on="day", how="left")
    table = drift.drift_metric.c
    measured = read_frame(
        connection,
        sa.select(table.received_date.label("day"), table.metric, table.value, table.low, table.high).where(
            table.kind == CODING, table.hospital_id == ALL_HOSPITALS, table.document_type == ALL_HOSPITALS,
            table.window_days == 1, table.metric.in_(_PERFORMANCE), table.received_date.between(first, last),
        ),
    )  # fmt: skip
    for metric, name in _PERFORMANCE.items():
        own = measured[measured["metric"] == metric].set_index("day")
        for column, end in (("value", ""), ("low", "_low"), ("high", "_high")):
            days[f"{name}{end}"] = days["day"].map(own[column]).astype(float)
    for name in ("auto_share", "suspended_share"):
        days[name] = days[name].astype(float)
    return days[list(COLUMNS)]


def _counts(connection: sa.Connection, first: date, last: date) -> dict[date, Moments]:
    query = sa.text(_MEASURED)
    rows = read_frame(connection, query, {"kind": CODING, "realised": REALISED, "first": first, "last": last})
    found = {}
    for row in rows.itertuples():
        sketch = sketch_from_json(row.sketch)
        if isinstance(sketch, Moments):
            found[row.day] = sketch
    return found


def _alarms(connection: sa.Connection) -> list[Event]:
    table = drift.drift_alarm.c
    rows = read_frame(
        connection, sa.select(drift.drift_alarm).where(table.kind == CODING, table.event == RAISED).order_by(table.day)
    )
    return [Event(r.day, ALARM, r.version, r.reason) for r in rows.itertuples()]


def _trainings(connection: sa.Connection) -> list[Event]:
    table = ml.model.c
    query = sa.select(ml.model).where(table.kind == CODING, table.last_day.is_not(None)).order_by(table.trained_at)
    return [Event(r.last_day, TRAINED, r.version, r.reason or "") for r in read_frame(connection, query).itertuples()]


def _shadow_runs(connection: sa.Connection) -> list[Event]:
    return [Event(r.first, SHADOWED, r.shadow) for r in _shadow_days(connection).itertuples()]


def _refusals(connection: sa.Connection) -> list[Event]:
    """Versions retired from shadow; a version that failed its gates never got so far."""
    last = dict(_shadow_days(connection)[["shadow", "last"]].itertuples(index=False, name=None))
    table = ml.model_stage.c
    used = sa.select(table.version).where(table.kind == CODING, table.stage == CHAMPION)
    query = sa.select(ml.model_stage).where(
        table.kind == CODING, table.stage == RETIRED, table.version.not_in(used), table.version.in_(list(last))
    )
    return [Event(last[r.version], REFUSED, r.version, r.why) for r in read_frame(connection, query).itertuples()]


def _shadow_days(connection: sa.Connection) -> pd.DataFrame:
    table = ml.shadow_figure.c
    first, last = sa.func.min(table.received_date), sa.func.max(table.received_date)
    query = sa.select(table.shadow, first.label("first"), last.label("last")).where(table.kind == CODING)
    return read_frame(connection, query.group_by(table.shadow).order_by(first, table.shadow))


def _works_from(days: pd.DataFrame) -> list[Event]:
    """A version in use from the first of its days on, each time that it takes the place of another."""
    changed = days["version"] != days["version"].shift()
    return [Event(r.day, IN_USE, r.version) for r in days[changed].itertuples()]


_WORKED = """
SELECT received_date AS day, mode() WITHIN GROUP (ORDER BY model_version) AS version, count(*) AS encounters
FROM coded.encounter WHERE received_date BETWEEN :first AND :last GROUP BY 1 ORDER BY 1
"""
_SHARES = """
SELECT received_date AS day, count(*) FILTER (WHERE band = 'auto')::float / count(*) AS auto_share,
       count(*) FILTER (WHERE band = 'review' AND reason LIKE :suspended)::float / count(*) AS suspended_share
FROM coded.encounter_code WHERE accepted AND received_date BETWEEN :first AND :last GROUP BY 1
"""
#: of a day that was held against more than one reference, the newest
_MEASURED = """
SELECT DISTINCT ON (s.received_date) s.received_date AS day, s.sketch
FROM ml.drift_sketch s JOIN ml.drift_reference r USING (reference_id)
WHERE r.kind = :kind AND s.metric = :realised AND s.hospital_id = 'all' AND s.document_type = 'all'
      AND s.received_date BETWEEN :first AND :last
ORDER BY s.received_date, r.created_at DESC
"""
