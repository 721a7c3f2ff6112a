"""The local registry of models: every version kept under `<home>/models/<kind>/`, one of them promoted.

What decides whether a version may be promoted belongs to the pipeline; this is only the shelf.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from medcode_ml.models.folder import MANIFEST, put_in_place, read_folder
from medcode_ml.models.manifest import KINDS, VERSION, Manifest, ModelFolderError, parse_manifest
from medcode_ml.settings import settings

_POINTER: Final = "promoted.json"


def register(folder: Path, kind: str, home: Path | None = None) -> Path:
    """Copy a model folder into the registry under its version and return where it lies; a second time changes nothing.

    `home` is that of the settings where none is given.

    Raises:
        ModelFolderError: it is no sound model folder of that kind.
    """
    model = read_folder(folder, kind)
    target = _shelf(kind, home) / model.manifest.version
    if target.exists():
        # the version is a hash of what is in the folder: the same version is the same model
        read_folder(target, kind)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        making.chmod(0o755)
        for name in (MANIFEST, *model.manifest.files):
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, making / name)
        read_folder(making, kind)
        put_in_place(making, target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return target


def versions(kind: str, home: Path | None = None) -> list[Manifest]:
    """The manifests of all registered versions of a kind, oldest first."""
    shelf = _shelf(kind, home)
    if not shelf.is_dir():
        return []
    paths = [path / MANIFEST for path in shelf.iterdir() if VERSION.match(path.name) and (path / MANIFEST).is_file()]
    return sorted(
        (parse_manifest(path.read_text(encoding="utf-8"), path) for path in paths), key=lambda m: (m.created, m.version)
    )


def promote(kind: str, version: str, home: Path | None = None) -> Path:
    """Make a registered version the one that `promoted` returns, and return where it lies.

    Raises:
        ModelFolderError: it is not registered, or not as it was registered.
    """
    path = registered(kind, version, home)
    shelf = _shelf(kind, home)
    said = {"version": version, "promoted_at": datetime.now(UTC).isoformat(timespec="seconds")}
    making = shelf / f".{_POINTER}.{os.getpid()}.making"
    making.write_text(json.dumps(said) + "\n", encoding="utf-8")
    os.replace(making, shelf / _POINTER)
    return path


def withdraw(kind: str, home: Path | None = None) -> None:
    """Promote no version of a kind any more; the versions stay."""
    (_shelf(kind, home) / _POINTER).unlink(missing_ok=True)


def promoted(kind: str, home: Path | None = None) -> Path | None:
    """The folder of the promoted version, its files held against their hashes; None where none is promoted.

    Raises:
        ModelFolderError: the promoted version is gone or damaged: never does another model step in unsaid.
    """
    version = promoted_version(kind, home)
    return None if version is None else registered(kind, version, home)


def promoted_version(kind: str, home: Path | None = None) -> str | None:
    """The version that is promoted, without a look at its files; None where none is.

    Raises:
        ModelFolderError: what says so is broken.
    """
    pointer = _shelf(kind, home) / _POINTER
    try:
        return str(json.loads(pointer.read_text(encoding="utf-8"))["version"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as broken:
        raise ModelFolderError(f"{pointer} is broken ({type(broken).__name__}): promote a version again") from broken


def registered(kind: str, version: str, home: Path | None = None) -> Path:
    """The folder of a version, its files held against their hashes.

    Raises:
        ModelFolderError: it is not registered, or not as it was registered.
    """
    path = _shelf(kind, home) / version
    if not VERSION.match(version) or not path.is_dir():
        known = ", ".join(m.version for m in versions(kind, home)) or "none"
        raise ModelFolderError(f"no {kind} model {version} is registered: choose one of {known}")
    return read_folder(path, kind).path


def _shelf(kind: str, home: Path | None) -> Path:
    if kind not in KINDS:
        raise ModelFolderError(f"there is no model of kind {kind!r}: choose one of {', '.join(KINDS)}")
    return (home or settings().home) / "models" / kind
