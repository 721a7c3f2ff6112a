"""The report of `medcode evaluate ranking`: what was measured against what, and every figure, as JSON and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.models.bootstrap import RESAMPLES, SEED
from medcode_ml.ranking.figures.certainty import NAMES as CERTAINTY_NAMES
from medcode_ml.ranking.figures.certainty import certainty_figures
from medcode_ml.ranking.figures.measured import BY_PATIENT, BY_STAY, NAMES, Gold, paired, summary
from medcode_ml.ranking.figures.orders import bare
from medcode_ml.ranking.figures.predictions import RankedStay
from medcode_ml.ranking.labelled.stay import LabelledStay, LabelledStays

_WIDTH: Final = 38


def ranking_report(
    gold: LabelledStays,
    predicted: Sequence[RankedStay],
    against: Sequence[RankedStay] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Measure what `medcode rank` wrote against the true orders.

    Orders are measured as they stand: a true code that an order lacks stands behind all others, a code that the truth
    does not have keeps its place and gains nothing, an encounter without a prediction is an order of nothing. How many
    of these there were is told.

    Args:
        gold: the stays that are asked for.
        predicted: objects of `medcode rank`; those of encounters that `gold` does not have are counted and left out.
        against: a second set of predictions: their differences are reported, paired by stay.
        resamples: bootstrap draws by patient.
        seed: of the draws.

    Returns:
        A dict for JSON: `gold`, `predictions`, `grouping` (how DRGs were found), `counts` (stays that each figure was
        measured on), `by_encounter` and `by_patient` (`measured.NAMES`, each with `<name>_95`), `certainty` where
        probabilities of the principal were said, `against` and `difference` where there is a second set.
    """
    stays = [stay for stay in gold.stays if not stay.variant]
    asked = Gold(stays)
    measured = asked.measure(_orders(stays, predicted))
    report: dict[str, Any] = {
        "task": "ranking",
        "gold": {
            "source": gold.source,
            "encounters": len(stays),
            "patients": len(set(asked.patients)),
            "rejected": len(gold.rejected),
            "with_recorded_drg": sum(drg is not None for drg in asked.recorded),
        },
        "predictions": _told_of(stays, predicted),
        "grouping": asked.grouper.facts,
        "counts": measured.counts(),
        **summary(measured, resamples=resamples, seed=seed),
    }
    said, right, patients = said_of(stays, predicted)
    if len(said):
        report["certainty"] = certainty_figures(said, right, patients, resamples=resamples, seed=seed)
    if against is not None:
        other = asked.measure(_orders(stays, against))
        report["against"] = {**_told_of(stays, against), **summary(other, resamples=resamples, seed=seed)}
        report["difference"] = paired(measured, other, resamples=resamples, seed=seed)
    return report


def table(report: Mapping[str, Any]) -> str:
    """The report as lines for people."""
    said = report["predictions"]
    rows = [
        f"{report['gold']['encounters']} encounters of {report['gold']['patients']} patients, "
        f"{report['gold']['with_recorded_drg']} with a recorded MS-DRG; ranked by {', '.join(said['model_versions'])}",
        f"{'':{_WIDTH}}{'by encounter':>26}{'by patient':>26}{'encounters':>12}",
    ]
    rows += [
        f"{label:{_WIDTH}}{told(report[BY_STAY], name):>26}{told(report[BY_PATIENT], name):>26}"
        f"{report['counts'][name]:>12}"
        for name, label in NAMES.items()
    ]
    if "certainty" in report:
        sure = report["certainty"]
        rows += [
            f"{label:{_WIDTH}}{told(sure, name):>26}{'':26}{sure['encounters']:>12}"
            for name, label in CERTAINTY_NAMES.items()
        ]
    if "difference" in report:
        rows.append(f"difference to {', '.join(report['against']['model_versions'])}")
        rows += [
            f"{label:{_WIDTH}}{told(report['difference'][BY_STAY], name):>26}"
            f"{told(report['difference'][BY_PATIENT], name):>26}"
            for name, label in NAMES.items()
            if name in report["difference"][BY_STAY]
        ]
    if report["grouping"]["icd9_procedures_left_out"]:
        rows.append(
            f"{report['grouping']['icd9_procedures_left_out']} ICD-9-CM procedures were not grouped: their map is not "
            "loaded, so surgical stays group as medical ones"
        )
    return "\n".join(rows)


def told(figures: Mapping[str, Any], name: str) -> str:
    """A figure and its interval in words."""
    value, interval = figures.get(name), figures.get(f"{name}_95")
    if value is None:
        return "nothing to count"
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _orders(stays: Sequence[LabelledStay], predicted: Sequence[RankedStay]) -> list[tuple[str, ...]]:
    by_id = {one.encounter_id: one.codes for one in predicted}
    return [by_id.get(stay.encounter_id, ()) for stay in stays]


def _told_of(stays: Sequence[LabelledStay], predicted: Sequence[RankedStay]) -> dict[str, Any]:
    """What was read of the predictions, and where they hold other codes than the truth."""
    asked = {stay.encounter_id: {bare(code) for code in stay.codes} for stay in stays}
    own = [one for one in predicted if one.encounter_id in asked]
    codes = [({bare(code) for code in one.codes}, asked[one.encounter_id]) for one in own]
    return {
        "records": len(predicted),
        "missing_records": len(asked) - len(own),
        "extra_records": len(predicted) - len(own),
        "with_other_codes": sum(given != true for given, true in codes),
        "missing_codes": sum(len(true - given) for given, true in codes),
        "extra_codes": sum(len(given - true) for given, true in codes),
        "without_principal": sum(not one.has_principal for one in own),
        "model_versions": sorted({one.model_version for one in own if one.model_version is not None}),
    }


def said_of(
    stays: Sequence[LabelledStay], predicted: Sequence[RankedStay]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], list[str]]:
    """Probability said of each principal, whether it was right, and whose stay it is; only stays with a probability."""
    told = {one.encounter_id: one for one in predicted if one.probability is not None and one.codes}
    own = [(told[stay.encounter_id], stay) for stay in stays if stay.encounter_id in told]
    return (
        np.array([one.probability for one, _ in own], dtype=np.float64),
        np.array([bare(one.codes[0]) == bare(stay.codes[0]) for one, stay in own], dtype=np.bool_),
        [stay.patient_id for _, stay in own],
    )
