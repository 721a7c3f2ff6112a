"""The embedded server keeps its data whatever becomes of the folders above it and of the processes that ask for it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from medcode_ml.settings import Settings
from medcode_ml.store.embedded import EmbeddedServer, EmbeddedServerError

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server under another account")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may go through: those of pytest are closed, and servers of theirs lie elsewhere."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


@AS_ROOT
def test_a_folder_that_is_closed_and_opened_again_loses_nothing(open_folder: Path) -> None:
    """Out of reach, the data would be looked for elsewhere, not be found, and the server be made again over it."""
    above = open_folder / "above"
    chosen = Settings(home=above / "home")
    server = EmbeddedServer(chosen)
    try:
        url = server.ensure()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        server.stop()
        above.chmod(0o700)
        with pytest.raises(EmbeddedServerError, match="failed"):
            EmbeddedServer(chosen).ensure()
        above.chmod(0o755)
        with psycopg.connect(EmbeddedServer(chosen).ensure()) as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    finally:
        above.chmod(0o755)
        server.remove()


_ASKING = """
import sys, threading
from pathlib import Path
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient
from medcode_ml.settings import Settings
from medcode_ml.store.embedded import EmbeddedServer
import psycopg

def talk():
    client = DagsterGrpcClient(host="127.0.0.1", port=1)
    while True:
        try:
            client.ping("")
        except DagsterUserCodeUnreachableError:
            pass

for _ in range(3):
    threading.Thread(target=talk, daemon=True).start()
for _ in range(25):
    with psycopg.connect(EmbeddedServer(Settings(home=Path(sys.argv[1]))).ensure()) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
sys.stdout.write("kept")
sys.stdout.flush()
import os
os._exit(0)  # the threads never end
"""


def test_a_process_that_talks_grpc_asks_for_the_server_and_does_not_make_it_again(open_folder: Path) -> None:
    """gRPC crashes one fork in ten. A crash that was taken for "not there" had a daemon delete the database it used."""
    server = EmbeddedServer(Settings(home=open_folder / "home"))
    try:
        with psycopg.connect(server.ensure()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        environment = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "1"}
        asked = subprocess.run(
            [sys.executable, "-c", _ASKING, str(open_folder / "home")], env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert asked.stdout == "kept", asked.stderr[-3000:]
    finally:
        server.remove()
