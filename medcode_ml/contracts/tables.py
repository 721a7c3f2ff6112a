"""How a contract is written: one SQLAlchemy table a table, every table and column with a comment.

`metadata` is what migrations, the Dagster column schema, the schema check and the data dictionary read.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

STAGE_SCHEMAS = ("raw", "mapped", "filtered", "coded", "ranked", "billed")
SCHEMAS = (*STAGE_SCHEMAS, "ml", "review", "served", "mart")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

TEXT = sa.Text()
DATE = sa.Date()
INT = sa.Integer()
FLOAT: sa.types.TypeEngine[float] = sa.Double()
BOOL = sa.Boolean()
TIME = sa.DateTime(timezone=True)
MONEY = sa.Numeric(14, 2)
FACTOR = sa.Numeric(14, 6)
JSON = pg.JSONB()


def column(name: str, type_: sa.types.TypeEngine[Any], comment: str, *, null: bool = False) -> sa.Column[Any]:
    """One column; NOT NULL unless `null` says otherwise."""
    return sa.Column(name, type_, nullable=null, comment=comment)


def table(
    schema: str,
    name: str,
    comment: str,
    key: tuple[str, ...],
    *columns: sa.Column[Any],
    index: tuple[tuple[str, ...], ...] = (),
    outbox: tuple[str, ...] = (),
    partitioned: bool = True,
) -> sa.Table:
    """Declare `schema.name` with primary key `key`.

    `outbox` makes an index over the rows that wait to be sent (`published_at` is null), in the order they are sent.
    `partitioned` tables carry `received_date`, the day the hospital delivered the record: it is the partition that a
    stage replaces in one transaction, so it leads the primary key.
    """
    own = list(columns)
    if partitioned:
        own.insert(0, column("received_date", DATE, "day the record was received; the partition"))
        key = ("received_date", *key)
    made = sa.Table(name, metadata, *own, sa.PrimaryKeyConstraint(*key), schema=schema, comment=comment)
    for columns_of_index in index:
        sa.Index(None, *[made.c[c] for c in columns_of_index])
    if outbox:
        sa.Index(None, *[made.c[c] for c in outbox], postgresql_where=made.c["published_at"].is_(None))
    return made
