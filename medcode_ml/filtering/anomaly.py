"""Whether the rules fire as usual: a rule that suddenly speaks ten times as often stops the day it does so.

A share is compared with that of the days before. Chance is taken seriously: the number expected is drawn from a
beta-binomial, so that nought before and two of thirty today stop nothing, and the lines of one encounter count as one
thing, since they fail together when their stay has a wrong date.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import filtered
from medcode_ml.store.decisions import newest_decisions, released
from medcode_ml.store.frames import read_frame

HISTORY_DAYS = 28
"""Days with records that say what is usual."""
FEWEST_DAYS = 5
FEWEST_ENCOUNTERS = 100
"""Below either, nothing is usual yet and nothing stops."""
FACTOR = 10.0
"""How many times the usual share a rule must fire."""
FEWEST_FIRED = 5
"""Records, or encounters where lines are counted, that must fail before a day stops."""
CHANCE = 1e-5
"""The chance, on a usual day, of so many failures at most."""
SHAPE = 4.0
"""Failures that the days before are trusted for at most: true shares differ from day to day by half of themselves."""
_COLUMNS = ["rule", "checked", "fired", "share", "usual_share", "factor", "chance", "stops"]


@dataclass(frozen=True)
class Firing:
    """Whether every rule fired as usual, and those that did not: [received_date, rule, …, accepted]."""

    passed: bool
    table: pd.DataFrame


def rules_fire_as_usual(engine: sa.Engine, start: date, end: date) -> Firing:
    """Judge the filtered days `start` to `end` by filtered.rule_count.

    A day that a person accepted (a decision `released` whose record is the day, for that rule) passes and counts as
    usual afterwards; one that was stopped and not accepted does not count.
    """
    with engine.connect() as connection:
        history = _history(connection, start, end)
        accepted = released(newest_decisions(connection))
    return judge_days(history, start, end, accepted)


def fired(engine: sa.Engine, start: date, end: date) -> pd.DataFrame:
    """How often each rule fired on the days `start` to `end`: what `unusual` tells with received_date, where it did."""
    with engine.connect() as connection:
        history = _history(connection, start, end)
    days = sorted(d for d in history["received_date"].unique() if start <= d <= end)
    tables = [unusual(history, day).assign(received_date=day) for day in days]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["received_date", *_COLUMNS])
    return table[table["fired"] > 0].reset_index(drop=True)


def _history(connection: sa.Connection, start: date, end: date) -> pd.DataFrame:
    count = filtered.rule_count.c
    failed = (count.warned + count.set_aside).label("fired")
    query = sa.select(count.received_date, count.rule, count.record_kind, count.checked, failed).where(
        count.received_date.between(start - timedelta(days=4 * HISTORY_DAYS), end),
        count.severity.in_(("error", "warning")),
    )
    return with_units(read_frame(connection, query))


def with_units(counts: pd.DataFrame) -> pd.DataFrame:
    """Add `units`: how many things that fail independently the records checked are, the encounters of lines.

    `counts` is [received_date, rule, record_kind, checked, fired] as filtered.rule_count has them; rules that follow
    from another record's fate are left out.
    """
    follows = counts["rule"].str.contains("_set_aside_|^already_received", regex=True).to_numpy(dtype=bool)
    frame = counts[~follows].astype({"checked": "int64", "fired": "int64"})
    encounters = frame[frame["record_kind"] == "encounter"].groupby("received_date")["checked"].max()
    of_day = frame["received_date"].map(encounters).fillna(frame["checked"])
    alone = frame["record_kind"].isin(["patient", "encounter"])
    return frame.assign(units=np.where(alone, frame["checked"], np.minimum(frame["checked"], of_day)))


def judge_days(history: pd.DataFrame, start: date, end: date, accepted: Iterable[tuple[str, str]] = ()) -> Firing:
    """Judge each day from `start` to `end`.

    `history` is [received_date, rule, checked, fired, units] of those days and before; `accepted` holds pairs of a day
    in ISO form and a rule.
    """
    let_through = set(accepted)
    usual = history
    found: list[pd.DataFrame] = []
    for day in sorted(d for d in history["received_date"].unique() if d <= end):
        table = unusual(usual, day)
        table = table[table["stops"].to_numpy(dtype=bool)]
        if table.empty:
            continue
        by_person = np.array([(day.isoformat(), rule) in let_through for rule in table["rule"]], dtype=bool)
        refused = set(table["rule"][~by_person])
        usual = usual[~((usual["received_date"] == day) & usual["rule"].isin(refused))]
        if day >= start:
            found.append(table.assign(received_date=day, accepted=by_person))
    columns = ["received_date", *_COLUMNS, "accepted"]
    table = pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)
    return Firing(bool(table["accepted"].all()), table.drop(columns="stops"))


def unusual(history: pd.DataFrame, today: date) -> pd.DataFrame:
    """Compare how often each rule fired on `today` with the days before.

    `history` is [received_date, rule, checked, fired, units], today's row with it; without `units` every record stands
    for itself. Returns [rule, checked, fired, share, usual_share, factor, chance, stops], one row a rule checked today;
    `chance` is that of at least as many failures on a usual day, 1 where it was not asked.
    """
    frame = history if "units" in history else history.assign(units=history["checked"])
    before = frame[frame["received_date"] < today]
    days = np.sort(before["received_date"].unique())[-HISTORY_DAYS:]
    before = before[before["received_date"].isin(days)]
    now = frame[(frame["received_date"] == today) & (frame["checked"] > 0)].set_index("rule")
    scale = (before["units"] / before["checked"].where(before["checked"] > 0)).fillna(0.0)
    past = pd.DataFrame(
        {"rule": before["rule"], "units": before["units"].astype(float), "fired": before["fired"] * scale}
    ).groupby("rule")
    sums, number = past.sum().reindex(now.index).fillna(0.0), past.size().reindex(now.index).fillna(0)
    units = now["units"].to_numpy(dtype=float)
    share = now["fired"].to_numpy(dtype=float) / now["checked"].to_numpy(dtype=float)
    usual = (sums["fired"].to_numpy() + 0.5) / (sums["units"].to_numpy() + 1.0)
    factor = share / usual
    failed = np.floor(share * units + 1e-9)
    asked = (
        (number.to_numpy() >= FEWEST_DAYS)
        & (sums["units"].to_numpy() >= FEWEST_ENCOUNTERS)
        & (factor >= FACTOR)
        & (failed >= FEWEST_FIRED)
    )
    chance = np.ones(len(now))
    for at in np.flatnonzero(asked):
        trust = min(sums["units"].to_numpy()[at] + 1.0, SHAPE / usual[at])
        chance[at] = chance_of(int(failed[at]), round(units[at]), usual[at] * trust, (1 - usual[at]) * trust)
    table = pd.DataFrame(
        {
            "rule": now.index, "checked": now["checked"].to_numpy(), "fired": now["fired"].to_numpy(), "share": share,
            "usual_share": usual, "factor": factor, "chance": chance, "stops": asked & (chance < CHANCE),
        },
        columns=_COLUMNS,
    )  # fmt: skip
    return table.sort_values("rule", ignore_index=True)


def chance_of(failed: int, number: int, a: float, b: float) -> float:
    """The chance of at least `failed` failures among `number` where the share is drawn from Beta(a, b).

    The upper tail of the beta-binomial distribution, summed from the ratios of neighbouring terms.
    """
    if failed <= 0:
        return 1.0
    first = math.lgamma(number + b) + math.lgamma(a + b) - math.lgamma(number + a + b) - math.lgamma(b)
    j = np.arange(number, dtype=float)
    logs = np.cumsum(np.log((number - j) / (j + 1)) + np.log((j + a) / (number - j - 1 + b)))
    terms = np.exp(first + logs)
    return float(min(1.0, terms[failed - 1 :].sum()))
