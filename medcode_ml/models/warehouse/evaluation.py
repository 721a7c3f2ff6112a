"""The figures of a version as they are kept and shown; what is measured, and how, is the stage's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.ml import ModelTables
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame

#: the part that all encounters of the test make up, with all that is known of them
WHOLE: Final = "encounter"
MODEL, RIVAL, CHAMPION = "model", "rival", "champion"


def difference(other: str) -> str:
    """The name under which the figures of the model minus those of another stand."""
    return f"{MODEL} - {other}"


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation of `version` found.

    Attributes:
        of: the tables of its kind.
        version: the model.
        encounters: of its test.
        figures: the rows of the evaluation table.
        outside: (coder, code) of accepted codes that were not billable at discharge; only coding accepts codes.
    """

    of: ModelTables
    version: str
    encounters: int
    figures: pd.DataFrame
    outside: tuple[tuple[str, str], ...] = field(default=())

    def listing(self, figure: str) -> list[tuple[str, str, str, str, str]]:
        """Rows (part, coder or ranker, figure, 95% interval, encounters) of one figure, for people."""
        rows = self.figures[self.figures["figure"] == figure]
        columns = (rows[c] for c in ("part", self.of.who, "value", "low", "high", "encounters"))
        return [
            (part, who, _shown(value), f"{_shown(low)} to {_shown(high)}", str(count))
            for part, who, value, low, high, count in zip(*columns, strict=True)
        ]

    def by_figure(self, part: str = WHOLE) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and rows of every figure of one part, a column for each coder or ranker, for people."""
        own = self.figures[self.figures["part"] == part]
        table = own.pivot(index="figure", columns=self.of.who, values="value").reindex(own["figure"].unique())
        return ("figure", *table.columns), [(row[0], *map(_shown, row[1:])) for row in table.itertuples(name=None)]


def keep_figures(engine: sa.Engine, result: EvaluationResult, champion: str | None) -> None:
    """Replace the rows of the version in the evaluation table; `champion`, the model in use, is named in its rows."""
    if champion is not None:
        of_champion = result.figures[result.of.who].str.endswith(CHAMPION)
        result.figures.loc[of_champion, "notes"] += f"; {CHAMPION}: {champion}"
    table = result.of.evaluation
    with engine.begin() as connection:
        connection.execute(sa.delete(table).where(table.c.version == result.version))
        copy_in(connection, table, result.figures)


@dataclass(frozen=True)
class Lead:
    """By how much a version is ahead of another in one figure, with the 95% interval; None where not measured."""

    value: float | None
    low: float | None
    high: float | None
    notes: str

    def said(self, figure: str, other: str) -> str:
        """The lead in words."""
        if self.value is None or self.low is None or self.high is None:
            return f"not measured against {other}"
        return f"{figure} against {other}: {self.value:+.4f} (95% {self.low:+.4f} to {self.high:+.4f})"

    def measured_against(self, champion: str) -> bool:
        """Whether the champion it was measured against was `champion`."""
        return f"{CHAMPION}: {champion}" in self.notes


def lead(engine: sa.Engine, of: ModelTables, version: str, other: str, figure: str) -> Lead:
    """The lead of `version` over another (a name of the evaluation) on the whole of the test."""
    table = of.evaluation.c
    query = sa.select(table.value, table.low, table.high, table.notes).where(
        table.version == version, table.part == WHOLE, table[of.who] == difference(other), table.figure == figure
    )
    found = read_frame(engine, query)
    return Lead(None, None, None, "") if found.empty else Lead(*found.iloc[0])


def _shown(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
