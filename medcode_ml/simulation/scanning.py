"""Which documents arrive as page images, in which files, and what is wrong with their pages.

Page faults follow a fixed cycle, so that every kind occurs in a network of about 45 scanned documents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from medcode_ml.simulation.notes import Document
from medcode_ml.simulation.people import Person
from medcode_ml.simulation.rendering import FONTS, PageHeader, paginate
from medcode_ml.simulation.stays import Stay

_C = "clean"
NORMAL_CYCLE = (
    _C,
    "skew",
    _C,
    "noise",
    _C,
    "rotated_180",
    _C,
    "blank",
    _C,
    "stain",
    _C,
    "duplicate_page",
    "skew",
    _C,
    "rotated_90",
    _C,
    "misfiled_page",
    _C,
    "blur",
    _C,
    "page_missing",
    _C,
    "rotated_270",
    _C,
    "truncated_file",
    _C,
    "low_contrast",
    _C,
    _C,
    "skew",
    _C,
    "noise",
)
WORSE_CYCLE = (
    "noise",
    "blur",
    "skew",
    "low_contrast",
    "noise",
    "blank",
    "skew",
    "stain",
    "noise",
    "rotated_180",
    "blur",
    "duplicate_page",
    "low_contrast",
    "noise",
    "misfiled_page",
    "skew",
    "noise",
    "page_missing",
    "blur",
    "rotated_90",
    "noise",
    "truncated_file",
    _C,
    "low_contrast",
)
#: a page of another patient's chart
_ANOTHER_CHART = (
    "MEDICATION ADMINISTRATION RECORD",
    "",
    "0600  pantoprazole 40 mg PO        given  RN initials on file",
    "0900  metoprolol tartrate 25 mg PO given  pulse checked before dose",
    "0900  docusate 100 mg PO           held   loose stool",
    "1300  acetaminophen 650 mg PO      given  pain 4 of 10",
    "2100  melatonin 3 mg PO            given",
    "",
    "Reviewed with pharmacy, no changes. Next review in 24 hours.",
)
_OF_EVERY_PAGE = ("skew", "noise", "blur", "stain", "low_contrast", "rotated_90", "rotated_180", "rotated_270")
#: what the pipeline is expected to do with a fault that it cannot repair; the others are repaired and read
EXPECTED = {
    "blank": "blank page set aside, the others read",
    "duplicate_page": "second copy of the page set aside",
    "misfiled_page": "page of another patient set aside: name, birth date or record number disagree",
    "page_missing": "page count does not reconcile: document flagged",
    "truncated_file": "file that cannot be opened to its end set aside",
    "low_contrast": "page read after repair, or set aside as unreadable",
    "noise": "page read after repair, or set aside as unreadable",
    "blur": "page read after repair, or set aside as unreadable",
    "rotated_90": "page turned back and read",
    "rotated_180": "page turned back and read",
    "rotated_270": "page turned back and read",
    "skew": "page straightened and read",
    "stain": "page read",
}


@dataclass(frozen=True)
class Page:
    """One page to draw."""

    lines: tuple[str, ...]
    header: tuple[str, ...]
    font: str
    dpi: int
    fault: str
    seed: tuple[int, ...]
    worn: bool = False
    """Whether a worn scanner made it."""


@dataclass(frozen=True)
class PageFile:
    """One file of page images, path relative to the delivery's day; `truncated` keeps only its first part."""

    path: str
    pages: tuple[Page, ...]
    truncated: bool = False


@dataclass(frozen=True)
class Scan:
    """A document as it arrives on paper: its files, the page count that the sender states, and its fault."""

    record_id: str
    fault: str
    files: tuple[PageFile, ...]
    page_count: int


@dataclass
class Scanner:
    """Decides, document by document, what is scanned, and keeps to the number of pages wanted."""

    seed: int
    wanted: int
    encounters: int
    pages: int = 0
    documents: int = 0
    _steps: dict[str, int] = field(default_factory=dict)

    def due(self, index: int) -> bool:
        """True where the scanned pages so far lag behind the share of encounters gone by."""
        return self.pages < self.wanted * (index + 1) / self.encounters and self.pages < self.wanted

    def scan(self, stay: Stay, document: Document, record_id: str, other: Person, worse: bool) -> Scan:
        """Put a document on paper. `other` is the patient a misfiled page belongs to."""
        cycle = WORSE_CYCLE if worse else NORMAL_CYCLE
        name = "worse" if worse else "normal"
        step = self._steps.get(name, 0)
        self._steps[name] = step + 1
        fault = cycle[step % len(cycle)]
        font, dpi = FONTS[self.documents % len(FONTS)], (150, 170, 200)[self.documents % 3]
        pages = paginate(document.text, font)
        header = _header(stay, stay.person)
        made = [
            Page(
                tuple(lines),
                header.lines(n, len(pages)),
                font,
                dpi,
                fault if fault in _OF_EVERY_PAGE else _C,
                (self.seed, stay.index, n),
                worse,
            )
            for n, lines in enumerate(pages, 1)
        ]
        count = len(made)
        if fault == "duplicate_page":
            made.append(made[0])
        elif fault == "misfiled_page":
            made.append(
                replace(
                    made[-1],
                    header=_header(stay, other).lines(1, 1),
                    lines=_ANOTHER_CHART,
                    seed=(self.seed, stay.index, 99),
                )
            )
            count += 1
        elif fault == "blank":
            made.append(replace(made[-1], lines=(), header=(), fault="blank", seed=(self.seed, stay.index, 98)))
            count += 1
        elif fault == "page_missing":
            count += 1
        files = tuple(self._files(record_id, made, fault))
        self.pages += len(made)
        self.documents += 1
        return Scan(record_id, fault, files, count)

    def _files(self, record_id: str, pages: list[Page], fault: str) -> Iterator[PageFile]:
        """One PNG a page; every sixth document a fax (one TIFF), every eighth one PDF."""
        if self.documents % 6 == 4 and fault != "truncated_file":
            yield PageFile(f"pages/{opaque(self.seed, record_id, 0)}.tif", tuple(pages))
            return
        if self.documents % 8 == 3 or (fault == "truncated_file" and self.documents % 2):
            yield PageFile(f"pages/{opaque(self.seed, record_id, 0)}.pdf", tuple(pages), fault == "truncated_file")
            return
        for number, page in enumerate(pages):
            yield PageFile(
                f"pages/{opaque(self.seed, record_id, number)}.png",
                (page,),
                fault == "truncated_file" and number == len(pages) - 1,
            )


def opaque(*parts: object) -> str:
    """A name that tells nothing, the same for the same parts."""
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).hexdigest()


def _header(stay: Stay, person: Person) -> PageHeader:
    return PageHeader(
        person.hospital.name,
        f"{person.last_name.upper()}, {person.first_name.upper()}",
        person.mrn,
        f"{person.birth_date:%m/%d/%Y}",
        stay.encounter_number if person is stay.person else person.hospital.account.format(1_000_002 + stay.index * 3),
    )


def page_rng(page: Page) -> np.random.Generator:
    """The generator a page's fault is drawn with."""
    return np.random.default_rng([*page.seed, 11])


def page_fault(scan: Scan, truncated: bool, drawn: str, number: int, path: str) -> str:
    """The fault of one page: what was drawn, or what the document's fault makes of it."""
    if truncated:
        return "truncated_file"
    last_file = scan.files[-1].path == path
    last_page = number == len(scan.files[-1].pages)
    if scan.fault in ("duplicate_page", "misfiled_page") and last_file and last_page:
        return scan.fault
    return drawn
