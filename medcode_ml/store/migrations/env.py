"""Alembic environment: migrations run on the connection that `medcode_ml.store.migrate` hands over."""

from __future__ import annotations

from typing import Any

from alembic import context

from medcode_ml.contracts import metadata
from medcode_ml.contracts.tables import SCHEMAS
from medcode_ml.store.migrate import VERSION_TABLE


def include_name(name: str | None, kind: str, parents: Any) -> bool:
    """Look at medcode's own schemas only: the database may hold others' tables."""
    return name in SCHEMAS if kind == "schema" else True


def include_object(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Views of `mart` are made from their contract, not by migrations."""
    return not (kind == "table" and getattr(thing, "schema", None) == "mart")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_schemas=True,
    include_name=include_name,
    include_object=include_object,
    version_table=VERSION_TABLE,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
