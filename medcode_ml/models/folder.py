"""The model folder: written whole or not at all, and read only after every file's SHA-256 was found as it was written.

A folder is portable: it names nothing outside itself. What lies in the files belongs to the stage that wrote them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from medcode_ml.models import contents
from medcode_ml.models.contents import Writer
from medcode_ml.models.manifest import CARD, KINDS, Figure, Manifest, ModelFolderError, parse_manifest

if TYPE_CHECKING:
    import lightgbm
    import pandas as pd

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True)
class ModelFolder:
    """A model folder whose files are as they were written."""

    path: Path
    manifest: Manifest

    def file(self, name: str) -> Path:
        """Where a file of the folder lies.

        Raises:
            ModelFolderError: the folder has no such file.
        """
        if name not in self.manifest.files:
            raise ModelFolderError(
                f"the model {self.path} has no file {name}: it was made by medcode {self.manifest.medcode}; train anew"
            )
        return self.path / name

    def tensors(self, name: str) -> dict[str, NDArray[Any]]:
        """Named arrays of a safetensors file."""
        return contents.read_tensors(self.file(name))

    def value(self, name: str) -> Any:
        """The value of a JSON file."""
        return contents.read_json(self.file(name))

    def table(self, name: str) -> pd.DataFrame:
        """The frame of a parquet file."""
        return contents.read_table(self.file(name))

    def booster(self, name: str) -> lightgbm.Booster:
        """The trees of a LightGBM text file."""
        return contents.read_booster(self.file(name))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def data_file(path: Path) -> dict[str, Any]:
    """What a manifest says of an input file: its bytes and hash, without its name, which may be a patient's."""
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def check_target(target: Path, kind: str) -> None:
    """Refuse a place where a model of `kind` must not be written; call it before a long training.

    Raises:
        ModelFolderError: something else than a model folder of the same kind lies there, or it cannot be written.
    """
    target = target.resolve()
    choose = "choose another --model folder"
    if kind not in KINDS:
        raise ModelFolderError(f"there is no model of kind {kind!r}: choose one of {', '.join(KINDS)}")
    if target.exists() and not target.is_dir():
        raise ModelFolderError(f"{target} is a file, not a model folder: {choose}")
    try:
        if target.is_dir() and any(target.iterdir()):
            if not (target / MANIFEST).is_file():
                raise ModelFolderError(f"{target} holds other files than a model and is left alone: {choose}")
            held = parse_manifest((target / MANIFEST).read_text(encoding="utf-8"), target / MANIFEST).kind
            if held != kind:
                raise ModelFolderError(f"{target} holds a {held} model, not a {kind} model: {choose}")
    except (OSError, UnicodeDecodeError) as unread:
        raise ModelFolderError(f"{target} cannot be read ({type(unread).__name__}): {choose}") from unread
    above = next(p for p in target.parents if p.exists())
    if not os.access(above, os.W_OK):
        raise ModelFolderError(f"nothing can be written to {above}: {choose}")


def write_folder(
    target: Path,
    *,
    kind: str,
    files: Mapping[str, Writer],
    code_set_release: str | None = None,
    data: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    figures: Sequence[Figure] = (),
    facts: Mapping[str, Any] | None = None,
    card: Callable[[Manifest], str] | None = None,
) -> ModelFolder:
    """Write a model to `target` in place of the model before, and return it.

    `files` gives the writer of each file by its relative name (see `contents`); `card` renders the model card from the
    finished manifest. All is written beside the target first and then renamed: a crash leaves the model before, at
    worst (between two renames) under the name `.<target>.before`.

    Raises:
        ModelFolderError: see `check_target`; or the disk refuses.
    """
    check_target(target, kind)
    target = target.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            # mkdtemp makes a folder for its owner alone; a model may be served by another account
            making.chmod(0o755)
            for name, write in files.items():
                (making / name).parent.mkdir(parents=True, exist_ok=True)
                write(making / name)
                # some writers make files for their owner alone
                (making / name).chmod(0o644)
            manifest = Manifest(
                kind=kind,
                version="",
                medcode=installed_version("medcode"),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                code_set_release=code_set_release,
                data=dict(data or {}),
                parameters=dict(parameters or {}),
                figures=tuple(figures),
                facts=dict(facts or {}),
                files={name: sha256_of(making / name) for name in sorted(files)},
            )
            manifest = _as_read(manifest)
            manifest = replace(manifest, version=manifest.own_version())
            if card is not None:
                (making / CARD).write_text(card(manifest), encoding="utf-8")
                manifest = replace(manifest, files={**manifest.files, CARD: sha256_of(making / CARD)})
            (making / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
            put_in_place(making, target)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    except OSError as refused:
        raise ModelFolderError(
            f"the model cannot be written to {target} ({refused.strerror or type(refused).__name__}): make room "
            "or choose another --model folder"
        ) from refused
    return ModelFolder(target, manifest)


def read_folder(path: Path, kind: str) -> ModelFolder:
    """Return the model folder at `path`, after holding every file against its SHA-256.

    Raises:
        ModelFolderError: there is none, it is of another kind or a newer layout, or a file is missing or was changed.
    """
    give = "give the folder that `medcode train` wrote"
    if not path.is_dir():
        raise ModelFolderError(f"there is no model folder {path}: {give}")
    if not (path / MANIFEST).is_file():
        raise ModelFolderError(f"{path} has no {MANIFEST}, so it is no model folder: {give}")
    try:
        manifest = parse_manifest((path / MANIFEST).read_text(encoding="utf-8"), path / MANIFEST)
        if manifest.kind != kind:
            raise ModelFolderError(f"{path} holds a {manifest.kind} model where a {kind} model is needed: {give}")
        for name, digest in manifest.files.items():
            if not (path / name).is_file():
                raise ModelFolderError(f"the model {path} lacks its file {name}: copy the folder again, whole")
            if sha256_of(path / name) != digest:
                raise ModelFolderError(
                    f"the file {name} of the model {path} was changed after it was written: copy the folder again, or "
                    "train anew"
                )
    except (OSError, UnicodeDecodeError) as unread:
        raise ModelFolderError(f"the model {path} cannot be read ({type(unread).__name__}): {give}") from unread
    return ModelFolder(path, manifest)


def put_in_place(making: Path, target: Path) -> None:
    """Rename the finished folder `making` to `target`; what lay there goes once the new one stands."""
    before = target.with_name(f".{target.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if target.exists():
        os.replace(target, before)
    try:
        os.replace(making, target)
    except OSError:
        if before.exists():
            os.replace(before, target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _as_read(manifest: Manifest) -> Manifest:
    """The manifest as it will be read back (tuples are lists in JSON), so that its version is that of what is read."""
    held = json.loads(manifest.to_json())
    return replace(manifest, **{name: held[name] for name in ("data", "parameters", "facts")})
