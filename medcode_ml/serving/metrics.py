"""Figures for Prometheus, of all workers together where PROMETHEUS_MULTIPROC_DIR is set (`medcode serve` sets it).

Labels are routes as written, methods, statuses and kinds; never anything that a caller sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Metrics:
    """The figures of this process."""

    requests: Any
    seconds: Any
    records: Any
    unanswered: Any
    denied: Any
    in_flight: Any
    waiting: Any
    model_loads: Any
    model_trouble: Any
    auto_band_suspended: Any
    alarms_unread: Any
    access_lost: Any
    jobs: Any


@lru_cache(maxsize=1)
def metrics() -> Metrics:
    """The figures; made when first asked for, because the library reads where they lie when it is imported."""
    from prometheus_client import Counter, Gauge, Histogram

    at = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
    route = ["route", "method"]
    return Metrics(
        Counter("medcode_api_requests", "Requests answered", [*route, "status"]),
        Histogram("medcode_api_request_seconds", "Time to the answer", route, buckets=at),
        Counter("medcode_api_records", "Records asked about", ["operation"]),
        Counter("medcode_api_unanswered_records", "Records without an answer", ["operation", "fault"]),
        Counter("medcode_api_denied", "Requests refused", ["why"]),
        Gauge("medcode_api_requests_in_flight", "Requests being answered", multiprocess_mode="livesum"),
        Gauge("medcode_api_waiting_records", "Records that wait for the model", multiprocess_mode="livesum"),
        Counter("medcode_api_model_loads", "Times that models were loaded", []),
        Gauge("medcode_api_model_trouble", "Models that cannot be loaded", ["kind"], multiprocess_mode="livemax"),
        Gauge("medcode_api_auto_band_suspended", "Drift alarms that suspend it", multiprocess_mode="livemax"),
        Gauge("medcode_api_drift_alarms_unread", "1 where they are as last read", multiprocess_mode="livemax"),
        Counter("medcode_api_access_rows_lost", "Audit rows that could not be journaled", []),
        Counter("medcode_api_jobs", "Jobs that ended", ["operation", "status"]),
    )


def exposition(multiprocess_dir: str | None) -> tuple[bytes, str]:
    """The text that Prometheus reads, and its media type."""
    import prometheus_client as client

    if multiprocess_dir is None:
        return client.generate_latest(), client.CONTENT_TYPE_LATEST
    from prometheus_client import multiprocess

    registry = client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=multiprocess_dir)  # type: ignore[no-untyped-call]
    return client.generate_latest(registry), client.CONTENT_TYPE_LATEST
