"""What a worker process does: it serves the app on its share of the connections until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from medcode_ml.serving.app import create_app
from medcode_ml.serving.connections import ConnectionLimits, connections
from medcode_ml.serving.freed_memory import FreedMemory
from medcode_ml.serving.in_use import ModelsInUse
from medcode_ml.serving.shares import SharedSocket, Shares
from medcode_ml.settings import settings

_KEEP_ALIVE_SECONDS: Final = 75
_BACKLOG: Final = 512


class _Server(uvicorn.Server):
    """Takes connections one by one, so that those that come at once are shared among the workers; tells that it stops
    before it takes no more."""

    def __init__(
        self, app: FastAPI, config: uvicorn.Config, own: socket.socket, served: Callable[[], None], notice: float
    ) -> None:
        """`served` is called once requests are taken; `notice` is the setting, seconds."""
        super().__init__(config)
        self._app, self._own, self._served, self._notice = app, own, served, notice
        self._stops_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        await super().startup(sockets)
        self._own.listen(_BACKLOG)  # how many may wait is the socket's, how many are taken at once the loop's
        self._served()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop now: a proxy that asks /readyz gets time to hear of it, who presses Ctrl-C does not wait."""
        ends = await super().on_tick(counter)
        if not ends or signal.SIGTERM not in self._captured_signals or signal.SIGINT in self._captured_signals:
            return ends
        if self._stops_at is None:
            self._stops_at = time.monotonic() + self._notice
            self._app.state.api.draining = True
        return time.monotonic() >= self._stops_at


def work(
    tls: tuple[Path, Path] | None,
    listening: socket.socket,
    models: ModelsInUse,
    beat: Callable[[], bool],
    shares: Shares,
    place: int,
) -> None:
    """Serve as the worker at `place`.

    Args:
        tls: certificate chain and its key, or None for plain HTTP.
        listening: the socket that all workers share.
        models: those that the parent has loaded.
        beat: told as the event loop turns; False means stop.
        shares: how many connections every worker has.
        place: of the worker among them.
    """
    chosen = settings()
    freed = FreedMemory()
    # what is wrong with an upload is told to its sender, not to the log
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    # the event loop gets its turn sooner while the model's thread works
    sys.setswitchinterval(0.002)

    async def turn() -> None:
        freed.give_back()
        shares.say(place, len(server.server_state.connections))
        server.should_exit = not beat() or server.should_exit

    app = create_app(models=models)
    config = uvicorn.Config(
        app,
        ssl_certfile=None if tls is None else str(tls[0]),
        ssl_keyfile=None if tls is None else str(tls[1]),
        access_log=False,  # paths and queries are the caller's; `served.access` says who asked for what
        log_level="warning",
        # asyncio's loop: it takes as many at once as `backlog` says; uvloop takes all that wait
        loop="medcode_ml.serving.connections:Loop",
        http=connections(ConnectionLimits(chosen.api_connections, chosen.api_head_seconds, chosen.api_seconds)),
        ws="none",
        backlog=1,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=chosen.api_drain_seconds,  # type: ignore[arg-type]
        callback_notify=turn,
        timeout_notify=1,
        server_header=False,
        proxy_headers=bool(chosen.api_trusted_proxies),
        forwarded_allow_ips=chosen.api_trusted_proxies,
        lifespan="on",
    )
    own = SharedSocket(listening, shares, place, lambda: len(server.server_state.connections))
    server = _Server(app, config, own, lambda: shares.say(place, 0), chosen.api_notice_seconds)
    listening.close()
    server.run([own])
