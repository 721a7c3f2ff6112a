"""The gates an amount model passes before it prices for real. All are counted from the tables."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from medcode_ml.billing.amounts.cases import CHARGES, PAYMENTS, TARGETS
from medcode_ml.billing.amounts.evaluation import COVERAGE, DRG_MEAN, MAPE, figure_name
from medcode_ml.billing.amounts.model import KIND
from medcode_ml.contracts import ml
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.evaluation import CHAMPION, MODEL, WHOLE, lead
from medcode_ml.models.warehouse.promotion import Gate, data_gates
from medcode_ml.models.warehouse.stages import champion_version
from medcode_ml.store.frames import read_frame

#: with fewer claims kept back no interval can be set that holds 90% of them, and none can be told from chance
FEWEST: Final = {TRAIN: 50, CALIBRATION: 20, TEST: 20}
#: share of the claims that the 90% intervals should hold
COVERED: Final = (0.85, 0.95)


def gates(engine: sa.Engine, version: str) -> list[Gate]:
    """The gates of `version`, from its row, its encounters and its evaluation.

    `candidate_beats_drg_mean`: its mean relative error of charges is less than that of the hospital's mean of the DRG
    beyond chance (the upper end of the 95% interval of the difference is below 0), and that of payments is not more
    beyond chance. `candidate_beats_champion`: neither mean relative error is more than that of the model in use; with
    none in use there is nothing to beat. `intervals_hold`: of either amount the share of the test inside its 90%
    interval, by its 95% interval, agrees with 0.85 to 0.95.

    Raises:
        NotPromotedError: there is no such version.
    """
    found = data_gates(engine, ml.AMOUNT, version, FEWEST)
    return [
        *found,
        _intervals_gate(engine, version),
        _mean_gate(engine, version),
        _champion_gate(engine, version, champion_version(engine, KIND)),
    ]


def _intervals_gate(engine: sa.Engine, version: str) -> Gate:
    table = ml.amount_evaluation.c
    query = sa.select(table.figure, table.value, table.low, table.high).where(
        table.version == version, table.part == WHOLE, table.pricer == MODEL,
        table.figure.in_([figure_name(target, COVERAGE) for target in TARGETS]),
    ).order_by(table.figure)  # fmt: skip
    found = read_frame(engine, query)
    if len(found) < len(TARGETS) or found.isna().any(axis=None):
        return Gate("intervals_hold", False, "not measured")
    least, most = COVERED
    held = all(row.low <= most and row.high >= least for row in found.itertuples())
    said = "; ".join(f"{r.figure} {r.value:.3f} (95% {r.low:.3f} to {r.high:.3f})" for r in found.itertuples())
    return Gate("intervals_hold", held, f"{said}; wanted {least} to {most}")


def _mean_gate(engine: sa.Engine, version: str) -> Gate:
    words = "the hospital's mean of the DRG"
    charges, payments = (lead(engine, ml.AMOUNT, version, DRG_MEAN, figure_name(t, MAPE)) for t in (CHARGES, PAYMENTS))
    said = "; ".join(
        one.said(figure_name(target, MAPE), words) for target, one in ((CHARGES, charges), (PAYMENTS, payments))
    )
    better = charges.high is not None and charges.high < 0 and payments.low is not None and payments.low <= 0
    return Gate("candidate_beats_drg_mean", better, said)


def _champion_gate(engine: sa.Engine, version: str, champion: str | None) -> Gate:
    name = "candidate_beats_champion"
    if champion is None or champion == version:
        return Gate(name, True, "no other model is in use")
    leads = {target: lead(engine, ml.AMOUNT, version, CHAMPION, figure_name(target, MAPE)) for target in TARGETS}
    if any(not one.measured_against(champion) or one.value is None for one in leads.values()):
        return Gate(name, False, f"not measured against {champion}, the model in use: evaluate again")
    as_good = all(one.value is not None and one.value <= 0 for one in leads.values())
    return Gate(name, as_good, "; ".join(one.said(figure_name(t, MAPE), champion) for t, one in leads.items()))
