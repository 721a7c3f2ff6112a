"""Time limits of connections: a host that takes a connection and says nothing is an error soon."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
import sqlalchemy as sa

from medcode_ml.store.database import make_engine


def test_a_database_that_never_answers_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = make_engine(f"postgresql://a:b@127.0.0.1:{silent.getsockname()[1]}/c?connect_timeout=2")
        began = time.monotonic()
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
        assert 1 < time.monotonic() - began < 8, "what the URL says is not heeded"


def test_limits_are_set_but_for_those_that_the_url_sets() -> None:
    engine = make_engine("postgresql://a:b@127.0.0.1:9/c?tcp_user_timeout=1000")
    seen: dict[str, Any] = {}

    @sa.event.listens_for(engine, "do_connect")
    def asked(dialect: Any, record: Any, positional: Any, named: dict[str, Any]) -> None:
        seen.update(named)

    with pytest.raises(sa.exc.OperationalError):
        engine.connect()
    assert (seen["connect_timeout"], seen["keepalives_idle"]) == (10, 30)
    assert str(seen["tcp_user_timeout"]) == "1000"
