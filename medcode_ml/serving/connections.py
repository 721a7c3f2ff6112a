"""A connection before anybody is recognised on it: the size of a request's head, the time it may take, how many there
are. uvicorn's own protocol bounds none of these, and a client that owes bytes costs a worker as much as one that works.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.events import TimerHandle
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from medcode_ml.serving.metrics import metrics
from medcode_ml.serving.problems import MEDIA_TYPE, ProblemError, problem_body
from medcode_ml.settings import settings

_HEAD_BYTES: Final = 65_536
_TOO_LARGE: Final = ProblemError(431, "head-too-large", f"the head of a request has at most {_HEAD_BYTES} bytes")
_TOO_MANY: Final = ProblemError(
    503, "overloaded", "too many connections are open; try again", headers={"Retry-After": "2"}
)
_NO_HTTP: Final = ProblemError(400, "bad-request", "this is no HTTP/1.1 request")


@dataclass(frozen=True)
class ConnectionLimits:
    """What a worker grants its clients.

    Attributes:
        most: connections at the same time.
        head_seconds: from the connection, or from the first byte of a further request, to the end of its head.
        unread_seconds: that a client may leave an answer unread.
    """

    most: int
    head_seconds: float
    unread_seconds: float


class Connection(HttpToolsProtocol):
    """A connection that is closed when its client owes bytes for too long.

    It owes them before the head of a request is complete, and for the rest of a body whose answer is out already.
    """

    limits: ClassVar[ConnectionLimits]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As uvicorn makes it."""
        super().__init__(*args, **kwargs)
        self._before_body = True
        self._unparsed = self._head_bytes = 0
        self._owing: TimerHandle | None = None
        self._refusal = _NO_HTTP

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head, unless there are too many connections."""
        super().connection_made(transport)
        own: socket.socket | None = transport.get_extra_info("socket")
        if own is not None and own.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            # a closed connection stays until the client has read what was written; Linux alone can bound that
            unread = int(self.limits.unread_seconds * 1000)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread)
        if len(self.connections) > self.limits.most:
            self._refuse(_TOO_MANY)
        else:
            self._owes()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._paid()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the parser keeps what it has not told yet, so it is counted here."""
        if self._before_body:
            self._owes()
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > _HEAD_BYTES and not self.transport.is_closing():
            self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Part of the path."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the head."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is here: from now on the limits of requests hold."""
        self._before_body, self._unparsed = False, 0
        self._paid()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Part of the body: how large that may be is for the app to say."""
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is here: what comes next is a head."""
        self._before_body, self._unparsed = True, 0
        self._paid()
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._owes()  # uvicorn stopped its own clock when the rest of the body came

    def on_response_complete(self) -> None:
        """The answer is out, perhaps before the body is in."""
        super().on_response_complete()
        if not self._before_body and not self.transport.is_closing():
            self._owes()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read is told as any other problem."""
        self._refuse(self._refusal)

    def _unsupported_upgrade_warning(self) -> None:
        """Answered as if no upgrade were asked for; that is no news for the log."""

    def _count(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > _HEAD_BYTES:
            self._refusal = _TOO_LARGE
            raise ValueError("the head is too large")  # the parser stops, and `send_400_response` is called

    def _owes(self) -> None:
        if self._owing is None and not self.transport.is_closing():
            self._owing = self.loop.call_later(self.limits.head_seconds, self._late)

    def _paid(self) -> None:
        if self._owing is not None:
            self._owing.cancel()
            self._owing = None

    def _late(self) -> None:
        self._owing = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._owes()  # an answer is awaited; what follows the request is not urgent
        elif not self.transport.is_closing():
            metrics().denied.labels("connection").inc()
            self.transport.close()

    def _refuse(self, error: ProblemError) -> None:
        metrics().denied.labels("connection").inc()
        content = orjson.dumps(problem_body(error))
        head = {
            "content-type": MEDIA_TYPE, "content-length": str(len(content)), "connection": "close", **error.headers
        }  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.transport.write(
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n{lines}\r\n".encode() + content
        )
        self.transport.close()


def connections(limits: ConnectionLimits) -> type[Connection]:
    """The protocol of a worker's connections, for uvicorn's `http`."""

    class Limited(Connection):
        """With these limits."""

    Limited.limits = limits
    return Limited


class Loop(asyncio.SelectorEventLoop):
    """The event loop of a worker: a TLS handshake may take no longer than a head."""

    async def create_server(self, *args: Any, **kwargs: Any) -> asyncio.Server:  # type: ignore[override]
        """As asyncio's, with the limit."""
        if kwargs.get("ssl") is not None:
            kwargs.setdefault("ssl_handshake_timeout", settings().api_head_seconds)
        return await super().create_server(*args, **kwargs)
