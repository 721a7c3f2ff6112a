"""The baked reference tables: made once out of the installed packages, then loaded from parquet in milliseconds.

They lie under `settings().reference_dir` in a folder named after the package versions, so that an upgrade bakes anew.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow.parquet as parquet

from medcode_ml.codes.baking import BAKE_VERSION, bake_tables
from medcode_ml.codes.packages import fingerprint
from medcode_ml.settings import settings

_log = logging.getLogger(__name__)


class ReferenceTableError(ValueError):
    """A baked reference table is missing or broken."""


def reference_folder() -> Path:
    """Return the folder of the baked tables of the installed package versions, baking them if they are not there.

    Safe against other processes: each bakes into a folder of its own and the first rename wins.
    """
    folder = settings().reference_dir / fingerprint(BAKE_VERSION)
    if not folder.is_dir():
        _bake(folder)
    return folder


def _bake(folder: Path) -> None:
    _log.info("baking the reference tables; this happens once for each set of package versions")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as refused:
        raise ReferenceTableError(
            f"the reference tables cannot be written to {folder.parent} ({refused.strerror}). "
            "Point MEDCODE_HOME at a folder that can be written to."
        ) from refused
    try:
        for name, frame in bake_tables().items():
            frame.to_parquet(making / f"{name}.parquet", index=False, compression="zstd")
        # mkdtemp makes a folder for its owner alone; the tables are public and other accounts may serve them
        making.chmod(0o755)
        try:
            os.replace(making, folder)
        except OSError:
            # another process was first: its folder is complete, and equal to this one
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)


@lru_cache(maxsize=64)
def _read(folder: Path, name: str, columns: tuple[str, ...] | None) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    try:
        table = parquet.read_table(path, columns=list(columns) if columns else None, use_threads=False)
    except (OSError, ValueError) as broken:
        raise ReferenceTableError(
            f"the reference table {name} cannot be read ({type(broken).__name__}). "
            f"Delete the folder {folder}; it is made again."
        ) from broken
    frame: pd.DataFrame = table.to_pandas()
    return frame


def reference_table(name: str, columns: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Return a baked table by name (see `baking.bake_tables`), all columns or those given. Shared: do not change it.

    Raises:
        ReferenceTableError: the table is missing or broken.
    """
    return _read(reference_folder(), name, columns)
