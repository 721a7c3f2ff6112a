"""From logits and labels to what a coder decides by: probabilities, the cut of acceptance, and the certified bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medcode_ml.coding.training_parameters import TrainingParameters
from medcode_ml.models.bands import Bands, Threshold, auto_threshold, drop_threshold
from medcode_ml.models.calibration import Calibrator

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibrated:
    """What a coder decides by.

    Attributes:
        calibrator: from logits to probabilities.
        threshold: probability from which on a code is accepted.
        auto, drop: what was certified, or why nothing was.
    """

    calibrator: Calibrator
    threshold: float
    auto: Threshold
    drop: Threshold

    @property
    def bands(self) -> Bands:
        """The bands; nothing that is accepted is dropped."""
        dropped = self.drop.value
        return Bands(self.auto.value, None if dropped is None else min(dropped, self.threshold))

    def facts(self, *, on: str, network_weight: float) -> dict[str, Any]:
        """For the manifest; `on` says in words what it was calibrated on."""

        def told(found: Threshold) -> dict[str, Any]:
            return {"value": found.value, "because": found.because, "risk": found.risk, "charts": found.groups}

        return {
            "calibrated_on": on,
            "calibration": self.calibrator.method,
            "accepted_from": round(self.threshold, 4),
            "auto_band": told(self.auto),
            "drop_band": told(self.drop),
            "network_weight": network_weight,
        }


def calibrate(
    logits: Floats, right: npt.NDArray[np.bool_], groups: npt.NDArray[Any], cut: float, p: TrainingParameters
) -> Calibrated:
    """Calibrate on codes whose truth is known.

    Args:
        logits: of the proposals, by a model that did not learn from their charts. Shape (rows,).
        right: whether coders gave the code. groups: whose patient or note it is. Same shape.
        cut: logit from which on codes are accepted.
        p: what the bands promise.

    Raises:
        CalibrationError: too few codes of either kind.
    """
    calibrator = Calibrator.fit(logits, right, groups, seed=p.seed)
    probability = calibrator.probabilities(logits)
    return Calibrated(
        calibrator,
        float(calibrator.probabilities(np.array([cut]))[0]),
        auto_threshold(probability, right, groups, p.precision, p.confidence),
        drop_threshold(probability, right, groups, p.loss, p.confidence),
    )
