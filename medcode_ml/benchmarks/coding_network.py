"""Measures coding on the simulated network, by kind of note and by the quality of the scan it was read from.

    python -m medcode_ml.benchmarks.coding_network [--encounters 400] [--documents 24] [--seed N] [--model DIR]

Everything is synthetic. Three tables: whole encounters, coded from all their notes; single notes by kind, each asked
for the true codes that it says itself (what else is true of its encounter is neither asked for nor punished); and
`--documents` notes that are printed, spoilt, read and coded against their own clean text: the loss from page image to
code, paired by note. Scan qualities: clean; mild (skew, noise, blur or JPEG); fax; hard (3 degrees and noise, faint,
strong JPEG or black borders), the fault drawn for each note. Without `--model` the ontology coder codes. 95% bootstrap
intervals by encounter or note.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from tqdm import tqdm

from medcode_ml.benchmarks.ocr import character_error
from medcode_ml.benchmarks.page_faults import FAULTS
from medcode_ml.coding.batch import code_batch
from medcode_ml.coding.figures.codes import code_figures
from medcode_ml.coding.figures.marked import PredictedCode, mark
from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.coding.model import CodingModel, load_model
from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.reading import read_page, warm_up
from medcode_ml.mapping.documents import PAGE_BREAK
from medcode_ml.mapping.sections import split_documents
from medcode_ml.models.bootstrap import SEED, Floats, Measure, estimates, ratio
from medcode_ml.simulation import NetworkConfig, simulate
from medcode_ml.simulation.rendering import FONTS, PageHeader, paginate, render_page

QUALITIES: Final[dict[str, tuple[str, ...]]] = {
    "clean": ("clean",),
    "mild": ("skew", "noise", "blur", "jpeg"),
    "fax": ("fax_fine", "fax_dithered", "fax_standard"),
    "hard": ("skew_3_noise", "low_contrast", "jpeg_20", "black_border"),
}
DPI: Final = 200
_SAID: Final = frozenset({"affirmed", "uncertain"})
Predictions = dict[str, list[PredictedCode]]


@dataclass(frozen=True)
class SimulatedNotes:
    """Notes of a simulated network: DataFrame[document_id, encounter_id, text, setting, discharge_date, document_type],
    the true codes of each encounter, which of them each note says, and what is printed on top of an encounter's pages.
    """

    documents: pd.DataFrame
    true: Mapping[str, tuple[str, ...]]
    said: Mapping[str, frozenset[str]]
    headers: Mapping[str, PageHeader]


def simulated_notes(encounters: int, seed: int) -> SimulatedNotes:
    """All notes of a network without planted faults or scans."""
    rows: list[tuple[str, str, str, str, date, str]] = []
    true: defaultdict[str, list[str]] = defaultdict(list)
    said: defaultdict[str, set[str]] = defaultdict(set)
    headers: dict[str, PageHeader] = {}
    for day in simulate(NetworkConfig(seed=seed, encounters=encounters, scanned_pages=0, planted_faults=False)).days():
        people = {(r["hospital_id"], r["mrn"]): r for r in day.tables["patient"].to_dict("records")}
        stays = {}
        for r in day.tables["encounter"].to_dict("records"):
            stay, person = f"{r['hospital_id']}/{r['encounter_number']}", people[(r["hospital_id"], r["mrn"])]
            stays[stay] = (r["setting"], date.fromisoformat(r["discharge_date"]))
            name = f"{person['last_name'].upper()}, {person['first_name'].upper()}"
            born = f"{date.fromisoformat(person['birth_date']):%m/%d/%Y}"
            headers[stay] = PageHeader(r["hospital_id"], name, r["mrn"], born, r["encounter_number"])
        for r in day.truth["codes"].to_dict("records"):
            true[f"{r['hospital_id']}/{r['encounter_number']}"].append(r["code"])
        for r in day.truth["mentions"].to_dict("records"):
            if r["assertion"] in _SAID:
                said[r["record_id"]].add(r["code"])
        for r in day.tables["scanned_record"].to_dict("records"):
            stay = f"{r['hospital_id']}/{r['encounter_number']}"
            rows.append((r["record_id"], stay, r["text"], *stays[stay], r["document_type"]))
    columns = ["document_id", "encounter_id", "text", "setting", "discharge_date", "document_type"]
    return SimulatedNotes(
        pd.DataFrame(rows, columns=columns, dtype=object),
        {stay: tuple(codes) for stay, codes in true.items()},
        {record: frozenset(codes) for record, codes in said.items()},
        headers,
    )


def coded(documents: pd.DataFrame, model: CodingModel | None) -> Predictions:
    """Listed codes by encounter_id, by the ontology coder or a trained model."""
    codes = code_batch(documents, split_documents(documents), model=model).codes
    found: Predictions = {encounter: [] for encounter in documents["encounter_id"].unique()}
    columns = ["encounter_id", "code", "score", "accepted", "band"]
    for encounter, *one in codes[columns].itertuples(index=False, name=None):
        found[encounter].append(PredictedCode(*one))
    return found


def gold_of(notes: SimulatedNotes, documents: pd.DataFrame) -> list[LabelledNote]:
    """Each document as a note of its own: asked for what it says, the rest of its encounter disputed."""
    gold = []
    for record, stay in zip(documents["document_id"], documents["encounter_id"], strict=True):
        codes = tuple(c for c in notes.true[stay] if c in notes.said.get(record, ()))
        gold.append(LabelledNote(record, "", codes, disputed=frozenset(notes.true[stay]) - frozenset(codes)))
    return gold


def alone(documents: pd.DataFrame) -> pd.DataFrame:
    """Every document as an encounter of its own."""
    return documents.assign(encounter_id=documents["document_id"])


def printed(text: str, top: PageHeader, quality: str, number: int, seed: int) -> tuple[str, float]:
    """Print a note, spoil its pages, read them: the text as mapping joins it, and its character error."""
    rng = np.random.default_rng([seed, number, list(QUALITIES).index(quality)])
    fault = FAULTS[str(rng.choice(QUALITIES[quality]))]
    font = FONTS[number % len(FONTS)]
    pages = paginate(text, font)
    read, meant = [], []
    for place, lines in enumerate(pages, 1):
        header = top.lines(place, len(pages))
        sheet = np.asarray(render_page(lines, font, DPI, header).convert("L"))
        spoilt = fault(sheet, float(DPI), rng)
        reading = read_page(PageImage(np.ascontiguousarray(spoilt.pixels), dpi=spoilt.dpi))
        read.append(reading.text)
        meant.append("\n".join((*header, *lines)))
    return PAGE_BREAK.join(read), character_error("\n".join(read), "\n".join(meant))


def sampled(notes: SimulatedNotes, gold: Sequence[LabelledNote], count: int, seed: int) -> pd.DataFrame:
    """`count` notes that say at least one true code, kinds in turn."""
    documents = notes.documents[[bool(g.codes) for g in gold]]
    documents = documents.sample(frac=1.0, random_state=seed)
    turn = documents.groupby("document_type").cumcount()
    return documents.assign(turn=turn).sort_values(["turn", "document_type"]).head(count).drop(columns="turn")


def loss(gold: Sequence[LabelledNote], clean: Predictions, read: Predictions) -> dict[str, Any]:
    """Micro-F1 from the clean text and from the page, and the difference, with intervals by note, paired."""
    sums = [_sums(gold, one) for one in (clean, read)]

    def f1(one: tuple[Floats, Floats]) -> Measure:
        return lambda drawn: ratio(2 * (drawn @ one[0]), drawn @ one[1])

    def difference(drawn: Floats) -> Floats:
        return f1(sums[1])(drawn) - f1(sums[0])(drawn)

    measures: dict[str, Callable[[Floats], Floats]] = {
        "clean_text": f1(sums[0]), "page": f1(sums[1]), "difference": difference,
    }  # fmt: skip
    return estimates(len(gold), measures, seed=SEED)


def _sums(gold: Sequence[LabelledNote], predicted: Predictions) -> tuple[Floats, Floats]:
    marked = mark(gold, predicted)
    found = marked.by_note(marked.accepted) + marked.by_note(marked.true)
    return marked.by_note(marked.true & marked.accepted), found


def _shown(figures: Mapping[str, Any], key: str) -> str:
    if figures[key] is None:
        return "-"
    low, high = figures[f"{key}_95"]
    return f"{figures[key]:.3f} ({low:.3f} to {high:.3f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description="Measure coding on the simulated network (synthetic).")
    parser.add_argument("--encounters", type=int, default=400)
    parser.add_argument("--documents", type=int, default=24, help="notes to print and read; about 2 s a page, 4 times")
    parser.add_argument("--seed", type=int, default=20261122, help="of the network and the faults")
    parser.add_argument("--model", type=Path, help="model folder; without one the ontology coder")
    given = parser.parse_args(arguments)
    if given.encounters < 1 or given.documents < 0:
        parser.error("--encounters must be at least 1, --documents at least 0")
    try:
        model = load_model(given.model) if given.model is not None else None
    except ValueError as mistake:
        parser.error(str(mistake))
    out = sys.stdout
    notes = simulated_notes(given.encounters, given.seed)
    stays = [LabelledNote(stay, "", codes) for stay, codes in notes.true.items()]
    figures = code_figures(stays, coded(notes.documents, model))
    kinds = ("micro_f1", "precision", "recall", "candidate_recall")
    out.write(f"simulated network (synthetic), {figures['notes']} encounters, {figures['true_codes']} true codes\n")
    out.write(f"{'':24}{'':>6}" + "".join(f"{k:>27}" for k in kinds) + "\n")
    for level in ("full", "category"):
        row = "".join(f"{_shown(figures[level], k):>27}" for k in kinds)
        out.write(f"{'encounters, ' + level:24}{figures['notes']:>6}{row}\n")

    gold = gold_of(notes, notes.documents)
    single = coded(alone(notes.documents), model)
    out.write("\nsingle notes by kind, full codes: what each note says itself\n")
    for kind, group in notes.documents.groupby("document_type", sort=True):
        ids = set(group["document_id"])
        some = code_figures([g for g in gold if g.record_id in ids], single)
        out.write(f"{kind:24}{len(group):>6}" + "".join(f"{_shown(some['full'], k):>27}" for k in kinds) + "\n")
    if given.documents:
        _print_losses(notes, gold, single, model, given)
    return 0


def _print_losses(
    notes: SimulatedNotes,
    gold: Sequence[LabelledNote],
    single: Predictions,
    model: CodingModel | None,
    given: argparse.Namespace,
) -> None:
    chosen = sampled(notes, gold, given.documents, given.seed)
    asked = gold_of(notes, chosen)
    warm_up()
    out = sys.stdout
    out.write(f"\nfrom page image to code, {len(chosen)} notes, micro-F1 of full codes\n")
    out.write(f"{'scan':10}{'char. error':>12}{'clean text':>27}{'page':>27}{'difference':>29}\n")
    for quality in tqdm(QUALITIES, desc="scan qualities", disable=None):
        pages = [
            printed(text, notes.headers[stay], quality, n, given.seed)
            for n, (text, stay) in enumerate(zip(chosen["text"], chosen["encounter_id"], strict=True))
        ]
        read = coded(alone(chosen.assign(text=[text for text, _ in pages])), model)
        told = loss(asked, single, read)
        error = float(np.median([e for _, e in pages]))
        columns = f"{_shown(told, 'clean_text'):>27}{_shown(told, 'page'):>27}{_shown(told, 'difference'):>29}"
        out.write(f"{quality:10}{error:>12.2%}{columns}\n")
        out.flush()


if __name__ == "__main__":
    sys.exit(main())
