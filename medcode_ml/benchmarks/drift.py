"""Drift on simulated networks (synthetic) whose world changes on a known day, and on quiet ones.

    python -m medcode_ml.benchmarks.drift [--coder model|ontology] [--a-day 50] [--quiet-days 106] [--seeds 3]
        [--permuted 2] [--scans 8] [--day-of 10000]

Prints the days until each shift is detected, false alarms in quiet days (as they came, and with the encounters dealt
out to the days anew), the estimated against the realised micro-F1, and the time that a large day takes. The baseline is
the naive rule: any test of the day below 0.05, without a word of how many there are.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medcode_ml.benchmarks.drift_streams import Stream, charts_of, simulated
from medcode_ml.drift.correction import with_corrected
from medcode_ml.drift.domain import tell_apart
from medcode_ml.drift.evaluation import LEAST_EFFECT, Reference, Row, compare, windows_of, with_alarms
from medcode_ml.drift.frames import CodingFrames, coding_blocks, sketches_of
from medcode_ml.drift.reference import coding_reference, one_each
from medcode_ml.drift.sketch import Sketches
from medcode_ml.drift.stage import release_row
from medcode_ml.drift.units import ALL
from medcode_ml.simulation.config import DiseaseWave, NetworkConfig

if TYPE_CHECKING:
    from medcode_ml.coding.model import CodingModel

REFERENCE_DAYS, LEAST = 14, 20
DAILY = 0.1 / 100
FIRST, RELEASE = date(2026, 6, 1), date(2026, 10, 1)
WAVE, WAVE_SHARE = "vaping_lung_outbreak", 0.25
SHIFT_DAYS = 4


@dataclass(frozen=True)
class Evaluated:
    """One day: its rows, whether the rule raises an alarm, and whether the naive rule does."""

    day: date
    rows: tuple[Row, ...]
    alarm: bool
    naive: bool


def evaluate(
    reference: Reference, days: Mapping[date, CodingFrames], texts: Sequence[str] = (), told: bool = False
) -> list[Evaluated]:
    """Evaluate the days one after the other as the stage does; `told` trains the domain classifier too."""
    sketches: dict[date, Sketches] = {}
    found = []
    for day in sorted(days):
        assert reference.language is not None
        own = sketches_of(coding_blocks(days[day], reference.language, reference.calibration))
        sketches[day] = with_corrected(day, own, sketches)
        rows = [r for n, window in windows_of(sketches, day) for r in compare(window, reference, n, LEAST)]
        rows.append(release_row(days[day], reference))
        if told:
            rows += _told(reference, [days[d] for d in sorted(days) if 0 <= (day - d).days < 3], texts)
        rows = with_alarms(rows, DAILY)
        naive = any(r.p_value is not None and r.p_value < 0.05 for r in rows)
        found.append(Evaluated(day, tuple(rows), any(r.alarm for r in rows), naive))
    return found


def _told(reference: Reference, frames: Sequence[CodingFrames], texts: Sequence[str]) -> list[Row]:
    import pandas as pd

    documents = one_each(pd.concat([f.documents for f in frames], ignore_index=True))[:500]
    told = tell_apart(list(texts), list(documents["text"]), list(documents["document_id"]))
    if told is None:
        return []
    return [
        Row(
            ALL, ALL, "domain_auc", 3, len(documents), len(texts), value=told.auc, low=told.low, high=told.high,
            test="delong", statistic=told.statistic, effect=told.auc - 0.5, p_value=told.p_value,
            least_effect=LEAST_EFFECT["delong"],
        )
    ]  # fmt: skip


def reference_of(days: Mapping[date, CodingFrames]) -> tuple[Reference, list[str], dict[date, CodingFrames]]:
    """The reference of the first days, texts of its documents, and the days after it."""
    ordered = sorted(days)
    first = ordered[:REFERENCE_DAYS]
    made = coding_reference("benchmark", first, [days[d] for d in first])
    text = {d.document_id: d.text for day in first for d in days[day].documents.itertuples()}
    return made, [text[one] for _, one in made.documents], {d: days[d] for d in ordered[REFERENCE_DAYS:]}


def false_alarms(evaluated: Sequence[Evaluated]) -> tuple[int, int]:
    """Alarms raised by the rule (one stands until a quiet day passes) and days on which the naive rule speaks."""
    raised = sum(
        one.alarm and not before for one, before in zip(evaluated, [False, *(e.alarm for e in evaluated)], strict=False)
    )
    return raised, sum(one.naive for one in evaluated)


def performance(evaluated: Iterable[Evaluated], window: int) -> list[tuple[float, float, bool]]:
    """(estimated, realised micro-F1, realised within the interval of the estimate) of windows over all hospitals."""
    found = []
    for one in evaluated:
        rows = {r.metric: r for r in one.rows if r.hospital_id == ALL and r.window_days == window}
        estimated, realised = rows.get("estimated_micro_f1"), rows.get("realised_micro_f1")
        if estimated is None or realised is None or estimated.value is None or realised.value is None:
            continue
        held = (estimated.low or 0.0) <= realised.value <= (estimated.high or 1.0)
        found.append((estimated.value, realised.value, held))
    return found


def trained(seed: int, charts: int, folder: Path) -> CodingModel:
    """A coding model (proposals and re-ranker, no network) of another network of the same hospitals."""
    from medcode_ml.coding.model import load_model
    from medcode_ml.coding.training import train

    config = NetworkConfig(
        seed=seed, encounters=charts, first_day=date(2026, 3, 2), last_day=date(2026, 5, 29), scanned_pages=0,
        planted_faults=False,
    )  # fmt: skip
    parameters = {"use_network": False, "folds": 4, "reranker.rounds": 60}
    return load_model(train(charts_of(config), [], folder, parameters).path)


def shifts(base: NetworkConfig, first: date) -> dict[str, NetworkConfig]:
    """The network of `base` up to a few days after `first`, when its world changes, for each kind of change."""
    # the same encounters as in `base`: only what the switch changes differs
    return {
        "note style": replace(base, note_style="new", note_style_day=first),
        "disease wave": replace(base, disease_wave=DiseaseWave(WAVE, WAVE_SHARE, first)),
        "patient mix": replace(base, code_release_shift=True, code_release_shift_day=first),
        "none": base,
    }


def report_detection(name: str, streams: Sequence[Sequence[Evaluated]]) -> None:
    """Print the days of data until each stream of a shift is detected, and by what."""
    late = []
    for evaluated in streams:
        hit = next(((n, e) for n, e in enumerate(evaluated, 1) if e.alarm), None)
        late.append(hit[0] if hit else None)
    first = next((e for e in streams[0] if e.alarm), None)
    by = ""
    if first is not None:
        alarms = sorted((r for r in first.rows if r.alarm), key=lambda r: r.p_adjusted or 0.0)
        by = ", ".join(dict.fromkeys(r.metric for r in alarms[:6]))
    naive = [next((n for n, e in enumerate(evaluated, 1) if e.naive), None) for evaluated in streams]
    said = " ".join("-" if n is None else str(n) for n in late)
    spoke = " ".join("-" if n is None else str(n) for n in naive)
    print(f"{name:<14} {said:<14} {spoke:<10} {by}", flush=True)  # noqa: T201


def report_performance(name: str, streams: Sequence[Sequence[Evaluated]]) -> None:
    """Print estimated against realised micro-F1 over windows of a day and of three."""
    for window in (1, 3):
        pairs = [pair for evaluated in streams for pair in performance(evaluated, window)]
        if not pairs:
            continue
        gap = np.array([e - r for e, r, _ in pairs])
        held = np.mean([h for _, _, h in pairs])
        estimated, realised = (float(np.mean([p[n] for p in pairs])) for n in (0, 1))
        print(  # noqa: T201
            f"{name:<14} {window} d  {estimated:.3f}  {realised:.3f}  {gap.mean():+.3f}  {np.abs(gap).mean():.3f}  "
            f"{np.mean(np.abs(gap) <= 0.03):.0%}  {held:.0%}  {len(pairs)}"
        )


def main() -> None:
    """Run the streams and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coder", choices=("model", "ontology"), default="model")
    parser.add_argument("--a-day", type=int, default=50)
    parser.add_argument("--quiet-days", type=int, default=106)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--permuted", type=int, default=2)
    parser.add_argument("--scans", type=int, default=0, help="scanned pages a day, drawn and read for real")
    parser.add_argument("--day-of", type=int, default=0, help="encounters of a day whose evaluation is timed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = trained(11, 400, Path(folder) / "model") if given.coder == "model" else None
        run(given, model)


def run(given: argparse.Namespace, model: CodingModel | None) -> None:
    """Everything after the model."""
    days = REFERENCE_DAYS + given.quiet_days
    base = NetworkConfig(
        seed=3, encounters=days * given.a_day, first_day=RELEASE - timedelta(days=days),
        last_day=RELEASE - timedelta(days=1), scanned_pages=0, planted_faults=False,
    )  # fmt: skip
    start = time.perf_counter()
    quiet = simulated(base, model)
    print(f"{len(quiet.day_of):,} encounters simulated and coded in {time.perf_counter() - start:.0f} s", flush=True)  # noqa: T201
    reference, texts, after = reference_of(quiet.by_day())
    as_they_came = evaluate(reference, after, texts, told=True)
    _report_quiet(given, quiet, as_they_came)
    print(f"\nshift          days until the alarm, by network; naive; by what ({given.a_day} encounters a day)")  # noqa: T201
    streams: dict[str, list[list[Evaluated]]] = {}
    ordered = sorted(after)
    for number in range(given.seeds):
        first = ordered[2 + number * ((len(ordered) - SHIFT_DAYS - 2) // max(given.seeds, 1))]
        before = {d: after[d] for d in ordered if 0 < (first - d).days <= 2}
        for name, config in shifts(base, first).items():
            if name == "none":
                continue
            shifted = simulated(config, model, first, first + timedelta(days=SHIFT_DAYS - 1))
            evaluated = evaluate(reference, {**before, **shifted.by_day()}, texts, told=True)
            streams.setdefault(name, []).append([e for e in evaluated if e.day >= first])
    streams["code release"] = [_release_stream(given, model)]
    for name, own in streams.items():
        report_detection(name, own)
    if given.scans:
        streams["scanner"] = [_scanner_stream(given, model)]
        report_detection("scanner", streams["scanner"])
    print("\nmicro-F1       window  estimated  realised  gap  |gap|  within 0.03  in 95% interval  windows")  # noqa: T201
    report_performance("quiet", [as_they_came])
    for name, own in streams.items():
        report_performance(name, own)
    if given.day_of:
        _report_speed(quiet, reference, given.day_of)


def _release_stream(given: argparse.Namespace, model: CodingModel | None) -> list[Evaluated]:
    """Days around the first of October: new codes are in force, and conditions with changed codes come more often."""
    days = REFERENCE_DAYS + 2 + SHIFT_DAYS
    config = NetworkConfig(
        seed=4, encounters=days * given.a_day, first_day=RELEASE - timedelta(days=days - SHIFT_DAYS),
        last_day=RELEASE + timedelta(days=SHIFT_DAYS - 1), scanned_pages=0, planted_faults=False,
        code_release_shift=True, code_release_shift_day=RELEASE,
    )  # fmt: skip
    return _after(config, model, RELEASE)


def _scanner_stream(given: argparse.Namespace, model: CodingModel | None) -> list[Evaluated]:
    """Days around the one on which the scanner gets worse, with pages drawn and read for real."""
    days = REFERENCE_DAYS + 2 + SHIFT_DAYS
    first = FIRST + timedelta(days=days - SHIFT_DAYS)
    config = NetworkConfig(
        seed=5, encounters=days * given.a_day, first_day=FIRST, last_day=first + timedelta(days=SHIFT_DAYS - 1),
        scanned_pages=given.scans * days, planted_faults=False, scanner="worse", scanner_day=first,
    )  # fmt: skip
    return _after(config, model, first)


def _after(config: NetworkConfig, model: CodingModel | None, first: date) -> list[Evaluated]:
    reference, texts, after = reference_of(simulated(config, model).by_day())
    return [e for e in evaluate(reference, after, texts, told=True) if e.day >= first]


def _report_quiet(given: argparse.Namespace, quiet: Stream, as_they_came: Sequence[Evaluated]) -> None:
    print("quiet days (synthetic)        days  alarms raised  days the naive rule speaks")  # noqa: T201
    _said("as they came", as_they_came)
    for seed in range(given.permuted):
        reference, texts, after = reference_of(quiet.by_day(permuted=seed))
        _said(f"dealt out anew {seed + 1}", evaluate(reference, after, texts))


def _said(name: str, evaluated: Sequence[Evaluated]) -> None:
    raised, naive = false_alarms(evaluated)
    by = sorted({(r.metric, r.hospital_id, r.document_type) for e in evaluated for r in e.rows if r.alarm})[:3]
    print(f"{name:<29} {len(evaluated):<5} {raised:<14} {naive:<6} {by or ''}", flush=True)  # noqa: T201


def _report_speed(quiet: Stream, reference: Reference, encounters: int) -> None:
    """Time one day made of the stream's encounters, again and again under other names, until it is large enough."""
    import pandas as pd

    copies = -(-encounters // len(quiet.day_of))
    f = quiet.frames

    def many(frame: pd.DataFrame) -> pd.DataFrame:
        made = []
        for n in range(copies):
            own = frame.copy()
            for name in ("encounter_id", "document_id"):
                if name in own:
                    own[name] = own[name] + f".{n}"
            made.append(own)
        return pd.concat(made, ignore_index=True)

    day = CodingFrames(*(many(p) for p in (f.encounters, f.codes, f.documents, f.pages, f.labelled, f.labelled_codes)))
    start = time.perf_counter()
    (one,) = evaluate(reference, {RELEASE - timedelta(days=1): day})
    took = time.perf_counter() - start
    print(  # noqa: T201
        f"\na day of {len(day.encounters):,} encounters, {len(day.documents):,} documents, {len(day.codes):,} codes: "
        f"{took:.1f} s, {len(one.rows):,} rows of metrics"
    )


if __name__ == "__main__":
    main()
