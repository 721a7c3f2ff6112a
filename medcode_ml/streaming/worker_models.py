"""The models that a worker answers with: named ones, or what is promoted, looked for again between batches. So are the
drift alarms that suspend the auto band.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from medcode_ml.billing.payers import load_payers
from medcode_ml.coding.suspension import AlarmWatch
from medcode_ml.logs import logger
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.models.registry import promoted, promoted_version
from medcode_ml.models.warehouse.stages import settle_pointer
from medcode_ml.operations import BILL, CODE, RANK, Models
from medcode_ml.settings import settings
from medcode_ml.store.database import engine

_LOOK_EVERY: Final = 5.0
_log = logger("streaming.models")
_KINDS: Final = ("coding", "ranking")


@dataclass
class WorkerModels:
    """Coding and ranking model and the payers' contracts; a batch is answered wholly by what `current` returned."""

    coding: Path | None = None
    ranking: Path | None = None
    payer: Path | None = None
    _marks: dict[str, object] = field(default_factory=dict)
    _loaded: dict[str, Any] = field(default_factory=dict)
    _looked: float = 0.0
    _alarms: AlarmWatch = field(default_factory=AlarmWatch)
    _alone: bool = False  # the database does not answer

    def __post_init__(self) -> None:
        """Load.

        Raises:
            ModelFolderError: a named or promoted model cannot be loaded.
            PayersFileError: the payers file cannot be read.
        """
        self._payers = load_payers(self.payer or settings().payers_file)
        for kind in _KINDS:
            self._marks[kind] = self._mark(kind)
            self._loaded[kind] = self._load(kind)
        self._suspension = self._alarms.look(engine(), self._coder())
        self._looked = time.monotonic()

    def current(self) -> Models:
        """The models of now. One that was promoted and cannot be loaded leaves the one before, and is said."""
        if time.monotonic() - self._looked > _LOOK_EVERY:
            self._looked = time.monotonic()
            for kind in _KINDS:
                try:
                    mark = self._mark(kind)
                    if mark != self._marks[kind]:
                        self._loaded[kind], self._marks[kind] = self._load(kind), mark
                except (ModelFolderError, OSError, ValueError) as error:
                    _log.error("the %s model in use stays: %s", kind, error)
            self._suspension = self._alarms.look(engine(), self._coder())
        return Models(self._loaded["coding"], self._loaded["ranking"], None, self._payers, self._suspension)

    @staticmethod
    def version(operation: str, models: Models) -> str | None:
        """Version of the model that answers an operation; what answers without a model has its name in the answers."""
        model = {CODE: models.coding, RANK: models.ranking, BILL: None}[operation]
        return None if model is None else str(model.version)

    def _mark(self, kind: str) -> object:
        if self._named(kind) is not None:
            return None
        try:
            settle_pointer(engine(), kind)  # what was promoted anywhere is promoted here
            self._alone = False
        except SQLAlchemyError as away:
            if not self._alone:
                _log.warning("models in use are looked for in files alone: %s", type(away).__name__)
            self._alone = True
        return promoted_version(kind)

    def _coder(self) -> str | None:
        model = self._loaded["coding"]
        return None if model is None else str(model.version)

    def _named(self, kind: str) -> Path | None:
        return self.coding if kind == "coding" else self.ranking

    def _load(self, kind: str) -> Any:
        folder = self._named(kind) or promoted(kind)
        if folder is None:
            return None
        if kind == "coding":
            from medcode_ml.coding.model import load_model

            return load_model(folder)
        from medcode_ml.ranking.model import load_model as load_ranking

        return load_ranking(folder)
