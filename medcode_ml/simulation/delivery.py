"""Writing a simulated network to a delivery folder that the ordinary folder source reads."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from medcode_ml.simulation.config import GENERATOR, NetworkConfig, SimulationError
from medcode_ml.simulation.labels import ERROR_RATES
from medcode_ml.simulation.network import DayDelivery, simulate
from medcode_ml.simulation.rendering import apply_fault, render_page, worn
from medcode_ml.simulation.rows import TRUTH_COLUMNS
from medcode_ml.simulation.scanning import Page, PageFile, page_rng

MANIFEST = "manifest.json"
TRUTH = "_truth"
_LEAST_CONTRAST = 24  # tones; below it a sheet is blank and its grain is no ink
_KEPT_OF_TRUNCATED = 0.6


def write_delivery(config: NetworkConfig, root: Path, progress: bool = False) -> Path:
    """Simulate a network and write it under `root`; does nothing where `root` already holds this very network.

    The folder appears whole or not at all. A delivery of another simulated network at `root` is replaced.

    Raises:
        SimulationError: `root` holds something that this generator did not write.
    """
    root = Path(root)
    if root.exists() and any(root.iterdir()):
        manifest = _manifest_at(root)
        if manifest.get("config_hash") == config.digest():
            return root
        if not str(manifest.get("generator", "")).startswith("medcode simulated"):
            raise SimulationError(
                f"{root} is not empty and not a simulated delivery: name an empty folder, or remove it yourself"
            )
    root.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        _write(config, building, progress)
        if root.exists():
            # a folder cannot be replaced in one step: the old one steps aside first
            aside = building.with_name(building.name + "-old")
            root.rename(aside)
            building.rename(root)
            shutil.rmtree(aside)
        else:
            building.rename(root)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return root


def _manifest_at(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise SimulationError(f"{path} is not readable as JSON: remove the folder, or name another one") from error
    return found if isinstance(found, dict) else {}


def _write(config: NetworkConfig, folder: Path, progress: bool) -> None:
    network = simulate(config)
    counts: Counter[str] = Counter()
    (folder / TRUTH).mkdir()
    for name, columns in TRUTH_COLUMNS.items():
        _append(folder / TRUTH / f"{name}.csv", pd.DataFrame(columns=columns), header=True)
    days = (config.last_day - config.first_day).days + 1
    for day in tqdm(network.days(), total=days, desc="simulating days", disable=not progress):
        _write_day(day, folder / day.received.isoformat())
        for name, frame in day.truth.items():
            _append(folder / TRUTH / f"{name}.csv", frame, header=False)
        counts.update(
            {
                name: len(frame)
                for name, frame in day.tables.items()
                if name not in ("hospital", "clinician", "payer", "code_map")
            }
        )
        counts["scanned_document"] += len(day.scans)
        counts["page"] += sum(len(file.pages) for scan in day.scans for file in scan.files)
        counts["fault"] += len(day.truth["faults"])
    manifest = {
        "synthetic": True,
        "notice": "Every person, hospital, number and note in this folder is made up.",
        "generator": GENERATOR,
        "seed": config.seed,
        "config": config.as_dict(),
        "config_hash": config.digest(),
        "coder_error_rates": ERROR_RATES,
        "counts": dict(sorted(counts.items())),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    os.chmod(folder, 0o755)  # a temporary folder is private; a delivery is read by the server's account


def _append(path: Path, frame: pd.DataFrame, header: bool) -> None:
    frame.to_csv(path, mode="a", index=False, header=header, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)


def _write_day(day: DayDelivery, folder: Path) -> None:
    folder.mkdir()
    for name, frame in day.tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    if day.scans:
        (folder / "pages").mkdir()
    for scan in day.scans:
        for file in scan.files:
            (folder / file.path).write_bytes(page_file_bytes(file))


def _drawn(page: Page) -> Image.Image:
    rng = page_rng(page)
    image = apply_fault(render_page(list(page.lines), page.font, page.dpi, page.header), page.fault, rng)
    return worn(image, page.dpi, rng) if page.worn else image


def _bilevel(image: Image.Image) -> Image.Image:
    """Black and white as a fax machine makes it: cut halfway between the sheet's darkest and lightest tone."""
    tones = np.asarray(image)
    low, high = int(tones.min()), int(tones.max())
    cut = (low + high) // 2 if high - low > _LEAST_CONTRAST else 0
    return image.point([0] * cut + [255] * (256 - cut)).convert("1")


def page_file_bytes(file: PageFile) -> bytes:
    """Draw a page file: PNG in gray, TIFF bilevel as a fax, PDF of images; cut short where the file is truncated."""
    images = [_drawn(page) for page in file.pages]
    dpi = file.pages[0].dpi
    out = BytesIO()
    if file.path.endswith(".tif"):
        faxed = [_bilevel(image) for image in images]
        faxed[0].save(out, "TIFF", save_all=True, append_images=faxed[1:], compression="group4", dpi=(dpi, dpi))
    elif file.path.endswith(".pdf"):
        # no creation date: equal networks give equal bytes
        images[0].save(
            out, "PDF", save_all=True, append_images=images[1:], resolution=float(dpi), creationDate=None, modDate=None
        )
    else:
        images[0].save(out, "PNG", compress_level=4, dpi=(dpi, dpi))
    drawn = out.getvalue()
    return drawn[: int(len(drawn) * _KEPT_OF_TRUNCATED)] if file.truncated else drawn
