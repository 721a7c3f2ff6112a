"""The gates a ranking model passes before it ranks for real. All are counted from the tables."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from medcode_ml.contracts import ml
from medcode_ml.models.bootstrap import AT_ZERO
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.evaluation import CHAMPION, MODEL, WHOLE, lead
from medcode_ml.models.warehouse.promotion import Gate, data_gates
from medcode_ml.models.warehouse.stages import champion_version
from medcode_ml.ranking.evaluation import KEPT, NDCG, RULE, TOP1
from medcode_ml.ranking.model import KIND
from medcode_ml.store.frames import read_frame

#: with fewer, a habit of coders cannot be told from chance: of 100 tested one principal is a whole point
FEWEST: Final = {TRAIN: 100, CALIBRATION: 20, TEST: 30}
_TOP1: Final = "principal found"
_NDCG: Final = "nDCG@10"


def gates(engine: sa.Engine, version: str) -> list[Gate]:
    """The gates of `version`, from its row, its encounters and its evaluation.

    `candidate_beats_guidelines`: the lower end of the 95% interval of its lead in principals found is above 0, so that
    chance alone does not promote a model; at exactly 0, where it finds the same ones, its lead in nDCG@10 decides in
    the same way. `candidate_beats_champion`: it finds at least as many principals as the model in use, which saw no
    newer data, and where it finds as many, its nDCG@10 is no lower; with none in use there is nothing to beat.
    `codes_kept`: no encounter of the test got a code or lost one.

    Raises:
        NotPromotedError: there is no such version.
    """
    found = data_gates(engine, ml.RANKING, version, FEWEST)
    return [
        *found,
        _kept_gate(engine, version),
        _guidelines_gate(engine, version),
        _champion_gate(engine, version, champion_version(engine, KIND)),
    ]


def _kept_gate(engine: sa.Engine, version: str) -> Gate:
    table = ml.ranking_evaluation.c
    query = sa.select(table.value, table.encounters).where(
        table.version == version, table.part == WHOLE, table.ranker == MODEL, table.figure == KEPT
    )
    found = read_frame(engine, query)
    if found.empty:
        return Gate("codes_kept", False, "not measured")
    kept, count = found.iloc[0]
    changed = round(count * (1 - kept))
    return Gate("codes_kept", kept == 1, f"{changed} of {count} encounters came out with other codes than went in")


def _guidelines_gate(engine: sa.Engine, version: str) -> Gate:
    top1, ndcg = (lead(engine, ml.RANKING, version, RULE, figure) for figure in (TOP1, NDCG))
    if top1.low is not None and abs(top1.low) <= AT_ZERO:
        better = ndcg.low is not None and ndcg.low > AT_ZERO
    else:
        better = top1.low is not None and top1.low > 0
    words = "the guidelines"
    return Gate("candidate_beats_guidelines", better, f"{top1.said(_TOP1, words)}; {ndcg.said(_NDCG, words)}")


def _champion_gate(engine: sa.Engine, version: str, champion: str | None) -> Gate:
    name = "candidate_beats_champion"
    if champion is None or champion == version:
        return Gate(name, True, "no other model is in use")
    top1, ndcg = (lead(engine, ml.RANKING, version, CHAMPION, figure) for figure in (TOP1, NDCG))
    if not top1.measured_against(champion) or top1.value is None or ndcg.value is None:
        return Gate(name, False, f"not measured against {champion}, the model in use: evaluate again")
    as_good = top1.value > 0 or (top1.value == 0 and ndcg.value >= 0)
    return Gate(name, as_good, f"{top1.said(_TOP1, champion)}; {ndcg.said(_NDCG, champion)}")
