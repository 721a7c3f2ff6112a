"""The report of `medcode evaluate amounts`: prices against the amounts that were found, as JSON and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from medcode_ml.billing.amounts.cases import KNOWN, TARGETS, AmountCaseError, checked
from medcode_ml.billing.amounts.figures import NAMES, measured
from medcode_ml.billing.amounts.model import PRICED
from medcode_ml.billing.amounts.reading import LabelledCases
from medcode_ml.models.bootstrap import RESAMPLES, SEED
from medcode_ml.models.labelled_files import Rejected, json_objects, line_of

_WIDTH: Final = 50


def read_prices(path: Path) -> tuple[list[dict[str, Any]], list[Rejected]]:
    """Read what `medcode price` wrote: drg, provider_id, `PRICED` and model_version of each good line.

    Raises:
        LabelledSourceError: the file cannot be opened.
    """
    rejected: list[Rejected] = []
    prices = []
    for number, line in json_objects(path, rejected, "prices"):
        try:
            case = checked({key: line.get(key) for key in ("drg", "provider_id")})
            amounts = {name: _dollars(line, name) for name in PRICED}
        except AmountCaseError as wrong:
            rejected.append(Rejected(line_of(path, number), str(wrong)))
            continue
        version = line.get("model_version")
        prices.append({"drg": case["drg"], "provider_id": case["provider_id"], **amounts, "model_version": version})
    return prices, rejected


def amounts_report(
    gold: LabelledCases, predicted: Sequence[Mapping[str, Any]], *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Any]:
    """Measure what `medcode price` wrote against the amounts that were found.

    Cases are matched by provider and DRG, and in their order where a pair stands there more than once. A case without a
    price is counted and left out of the figures.

    Returns:
        A dict for JSON: `gold`, `predictions`, and by target the figures of `figures.NAMES`, each with `<name>_95`,
        drawn again by hospital.
    """
    keys = ["provider_id", "drg", "turn"]
    truth = gold.cases.assign(turn=gold.cases.groupby(["provider_id", "drg"]).cumcount())
    found = pd.DataFrame(list(predicted), columns=["drg", "provider_id", *PRICED, "model_version"])
    found["turn"] = found.groupby(["provider_id", "drg"]).cumcount()
    joined = truth.merge(found, on=keys, how="left", indicator=True)
    priced = joined[joined["_merge"] == "both"]
    hospitals = list(priced["provider_id"])
    report: dict[str, Any] = {
        "task": "amounts",
        "gold": {
            "source": gold.source,
            "cases": len(truth),
            "hospitals": int(truth["provider_id"].nunique()),
            "rejected": len(gold.rejected),
        },
        "predictions": {
            "records": len(found),
            "missing_records": len(truth) - len(priced),
            "extra_records": len(found) - len(priced),
            "model_versions": sorted({str(v) for v in found["model_version"] if v is not None and v == v}),
        },
    }
    for target in TARGETS:
        amounts, price, low, high = (
            priced[name].to_numpy(dtype=np.float64)
            for name in (KNOWN[target], target, f"{target}_low", f"{target}_high")
        )
        report[target] = measured(amounts, price, (low, high), hospitals, resamples=resamples, seed=seed)
    return report


def table(report: Mapping[str, Any]) -> str:
    """The report as lines for people."""
    gold, said = report["gold"], report["predictions"]
    rows = [
        f"{gold['cases']} cases of {gold['hospitals']} hospitals, {said['missing_records']} without a price; priced by "
        f"{', '.join(said['model_versions']) or 'an unnamed model'}",
        f"{'':{_WIDTH}}" + "".join(f"{target:>28}" for target in TARGETS),
    ]
    rows += [
        f"{label:{_WIDTH}}" + "".join(f"{told(report[target], name):>28}" for target in TARGETS)
        for name, label in NAMES.items()
    ]
    return "\n".join(rows)


def told(figures: Mapping[str, Any], name: str) -> str:
    """A figure and its interval in words."""
    value, interval = figures.get(name), figures.get(f"{name}_95")
    if value is None:
        return "not measured"
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _dollars(line: Mapping[str, Any], name: str) -> float:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise AmountCaseError(f"{name} is missing or no amount in dollars; give what `medcode price` writes")
    return float(value)
