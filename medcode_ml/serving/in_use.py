"""The models that a worker serves: loaded once, looked for again every few seconds, swapped whole. So are the drift
alarms that stand about the coder.

Who asks holds the `Models` it got until it is done, so a request finishes on the models it began with. A model that
cannot be loaded leaves the one before in place and is told by `trouble`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from medcode_ml.coding.suspension import AlarmWatch, Suspension
from medcode_ml.logs import logger
from medcode_ml.models.manifest import ModelFolderError
from medcode_ml.models.registry import promoted, promoted_version
from medcode_ml.models.warehouse.stages import settle_pointer
from medcode_ml.operations import Models, Unanswered, answer_records
from medcode_ml.settings import Settings

KINDS: Final = ("coding", "ranking", "amounts")
_HANGS: Final = timedelta(seconds=5)
"""A database that takes longer to say what is promoted and what alarms stand does not answer."""
_log = logger("serving.models")
_WARM: Final[dict[str, dict[str, Any]]] = {
    "code": {"record_id": "warm-up", "text": "Discharge diagnosis: pneumonia. No fever."},
    "rank": {"encounter_id": "warm-up", "codes": ["J18.9", "I10"]},
    "bill": {"encounter_id": "warm-up", "codes": ["J18.9"]},
    "price": {"drg": "193", "provider_id": "220071"},
}
_WARMED: Final = {"coding": ("code",), "ranking": ("rank", "bill"), "amounts": ("price",)}
"""Operations that a model is tried with before it answers callers, by kind."""


def without(kind: str) -> str:
    """Version of what answers where no model of a kind is in use: ontology, guidelines, or weights."""
    from medcode_ml.billing.amounts.records import BY_WEIGHT
    from medcode_ml.coding.batch import MODEL_VERSION as ONTOLOGY
    from medcode_ml.ranking.batch import MODEL_VERSION as GUIDELINES

    return {"coding": ONTOLOGY, "ranking": GUIDELINES, "amounts": BY_WEIGHT}[kind]


@dataclass
class _Held:
    """A model in use: what was loaded, and under which mark (version promoted, or the manifest of a given folder)."""

    mark: object = None
    model: Any = None
    version: str = ""


@dataclass
class ModelsInUse:
    """The models of this worker; `current` may be read by any thread."""

    chosen: Settings
    engine: sa.Engine | None = None
    trouble: dict[str, str] = field(default_factory=dict)
    current: Models = field(init=False)
    loads: int = 0
    """Times that something was swapped in."""

    def __post_init__(self) -> None:
        """Load all of them.

        Raises:
            ModelFolderError: one that is promoted or was named cannot be loaded.
        """
        from medcode_ml.billing.payers import load_payers

        self._payers = load_payers(self.chosen.payers_file)
        self._held = {kind: _Held() for kind in KINDS}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._look = threading.Event()
        self._told: Callable[[], None] = lambda: None
        self._alone = False  # the database does not answer
        self._asked_at: datetime | None = None  # since when the database owes an answer
        self.alarms = AlarmWatch()
        self.refresh(first=True)

    def refresh(self, *, first: bool = False) -> bool:
        """Load what is promoted now and swap it in; True where a model changed.

        The drift alarms that stand are looked for at the same moment.

        Raises:
            ModelFolderError: only at the `first` time; later the model before stays and `trouble` says so.
        """
        changed = False
        with self._lock:
            for kind, held in self._held.items():
                try:
                    if (mark := self._mark(kind)) != held.mark or first:
                        held = self._load(kind, mark)
                        self._warm(kind, held)
                        self._held[kind] = held
                        changed = True
                    self.trouble.pop(kind, None)
                except Exception as error:  # whatever is wrong with it, the one before goes on answering
                    if first and isinstance(error, OSError | ValueError) and not isinstance(error, ModelFolderError):
                        raise ModelFolderError(
                            f"the {kind} model cannot be loaded ({error}): train it anew with this medcode"
                        ) from error
                    if first:
                        raise
                    # no record but our own has been near it: its words are nobody's
                    told = str(error) if isinstance(error, ModelFolderError) else f"{type(error).__name__}: {error}"
                    if self.trouble.get(kind) != told:
                        _log.error("the %s model in use stays, the new one cannot be loaded: %s", kind, told)
                    self.trouble[kind] = told
            suspension = self._suspension()
            if changed or suspension != self.current.suspension:
                held_models = {kind: held.model for kind, held in self._held.items()}
                self.current = Models(**held_models, payers=self._payers, suspension=suspension)
            if changed:
                self.loads += not first
                _log.info("models in use: %s", ", ".join(f"{k} {v}" for k, v in self.versions().items()))
        return changed

    @property
    def suspension(self) -> Suspension | None:
        """The drift alarms that stand about the coder in use, as last read; None without a database."""
        return self.current.suspension

    def unread(self) -> str:
        """Why the drift alarms may be others by now; empty where they were just read."""
        since, asked = self.alarms.unread_since, self._asked_at
        if since is None and asked is not None and datetime.now(UTC) - asked > _HANGS:
            since = asked
        return "" if since is None else f"the drift alarms are as they were read before {since:%Y-%m-%d %H:%M:%S} UTC"

    def versions(self) -> dict[str, str]:
        """Version by kind, as answers name it."""
        return {kind: held.version or without(kind) for kind, held in self._held.items()}

    def trained(self, kind: str) -> bool:
        """Whether a trained model of a kind is in use."""
        return self._held[kind].model is not None

    def runtime(self) -> str:
        """What the coding network runs in: onnxruntime or torch; none where no network is in use."""
        network = getattr(self._held["coding"].model, "network", None)
        return "none" if network is None else "onnxruntime" if network.onnx is not None else "torch"

    def given(self, kind: str) -> Path | None:
        """The folder that was named for a kind, instead of the promoted one."""
        return {
            "coding": self.chosen.api_coding_model,
            "ranking": self.chosen.api_ranking_model,
            "amounts": self.chosen.api_amount_model,
        }[kind]

    def watch(self, told: Callable[[], None] | None = None) -> None:
        """Begin to look every `api_model_seconds`; `told` is called after every look."""
        self._told = told or self._told
        threading.Thread(target=self._watch, name="models", daemon=True).start()

    def look_now(self) -> None:
        """Look at once (SIGHUP)."""
        self._look.set()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._look.set()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self._look.wait(self.chosen.api_model_seconds)
            self._look.clear()
            if not self._stop.is_set():
                self.refresh()
                self._told()

    def _mark(self, kind: str) -> object:
        given = self.given(kind)
        if given is None:
            self._settle(kind)
            return promoted_version(kind, self.chosen.home)
        manifest = given / "manifest.json"
        return manifest.read_bytes() if manifest.is_file() else None

    def _settle(self, kind: str) -> None:
        """What was promoted anywhere is promoted here: the database decides, where it answers."""
        if self.engine is None:
            return
        try:
            with self._asking():
                settle_pointer(self.engine, kind, self.chosen.home)
            self._alone = False
        except SQLAlchemyError as away:
            if not self._alone:
                _log.warning("models in use are looked for in files alone: %s", type(away).__name__)
            self._alone = True

    def _suspension(self) -> Suspension | None:
        if self.engine is None:
            return None
        with self._asking():
            return self.alarms.look(self.engine, self._held["coding"].version or None)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """The database is asked meanwhile: one that hangs holds up the looking, and `unread` tells it."""
        self._asked_at = self._asked_at or datetime.now(UTC)
        yield
        self._asked_at = None

    def _warm(self, kind: str, held: _Held) -> None:
        """Answer a record nobody sent, so that the first caller does not wait for tables to be read."""
        parts = {k: h.model for k, h in self._held.items()} | {kind: held.model}
        models = Models(**parts, payers=self._payers)
        for operation in _WARMED[kind]:
            (found,) = answer_records(operation, [_WARM[operation]], models, None)
            if isinstance(found, Unanswered) and found.ours:
                raise ModelFolderError(f"the {kind} model cannot answer: train it anew with this medcode")

    def _load(self, kind: str, mark: object) -> _Held:
        folder = self.given(kind) or promoted(kind, self.chosen.home)
        if folder is None:
            return _Held(mark)
        if kind == "coding":
            from medcode_ml.coding.model import load_model as load_coding

            model: Any = load_coding(folder)
            if self.chosen.api_onnx and model.network is not None:
                model.network.use_onnx(self.chosen.home / "onnx")
        elif kind == "ranking":
            from medcode_ml.ranking.model import load_model as load_ranking

            model = load_ranking(folder)
        else:
            from medcode_ml.billing.amounts.model import load_model as load_amounts

            model = load_amounts(folder)
        return _Held(mark, model, model.version)
