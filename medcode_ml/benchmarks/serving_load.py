"""Load on an API at loopback: a number of connections, each sending the next request when it has its answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection


@dataclass
class Load:
    """What came back: seconds of each answer, statuses, and answers by minute since the start."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    took: float = 0.0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.statuses[200] / self.took if self.took else 0.0

    def quantile(self, part: float) -> float:
        """A quantile of the time to the answer, in milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def run_load(
    port: int, path: str, bodies: Sequence[bytes], connections: int, seconds: float, key: str | None = None
) -> Load:
    """Send `bodies` in turn over `connections` kept open for `seconds`, in this process."""
    return asyncio.run(_run(port, path, bodies, connections, seconds, key))


def start_load(
    port: int, path: str, bodies: Sequence[bytes], connections: int, seconds: float, key: str | None = None
) -> Connection:
    """`run_load` in a process of its own; the `Load` comes through the connection returned."""
    here, there = get_context("spawn").Pipe()
    given = (there, port, path, list(bodies), connections, seconds, key)
    get_context("spawn").Process(target=_send, args=given, daemon=True).start()
    return here


def _send(back: Connection, *given: object) -> None:
    back.send(run_load(*given))  # type: ignore[arg-type]


async def _run(
    port: int, path: str, bodies: Sequence[bytes], connections: int, seconds: float, key: str | None
) -> Load:
    load, until = Load(), time.perf_counter() + seconds
    began = time.perf_counter()
    heads = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    heads += f"Authorization: Bearer {key}\r\n" if key else ""
    sent = [f"{heads}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
    await asyncio.gather(*(_connection(port, sent, n, connections, until, load) for n in range(connections)))
    load.took = time.perf_counter() - began
    return load


async def _connection(port: int, sent: Sequence[bytes], first: int, step: int, until: float, load: Load) -> None:
    at, reader, writer = first, None, None
    while time.perf_counter() < until:
        began = time.perf_counter()
        try:
            if reader is None or writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent[at % len(sent)])
            status = await _answer(reader)
        except (OSError, asyncio.IncompleteReadError):
            load.statuses[0] += 1  # the connection was lost
            reader = writer = None
            await asyncio.sleep(0.05)
            continue
        load.seconds.append(time.perf_counter() - began)
        load.statuses[status] += 1
        at += step
    if writer is not None:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head[9:12])
