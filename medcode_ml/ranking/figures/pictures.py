"""Pictures of how sure a ranker is of its principals, made of the same numbers as `certainty.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.models.calibration import reliability
from medcode_ml.models.pictures import reliability_picture, risk_coverage_picture
from medcode_ml.ranking.figures.certainty import BINS

RISK: Final = "principal_risk_coverage.png"
RELIABILITY: Final = "principal_reliability.png"


def principal_risk_picture(
    path: Path,
    probabilities: Sequence[float] | npt.NDArray[np.float64],
    right: Sequence[bool] | npt.NDArray[np.bool_],
    patients: Sequence[str],
    *,
    threshold: float | None = None,
    error: float = 0.05,
    draws: int = 200,
) -> None:
    """Draw the share of wrong principals against the share of encounters decided without a person (PNG).

    Arguments as in `certainty_figures`; `threshold` marks where encounters go to review, `error` the stated one.
    """
    risk_coverage_picture(
        path, np.asarray(probabilities), np.asarray(right), list(patients), threshold=threshold, precision=1 - error,
        title="Principal diagnosis: risk and coverage", things="encounters", cover="all", draws=draws,
    )  # fmt: skip


def principal_reliability_picture(
    path: Path,
    probabilities: Sequence[float] | npt.NDArray[np.float64],
    right: Sequence[bool] | npt.NDArray[np.bool_],
    patients: Sequence[str],
) -> None:
    """Draw how often the principal was right against the probability said of it (PNG)."""
    measured = reliability(np.asarray(probabilities), np.asarray(right), list(patients), bins=BINS)
    reliability_picture(path, measured, title="Principal diagnosis: said and found probabilities")
