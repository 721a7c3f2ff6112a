"""Measures the amount model on hospitals it has never seen.

    python -m medcode_ml.benchmarks.amounts --data DIR [--folds 4] [--only 1] [--seed 0] [--set name=value]
        [--json FILE] [--speed]

DIR is what `medcode train amounts` reads. Hospitals are cut into folds; those of each are priced by what `train` makes
of the others, so that everything, choices and calibration too, was learned without them. Beside the model stand the
price by weight and the mean of the DRG; then the same hospitals once more with their other DRGs known. 95% intervals by
the bootstrap over hospitals.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from medcode_ml.billing.amounts.by_weight import price_by_weight
from medcode_ml.billing.amounts.cases import KNOWN, TARGETS, Floats, cases_of
from medcode_ml.billing.amounts.figures import NAMES, measured
from medcode_ml.billing.amounts.model import AmountModel, load_model
from medcode_ml.billing.amounts.reading import read_cases
from medcode_ml.billing.amounts.report import told
from medcode_ml.billing.amounts.training import train
from medcode_ml.models.bootstrap import RESAMPLES
from medcode_ml.models.splitting import folds_of

WEIGHT, DRG, MODEL, KNOWING = "by weight", "mean of the DRG", "model", "model, other DRGs known"
_SPEED_ROWS: Final = 100_000
_TITLE: Final = 50


def run(
    data: Path, folds: int, only: int | None, seed: int, parameters: Mapping[str, Any], resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Measure; `only` bounds the folds that are done.

    Raises:
        LabelledSourceError, ValueError: what is wrong with what was asked for.
    """
    labelled = read_cases(data)
    frame = labelled.cases
    hospitals = frame["provider_id"].astype(str)
    if not 2 <= folds <= hospitals.nunique():
        raise ValueError(f"{folds} folds of {hospitals.nunique()} hospitals: choose from 2 to as many as there are")
    fold = folds_of(list(hospitals), folds, seed)
    parts, decided, seconds = [], [], []
    for number in range(folds if only is None else min(only, folds)):
        learned, asked = frame[fold != number], frame[fold == number]
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            model = load_model(train(cases_of(learned), Path(folder) / "model", parameters).path)
        seconds.append(round(time.perf_counter() - began, 1))
        decided.append({target: own.decided_by for target, own in model.decisions.items()})
        parts.append(_priced(model, learned, asked))
    whole = {name: pd.concat([part[name] for part in parts]) for name in parts[0]}
    result: dict[str, Any] = {
        "data": labelled.source, "cases": len(whole[MODEL]), "hospitals": int(whole[MODEL]["provider_id"].nunique()),
        "folds": folds, "done": len(parts), "seed": seed, "decided_by": decided, "seconds_to_train": seconds,
        "figures": {},
    }  # fmt: skip
    for name, own in whole.items():
        result["figures"][name] = {
            target: measured(
                _column(own, KNOWN[target]),
                _column(own, target),
                (_column(own, f"{target}_low"), _column(own, f"{target}_high")) if f"{target}_low" in own else None,
                list(own["provider_id"]),
                resamples=resamples,
            )
            for target in TARGETS
        }
    return result


def _column(frame: pd.DataFrame, name: str) -> Floats:
    return np.asarray(frame[name].to_numpy(dtype=np.float64))


def _priced(model: AmountModel, learned: pd.DataFrame, asked: pd.DataFrame) -> dict[str, pd.DataFrame]:
    truth = asked[["provider_id", *KNOWN.values()]]
    hidden = asked.drop(columns=list(KNOWN.values()))
    means = learned.astype(dict.fromkeys(KNOWN.values(), float)).groupby("drg")[list(KNOWN.values())].mean()
    by_drg = pd.DataFrame({t: asked["drg"].map(means[key]).fillna(means[key].mean()) for t, key in KNOWN.items()})
    return {
        WEIGHT: truth.join(price_by_weight(hidden)),
        DRG: truth.join(by_drg),
        MODEL: truth.join(model.price(hidden)),
        KNOWING: truth.join(model.price(asked)),
    }


def speed(model: AmountModel, cases: pd.DataFrame) -> float:
    """Seconds for 100,000 cases on one core."""
    many = pd.concat([cases] * (_SPEED_ROWS // len(cases) + 1), ignore_index=True).iloc[:_SPEED_ROWS]
    began = time.perf_counter()
    model.price(many.drop(columns=list(KNOWN.values())))
    return time.perf_counter() - began


def table(result: Mapping[str, Any]) -> str:
    """The figures as lines for people."""
    rows = [
        f"{result['data']}: {result['cases']} cases of {result['hospitals']} hospitals never trained on "
        f"({result['done']} of {result['folds']} folds, seed {result['seed']})",
        f"decided by: {result['decided_by']}; seconds to train: {result['seconds_to_train']}",
    ]
    for target in TARGETS:
        rows += ["", f"{target:{_TITLE}}" + "".join(f"{name:>28}" for name in result["figures"])]
        rows += [
            f"{label:{_TITLE}}" + "".join(f"{told(own[target], name):>28}" for own in result["figures"].values())
            for name, label in NAMES.items()
        ]
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m medcode_ml.benchmarks.amounts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="cases with their amounts: JSON Lines or a folder")
    add("--folds", type=int, default=4)
    add("--only", type=int, help="do so many of the folds")
    add("--seed", type=int, default=0, help="of the cut into folds")
    add("--set", action="append", default=[], help="a parameter of the training, name=number")
    add("--resamples", type=int, default=RESAMPLES)
    add("--json", type=Path, help="write every figure to this file")
    add("--speed", type=Path, metavar="MODEL", help="only price 100,000 cases by the model of this folder")
    chosen = parser.parse_args(arguments)
    if chosen.speed is not None:
        spent = speed(load_model(chosen.speed), read_cases(chosen.data).cases)
        sys.stdout.write(f"{_SPEED_ROWS:,} cases priced in {spent:.1f} s\n")
        return 0
    parameters = {name: json.loads(value) for name, _, value in (one.partition("=") for one in chosen.set)}
    result = run(chosen.data, chosen.folds, chosen.only, chosen.seed, parameters, chosen.resamples)
    sys.stdout.write(table(result) + "\n")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
