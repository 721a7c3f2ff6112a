"""Reference tables that users load themselves because no package may or does carry them (rule 44 and registries).

They lie as parquet under `settings().reference_dir / "loaded"` and stay when the packages change.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import pandas as pd

from medcode_ml.settings import settings


class ReferenceFileError(ValueError):
    """A reference file has another layout than it should; the message says what was expected."""


def loaded_path(name: str) -> Path:
    """Where the loaded table `name` lies, whether or not it is there."""
    return settings().reference_dir / "loaded" / f"{name}.parquet"


def save_loaded(name: str, frame: pd.DataFrame) -> Path:
    """Write a loaded table in place of the one before; a crash leaves the old one."""
    path = loaded_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_suffix(f".{os.getpid()}.making")
    frame.to_parquet(making, index=False, compression="zstd")
    os.replace(making, path)
    return path


def loaded_table(name: str) -> pd.DataFrame | None:
    """Return a loaded table, or None where nobody loaded it. Shared: do not change it."""
    path = loaded_path(name)
    try:
        stamp = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _read(path, stamp)


@lru_cache(maxsize=8)
def _read(path: Path, stamp: int) -> pd.DataFrame:
    return pd.read_parquet(path)
