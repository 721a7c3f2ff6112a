"""Connections on which nobody is recognised yet, over real sockets: heads without end, silence, too many of them."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from medcode_ml.serving.connections import Connection, ConnectionLimits, connections
from medcode_ml.serving.server import _make_room
from medcode_ml.serving.supervisor import bound

HEAD_SECONDS, MOST = 0.4, 12
LONG = b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once, but for /slow and /read, and much for /big."""
    if scope["type"] != "http":
        return
    body = 0
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * HEAD_SECONDS)
    if scope["path"] == "/read":
        more = True
        while more:
            message = await receive()
            body, more = body + len(message.get("body", b"")), message.get("more_body", False)
    content = b"x" * 20_000_000 if scope["path"] == "/big" else str(body).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class Served(uvicorn.Server):
    """A server in a thread of this process."""

    def connected(self) -> int:
        return len(self.server_state.connections)


@pytest.fixture
def served() -> Iterator[tuple[Served, int]]:
    limits = ConnectionLimits(MOST, HEAD_SECONDS, unread_seconds=1.0)
    server = Served(uvicorn.Config(app, http=connections(limits), ws="none", log_level="critical", lifespan="off",
                                   loop="medcode_ml.serving.connections:Loop"))  # fmt: skip
    own = bound("127.0.0.1", 0)
    port = own.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([own],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server, port
    server.should_exit = server.force_exit = True
    thread.join(10)


def called(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answer(one: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    try:
        while more := one.recv(65_536):
            found += more
    except ConnectionError:
        pass
    return found


def reply(one: socket.socket) -> bytes:
    """One answer, head and body."""
    found = _more(one)
    while b"\r\n\r\n" not in found:
        found += _more(one)
    head, _, body = found.partition(b"\r\n\r\n")
    (length,) = (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(body) < length:
        body += _more(one)
    return head + b"\r\n\r\n" + body


def _more(one: socket.socket) -> bytes:
    more = one.recv(65_536)
    assert more, "hung up before the answer was whole"
    return more


def emptied(server: Served, seconds: float = 3.0) -> bool:
    """Whether no connection is left within `seconds`."""
    until = time.monotonic() + seconds
    while server.connected() and time.monotonic() < until:
        time.sleep(0.01)
    return server.connected() == 0


def status(said: bytes) -> int:
    return int(said.split(b" ", 2)[1]) if said else 0


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 1_000_000,
        b"GET / HTTP/1.1\r\nX-A: " + b"a" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 90) for n in range(10_000)),
        b"GET / HTTP/1.1\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: " + b"a" * 1_000_000,
    ],
    ids=["path", "header", "headers", "complete", "trailer"],
)
def test_a_head_of_a_megabyte_is_refused_and_not_kept(served: tuple[Served, int], head: bytes) -> None:
    server, port = served
    with called(port) as one:
        try:
            for at in range(0, len(head), 10_000):
                one.sendall(head[at : at + 10_000])
            said = answer(one)
        except ConnectionError:
            said = b""  # it was closed while it was being sent
    assert status(said) in ((0, 431) if head.startswith(b"GET") else (0, 200, 431)), said[:200]
    if status(said) == 431:
        assert json.loads(said.split(b"\r\n\r\n", 1)[1])["type"] == "urn:medcode:problem:head-too-large"
    assert emptied(server), "it is kept"


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n",
     b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc"],
    ids=["silent", "a blank line", "half a line", "half a head", "a body that never ends"],
)  # fmt: skip
def test_who_owes_bytes_is_hung_up_on(served: tuple[Served, int], sent: bytes) -> None:
    server, port = served
    began = time.monotonic()
    with called(port) as one:
        one.sendall(sent)
        answer(one)
        assert HEAD_SECONDS * 0.5 < time.monotonic() - began < HEAD_SECONDS + 3
    assert emptied(server)


def test_a_blank_line_after_an_answer_does_not_keep_the_connection(served: tuple[Served, int]) -> None:
    _, port = served
    with called(port) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        reply(one)
        began = time.monotonic()
        one.sendall(b"\r\n")
        answer(one)
    assert time.monotonic() - began < HEAD_SECONDS + 3


def test_a_head_that_drips_is_not_given_more_time(served: tuple[Served, int]) -> None:
    _, port = served
    began = time.monotonic()
    with called(port) as one:
        one.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 10:
                one.sendall(b"X-A: a\r\n")
                time.sleep(0.05)
    assert time.monotonic() - began < HEAD_SECONDS + 3


def test_a_request_that_takes_long_and_its_further_requests_are_answered(served: tuple[Served, int]) -> None:
    _, port = served
    with called(port) as one:
        for path in (b"/slow", b"/", b"/slow"):
            one.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n\r\n")
            assert reply(one).startswith(b"HTTP/1.1 200")


def test_a_body_may_take_longer_than_a_head(served: tuple[Served, int]) -> None:
    _, port = served
    with called(port) as one:
        one.sendall(b"POST /read HTTP/1.1\r\nContent-Length: 600000\r\n\r\n")
        for _ in range(6):
            one.sendall(b"x" * 100_000)
            time.sleep(HEAD_SECONDS / 3)
        assert reply(one).endswith(b"600000")


def test_one_connection_more_than_may_be_is_told_so_and_others_go_on(served: tuple[Served, int]) -> None:
    server, port = served
    kept = [called(port) for _ in range(MOST)]
    for one in kept:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reply(one).startswith(b"HTTP/1.1 200")
    with called(port) as more:
        assert status(answer(more)) == 503
    kept[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert reply(kept[0]).startswith(b"HTTP/1.1 200")
    for one in kept:
        one.close()
    assert emptied(server)
    with called(port) as again:
        again.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert status(answer(again)) == 200


def test_an_answer_that_nobody_reads_holds_no_connection(served: tuple[Served, int]) -> None:
    server, port = served
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", port))
        one.sendall(LONG)
        time.sleep(0.2)
        assert server.connected() == 1
        assert emptied(server, 15)


def test_what_is_no_http_or_asks_for_a_web_socket_is_answered(served: tuple[Served, int]) -> None:
    _, port = served
    with called(port) as one:
        one.sendall(b"what is this\r\n\r\n")
        said = answer(one)
    assert status(said) == 400
    assert b"application/problem+json" in said
    with called(port) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert reply(one).startswith(b"HTTP/1.1 200")


def test_limits_are_those_of_the_worker() -> None:
    assert connections(ConnectionLimits(1, 2.0, 3.0)).limits == ConnectionLimits(1, 2.0, 3.0)
    assert not hasattr(Connection, "limits")


def test_a_worker_may_have_files_open_for_all_its_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        _make_room(700)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 700
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, before[1]))
        _make_room(700)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 2048, "more than enough is left as it is"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
