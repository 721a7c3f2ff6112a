"""Starting the API: checks first, then models and tables, then the workers that share them; figures of all of them."""

from __future__ import annotations

import ipaddress
import os
import resource
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medcode_ml.logs import configure_logging, logger
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.serving.freed_memory import bound_memory
from medcode_ml.serving.shares import Shares
from medcode_ml.serving.supervisor import Limits, Supervisor, WorkersFailedError, bound
from medcode_ml.settings import settings

if TYPE_CHECKING:
    from medcode_ml.serving.in_use import ModelsInUse

_OTHER_FILES: Final = 256
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
        ServeOptionError: no authentication beyond loopback, TLS files that cannot be used, or proxies that are none.
        ModelFolderError, PolicyError, IdentitySettingError, RateSettingError: a setting cannot be followed.
    """
    from medcode_ml.models.registry import promoted
    from medcode_ml.serving.policy import open_policy
    from medcode_ml.serving.rates import Rates
    from medcode_ml.serving.tokens import open_tokens

    chosen = settings()
    if chosen.api_no_auth and not _loopback(where.host):
        raise ServeOptionError(f"--no-auth is for development and listens on loopback only, not on {where.host}")
    if (where.tls_cert is None) != (where.tls_key is None):
        raise ServeOptionError("give both --tls-cert and --tls-key")
    _check_tls(where)
    _check_proxies(chosen.api_trusted_proxies)
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
    Rates(chosen.api_rate, chosen.api_workers)


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
    _make_room(settings().api_connections)
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
    bound_memory()
    models = _prepared()
    scheme = "http" if where.tls_cert is None else "https"
    _log.warning(
        "medcode API on %s://%s:%d, %d workers%s", scheme, where.host, port, chosen.api_workers,
        "; NO AUTHENTICATION: everybody on this machine may do everything" if chosen.api_no_auth else "",
    )  # fmt: skip
    stop = chosen.api_notice_seconds + chosen.api_drain_seconds + _CLOSE_SECONDS
    limits = Limits(_START_SECONDS, _SILENCE_SECONDS, stop)
    shares = Shares(chosen.api_workers)

    tls = None if where.tls_cert is None or where.tls_key is None else (where.tls_cert, where.tls_key)

    def serve_at(beat: Callable[[], bool], place: int) -> None:
        from medcode_ml.serving.worker import work

        work(tls, listening, models, beat, shares, place)

    def ended(pid: int, place: int) -> None:
        from prometheus_client import multiprocess

        shares.gone(place)
        multiprocess.mark_process_dead(pid, str(figures))  # type: ignore[no-untyped-call]

    try:
        Supervisor(serve_at, chosen.api_workers, [listening], limits, ended).run()
    except WorkersFailedError as error:
        raise ServeOptionError(str(error)) from error


def _prepared() -> ModelsInUse:
    """Models loaded and tables read in this process, whose memory the workers share."""
    import torch

    import medcode_ml.serving.worker  # noqa: F401  the workers need it, and all it imports, once
    from medcode_ml.serving.in_use import ModelsInUse
    from medcode_ml.store.database import engine
    from medcode_ml.store.migrate import migrate

    torch.set_num_threads(1)
    migrate(engine())
    models = ModelsInUse(settings(), engine())
    engine().dispose()  # no connection is shared with a worker
    return models


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


def _check_proxies(named: str) -> None:
    for one in named.split(",") if named else ():
        try:
            ipaddress.ip_network(one.strip())
        except ValueError:
            raise ServeOptionError(
                f"MEDCODE_API_TRUSTED_PROXIES names {one!r}, which is no address or network: write 10.0.0.5,10.1.0.0/16"
            ) from None


def _make_room(connections: int) -> None:
    """Let a worker have as many files open as it may have connections, where the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if resource.RLIM_INFINITY != soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
