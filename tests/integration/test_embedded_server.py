"""The embedded server keeps its data whatever becomes of the folders above it and of the processes that ask for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from medcode_ml.settings import Settings
from medcode_ml.store import server_files
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
from medcode_ml.store import server_files
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
import shutil
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


def _keep(server: EmbeddedServer) -> None:
    with psycopg.connect(server.ensure()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")


def _kept(server: EmbeddedServer) -> bool:
    with psycopg.connect(server.ensure()) as connection:
        row = connection.execute("SELECT to_regclass('kept') IS NOT NULL").fetchone()
    return bool(row and row[0])


def test_a_server_whose_data_is_gone_is_not_made_again_over_what_is_left(open_folder: Path) -> None:
    """The system deletes old files of temporary folders: the next command then deleted the rest of a live database."""
    server = EmbeddedServer(Settings(home=open_folder / "home"))
    try:
        server.ensure()
        data, state = server._data, server._state()
        server.stop()
        (data / "PG_VERSION").unlink()
        for ask in (server.ensure, server.is_running, server.stop):
            with pytest.raises(EmbeddedServerError, match="make clean") as said:
                ask()
            assert str(data) in str(said.value)
            assert str(open_folder / "home") in str(said.value)
        assert (data / "base").is_dir()
        assert server._state() == state
    finally:
        server.remove()
    assert not data.exists()


def test_a_home_that_is_moved_takes_its_database_along(open_folder: Path) -> None:
    server = EmbeddedServer(Settings(home=open_folder / "home"))
    moved = EmbeddedServer(Settings(home=open_folder / "moved"))
    try:
        _keep(server)
        server.stop()
        (open_folder / "home").rename(open_folder / "moved")
        assert _kept(moved)
        assert not _kept(server), "a new home where it was before has a database of its own"
        assert _kept(moved)
    finally:
        server.remove()
        moved.remove()


@AS_ROOT
def test_data_outside_a_closed_home_is_moved_along_and_never_shared_with_a_copy(tmp_path: Path) -> None:
    """Its place was named after the home's path: moved, it was made anew, empty, and the old password lost."""
    first, second = tmp_path / "home", tmp_path / "moved"
    server = EmbeddedServer(Settings(home=first))
    moved, copy = EmbeddedServer(Settings(home=second)), EmbeddedServer(Settings(home=tmp_path / "copy"))
    fresh = EmbeddedServer(Settings(home=first))
    try:
        _keep(server)
        data = server._data
        assert data.is_relative_to("/var/lib"), "what is not used for weeks is deleted under /var/tmp"
        assert (first / "postgres" / "data").resolve() == data
        shutil.copytree(first, tmp_path / "copy", symlinks=True)
        with pytest.raises(EmbeddedServerError, match=f"copy of {first}"):
            copy.ensure()
        copy.remove()
        assert _kept(server), "what a copy deletes is its own"
        server.stop()
        first.rename(second)
        assert not _kept(fresh)
        assert _kept(moved)
        assert moved._data == data
        fresh.remove()
        assert _kept(moved)
    finally:
        for one in (fresh, moved, copy):
            one.remove()
    assert not data.parent.exists()


@AS_ROOT
def test_a_home_made_before_is_found_where_it_was_put_then(tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = EmbeddedServer(Settings(home=home))
    try:
        _keep(server)
        server.stop()
        data, former = server._data, server_files._former(home / "postgres")
        data.parent.rename(former)
        (former / "home").unlink()
        server._write_state({**server._state(), "data": data.name})
        server_files.link(home / "postgres", former / data.name)
        assert _kept(server)
        assert server._state()["data"] == str(former / data.name)
    finally:
        server.remove()
    assert not former.exists()


@AS_ROOT
def test_an_initdb_that_was_cut_short_is_begun_again_in_the_same_place(tmp_path: Path) -> None:
    server = EmbeddedServer(Settings(home=tmp_path / "home"))
    try:
        server.ensure()
        data = server._data
        server.stop()
        (tmp_path / "home" / "postgres" / "server.json").unlink()
        server.ensure()
        assert server._data.parent == data.parent
        assert not data.exists()
    finally:
        server.remove()
