"""How far a second coder, who saw no proposals, agrees with the model and with the first coder. Pure, no I/O.

Audited encounters were drawn at random within strata, so each stands for `weight` encounters. Intervals of shares are
Korn and Graubard's (Survey Methodology 24, 1998): Clopper and Pearson's, at the number of codes that the sample is
worth when weights differ and the codes of an encounter go wrong together. Of figures that are no share they are the
bootstrap's, by encounter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.models.bootstrap import RESAMPLES, Floats, Measure, estimates, ratio

ALL: Final = "all"
COLUMNS: Final = ("hospital_id", "version", "figure", "value", "low", "high", "number", "encounters", "notes")
_SHARES: Final = {
    "error_auto": ("wrong_auto", "auto", "proposed codes of the auto band that the auditor did not give"),
    "error_review": ("wrong_review", "review", "proposed codes of the review band that the auditor did not give"),
    "missed": ("missed", "audited", "codes of the auditor that were not proposed"),
    "principal_differs": ("other_principal", "ranked", "encounters with another principal than the auditor's"),
}


@dataclass(frozen=True)
class AuditFrames:
    """Encounters audited, each by its newest audit.

    Attributes:
        encounters: encounter_id, hospital_id, version, weight.
        codes: encounter_id, code, band (None where not proposed), proposed_place, place (None where the auditor did
            not give it): rows of review.chart_code.
        first: encounter_id, code, place of the first coder, of those that one coded.
    """

    encounters: pd.DataFrame
    codes: pd.DataFrame
    first: pd.DataFrame


def agreement(frames: AuditFrames, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Figures by `COLUMNS`, for each hospital and version and all of them together; nothing where none was audited."""
    counted = by_encounter(frames)
    groups = [(ALL, ALL, counted)]
    for (hospital, version), own in counted.groupby(["hospital_id", "version"], sort=True):
        groups.append((hospital, version, own))
    rows = [
        (hospital, version, *row)
        for hospital, version, own in groups
        if len(own)
        for row in (*_shares(own), *_coders(own[own["coded"]], resamples))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def by_encounter(frames: AuditFrames) -> pd.DataFrame:
    """Counts of each audited encounter: codes by band and what the auditor made of them, and the first coder's."""
    codes = frames.codes.merge(
        frames.first[["encounter_id", "code", "place"]].rename(columns={"place": "first_place"}),
        on=["encounter_id", "code"], how="outer",
    )  # fmt: skip
    codes = codes[codes["encounter_id"].isin(set(frames.encounters["encounter_id"]))]
    given, first = codes["place"].notna(), codes["first_place"].notna()
    proposed = codes["band"].notna()
    auto, review = codes["band"] == "auto", codes["band"] == "review"
    made = pd.DataFrame(
        {
            "encounter_id": codes["encounter_id"],
            "auto": auto, "wrong_auto": auto & ~given,
            "review": review, "wrong_review": review & ~given,
            "audited": given, "missed": given & ~proposed,
            "ranked": codes["proposed_place"] == 1, "other_principal": (codes["proposed_place"] == 1)
            & (codes["place"] != 1),
            "labels": first, "both": given & first,
            "both_kept": proposed & given & first, "auditor_kept": proposed & given & ~first,
            "coder_kept": proposed & ~given & first, "none_kept": proposed & ~given & ~first,
            "same_principal": (codes["place"] == 1) & (codes["first_place"] == 1),
        }
    )  # fmt: skip
    sums = made.groupby("encounter_id").sum().astype(np.float64)
    found = frames.encounters.set_index("encounter_id").join(sums)
    found["coded"] = found.index.isin(set(frames.first["encounter_id"]))
    return found.assign(weight=found["weight"].astype(np.float64)).reset_index()


def _shares(own: pd.DataFrame) -> list[tuple[str, float, float, float, int, int, str]]:
    found = []
    weight = own["weight"].to_numpy()
    for figure, (part, whole, notes) in _SHARES.items():
        parts, wholes = own[part].to_numpy(), own[whole].to_numpy()
        if not wholes.sum():
            continue
        value, low, high = weighted_share(parts, wholes, weight)
        counted = int((wholes > 0).sum())
        found.append((figure, value, low, high, int(wholes.sum()), counted, f"share of {notes}, weighted"))
    return found


def weighted_share(parts: Floats, wholes: Floats, weight: Floats) -> tuple[float, float, float]:
    """A weighted share of codes and its 95% interval (Korn and Graubard), each element an encounter.

    Args:
        parts: codes of which it is so. wholes: codes. weight: encounters it stands for.

    Returns:
        value, low, high.
    """
    from scipy.stats import beta, t

    used = wholes > 0
    parts, wholes, weight = parts[used], wholes[used], weight[used]
    units, codes = len(wholes), float(wholes.sum())
    total = float(weight @ wholes)
    share = float(weight @ parts) / total
    # variance of the ratio by linearisation over encounters
    spread = weight * (parts - share * wholes) / total
    variance = units / (units - 1) * float(spread @ spread) if units > 1 else 0.0
    if variance > 0:
        worth = share * (1 - share) / variance
        if codes > 1:
            worth *= (float(t.ppf(0.975, codes - 1)) / float(t.ppf(0.975, units - 1))) ** 2
    else:
        # nothing or everything went wrong: by the weights alone, and no encounter counts for more than itself
        worth = float(weight.sum()) ** 2 / float(weight @ weight)
    worth = min(worth, codes)
    hits = share * worth
    low = float(beta.ppf(0.025, hits, worth - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(0.975, hits + 1, worth - hits)) if hits < worth else 1.0
    return share, low, high


def _coders(own: pd.DataFrame, resamples: int) -> list[tuple[str, float, float, float, int, int, str]]:
    """Auditor against first coder, of encounters that both coded."""
    if own.empty:
        return []
    cells = own[["both_kept", "auditor_kept", "coder_kept", "none_kept"]].to_numpy(np.float64)
    column = {name: own[name].to_numpy(np.float64) for name in ("audited", "labels", "both", "same_principal")}
    ones = np.ones(len(own))
    measures: dict[str, Measure] = {
        "kappa": lambda drawn: kappa(drawn @ cells),
        "f1": lambda drawn: ratio(2 * (drawn @ column["both"]), drawn @ (column["audited"] + column["labels"])),
        "same_principal": lambda drawn: ratio(drawn @ column["same_principal"], drawn @ ones),
    }
    notes = {
        "kappa": ("coders_kappa", int(cells.sum()), "Cohen's kappa of the two coders on the codes proposed"),
        "f1": ("coders_f1", int((column["audited"] + column["labels"]).sum()), "F1 of their codes: twice those of both"
               " / those of either"),
        "same_principal": ("coders_principal", len(own), "encounters with the same principal of both"),
    }  # fmt: skip
    known = estimates(len(own), measures, resamples=resamples)
    found = []
    for name, (figure, number, said) in notes.items():
        value, ends = known[name], known.get(f"{name}_95")
        if isinstance(value, float) and isinstance(ends, list):
            found.append((figure, value, ends[0], ends[1], number, len(own), said))
    return found


def kappa(cells: npt.ArrayLike) -> Floats:
    """Cohen's kappa of two coders who said yes or no.

    Args:
        cells: both yes, first alone, second alone, both no. Shape (..., 4).

    Returns:
        Shape (...); NaN where chance alone would have them agree on everything.
    """
    counts = np.asarray(cells, np.float64)
    yes, one, other, no = np.moveaxis(counts, -1, 0)
    total = counts.sum(-1)
    seen = ratio(yes + no, total)
    chance = ratio((yes + one) * (yes + other) + (no + one) * (no + other), total**2)
    return ratio(seen - chance, 1 - chance)
