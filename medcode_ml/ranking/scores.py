"""What decides an order: a score as principal and a score for the places after it; here those of the guidelines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.ranking.features import Features
from medcode_ml.ranking.knowledge import FloatArray
from medcode_ml.ranking.rows import Batch

STANDING: Final = 0.2
"""How much being a likely principal counts for a secondary place, beside the gravity (0-10) of the condition."""
_STANDING_LIMITS: Final = (-6.0, 2.0)
ARISEN_LATER: Final = -0.5
"""Complications that arose in the stay (POA N) come after equally grave conditions of the admission."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of each row, shape (rows,); higher is earlier."""

    principal: FloatArray
    """Log-odds of being the principal, compared among the candidates of an encounter."""
    order: FloatArray
    """Importance for the places after the principal."""


def guideline_scores(batch: Batch, features: Features) -> Scores:
    """Return the scores by the Official Guidelines: gravity with a little of the standing as principal after it."""
    gravity = batch.attributes.gravity[batch.rows.code]
    later = np.where(batch.poa == "N", ARISEN_LATER, 0.0)
    return Scores(features.total, gravity + STANDING * standing(features) + later)


def standing(features: Features) -> FloatArray:
    """Return how likely a row is as principal by itself, whatever else explains it; kept within limits."""
    return np.clip(features.total - features.parts["explained"], *_STANDING_LIMITS)
