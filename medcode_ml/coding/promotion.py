"""The gates a coding model passes before it codes for real. All are counted from the tables."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from medcode_ml.coding.evaluation import ONTOLOGY
from medcode_ml.coding.in_use import KIND
from medcode_ml.contracts import ml
from medcode_ml.models.bootstrap import AT_ZERO
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.evaluation import CHAMPION, lead
from medcode_ml.models.warehouse.promotion import Gate, data_gates
from medcode_ml.models.warehouse.stages import champion_version

#: with fewer, neither the model nor its figures mean much: half of the codes would stand in one encounter alone
FEWEST: Final = {TRAIN: 100, CALIBRATION: 20, TEST: 30}
_FIGURE, _IN_WORDS = "micro_f1", "micro-F1"


def gates(engine: sa.Engine, version: str) -> list[Gate]:
    """The gates of `version`, from its row, its encounters and its evaluation.

    `candidate_beats_ontology`: the lower end of the 95% interval of its lead in micro-F1 is above 0, so that chance
    alone does not promote a model. `candidate_beats_champion`: it is at least as good as the model in use, which saw
    no newer data; with none in use there is nothing to beat.

    Raises:
        NotPromotedError: there is no such version.
    """
    found = data_gates(engine, ml.CODING, version, FEWEST)
    ahead = lead(engine, ml.CODING, version, ONTOLOGY, _FIGURE)
    better = ahead.low is not None and ahead.low > AT_ZERO
    return [
        *found,
        Gate("candidate_beats_ontology", better, ahead.said(_IN_WORDS, "the ontology coder")),
        _champion_gate(engine, version, champion_version(engine, KIND)),
    ]


def _champion_gate(engine: sa.Engine, version: str, champion: str | None) -> Gate:
    name = "candidate_beats_champion"
    if champion is None or champion == version:
        return Gate(name, True, "no other model is in use")
    over = lead(engine, ml.CODING, version, CHAMPION, _FIGURE)
    if not over.measured_against(champion):
        return Gate(name, False, f"not measured against {champion}, the model in use: evaluate again")
    return Gate(name, over.value is not None and over.value >= 0, over.said(_IN_WORDS, champion))
