"""`medcode dictionary`: the data dictionary, and the layout of a delivery, straight from the contracts."""

from __future__ import annotations

from typing import Annotated

import typer

from medcode_ml.contracts import SCHEMAS, metadata
from medcode_ml.contracts.mart import VIEWS
from medcode_ml.contracts.raw import DELIVERED


class UnknownSchemaError(ValueError):
    """There is no such schema."""


def dictionary(
    schema: Annotated[str, typer.Argument(help="A schema, or `delivery` for the folder layout.")] = "mart",
) -> None:
    """Print every table and column of a schema with its comment; `delivery` prints the folder layout.

    Examples:

        medcode dictionary mart

        medcode dictionary delivery
    """
    if schema == "delivery":
        _delivery()
    elif schema == "mart":
        for view in VIEWS:
            _table(f"mart.{view.name}", view.comment, list(view.columns.items()))
    elif schema in SCHEMAS:
        for table in metadata.tables.values():
            if table.schema == schema:
                _table(table.fullname, table.comment or "", [(c.name, c.comment or "") for c in table.columns])
    else:
        raise UnknownSchemaError(f"no schema {schema!r}: choose one of delivery, {', '.join(SCHEMAS)}")


def _delivery() -> None:
    typer.echo("One folder a received day (YYYY-MM-DD), in it <table>.csv or <table>.parquet in UTF-8 with these")
    typer.echo("columns; those marked ? may be empty. Page and text files are named relative to the folder of the day.")
    for name, (comment, key, columns) in DELIVERED.items():
        _table(name, f"{comment}. Key: {', '.join(key)}.", list(columns.items()))


def _table(name: str, comment: str, columns: list[tuple[str, str]]) -> None:
    typer.echo(f"\n{name}: {comment}")
    for column, text in columns:
        typer.echo(f"  {column:<22} {text}")
