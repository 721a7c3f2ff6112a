"""Measures the page gates: precision and recall of setting pages aside, by kind of page, with every file accounted for.

    python -m medcode_ml.benchmarks.quarantine [--pages N] [--seed N] [--folder DIR] [--misses]

Draws a labelled set (`quarantine_kinds`), reads it as `medcode read-page` does with a manifest and encounters, and
compares. Decision is set aside or not, a page each; by kind, recall of faulty kinds and pass rate of good kinds, with
95% bootstrap intervals by record. The baseline sets aside what plain file opening refuses and pages without text.
Readings are kept in DIR by content, so that a second run judges only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from medcode_ml.benchmarks.quarantine_kinds import write_set
from medcode_ml.benchmarks.quarantine_set import LabelledSet
from medcode_ml.intake.gates import BROKEN_FILE, LOCKED_FILE, gate_pages
from medcode_ml.intake.page_store import PageWork

RESAMPLES: Final = 1000


def judged(made: LabelledSet, work: PageWork, progress: bool = False) -> pd.DataFrame:
    """One row a page of the set: `file`, `kind`, `record_id`, `expected` (gates), `gate`, `gate_reason`, `baseline`."""
    frame = work.frame([(e.file, made.folder / e.file) for e in made.entries], progress)
    for name in ("batch", "record_id", "kind"):
        frame[name] = [getattr(made.entries[n], name) for n in frame["file_number"]]
    frame["expected"] = [made.entries[n].gates for n in frame["file_number"]]
    gated = gate_pages(frame, None, pd.DataFrame(made.encounters, dtype=object))
    gated["baseline"] = frame["gate"].isin([BROKEN_FILE, LOCKED_FILE]) | (frame["text"].fillna("").str.strip() == "")
    return gated


def _shares(hits: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """Share of hits, and its 95% interval over records drawn again."""
    if not len(hits):
        return float("nan"), float("nan"), float("nan")
    codes, _ = pd.factorize(groups)
    size, right = np.bincount(codes), np.bincount(codes, weights=hits)
    draws = rng.integers(0, len(size), (RESAMPLES, len(size)))
    low, high = np.percentile(right[draws].sum(axis=1) / size[draws].sum(axis=1), (2.5, 97.5))
    return float(hits.mean()), float(low), float(high)


def report(pages: pd.DataFrame, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Figures overall (gates and baseline), by kind, and the confusion of expected and given gates."""
    rng = np.random.default_rng(seed)
    faulty = pages["expected"].map(len).to_numpy() > 0
    groups = pages["record_id"].to_numpy()
    overall = []
    for name, aside in (("gates", pages["gate"].notna().to_numpy()), ("baseline", pages["baseline"].to_numpy())):
        for figure, among, hits in (("precision", aside, faulty), ("recall", faulty, aside)):
            value, low, high = _shares(hits[among], groups[among], rng)
            overall.append((name, figure, int(among.sum()), value, low, high))
    rows = []
    for kind, part in pages.groupby("kind", sort=True):
        expected = bool(len(part["expected"].iloc[0]))
        right = part["gate"].notna().to_numpy() == expected
        value, low, high = _shares(right, part["record_id"].to_numpy(), rng)
        named = [g in e for g, e in zip(part["gate"], part["expected"], strict=True)]
        rows.append(
            (kind, "set aside" if expected else "pass", len(part), value, low, high, float(np.mean(named)))
            if expected
            else (kind, "pass", len(part), value, low, high, float("nan"))
        )
    by_kind = pd.DataFrame(rows, columns=["kind", "expected", "pages", "right", "low", "high", "right_gate"])
    first = pages["expected"].map(lambda gates: gates[0] if gates else "-")
    confusion = pd.crosstab(first.rename("expected"), pages["gate"].fillna("-").rename("given"))
    columns = ["who", "figure", "pages", "value", "low", "high"]
    return pd.DataFrame(overall, columns=columns), by_kind, confusion


def misses(pages: pd.DataFrame) -> pd.DataFrame:
    """Pages judged wrongly, with what was decided."""
    wrong = pages["gate"].notna() != (pages["expected"].map(len) > 0)
    return pages.loc[wrong, ["file", "page", "kind", "expected", "gate", "gate_reason"]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description="Precision and recall of the page gates, by kind of page.")
    parser.add_argument("--pages", type=int, default=150, help="files drawn (about)")
    parser.add_argument("--seed", type=int, default=20261122, help="seed of the set")
    parser.add_argument("--folder", type=Path, help="keeps files and readings here, for running again")
    parser.add_argument("--workers", type=int, default=2, help="processes that read")
    parser.add_argument("--misses", action="store_true", help="list the pages judged wrongly")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch)
        made = write_set(folder / f"set-{chosen.seed}-{chosen.pages}", chosen.pages, chosen.seed)
        pages = judged(made, PageWork(folder / "readings", chosen.workers, 40.0), progress=sys.stderr.isatty())
    overall, by_kind, confusion = report(pages)
    out = sys.stdout.write
    without = {e.file for e in made.entries} - set(pages["file"])
    out(f"{len(made.entries)} files, {len(pages)} pages, {len(without)} files without an outcome\n\n")
    for table in (overall, by_kind):
        out(table.to_string(index=False, float_format=lambda v: f"{v:.3f}") + "\n\n")
    out(confusion.to_string() + "\n")
    if chosen.misses:
        with pd.option_context("display.width", 250, "display.max_colwidth", 150):
            out("\n" + misses(pages).to_string(index=False) + "\n")


if __name__ == "__main__":
    main()
