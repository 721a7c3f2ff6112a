"""The compose file, the Dockerfiles and what they name: no container engine runs here, so every name is looked up."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from medcode_ml.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*/Dockerfile"))
# Ours carry the version of medcode or MLflow; `latest`, a bare name or a bare major version would change under us.
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+[\w.-]*")


class _Loader(yaml.SafeLoader):
    """As the Go tools read YAML 1.2: `on` and `no` are words."""


def _resolved(text: str) -> str:
    """Put the default of every `${NAME:-default}` in its place."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", text)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(_resolved((DOCKER / "compose.yaml").read_text()), _Loader)
    return loaded


def _ours(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in compose["services"].items() if "build" in service}


def test_every_setting_that_a_container_is_given_is_a_setting() -> None:
    """A misspelt MEDCODE_ variable would be ignored without a word."""
    known = {f"MEDCODE_{name.upper()}" for name in Settings.model_fields}
    known |= {"MEDCODE_DAGSTER_URL", "MEDCODE_VERSION"}  # read by dagster.yaml; the tag of the images
    texts = [p.read_text() for p in (*DOCKERFILES, *DOCKER.glob("*.sh"), *DOCKER.glob("dagster/*.yaml"))]
    texts += [(DOCKER / name).read_text() for name in ("compose.yaml", ".env", "defaults.env", "medcode.env.example")]
    named = {name for text in texts for name in re.findall(r"\bMEDCODE_[A-Z_]+", text)}
    assert "MEDCODE_DATABASE_URL" in named
    assert {name for name in named if not {name, name.removesuffix("_FILE")} & known} == set()


def test_every_image_is_pinned(compose: dict[str, Any]) -> None:
    images = [service["image"] for service in compose["services"].values()]
    images += re.findall(r"^ARG PYTHON_IMAGE=(\S+)", "\n".join(p.read_text() for p in DOCKERFILES), re.MULTILINE)
    assert len(images) > len(compose["services"])
    assert [image for image in images if not PINNED.fullmatch(image)] == []


def test_no_container_of_ours_runs_as_root_or_may_write_its_image(compose: dict[str, Any]) -> None:
    for name, service in _ours(compose).items():
        assert service["user"] == "10001:10001", name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        for mount in service["volumes"]:
            target = mount.split(":")[1]
            assert target.startswith(("/var/lib/medcode", "/var/lib/mlflow")) or mount.endswith(":ro"), mount
    for path in DOCKERFILES:
        assert "\nUSER 10001:10001\n" in path.read_text(), path


def test_what_goes_on_running_is_asked_whether_it_works(compose: dict[str, Any]) -> None:
    """The image's HEALTHCHECK counts only where the service runs the image's own command: another has another port."""
    unasked = set[str]()
    for name, service in compose["services"].items():
        assert "limits" in service["deploy"]["resources"], name
        assert service["logging"]["options"]["max-size"], name
        if service["restart"] == "no":
            continue
        assert service["restart"] == "unless-stopped", name
        own = service.get("healthcheck", {"disable": True})
        if "test" not in own and not ("build" in service and "healthcheck" not in service and _runs_its_image(service)):
            unasked.add(name)
    assert unasked == set()


def _runs_its_image(service: dict[str, Any]) -> bool:
    text = (ROOT / service["build"]["dockerfile"]).read_text()
    stage = service["build"].get("target")
    part = text.split(f" AS {stage}\n")[1].split("\nFROM ")[0] if stage else text
    command = json.loads(re.findall(r"^CMD (\[.*\])", part, re.MULTILINE)[-1])
    return "HEALTHCHECK" in part and service.get("command", command) == command


def test_ports_are_open_on_loopback_alone(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 5
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_what_services_name_is_declared(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in compose["volumes"] or (DOCKER / source).exists() or source == "./opa", (name, mount)
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        for key, value in (service.get("environment") or {}).items():
            if key.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, key)
        for other, wanted in service.get("depends_on", {}).items():
            finished = compose["services"][other]["restart"] == "no"
            assert wanted["condition"] == ("service_completed_successfully" if finished else "service_healthy"), name


def test_no_password_stands_in_the_repository(tmp_path: Path) -> None:
    """Those of `secrets.sh` are random, made once, and in a folder that git and the image builder leave alone."""
    made, again = tmp_path / "a", tmp_path / "b"
    for folder in (made, again, made):
        subprocess.run([DOCKER / "secrets.sh", folder], check=True)
    one, two = ({p.name: p.read_text().strip() for p in folder.iterdir()} for folder in (made, again))
    names = set(yaml.safe_load((DOCKER / "compose.yaml").read_text())["secrets"])
    assert set(one) == set(two) == names
    assert not any(one[name] == two[name] for name in names)
    assert all(re.fullmatch(r"[0-9a-f]{48}", one[name]) for name in names if name.endswith("_password"))
    assert (
        one["application_url"]
        == f"postgresql://medcode_application:{one['application_password']}@postgres:5432/medcode"
    )
    assert made.stat().st_mode & 0o777 == 0o700
    before = dict(one)
    subprocess.run([DOCKER / "secrets.sh", made], check=True)
    assert {p.name: p.read_text().strip() for p in made.iterdir()} == before
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text().split()


def test_the_entrypoint_takes_secrets_from_files_and_says_what_is_missing(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://a:b@c/d\n")
    show = [DOCKER / "entrypoint.sh", sys.executable, "-c", "import os, json; print(json.dumps(dict(os.environ)))"]

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            show, env={"PATH": "/bin:/usr/bin", **environment}, capture_output=True, text=True, check=False
        )

    given = json.loads(run(MEDCODE_DATABASE_URL_FILE=str(secret)).stdout)
    assert given["MEDCODE_DATABASE_URL"] == "postgresql://a:b@c/d"
    assert "MEDCODE_DATABASE_URL_FILE" not in given
    assert "MEDCODE_DAGSTER_URL" not in given
    kept = json.loads(run(MEDCODE_DAGSTER_URL="mine", MEDCODE_DAGSTER_URL_FILE="/nowhere").stdout)
    assert kept["MEDCODE_DAGSTER_URL"] == "mine"
    missing = run(MEDCODE_DATABASE_URL_FILE=str(tmp_path / "none"))
    assert missing.returncode == 1
    assert "make docker-secrets" in missing.stderr
    secret.write_text("")
    assert run(MEDCODE_DATABASE_URL_FILE=str(secret)).returncode == 1


def test_the_job_makes_the_topics_that_medcode_reads_and_writes(tmp_path: Path) -> None:
    from medcode_ml.streaming.topics import SUBJECTS, topic

    said = tmp_path / "said"
    tool = tmp_path / "kafka-topics.sh"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    tool.chmod(0o755)
    subprocess.run(
        ["sh", DOCKER / "kafka" / "topics.sh", "kafka:9092"],
        env={"KAFKA_TOPICS": str(tool), "PATH": "/bin:/usr/bin"},
        check=True,
    )
    lines = said.read_text().splitlines()
    assert {re.search(r"--topic (\S+)", line)[1] for line in lines} == {topic(s) for s in SUBJECTS}  # type: ignore[index]
    assert all("--if-not-exists" in line and re.search(r"retention\.ms=\d{8,}\b", line) for line in lines)


def _commands(compose: dict[str, Any]) -> list[list[str]]:
    # the daemon's check is run through the entrypoint, which stands before it
    found = [
        service["healthcheck"]["test"][2:]
        for service in _ours(compose).values()
        if "test" in service.get("healthcheck", {})
    ]
    found += [service["command"] for service in _ours(compose).values() if "command" in service]
    for path in DOCKERFILES:
        found += [json.loads(line) for line in re.findall(r"^CMD (\[.*\])", path.read_text(), re.MULTILINE)]
        found += [json.loads(line) for line in re.findall(r"^ +CMD (\[.*\])", path.read_text(), re.MULTILINE)]
    return [command for command in found if command[0] == "medcode" or command[0].startswith("dagster")]


def _programs() -> dict[str, Any]:
    from dagster._cli import create_dagster_cli
    from dagster._daemon.cli import create_dagster_daemon_cli
    from dagster_webserver.cli import create_dagster_webserver_cli
    from typer.main import get_command

    from medcode_assets.cli import app

    return {
        "dagster": create_dagster_cli(),
        "dagster-daemon": create_dagster_daemon_cli(),
        "dagster-webserver": create_dagster_webserver_cli(),
        "medcode": get_command(app),
    }


def test_every_command_of_a_container_is_one_of_the_programs(compose: dict[str, Any]) -> None:
    """An unknown command or option would be found only when a container starts."""
    programs = _programs()
    commands = _commands(compose)
    assert {command[0] for command in commands} == set(programs)
    for command in commands:
        found, words = programs[command[0]], command[1:]
        while hasattr(found, "commands"):
            assert words[0] in found.commands, f"{command}: no command {words[0]}"
            found, words = found.commands[words[0]], words[1:]
        known = {option for parameter in found.params for option in parameter.opts}
        assert {w.split("=")[0] for w in words if w.startswith("--")} <= known, command


def test_the_server_of_mlflow_takes_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.cli import cli
    from mlflow.environment_variables import MLFLOW_SERVER_ENABLE_JOB_EXECUTION

    text = (DOCKER / "mlflow" / "Dockerfile").read_text()
    command = json.loads(re.findall(r"^CMD (\[.*\])", text, re.MULTILINE)[-1])
    assert command[:2] == ["mlflow", "server"]
    known = {option for parameter in cli.commands["server"].params for option in parameter.opts}
    assert {word for word in command if word.startswith("--")} <= known
    # else it keeps eight processes more, for work that nobody gives it, in the memory of its container
    found = re.search(rf"\b({MLFLOW_SERVER_ENABLE_JOB_EXECUTION.name})=(\w+)", text)
    assert found is not None
    monkeypatch.setenv(*found.groups())
    assert MLFLOW_SERVER_ENABLE_JOB_EXECUTION.get() is False


def test_opa_takes_its_command(compose: dict[str, Any]) -> None:
    if shutil.which("opa") is None:
        pytest.skip("opa is not installed")
    service = compose["services"]["opa"]
    for words in (service["command"], service["healthcheck"]["test"][2:]):
        told = subprocess.run(["opa", words[0], "--help"], capture_output=True, text=True, check=True).stdout
        options = [word.split("=")[0] for word in words if word.startswith("--")]
        assert [option for option in options if f"{option} " not in told] == []
