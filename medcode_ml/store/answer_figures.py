"""The figures of what insurers answered, counted from the tables: what the report at the end of a run shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from medcode_ml.contracts import answers


@dataclass(frozen=True)
class AnswerFigures:
    """Answers that arrived on the days asked for. `claims` are (outcome, count) of paid or denied claims; amounts are
    US dollars; `denied` are (group-CARC-RARC, count), most first."""

    files: int
    synthetic_files: int
    claims: tuple[tuple[str, int], ...]
    repeated: int
    paid: Decimal
    denied: tuple[tuple[str, int], ...]


def answer_figures(engine: sa.Engine, first: date, last: date) -> AnswerFigures:
    """Count the answers that arrived from `first` to `last`."""
    file, claim, denial, one_set = (
        answers.answer_file.c, answers.remittance_claim.c, answers.denial.c, answers.answer_set.c
    )  # fmt: skip

    with engine.connect() as connection:

        def listed(column: sa.ColumnElement[str], of: sa.ColumnElement[date]) -> tuple[tuple[str, int], ...]:
            count = sa.func.count()
            query = sa.select(column, count).where(of.between(first, last)).group_by(column)
            return tuple((str(name), int(n)) for name, n in connection.execute(query.order_by(count.desc(), column)))

        files, synthetic = connection.execute(
            sa.select(sa.func.count(), sa.func.count().filter(file.source == "simulated")).where(
                file.received_date.between(first, last)
            )
        ).one()
        paid = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(claim.paid), 0)).where(
                claim.received_date.between(first, last), claim.outcome == "matched"
            )
        ).scalar_one()
        repeated = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(one_set.claims_repeated), 0)).where(
                one_set.received_date.between(first, last)
            )
        ).scalar_one()
        return AnswerFigures(
            files=int(files),
            synthetic_files=int(synthetic),
            claims=listed(claim.outcome, claim.received_date),
            repeated=int(repeated),
            paid=Decimal(paid),
            denied=listed(denial.denial_key, denial.received_date),
        )
