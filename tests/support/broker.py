"""A real broker over TCP for tests, and a link to it that can be cut."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress

from medcode_ml.benchmarks.stream_broker import Ungrouped, free_port, make_topics, running_broker, ungrouped

__all__ = ["Link", "Ungrouped", "free_port", "make_topics", "running_broker", "ungrouped"]


class Link:
    """A TCP forwarder: `cut` ends every connection through it at once, as a pulled cable and a new one would; `hold`
    lets nothing through, as a peer that hangs, until `flow`."""

    def __init__(self, listen: int, to: int) -> None:
        """Forward from port `listen` to port `to`, both on loopback."""
        self._to = to
        self._server = socket.create_server(("127.0.0.1", listen))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def hold(self) -> None:
        """Forward nothing; connections are taken still."""
        self._flows.clear()

    def flow(self) -> None:
        """Forward again."""
        self._flows.set()

    def close(self) -> None:
        """Take no more connections and end those that are."""
        self.flow()
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as waiting, near, far:
            waiting.register(near, selectors.EVENT_READ, far)
            waiting.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in waiting.select():
                    try:
                        data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                        if not data:
                            return
                        self._flows.wait()
                        key.data.sendall(data)
                    except OSError:
                        return
