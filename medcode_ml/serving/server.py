"""Starting the API: checks first, then models and tables, then the workers that share them; figures of all of them."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medcode_ml.logs import configure_logging, logger
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.serving.shares import SharedSocket, Shares
from medcode_ml.serving.supervisor import Limits, Supervisor, WorkersFailedError, bound
from medcode_ml.settings import settings

if TYPE_CHECKING:
    from medcode_ml.serving.in_use import ModelsInUse

_KEEP_ALIVE_SECONDS: Final = 75
_BACKLOG: Final = 512
_START_SECONDS: Final = 300.0
_SILENCE_SECONDS: Final = 30.0
"""A worker that loads a model holds the interpreter for a while; it is not dead."""
_CLOSE_SECONDS: Final = 15.0
"""What a worker gets after requests have drained, to hand over its job and write down its audit rows."""
_log = logger("serving")


class ServeOptionError(ValueError):
    """The API cannot be started as asked."""


@dataclass(frozen=True)
class Where:
    """Where the API listens, and its TLS files."""

    host: str = "127.0.0.1"
    port: int = 8000
    tls_cert: Path | None = None
    tls_key: Path | None = None


def check(where: Where) -> None:
    """Refuse what cannot be served, before a worker starts.

    Raises:
        ServeOptionError: no authentication beyond loopback, or TLS files that cannot be used.
        ModelFolderError, PolicyError, IdentitySettingError, RateSettingError: a setting cannot be followed.
    """
    from medcode_ml.models.registry import promoted
    from medcode_ml.serving.identity import open_tokens
    from medcode_ml.serving.policy import open_policy
    from medcode_ml.serving.rates import Rates

    chosen = settings()
    if chosen.api_no_auth and not _loopback(where.host):
        raise ServeOptionError(f"--no-auth is for development and listens on loopback only, not on {where.host}")
    if (where.tls_cert is None) != (where.tls_key is None):
        raise ServeOptionError("give both --tls-cert and --tls-key")
    _check_tls(where)
    given = {
        "coding": chosen.api_coding_model, "ranking": chosen.api_ranking_model, "amounts": chosen.api_amount_model,
    }  # fmt: skip
    for kind, folder in given.items():
        if folder is None:
            promoted(kind, chosen.home)
        elif not (folder / "manifest.json").is_file():
            raise ModelFolderError(f"{folder} is no model folder: give the folder that `medcode train {kind}` wrote")
    open_policy(chosen.api_policy_dir, chosen.api_opa_url)
    open_tokens(chosen)
    Rates(chosen.api_rate, chosen.api_workers, chosen.api_rate_storage)


def serve(where: Where) -> None:
    """Serve until a signal ends it: SIGTERM and SIGINT drain, SIGHUP makes every worker look for models at once.

    Raises:
        ServeOptionError: as `check`, or the address cannot be listened on, or no worker comes up.
    """
    # a worker is one core's work: more threads only fight those of the other workers
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    configure_logging()
    check(where)
    try:
        listening = bound(where.host, where.port)
    except OSError as error:
        raise ServeOptionError(
            f"{where.host}:{where.port} cannot be listened on ({error.strerror}): choose another --host or --port"
        ) from error
    chosen = settings()
    port = listening.getsockname()[1]
    # one folder a server: another of the same home has another port
    figures = chosen.prometheus_multiproc_dir or chosen.home / "served" / "figures" / str(port)
    figures.mkdir(parents=True, exist_ok=True)
    for left in figures.glob("*.db"):  # figures of workers before
        left.unlink()
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(figures))
    settings.cache_clear()
    models = _prepared()
    scheme = "http" if where.tls_cert is None else "https"
    _log.warning(
        "medcode API on %s://%s:%d, %d workers%s", scheme, where.host, port, chosen.api_workers,
        "; NO AUTHENTICATION: everybody on this machine may do everything" if chosen.api_no_auth else "",
    )  # fmt: skip
    limits = Limits(_START_SECONDS, _SILENCE_SECONDS, chosen.api_drain_seconds + _CLOSE_SECONDS)

    shares = Shares(chosen.api_workers)

    def work(beat: Callable[[], bool], place: int) -> None:
        _work(where, listening, models, beat, shares, place)

    def ended(pid: int, place: int) -> None:
        from prometheus_client import multiprocess

        shares.gone(place)
        multiprocess.mark_process_dead(pid, str(figures))  # type: ignore[no-untyped-call]

    try:
        Supervisor(work, chosen.api_workers, [listening], limits, ended).run()
    except WorkersFailedError as error:
        raise ServeOptionError(str(error)) from error


def _prepared() -> ModelsInUse:
    """Models loaded and tables read in this process, whose memory the workers share."""
    import torch

    import medcode_ml.serving.app  # noqa: F401  the workers need it, and all it imports, once
    from medcode_ml.serving.in_use import ModelsInUse
    from medcode_ml.store.database import engine
    from medcode_ml.store.migrate import migrate

    torch.set_num_threads(1)
    migrate(engine())
    models = ModelsInUse(settings(), engine())
    engine().dispose()  # no connection is shared with a worker
    return models


def _work(
    where: Where, listening: socket.socket, models: ModelsInUse, beat: Callable[[], bool], shares: Shares, place: int
) -> None:
    """What the worker at `place` does."""
    import pyarrow
    import uvicorn

    from medcode_ml.serving.app import create_app

    class Server(uvicorn.Server):
        """Takes connections one by one, so that those that come at once are shared among the workers."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            own.listen(_BACKLOG)  # how many may wait is the socket's, how many are taken at once the loop's
            shares.say(place, 0)

    # what Arrow makes goes beside the tables it has read, not into the pages of theirs that the workers share
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    # what is wrong with an upload is told to its sender, not to the log
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    # the event loop gets its turn sooner while the model's thread works
    sys.setswitchinterval(0.002)

    async def turn() -> None:
        shares.say(place, len(server.server_state.connections))
        server.should_exit = not beat() or server.should_exit

    config = uvicorn.Config(
        lambda: create_app(models=models),
        factory=True,
        ssl_certfile=None if where.tls_cert is None else str(where.tls_cert),
        ssl_keyfile=None if where.tls_key is None else str(where.tls_key),
        access_log=False,  # paths and queries are the caller's; `served.access` says who asked for what
        log_level="warning",
        loop="asyncio",  # takes as many at once as `backlog` says; uvloop takes all that wait
        backlog=1,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings().api_drain_seconds,  # type: ignore[arg-type]
        callback_notify=turn,
        timeout_notify=1,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
    )
    server = Server(config)
    own = SharedSocket(listening, shares, place, lambda: len(server.server_state.connections))
    listening.close()
    server.run([own])


def _check_tls(where: Where) -> None:
    if where.tls_cert is None or where.tls_key is None:
        return
    for path in (where.tls_cert, where.tls_key):
        if not path.is_file():
            raise ServeOptionError(f"there is no file {path}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(where.tls_cert, where.tls_key, password=lambda: b"")
    except (ssl.SSLError, OSError) as error:
        raise ServeOptionError(
            f"{where.tls_cert} and {where.tls_key} are no certificate and its key, PEM and without a password: {error}"
        ) from error


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
