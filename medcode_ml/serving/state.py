"""What a worker of the API holds while it lives, in one place; made when it starts, taken apart when it stops."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import sqlalchemy as sa

from medcode_ml.operations import Answer
from medcode_ml.serving.access_log import AccessLog
from medcode_ml.serving.asking import Questions
from medcode_ml.serving.batching import Batcher
from medcode_ml.serving.chart_desk import ChartDesk
from medcode_ml.serving.identity import Keys
from medcode_ml.serving.in_use import ModelsInUse
from medcode_ml.serving.jobs import Job, Jobs, Room
from medcode_ml.serving.metrics import metrics
from medcode_ml.serving.pages import PageReader
from medcode_ml.serving.policy import Policy, open_policy
from medcode_ml.serving.rates import Rates
from medcode_ml.serving.reading import Limits
from medcode_ml.serving.runner import Runner
from medcode_ml.serving.tokens import Tokens, open_tokens
from medcode_ml.serving.ways import WholeWays
from medcode_ml.settings import Settings

_CLOSE_SECONDS = 5.0
"""What the batch in hand gets when the worker stops; requests have been drained by then."""
_PROBE_SECONDS = 2.0
"""What the database gets to answer a probe."""
_BESIDE_THREADS = 8
_T = TypeVar("_T")


@dataclass
class Api:
    """The parts of a worker.

    Attributes:
        draining: the worker is stopping; /readyz says no, so that no new requests are sent here.
    """

    chosen: Settings
    engine: sa.Engine
    limits: Limits
    policy: Policy
    keys: Keys
    tokens: Tokens | None
    rates: Rates
    access: AccessLog
    models: ModelsInUse
    batcher: Batcher
    jobs: Jobs
    ways: WholeWays
    desk: ChartDesk
    probe: Questions
    runner: Runner | None = None
    draining: bool = False
    _loads_told: int = 0
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_BESIDE_THREADS, "beside"))

    @property
    def metrics_dir(self) -> str | None:
        """Where the workers' figures lie together; None in a process of its own."""
        return None if self.chosen.prometheus_multiproc_dir is None else str(self.chosen.prometheus_multiproc_dir)

    @staticmethod
    def open(chosen: Settings, engine: sa.Engine, models: ModelsInUse | None = None) -> Api:
        """Load models (or look whether `models` are those promoted still), read policies, begin to work; blocks.

        Raises:
            ModelFolderError, PolicyError, IdentitySettingError, RateSettingError: a setting cannot be followed.
        """
        if models is None:
            models = ModelsInUse(chosen, engine)
        else:
            models.engine = engine
            models.refresh()
        worker = f"{socket.gethostname()}:{os.getpid()}"
        api = Api(
            chosen,
            engine,
            Limits.of(chosen),
            open_policy(chosen.api_policy_dir, chosen.api_opa_url),
            Keys(engine),
            open_tokens(chosen),
            Rates(chosen.api_rate, chosen.api_workers),
            AccessLog(engine, chosen.home / "served" / "access"),
            models,
            Batcher(chosen.api_batch_records, chosen.api_batch_milliseconds),
            Jobs(engine, worker, chosen.api_job_hours, Room.of(chosen)),
            WholeWays(PageReader(chosen.page_seconds)),
            ChartDesk(engine, chosen.review_idle_minutes),
            Questions("probe", 1),
        )
        api.runner = Runner(api.jobs, api)
        api.access.start()
        api.batcher.start()
        api.runner.start()
        api.models.watch(api.tell)
        api.tell()
        return api

    def close(self) -> None:
        """Let go of everything; a job in hand goes back to be taken by another worker."""
        self.draining = True
        self.models.stop()
        if self.runner is not None:
            self.runner.stop(_CLOSE_SECONDS)
        self.batcher.stop(_CLOSE_SECONDS)
        self.ways.stop()
        self.desk.stop()
        self.access.stop()
        self.probe.stop()
        self.keys.stop()
        if self.tokens is not None:
            self.tokens.stop()
        self._threads.shutdown(wait=False)

    async def beside(self, work: Callable[[], _T]) -> _T:
        """Work that asks no database, in threads of its own: those that all share may be held up by one that hangs."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def ask(
        self, operation: str, records: list[dict[str, Any]], as_of: date | None, *, bounded: bool = True
    ) -> Future[list[Answer]]:
        """Answers to come, of any operation, by the models in use now.

        Raises:
            OverloadedError: too much waits.
        """
        if operation == "review":
            return self.desk.submit(records, bounded=bounded)
        models = self.models.current
        if operation == "encounter":
            return self.ways.submit(records, models, as_of, bounded=bounded)
        return self.batcher.submit(operation, records, models, as_of, bounded=bounded)

    async def answers(self, operation: str, records: list[dict[str, Any]], as_of: date | None) -> list[Answer]:
        """`ask`, awaited; where nobody waits any more (the answer took too long) the rest is left undone."""
        future = self.ask(operation, records, as_of)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self.abandon(future)
            raise

    def work_of(self, job: Job) -> Future[list[Answer]]:
        """The work of a job."""
        records, as_of = job.asked()
        return self.ask(job.operation, records, as_of, bounded=False)

    def abandon(self, future: Future[list[Answer]]) -> None:
        """Nobody waits for these answers any more."""
        future.cancel()
        self.batcher.abandon(future)
        self.ways.abandon(future)

    def tell(self) -> None:
        """Tell the figures of the models."""
        told = metrics()
        told.model_loads.inc(self.models.loads - self._loads_told)
        self._loads_told = self.models.loads
        for kind in self.models.versions():
            told.model_trouble.labels(kind).set(int(kind in self.models.trouble))
        told.auto_band_suspended.set(len(self.models.suspension.alarms) if self.models.suspension else 0)
        told.alarms_unread.set(int(bool(self.models.unread())))
        told.waiting.set(self.batcher.waiting)
        if self.access.lost:
            told.access_lost.inc(self.access.lost)
            self.access.lost = 0

    async def not_ready_because(self) -> list[str]:
        """Why no requests should be sent here; empty where they should.

        A model that cannot be loaded is no reason: the one before answers, and all workers would be out of service.
        """
        found = []
        if self.draining:
            found.append("the worker is stopping")
        if not self.batcher.alive:
            found.append("the model's thread has ended")
        try:
            await self.probe.ask("database", self._probe, _PROBE_SECONDS)
        except (sa.exc.SQLAlchemyError, TimeoutError):
            found += ["the database does not answer, or was not migrated", self.models.unread()]
        return [why for why in found if why]

    def _probe(self) -> None:
        with self.engine.connect() as connection:
            connection.execute(sa.text("SELECT 1 FROM served.api_key LIMIT 1"))
