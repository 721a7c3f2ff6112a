"""A day in shadow as large as a big network's: how long a version runs beside the champion, and in how much memory.

    python -m medcode_ml.benchmarks.shadow [--encounters 10000] [--model DIR] [--kind ranking] [--labelled 0.2]
        [--recode]

Works in the database of `MEDCODE_HOME`, which `medcode run` has filled: encounters of all its days (synthetic ones of
the simulated network) are copied under new ids into one day, in a transaction that is rolled back: nothing stays.
The version in shadow is the coding model of `--model`, or the ontology coder once more (of kind ranking, the
guidelines); the champion is what worked on the days. The baseline, `--recode`, lets the champion code the day again
instead of reading what it wrote.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.payers import load_payers
from medcode_ml.coding.in_use import ONTOLOGY_CODER, coder_of
from medcode_ml.contracts import billed, coded, filtered, mapped, ranked, raw
from medcode_ml.models.warehouse.comparison import compared, drgs_of, held_against_coders
from medcode_ml.models.warehouse.labels import labels_of_day
from medcode_ml.ranking.in_use import GUIDELINES
from medcode_ml.shadow.outcomes import as_written, coding_outcome, ranking_outcome
from medcode_ml.shadow.truth import coders_drgs, label_hashes
from medcode_ml.store.database import engine
from medcode_ml.store.frames import days_of

#: of an encounter or a document, by its id: copied once for every copy of the encounter
COPIED = (
    *(getattr(filtered, name) for name in ("encounter", "document", "diagnosis", "procedure", "charge", "medication",
                                           "microbiology", "observation", "unit_stay", "service")),
    mapped.document_section, mapped.document_page, coded.encounter, coded.encounter_code, ranked.encounter,
    ranked.encounter_code, billed.claim,
)  # fmt: skip
#: known once a day
ONCE = (raw.page, *(raw.delivered_tables[name] for name in ("hospital", "clinician", "payer")))
Answer = TypeVar("Answer")


@dataclass
class Steps:
    """Seconds of each step, those that this process computed, and the most memory it had by the step's end."""

    rows: list[tuple[str, float, float | None, float]]

    def timed(self, name: str, work: Callable[[], Answer]) -> Answer:
        """Do `work` and note it down."""
        began, computed = time.perf_counter(), time.process_time()
        answer = work()
        self.note(name, time.perf_counter() - began, time.process_time() - computed)
        return answer

    def note(self, name: str, seconds: float, computed: float | None = None) -> None:
        """Note a step that was timed elsewhere."""
        self.rows.append((name, seconds, computed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def large_day(connection: sa.Connection, encounters: int) -> tuple[date, int]:
    """Copy the encounters of all days into the day after the last, until it has as many; the day, and how many times.

    Raises:
        SystemExit: the database holds no encounters.
    """
    stay = filtered.encounter
    last, held = connection.execute(
        sa.select(sa.func.max(stay.c.received_date), sa.func.count()).select_from(stay)
    ).one()
    if last is None:
        raise SystemExit("the database holds no encounters: `medcode run` first, with the same MEDCODE_HOME")
    day, times = last + timedelta(days=1), math.ceil(encounters / held)
    for table in COPIED:
        _copy(connection, table, day, times)
    for table in ONCE:
        _copy(connection, table, day, 1, distinct=True)
    return day, times


def labels_of_copies(connection: sa.Connection, day: date, times: int, share: float) -> pd.DataFrame:
    """Labels of all days for the copies, of about a `share` of the encounters of `day`."""
    stay = filtered.encounter.c
    first = connection.execute(sa.select(sa.func.min(stay.received_date))).scalar_one()
    labels = pd.concat([labels_of_day(connection, one, audited=True) for one in days_of(first, day)])
    ids = set(connection.execute(sa.select(stay.encounter_id).where(stay.received_date == day)).scalars())
    copies = [labels.assign(encounter_id=labels["encounter_id"] + f"~{n}") for n in range(1, times + 1)]
    known = pd.concat(copies)
    known = known[known["encounter_id"].isin(ids)]
    chosen = sorted(set(known["encounter_id"]))[:: max(1, round(1 / share))]
    known = known[known["encounter_id"].isin(chosen)].assign(labelled_on=day).reset_index(drop=True)
    return known.assign(label_hash=known["encounter_id"].map(label_hashes(known)))


def main() -> None:
    """Run the day in shadow and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encounters", type=int, default=10_000, help="of the day, at least")
    parser.add_argument("--model", type=Path, help="folder of the coding model in shadow")
    parser.add_argument("--kind", choices=("coding", "ranking"), default="coding", help="of the version in shadow")
    parser.add_argument("--labelled", type=float, default=0.2, help="share of them that coders labelled")
    parser.add_argument("--recode", action="store_true", help="let the champion code the day again")
    asked = parser.parse_args()
    payers, steps = load_payers(None), Steps([])
    with engine().connect() as connection:  # never committed
        day, times = steps.timed("(copying the encounters)", lambda: large_day(connection, asked.encounters))
        connection.execute(sa.text("ANALYZE"))
        worked = connection.execute(
            sa.select(coded.encounter.c.model_version).where(coded.encounter.c.received_date == day).distinct()
        ).scalars().all()  # fmt: skip
        shadow = coder_of(asked.model) if asked.model else ONTOLOGY_CODER
        version = GUIDELINES.version if asked.kind == "ranking" else shadow.version
        one = None
        if not asked.recode:
            read = lambda: as_written(connection, day, coder=worked[0], ranker=GUIDELINES.version)  # noqa: E731
            one = steps.timed("champion: read as the stages wrote it", read)
        if one is None:
            again = lambda: coding_outcome(connection, day, ONTOLOGY_CODER, GUIDELINES, payers)  # noqa: E731
            one = steps.timed("champion: coded, ranked, grouped again", again)
        champion = one
        ranked_again = lambda: ranking_outcome(connection, day, GUIDELINES, payers)  # noqa: E731
        if asked.kind == "ranking":
            other = steps.timed("shadow: ranked, grouped", ranked_again)
        else:
            coded_again = lambda: coding_outcome(connection, day, shadow, GUIDELINES, payers)  # noqa: E731
            other = steps.timed("shadow: coded, ranked, grouped", coded_again)
        steps.note("  of it its own work", other.seconds or 0.0)
        figures = steps.timed("compared, 1000 draws", lambda: compared(champion, other))
        labels = labels_of_copies(connection, day, times, asked.labelled)
        told = steps.timed("labels: grouped", lambda: coders_drgs(connection, day, labels, payers))
        rows = drgs_of(champion, other).merge(told, on="encounter_id", how="left")
        held = steps.timed("labels: held against", lambda: held_against_coders(rows))
    columns = ["figure", "value", "low", "high", "encounters"]
    lines = [
        f"{len(champion.encounters)} encounters (synthetic), {len(told)} labelled; shadow {version}",
        "",
        f"{'step':<42}{'seconds':>9}{'computed':>10}{'peak MB':>9}",
        *(f"{name:<42}{s:>9.1f}{'' if c is None else f'{c:.1f}':>10}{m:>9.0f}" for name, s, c, m in steps.rows),
        "",
        pd.concat([figures, held])[columns].to_string(index=False),
    ]
    print("\n".join(lines))  # noqa: T201


def _copy(connection: sa.Connection, table: sa.Table, day: date, times: int, *, distinct: bool = False) -> None:
    """Copy the rows of `table` of all days to `day`, `times` times, under new ids of encounters and documents."""
    named = {"encounter_id", "document_id"} if not distinct else set()
    values = [
        ":day" if c.name == "received_date" else f"\"{c.name}\" || '~' || n" if c.name in named else f'"{c.name}"'
        for c in table.columns
    ]
    listed = ", ".join(f'"{c.name}"' for c in table.columns)
    connection.execute(
        sa.text(
            f"INSERT INTO {table.fullname} ({listed}) SELECT {', '.join(values)} FROM {table.fullname} t, "
            "generate_series(1, :times) n WHERE t.received_date < :day ON CONFLICT DO NOTHING"
        ),
        {"day": day, "times": times},
    )


if __name__ == "__main__":
    main()
