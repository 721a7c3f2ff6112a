"""How sure a trained ranker may be: calibration and review threshold, from stays that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.models.bands import Threshold, auto_threshold
from medcode_ml.models.calibration import CalibrationError, Calibrator, Reliability, reliability
from medcode_ml.models.contents import Writer
from medcode_ml.ranking.doubt import principal_log_odds
from medcode_ml.ranking.figures.pictures import (
    RELIABILITY,
    RISK,
    principal_reliability_picture,
    principal_risk_picture,
)
from medcode_ml.ranking.knowledge import FloatArray
from medcode_ml.ranking.lists import Lists
from medcode_ml.ranking.order import order_of
from medcode_ml.ranking.reading import ReadBatch
from medcode_ml.ranking.scores import Scores
from medcode_ml.ranking.training_figures import DECIDES, Contender, measured
from medcode_ml.ranking.training_parameters import TrainingParameters

CALIBRATION, OUT_OF_FOLD = "calibration", "out of fold"
_CALIBRATED_ON: Final = {CALIBRATION: "stays of other patients", OUT_OF_FOLD: "training stays out of fold"}


@dataclass(frozen=True)
class Judged:
    """Stays scored by models that had not seen them: what is compared and calibrated."""

    read: ReadBatch
    lists: Lists
    scores: Mapping[str, Scores]
    """By contender, the guidelines among them."""

    def contenders(self) -> dict[str, Contender]:
        """The figures of each contender on these stays."""
        return measured(self.read, self.lists.patients, self.scores)


@dataclass(frozen=True)
class Certainty:
    """The calibration, of the stays that have a principal and a true one; nothing where it cannot be made."""

    part: str
    """The stays it was made on, CALIBRATION or OUT_OF_FOLD."""
    contenders: Mapping[str, Contender]
    """Of these stays."""
    calibrator: Calibrator | None
    probability: FloatArray
    right: npt.NDArray[np.bool_]
    patients: npt.NDArray[np.object_]
    threshold: Threshold
    reliability: Reliability | None

    def facts(self) -> dict[str, Any]:
        """The calibration and the threshold for a manifest."""
        return {
            "calibrated_on": _CALIBRATED_ON[self.part],
            "calibration": self.calibrator.method if self.calibrator else "none",
            "review": {
                "below": self.threshold.value,
                "because": self.threshold.because,
                "error": self.threshold.risk,
                "stays": self.threshold.chosen,
                "of": len(self.right),
            },
        }

    def pictures(self, p: TrainingParameters) -> dict[str, Writer]:
        """The pictures of the model folder; none of what was not calibrated."""
        if self.reliability is None:
            return {}
        judged = (self.probability, self.right, list(self.patients))
        return {
            RISK: lambda path: principal_risk_picture(path, *judged, threshold=self.threshold.value, error=p.error),
            RELIABILITY: lambda path: principal_reliability_picture(path, *judged),
        }


def certainty(
    judged: Judged,
    contenders: Mapping[str, Contender],
    kept_apart: Judged | None,
    p: TrainingParameters,
    decided_by: str,
) -> Certainty:
    """Calibrate on the stays `kept_apart`, or out of fold where there are none or too few of them.

    Args:
        judged: the training stays, out of fold.
        contenders: their figures.
        kept_apart: stays of other patients.
        p: the choices.
        decided_by: the contender that became the model.
    """
    if kept_apart is not None:
        found = _calibrated(kept_apart, kept_apart.contenders(), p, decided_by, CALIBRATION)
        if found.calibrator is not None:
            return found
    # too few wrong principals on stays kept apart tell no probability; the training stays have more of both
    return _calibrated(judged, contenders, p, decided_by, OUT_OF_FOLD)


def _calibrated(
    judged: Judged, contenders: Mapping[str, Contender], p: TrainingParameters, decided_by: str, part: str
) -> Certainty:
    """Calibrate, and find the threshold of review."""
    order = order_of(judged.read.batch, judged.read.eligibility, judged.scores[decided_by])
    log_odds, own = principal_log_odds(order), contenders[decided_by]
    known = ~np.isnan(log_odds) & ~np.isnan(own.figures[DECIDES])
    right = own.figures[DECIDES][known] == 1
    patients = np.array(judged.lists.patients, dtype=object)[known]
    try:
        calibrator = Calibrator.fit(log_odds[known], right, patients, seed=p.seed)
    except CalibrationError as unfit:
        # a model that is never sure is still of use: everything it orders goes to review
        none = Threshold(None, str(unfit), p.error, p.confidence)
        return Certainty(part, contenders, None, np.zeros(0), right, patients, none, None)
    probability = calibrator.probabilities(log_odds[known])
    threshold = auto_threshold(probability, right, patients, 1 - p.error, p.confidence)
    said = reliability(probability, right, patients, part=part, coder=decided_by)
    return Certainty(part, contenders, calibrator, probability, right, patients, threshold, said)
