"""What a change of the world costs the coding model, and how much of it a retrained model wins back (synthetic).

    python -m medcode_ml.benchmarks.drift_recovery [--shift note_style disease_wave code_release scanner]
        [--charts 800] [--a-day 50] [--after 3 7 14] [--later 6] [--wave SCENARIO] [--scans 15] [--thorough]

A champion learns from simulated days before the change. `before` is its realised micro-F1 on later days as they would
have been without the change, `after` on the same days as they are: what lies between is lost. Retrained models learn
from the same days and the first `--after` days of the new world, split as the loop does it (a slice of recent persons
apart); they are measured on the later days, whose persons none of them knows. Won back is (retrained - after) / (before
- after), with a 95% interval of a bootstrap over persons. Rivals: the champion recalibrated on the recent labels, a
model with as many more charts of the old world (what more charts alone would do), and the oracle, whose charts are all
of the new world. `--thorough` trains with the training's own parameters (network, ten folds), else without the network.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from medcode_ml.benchmarks.drift_streams import dated_charts
from medcode_ml.coding.proposals.charts import LabelledChart
from medcode_ml.models.bootstrap import Floats, Measure, estimates, ratio
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN, split_encounters
from medcode_ml.simulation.config import DiseaseWave, NetworkConfig

if TYPE_CHECKING:
    from medcode_ml.coding.model import CodingModel

Dated = list[tuple[date, LabelledChart]]
SUMMER, RELEASE = date(2026, 6, 22), date(2026, 10, 1)
WAVE, WAVE_SHARE = "vaping_lung_outbreak", 0.25
LIGHT: Final[dict[str, Any]] = {"use_network": False, "folds": 4, "reranker.rounds": 60}
NOTHING_LOST: Final = 0.02
_RESAMPLES: Final = 2000


@dataclass(frozen=True)
class World:
    """Two networks whose encounters are alike before `day`; `changed` has the change from that day on."""

    name: str
    same: NetworkConfig
    changed: NetworkConfig
    day: date


@dataclass(frozen=True)
class Measured:
    """Correct codes twice, and codes of model and coders together, by person."""

    hits: dict[str, float]
    codes: dict[str, float]
    encounters: int


def worlds(
    names: Collection[str], a_day: int, charts: int, days_after: int, scans: int, wave: str = WAVE
) -> list[World]:
    """The changes by name, each with as many days before it as `charts` need."""

    def network(first: date, day: date, per_day: int, **switches: Any) -> NetworkConfig:
        days = (day - first).days + days_after
        return NetworkConfig(
            seed=21, encounters=per_day * days, first_day=first, last_day=first + timedelta(days=days - 1),
            scanned_pages=0, planted_faults=False, **switches,
        )  # fmt: skip

    before = timedelta(days=-(-charts // a_day))
    base = network(SUMMER - before, SUMMER, a_day)
    # what would have been without a release: the same encounters, a quarter of a year earlier
    release = network(RELEASE - before, RELEASE, a_day, code_release_shift=True, code_release_shift_day=RELEASE)
    paper = replace(network(SUMMER, SUMMER, scans), seed=22, scanned_pages=scans * days_after * 20)
    made = [
        World("note_style", base, replace(base, note_style="new", note_style_day=SUMMER), SUMMER),
        World("disease_wave", base, replace(base, disease_wave=DiseaseWave(wave, WAVE_SHARE, SUMMER)), SUMMER),
        World("patient_mix", base, replace(base, code_release_shift=True, code_release_shift_day=SUMMER), SUMMER),
        World("code_release", base, release, RELEASE),
        World("scanner", paper, replace(paper, scanner="worse"), SUMMER),
    ]
    return [world for world in made if world.name in names]


def split(charts: Dated, recent_from: date, learned: Collection[str] = frozenset()) -> dict[str, list[LabelledChart]]:
    """Part -> charts, as the retraining splits them."""
    frame = pd.DataFrame(
        {
            "encounter_id": [chart.record_id for _, chart in charts],
            "person_id": [chart.patient_id for _, chart in charts],
            "discharge_date": [chart.day for _, chart in charts],
            "received_date": [received for received, _ in charts],
        },
        dtype=object,
    )
    parts = split_encounters(frame, recent_from=recent_from, learned=learned)
    found: dict[str, list[LabelledChart]] = {TRAIN: [], CALIBRATION: [], TEST: []}
    for (_, chart), part in zip(charts, parts, strict=True):
        found[part].append(chart)
    return found


def measured(model: CodingModel, charts: Sequence[LabelledChart]) -> Measured:
    """How `model` codes `charts`, as the stage codes, against their coders."""
    from medcode_ml.coding.by_model import code_by_model

    found = Measured({}, {}, len(charts))
    for chart, coded in zip(
        charts, code_by_model([(list(c.documents), c.setting, c.day) for c in charts], model), strict=True
    ):
        accepted = {code for code, candidate in coded.coded.candidates.items() if candidate.accepted}
        person = str(chart.patient_id)
        found.hits[person] = found.hits.get(person, 0.0) + 2 * len(accepted & set(chart.codes))
        found.codes[person] = found.codes.get(person, 0.0) + len(accepted) + len(chart.codes)
    return found


def recalibrated(model: CodingModel, charts: Sequence[LabelledChart], parameters: Mapping[str, Any]) -> CodingModel:
    """`model` with probabilities, cut and bands set anew on `charts`."""
    from medcode_ml.coding.calibrating import calibrate
    from medcode_ml.coding.model import blended_logits
    from medcode_ml.coding.proposals.learning import propose
    from medcode_ml.coding.recalibration import replace_calibration
    from medcode_ml.coding.training import groups_of, read_charts
    from medcode_ml.coding.training_fit import best_cut, is_true
    from medcode_ml.coding.training_parameters import TrainingParameters

    read = read_charts(charts)
    proposals = propose(read, [c.day for c in charts], model.learned)
    logits = blended_logits(model.reranker, model.network, model.network_weight, [c.note.text for c in read], proposals)
    right = is_true(proposals, charts)
    cut = best_cut(logits, right, sum(len(c.codes) for c in charts))
    groups = np.array(groups_of(charts))[proposals.chart]
    made = calibrate(logits, right, groups, cut, TrainingParameters.of(parameters))
    return replace_calibration(model, made.calibrator, made.threshold, made.bands)


def won_back(before: Measured, after: Measured, retrained: Measured) -> dict[str, Any]:
    """micro-F1 of each, what is lost and what share of it is won back, each with its 95% interval.

    Persons are drawn again, all three alike: the same persons stand behind what was lost and what was won.
    """
    people = sorted({*before.codes, *after.codes, *retrained.codes})

    def f1(one: Measured) -> Measure:
        hits, codes = (np.array([part.get(p, 0.0) for p in people]) for part in (one.hits, one.codes))
        return lambda drawn: ratio(drawn @ hits, drawn @ codes)

    was, fell, is_now = f1(before), f1(after), f1(retrained)

    def share(drawn: Floats) -> Floats:
        found: Floats = ratio(is_now(drawn) - fell(drawn), was(drawn) - fell(drawn))
        return found

    measures: dict[str, Measure] = {
        "before": was, "after": fell, "retrained": is_now, "won_back": share,
        "lost": lambda drawn: was(drawn) - fell(drawn),
    }  # fmt: skip
    return estimates(len(people), measures, resamples=_RESAMPLES)


class Bench:
    """Trains and measures; what several changes share is done once."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        """`folder` takes the models."""
        self.given, self.folder = given, folder
        self.parameters: dict[str, Any] = {} if given.thorough else LIGHT
        self._kept: dict[NetworkConfig, tuple[Dated, Dated]] = {}
        self._models: dict[tuple[str, NetworkConfig], CodingModel] = {}

    def charts(self, config: NetworkConfig, day: date) -> tuple[Dated, Dated]:
        """Charts received before `day`, and since."""
        if config not in self._kept:
            found = dated_charts(config)
            self._kept[config] = [c for c in found if c[0] < day], [c for c in found if c[0] >= day]
        return self._kept[config]

    def train(self, name: str, parts: Mapping[str, list[LabelledChart]]) -> CodingModel:
        """A model of the charts of `parts`."""
        from medcode_ml.coding.model import load_model
        from medcode_ml.coding.training import train

        return load_model(train(parts[TRAIN], parts[CALIBRATION], self.folder / name, self.parameters).path)

    def run(self, world: World) -> None:
        """Measure one change and print its rows."""
        given, last = self.given, max(self.given.after)
        old = self.charts(self.base_of(world), SUMMER)[0]
        same, changed = self.charts(world.same, SUMMER)[1], self.charts(world.changed, world.day)[1]
        parts = split(old, SUMMER)
        champion = self.once("champion", self.base_of(world), parts)
        known = {str(c.patient_id) for c in [*parts[TRAIN], *parts[CALIBRATION]]}

        def since(charts: Dated, day: date, first: int, stop: int) -> Dated:
            return [one for one in charts if first <= (one[0] - day).days < stop]

        def others(charts: Dated, days: Dated) -> list[LabelledChart]:
            seen = known | {str(c.patient_id) for _, c in days}
            return [c for _, c in charts if c.patient_id not in seen]

        later = others(since(changed, world.day, last, last + given.later), since(changed, world.day, 0, last))
        unchanged = others(since(same, SUMMER, last, last + given.later), since(same, SUMMER, 0, last))
        before, after = measured(champion, unchanged), measured(champion, later)
        told = won_back(before, after, after)
        print(f"\n{world.name}: {len(later)} encounters measured; before {shown(told, 'before')}, "  # noqa: T201
              f"after {shown(told, 'after')}, lost {shown(told, 'lost')}", flush=True)  # fmt: skip
        if told["lost"] < NOTHING_LOST:
            print(f"  less than {NOTHING_LOST} is lost: there is nothing to win back")  # noqa: T201
            return
        for days in given.after:
            own = split([*old, *since(changed, world.day, 0, days)], world.day, known)
            model = self.train(f"{world.name}_{days}", own)
            counts = f"{len(own[TRAIN])} learned, {len(own[CALIBRATION])} calibrated"
            self.tell(f"retrained after {days} days", before, after, measured(model, later), counts)
            kept, champions = measured(model, own[TEST]), measured(champion, own[TEST])
            lead = won_back(champions, champions, kept)
            print(f"    on the slice kept apart ({len(own[TEST])}): champion {shown(lead, 'before')}, "  # noqa: T201
                  f"retrained {shown(lead, 'retrained')}", flush=True)  # fmt: skip
        recent = split(since(changed, world.day, 0, last), world.day)
        rival = recalibrated(champion, [*recent[TRAIN], *recent[CALIBRATION]], self.parameters)
        self.tell("recalibrated only", before, after, measured(rival, later), f"on {last} days")
        if world.same.scanned_pages == 0:
            more = split([*old, *since(self.charts(world.same, SUMMER)[1], SUMMER, 0, last)], SUMMER, known)
            self.tell(f"{last} more old days", before, after, measured(self.once("more", world.same, more), later), "")
            self.oracle(world, before, after, later, len(own[TRAIN]) + len(own[CALIBRATION]))

    def oracle(self, world: World, before: Measured, after: Measured, later: list[LabelledChart], size: int) -> None:
        """A model of as many charts, all of the new world."""
        config = world.changed
        wave = config.disease_wave
        days = (config.last_day - config.first_day).days + 1
        start = world.day if world.name == "code_release" else config.first_day
        end = start + timedelta(days=days - 1)
        always = replace(
            config, seed=config.seed + 100, encounters=size, first_day=start, last_day=end, note_style_day=start,
            code_release_shift_day=start, disease_wave=None if wave is None else replace(wave, from_day=start),
        )  # fmt: skip
        model = self.train(f"{world.name}_oracle", split(dated_charts(always), end + timedelta(days=1)))
        self.tell("oracle", before, after, measured(model, later), f"{size} charts of the new world")

    def once(self, name: str, config: NetworkConfig, parts: Mapping[str, list[LabelledChart]]) -> CodingModel:
        """A model that several changes have in common."""
        if (name, config) not in self._models:
            self._models[name, config] = self.train(f"{name}_{len(self._models)}", parts)
        return self._models[name, config]

    def base_of(self, world: World) -> NetworkConfig:
        """The network whose days before the change are learned from; it has no paper."""
        given = self.given
        (base,) = worlds(["note_style"], given.a_day, given.charts, max(given.after) + given.later, given.scans)
        return base.same

    def tell(self, name: str, before: Measured, after: Measured, now: Measured, said: str) -> None:
        """Print one row."""
        told = won_back(before, after, now)
        shares = f"{shown(told, 'retrained'):<24} won back {shown(told, 'won_back', 2):<22}"
        print(f"  {name:<26} {shares} {said}", flush=True)  # noqa: T201


def shown(told: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """A figure with its interval."""
    if told[name] is None:
        return "-"
    low, high = told[f"{name}_95"]
    return f"{told[name]:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def main() -> None:
    """Run the changes asked for and print their tables."""
    names = ("note_style", "disease_wave", "patient_mix", "code_release", "scanner")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shift", nargs="+", choices=names, default=names[:4])
    parser.add_argument("--charts", type=int, default=800, help="charts before the change")
    parser.add_argument("--a-day", type=int, default=50)
    parser.add_argument("--after", type=int, nargs="+", default=[3, 7, 14], help="days after the change learned from")
    parser.add_argument("--later", type=int, default=6, help="days measured, after the last of them")
    parser.add_argument(
        "--scans", type=int, default=15, help="encounters a day with a document on paper, read for real"
    )
    parser.add_argument("--wave", default=WAVE, help="scenario of the disease wave, a quarter of the encounters")
    parser.add_argument("--thorough", action="store_true", help="train with the training's own parameters")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given, Path(folder))
        days = max(given.after) + given.later
        for world in worlds(given.shift, given.a_day, given.charts, days, given.scans, given.wave):
            bench.run(world)


if __name__ == "__main__":
    main()
