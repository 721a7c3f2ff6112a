"""Charts: what is coded together, one note or all documents of an encounter, read once for every channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from medcode_ml.coding.encounter import CodedEncounter, Document
from medcode_ml.coding.mentions import Section
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.proposals.reading import ReadNote, read_note

BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class LabelledChart:
    """Documents that are coded together, with the codes that coders gave them.

    Attributes:
        record_id: of the note or encounter. patient_id: None where nobody says whose it is.
        documents: as the coder gets them. setting, day: setting and day of discharge.
        codes: dotted. marked: code -> characters in the text of the chart (`joined_text`) that coders marked.
    """

    record_id: str
    patient_id: str | None
    documents: tuple[Document, ...]
    setting: str | None
    day: date
    codes: tuple[str, ...]
    marked: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    disputed: frozenset[str] = frozenset()


def in_order(documents: Sequence[Document]) -> list[Document]:
    """The documents in the order in which a chart joins them."""
    return sorted(documents, key=lambda d: d.document_id)


def joined_text(documents: Sequence[Document]) -> str:
    """The text of a chart."""
    return BETWEEN.join(d.text for d in in_order(documents))


@dataclass(frozen=True, slots=True)
class Chart:
    """The documents of an encounter as one text, and what the ontology coder makes of them.

    `starts` are the first characters of the documents in the text, in the order of `document_ids`.
    """

    note: ReadNote
    coded: CodedEncounter
    setting: str | None
    document_ids: tuple[str, ...]
    starts: tuple[int, ...]

    def place(self, document_id: str, offset: int) -> int:
        """Offset in the text of a character of one document."""
        return self.starts[self.document_ids.index(document_id)] + offset

    def document_of(self, offset: int) -> tuple[str, int]:
        """The document that holds a character of the text, and the character's offset there."""
        number = max(i for i, start in enumerate(self.starts) if start <= offset)
        return self.document_ids[number], offset - self.starts[number]


def read_chart(documents: Sequence[Document], setting: str | None, coder: OntologyCoder) -> Chart:
    """Read the documents of one encounter in the release of `coder`."""
    ordered = in_order(documents)
    starts: list[int] = []
    sections: list[Section] = []
    at = 0
    for document in ordered:
        starts.append(at)
        sections.extend(Section(s.kind, s.start + at, s.end + at) for s in document.sections)
        at += len(document.text) + len(BETWEEN)
    note = read_note(joined_text(ordered), tuple(sections))
    coded = coder.code(list(ordered), setting, asking=False)
    return Chart(note, coded, setting, tuple(d.document_id for d in ordered), tuple(starts))
