"""What the labelled set for the page gates holds: every fault of rule 39, and every page that only looks faulty.

A kind makes one or more files a turn and says of each whether it belongs set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageDraw

from medcode_ml.benchmarks import quarantine_pages as draw
from medcode_ml.benchmarks.quarantine_pages import Sheet
from medcode_ml.benchmarks.quarantine_set import BATCH, LabelledSet, Maker
from medcode_ml.simulation.rendering import apply_fault


def _encoded(image: Image.Image, kind: str, **more: object) -> bytes:
    data = BytesIO()
    image.save(data, kind, **more)
    return data.getvalue()


def good(m: Maker, turn: int) -> None:
    faults = ("clean", "skew", "noise", "blur", "stain", "low_contrast", "rotated_180", "rotated_90")
    who, fault = m.patient(), faults[turn % len(faults)]
    m.file(apply_fault(m.printed(who), fault, m.rng), f"good_{fault}", m.record(who, 1))


def layouts(m: Maker, turn: int) -> None:
    """Right pages, each identifier layout; every third with only one identifier."""
    who, layout = m.patient(), draw.LAYOUTS[turn % len(draw.LAYOUTS)]
    what = "nmb" if turn % 3 else "nmb"[turn // 3 % 3]
    m.file(m.printed(who, layout=layout, what=what), "right_identity_layouts", m.record(who))


def mild(m: Maker, turn: int) -> None:
    who = m.patient()
    page = m.printed(who)
    page = (draw.saved(page, 20), draw.skewed(page, 3), draw.photographed(page, m.rng), page.convert("1"))[turn % 4]
    m.file(page, "good_mild_faults", m.record(who), ending="jpg" if turn % 4 == 2 else "png")


def sparse(m: Maker, turn: int) -> None:
    who = m.patient()
    sheet = Sheet(turn, 150)
    if turn % 5 == 0:
        sheet.gap(3).text("discharged home in stable condition")
        page = draw.specked(sheet.image, m.rng, 0.0004)
    elif turn % 5 == 1:
        draw.identified(sheet, who, "line").gap(20).text("Signature: ______________________   Date: 11/09/2026")
        page = draw.scribbled(sheet, m.rng, 1, 5.4, 1.7).image
    elif turn % 5 == 2:
        sheet.gap(8).text("FAX COVER SHEET", size=2).gap().text("To: Health Information Management")
        page = sheet.text("From: 4 West nursing station").text("Pages: 3 including this one").image
    elif turn % 5 == 3:
        draw.identified(sheet, who, "table").text("Potassium   3.4 mmol/L   L").text("Sodium   139 mmol/L")
        page = sheet.text("Creatinine   1.8 mg/dL   H").image
    else:
        page = draw.stamped(sheet.text("See attached.").image, "RECEIVED NOV 12", (2.5, 4))
    m.file(page, "good_sparse", m.record(who))


def copied_forward(m: Maker, turn: int) -> None:
    """Two notes of one stay that differ in the date, and every other time in one value or one word."""
    who, lines = m.patient(), m.body()
    record = m.record(who)
    days = [["Progress note 11/04/2026 08:10", *lines], ["Progress note 11/05/2026 08:05", *lines]]
    if turn % 3 == 1:
        days[1][0] = days[0][0].replace("11/04", "11/06")
    if turn % 3 == 2:
        days = [[*lines, "Weight 81.4 kg. Edema improved."], [*lines, "Weight 80.2 kg. Edema worsened."]]
    layout = draw.LAYOUTS[turn % 5]
    for number, day in enumerate(days):
        page = m.printed(who, day, layout)
        if turn % 2 and number:
            page = apply_fault(page, "noise", m.rng)
        m.file(page, "good_copied_forward", record)


def template(m: Maker, turn: int) -> None:
    """One form, two patients."""
    lines = ["CONSENT FOR TREATMENT", *m.body()[:12], "I have read this form and agree to the treatment described."]
    for _ in range(2):
        who = m.patient()
        m.file(m.printed(who, lines, draw.LAYOUTS[turn % 4]), "good_same_form", m.record(who))


def others_named(m: Maker, turn: int) -> None:
    """Relatives, clinicians and their dates on a page that is filed right."""
    who, other = m.patient(), m.patient()
    lines = [
        f"Attending: {other.first} {other.last}, MD    Date: 11/03/2026",
        f"Emergency contact: {m.patient().name} (daughter)   Phone: 555-0134",
        f"Insured: {other.last}, {other.first}   Insured's date of birth: {other.born:%m/%d/%Y}",
        f"Mother's name: {m.patient().name}   Mother's MRN: {other.mrn}   Mother's DOB: {other.born:%m/%d/%Y}",
        "Account No: 7710-88213   Policy: 443-991-02",
        *m.body()[:20],
    ]
    what = ("nmb", "n", "m", "b")[turn % 4]
    m.file(m.printed(who, lines, draw.LAYOUTS[turn % 4], what), "good_others_named", m.record(who))


def misprinted(m: Maker, turn: int) -> None:
    """Right pages whose print differs from the registration: confusions, married name, short first name."""
    who = m.patient()
    swap = str.maketrans("0158", "OIS8")
    shown = (
        replace(who, mrn=who.mrn[:4].translate(swap) + who.mrn[4:]),
        replace(who, last="Featherstone"),
        replace(who, mrn=who.mrn[:-2] + who.mrn[-1] + who.mrn[-2]),
        replace(who, born=who.born + timedelta(days=1)),
    )[turn % 4]
    m.file(m.printed(shown, layout=draw.LAYOUTS[turn % 4]), "good_misprinted", m.record(who))


def other_batch(m: Maker, turn: int) -> None:
    who = m.patient()
    page = m.printed(who)
    m.file(page, "good_in_two_batches", m.record(who), batch=f"{BATCH}a")
    m.file(page, "good_in_two_batches", m.record(who), batch=f"{BATCH}b")


def blank(m: Maker, turn: int) -> None:
    white = Sheet(0, 150).image
    pixels = np.asarray(white)
    if turn % 7 == 1:
        page = draw.specked(white, m.rng, 0.001)
    elif turn % 7 == 2:
        page = Image.fromarray(np.pad(pixels[45:-45, 45:-45], 45))
    elif turn % 7 == 3:
        holes = white.copy()
        pen = ImageDraw.Draw(holes)
        for y in (300, 825, 1350):
            pen.ellipse((30, y, 66, y + 36), fill=40)
        page = draw.skewed(holes, 1)
    elif turn % 7 == 4:
        page = draw.grainy(draw.faded(white, 0, 238), m.rng, 10)
    elif turn % 7 == 5:
        page = draw.bled_through(m.printed(m.patient()))
    elif turn % 7 == 6:
        page = draw.photographed(white, m.rng)
    else:
        page = apply_fault(white, "blank", m.rng)
    m.file(page, "blank", m.record(m.patient()), "blank_page", "unreadable_page")


def unreadable(m: Maker, turn: int) -> None:
    who = m.patient()
    page = m.printed(who)
    if turn % 4 == 0:
        page = draw.blurred(page, page.width / 1275 * 7)
    elif turn % 4 == 1:
        page = page.resize((page.width // 7, page.height // 7), Image.Resampling.BOX).resize(page.size)
    elif turn % 4 == 2:
        page = draw.grainy(draw.faded(page, 190, 215), m.rng, 60)
    else:
        page = draw.scribbled(Sheet(0, 150), m.rng, 14, 1.2).image
    m.file(page, "unreadable", m.record(who), "unreadable_page")


def exact(m: Maker, turn: int) -> None:
    who = m.patient()
    page, record = m.printed(who), m.record(who)
    m.file(page, "good_before_duplicate", record)
    m.file(page, "duplicate_exact", record, "duplicate_page")


def near(m: Maker, turn: int) -> None:
    who = m.patient()
    page, record = m.printed(who), m.record(who)
    m.file(page, "good_before_duplicate", record)
    again = (
        lambda: draw.skewed(page, 1.8),
        lambda: draw.grainy(draw.faded(page, 90, 225), m.rng, 8),
        lambda: page.resize((round(page.width * 0.72), round(page.height * 0.72)), Image.Resampling.LANCZOS),
        lambda: draw.photographed(page, m.rng),
        lambda: draw.saved(page, 25),
        lambda: apply_fault(page, "rotated_180", m.rng),
        lambda: draw.stamped(draw.skewed(page, -0.8), "SCANNED", (5.5, 9.3)),
        lambda: apply_fault(page, "noise", m.rng),
    )[turn % 8]()  # fmt: skip
    m.file(again, "duplicate_near", record, "duplicate_page", ending="jpg" if turn % 2 else "png")


def misfiled(m: Maker, turn: int) -> None:
    """Another patient's page in every layout; every third prints one identifier only."""
    layout = draw.LAYOUTS[turn % len(draw.LAYOUTS)]
    what = "nmb" if turn % 3 else "nmb"[turn // 3 % 3]
    page = m.printed(m.patient(), layout=layout, what=what)
    m.file(page, "misfiled", m.record(m.patient()), "identity_mismatch")


def misfiled_alike(m: Maker, turn: int) -> None:
    """Somebody much like the patient: twin, namesake, spouse."""
    who = m.patient()
    twin = "Beatrix" if who.sex == "F" else "Dominic"
    other = (
        replace(who, first=twin, mrn=f"{int(who.mrn) + 1:08d}"),
        m.patient(first=who.first, last=who.last),
        m.patient(last=who.last, first="Cornelius"),
    )[turn % 3]
    page = m.printed(other, layout=draw.LAYOUTS[turn % 4])
    m.file(page, "misfiled_alike", m.record(who), "identity_mismatch")


def broken(m: Maker, turn: int) -> None:
    who = m.patient()
    page = m.printed(who)
    png, jpeg = _encoded(page, "PNG"), _encoded(page, "JPEG", quality=85)
    tiff = _encoded(page.convert("1"), "TIFF", compression="group4")
    pdf = _encoded(page, "PDF", resolution=150)
    archive = BytesIO()
    with ZipFile(archive, "w") as handle:
        handle.writestr("word/document.xml", "<document/>")
    half = len(png) // 2
    content, ending = (
        (png[:half], "png"), (jpeg[: len(jpeg) // 2], "jpg"), (tiff[: len(tiff) // 2], "tif"),
        (pdf[: len(pdf) // 2], "pdf"), (b"", "png"), (b"Scanner error 0x17: feeder empty\r\n", "png"),
        (archive.getvalue(), "pdf"), (png[:half] + bytes(4000) + png[half + 4000 :], "png"),
        (jpeg[:-400], "jpg"), (png[:60], "png"), (b"<html><body>404 Not Found</body></html>", "tif"),
    )[turn % 11]  # fmt: skip
    m.file(content, "broken_file", m.record(who), "broken_file", ending=ending)


def wrong_ending(m: Maker, turn: int) -> None:
    """A good picture under the ending of another kind is read."""
    who = m.patient()
    page = m.printed(who)
    made = (("JPEG", "png"), ("PNG", "jpg"), ("PNG", "pdf"))[turn % 3]
    m.file(_encoded(page, made[0]), "good_wrong_ending", m.record(who), ending=made[1])


def locked(m: Maker, turn: int) -> None:
    from pypdf import PdfReader, PdfWriter

    who = m.patient()
    writer = PdfWriter(clone_from=PdfReader(BytesIO(_encoded(m.printed(who), "PDF", resolution=150))))
    writer.encrypt("secret", algorithm="RC4-128")
    data = BytesIO()
    writer.write(data)
    m.file(data.getvalue(), "locked_file", m.record(who), "locked_file", ending="pdf")


def counts(m: Maker, turn: int) -> None:
    """Documents whose pages do not add up, and some that do: with a blank back, a repeat, a stray sheet, a PDF."""
    who = m.patient()
    first, second = m.printed(who), m.printed(who)
    if turn % 5 < 2:
        record = m.record(who, 3 if turn % 5 == 0 else 1)
        for page in (first, second):
            m.file(page, "page_count", record, "page_count")
        return
    record = m.record(who, 2)
    if turn % 5 == 4:
        book = pdfium.PdfDocument.new()
        for page in (first, second):
            book.import_pages(pdfium.PdfDocument(_encoded(page, "PDF", resolution=150)))
        data = BytesIO()
        book.save(data)
        m.file(data.getvalue(), "good_count", record, ending="pdf")
        return
    m.file(first, "good_count", record)
    m.file(second, "good_count", record)
    if turn % 5 == 2:
        m.file(Sheet(0, 150).image, "blank", record, "blank_page")
    else:
        m.file(m.printed(m.patient()), "misfiled", record, "identity_mismatch")


#: how the files are shared out: a kind, and its turns in every hundred
KINDS: Final[tuple[tuple[Callable[[Maker, int], None], int], ...]] = (
    (good, 10), (layouts, 9), (mild, 4), (sparse, 5), (copied_forward, 4), (template, 2), (others_named, 4),
    (misprinted, 4), (other_batch, 1), (blank, 7), (unreadable, 4), (exact, 2), (near, 8), (misfiled, 9),
    (misfiled_alike, 3), (broken, 11), (wrong_ending, 3), (locked, 1), (counts, 5),
)  # fmt: skip


def _turns() -> Iterator[tuple[Callable[[Maker, int], None], int]]:
    """Kinds in turn, those with larger shares oftener, evenly mixed."""
    done = [0] * len(KINDS)
    while True:
        due = min(range(len(KINDS)), key=lambda n: (done[n] + 0.5) / KINDS[n][1])
        yield KINDS[due][0], done[due]
        done[due] += 1


def write_set(folder: Path, pages: int, seed: int) -> LabelledSet:
    """Draw about `pages` files into `folder`; the same seed draws the same."""
    maker = Maker(folder, seed)
    for make, turn in islice(_turns(), 10 * pages):
        make(maker, turn)
        if len(maker.set.entries) >= pages:
            break
    maker.set.write()
    return maker.set
