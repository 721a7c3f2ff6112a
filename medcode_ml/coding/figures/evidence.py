"""Agreement of predicted evidence with the spans that coders marked, for the codes that both give."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from medcode_ml.coding.labelled.note import EvidenceSpan, LabelledNote
from medcode_ml.models.bootstrap import RESAMPLES, SEED, estimates, share

_WORD: Final = re.compile(r"\w+")
Places = Sequence[tuple[int, int]]


def evidence_figures(
    gold: Sequence[LabelledNote],
    predicted: Mapping[str, Sequence[EvidenceSpan]],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Agreement of evidence, by note and code, where a true code with marked spans is predicted with spans.

    Args:
        gold: notes with their text and marked spans.
        predicted: spans of the accepted codes by record_id.
        resamples: bootstrap draws by note; 0 leaves the intervals out.
        seed: of the draws.

    Returns:
        A dict for JSON: `marked_codes` (note and code with marked spans), `compared_codes` (of these predicted with
        spans); over the compared `word_precision`, `word_recall`, `word_f1` (words touched by predicted and marked
        spans, summed over the codes), `any_overlap` (share with a common character), `exact_match` (share with the very
        same words); each with its 95% interval by note.
    """
    rows = np.zeros((len(gold), 7))
    for number, note in enumerate(gold):
        marked = _by_code(s for s in note.evidence if s.code in note.codes)
        found = _by_code(predicted.get(note.record_id, ()))
        words = [m.span() for m in _WORD.finditer(note.text)] if marked else []
        rows[number, 0] = len(marked)
        for code in marked.keys() & found.keys():
            truth, given = _touched(words, marked[code]), _touched(words, found[code])
            overlap = any(a < d and c < b for a, b in marked[code] for c, d in found[code])
            both = len(truth & given)
            rows[number, 1:] += (1, both, len(given), len(truth), overlap, truth == given)
    many, both, given, truth, overlap, exact = rows.T[1:]
    measures = {
        "word_precision": share(both, given),
        "word_recall": share(both, truth),
        "word_f1": share(2 * both, given + truth),
        "any_overlap": share(overlap, many),
        "exact_match": share(exact, many),
    }
    return {
        "marked_codes": int(rows[:, 0].sum()),
        "compared_codes": int(many.sum()),
        **estimates(len(gold), measures, resamples=resamples, seed=seed),
    }


def _by_code(spans: Any) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for span in spans:
        found.setdefault(span.code, []).append((span.start, span.end))
    return found


def _touched(words: Places, spans: Places) -> frozenset[int]:
    """Places of the words that share a character with a span."""
    return frozenset(i for i, (a, b) in enumerate(words) if any(a < end and start < b for start, end in spans))
