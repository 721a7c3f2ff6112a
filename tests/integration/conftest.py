"""What integration tests share beside the database: a real broker, started when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """host:port of a broker of the test session."""
    from support.broker import running_broker

    with running_broker() as bootstrap:
        yield bootstrap
