"""Figures of predicted codes against gold: what a coder, a manager and a shared task would ask of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy import sparse

from medcode_ml.coding.figures.marked import Bools, Marked, PredictedCode, mark
from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.models.bootstrap import RESAMPLES, SEED, Floats, Measure, estimates, ratio, share

__all__ = ["FREQUENCY_BANDS", "PredictedCode", "code_figures"]

FREQUENCY_BANDS: Final = (("0", 0, 0), ("1", 1, 1), ("2", 2, 2), ("3-5", 3, 5), ("6-9", 6, 9), ("10+", 10, 1 << 60))
"""Bands of codes by the number of training notes they stand in: name, lowest, highest."""


def code_figures(
    gold: Sequence[LabelledNote],
    predicted: Mapping[str, Sequence[PredictedCode]],
    *,
    seen_codes: Mapping[str, int] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Figures of `predicted` against `gold`, each with its 95% interval by note under `<name>_95`.

    Disputed codes are neither asked for nor punished. A figure with nothing to count is None.

    Args:
        gold: notes with their true codes, each record_id once.
        predicted: every listed code by record_id; a note that is not there has nothing predicted.
        seen_codes: in how many training notes each code stands (`LabelledData.code_counts`); without it there are no
            figures on unseen codes and by frequency.
        resamples: bootstrap draws; 0 leaves the intervals out.
        seed: of the draws.

    Returns:
        A dict for JSON:
        `notes`, `true_codes`, `accepted_codes`, `listed_codes_per_note`: counts;
        `full`, `category`: `precision`, `recall`, `micro_f1` of accepted codes, `macro_f1` (mean over the codes of the
        gold of each code's F1), `macro_f1_by_note` (mean over the notes), `exact_match` (share of notes with exactly
        the true codes), `map` (mean over notes with codes of the average precision of all listed codes by score, as
        CLEF eHealth 2020 counted it), `candidate_recall` (share of true codes listed at all);
        `unseen`: precision, recall, micro_f1, candidate_recall, both sides cut to codes that stand in no training note;
        `by_frequency`: the same for each band of training notes, with counts;
        `by_band`: number and precision of the codes in each decision band.
    """
    full = mark(gold, predicted)
    out: dict[str, Any] = {
        "notes": len(gold),
        "notes_without_prediction": sum(n.record_id not in predicted for n in gold),
        "true_codes": int(full.true.sum()),
        "accepted_codes": int(full.accepted.sum()),
        "listed_codes_per_note": round(float(full.listed.sum()) / len(gold), 2) if gold else None,
        "full": _level(full, resamples, seed),
        "category": _level(mark(gold, predicted, categories=True), resamples, seed),
    }
    if seen_codes is not None:
        counts = np.array([seen_codes.get(str(name), 0) for name in full.names], dtype=np.int64)
        times = counts[full.code] if len(counts) else np.zeros(0, dtype=np.int64)
        out["unseen"] = _restricted(full, times == 0, resamples, seed)
        out["by_frequency"] = {
            name: _restricted(full, (times >= low) & (times <= high), resamples, seed)
            for name, low, high in FREQUENCY_BANDS
        }
    bands = sorted({str(b) for b in full.band} - {""})
    if bands:
        out["by_band"] = {name: _decision_band(full, full.band == name, resamples, seed) for name in bands}
    return out


def _counts(marked: Marked, rows: Bools) -> dict[str, Measure]:
    """Precision, recall, F1 and candidate recall of the accepted codes among `rows`."""
    hit = marked.by_note(rows & marked.true & marked.accepted)
    found = marked.by_note(rows & marked.accepted)
    truth = marked.by_note(rows & marked.true)
    return {
        "precision": share(hit, found),
        "recall": share(hit, truth),
        "micro_f1": share(2 * hit, found + truth),
        "candidate_recall": share(marked.by_note(rows & marked.true & marked.listed), truth),
    }


def _level(marked: Marked, resamples: int, seed: int) -> dict[str, Any]:
    every = np.ones(len(marked.note), dtype=np.bool_)
    counted = _counts(marked, every)
    candidates = counted.pop("candidate_recall")
    hit, found, truth = (marked.by_note(rows) for rows in (marked.true & marked.accepted, marked.accepted, marked.true))
    by_note = np.divide(2 * hit, found + truth, out=np.ones(marked.notes), where=found + truth > 0)
    precision = marked.average_precision()
    has_codes = truth > 0
    one = np.ones(marked.notes)
    return estimates(
        marked.notes,
        {
            **counted,
            "macro_f1": _macro_f1(marked),
            "macro_f1_by_note": share(by_note, one),
            "exact_match": share((hit == found) & (hit == truth), one),
            "map": share(np.where(has_codes, precision, 0.0), has_codes),
            "candidate_recall": candidates,
        },
        resamples=resamples,
        seed=seed,
    )


def _macro_f1(marked: Marked) -> Measure:
    """Measure: the mean over the codes that are true in the draw of each code's F1."""
    gold = np.unique(marked.code[marked.true])
    place = np.searchsorted(gold, marked.code)
    known = place < len(gold)
    known[known] = gold[place[known]] == marked.code[known]

    def matrix(rows: Bools) -> sparse.csc_array:
        own = rows & known
        values = np.ones(int(own.sum()))
        # transposed: codes x notes, so that a product with the weights stays dense and in order
        return sparse.csr_array((values, (place[own], marked.note[own])), shape=(len(gold), marked.notes))

    hit, found, truth = matrix(marked.true & marked.accepted), matrix(marked.accepted), matrix(marked.true)

    def measure(drawn: Floats) -> Floats:
        turned = np.ascontiguousarray(drawn.T)
        true = truth @ turned
        here = true > 0
        f1 = np.divide(2 * (hit @ turned), (found @ turned) + true, out=np.zeros_like(true), where=here)
        return ratio(f1.sum(axis=0), here.sum(axis=0).astype(np.float64))

    return measure


def _restricted(marked: Marked, rows: Bools, resamples: int, seed: int) -> dict[str, Any]:
    true = rows & marked.true
    return {
        "true_codes": int(true.sum()),
        "distinct_true_codes": len(np.unique(marked.code[true])),
        "accepted_codes": int((rows & marked.accepted).sum()),
        **estimates(marked.notes, _counts(marked, rows), resamples=resamples, seed=seed),
    }


def _decision_band(marked: Marked, rows: Bools, resamples: int, seed: int) -> dict[str, Any]:
    measures = {
        "precision": share(marked.by_note(rows & marked.true), marked.by_note(rows)),
        "share_of_true_codes": share(marked.by_note(rows & marked.true), marked.by_note(marked.true)),
    }
    return {"codes": int(rows.sum()), **estimates(marked.notes, measures, resamples=resamples, seed=seed)}
