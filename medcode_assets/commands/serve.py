"""`medcode serve`, `medcode api-key`: the API and the keys of its callers."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from medcode_ml.settings import settings

key_app = typer.Typer(help="Keys of the API's callers: made once, shown once, kept as a hash.", no_args_is_help=True)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes, about one a core.")] = None,
    coding_model: Annotated[Path | None, typer.Option(help="Coding model; default the promoted one.")] = None,
    ranking_model: Annotated[Path | None, typer.Option(help="Ranking model; default the promoted one.")] = None,
    amount_model: Annotated[Path | None, typer.Option(help="Model of amounts; default the promoted one.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM; with --tls-key it is https.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of the certificate, PEM.")] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Development: everybody may do everything; on loopback only.")
    ] = False,
) -> None:
    """Serve the API: codes, order, bill and prices of records over HTTP, documented at /docs.

    A model that is promoted while it runs is taken up within seconds (SIGHUP: at once) and no request is lost.

    Examples:

        medcode serve

        medcode serve --host 0.0.0.0 --port 8443 --workers 4 --tls-cert chain.pem --tls-key key.pem

        medcode serve --no-auth --coding-model models/coding
    """
    from medcode_ml.serving.server import Where
    from medcode_ml.serving.server import serve as serve_api

    given = {
        "MEDCODE_API_WORKERS": workers,
        "MEDCODE_API_CODING_MODEL": None if coding_model is None else coding_model.resolve(),
        "MEDCODE_API_RANKING_MODEL": None if ranking_model is None else ranking_model.resolve(),
        "MEDCODE_API_AMOUNT_MODEL": None if amount_model is None else amount_model.resolve(),
        "MEDCODE_API_NO_AUTH": "1" if no_auth else None,
    }
    # the workers are processes of their own and read the settings themselves
    os.environ.update({name: str(value) for name, value in given.items() if value is not None})
    settings.cache_clear()
    serve_api(Where(host, port, tls_cert, tls_key))


@key_app.command("create")
def create(
    name: Annotated[str, typer.Option(help="System or person that gets the key.")],
    scope: Annotated[
        list[str],
        typer.Option(help="code, rank, bill, price, encounter, review, codes, models, metrics; again for more."),
    ],
    hospital: Annotated[list[str], typer.Option(help="hospital_id it may ask for, again for more; * for all.")],
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; default never.")] = None,
    rate: Annotated[str | None, typer.Option(help="Requests allowed, such as 600/minute.")] = None,
) -> None:
    """Make a key and print it: the only time it can be read.

    Examples:

        medcode api-key create --name "ward system" --scope code --scope codes --hospital H1 --days 365

        medcode api-key create --name prometheus --scope metrics --hospital "*"
    """
    import getpass

    from medcode_ml.serving.keys import create_key
    from medcode_ml.store.database import engine
    from medcode_ml.store.migrate import migrate

    migrate(engine())
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    key = create_key(engine(), name, scope, hospital, rate=rate, expires_at=expires, by=getpass.getuser())
    typer.echo(key)
    typer.echo("Keep it now: it is stored as a hash and cannot be shown again.", err=True)


@key_app.command("list")
def list_() -> None:
    """List the keys without their secrets.

    Example:

        medcode api-key list
    """
    from medcode_ml.serving.keys import list_keys
    from medcode_ml.store.database import engine
    from medcode_ml.store.migrate import migrate

    migrate(engine())
    now = datetime.now(UTC)
    for key in list_keys(engine()):
        state = key.refused_because(now) or "good"
        until = "" if key.expires_at is None else f" until {key.expires_at:%Y-%m-%d}"
        rate = "" if key.rate is None else f", {key.rate}"
        typer.echo(
            f"{key.key_id}  {state}{until}  {key.name}  scopes {', '.join(key.scopes)}; "
            f"hospitals {', '.join(key.hospitals)}{rate}"
        )


@key_app.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key, as `medcode api-key list` shows it.")]) -> None:
    """Refuse a key from now on; running workers hear of it within ten seconds.

    Example:

        medcode api-key revoke 0123456789abcdef
    """
    from medcode_ml.serving.keys import revoke_key
    from medcode_ml.store.database import engine
    from medcode_ml.store.migrate import migrate

    migrate(engine())
    revoke_key(engine(), key_id)
    typer.echo(f"{key_id} revoked")
