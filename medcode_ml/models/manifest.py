"""What a model folder says about itself: its manifest, the figures in it, and its version.

A manifest holds counts, hashes and parameters; never patient data, and never a path of the machine it was made on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, Final

KINDS: Final = ("coding", "ranking", "amounts")
FORMAT: Final = 1
"""Layout of the model folder; a folder of a newer layout is refused."""
CARD: Final = "model_card.md"
VERSION: Final = re.compile(r"^(coding|ranking|amounts)-\d{8}-[0-9a-f]{8}$")
_HASH: Final = re.compile(r"^[0-9a-f]{64}$")


class ModelFolderError(ValueError):
    """A model folder cannot be written or used; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    `name` is what was measured ("micro_f1"), `part` on what ("all", "codes seen 1-2 times"), `coder` of which rival
    ("model", "boosted trees", "ontology"), `low` and `high` the 95% interval, `count` the denominator.
    """

    name: str
    part: str
    coder: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int | None = None


@dataclass(frozen=True)
class Manifest:
    """The facts of one model.

    `medcode` is the version of this library, `created` an ISO time in UTC, `code_set_release` the release the model was
    taught in, `data` counts and hashes of what it learned from, `parameters` all that is needed to fit it again,
    `facts` whatever the stage needs to use it, `files` the SHA-256 of each file by its relative name.
    """

    kind: str
    version: str
    medcode: str
    created: str
    code_set_release: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> str:
        """The manifest as it is written.

        Raises:
            ModelFolderError: a value has no JSON form, or is not a number (NaN): leave such a figure out.
        """
        try:
            return json.dumps(asdict(self), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
        except (TypeError, ValueError) as unfit:
            raise ModelFolderError(
                f"the manifest of the {self.kind} model holds a value that JSON cannot ({unfit}): give text, numbers, "
                "lists and objects, and None for what is missing"
            ) from unfit

    def content_hash(self) -> str:
        """SHA-256 over all that the manifest says, but for its version and the card (which names the version)."""
        held = asdict(self)
        held.pop("version")
        held["files"] = {name: digest for name, digest in self.files.items() if name != CARD}
        return hashlib.sha256(json.dumps(held, sort_keys=True, allow_nan=False).encode()).hexdigest()

    def own_version(self) -> str:
        """The version this manifest's content has: kind, day made, and the first eight digits of its hash."""
        return f"{self.kind}-{self.created[:10].replace('-', '')}-{self.content_hash()[:8]}"


def parse_manifest(text: str, where: Path) -> Manifest:
    """Read a manifest back; `where` is named in errors.

    Raises:
        ModelFolderError: it is no manifest, of a newer layout, or was changed after it was written.
    """
    again = "copy the folder again from where it was made, or train anew"
    try:
        held = json.loads(text)
    except ValueError as broken:
        raise ModelFolderError(f"{where} is not JSON: {again}") from broken
    if not isinstance(held, dict) or not isinstance(held.get("format"), int):
        raise ModelFolderError(f"{where} is not the manifest of a medcode model: {again}")
    if held["format"] > FORMAT:
        raise ModelFolderError(
            f"{where} has layout {held['format']} (made by medcode {held.get('medcode', '?')}), this medcode reads "
            f"up to {FORMAT}: use a newer medcode"
        )
    try:
        known = {name.name: held[name.name] for name in fields(Manifest)}
        known["figures"] = tuple(Figure(**figure) for figure in known["figures"])
        manifest = Manifest(**known)
        sound = manifest.kind in KINDS and manifest.own_version() == manifest.version
        sound = sound and all(_plain(name) and _HASH.match(digest) for name, digest in manifest.files.items())
    except (KeyError, TypeError, AttributeError, ValueError) as wrong:
        raise ModelFolderError(f"{where} lacks or misstates a field ({wrong}): {again}") from wrong
    if not sound:
        raise ModelFolderError(f"{where} was changed after it was written: {again}")
    return manifest


def _plain(name: str) -> bool:
    """Whether a file's name stays inside the folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name
