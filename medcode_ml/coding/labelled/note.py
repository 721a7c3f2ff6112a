"""A labelled note, and what reading a source of them gives; nothing here opens a file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from medcode_ml.codes.identifiers import written_code as written_code
from medcode_ml.models.labelled_files import LabelledSourceError as LabelledSourceError
from medcode_ml.models.labelled_files import Rejected as Rejected

TRAIN, DEV, TEST = "train", "dev", "test"


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """Characters [start, end) of the note's text that a coder gave as the reason for `code`.

    `part` marks one of several pieces that give the code only together, such as "mass" … "of the abdomen".
    """

    code: str
    start: int
    end: int
    part: bool = False


@dataclass(frozen=True, slots=True)
class LabelledNote:
    """One note with its true codes.

    Attributes:
        record_id: unique in its source.
        text: the note; empty only where a source was read for its codes alone.
        codes: ICD-10-CM, dotted, upper case, each once, in the order of the source.
        evidence: spans of `text`; their codes are among `codes` or `disputed`.
        setting: "inpatient", "outpatient" or None.
        discharge_date: None where the source has none; `LabelledData.day` then names the code set.
        split: "train", "dev", "test" or None.
        disputed: codes on which the coders disagree: neither asked for nor punished.
    """

    record_id: str
    text: str
    codes: tuple[str, ...]
    evidence: tuple[EvidenceSpan, ...] = ()
    setting: str | None = None
    discharge_date: date | None = None
    patient_id: str | None = None
    document_type: str | None = None
    split: str | None = None
    disputed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LabelledData:
    """What a source held.

    Attributes:
        notes: in the order of the source.
        rejected: lines or documents that gave no note; notes + rejected = what the source holds.
        source: the layout and its parts, in words, such as "CodiEsp layout: train, dev".
        day: a day of the code set of the notes without a discharge date.
        day_told_by: "as_of", "layout" or "labels".
        day_share: share of the labels of those notes that can be billed on `day`; None where there are no labels.
        codes_rejected: labels that are not written like ICD-10-CM, by what they look like; their notes stay.
        spans_rejected: evidence that points outside its text or is found nowhere in it; its codes stay.
        remarks: what a reader of the figures should know.
    """

    notes: tuple[LabelledNote, ...]
    rejected: tuple[Rejected, ...]
    source: str
    day: date
    day_told_by: str
    day_share: float | None
    codes_rejected: int = 0
    spans_rejected: int = 0
    remarks: tuple[str, ...] = ()

    def day_of(self, note: LabelledNote) -> date:
        """The day whose code set `note` is coded in (rule 1)."""
        return note.discharge_date or self.day

    def split(self, name: str) -> tuple[LabelledNote, ...]:
        """The notes of one split."""
        return tuple(n for n in self.notes if n.split == name)

    def splits(self) -> dict[str | None, int]:
        """Number of notes in each split."""
        return dict(Counter(n.split for n in self.notes))

    def code_counts(self) -> Counter[str]:
        """In how many notes each code stands."""
        return Counter(c for n in self.notes for c in n.codes)

    def fingerprint(self) -> str:
        """SHA-256 over ids, texts and codes: the same data gives the same, whatever the layout."""
        digest = hashlib.sha256()
        for note in sorted(self.notes, key=lambda n: n.record_id):
            for part in (note.record_id, note.text, " ".join(sorted(note.codes))):
                digest.update(part.encode("utf-8", "surrogatepass") + b"\x00")
        return digest.hexdigest()


def written_codes(raw: Iterable[object]) -> tuple[tuple[str, ...], int]:
    """Labels as ICD-10-CM is written, each once in their order, and how many are not like ICD-10-CM."""
    written = [written_code(label) for label in raw]
    return tuple(dict.fromkeys(c for c in written if c is not None)), sum(c is None for c in written)
