"""Holding notes back from training: no patient on both sides, the later stays on the held-out side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from medcode_ml.coding.labelled.note import LabelledNote


def split_by_patient_and_time(
    notes: Sequence[LabelledNote], share: float, seed: int
) -> tuple[tuple[LabelledNote, ...], tuple[LabelledNote, ...]]:
    """Split notes into those to learn from and those held out, about `share` of them.

    All notes of a patient go to one side; a note without a patient is its own. Patients with dates are held out by
    their last discharge, latest first; patients without any are drawn. Equal dates are settled by the draw. The same
    notes in another order split alike.

    Args:
        notes: the notes.
        share: of the notes to hold out, above 0 and below 1.
        seed: of the draw.

    Returns:
        Kept and held-out notes, both in the order given. With two patients or more neither side is empty.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share to hold out must lie between 0 and 1, not at {share}")
    sizes: dict[str, int] = {}
    last: dict[str, date] = {}
    for note in notes:
        patient = patient_of(note)
        sizes[patient] = sizes.get(patient, 0) + 1
        if note.discharge_date is not None:
            last[patient] = max(note.discharge_date, last.get(patient, date.min))
    names = sorted(sizes)
    drawn = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    held: set[str] = set()
    dated = sorted((p for p in drawn if p in last), key=lambda p: last[p], reverse=True)
    for pool in (dated, [p for p in drawn if p not in last]):
        held |= _until(pool, sizes, share * sum(sizes[p] for p in pool))
    if len(names) > 1 and not held:
        held = {(dated or drawn)[0]}
    elif len(names) > 1 and len(held) == len(names):
        held.discard((drawn if not dated else dated[::-1])[0])
    kept_notes = tuple(n for n in notes if patient_of(n) not in held)
    held_notes = tuple(n for n in notes if patient_of(n) in held)
    return kept_notes, held_notes


def patient_of(note: LabelledNote) -> str:
    """Who a note is about: its patient, or itself where the source names none."""
    return f"record {note.record_id}" if note.patient_id is None else f"patient {note.patient_id}"


def _until(pool: Sequence[str], sizes: dict[str, int], wanted: float) -> set[str]:
    """The first patients of `pool` whose notes come nearest to `wanted`."""
    taken: set[str] = set()
    total = 0
    for patient in pool:
        if total + sizes[patient] / 2 > wanted:
            break
        taken.add(patient)
        total += sizes[patient]
    return taken
