"""Sheets printed by LibreOffice, for measuring the reader on pages that medcode did not draw itself.

Belongs here: the layouts (note, letter, two columns, laboratory table, lists, form), their truth in natural order
(tables row by row, columns one after the other), and the way through `soffice` to a PDF and to pixels.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape
from zipfile import ZipFile

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray

FONTS: Final = ("Liberation Serif", "Liberation Sans", "Liberation Mono", "Carlito", "Caladea", "DejaVu Sans")
POINTS: Final = (9, 10, 11, 12)
DPIS: Final = (150, 200, 300)
LAYOUTS: Final = ("note", "letter", "columns", "laboratory", "lists", "form")
_LINES_A_PAGE: Final = {9: 66, 10: 60, 11: 54, 12: 50}
_SOFFICE_SECONDS: Final = 300
_ODT: Final = "application/vnd.oasis.opendocument.text"

_TESTS: Final = (
    ("Sodium", "136-145", "mmol/L", 128, 150, 0), ("Potassium", "3.5-5.1", "mmol/L", 2.9, 6.4, 1),
    ("Chloride", "98-107", "mmol/L", 92, 112, 0), ("Creatinine", "0.6-1.3", "mg/dL", 0.5, 4.8, 2),
    ("Urea nitrogen", "7-20", "mg/dL", 5, 74, 0), ("Glucose", "70-99", "mg/dL", 58, 402, 0),
    ("Hemoglobin", "12.0-16.0", "g/dL", 6.8, 16.2, 1), ("Hematocrit", "36-46", "%", 21, 49, 1),
    ("White cell count", "4.5-11.0", "10^3/uL", 1.8, 24.6, 1), ("Platelets", "150-400", "10^3/uL", 28, 520, 0),
    ("Troponin I", "<0.04", "ng/mL", 0.01, 8.2, 2), ("BNP", "<100", "pg/mL", 18, 4100, 0),
    ("Lactate", "0.5-2.0", "mmol/L", 0.6, 9.1, 1), ("Albumin", "3.5-5.0", "g/dL", 1.7, 4.9, 1),
    ("Bilirubin, total", "0.1-1.2", "mg/dL", 0.2, 14.5, 1), ("ALT", "7-56", "U/L", 8, 930, 0),
    ("Magnesium", "1.7-2.2", "mg/dL", 1.1, 2.9, 1), ("Hemoglobin A1c", "4.0-5.6", "%", 4.9, 12.8, 1),
)  # fmt: skip
_DRUGS: Final = (
    "Furosemide 40 mg by mouth twice daily", "Metoprolol succinate 50 mg once daily", "Lisinopril 10 mg once daily",
    "Insulin glargine 18 units at bedtime", "Apixaban 5 mg twice daily", "Atorvastatin 80 mg every evening",
    "Levothyroxine 75 mcg before breakfast", "Pantoprazole 40 mg once daily", "Gabapentin 300 mg three times daily",
    "Albuterol inhaler 2 puffs every 4 hours as needed", "Warfarin 2.5 mg once daily, INR goal 2.0-3.0",
    "Ceftriaxone 1 g IV every 24 hours, last dose 11/14/2026", "Prednisone 20 mg, taper over 10 days",
    "Potassium chloride 20 mEq once daily", "Acetaminophen 650 mg every 6 hours as needed for pain",
)  # fmt: skip
_NAMES: Final = (
    "Miriam Harlow",
    "Desmond Okafor",
    "Lucille Van Buren",
    "Hector Quintanilla",
    "Ingrid Thorsen",
    "Wei Zhang",
)
_STREETS: Final = ("14 Alder Court", "2207 Mercer Avenue", "918 West Quincy Street", "60 Harbor Road, Apt 3B")
_TOWNS: Final = ("Lowell, MA 01852", "Dayton, OH 45402", "Tucson, AZ 85701", "Macon, GA 31201")


@dataclass(frozen=True)
class Sheet:
    """One printed page and what stands on it."""

    name: str  #: layout, font, size and resolution
    layout: str
    dpi: int
    text: str  #: truth, one printed paragraph, list item or table row a line
    pixels: NDArray[np.uint8]


class NoLibreOfficeError(RuntimeError):
    """`soffice` is not installed here, or printed nothing."""


@dataclass
class _Document:
    """The paragraphs of an OpenDocument text, and its truth."""

    body: list[str]
    truth: list[str]

    def paragraph(self, text: str, style: str = "Text", before: str = "") -> None:
        self.body.append(f'<text:p text:style-name="{style}">{escape(before + text)}</text:p>')
        self.truth.append(before + text)

    def table(self, rows: Sequence[Sequence[str]], ruled: bool, shares: Sequence[int]) -> None:
        cell = "Ruled" if ruled else "Plain"
        columns = "".join(f'<table:table-column table:style-name="Col{share}"/>' for share in shares)
        lines = []
        for row in rows:
            cells = "".join(
                f'<table:table-cell table:style-name="{cell}"><text:p text:style-name="Cell">{escape(c)}</text:p>'
                "</table:table-cell>"
                for c in row
            )
            lines.append(f"<table:table-row>{cells}</table:table-row>")
            self.truth.append(" ".join(c for c in row if c))
        self.body.append(f"<table:table>{columns}{''.join(lines)}</table:table>")
        self.body.append('<text:p text:style-name="Text"/>')

    def columns(self, paragraphs: Sequence[str]) -> None:
        inside = "".join(f'<text:p text:style-name="Text">{escape(p)}</text:p>' for p in paragraphs)
        self.body.append(f'<text:section text:style-name="Two" text:name="columns">{inside}</text:section>')
        self.truth += list(paragraphs)


def sentences(note: str) -> list[str]:
    """Paragraphs of a note, whitespace folded, in characters every font has."""
    parts = [" ".join(p.split()) for p in re.split(r"\n+", note)]
    return [p for p in parts if p and p.isascii() and not re.fullmatch(r"[\W_]+", p)]


def _fit(paragraphs: Sequence[str], points: int, lines: float, width: float = 1.0) -> list[str]:
    """As many paragraphs as fit about `lines` lines; the last one is cut at a word."""
    a_line = 88 * 11 / points * 0.87 * width
    kept: list[str] = []
    for paragraph in paragraphs:
        need = -(-len(paragraph) // a_line) + 0.35
        if lines < 1:
            break
        if need > lines:
            paragraph = paragraph[: int(lines * a_line)].rsplit(" ", 1)[0]
        kept.append(paragraph)
        lines -= need
    return kept


def _compose(layout: str, note: Sequence[str], points: int, rng: np.random.Generator) -> _Document:
    made = _Document([], [])
    room = _LINES_A_PAGE[points] * 0.8
    patient = str(rng.choice(_NAMES))
    mrn, birth = (
        f"{rng.integers(10**7, 10**8):08d}",
        f"{rng.integers(1, 13):02d}/{rng.integers(1, 29):02d}/{rng.integers(1931, 2004)}",
    )
    head = f"Patient: {patient} MRN: {mrn} DOB: {birth}"
    if layout == "note":
        made.paragraph("DISCHARGE SUMMARY", "Title")
        made.paragraph(head)
        for paragraph in _fit(note, points, room - 4):
            made.paragraph(paragraph)
    elif layout == "letter":
        made.paragraph("Mercy Valley Cardiology Associates", "Title")
        made.paragraph(f"{rng.choice(_STREETS)}, {rng.choice(_TOWNS)}", "Centre")
        made.paragraph("Telephone (978) 555-0142 Fax (978) 555-0143", "Centre")
        made.paragraph(f"November {rng.integers(1, 29)}, 2026")
        made.paragraph(f"RE: {patient}, born {birth}, MRN {mrn}", "Bold")
        made.paragraph("Dear Dr. Whitfield:")
        for paragraph in _fit(note, points, room - 14):
            made.paragraph(paragraph, "Block")
        made.paragraph("Sincerely yours,")
        made.paragraph(f"{rng.choice(_NAMES)}, MD, FACC")
    elif layout == "columns":
        made.paragraph("CLINICAL REVIEW", "Title")
        made.paragraph(head)
        made.columns(_fit(note, points, (room - 6) * 2, 0.45))
    elif layout == "laboratory":
        made.paragraph("LABORATORY REPORT", "Title")
        made.paragraph(head)
        made.paragraph("Chemistry and hematology", "Heading")
        rows: list[tuple[str, ...]] = [("Test", "Result", "Flag", "Reference", "Unit")]
        for at in rng.permutation(len(_TESTS))[: int(rng.integers(9, 15))]:
            name, usual, unit, low, high, places = _TESTS[at]
            flag = str(rng.choice(["", "", "H", "L"]))
            rows.append((name, f"{rng.uniform(low, high):.{places}f}", flag, usual, unit))
        made.table(rows, bool(rng.random() < 0.6), (4, 2, 1, 2, 2))
        made.paragraph("Comment", "Heading")
        for paragraph in _fit(note, points, room - 2.2 * len(rows) - 8):
            made.paragraph(paragraph)
    elif layout == "lists":
        made.paragraph("MEDICATIONS AND PLAN", "Title")
        made.paragraph(head)
        made.paragraph("Discharge medications:", "Heading")
        mark = str(rng.choice(["- ", "\u2022 ", "n"]))
        drugs = [str(_DRUGS[at]) for at in rng.permutation(len(_DRUGS))[: int(rng.integers(7, 13))]]
        for number, drug in enumerate(drugs, 1):
            made.paragraph(drug, "Item", f"{number}. " if mark == "n" else mark)
        made.paragraph("Assessment and plan", "Heading")
        for number, paragraph in enumerate(_fit(note, points, room - len(drugs) - 8), 1):
            made.paragraph(paragraph, before=f"{number}. " if len(paragraph) > 40 else "")
    elif layout == "form":
        made.paragraph("ADMISSION RECORD", "Title")
        facts = [
            ("Patient name:", patient, "Medical record number:", mrn), ("Date of birth:", birth, "Sex:", "Female"),
            ("Address:", str(rng.choice(_STREETS)), "City, state:", str(rng.choice(_TOWNS))),
            ("Admitted:", "11/03/2026 14:20", "Discharged:", "11/09/2026 11:05"),
            ("Attending:", f"{rng.choice(_NAMES)}, MD", "Service:", "Internal Medicine"),
        ]  # fmt: skip
        made.table(facts, bool(rng.random() < 0.5), (2, 4, 3, 3))
        made.paragraph("Hospital course", "Heading")
        for paragraph in _fit(note, points, room - 18):
            made.paragraph(paragraph)
    else:
        raise ValueError(f"no layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
    return made


def _write_odt(path: Path, made: _Document, font: str, points: int) -> None:
    """One OpenDocument file: content, page size and a manifest."""

    def style(name: str, text: str = "", paragraph: str = "", below: float = 0.06) -> str:
        return (
            f'<style:style style:name="{name}" style:family="paragraph">'
            f'<style:paragraph-properties fo:margin-top="0.02in" fo:margin-bottom="{below}in" {paragraph}/>'
            f'<style:text-properties style:font-name="F" fo:font-size="{points}pt" fo:language="en" fo:country="US" '
            f"{text}/></style:style>"
        )

    cell = (
        '<style:style style:name="{}" style:family="table-cell">'
        '<style:table-cell-properties fo:padding="0.03in" fo:border="{}"/></style:style>'
    )
    widths = "".join(
        f'<style:style style:name="Col{n}" style:family="table-column"><style:table-column-properties '
        f'style:rel-column-width="{n}*"/></style:style>'
        for n in (1, 2, 3, 4)
    )
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (
            ("office", "office"), ("style", "style"), ("text", "text"), ("table", "table"),
            ("fo", "xsl-fo-compatible"), ("svg", "svg-compatible"),
        )
    )  # fmt: skip
    face = f"""<style:font-face style:name="F" svg:font-family="'{font}'"/>"""
    font_face = f"<office:font-face-decls>{face}</office:font-face-decls>"
    content = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document-content {spaces} office:version="1.2">{font_face}
<office:automatic-styles>
{style("Text")}{style("Cell", below=0.0)}{style("Bold", 'fo:font-weight="bold"')}
{style("Title", 'fo:font-weight="bold" ', 'fo:text-align="center"')}{style("Centre", "", 'fo:text-align="center"')}
{style("Heading", 'fo:font-weight="bold"', 'fo:keep-with-next="always"')}
{style("Block", "", 'fo:text-align="justify"')}{style("Item", "", 'fo:margin-left="0.3in"')}
{cell.format("Ruled", "0.5pt solid #000000")}{cell.format("Plain", "none")}{widths}
<style:style style:name="Two" style:family="section"><style:section-properties text:dont-balance-text-columns="false">
<style:columns fo:column-count="2" fo:column-gap="0.35in"><style:column style:rel-width="1*" fo:end-indent="0.17in"/>
<style:column style:rel-width="1*" fo:start-indent="0.17in"/></style:columns></style:section-properties></style:style>
</office:automatic-styles>
<office:body><office:text>{"".join(made.body)}</office:text></office:body></office:document-content>"""
    styles = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document-styles {spaces} office:version="1.2">{font_face}<office:automatic-styles>
<style:page-layout style:name="Letter"><style:page-layout-properties fo:page-width="8.5in" fo:page-height="11in"
 fo:margin-top="0.9in" fo:margin-bottom="0.7in" fo:margin-left="0.9in" fo:margin-right="0.9in"/></style:page-layout>
</office:automatic-styles><office:master-styles>
<style:master-page style:name="Standard" style:page-layout-name="Letter"/>
</office:master-styles></office:document-styles>"""
    names = {"/": _ODT, "content.xml": "text/xml", "styles.xml": "text/xml"}
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{n}" manifest:media-type="{kind}"/>' for n, kind in names.items()
    )
    space = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    manifest = f'<manifest:manifest xmlns:manifest="{space}">{entries}</manifest:manifest>'
    with ZipFile(path, "w") as packed:
        packed.writestr("mimetype", _ODT)
        for name, text in (("content.xml", content), ("styles.xml", styles), ("META-INF/manifest.xml", manifest)):
            packed.writestr(name, text)


def print_pdfs(sources: Sequence[Path], folder: Path) -> None:
    """Convert documents to PDF in `folder`, all in one run of LibreOffice with a profile of its own."""
    soffice = shutil.which("soffice")
    if soffice is None:
        raise NoLibreOfficeError("LibreOffice (soffice) is not installed: its pages are left out")
    profile = folder / "profile"
    command = [soffice, f"-env:UserInstallation=file://{profile.resolve()}", "--headless", "--convert-to", "pdf"]
    done = subprocess.run(
        [*command, "--outdir", str(folder), *map(str, sources)],
        capture_output=True,
        timeout=_SOFFICE_SECONDS,
        check=False,
    )
    shutil.rmtree(profile, ignore_errors=True)
    if done.returncode or not all((folder / f"{s.stem}.pdf").exists() for s in sources):
        raise NoLibreOfficeError("LibreOffice printed nothing: its pages are left out")


def libreoffice_sheets(notes: Sequence[str], count: int, seed: int, folder: Path) -> list[Sheet]:
    """Print `count` sheets that go through layouts, fonts, sizes and resolutions in turn, with text of `notes`.

    A document that runs over its page is left out, for its truth would span two. Raises `NoLibreOfficeError`.
    """
    rng = np.random.default_rng(seed)
    usable = [p for p in map(sentences, notes) if sum(map(len, p)) > 700]
    if not usable:
        raise ValueError("no note has 700 characters of plain text")
    plans: list[tuple[Path, str, int, _Document]] = []
    for number in range(-(-count * 5 // 4)):
        layout, font = LAYOUTS[number % len(LAYOUTS)], FONTS[(number + number // len(LAYOUTS)) % len(FONTS)]
        points, dpi = int(rng.choice(POINTS)), int(rng.choice(DPIS))
        made = _compose(layout, usable[int(rng.integers(len(usable)))], points, rng)
        source = folder / f"{number:03d}_{layout}_{font.replace(' ', '')}_{points}pt_{dpi}dpi.odt"
        _write_odt(source, made, font, points)
        plans.append((source, layout, dpi, made))
    print_pdfs([source for source, *_ in plans], folder)
    sheets = []
    for source, layout, dpi, made in plans:
        document = pdfium.PdfDocument(folder / f"{source.stem}.pdf")
        if len(document) == 1:
            pixels = document[0].render(scale=dpi / 72, grayscale=True).to_numpy()
            grey = np.ascontiguousarray(pixels.reshape(pixels.shape[:2]))
            sheets.append(Sheet(source.stem, layout, dpi, "\n".join(made.truth), grey))
        document.close()
    return sheets[:count]
