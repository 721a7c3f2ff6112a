"""The API while the database hangs: who is known goes on, and nobody waits for what does not come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from support.broker import Link, free_port

from medcode_ml.serving import identity, in_use, state
from medcode_ml.serving.app import create_app
from medcode_ml.serving.formats import NOTE_EXAMPLE
from medcode_ml.serving.keys import SCOPES, create_key
from medcode_ml.settings import Settings
from medcode_ml.store.database import make_engine

pytestmark = pytest.mark.integration


@pytest.fixture
def link(server_engine: sa.Engine) -> Iterator[tuple[Link, sa.Engine]]:
    """The database behind a link that can be held up."""
    port, url = free_port(), server_engine.url
    assert url.port is not None
    link = Link(port, url.port)
    engine = make_engine(url.set(port=port).render_as_string(hide_password=False))
    yield link, engine
    link.close()
    engine.dispose()


def test_known_callers_are_answered_while_the_database_hangs(
    server_engine: sa.Engine, link: tuple[Link, sa.Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    cable, engine = link
    known, unknown = (
        {"Authorization": f"Bearer {create_key(server_engine, name, SCOPES, ['*'], by='tests')}"}
        for name in ("known", "unknown")
    )
    chosen = Settings(api_rate="100000/minute", api_workers=1, api_model_seconds=0.2)
    monkeypatch.setattr(in_use, "_HANGS", timedelta(seconds=0.3))
    monkeypatch.setattr(identity, "_WAIT_SECONDS", 0.5)
    monkeypatch.setattr(identity, "_FIRST_SECONDS", 1.0)
    monkeypatch.setattr(state, "_PROBE_SECONDS", 1.0)
    with TestClient(create_app(chosen, engine), raise_server_exceptions=False) as client:

        def code(head: dict[str, str]) -> tuple[int, float]:
            began = time.monotonic()
            answer = client.post("/v1/code", json=NOTE_EXAMPLE, headers=head)
            return answer.status_code, time.monotonic() - began

        assert code(known)[0] == 200
        assert client.get("/readyz").status_code == 200
        client.get("/v1/codes?q=asthma", headers=known)  # reads its tables
        cable.hold()
        stuck = [threading.Thread(target=code, args=({**known, "Idempotency-Key": f"k{n}"},)) for n in range(10)]
        try:
            for one in stuck:  # their answers are kept in the database
                one.start()
            monkeypatch.setattr(identity, "KEPT_SECONDS", 0.0)
            answers = [code(known) for _ in range(4)]
            assert [status for status, _ in answers] == [200] * 4
            assert answers[0][1] < 4
            assert max(seconds for _, seconds in answers[1:]) < 1, "every request waits for the database"
            assert code(unknown)[0] == 503
            began = time.monotonic()
            ready = client.get("/readyz")
            assert time.monotonic() - began < 4
            assert ready.status_code == 503
            assert "the database does not answer" in ready.json()["detail"]
            assert "as they were read before" in ready.json()["detail"], "the hang is told of nobody"
            began = time.monotonic()
            assert client.get("/v1/codes?q=asthma", headers=known).status_code == 200
            assert time.monotonic() - began < 4
        finally:
            cable.flow()
        for one in stuck:
            one.join(60)
        monkeypatch.setattr(identity, "_AGAIN_SECONDS", 0.0)
        until = time.monotonic() + 20
        while (client.get("/readyz").status_code, code(unknown)[0]) != (200, 200) and time.monotonic() < until:
            time.sleep(0.05)
        assert (client.get("/readyz").json()["status"], code(unknown)[0]) == ("ready", 200)
