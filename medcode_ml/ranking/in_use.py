"""Which ranker ranks: the promoted model, loaded once in a process, or the guidelines where none is promoted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from medcode_ml.models.registry import promoted
from medcode_ml.models.warehouse.stages import champion_folder
from medcode_ml.ranking.batch import MODEL_VERSION, RankedBatch, rank_frames
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.model import KIND, load_model

Rank = Callable[[RankingFrames], RankedBatch]


@dataclass(frozen=True)
class Ranker:
    """A ranker as the stage uses it: its version, and `rank_frames` with it."""

    version: str
    rank: Rank


GUIDELINES: Final = Ranker(MODEL_VERSION, rank_frames)


def ranker_in_use(home: Path | None = None, source: sa.Engine | sa.Connection | None = None) -> Ranker:
    """The promoted model of the registry under `home` (that of the settings by default), or the guidelines.

    With `source`, a database, its champion: a promotion made anywhere is in use from the next call on.

    Raises:
        ModelFolderError: the promoted version is gone or damaged; the guidelines never step in unsaid.
    """
    folder = promoted(KIND, home) if source is None else champion_folder(source, KIND, home)
    return GUIDELINES if folder is None else ranker_of(folder)


# the model in use and the one to be promoted: more are never needed at a time
@lru_cache(maxsize=2)
def ranker_of(folder: Path) -> Ranker:
    """The ranker of a registered model folder, which is named after its version; loaded once in a process.

    Raises:
        ModelFolderError: it is no sound model folder.
    """
    return Ranker(folder.name, partial(rank_frames, model=load_model(folder)))
