"""`medcode code-location`: what the container of the Dagster code location runs."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from medcode_ml.logs import configure_logging, logger


def code_location(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 4000,
) -> None:
    """Serve medcode's assets to a Dagster webserver and daemon over gRPC; their runs go on in here.

    First Dagster's tables are made where they are missing, and runs that were cut when this last ended are closed: all
    runs of the instance are begun here, so none can be alive yet. One code location an instance.

    Example:

        medcode code-location --host 0.0.0.0 --port 4000
    """
    configure_logging("INFO")
    import dagster as dg

    from medcode_assets.instance import URL_VARIABLE, make_tables, prepare
    from medcode_assets.runner import close_all_runs

    prepare()
    if os.environ.get(URL_VARIABLE):
        make_tables()
    with dg.DagsterInstance.get() as instance:
        closed = close_all_runs(instance)
    if closed:
        logger(__name__).warning("%d runs were cut when the code location ended; they are closed", closed)
    sys.stdout.flush()
    # This process becomes Dagster's: a signal reaches it directly.
    os.execv(sys.executable, served(host, port))


def served(host: str, port: int) -> list[str]:
    """The command that serves the definitions; -P, for the working folder has folders named as modules are."""
    return [
        sys.executable, "-P", "-m", "dagster", "api", "grpc", "--host", host, "--port", str(port),
        "--module-name", "medcode_assets.definitions", "--location-name", "medcode",
    ]  # fmt: skip
