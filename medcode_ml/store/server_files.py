"""Where the files of an embedded server lie: under its home, or outside where its account cannot reach the home.

A place outside says in a file whose it is: a home that was moved takes its place along, a copy of a home never uses
the database of the home it was copied from.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path

STATE = "server.json"
LASTING = Path("/var/lib")
#: homes made before have their data here, where the system deletes what has not been used for weeks
_FORMER = Path("/var/tmp")
_OWNER = "home"
_LINK = "data"


def places(folder: Path, data: str) -> list[Path]:
    """Where the data of a server that was made may lie, wherever its home was moved since.

    Args:
        folder: `postgres` under the home.
        data: the data folder as the state file keeps it: its path, or its name in homes made before.
    """
    name = Path(data).name
    return list(dict.fromkeys((folder / name, folder / data, _former(folder) / name)))


def found(folder: Path, data: str) -> Path | None:
    """The data folder of a server that was made, one of `places`; None where it is gone."""
    return next((place for place in places(folder, data) if (place / "PG_VERSION").exists()), None)


def outside(folder: Path) -> Path | None:
    """The place outside that this home alone links to, also where the making of its server was cut short."""
    link = folder / _LINK
    if not link.is_symlink():
        return None
    place = link.readlink().parent
    mine = (folder, None) if place == _former(folder) else (folder,)
    return place if place.is_dir() and owner(place) in mine else None


def new_outside(folder: Path) -> Path:
    """Make a place outside for a new server of this home."""
    place = (LASTING if os.access(LASTING, os.W_OK) else _FORMER) / f"medcode-{secrets.token_hex(8)}"
    place.mkdir()
    place.chmod(0o711)
    take(folder, place)
    return place


def link(folder: Path, data: Path) -> None:
    """Leave a link in the home to its data outside."""
    there = folder / _LINK
    there.unlink(missing_ok=True)
    there.symlink_to(data)


def owner(place: Path) -> Path | None:
    """The folder `postgres` of the home that `place` belongs to; None where nobody wrote it down."""
    if (place / STATE).exists():
        return place
    try:
        return Path((place / _OWNER).read_text())
    except FileNotFoundError:
        return None


def take(folder: Path, place: Path) -> None:
    """Write down that `place` belongs to the home of `folder`."""
    if place != folder and owner(place) != folder:
        (place / _OWNER).write_text(str(folder))


def of_another(folder: Path, data: Path) -> Path | None:
    """The other home, still there, that uses `data`; None where it is this one's, or of one that was moved here."""
    other = owner(data.parent)
    if other is None or other == folder or not (other / STATE).exists():
        return None
    used = str(json.loads((other / STATE).read_text())["data"])
    return other.parent if (other / used).resolve() == data.resolve() else None


def _former(folder: Path) -> Path:
    return _FORMER / f"medcode-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
