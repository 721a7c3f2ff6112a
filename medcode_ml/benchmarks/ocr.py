"""Measures page reading: character error and seconds a page by fault, on pages of the simulated network.

    python -m medcode_ml.benchmarks.ocr [--pages N] [--seed N]

Every page is drawn clean and with each fault, in the fonts and resolutions of the network (150 to 200 dpi, DejaVu), and
read in this process, one thread. Character error is the edit distance between the text read and the text printed,
header included, divided by the length printed, after folding whitespace: 0.01 is one wrong character in a hundred. Rows
of dashes under headings are rules, not text, and left out on both sides. Means over pages with a 95% bootstrap interval
by page.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

import numpy as np
import pandas as pd
from PIL import Image
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from medcode_ml.intake.gates import HIGHEST_GARBAGE, LOWEST_CONFIDENCE
from medcode_ml.intake.opening import PageImage
from medcode_ml.intake.reading import read_page, warm_up
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.network import simulate
from medcode_ml.simulation.rendering import apply_fault, render_page
from medcode_ml.simulation.scanning import Page

RESAMPLES: Final = 1000
FEWEST_CHARACTERS: Final = 800  # shorter pages would weigh a single slip too much

_RULE: Final = re.compile(r"^[ -]*--[ -]*$", re.MULTILINE)

Spoil = Callable[[Image.Image, np.random.Generator], Image.Image]


def _simulated(fault: str) -> Spoil:
    return lambda image, rng: apply_fault(image, fault, rng)


def _heavy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Three degrees of skew, grain of 40 grey levels and 3% black and white specks."""
    pixels = np.asarray(image.rotate(-3, Image.Resampling.BILINEAR, fillcolor=255), dtype=np.float32)
    chance = rng.random(pixels.shape)
    noisy = np.clip(pixels + rng.normal(0, 40, pixels.shape), 0, 255)
    return Image.fromarray(np.where(chance < 0.015, 0, np.where(chance > 0.985, 255, noisy)).astype(np.uint8))


def _halved(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A preview in place of the scan: half the resolution."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)


#: fault -> what spoils a clean page; those of the simulated network, then two harder ones
FAULTS: Final[dict[str, Spoil]] = {
    **{
        name: _simulated(name)
        for name in (
            "clean",
            "skew",
            "noise",
            "blur",
            "stain",
            "low_contrast",
            "rotated_90",
            "rotated_180",
            "rotated_270",
        )
    },
    "half_resolution": _halved,
    "skew_3_and_heavy_noise": _heavy,
}


def _pages(seed: int) -> Iterator[Page]:
    for day in simulate(NetworkConfig(seed=seed, planted_faults=False)).days():
        for scan in day.scans:
            for file in scan.files:
                yield from (p for p in file.pages if sum(map(len, p.lines)) >= FEWEST_CHARACTERS)


def character_error(read: str, printed: str) -> float:
    """Edit distance by printed length, rules left out and whitespace folded; over 1 where far too much was read."""
    read, printed = (" ".join(_RULE.sub(" ", text).split()) for text in (read, printed))
    return Levenshtein.distance(read, printed) / max(len(printed), 1)


def _interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    means = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def ocr_report(seed: int = 20261001, pages: int = 6, progress: bool = False) -> pd.DataFrame:
    """Read `pages` pages with every fault.

    One row a fault: `fault`, `pages`, `characters` (mean a page), `character_error`, `error_low`, `error_high`,
    `worst_page`, `turned_right` (share of pages whose rotation was found), `set_aside` (share under the confidence
    gates), `seconds` (mean a page, one core).
    """
    if pages < 1:
        raise ValueError(f"pages is {pages}: read at least one")
    warm_up()
    chosen = list(islice(_pages(seed), pages))
    rows = []
    with tqdm(total=len(FAULTS) * len(chosen), desc="pages", disable=not progress) as bar:
        for number, (fault, spoil) in enumerate(FAULTS.items()):
            rng = np.random.default_rng([seed, number])
            turned = int(fault.removeprefix("rotated_")) if fault.startswith("rotated_") else 0
            errors, seconds, right, aside = [], [], [], []
            for page in chosen:
                image = spoil(render_page(list(page.lines), page.font, page.dpi, page.header), rng)
                reading = read_page(PageImage(np.asarray(image.convert("L"))))
                errors.append(character_error(reading.text, "\n".join([*page.header, *page.lines])))
                seconds.append(reading.seconds)
                right.append(reading.rotation == turned)
                aside.append(
                    reading.confidence < LOWEST_CONFIDENCE or reading.quality["garbage_share"] > HIGHEST_GARBAGE
                )
                bar.update()
            low, high = _interval(np.array(errors), rng)
            rows.append(
                {
                    "fault": fault,
                    "pages": len(chosen),
                    "characters": round(float(np.mean([sum(map(len, [*p.header, *p.lines])) for p in chosen]))),
                    "character_error": float(np.mean(errors)),
                    "error_low": low,
                    "error_high": high,
                    "worst_page": max(errors),
                    "turned_right": float(np.mean(right)),
                    "set_aside": float(np.mean(aside)),
                    "seconds": float(np.mean(seconds)),
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description="Character error and seconds a page, by fault.")
    parser.add_argument("--pages", type=int, default=6, help="pages read with each fault")
    parser.add_argument("--seed", type=int, default=20261001, help="seed of the simulated network")
    chosen = parser.parse_args()
    report = ocr_report(chosen.seed, chosen.pages, progress=sys.stderr.isatty())
    sys.stdout.write(report.to_string(index=False, float_format=lambda v: f"{v:.4f}") + "\n")


if __name__ == "__main__":
    main()
