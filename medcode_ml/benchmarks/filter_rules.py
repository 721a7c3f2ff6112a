"""Rows a second of the filter rules, by rule and by kind of record, on made-up records with about 2% of bad values.

    python -m medcode_ml.benchmarks.filter_rules [--rows 200000] [--kind charge]

The baseline asks every rule of a frame of its own, without sharing the reading of columns between rules.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.filtering.checks import CHECKS, applies
from medcode_ml.filtering.columns import RECORDS, Batch, columns_of
from medcode_ml.filtering.rule import Rule, rules

_FIRST = date(2026, 10, 1)
_SHARE_BAD = 0.02


def frame_of(kind: str, asked: tuple[Rule, ...], rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Records whose values are drawn from the rules' own examples, mostly the good ones; 20 lines an encounter."""
    columns = dict.fromkeys(c for r in asked for c in [*r.columns, *r.when])
    made: dict[str, pd.Series] = {}
    for name in columns:
        good = _values(asked, name, good=True)
        bad = _values(asked, name, good=False) or good
        pick = rng.random(rows) < _SHARE_BAD
        values = np.empty(rows, dtype=object)
        kind_of = columns_of(kind)[name]
        if kind_of == "date":
            days = np.array([_FIRST + timedelta(days=int(d)) for d in range(-20, 20)], dtype=object)
            values[:] = days[rng.integers(18, 24, rows)]
            values[pick] = days[rng.integers(0, 40, int(pick.sum()))]
        elif kind_of == "number" and name in ("value", "hours"):
            values[:] = np.round(rng.normal(80, 20, rows), 1).tolist()
        elif name == "encounter_id":
            values[:] = [f"{n // 20:020x}" for n in range(rows)]
        elif name == "text":
            values[:] = [f"Seen on day {n}. " * 120 for n in range(rows)]
        elif name == "content_hash":
            values[:] = [f"{n:020x}" for n in range(rows)]
        else:
            values[:] = _drawn(good, rows, rng)
            values[pick] = _drawn(bad, int(pick.sum()), rng)
        made[name] = pd.Series(values, dtype=object)
    return pd.DataFrame(made)


def _drawn(values: list[Any], number: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.object_]]:
    pool = np.empty(len(values), dtype=object)
    pool[:] = values
    return pool[rng.integers(0, len(values), number)]


def _values(asked: tuple[Rule, ...], name: str, *, good: bool) -> list[Any]:
    found = [record.get(name) for r in asked for example in (r.good if good else r.bad) for record in example]
    found = [v for v in found if v is not None and not (isinstance(v, str) and len(v) > 1000)]
    return found or [None]


def measure(kind: str, rows: int) -> list[tuple[str, float, float]]:
    """[(rule, rows a second sharing columns, rows a second alone)] with the sum over all rules last."""
    asked = tuple(r for r in rules() if r.record == kind)
    frame = frame_of(kind, asked, rows, np.random.default_rng(20261001))
    for rule in asked:  # code sets and packages are loaded once, not measured
        CHECKS[rule.check](frame.head(100), rule)
    batch = Batch(frame)
    table: list[tuple[str, float, float]] = []
    shared = alone = 0.0
    for rule in asked:
        seconds = [_seconds(batch, rule), _seconds(frame, rule)]
        shared, alone = shared + seconds[0], alone + seconds[1]
        table.append((rule.name, rows / seconds[0], rows / seconds[1]))
    return [*table, (f"all {len(asked)} rules of {kind}", rows / shared, rows / alone)]


def _seconds(frame: pd.DataFrame | Batch, rule: Rule) -> float:
    began = time.perf_counter()
    CHECKS[rule.check](frame, rule)
    applies(frame, rule)
    return max(time.perf_counter() - began, 1e-9)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--kind", choices=RECORDS)
    chosen = parser.parse_args(arguments)
    out = sys.stdout
    for kind in [chosen.kind] if chosen.kind else RECORDS:
        rows = min(chosen.rows, 20_000) if kind == "document" else chosen.rows
        print(f"\n{kind}, {rows} rows, rows a second", file=out)
        print(f"{'rule':<36}{'sharing':>14}{'alone':>14}", file=out)
        for name, shared, alone in measure(kind, rows):
            print(f"{name:<36}{shared:>14,.0f}{alone:>14,.0f}", file=out)


if __name__ == "__main__":
    main()
