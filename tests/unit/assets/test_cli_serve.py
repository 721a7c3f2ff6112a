"""`medcode api-key`: its help is enough to make a key."""

from __future__ import annotations

import typer.main

from medcode_assets.commands.serve import key_app
from medcode_ml.serving.keys import SCOPES


def test_the_help_names_every_scope_and_no_other() -> None:
    create = typer.main.get_command(key_app).commands["create"]  # type: ignore[attr-defined]
    (scope,) = [option for option in create.params if option.name == "scope"]
    told = scope.help.partition(";")[0]
    assert tuple(told.split(", ")) == SCOPES
