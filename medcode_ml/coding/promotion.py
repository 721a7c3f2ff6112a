"""The gates a coding model passes before it codes for real, and its promotion. All are counted from the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from medcode_ml.coding.evaluation import ONTOLOGY
from medcode_ml.coding.in_use import KIND
from medcode_ml.contracts import ml
from medcode_ml.models.bootstrap import AT_ZERO
from medcode_ml.models.registry import promoted
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.evaluation import CHAMPION, lead
from medcode_ml.models.warehouse.promotion import Gate, Promotion, data_gates, promote_version
from medcode_ml.models.warehouse.versions import newest_version

#: with fewer, neither the model nor its figures mean much: half of the codes would stand in one encounter alone
FEWEST: Final = {TRAIN: 100, CALIBRATION: 20, TEST: 30}
_FIGURE, _IN_WORDS = "micro_f1", "micro-F1"


def gates(engine: sa.Engine, home: Path, version: str) -> list[Gate]:
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
    champion = promoted(KIND, home)
    return [
        *found,
        Gate("candidate_beats_ontology", better, ahead.said(_IN_WORDS, "the ontology coder")),
        _champion_gate(engine, version, None if champion is None else champion.name),
    ]


def promote_from_store(
    engine: sa.Engine, home: Path, *, version: str | None = None, by: str, note: str = ""
) -> Promotion:
    """Promote `version` (the newest by default) if it passes every gate; write who did and when.

    Raises:
        NotPromotedError: a gate is not passed.
        ModelFolderError: its folder is gone or was changed.
    """
    version = version or newest_version(engine, ml.CODING)
    return promote_version(engine, ml.CODING, home, version, gates(engine, home, version), by=by, note=note)


def _champion_gate(engine: sa.Engine, version: str, champion: str | None) -> Gate:
    name = "candidate_beats_champion"
    if champion is None or champion == version:
        return Gate(name, True, "no other model is in use")
    over = lead(engine, ml.CODING, version, CHAMPION, _FIGURE)
    if not over.measured_against(champion):
        return Gate(name, False, f"not measured against {champion}, the model in use: evaluate again")
    return Gate(name, over.value is not None and over.value >= 0, over.said(_IN_WORDS, champion))
