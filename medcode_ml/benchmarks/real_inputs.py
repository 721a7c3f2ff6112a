"""Real records through the whole lineage: what came in, what was carried and set aside, what was coded and billed.

    python -m medcode_ml.benchmarks.real_inputs --data DIR [--pages 12]

`DIR` holds the research folders (MIMIC demos, note collections). Each input runs on a database of its own that is
deleted afterwards. Notes run twice: as text, and rendered to clean page images that are read back.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from rapidfuzz.distance import Levenshtein

from medcode_ml.billing.files import run_claim_files
from medcode_ml.billing.payers import load_payers
from medcode_ml.billing.stage import run_billing
from medcode_ml.coding.stage import run_coding
from medcode_ml.contracts import metadata
from medcode_ml.filtering.stage import run_filtering
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.landing import run_intake
from medcode_ml.intake.layout import write_layout
from medcode_ml.intake.mimic_iii import MimicIIISource
from medcode_ml.intake.mimic_iv import MimicIVSource
from medcode_ml.intake.notes import NotesSource
from medcode_ml.intake.page_store import PageWork
from medcode_ml.intake.source import DEFAULT_RECEIVED, Source
from medcode_ml.mapping.stage import run_mapping
from medcode_ml.ranking.stage import run_ranking
from medcode_ml.settings import Settings
from medcode_ml.simulation.rendering import render_text
from medcode_ml.store.accounting import accounts
from medcode_ml.store.database import make_engine
from medcode_ml.store.embedded import EmbeddedServer
from medcode_ml.store.figures import run_figures
from medcode_ml.store.migrate import migrate

STAGES = ("raw", "mapped", "filtered", "coded", "ranked", "billed")
NOTE_DATE = date(2026, 10, 5)
_DPI = 170


@dataclass(frozen=True)
class Input:
    """One real input: its name and the source that reads it."""

    name: str
    source: Source
    drawn_from: NotesSource | None = None  # the notes that page images were drawn from


def inputs(data: Path, folder: Path, pages: int) -> Iterator[Input]:
    """Every real input found under `data`; `pages` notes of each collection are rendered to page images."""
    yield Input("MIMIC-IV demo (ICD-9 stays)", MimicIVSource(data / "mimic_iv_demo_icd9"))
    yield Input("MIMIC-III demo", MimicIIISource(data / "mimic_iii_demo"))
    collections = {
        "mtsamples": data / "mtsamples_notes_mit" / "notes.csv",
        "aci_bench": data / "aci_bench" / "valid.csv",
        "codiesp": data / "codiesp" / "dev",
    }
    for kind, path in collections.items():
        notes = NotesSource(kind, path, as_of=NOTE_DATE)
        yield Input(f"{kind}, as text", notes)
        if pages:
            yield Input(f"{kind}, {pages} notes as page images", rendered(notes, folder / kind, pages), notes)


def rendered(notes: NotesSource, root: Path, count: int) -> FolderSource:
    """Write the first `count` notes of a collection as a delivery of page images."""
    tables = {f.table: f.rows.drop(columns="source_line") for f in notes.read(DEFAULT_RECEIVED)}
    records = tables["scanned_record"].head(count).copy()
    drawn = root.with_name(f"{root.name}-drawn")
    drawn.mkdir(parents=True)
    files: dict[str, Path] = {}
    names: list[str] = []
    for number, text in enumerate(records["text"]):
        own = []
        for page, image in enumerate(render_text(text or "", dpi=_DPI), start=1):
            name = f"pages/{number:05d}-{page}.png"
            files[name] = drawn / f"{number:05d}-{page}.png"
            image.save(files[name], dpi=(_DPI, _DPI))
            own.append(name)
        names.append("|".join(own))
    tables["scanned_record"] = records.assign(text=None, files=names)
    for table in ("patient", "encounter"):
        key = "mrn" if table == "patient" else "encounter_number"
        tables[table] = tables[table][tables[table][key].isin(set(records["record_id"]))]
    write_layout({DEFAULT_RECEIVED: tables}, root, {DEFAULT_RECEIVED: files})
    return FolderSource(root, name="folder")


def character_error(engine: sa.Engine, notes: NotesSource) -> list[float]:
    """Character error of each document read from pages: edit distance by length, white space folded."""
    texts = {r["record_id"]: r["text"] for f in notes.read(DEFAULT_RECEIVED) if f.table == "scanned_record"
             for r in f.rows.to_dict("records")}  # fmt: skip
    with engine.connect() as connection:
        read = connection.execute(sa.text("SELECT record_id, text FROM mapped.document WHERE origin = 'pages'")).all()
    errors = []
    for record, text in read:
        truth = " ".join((texts[record] or "").split())
        errors.append(Levenshtein.distance(truth, " ".join(text.split())) / max(1, len(truth)))
    return errors


def run_input(engine: sa.Engine, one: Input, folder: Path) -> None:
    """Run one input through every stage on an emptied database and print its accounting."""
    names = ", ".join(f'"{t.schema}"."{t.name}"' for t in metadata.tables.values())
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    day = DEFAULT_RECEIVED
    run_intake(engine, one.source, day, day, PageWork(folder / "pages", 2, 60.0), progress=True)
    for stage in (run_mapping, run_filtering, run_coding, run_ranking):
        stage(engine, day, day)
    run_billing(engine, day, day, load_payers())
    run_claim_files(engine, day, day, folder / "outbox")
    say(f"\n== {one.name}")
    for stage_name in STAGES:
        for a in accounts(engine, stage_name, day, day):
            if a.rows_in or a.carried or a.set_aside:
                mark = "" if a.balances else "   DOES NOT BALANCE"
                say(f"  {stage_name:<9}{a.unit:<22}{a.rows_in:>8} = {a.carried:>8} + {a.set_aside:>6}{mark}")
    figures = run_figures(engine, day, day)
    say(
        f"  codes accepted {figures.codes_accepted} on {figures.encounters_coded} encounters; "
        f"queries {figures.queries}; grouped {figures.grouped}"
    )
    say(f"  claims ready {figures.claims_ready}, held {figures.claims_held}: " + _listed(figures.held))
    say("  quarantined: " + _listed(figures.quarantined))


def _listed(counts: tuple[tuple[str, int], ...], most: int = 8) -> str:
    shown = ", ".join(f"{name} {n}" for name, n in counts[:most])
    return (shown + (f", and {len(counts) - most} more" if len(counts) > most else "")) or "nothing"


def say(line: str) -> None:
    """Print one line of the report."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Run every real input and print the accounting of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the research data sets")
    parser.add_argument("--pages", type=int, default=12, help="notes of each collection rendered to page images")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = EmbeddedServer(Settings(home=folder / "home"))
        try:
            engine = make_engine(server.ensure())
            migrate(engine)
            rows: list[tuple[str, int, float, float]] = []
            for one in inputs(given.data, folder, given.pages):
                run_input(engine, one, folder)
                if one.drawn_from is not None:
                    errors = character_error(engine, one.drawn_from)
                    rows.append((one.drawn_from.kind, len(errors), statistics.median(errors), statistics.fmean(errors)))
            engine.dispose()
            say("\n== character error of the notes read from clean page images")
            say(pd.DataFrame(rows, columns=["notes", "documents", "median", "mean"]).to_string(index=False))
        finally:
            server.remove()


if __name__ == "__main__":
    main()
