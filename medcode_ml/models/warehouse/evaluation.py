"""The figures of a version as they are kept and shown; what is measured, and how, is the stage's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.ml import ModelTables
from medcode_ml.models.bootstrap import AT_ZERO
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


def not_compared(of: ModelTables, version: str, figure: str, notes: str) -> tuple[Any, ...]:
    """The row of a lead over the champion that cannot be measured, as no encounter of the test is news to both."""
    row = {"version": version, "part": WHOLE, of.who: difference(CHAMPION), "figure": figure, "value": None,
           "low": None, "high": None, "encounters": 0, "notes": notes}  # fmt: skip
    return tuple(row[c.name] for c in of.evaluation.columns)


def keep_figures(engine: sa.Engine, result: EvaluationResult, champion: str | None, compared_on: str = "") -> None:
    """Replace the rows of the version in the evaluation table.

    Args:
        engine: the database.
        result: the figures.
        champion: the model in use, named in its rows.
        compared_on: which encounters of the test count where the champion is measured.
    """
    if champion is not None:
        of_champion = result.figures[result.of.who].str.endswith(CHAMPION)
        said = "; ".join(part for part in (f"{CHAMPION}: {champion}", compared_on) if part)
        result.figures.loc[of_champion, "notes"] += f"; {said}"
    table = result.of.evaluation
    with engine.begin() as connection:
        connection.execute(sa.delete(table).where(table.c.version == result.version))
        copy_in(connection, table, result.figures)


@dataclass(frozen=True)
class Lead:
    """By how much a version is ahead of another in one figure, with the 95% interval; None where not measured.

    Of the encounters drawn again and again both versions are given the same ones (`models.bootstrap`), so that the
    interval is of the difference itself.
    """

    value: float | None
    low: float | None
    high: float | None
    notes: str
    encounters: int = 0

    @property
    def proven(self) -> bool:
        """It is ahead, and that is no chance: the lower end of the interval is above 0."""
        return self.low is not None and self.low > AT_ZERO

    @property
    def at_zero(self) -> bool:
        """The lower end of the interval is 0, as where both answer alike."""
        return self.low is not None and abs(self.low) <= AT_ZERO

    @property
    def behind(self) -> bool:
        """It is behind, and that is no chance: the upper end of the interval is below 0."""
        return self.high is not None and self.high < -AT_ZERO

    def of_less(self) -> Lead:
        """The lead in a figure of which less is better, such as an error."""
        value, low, high = (None if end is None else -end for end in (self.value, self.high, self.low))
        return Lead(value, low, high, self.notes, self.encounters)

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
    query = sa.select(table.value, table.low, table.high, table.notes, table.encounters).where(
        table.version == version, table.part == WHOLE, table[of.who] == difference(other), table.figure == figure
    )
    found = read_frame(engine, query)
    return Lead(None, None, None, "") if found.empty else Lead(*found.iloc[0])


def _shown(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
