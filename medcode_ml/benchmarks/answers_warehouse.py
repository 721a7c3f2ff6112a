"""Measures how one large 835 goes through the warehouse: kept, read, balanced, matched, written, its denials found.

    python -m medcode_ml.benchmarks.answers_warehouse [--claims N]

A PostgreSQL of its own under a temporary folder holds as many claims of ours, each sent, with codes and an edit. Memory
is the most this process ever held. The baseline reads and matches the same file in memory and writes nothing.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.benchmarks.answers import our_claims, write_payment
from medcode_ml.billing.answers.arrivals import Inbox, run_answer_files
from medcode_ml.billing.answers.kept import KeptFiles
from medcode_ml.billing.answers.matching import OurClaims, match
from medcode_ml.billing.answers.reading import stream_answers
from medcode_ml.billing.answers.repeated import Seen, mark_repeated
from medcode_ml.billing.answers.stage import run_answers
from medcode_ml.contracts import answers, billed
from medcode_ml.settings import Settings
from medcode_ml.store.accounting import accounts
from medcode_ml.store.database import make_engine
from medcode_ml.store.embedded import EmbeddedServer
from medcode_ml.store.frames import copy_in, days_of
from medcode_ml.store.migrate import migrate

_SENT, _ANSWERED = date(2026, 10, 5), date(2026, 10, 6)
_AGAIN = date(2026, 10, 7)
_AT_ONCE = 10_000


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _chunks(claims: int) -> Iterator[pd.DataFrame]:
    ours = our_claims(claims)
    for at in range(0, claims, _AT_ONCE):
        yield ours.iloc[at : at + _AT_ONCE]


def _fill(engine: sa.Engine, claims: int) -> None:
    """Write the claims that went out."""
    fixed: dict[sa.Table, dict[str, Any]] = {
        billed.claim: {
            "claim_type": "837I", "frequency_code": "1", "hospital_id": "H", "discharge_date": _SENT, "status": "ready",
            "held_because": "[]", "transmitted_codes": 2,
        },
        billed.interchange_claim: {
            "control_number": "000000001", "sequence": 1, "set_control_number": "0001", "frequency_code": "1",
        },
        billed.claim_edit: {
            "place": 1, "edit_number": 113, "edit": "unspecified_code", "edited_by": "medcode", "level": "warning",
            "sentence": "a code is unspecified", "remedy": "ask the provider",
        },
    }  # fmt: skip
    lists = {billed.claim: "held_because", billed.interchange_claim: "diagnoses"}
    with engine.begin() as connection:
        for chunk in _chunks(claims):
            for table, values in fixed.items():
                rows = chunk.assign(**values, received_date=_SENT)
                if table in lists:
                    made = [[] if table is billed.claim else ["J18.9", "I10"] for _ in range(len(rows))]
                    rows[lists[table]] = pd.Series(made, index=rows.index, dtype=object)
                copy_in(connection, table, rows[[c for c in rows.columns if c in table.columns]])


def _in_memory(path: Path, claims: int) -> float:
    """Seconds to read and match the file against claims held in memory."""
    ours, seen, start = OurClaims(our_claims(claims)), Seen(), time.perf_counter()
    with path.open("rb") as source:
        for part in stream_answers(source, "synthetic"):
            match(mark_repeated(part, seen), ours)
    return time.perf_counter() - start


def measure(claims: int) -> None:
    """Print seconds, claims a second and memory of each step."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        server = EmbeddedServer(Settings(home=root / "home"))
        try:
            engine = make_engine(server.ensure())
            migrate(engine)
            _fill(engine, claims)
            _measure(engine, root, claims)
            engine.dispose()
        finally:
            server.remove()


def _measure(engine: sa.Engine, root: Path, claims: int) -> None:
    inbox, kept = Inbox(root / "inbox"), KeptFiles(root / "kept")
    for day in (_ANSWERED, _AGAIN):
        path = inbox.folder / day.isoformat() / "large.835"
        path.parent.mkdir(parents=True)
        with path.open("w+b") as file:
            size = write_payment(file, claims)
    _say(f"An 835 of {claims:,} claims, {size / 1e6:.0f} MB, through the warehouse, one process:\n")
    _say(f"  {'what':52s} {'seconds':>8s} {'claims/s':>10s} {'peak MB':>8s}")
    _say(f"  {'before':52s} {'':8s} {'':10s} {_megabytes():8.0f}")
    start = time.perf_counter()
    run_answer_files(engine, _ANSWERED, _AGAIN, [inbox], kept, _SENT)
    _line("kept (two copies)", time.perf_counter() - start, 2 * claims)
    for day, what in zip(
        days_of(_ANSWERED, _AGAIN), ("read, matched, written", "the same file a day later"), strict=True
    ):
        start = time.perf_counter()
        done = run_answers(engine, day, day, kept)
        told = ", ".join(f"{name.removeprefix('claims_')} {done.figures[name]:,}" for name in done.figures
                         if name in ("claims_matched", "claims_repeated"))  # fmt: skip
        _line(f"{what} ({told})", time.perf_counter() - start, claims)
    _line("baseline: read and matched in memory", _in_memory(path, claims), claims)
    with engine.connect() as connection:
        paid = connection.execute(sa.select(sa.func.sum(answers.remittance_claim.c.paid))).scalar_one()
        denied = connection.execute(sa.select(sa.func.count()).select_from(answers.denial)).scalar_one()
    balances = all(a.balances for a in accounts(engine, "billed.remittance", _ANSWERED, _AGAIN))
    told = "accounting balances" if balances else "ACCOUNTING DOES NOT BALANCE"
    _say(f"\n  paid {Decimal(paid):,.2f} US dollars, {denied:,} denials; {told}")


def _line(what: str, seconds: float, claims: int) -> None:
    _say(f"  {what:52s} {seconds:8.1f} {claims / seconds:10,.0f} {_megabytes():8.0f}")


def main() -> None:
    """Measure with as many claims as are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=20_000, help="claims of the 835")
    measure(parser.parse_args().claims)


if __name__ == "__main__":
    main()
