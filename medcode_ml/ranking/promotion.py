"""The gates a ranking model passes before it ranks for real. All are counted from the tables."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from medcode_ml.contracts import ml
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.evaluation import MODEL, WHOLE, lead
from medcode_ml.models.warehouse.promotion import Gate, champion_gate, data_gates, first_decides
from medcode_ml.ranking.evaluation import KEPT, NDCG, RULE, TOP1
from medcode_ml.store.frames import read_frame

#: with fewer, a habit of coders cannot be told from chance: of 100 tested one principal is a whole point
FEWEST: Final = {TRAIN: 100, CALIBRATION: 20, TEST: 30}
_DECIDING: Final = {TOP1: "principal found", NDCG: "nDCG@10"}


def gates(engine: sa.Engine, version: str) -> list[Gate]:
    """The gates of `version`, from its row, its encounters and its evaluation.

    `candidate_beats_guidelines`: the lower end of the 95% interval of its lead in principals found is above 0, so that
    chance alone does not promote a model; at exactly 0, where it finds the same ones, its lead in nDCG@10 decides in
    the same way. `candidate_beats_champion`: the same of its lead over the model in use, on encounters of persons that
    neither of them learned from; with none in use there is nothing to beat.
    `codes_kept`: no encounter of the test got a code or lost one.

    Raises:
        NotPromotedError: there is no such version.
    """
    found = data_gates(engine, ml.RANKING, version, FEWEST)
    return [
        *found,
        _kept_gate(engine, version),
        _guidelines_gate(engine, version),
        champion_gate(engine, ml.RANKING, version, _DECIDING, first_decides),
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
    leads = [lead(engine, ml.RANKING, version, RULE, figure) for figure in _DECIDING]
    said = [one.said(words, "the guidelines") for one, words in zip(leads, _DECIDING.values(), strict=True)]
    return Gate("candidate_beats_guidelines", first_decides(leads), "; ".join(said))
