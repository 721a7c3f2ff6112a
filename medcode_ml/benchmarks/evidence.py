"""Measures the evidence of accepted codes: agreement with coders, and whether the codes rest on it.

    python -m medcode_ml.benchmarks.evidence --data PATH [--model DIR] [--notes 100] [--seed N]

`--data` is any labelled source, best one with marked evidence (`codiesp/dev`). Three tables for the ontology coder and,
with `--model`, for the model:

- **agreement**: words of the evidence against the spans that coders marked, over all notes, as `medcode evaluate
  coding` counts it; the baseline is the whole sentences of the evidence;
- **coverage**: share of the accepted codes that have evidence at all;
- **faithfulness**, on `--notes` notes drawn by `--seed` (ERASER, DeYoung et al. 2020): for every accepted code its
  evidence is masked in the note, letter by letter, so that all else keeps its place, and the note coded again
  (comprehensiveness: how far the score falls, how many codes are lost); then all but the sentences of the evidence is
  masked (sufficiency). Baselines: as many spans of as many words, and as many sentences, drawn elsewhere in the note. A
  code that is no longer listed has the score 0.

95% bootstrap intervals by note.
"""

from __future__ import annotations

import argparse
import re
import sys
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from medcode_ml.benchmarks.coding import frame_of, sections_of
from medcode_ml.coding.batch import code_notes
from medcode_ml.coding.figures.evidence import evidence_figures
from medcode_ml.coding.figures.predictions import accepted_evidence
from medcode_ml.coding.labelled.note import EvidenceSpan, LabelledData
from medcode_ml.coding.labelled.reading import read_labelled
from medcode_ml.coding.model import CodingModel, load_model
from medcode_ml.coding.tokens import tokenize
from medcode_ml.models.bootstrap import Floats, Measure, estimates, share

AT_ONCE: Final = 256
"""Changed notes that are coded together."""
MASK: Final = "z"
_LETTER: Final = re.compile(r"\w")
_WORD: Final = re.compile(r"\w+")
Places = Sequence[tuple[int, int]]
CHANGES: Final = ("evidence masked", "random spans masked", "evidence sentences kept", "random sentences kept")


@dataclass(frozen=True)
class AcceptedCode:
    """An accepted code of one note with its score and the characters of its evidence."""

    note: int
    code: str
    score: float
    evidence: tuple[tuple[int, int], ...]


def masked(text: str, places: Places) -> str:
    """`text` with every letter and digit in `places` replaced by MASK; all offsets stay."""
    parts, at = [], 0
    for start, end in merged(places):
        parts += [text[at:start], _LETTER.sub(MASK, text[start:end])]
        at = end
    return "".join([*parts, text[at:]])


def merged(places: Places) -> list[tuple[int, int]]:
    """`places` in order; those that overlap are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def others(places: Places, length: int) -> list[tuple[int, int]]:
    """All characters of a text of `length` but `places`."""
    bounds = [0, *(edge for place in merged(places) for edge in place), length]
    return [(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=True) if a < b]


def random_spans(text: str, evidence: Places, rng: np.random.Generator) -> list[tuple[int, int]]:
    """For each span of `evidence` a run of as many words elsewhere in `text`; fewer where the text has no more room."""
    words = [m.span() for m in _WORD.finditer(text)]
    free = np.array([not any(a < end and start < b for start, end in evidence) for a, b in words], dtype=bool)
    found: list[tuple[int, int]] = []
    for start, end in sorted(evidence, key=lambda span: span[0] - span[1]):
        size = sum(a < end and start < b for a, b in words)
        room = np.convolve(free, np.ones(size, dtype=int), "valid") == size if 0 < size <= len(words) else free[:0]
        if room.any():
            first = int(rng.choice(np.nonzero(room)[0]))
            free[first : first + size] = False
            found.append((words[first][0], words[first + size - 1][1]))
    return found


def sentences_of(text: str, boundaries: Sequence[int]) -> list[tuple[int, int]]:
    """Characters of the sentences of `text`; a sentence also ends at each of `boundaries` (ascending)."""
    tokens = tokenize(text, list(boundaries))
    starts = sorted({0, *(tokens.starts[i] for i in tokens.sentences if i < len(tokens.starts))})
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def around(sentences: Places, places: Places) -> list[int]:
    """Numbers of the `sentences` (ascending, without gaps) that `places` touch."""
    starts = [s for s, _ in sentences]
    return sorted({i for a, b in places for i in range(bisect_right(starts, a) - 1, bisect_right(starts, b - 1))})


def changed_notes(text: str, sentences: Places, evidence: Places, rng: np.random.Generator) -> dict[str, str]:
    """The note as each of CHANGES leaves it."""
    own = around(sentences, evidence)
    elsewhere = np.setdiff1d(np.arange(len(sentences)), own)
    drawn = rng.choice(elsewhere, min(len(own), len(elsewhere)), replace=False).tolist()
    kept = {name: [sentences[i] for i in chosen] for name, chosen in zip(CHANGES[2:], (own, drawn), strict=True)}
    return {
        CHANGES[0]: masked(text, evidence),
        CHANGES[1]: masked(text, random_spans(text, evidence, rng)),
        **{name: masked(text, others(places, len(text))) for name, places in kept.items()},
    }


def accepted_codes(answers: Sequence[Mapping[str, Any]]) -> list[AcceptedCode]:
    """The accepted codes of `answers`, a note each."""
    return [
        AcceptedCode(number, one["code"], one["score"], tuple((e["start"], e["end"]) for e in one["evidence"]))
        for number, answer in enumerate(answers)
        for one in answer["codes"]
        if one["accepted"]
    ]


def faithfulness(
    frame: pd.DataFrame, sections: pd.DataFrame, model: CodingModel | None, seed: int
) -> dict[str, float | list[float] | None]:
    """Fall of the score and share of lost codes under each of CHANGES, and evidence against random, with intervals."""
    codes = [c for c in accepted_codes(code_notes(frame, sections, model=model)) if c.evidence]
    score, kept = coded_again(frame, sections, codes, model, seed)
    fall = np.array([c.score for c in codes])[:, None] - score
    lost = 1.0 - kept
    note = np.array([c.note for c in codes], dtype=np.intp)
    count = np.bincount(note, minlength=len(frame))

    def mean(values: npt.ArrayLike) -> Measure:
        return share(_by_note(note, values, len(frame)), count)

    measures = {"mean score of the codes": mean([c.score for c in codes])}
    for change, name in enumerate(CHANGES):
        measures[f"{name}: mean fall of the score"] = mean(fall[:, change])
        measures[f"{name}: share of codes lost"] = mean(lost[:, change])
    measures["evidence - random spans: mean fall"] = mean(fall[:, 0] - fall[:, 1])
    measures["evidence - random spans: codes lost"] = mean(lost[:, 0] - lost[:, 1])
    return estimates(len(frame), measures)


def coded_again(
    frame: pd.DataFrame, sections: pd.DataFrame, codes: Sequence[AcceptedCode], model: CodingModel | None, seed: int
) -> tuple[Floats, Floats]:
    """Score of each of `codes`, and 1 where it is still accepted, in its note under each of CHANGES.

    Both of shape (codes, changes). Sections stay as they were read in the unchanged note.
    """
    notes = frame.to_dict("records")
    of_note = {str(record): own for record, own in sections.groupby("document_id")}
    own_sections = [of_note.get(str(note["record_id"]), sections.head(0)) for note in notes]
    sentences = [
        sentences_of(note["text"], sorted(own["start_offset"])) for note, own in zip(notes, own_sections, strict=True)
    ]
    score, kept = np.zeros((len(codes), len(CHANGES))), np.zeros((len(codes), len(CHANGES)))
    rng = np.random.default_rng(seed)
    step = AT_ONCE // len(CHANGES)
    with tqdm(total=len(codes), desc="coding again", unit="code", disable=not sys.stderr.isatty()) as bar:
        for at in range(0, len(codes), step):
            some = codes[at : at + step]
            rows, parts = [], [sections.head(0)]
            for number, one in enumerate(some):
                changed = changed_notes(notes[one.note]["text"], sentences[one.note], one.evidence, rng)
                for name, text in changed.items():
                    record = f"{number} {name}"
                    rows.append({**notes[one.note], "record_id": record, "text": text})
                    parts.append(own_sections[one.note].assign(document_id=record))
            again = code_notes(pd.DataFrame(rows, dtype=object), pd.concat(parts), model=model)
            for place, answer in enumerate(again):
                number, change = divmod(place, len(CHANGES))
                for listed in answer["codes"]:
                    if listed["code"] == some[number].code:
                        score[at + number, change], kept[at + number, change] = listed["score"], listed["accepted"]
            bar.update(len(some))
    return score, kept


def _by_note(note: npt.NDArray[np.intp], values: npt.ArrayLike, notes: int) -> Floats:
    return np.bincount(note, np.asarray(values, dtype=np.float64), minlength=notes).astype(np.float64)


def agreement(
    data: LabelledData, answers: Sequence[Mapping[str, Any]], sections: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Figures of the evidence, and of the whole sentences it stands in, against the spans of the coders."""
    given = accepted_evidence(answers)
    bounds = sections.groupby("document_id")["start_offset"].agg(sorted).to_dict()
    whole: dict[str, list[EvidenceSpan]] = {}
    for note in data.notes:
        sentences = sentences_of(note.text, bounds.get(note.record_id, []))
        whole[note.record_id] = [
            EvidenceSpan(e.code, *sentences[i])
            for e in given.get(note.record_id, [])
            for i in around(sentences, [(e.start, e.end)])
        ]
    return {"evidence": evidence_figures(data.notes, given), "its sentences": evidence_figures(data.notes, whole)}


def coverage(answers: Sequence[Mapping[str, Any]]) -> dict[str, float | list[float] | None]:
    """Share of the accepted codes with evidence, and spans for each."""
    codes = accepted_codes(answers)
    note = np.array([c.note for c in codes], dtype=np.intp)
    count = np.bincount(note, minlength=len(answers))
    measures = {
        "accepted codes with evidence": share(_by_note(note, [bool(c.evidence) for c in codes], len(answers)), count),
        "spans an accepted code": share(_by_note(note, [len(c.evidence) for c in codes], len(answers)), count),
    }
    return estimates(len(answers), measures)


def _table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """A column for each of `figures`, a row for each figure."""
    names = list(dict.fromkeys(k for own in figures.values() for k in own if not k.endswith("_95")))
    rows = [f"{'':46}" + "".join(f"{title:>28}" for title in figures)]
    rows += [f"{name:46}" + "".join(f"{_shown(own, name):>28}" for own in figures.values()) for name in names]
    return "\n".join(rows)


def _shown(figures: Mapping[str, Any], name: str) -> str:
    value = figures.get(name)
    if value is None:
        return "-"
    if f"{name}_95" not in figures:
        return str(value)
    low, high = figures[f"{name}_95"]
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description="Measure the evidence behind the codes of medcode.")
    parser.add_argument("--data", type=Path, required=True, help="labelled notes")
    parser.add_argument("--model", type=Path, help="model folder; without one the ontology coder alone")
    parser.add_argument("--notes", type=int, default=100, help="notes to mask and code again; 0 for none")
    parser.add_argument("--seed", type=int, default=20261122, help="of the sample and of the random spans")
    given = parser.parse_args(arguments)
    try:
        data = read_labelled(given.data)
        coders = {"ontology": None} if given.model is None else {"model": load_model(given.model), "ontology": None}
    except ValueError as mistake:
        parser.error(str(mistake))
    if given.notes < 0:
        parser.error("--notes must be 0 or more")
    frame = frame_of(data)
    sections = sections_of(frame)
    answers = {name: code_notes(frame, sections, model=coder) for name, coder in coders.items()}
    out = sys.stdout
    if any(n.evidence for n in data.notes):
        out.write(f"agreement with the coders' spans, {len(frame)} notes\n")
        told = {name: agreement(data, own, sections) for name, own in answers.items()}
        out.write(_table({f"{n}: {k}": f for n, own in told.items() for k, f in own.items()}) + "\n\n")
    out.write(_table({name: coverage(own) for name, own in answers.items()}) + "\n")
    drawn = frame.sample(min(given.notes, len(frame)), random_state=given.seed)
    if len(drawn):
        own = sections[sections["document_id"].isin(drawn["record_id"])]
        out.write(f"\nfaithfulness, {len(drawn)} notes\n")
        out.write(_table({name: faithfulness(drawn, own, c, given.seed) for name, c in coders.items()}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
