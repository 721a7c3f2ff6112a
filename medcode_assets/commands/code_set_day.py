"""The day that `--as-of` names: one whose code set is known."""

from __future__ import annotations

from datetime import date, datetime

import typer

from medcode_ml.codes.release import NoReleaseError, release_on


def code_set_day(as_of: datetime | None) -> date | None:
    """The day of `--as-of`; refused, before any work, where no code set is known for it."""
    if as_of is None:
        return None
    try:
        release_on(as_of.date())
    except NoReleaseError as error:
        raise typer.BadParameter(str(error), param_hint="--as-of") from error
    return as_of.date()
