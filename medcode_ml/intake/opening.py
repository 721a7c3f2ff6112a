"""Files to page images: PNG, JPEG, TIFF (several pages, fax) and PDF, recognised by content, never by file name.

Belongs here: everything that can be wrong with a *file*. What is wrong with a picture is `repair`, a reading `gates`.
A PDF is rendered as a picture, so that every word has a box on its page; the words of its text layer come with it.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from medcode_ml.intake.text_layer import LayerWord, layer_words

PDF_DPI = 200
MAX_FILE_BYTES = 512 * 2**20
MAX_PAGE_PIXELS = 120_000_000  # an A3 sheet at 600 dpi has 70 million
MAX_PDF_PIXELS = 30_000_000  # a larger sheet is rendered coarser, not refused
MAX_PAGES = 2_000
BROKEN = "broken_file"
LOCKED = "locked_file"

SEND_AGAIN = "ask the sender for the file again"
#: what Pillow and its decoders raise on damaged input, besides OSError
_DAMAGE = (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, EOFError, struct.error, zlib.error)


class UnreadableFileError(ValueError):
    """A file or one page of it that cannot be turned into a picture; `gate` is broken_file or locked_file."""

    def __init__(self, reason: str, remedy: str, gate: str = BROKEN) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy
        self.gate = gate


@dataclass(frozen=True)
class PageImage:
    """One page as a viewer shows it (orientation tags applied), 8-bit grey, white paper is 255."""

    pixels: NDArray[np.uint8]  #: height x width
    number: int = 1  #: place in its file, 1 first
    count: int = 1  #: pages in the file
    dpi: tuple[float, float] | None = None  #: horizontal, vertical, where the file says so
    layer: tuple[LayerWord, ...] = ()  #: visible words that a PDF carries, not yet judged

    @property
    def states_shape(self) -> bool:
        """The file says how wide and high its dots are; equal numbers of 72 or 96 are what programs write unasked."""
        return self.dpi is not None and not (self.dpi[0] == self.dpi[1] and round(self.dpi[0]) in (72, 96))


class PageFile(ABC):
    """An open file: how many pages it has, and each of them."""

    count: int

    @abstractmethod
    def page(self, number: int) -> PageImage:
        """Return page `number` (1 first); raise `UnreadableFileError` where it is damaged."""


class _PdfFile(PageFile):
    def __init__(self, document: pdfium.PdfDocument) -> None:
        self._document = document
        self.count = len(document)

    def page(self, number: int) -> PageImage:
        try:
            page = self._document[number - 1]
            width, height = page.get_size()
            scale = min(PDF_DPI / 72, (MAX_PDF_PIXELS / max(width * height, 1.0)) ** 0.5)
            pixels = page.render(scale=scale, grayscale=True).to_numpy()
            grey = np.ascontiguousarray(pixels.reshape(pixels.shape[:2]))
            layer = layer_words(page, grey.shape[1], grey.shape[0])
        except (pdfium.PdfiumError, ValueError, MemoryError) as error:
            raise UnreadableFileError(f"page {number} of the PDF cannot be drawn", SEND_AGAIN) from error
        return PageImage(grey, number, self.count, (scale * 72, scale * 72), layer)


class _PictureFile(PageFile):
    def __init__(self, image: Image.Image, size: int) -> None:
        self._image = image
        self._size = size
        self._frames = self._full_frames()
        self.count = len(self._frames)

    def _full_frames(self) -> list[int]:
        """Frames that are pages: the first of a photo, every one of a TIFF except previews (NewSubfileType bit 0)."""
        if self._image.format != "TIFF":
            return [0]
        frames = []
        for frame in range(min(int(getattr(self._image, "n_frames", 1)), MAX_PAGES + 1)):
            self._image.seek(frame)
            if not int(_tag(self._image, 254) or 0) & 1:
                frames.append(frame)
        return frames

    def page(self, number: int) -> PageImage:
        try:
            with _quiet():
                return self._decode(number)
        except UnreadableFileError:
            raise
        except (*_DAMAGE, MemoryError) as error:
            reason = f"page {number} of the picture file is cut short or damaged"
            raise UnreadableFileError(reason, SEND_AGAIN) from error

    def _decode(self, number: int) -> PageImage:
        self._image.seek(self._frames[number - 1])
        width, height = self._image.size
        if width * height > MAX_PAGE_PIXELS:
            raise UnreadableFileError(
                f"page {number} is {width} x {height} pixels, over the limit of {MAX_PAGE_PIXELS // 10**6} million",
                "scan the sheet again at 200 to 300 dpi",
            )
        self._refuse_missing_strips(number)
        dpi = _resolution(self._image)
        upright = ImageOps.exif_transpose(self._image)
        if upright.size != self._image.size and dpi is not None:
            dpi = (dpi[1], dpi[0])
        return PageImage(_grey(upright), number, self.count, dpi)

    def _refuse_missing_strips(self, number: int) -> None:
        """A fax decoder fills what is missing with white and says nothing, so the strip table is checked instead."""
        offsets, lengths = _tag(self._image, 273, 324), _tag(self._image, 279, 325)
        if offsets is None or lengths is None:
            return
        ends = np.atleast_1d(np.asarray(offsets, dtype=np.int64)) + np.atleast_1d(np.asarray(lengths, dtype=np.int64))
        if ends.max(initial=0) > self._size:
            raise UnreadableFileError(f"page {number} of the picture file is cut short", SEND_AGAIN)


def _tag(image: Image.Image, *numbers: int) -> Any:
    """First of the TIFF tags that the frame carries, or None."""
    tags = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    return next((tags[n] for n in numbers if n in tags), None)


def _resolution(image: Image.Image) -> tuple[float, float] | None:
    dpi = image.info.get("dpi")
    if not dpi or not all(20 <= float(d) <= 2400 for d in dpi):
        return None
    return float(dpi[0]), float(dpi[1])


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    """8-bit grey of any picture; what is transparent is paper."""
    if image.mode in {"I;16", "I;16L", "I;16B", "I", "F"}:
        deep = np.asarray(image, dtype=np.float32)
        highest = float(deep.max(initial=1))
        top = 65535.0 if image.mode.startswith("I") and highest > 255 else highest
        return (np.clip(deep / top, 0, 1) * 255).astype(np.uint8)
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        paper = Image.new("RGBA", coloured.size, "white")
        image = Image.alpha_composite(paper, coloured)
    return np.asarray(image.convert("L"), dtype=np.uint8).copy()


def _kind(path: Path) -> str:
    """PDF, PNG, JPEG or TIFF by content; refuse anything else."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(1024)
    except OSError as error:
        remedy = "check the path and its permissions"
        raise UnreadableFileError("the file is not there or may not be read", remedy) from error
    if size == 0:
        raise UnreadableFileError("the file is empty (0 bytes)", SEND_AGAIN)
    if size > MAX_FILE_BYTES:
        raise UnreadableFileError(
            f"the file has {size // 2**20} MB, over the limit of {MAX_FILE_BYTES // 2**20} MB", "send it in parts"
        )
    if b"%PDF-" in head:
        return "PDF"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return "TIFF"
    raise UnreadableFileError("the file is not a PNG, JPEG, TIFF or PDF", "convert it to one of these and send again")


def _open_pdf(path: Path) -> pdfium.PdfDocument:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 2048))
        tail = stream.read()
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if error.err_code in {pdfium.raw.FPDF_ERR_PASSWORD, pdfium.raw.FPDF_ERR_SECURITY}:
            raise UnreadableFileError(
                "the PDF is locked with a password", "ask the sender for a copy without one", LOCKED
            ) from error
        raise UnreadableFileError("the PDF cannot be opened: its structure is damaged", SEND_AGAIN) from error
    # pdfium rebuilds a torso and draws its missing pages white: a cut file would pass for a blank one
    if b"%%EOF" not in tail:
        document.close()
        raise UnreadableFileError("the PDF is cut short: it has no end marker", SEND_AGAIN)
    document.init_forms()
    return document


@contextmanager
def open_file(path: Path) -> Iterator[PageFile]:
    """Open a file of pages; raise `UnreadableFileError` when nothing of it can be read."""
    kind = _kind(path)
    if kind == "PDF":
        document = _open_pdf(path)
        try:
            yield _bounded(_PdfFile(document))
        finally:
            document.close()
        return
    try:
        with _quiet():
            image = Image.open(path, formats=(kind,))
    except Image.DecompressionBombError as error:
        raise UnreadableFileError(
            "the picture claims more pixels than any sheet has", "scan the sheet again at 200 to 300 dpi"
        ) from error
    except (UnidentifiedImageError, *_DAMAGE) as error:
        raise UnreadableFileError(f"the {kind} file is damaged: its header cannot be read", SEND_AGAIN) from error
    with image:
        try:
            with _quiet():
                opened = _PictureFile(image, path.stat().st_size)
        except _DAMAGE as error:
            reason = f"the {kind} file is damaged: its page list cannot be read"
            raise UnreadableFileError(reason, SEND_AGAIN) from error
        yield _bounded(opened)


@contextmanager
def _quiet() -> Iterator[None]:
    """Mute Pillow's warnings: our own limit on pixels holds, and damaged tags are judged by what can be decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _bounded(opened: PageFile) -> PageFile:
    if opened.count == 0:
        raise UnreadableFileError("the file holds no page", SEND_AGAIN)
    if opened.count > MAX_PAGES:
        raise UnreadableFileError(f"the file holds more than {MAX_PAGES} pages", "send it in parts")
    return opened


def page_count(path: Path) -> int:
    """Pages of a file, without decoding them."""
    with open_file(path) as opened:
        return opened.count


def open_page(path: Path, number: int) -> PageImage:
    """Page `number` (1 first) of a file."""
    with open_file(path) as opened:
        return opened.page(number)


def open_pages(path: Path) -> Iterator[PageImage]:
    """Every page of a file in order; raises `UnreadableFileError` at the first that cannot be read."""
    with open_file(path) as opened:
        for number in range(1, opened.count + 1):
            yield opened.page(number)
