"""Reads labelled stays, whatever layout they come in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from medcode_ml.models.labelled_files import LabelledSourceError
from medcode_ml.ranking.labelled import mimic
from medcode_ml.ranking.labelled.icd9 import SEED
from medcode_ml.ranking.labelled.lines import Found, has_folder, read_folder, read_lines
from medcode_ml.ranking.labelled.stay import LabelledStays

WANTED: Final = (
    "a .jsonl file (lines of `medcode rank` with codes in true order); a folder with gold.jsonl and "
    "encounters_context.jsonl or encounters.jsonl; a folder of the MIMIC-IV or MIMIC-III layout (admissions, patients, "
    "diagnoses_icd and more as .csv or .csv.gz)"
)


def read_stays(path: Path, *, variants: int = 1, seed: int = SEED) -> LabelledStays:
    """Read stays whose true order of codes is known.

    Args:
        path: a file or folder; what it is decides how it is read (`WANTED`).
        variants: read a stay coded in ICD-9-CM up to so many times, each with other alternatives of the map and with
            1 / number as its weight. To learn from; measure with 1.
        seed: of the draws among the alternatives.

    Raises:
        LabelledSourceError: nothing of a known layout is there, or a file of it cannot be read.
        ValueError: less than one variant.
    """
    if variants < 1:
        raise ValueError(f"{variants} variants: a stay is read at least once")
    found, source = _read(path, variants, seed)
    if not found.stays:
        first = f"; the first: {found.rejected[0].where}: {found.rejected[0].reason}" if found.rejected else ""
        raise LabelledSourceError(f"{path}: no labelled stay in it, {len(found.rejected)} rejected{first}")
    return LabelledStays(tuple(found.stays), tuple(found.rejected), source, tuple(found.remarks))


def _read(path: Path, variants: int, seed: int) -> tuple[Found, str]:
    if path.is_file():
        if path.suffix not in (".jsonl", ".ndjson", ".json"):
            raise LabelledSourceError(f"{path} is no labelled source. Wanted: {WANTED}")
        return read_lines(path, variants=variants, seed=seed), f"JSON Lines: {path.name}"
    if not path.is_dir():
        raise LabelledSourceError(f"{path} is not there. Wanted: {WANTED}")
    if has_folder(path):
        return read_folder(path, variants=variants, seed=seed), f"stays and gold.jsonl: {path.resolve().name}"
    files = mimic.find(path)
    if files is None:
        raise LabelledSourceError(f"{path} holds no labelled source that is known. Wanted: {WANTED}")
    layout = "MIMIC-III layout" if files.third else "MIMIC-IV layout"
    return mimic.read(files, variants=variants, seed=seed), layout
