"""The gates an amount model passes before it prices for real. All are counted from the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from medcode_ml.billing.amounts.cases import CHARGES, PAYMENTS, TARGETS
from medcode_ml.billing.amounts.evaluation import COVERAGE, DRG_MEAN, MAPE, figure_name
from medcode_ml.contracts import ml
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.evaluation import MODEL, WHOLE, Lead, lead
from medcode_ml.models.warehouse.promotion import Gate, champion_gate, data_gates
from medcode_ml.store.frames import read_frame

#: with fewer claims kept back no interval can be set that holds 90% of them, and none can be told from chance
FEWEST: Final = {TRAIN: 50, CALIBRATION: 20, TEST: 20}
#: share of the claims that the 90% intervals should hold
COVERED: Final = (0.85, 0.95)
_ERRORS: Final = {figure_name(target, MAPE): f"mean relative error of {target}" for target in TARGETS}


def gates(engine: sa.Engine, version: str) -> list[Gate]:
    """The gates of `version`, from its row, its encounters and its evaluation.

    `candidate_beats_drg_mean`: its mean relative error of charges is less than that of the hospital's mean of the DRG
    beyond chance (the upper end of the 95% interval of the difference is below 0), and that of payments is not more
    beyond chance. `candidate_beats_champion`: of charges or of payments its error is less than that of the model in use
    beyond chance, and of neither it is more beyond chance, on claims of persons that neither of them learned from. A
    change of contracts moves payments alone, one of the price list charges: either is enough, so that a model no better
    passes once in twenty times at most (twice 2.5%); with none in use there is nothing to beat.
    `intervals_hold`: of either amount the share of the test inside its 90% interval, by its 95% interval, agrees with
    0.85 to 0.95.

    Raises:
        NotPromotedError: there is no such version.
    """
    found = data_gates(engine, ml.AMOUNT, version, FEWEST)
    return [
        *found,
        _intervals_gate(engine, version),
        _mean_gate(engine, version),
        champion_gate(engine, ml.AMOUNT, version, _ERRORS, _one_better_none_worse),
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
    leads = {figure: lead(engine, ml.AMOUNT, version, DRG_MEAN, figure) for figure in _ERRORS}
    said = "; ".join(
        one.said(words, "the hospital's mean of the DRG")
        for one, words in zip(leads.values(), _ERRORS.values(), strict=True)
    )
    charges, payments = (leads[figure_name(target, MAPE)].of_less() for target in (CHARGES, PAYMENTS))
    better = charges.proven and payments.low is not None and not payments.behind
    return Gate("candidate_beats_drg_mean", better, said)


def _one_better_none_worse(errors: Sequence[Lead]) -> bool:
    leads = [one.of_less() for one in errors]
    return any(one.proven for one in leads) and not any(one.behind for one in leads)
