"""Measures the API against the bare model loop of the same run: throughput, time to the answer, errors, memory.

    python -m medcode_ml.benchmarks.serving [--model DIR] [--data codiesp/dev] [--rounds 3] [--soak 30]

Notes of 350 words, of the simulated network (synthetic) or of a labelled folder, each sent by its own request over 16
connections to two workers at loopback; the same notes through `code_notes` in as many processes, 16 at a time, are the
bare loop. Without --model a coding model is trained on synthetic notes first. The sender is a process of its own and
takes its part of the same cores. Bars: p99 at most 4 x p50, at least 60% of the bare loop, no 5xx. --soak prints memory
(anonymous, what is shared counted once) and answers by minute, and how memory goes in the second half, with the 95%
interval and a verdict; 30 minutes or longer.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, Final

from medcode_ml.benchmarks.serving_load import Load, run_load, start_load
from medcode_ml.benchmarks.serving_memory import held, sampled

WORDS: Final = 350
_DAY: Final = "2026-03-01"
_START: Final = "from medcode_ml.serving.server import Where, serve; serve(Where(port={port}))"


def notes(most: int, data: Path | None) -> list[str]:
    """At most `most` notes of 350 words: documents cut, or joined and cut."""
    if data is not None:
        from medcode_ml.coding.labelled.reading import read_labelled

        texts: Iterator[str] = iter([n.text for n in read_labelled(data, evidence=False).notes])
    else:
        from medcode_ml.simulation.config import NetworkConfig
        from medcode_ml.simulation.network import simulate

        config = NetworkConfig(seed=11, encounters=max(60, most // 2), scanned_pages=0, planted_faults=False)
        texts = (str(text) for day in simulate(config).days() for text in day.tables["scanned_record"]["text"] if text)
    found: list[str] = []
    held: list[str] = []
    for text in texts:
        held += text.split(" ")
        if len(held) >= WORDS:
            found.append(" ".join(held[:WORDS]))
            held = []
        if len(found) == most:
            break
    return found


def records(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Notes as `medcode code` reads them."""
    return [
        {"record_id": str(n), "text": text, "setting": "inpatient", "discharge_date": _DAY}
        for n, text in enumerate(texts)
    ]


class BareLoops:
    """Processes that code notes without an API, 16 at a time, when they are told to; they hold their models between."""

    def __init__(self, model: Path | None, texts: Sequence[str], processes: int, onnx: bool) -> None:
        """Start them and wait until every one has coded a batch."""
        context = get_context("spawn")
        pipes = [context.Pipe() for _ in range(processes)]
        self._pipes = [here for here, _ in pipes]
        for _, there in pipes:
            context.Process(target=_loop, args=(there, model, list(texts), onnx), daemon=True).start()
        for pipe in self._pipes:
            pipe.recv()

    def rate(self, seconds: float) -> float:
        """Notes a second of all of them together, for `seconds`."""
        for pipe in self._pipes:
            pipe.send(seconds)
        return float(sum(pipe.recv() for pipe in self._pipes))


def _loop(pipe: Connection, model: Path | None, texts: list[str], onnx: bool) -> None:
    import torch

    from medcode_ml.pipeline import code_notes
    from medcode_ml.settings import settings

    torch.set_num_threads(1)
    trained = None
    if model is not None:
        from medcode_ml.coding.model import load_model

        trained = load_model(model)
        if onnx and trained.network is not None:
            trained.network.use_onnx(settings().home / "onnx")
    held = records(texts)
    code_notes(held[:16], date.fromisoformat(_DAY), trained)
    pipe.send(None)
    while True:
        try:
            seconds = pipe.recv()
        except EOFError:  # whoever asked has ended
            return
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            at = done % (len(held) - 16)
            code_notes(held[at : at + 16], date.fromisoformat(_DAY), trained)
            done += 16
        pipe.send(done / (time.perf_counter() - began))


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@contextmanager
def server(model: Path | None, workers: int, home: Path | None = None, **more: str) -> Iterator[tuple[int, int]]:
    """An API at loopback without authentication; (port, process id). `more` are further settings."""
    port = free_port()
    given = {"MEDCODE_API_NO_AUTH": "1", "MEDCODE_API_WORKERS": str(workers), "MEDCODE_API_RATE": "1000000/second"}
    given |= {"MEDCODE_HOME": str(home)} if home else {}
    given |= {"MEDCODE_API_CODING_MODEL": str(model.resolve())} if model else {}
    # `env` adds to the environment and becomes the server
    settings = [f"{name}={value}" for name, value in {**given, **more}.items()]
    process = subprocess.Popen(["env", *settings, sys.executable, "-c", _START.format(port=port)])
    try:
        wait_ready(port, process)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_ready(port: int, process: subprocess.Popen[bytes], seconds: float = 180.0) -> None:
    """Wait until the API is ready; RuntimeError where it ends or takes too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the API ended with {process.returncode}; see its lines above")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"the API was not ready in {seconds:.0f} seconds")


def report(rounds: Sequence[tuple[float, Load]], workers: int, connections: int) -> str:
    """The table: medians of the rounds, and the rounds' own ratios."""
    ratios = [load.rate / bare for bare, load in rounds]
    alike = Load([s for _, load in rounds for s in load.seconds], sum((x.statuses for _, x in rounds), Counter()))
    tails = [load.quantile(0.99) / load.quantile(0.5) for _, load in rounds]
    failed = sum(n for status, n in alike.statuses.items() if status >= 500 or status == 0)
    rows = [
        ("bare loop, notes/s", f"{median(b for b, _ in rounds):.1f}", f"{workers} processes, 16 notes at a time"),
        ("API, notes/s", f"{median(x.rate for _, x in rounds):.1f}", f"{connections} connections, {workers} workers"),
        ("API / bare loop", f"{median(ratios):.0%}", f"by round {', '.join(f'{r:.0%}' for r in ratios)} (bar 60%)"),
        ("p50, ms", f"{alike.quantile(0.5):.0f}", ""),
        ("p95, ms", f"{alike.quantile(0.95):.0f}", ""),
        ("p99, ms", f"{alike.quantile(0.99):.0f}", ""),
        ("p99 / p50", f"{median(tails):.1f}", f"by round {', '.join(f'{t:.1f}' for t in tails)} (bar 4)"),
        ("answers", f"{sum(alike.statuses.values())}", json.dumps(dict(alike.statuses))),
        ("5xx or lost", f"{failed}", "bar 0"),
    ]
    return "\n".join(f"{name:22} {value:>10}  {said}" for name, value, said in rows)


def soak(port: int, pid: int, bodies: Sequence[bytes], connections: int, minutes: int) -> None:
    """Send for `minutes`, print memory and answers of each, and whether memory is flat."""
    say("minute  answers/s  p99 ms  5xx  MB together  MB of each worker for itself")
    total = 0
    with sampled(pid) as samples:
        for minute in range(1, minutes + 1):
            load = run_load(port, "/v1/code", bodies, connections, 60)
            failed = sum(n for status, n in load.statuses.items() if status >= 500 or status == 0)
            total += failed
            now = held(pid)
            each = " ".join(f"{mb:.0f}" for mb in now.own)
            say(f"{minute:6} {load.rate:10.1f} {load.quantile(0.99):7.0f} {failed:4} {now.together:12.1f}  {each}")
    say(f"5xx or lost: {total} (bar 0)")
    try:
        grown = samples.second_half()
    except ValueError as short:
        say(f"memory: {short}")
        return
    say(f"second half: {grown.rate:+.1f} MB/hour (95% interval {grown.low:+.1f} to {grown.high:+.1f}): {grown.verdict}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="coding model folder; default one is trained on synthetic notes")
    parser.add_argument("--ontology", action="store_true", help="measure without a trained model")
    parser.add_argument("--data", type=Path, help="labelled folder the notes are taken from; default synthetic")
    parser.add_argument("--notes", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--soak", type=int, default=0, metavar="MINUTES")
    parser.add_argument("--torch", action="store_true", help="the coding network in torch, not in onnxruntime")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        model = None if given.ontology else given.model or _trained(Path(folder))
        texts = notes(given.notes, given.data)
        say(f"{len(texts)} notes of {WORDS} words, {'of ' + str(given.data) if given.data else 'synthetic'}")
        bodies = [json.dumps(r).encode() for r in records(texts)]
        with server(model, given.workers, MEDCODE_API_ONNX="0" if given.torch else "1") as (port, pid):
            run_load(port, "/v1/code", bodies, given.connections, 5)
            if given.soak:
                soak(port, pid, bodies, given.connections, given.soak)
                return
            loops = BareLoops(model, texts, given.workers, onnx=not given.torch)
            rounds = []
            # in turn, because other work on the machine comes and goes
            for _ in range(given.rounds):
                bare = loops.rate(given.seconds)
                load = start_load(port, "/v1/code", bodies, given.connections, given.seconds).recv()
                rounds.append((bare, load))
            say(report(rounds, given.workers, given.connections))
            now = held(pid)
            each = " and ".join(f"{mb:.0f}" for mb in now.own)
            say(f"{'memory, MB':22} {now.together:10.0f}  with what they share; each worker for itself {each}")


def _trained(folder: Path) -> Path:
    """A coding model trained on synthetic notes with their true codes."""
    from medcode_ml.benchmarks.serving_model import train_on_synthetic

    return train_on_synthetic(folder / "model")


if __name__ == "__main__":
    main()
