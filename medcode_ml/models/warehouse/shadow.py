"""What a shadow run says of a version before it takes the champion's place: its gates, counted from its figures."""

from __future__ import annotations

from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.ml import shadow_figure
from medcode_ml.models.warehouse.promotion import Gate
from medcode_ml.store.frames import read_frame

#: share of the encounters whose MS-DRG would be another
DRG_SHIFT: Final = "drg_shift"
RAN: Final = "shadow_ran"
AGREES: Final = "shadow_agrees"


def shadow_figures(source: sa.Engine | sa.Connection, version: str, champion: str | None = None) -> pd.DataFrame:
    """The figures of a version by day, all or those beside `champion`: the columns of `ml.shadow_figure`."""
    table = shadow_figure.c
    query = sa.select(shadow_figure).where(table.shadow == version).order_by(table.received_date, table.figure)
    return read_frame(source, query if champion is None else query.where(table.champion == champion))


def shadow_gates(
    engine: sa.Engine, version: str, champion: str | None, *, days: int, drg_shift: float, despite: str = ""
) -> list[Gate]:
    """`shadow_ran`: the version ran beside `champion` long enough. `shadow_agrees`: few encounters change their MS-DRG.

    Where no model is in use there is none whose place it could take.

    Args:
        engine: the database.
        version: what is to be promoted.
        champion: the model in use.
        days: with input, of the shadow run, at least.
        drg_shift: share of the encounters of all its days whose MS-DRG may change, at most.
        despite: why a person promotes it all the same.
    """
    if champion is None or champion == version:
        return [Gate(name, True, "no other model is in use") for name in (RAN, AGREES)]
    figures = shadow_figures(engine, version, champion)
    compared = figures[figures["encounters"] > 0]
    ran = int(compared["received_date"].nunique())
    shift = compared[(compared["figure"] == DRG_SHIFT) & compared["value"].notna()]
    counts = shift["encounters"].astype(float)
    share = float((shift["value"].astype(float) * counts).sum() / counts.sum()) if len(shift) else 0.0
    found = [
        Gate(RAN, ran >= days, f"{ran} days in shadow beside {champion}, {days} wanted"),
        Gate(
            AGREES,
            share <= drg_shift,
            f"{share:.1%} of {int(counts.sum())} encounters get another MS-DRG, at most {drg_shift:.1%}",
        ),
    ]
    if not despite:
        return found
    return [g if g.passed else Gate(g.name, True, f"{g.said}; promoted all the same: {despite}") for g in found]
