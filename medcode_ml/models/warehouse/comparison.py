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
SIDES: Final = ("champion", "shadow")


@dataclass(frozen=True)
class Outcome:
    """What a version made of a day.

    Attributes:
        encounters: encounter_id, principal_code, drg, weight; each null where there is none.
        codes: encounter_id, code: those accepted.
        seconds: its own work took; None where what the stages wrote was read.
    """

    encounters: pd.DataFrame
    codes: pd.DataFrame
    seconds: float | None


def drgs_of(champion: Outcome, shadow: Outcome) -> pd.DataFrame:
    """encounter_id, champion_drg, champion_weight, shadow_drg, shadow_weight: of every encounter either knows."""
    columns = ["encounter_id", "drg", "weight"]
    one, other = (
        found.encounters[columns].rename(columns={"drg": f"{side}_drg", "weight": f"{side}_weight"})
        for side, found in zip(SIDES, (champion, shadow), strict=True)
    )
    both = one.merge(other, on="encounter_id", how="outer").astype(object)
    return both.where(both.notna(), None)


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


def held_against_coders(encounters: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Figures of both versions against the coders' MS-DRG by `COLUMNS`; 95% intervals drawn by encounter.

    What is counted is whether the MS-DRG is the coders', never whether it weighs more (rules 43 and 45): an MS-DRG that
    pays more than the coders' is as wrong as one that pays less. One that a version does not find is wrong too.

    Args:
        encounters: the columns of `ml.shadow_encounter`; those count whose coders' codes give an MS-DRG.
        resamples: bootstrap draws.
    """
    known = encounters[encounters["coder_drg"].notna()]
    labelled = np.ones(len(known))
    right = {side: (known[f"{side}_drg"] == known["coder_drg"]).to_numpy(dtype=float) for side in SIDES}
    weights = known[["champion_weight", "shadow_weight", "coder_weight"]]
    weighed = weights.notna().all(axis=1).to_numpy(dtype=float)
    weight = {name: weights[name].astype(float).fillna(0.0).to_numpy() for name in weights.columns}
    unit = "labelled encounters: share with the coders' MS-DRG"
    found = [
        *((f"drg_right_{side}", right[side], labelled, unit) for side in SIDES),
        ("drg_gained", right["shadow"] * (1 - right["champion"]), labelled, f"{unit} by the shadow alone"),
        ("drg_lost", right["champion"] * (1 - right["shadow"]), labelled, f"{unit} by the champion alone"),
        *(
            (f"drg_weight_error_{side}", np.abs(weight[f"{side}_weight"] - weight["coder_weight"]) * weighed, weighed,
             "labelled encounters: mean of |relative weight - the coders'|")
            for side in SIDES
        ),
    ]  # fmt: skip
    return pd.DataFrame(_estimated(found, resamples), columns=list(COLUMNS), dtype=object)


def compared_amounts(
    champion: pd.DataFrame,
    shadow: pd.DataFrame,
    seconds: tuple[float, float],
    paid: pd.Series | None = None,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Figures of predicted amounts against the champion's by `COLUMNS`; both indexed by encounter, a column an amount.

    Args:
        champion, shadow: US dollars.
        seconds: of the champion and the shadow.
        paid: what insurers allowed by encounter, above 0, US dollars; each version's `payments` are held against it.
        resamples: bootstrap draws.
    """
    both = champion.join(shadow, how="inner", lsuffix="_c", rsuffix="_s")
    found: list[tuple[str, Any, Any, str]] = []
    for name in champion.columns:
        one, other = (both[f"{name}_{side}"].astype(float).to_numpy() for side in "cs")
        apart = np.divide(np.abs(other - one), one, out=np.zeros_like(one), where=one > 0)
        counted = (one > 0).astype(float)
        found += [
            (f"{name}_apart", apart, counted, "claims: mean of |shadow - champion| / champion"),
            (f"{name}_shift", (other - one) * counted, one * counted, "dollars: sum of the differences / sum"),
        ]
    if paid is not None:
        known = both.join(paid.astype(float).rename("paid"), how="left")
        answered = known["paid"].notna().to_numpy(dtype=float)
        for side, own in zip(SIDES, "cs", strict=True):
            off = ((known[f"payments_{own}"].astype(float) - known["paid"]).abs() / known["paid"]).fillna(0.0)
            unit = "claims paid: mean of |predicted - allowed by the insurer| / allowed"
            found.append((f"payments_error_{side}", off.to_numpy(), answered, unit))
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


def _with_seconds(
    rows: list[tuple[Any, ...]], champion: float | None, shadow: float | None, encounters: int
) -> pd.DataFrame:
    for name, took in (("champion_seconds", champion), ("shadow_seconds", shadow)):
        told = "its own work for the day" if took is not None else "not known: what the stages wrote was read"
        rows.append((name, None if took is None else round(took, 3), None, None, encounters, f"seconds: {told}"))
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
