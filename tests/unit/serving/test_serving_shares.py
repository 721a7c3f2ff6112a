"""Connections go to the worker that has fewest, and to anybody when that one does not take them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from medcode_ml.serving.shares import SharedSocket, Shares
from medcode_ml.serving.supervisor import bound


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with bound("127.0.0.1", 0) as own:
        own.listen(16)
        own.setblocking(False)
        yield own


def call(listening: socket.socket) -> socket.socket:
    return socket.create_connection(listening.getsockname(), timeout=5)


def test_the_worker_with_more_leaves_the_next_one_to_the_worker_with_fewer(listening: socket.socket) -> None:
    shares, has = Shares(2), [0, 0]
    workers = [SharedSocket(listening, shares, place, lambda place=place: has[place]) for place in (0, 1)]
    for place in (0, 1):
        shares.say(place, 0)
    callers = []
    for _ in range(6):
        callers.append(call(listening))
        for place, worker in enumerate(workers):  # the first one always wakes first
            try:
                callers.append(worker.accept()[0])
                has[place] += 1
                break
            except BlockingIOError:
                continue
    assert has == [3, 3]
    for one in (*callers, *workers):
        one.close()


def test_a_connection_that_the_other_does_not_take_is_taken_after_a_moment(listening: socket.socket) -> None:
    shares = Shares(2)
    shares.say(1, 0)  # there, and busy
    with SharedSocket(listening, shares, 0, lambda: 2) as worker, call(listening):
        with pytest.raises(BlockingIOError):
            worker.accept()
        time.sleep(0.03)
        worker.accept()[0].close()


def test_a_worker_that_is_gone_is_not_waited_for(listening: socket.socket) -> None:
    shares = Shares(2)
    shares.say(1, 0)
    shares.gone(1)
    with SharedSocket(listening, shares, 0, lambda: 5) as worker, call(listening):
        worker.accept()[0].close()


def test_nothing_waits_so_nothing_is_taken(listening: socket.socket) -> None:
    with SharedSocket(listening, Shares(1), 0, lambda: 0) as worker, pytest.raises(BlockingIOError):
        worker.accept()
