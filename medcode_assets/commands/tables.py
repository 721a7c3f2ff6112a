"""What commands share that print tables out of the database."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import typer


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]], wide: int) -> None:
    """Print a table; the column `wide` takes the room that is left, cut where it is too long."""
    cells = [[str(h) for h in header], *[["" if c is None else str(c) for c in row] for row in rows]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(header))]
    room = width() - sum(w + 2 for n, w in enumerate(widths) if n != wide)
    widths[wide] = max(12, min(widths[wide], room))
    for row in cells:
        line = "  ".join((c if len(c) <= w else c[: w - 1] + "…").ljust(w) for c, w in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def width() -> int:
    """Columns of the terminal; 150 where there is none."""
    return shutil.get_terminal_size((150, 40)).columns


def prepared_engine() -> Any:
    """The engine of the database, started and migrated."""
    from medcode_assets.instance import prepare
    from medcode_ml.store.database import engine

    prepare()
    return engine()


def today() -> date:
    """The day it is, UTC."""
    return datetime.now(UTC).date()
