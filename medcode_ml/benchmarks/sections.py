"""Measures the sections of documents: types of sentences, headings found, content typing, speed.

    python -m medcode_ml.benchmarks.sections [--data ../shared/data/mtsamples_notes_mit] [--encounters 250]

The simulated network (synthetic) gives the type of every sentence: in both note styles, with letters misread as by a
scanner, and with all headings taken away. Two baselines: headings of the table at the start of a line only (the rest
is `other`), and everything `other`. Real notes (`notes.csv`, column `note_text`) tell headings by their form: capitals
before a colon. "No colon" lists what was taken for a heading without one: it has lost it, or two headings are glued.
Intervals are 95% bootstrap intervals by document.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from medcode_ml.mapping.blocks import find_blocks
from medcode_ml.mapping.copied import find_copied
from medcode_ml.mapping.heading_table import heading_table, letters
from medcode_ml.mapping.sections import Section, split_documents, split_text
from medcode_ml.simulation import NetworkConfig, simulate

SEED: Final = 20261122
RESAMPLES: Final = 500
TUNED: Final = "half that was looked at while the cues were written"
CONFUSED: Final = {"o": "0", "l": "1", "i": "l", "e": "c", "a": "o", "s": "5", "t": "f", "n": "r", "h": "b", "c": "e",
                   "O": "0", "I": "l", "S": "5", "B": "8", "E": "F", "A": "4", "R": "K", "N": "H",
                   ":": "."}  # fmt: skip
_SENTENCE = re.compile(r"[^\n]+?(?:[.;!?](?=\s)|$)", re.MULTILINE)
_CAPITALS = re.compile(r"(?<![A-Za-z])[A-Z][A-Z0-9 /&,'()\-]*[A-Z)][ \t]*(?=:)")
_CAPITALISED = re.compile(r"(?:(?<=^)|(?<=[.:)a-z\d\n;\"]))[ \t]*[A-Z][\w/&'\- ()]{0,50}?[ \t]*(?=:)", re.MULTILINE)

Splitter = Callable[[str, str | None], list[Section]]
Span = tuple[int, int, str]


@dataclass(frozen=True)
class Document:
    """A document with the true type of its passages."""

    text: str
    document_type: str | None
    truth: tuple[Span, ...]


def line_start_splitter(text: str, document_type: str | None) -> list[Section]:
    """Baseline: phrases of the heading table at the start of a line, before a colon or alone; the rest is `other`."""
    table = heading_table()
    found = []
    for match in re.finditer(r"^[ \t]*([A-Za-z][A-Za-z/&' -]{0,50}?)[ \t]*(:|\r?$)", text, re.MULTILINE):
        section_type = table.types.get(letters(match[1]))
        if section_type is not None and (match[2] or len(match[1]) > 3):
            found.append((match.start(), match.end(), section_type, match[1]))
    sections = [Section("other", "", 0, found[0][0] if found else len(text))]
    for number, (_, body, section_type, words) in enumerate(found):
        end = found[number + 1][0] if number + 1 < len(found) else len(text)
        sections.append(Section(section_type, words, body, end))
    return sections


def simulated(style: str, encounters: int, seed: int = 7) -> list[Document]:
    """Documents that the simulated network delivers as text, with the truth about their sections."""
    config = NetworkConfig(
        seed=seed, encounters=encounters, note_style="new" if style == "new" else "classic", planted_faults=False
    )
    documents: list[Document] = []
    for day in simulate(config).days():
        truth: dict[str, list[Span]] = {}
        columns = ["record_id", "start", "end", "section_type"]
        for record, start, end, kind in day.truth["sections"][columns].itertuples(index=False, name=None):
            truth.setdefault(record, []).append((int(start), int(end), kind))
        for record, text, kind in day.tables["scanned_record"][["record_id", "text", "document_type"]].itertuples(
            index=False, name=None
        ):
            if text:
                documents.append(Document(text, kind, tuple(truth.get(record, ()))))
    return documents


def misread(document: Document, share: float, generator: np.random.Generator) -> Document:
    """The document with about `share` of its characters misread: confused, lost, or a space put in."""
    out: list[str] = []
    place = np.zeros(len(document.text) + 1, dtype=np.int64)
    length = 0
    drawn = generator.random(len(document.text))
    for i, character in enumerate(document.text):
        place[i] = length
        piece = character
        if drawn[i] < share and not character.isspace():
            part = drawn[i] / share
            piece = CONFUSED.get(character, character) if part < 0.8 else "" if part < 0.9 else f"{character} "
        out.append(piece)
        length += len(piece)
    place[-1] = length
    moved = tuple((int(place[a]), int(place[b]), kind) for a, b, kind in document.truth)
    return Document("".join(out), document.document_type, moved)


def without_headings(document: Document) -> Document:
    """The passages of the document alone, a line break or a blank line between them as there was."""
    parts: list[str] = []
    truth: list[Span] = []
    length = at = 0
    for start, end, kind in document.truth:
        gap = "\n\n" if "\n\n" in document.text[at:start] else "\n" if "\n" in document.text[at:start] else " "
        gap = gap if truth else ""
        truth.append((length + len(gap), length + len(gap) + end - start, kind))
        parts += (gap, document.text[start:end])
        length += len(gap) + end - start
        at = end
    return Document("".join(parts), document.document_type, tuple(truth))


def sentence_counts(documents: Sequence[Document], split: Splitter) -> tuple[np.ndarray, Counter[tuple[str, str]]]:
    """(right, sentences) of each document, shape (documents, 2), and counts of (true, found) where they differ."""
    rows = []
    wrong: Counter[tuple[str, str]] = Counter()
    for document in documents:
        found = np.full(len(document.text) + 1, "other", dtype=object)
        for section in split(document.text, document.document_type):
            found[section.start : section.end] = section.section_type
        right = total = 0
        for start, end, kind in document.truth:
            for match in _SENTENCE.finditer(document.text, start, end):
                if not any(c.isalnum() for c in match[0]):
                    continue
                here = found[(match.start() + match.end()) // 2]
                total += 1
                right += here == kind
                if here != kind:
                    wrong[(kind, str(here))] += 1
        rows.append((right, total))
    return np.array(rows, dtype=np.int64).reshape(-1, 2), wrong


def with_interval(rows: np.ndarray) -> str:
    """Share of the first column in the second, with its interval."""
    generator = np.random.default_rng(SEED)
    if not rows[:, 1].sum():
        return "-"
    draws = generator.integers(0, len(rows), (RESAMPLES, len(rows)))
    shares = rows[draws, 0].sum(axis=1) / np.maximum(rows[draws, 1].sum(axis=1), 1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return f"{rows[:, 0].sum() / rows[:, 1].sum():6.1%} ({low:.1%}-{high:.1%})"


def heading_figures(texts: Sequence[str], split: Splitter) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Headings in capitals (found, true), headings found (right, found), the missed ones, the wrong ones."""
    found_rows, right_rows = [], []
    missed: list[str] = []
    wrong: list[str] = []
    for text in texts:
        sections = [s for s in split(text, None) if s.heading]
        # a heading stands right before its text, or opens it
        ends = {s.start + len(s.heading) if text.startswith(s.heading, s.start) else _before(text, s) for s in sections}
        capitals = {m.start() + len(m[0].rstrip()) for m in _CAPITALS.finditer(text) if len(m[0].strip()) > 1}
        capitalised = {m.start() + len(m[0].rstrip()) for m in _CAPITALISED.finditer(text)}
        found_rows.append((len(capitals & ends), len(capitals)))
        right_rows.append((len(ends & (capitals | capitalised)), len(ends)))
        missed += [text[max(0, e - 30) : e + 12] for e in sorted(capitals - ends)]
        wrong += [text[max(0, e - 30) : e + 12] for e in sorted(ends - capitals - capitalised)]
    return np.array(found_rows), np.array(right_rows), missed, wrong


def _before(text: str, section: Section) -> int:
    return text.rfind(section.heading, 0, section.start) + len(section.heading)


def headed(text: str) -> Document:
    """A real note with the types of its sections by heading alone as the truth."""
    spans = [
        (s.start, s.end, s.section_type)
        for s in split_text(text)
        if s.heading and s.typed_by == "heading" and s.section_type != "other"
    ]
    # parts of an examination begin with their heading: it goes as well
    bare = []
    for start, end, kind in spans:
        match = re.match(r"[A-Z /&]{2,40}:", text[start:end])
        bare.append((start + (match.end() if match else 0), end, kind))
    return Document(text, None, tuple(bare))


def copy_figures(encounters: int) -> tuple[np.ndarray, int]:
    """Plans that a progress note repeats whole from an earlier note: (characters found, characters), and passages."""
    rows = []
    passages = 0
    for day in simulate(NetworkConfig(encounters=encounters, planted_faults=False)).days():
        records = day.tables["scanned_record"]
        records = records[records["text"] != ""]
        if records.empty:
            continue
        frame = records.rename(columns={"record_id": "document_id", "encounter_number": "encounter_id"})
        copied = find_copied(frame[["document_id", "encounter_id", "document_type", "written_date", "text"]])
        passages += len(copied)
        truth = day.truth["sections"]
        plans = truth[truth["section_type"] == "assessment_plan"].merge(
            frame[["document_id", "encounter_id", "written_date", "text"]], left_on="record_id", right_on="document_id"
        )
        for _, group in plans.sort_values("written_date").groupby("encounter_id"):
            seen: set[str] = set()
            for document, start, end, text in group[["document_id", "start", "end", "text"]].itertuples(index=False):
                plan = text[int(start) : int(end)]
                if plan in seen and len(plan) >= 60:
                    mine = copied[copied["document_id"] == document]
                    covered = sum(
                        max(0, min(int(end), b) - max(int(start), a))
                        for a, b in mine[["start_offset", "end_offset"]].itertuples(index=False)
                    )
                    rows.append((covered, len(plan)))
                seen.add(plan)
    return np.array(rows, dtype=np.int64).reshape(-1, 2), passages


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description="Measure the sections of documents.")
    parser.add_argument("--data", type=Path, help="folder with notes.csv (note_text)")
    parser.add_argument("--encounters", type=int, default=250)
    parser.add_argument("--errors", action="store_true", help="list what was typed wrongly and missed")
    given = parser.parse_args(arguments)
    say = sys.stdout.write
    splitters: dict[str, Splitter] = {
        "medcode": split_text,
        "line start": line_start_splitter,
        "all other": lambda text, kind: [Section("other", "", 0, len(text))],
    }
    say(f"{'sentences of the right type':<44}{'medcode':>24}{'line start':>24}{'all other':>24}\n")
    for style in ("classic", "new"):
        documents = simulated(style, given.encounters)
        generator = np.random.default_rng(SEED)
        conditions = {
            "as written": documents,
            "1% of characters misread": [misread(d, 0.01, generator) for d in documents],
            "3% of characters misread": [misread(d, 0.03, generator) for d in documents],
            "headings removed": [without_headings(d) for d in documents],
            "headings removed, document type unknown": [
                Document(b.text, None, b.truth) for b in map(without_headings, documents)
            ],
        }
        for name, some in conditions.items():
            figures = []
            for label, split in splitters.items():
                rows, wrong = sentence_counts(some, split)
                figures.append(with_interval(rows))
                if label == "medcode" and given.errors:
                    say(f"    {wrong.most_common(14)}\n")
            say(f"{f'{style}: {name}':<44}" + "".join(f"{f:>24}" for f in figures) + "\n")
    if given.data is not None:
        _real_notes(given.data, splitters, given.errors)
    rows, passages = copy_figures(given.encounters)
    say(
        f"\ncopied plans: {with_interval(rows)} of their characters marked, {len(rows)} plans; "
        f"{passages} passages in all\n"
    )
    _speed(given.encounters)
    return 0


def _real_notes(folder: Path, splitters: dict[str, Splitter], errors: bool) -> None:
    say = sys.stdout.write
    notes = pd.read_csv(folder / "notes.csv", encoding="utf-8", encoding_errors="replace")["note_text"].tolist()
    halves = {TUNED: notes[0::2], "half whose wording was never looked at": notes[1::2]}
    for name, texts in halves.items():
        say(f"\nreal notes, {name}: {len(texts)}\n")
        for label in ("medcode", "line start"):
            found, right, missed, wrong = heading_figures(texts, splitters[label])
            say(f"  headings in capitals found, {label}: {with_interval(found)} of {found[:, 1].sum()}\n")
            say(f"  headings found that are some, {label}: {with_interval(right)} of {right[:, 1].sum()}\n")
            if errors and label == "medcode":
                say("".join(f"    missed {m!r}\n" for m in missed) + "".join(f"    no colon {w!r}\n" for w in wrong))
        bare = [without_headings(headed(t)) for t in texts]
        for label, split in splitters.items():
            rows, wrong_types = sentence_counts(bare, split)
            say(f"  headings removed, sentences as headed, {label}: {with_interval(rows)} of {rows[:, 1].sum()}\n")
            if errors and label == "medcode" and texts is halves[TUNED]:
                say(f"    {wrong_types.most_common(25)}\n")


def _speed(encounters: int) -> None:
    """Speed on documents of a network that nothing here has seen, in CPU seconds."""
    some = simulated("classic", encounters, seed=SEED)[:1500]
    frame = pd.DataFrame(
        {
            "document_id": [str(n) for n in range(len(some))],
            "document_type": [d.document_type for d in some],
            "text": [d.text for d in some],
        },
        dtype=object,
    )
    begin = time.process_time()
    sections = split_documents(frame)
    middle = time.process_time()
    find_blocks(frame, sections)
    end = time.process_time()
    size = frame["text"].str.len().mean()
    sys.stdout.write(
        f"speed: {len(some) / (end - begin):,.0f} documents a second (mean {size:,.0f} characters): sections "
        f"{len(some) / (middle - begin):,.0f}, blocks {len(some) / (end - middle):,.0f}; "
        f"{frame['text'].str.len().sum() / (end - begin) / 1e6:.2f} million characters a second\n"
    )


if __name__ == "__main__":
    sys.exit(main())
