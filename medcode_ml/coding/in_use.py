"""Which coder codes: the promoted model, loaded once in a process, or the ontology coder where none is promoted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from medcode_ml.coding.batch import MODEL_VERSION, CodedBatch, code_batch
from medcode_ml.models.registry import promoted
from medcode_ml.models.warehouse.stages import champion_folder

KIND = "coding"
Code = Callable[[pd.DataFrame, pd.DataFrame], CodedBatch]


@dataclass(frozen=True)
class Coder:
    """A coder as the stage uses it: its version, and `code_batch` with it."""

    version: str
    code: Code


ONTOLOGY_CODER = Coder(MODEL_VERSION, code_batch)


def coder_in_use(home: Path | None = None, source: sa.Engine | sa.Connection | None = None) -> Coder:
    """The promoted model of the registry under `home` (that of the settings by default), or the ontology coder.

    With `source`, a database, its champion: a promotion made anywhere is in use from the next call on.

    Raises:
        ModelFolderError: the promoted version is gone or damaged; the ontology coder never steps in unsaid.
    """
    folder = promoted(KIND, home) if source is None else champion_folder(source, KIND, home)
    return ONTOLOGY_CODER if folder is None else coder_of(folder)


# the model in use and the one to be promoted: more are never needed at a time
@lru_cache(maxsize=2)
def coder_of(folder: Path) -> Coder:
    """The coder of a registered model folder, which is named after its version; loaded once in a process.

    Raises:
        ModelFolderError: it is no sound model folder.
    """
    from medcode_ml.coding.model import load_model

    return Coder(folder.name, partial(code_batch, model=load_model(folder)))
