"""What an image installs is a wheel: all that medcode reads beside its code must be in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("medcode_ml", "medcode_assets")
#: what tools leave behind
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".mypy_cache", ".ruff_cache")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel of a copy of the sources, and that copy."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=IGNORED)
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "-w", str(out), "."], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return next(out.glob("medcode-*.whl")), source


def test_every_file_of_the_packages_is_in_the_wheel(wheel: tuple[Path, Path]) -> None:
    """Tables, rules, schemas, migrations: a file with a new ending must be named in pyproject.toml."""
    path, source = wheel
    carried = set(zipfile.ZipFile(path).namelist())
    there = {
        str(p.relative_to(source)) for name in PACKAGES for p in (source / name).rglob("*")
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(source).parts)
    }  # fmt: skip
    assert len(there) > 300
    assert sorted(there - carried) == []


def test_an_installed_medcode_finds_its_migrations_and_definitions(wheel: tuple[Path, Path], tmp_path: Path) -> None:
    """Installed there is no pyproject.toml beside the packages, by which Dagster would look for `defs`."""
    zipfile.ZipFile(wheel[0]).extractall(tmp_path)
    script = (
        "import medcode_ml.store.migrate as m, medcode_assets.definitions as d\n"
        f"assert m.__file__.startswith({str(tmp_path)!r}), m.__file__\n"
        "print(m.newest(), len(list(d.defs().resolve_all_asset_specs())))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{script}"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    revision, assets = done.stdout.split()
    assert revision >= "0005"
    assert int(assets) > 50
