"""Processes that a test kills: forked from one that has imported everything, so that a start costs no seconds."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

KILLS = "encounter that ends the process"


def start(work: Callable[[dict[str, str]], None]) -> BaseProcess:
    """Run `work` in a process of its own, with the MEDCODE_ settings of this one."""
    from medcode_ml.store.database import database_url

    named = {name: value for name, value in os.environ.items() if name.startswith("MEDCODE_")}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["medcode_ml.streaming.worker", "medcode_ml.billing.batch", "medcode_ml.benchmarks.stream_broker", "kafka"]
    )
    process = context.Process(target=work, args=({**named, "MEDCODE_DATABASE_URL": database_url()},), daemon=True)
    process.start()
    return process


def land(named: dict[str, str]) -> None:
    """Land messages until killed."""
    _take(named)
    from medcode_ml.benchmarks.stream_broker import ungrouped
    from medcode_ml.streaming.client import open_producer
    from medcode_ml.streaming.landing import run_landing

    run_landing(ungrouped("land"), open_producer, lambda: False)


def answer(named: dict[str, str]) -> None:
    """Answer requests to the end; the encounter `KILLS` kills this process while it is worked on."""
    _take(named)
    from medcode_ml.benchmarks.stream_broker import ungrouped
    from medcode_ml.streaming import worker
    from medcode_ml.streaming.client import open_producer
    from medcode_ml.streaming.worker_models import WorkerModels

    sound = worker.answer_records

    def deadly(operation: str, records: Any, *others: Any) -> Any:
        if any(record.get("encounter_id") == KILLS for record in records):
            os.kill(os.getpid(), signal.SIGKILL)
        return sound(operation, records, *others)

    worker.answer_records = deadly
    worker.run_worker(WorkerModels(), ungrouped("work"), open_producer, lambda: False, until_end=True)


def _take(named: dict[str, str]) -> None:
    from medcode_ml.settings import settings

    os.environ.update(named)
    settings.cache_clear()
