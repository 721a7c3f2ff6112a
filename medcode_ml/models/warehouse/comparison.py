"""Two versions on the same input, side by side: how far they agree, and which way they differ. Pure; knows no stage.

Both ways are always told together: a version that only finds more, or only pays more, is to be seen as such (rules 43
and 45).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from medcode_ml.models.bootstrap import RESAMPLES, Floats, Measure, estimates, ratio
from medcode_ml.models.warehouse.shadow import DRG_SHIFT

COLUMNS: Final = ("figure", "value", "low", "high", "encounters", "notes")


@dataclass(frozen=True)
class Outcome:
    """What a version made of a day.

    Attributes:
        encounters: encounter_id, principal_code, drg, weight; each null where there is none.
        codes: encounter_id, code: those accepted.
        seconds: its own work took.
    """

    encounters: pd.DataFrame
    codes: pd.DataFrame
    seconds: float


def compared(champion: Outcome, shadow: Outcome, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Figures of `shadow` against `champion` by `COLUMNS`; 95% intervals drawn by encounter.

    Encounters that only one of them knows count with nothing on the other side.
    """
    both = champion.encounters.merge(shadow.encounters, on="encounter_id", how="outer", suffixes=("_c", "_s"))
    counts = _code_counts(both["encounter_id"], champion.codes, shadow.codes)
    principal = (both["principal_code_c"].notna() | both["principal_code_s"].notna()).to_numpy(dtype=float)
    same_principal = (both["principal_code_c"] == both["principal_code_s"]).to_numpy(dtype=float) * principal
    grouped = (both["drg_c"].notna() | both["drg_s"].notna()).to_numpy(dtype=float)
    same_drg = (both["drg_c"] == both["drg_s"]).to_numpy(dtype=float) * grouped
    weighed = (both["weight_c"].notna() & both["weight_s"].notna()).to_numpy(dtype=float)
    weight = {side: both[f"weight_{side}"].astype(float).fillna(0.0).to_numpy() * weighed for side in "cs"}
    change = np.round(weight["s"] - weight["c"], 9)
    everyone = np.ones(len(both))
    found = [
        ("code_agreement", 2 * counts["both"], counts["both"] * 2 + counts["more"] + counts["less"],
         "codes: twice those of both / those of either"),
        ("codes_added", counts["more"], everyone, "codes an encounter that only the shadow accepts"),
        ("codes_dropped", counts["less"], everyone, "codes an encounter that only the champion accepts"),
        ("principal_agreement", same_principal, principal, "encounters with a principal diagnosis"),
        (DRG_SHIFT, grouped - same_drg, grouped, "encounters with an MS-DRG: share with another"),
        ("drg_weight_up", (change > 0).astype(float), weighed, "encounters: share with a higher weight"),
        ("drg_weight_down", (change < 0).astype(float), weighed, "encounters: share with a lower weight"),
        ("case_mix_shift", change, weighed, "mean relative weight, shadow less champion"),
    ]  # fmt: skip
    rows = _estimated(found, resamples)
    return _with_seconds(rows, champion.seconds, shadow.seconds, len(both))


def compared_amounts(
    champion: pd.DataFrame, shadow: pd.DataFrame, seconds: tuple[float, float], resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Figures of predicted amounts against the champion's by `COLUMNS`; both indexed by encounter, a column an amount.

    Args:
        champion, shadow: US dollars.
        seconds: of the champion and the shadow.
        resamples: bootstrap draws.
    """
    both = champion.join(shadow, how="inner", lsuffix="_c", rsuffix="_s")
    found = []
    for name in champion.columns:
        one, other = (both[f"{name}_{side}"].astype(float).to_numpy() for side in "cs")
        apart = np.divide(np.abs(other - one), one, out=np.zeros_like(one), where=one > 0)
        counted = (one > 0).astype(float)
        found += [
            (f"{name}_apart", apart, counted, "claims: mean of |shadow - champion| / champion"),
            (f"{name}_shift", (other - one) * counted, one * counted, "dollars: sum of the differences / sum"),
        ]
    rows = _estimated(found, resamples)
    return _with_seconds(rows, *seconds, len(both))


def _code_counts(encounters: pd.Series, champion: pd.DataFrame, shadow: pd.DataFrame) -> dict[str, Floats]:
    """Codes of both, of the shadow alone (more) and of the champion alone (less), in the order of `encounters`."""
    merged = champion.drop_duplicates().merge(shadow.drop_duplicates(), how="outer", indicator=True)
    sides = {"both": "both", "more": "right_only", "less": "left_only"}
    return {
        name: encounters.map(merged.loc[merged["_merge"] == side, "encounter_id"].value_counts())
        .fillna(0)
        .to_numpy(dtype=float)
        for name, side in sides.items()
    }


def _estimated(found: list[tuple[str, Any, Any, str]], resamples: int) -> list[tuple[Any, ...]]:
    def measure(part: Floats, whole: Floats) -> Measure:
        return lambda drawn: ratio(drawn @ part, drawn @ whole)

    units = len(found[0][1]) if found else 0
    known = estimates(units, {name: measure(part, whole) for name, part, whole, _ in found}, resamples=resamples)
    rows = []
    for name, _, whole, notes in found:
        interval = known.get(f"{name}_95")
        low, high = interval if isinstance(interval, list) else (None, None)
        rows.append((name, known[name], low, high, int((np.asarray(whole) > 0).sum()), notes))
    return rows


def _with_seconds(rows: list[tuple[Any, ...]], champion: float, shadow: float, encounters: int) -> pd.DataFrame:
    for name, took in (("champion_seconds", champion), ("shadow_seconds", shadow)):
        rows.append((name, round(took, 3), None, None, encounters, "seconds for the day"))
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
