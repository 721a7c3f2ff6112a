"""The files of a model folder, each kind with its writer and its reader: tensors, JSON, tables, boosted trees.

No pickle: what is loaded can hold numbers and text only, never code.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medcode_ml.models.manifest import ModelFolderError

if TYPE_CHECKING:
    import lightgbm
    import pandas as pd

Writer = Callable[[Path], None]
"""Writes one file of a model folder at the path it is given."""


def tensor_file(arrays: Mapping[str, NDArray[Any]]) -> Writer:
    """A writer of named arrays (numpy; of a torch tensor give `.numpy()`) as safetensors."""

    def write(path: Path) -> None:
        from safetensors.numpy import save_file

        # safetensors writes the memory as it lies: a transposed view would come back in another order
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)

    return write


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Named arrays of a safetensors file.

    Raises:
        ModelFolderError: it is not such a file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as broken:
        raise _unreadable(path, "safetensors", broken) from broken


def copied_file(source: Path) -> Writer:
    """A writer that copies a file of another model folder, byte by byte."""

    def write(path: Path) -> None:
        shutil.copyfile(source, path)

    return write


def json_file(value: Any) -> Writer:
    """A writer of a JSON value; NaN is refused."""

    def write(path: Path) -> None:
        path.write_text(json.dumps(value, allow_nan=False, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")

    return write


def read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        ModelFolderError: it is not such a file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as broken:
        raise _unreadable(path, "JSON", broken) from broken


def table_file(frame: pd.DataFrame) -> Writer:
    """A writer of a frame as parquet."""

    def write(path: Path) -> None:
        frame.to_parquet(path, index=False, compression="zstd")

    return write


def read_table(path: Path) -> pd.DataFrame:
    """The frame of a parquet file; missing text is None.

    Raises:
        ModelFolderError: it is not such a file.
    """
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as broken:
        raise _unreadable(path, "parquet", broken) from broken


def booster_file(booster: lightgbm.Booster) -> Writer:
    """A writer of LightGBM trees in LightGBM's text form, up to the best iteration where one was found."""

    def write(path: Path) -> None:
        path.write_text(booster.model_to_string(), encoding="utf-8")

    return write


def read_booster(path: Path) -> lightgbm.Booster:
    """The trees of a LightGBM text file.

    Raises:
        ModelFolderError: it is not such a file.
    """
    import lightgbm

    try:
        return lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
    except (OSError, ValueError, lightgbm.basic.LightGBMError) as broken:
        raise _unreadable(path, "LightGBM", broken) from broken


def _unreadable(path: Path, form: str, broken: Exception) -> ModelFolderError:
    return ModelFolderError(
        f"{path} cannot be read as {form} ({type(broken).__name__}): copy the model folder again from where it "
        "was made, or train anew"
    )
