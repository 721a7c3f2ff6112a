"""A model retrained after a shift and promoted: quiet on the days after, and not blind to a second shift.

    python -m medcode_ml.benchmarks.drift_after_promotion [--a-day 50] [--learned-days 3,7] [--shadow-days 1]
        [--seeds 2]

A simulated network (synthetic) takes on another note style; days later half of its new encounters are learned from and
the other half kept apart, the new version runs in shadow and is promoted. Its reference (what was
received since the change and not learned from) stands beside what a test of all days would give. The coder is the
ontology, the same before and after: what is measured is the reference, not the training.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import timedelta

from medcode_ml.benchmarks.drift import REFERENCE_DAYS, RELEASE, WAVE, WAVE_SHARE, Evaluated, evaluate
from medcode_ml.benchmarks.drift_streams import Stream, simulated
from medcode_ml.contracts.ids import record_hash
from medcode_ml.drift.evaluation import Reference
from medcode_ml.drift.reference import coding_reference
from medcode_ml.simulation.config import DiseaseWave, NetworkConfig

QUIET_DAYS, SECOND_DAYS = 10, 4


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--a-day", type=int, default=50)
    parser.add_argument("--learned-days", default="3,7", help="days from the shift to the retraining")
    parser.add_argument("--shadow-days", type=int, default=1, help="days the new version runs beside the old one")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    print("network  learned  held against         encounters  days in alarm of 10  second shift seen on day")  # noqa: T201
    for seed in range(given.seeds):
        for learned in (int(part) for part in given.learned_days.split(",")):
            run(seed, given.a_day, learned, given.shadow_days)


def run(seed: int, a_day: int, learned: int, shadow: int) -> None:
    """One network: its second shift is a wave of a disease, ten quiet days after the promotion."""
    days = REFERENCE_DAYS + learned + shadow + QUIET_DAYS + SECOND_DAYS
    first = RELEASE - timedelta(days=days)
    shift = first + timedelta(days=REFERENCE_DAYS)
    promoted = shift + timedelta(days=learned + shadow)
    second = promoted + timedelta(days=QUIET_DAYS)
    config = NetworkConfig(
        seed=30 + seed, encounters=days * a_day, first_day=first, last_day=RELEASE - timedelta(days=1),
        scanned_pages=0, planted_faults=False, note_style="new", note_style_day=shift,
        disease_wave=DiseaseWave(WAVE, WAVE_SHARE, second),
    )  # fmt: skip
    stream = simulated(config, None)
    until = shift + timedelta(days=learned)
    old = {e for e, day in stream.day_of.items() if day < shift}
    apart = {e for e, day in stream.day_of.items() if shift <= day < until and record_hash("apart", e) < "8"}
    since = {e for e, day in stream.day_of.items() if until <= day < promoted}
    before = reference_of(stream, old, {}).dispersion
    after = {day: frames for day, frames in stream.by_day().items() if day >= promoted}
    # as many old encounters as a test drawn over all days would have
    mixed = apart | {e for e in old if record_hash("apart", e) < "8"}
    for name, encounters in (("the changed world", apart | since), ("a test of all days", mixed)):
        reference = reference_of(stream, encounters, before)
        evaluated = evaluate(reference, after)
        quiet = [one for one in evaluated if one.day < second]
        said = f"{seed + 1:<8} {learned:<8} {name:<20} {len(encounters):<11} {sum(e.alarm for e in quiet):<20} "
        print(said + seen_on([e for e in evaluated if e.day >= second]), flush=True)  # noqa: T201


def reference_of(stream: Stream, encounters: set[str], before: Mapping[tuple[str, str, str], float]) -> Reference:
    """The reference made of some encounters of the stream."""
    days = sorted({stream.day_of[e] for e in encounters})
    frames = [stream.of({e for e in encounters if stream.day_of[e] == day}) for day in days]
    return coding_reference("benchmark", days, frames, (), before)


def seen_on(evaluated: list[Evaluated]) -> str:
    """Number of the first day with an alarm, and by what."""
    hit = next(((n, e) for n, e in enumerate(evaluated, 1) if e.alarm), None)
    if hit is None:
        return "-"
    alarms = sorted((r for r in hit[1].rows if r.alarm), key=lambda r: r.p_adjusted or 0.0)
    return f"{hit[0]} ({', '.join(dict.fromkeys(r.metric for r in alarms[:3]))})"


if __name__ == "__main__":
    main()
