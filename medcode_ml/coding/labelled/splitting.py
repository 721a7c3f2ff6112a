"""Holding notes back from training: no patient on both sides, the later stays on the held-out side."""

from __future__ import annotations

from collections.abc import Sequence

from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.models.splitting import held_out, patient_key


def split_by_patient_and_time(
    notes: Sequence[LabelledNote], share: float, seed: int
) -> tuple[tuple[LabelledNote, ...], tuple[LabelledNote, ...]]:
    """Split notes into those to learn from and those held out, about `share` of them, as `held_out` says.

    Args:
        notes: the notes; one without a patient is its own.
        share: of the notes to hold out, above 0 and below 1.
        seed: of the draw.

    Returns:
        Kept and held-out notes, both in the order given.
    """
    held = held_out([patient_of(n) for n in notes], [n.discharge_date for n in notes], share, seed)
    kept_notes = tuple(n for n, out in zip(notes, held, strict=True) if not out)
    held_notes = tuple(n for n, out in zip(notes, held, strict=True) if out)
    return kept_notes, held_notes


def patient_of(note: LabelledNote) -> str:
    """Who a note is about: its patient, or itself where the source names none."""
    return patient_key(note.patient_id, note.record_id)
