"""Settings on their way into the containers, and files that the accounts inside must be able to read."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from medcode_ml.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
DOCKER = ROOT / "docker"
OURS = ("migrate", "code", "api", "land", "work")
#: each container has its own, or it is one for all and stands elsewhere; the example says where
FIXED = {
    "home", "database_url", "dagster_home", "postgres_bin", "postgres_user", "prometheus_multiproc_dir",
    "api_policy_dir", "api_no_auth", "runs_at_once",
}  # fmt: skip
LINE = re.compile(r"^#?(\w+)=(.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return loaded


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A clone's folder `docker` with its Makefile, as it is under umask 077."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    folder = tmp_path / "docker"
    shutil.copytree(DOCKER, folder, ignore=shutil.ignore_patterns("secrets", "medcode.env"))
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


def _make(folder: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"], **environment}
    made = ["make", "--directory", str(folder.parent), target]
    return subprocess.run(made, env=kept, capture_output=True, text=True, check=False)


def _lines(name: str) -> dict[str, str]:
    return dict(LINE.findall((DOCKER / name).read_text()))


def test_every_setting_can_reach_the_containers(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The most were ignored without a word: compose passed on a handful by name."""
    example, defaults = _lines("medcode.env.example"), _lines("defaults.env")
    wanted = {f"MEDCODE_{name.upper()}" for name in Settings.model_fields.keys() - FIXED}
    assert {name for name in example if name.startswith("MEDCODE_")} == wanted
    assert defaults.keys() <= example.keys()
    for name in OURS:
        assert compose["services"][name]["env_file"] == ["./defaults.env", "./medcode.env"], name
    # as a person writes them who takes every # away
    for name, value in {**defaults, **example}.items():
        monkeypatch.setenv(name, value.strip("'"))
    chosen = Settings()
    assert {field for field in Settings.model_fields.keys() - FIXED if getattr(chosen, field) is None} == set()


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for paths, names and addresses, of which there is none, and what the containers have otherwise."""
    plain, defaults = Settings(), _lines("defaults.env")
    for name, value in _lines("medcode.env.example").items():
        if name.startswith("MEDCODE_"):
            monkeypatch.setenv(name, value.strip("'"))
    shown = Settings()
    other = {
        field for field in Settings.model_fields.keys() - FIXED
        if isinstance(getattr(plain, field), int | float) and getattr(plain, field) != getattr(shown, field)
    }  # fmt: skip
    assert other == {name.removeprefix("MEDCODE_").lower() for name in defaults} & other


def test_nothing_goes_before_what_a_person_set(compose: dict[str, Any]) -> None:
    """`environment` and options of a command go before the files of settings, in silence."""
    fixed = {f"MEDCODE_{name.upper()}" for name in FIXED}
    for name in OURS:
        service = compose["services"][name]
        given = {key.removesuffix("_FILE") for key in service.get("environment", {}) if key.startswith("MEDCODE_")}
        assert given <= fixed | {"MEDCODE_DAGSTER_URL"}, name
    commands = [" ".join(compose["services"][name].get("command", [])) for name in OURS]
    commands += re.findall(r"^CMD (.*)$", (DOCKER / "medcode" / "Dockerfile").read_text(), re.MULTILINE)
    options = {option for command in commands for option in re.findall(r"--([a-z-]+)", command)}
    assert {option for option in options if f"api_{option.replace('-', '_')}" in Settings.model_fields} == set()


def test_runs_at_once_reach_the_daemon_as_they_reach_the_code_location(compose: dict[str, Any]) -> None:
    for name in ("code", "webserver", "daemon"):
        assert compose["services"][name]["environment"]["MEDCODE_RUNS_AT_ONCE"] == "${RUNS_AT_ONCE:-2}", name
    assert "\nRUNS_AT_ONCE=2\n" in (DOCKER / ".env").read_text()


def test_the_api_ends_before_its_container_is_killed(compose: dict[str, Any]) -> None:
    service = compose["services"]["api"]
    seconds = float(_lines("defaults.env")["MEDCODE_API_NOTICE_SECONDS"])
    assert seconds + Settings.model_fields["api_drain_seconds"].default + 10 < int(
        service["stop_grace_period"].removesuffix("s")
    )


def test_settings_are_made_once_and_a_name_that_nothing_reads_is_said(copied: Path) -> None:
    settings = copied / "medcode.env"
    assert _make(copied, "docker-settings").returncode == 0
    assert settings.read_text() == (DOCKER / "medcode.env.example").read_text()
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600, "it may come to hold keys"
    settings.write_text("MEDCODE_SOURCE=folder\nAWS_ACCESS_KEY_ID=x\n")
    assert _make(copied, "docker-settings").returncode == 0
    assert settings.read_text().startswith("MEDCODE_SOURCE=folder\n")
    settings.write_text("MEDCODE_SUBMITER_ID=me\nMEDCODE_RUNS_AT_ONCE=4\n")
    refused = _make(copied, "docker-settings")
    assert refused.returncode != 0
    assert "MEDCODE_SUBMITER_ID reaches no container" in refused.stderr
    assert "MEDCODE_RUNS_AT_ONCE reaches no container" in refused.stderr
    settings.write_text("")
    refused = _make(copied, "docker-settings", MEDCODE_SOURCE="folder", MEDCODE_VERSION="0.1.0")
    assert refused.returncode != 0
    assert "MEDCODE_SOURCE of this shell reaches no container" in refused.stderr
    assert "MEDCODE_VERSION" not in refused.stderr
    assert "docker/medcode.env" in (ROOT / ".gitignore").read_text().split()


def test_what_containers_read_from_a_closed_clone_is_opened_to_them(copied: Path, compose: dict[str, Any]) -> None:
    """Other accounts read it: of the container's PostgreSQL, of Kafka, of OPA. Under umask 077 they could not."""
    assert _make(copied, "docker-settings").returncode == 0
    mounts = [mount.split(":")[0] for one in compose["services"].values() for mount in one.get("volumes", [])]
    mounted = [copied / mount for mount in mounts if mount.startswith("./")]
    assert len(mounted) >= 3
    for path in (one for top in mounted for one in (top, *top.rglob("*"))):
        wanted = 0o005 if path.is_dir() or path.suffix == ".sh" else 0o004
        assert stat.S_IMODE(path.stat().st_mode) & wanted == wanted, path
    # what an image takes over is opened in it
    for copy in re.findall(r"^COPY (?!--from)(.*docker/.*)$", _dockerfiles(), re.MULTILINE):
        assert "--chmod=" in copy or "/src/" in copy, copy


def _dockerfiles() -> str:
    return "\n".join(path.read_text() for path in sorted(DOCKER.glob("*/Dockerfile")))


def test_compose_reads_the_file(copied: Path) -> None:
    """By Debian's docker-compose, which needs no engine; `make docker-check` requires it."""
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed; make docker-check requires it")
    assert _make(copied, "docker-settings").returncode == 0
    (copied / "medcode.env").write_text("MEDCODE_SOURCE=folder\nMEDCODE_API_RATE=7/minute\n")
    done = subprocess.run(
        ["docker-compose", "-f", copied / "compose.yaml", "--profile", "opa", "config"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    resolved = yaml.safe_load(done.stdout)["services"]
    for name in OURS:
        given = resolved[name]["environment"]
        assert (given["MEDCODE_SOURCE"], given["MEDCODE_API_RATE"]) == ("folder", "7/minute"), name
        assert given["MEDCODE_KAFKA_BOOTSTRAP"] == "kafka:9092", name
    assert not any(key.startswith("MEDCODE_API") for key in resolved["daemon"]["environment"])
