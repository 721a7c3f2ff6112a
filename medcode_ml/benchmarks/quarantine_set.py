"""A labelled set of page files: who prints the sheets, files them, and notes which belong set aside.

The body text comes from the simulated network; half of the sheets are printed by its renderer, half in other fonts and
layouts. What the set holds is `quarantine_kinds`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from medcode_ml.benchmarks import quarantine_pages as draw
from medcode_ml.benchmarks.quarantine_pages import Patient, Sheet
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.names import FIRST_NAMES, LAST_NAMES
from medcode_ml.simulation.network import simulate
from medcode_ml.simulation.rendering import FONTS, PageHeader, paginate, render_page

BATCH: Final = "2026-11-20"


@dataclass(frozen=True)
class Entry:
    """One file of the set. `gates` are those that would be right; empty: every page of the file must pass."""

    file: str
    kind: str
    record_id: str
    batch: str
    gates: tuple[str, ...]


@dataclass
class LabelledSet:
    """The files written to `folder` and what is expected of them."""

    folder: Path
    entries: list[Entry] = field(default_factory=list)
    encounters: list[dict[str, object]] = field(default_factory=list)

    def write(self) -> tuple[Path, Path]:
        """Write manifest.jsonl and encounters.jsonl beside the files."""
        manifest, encounters = self.folder / "manifest.jsonl", self.folder / "encounters.jsonl"
        lines = [{"file": e.file, "batch": e.batch, "record_id": e.record_id} for e in self.entries]
        manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        encounters.write_text("".join(json.dumps(line) + "\n" for line in self.encounters), encoding="utf-8")
        return manifest, encounters


class Maker:
    """Prints sheets, files them under records, and notes what is expected."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.set = LabelledSet(folder)
        self.rng = np.random.default_rng(seed)
        self._bodies = cycle(_bodies(seed))
        self._records = 0
        self._sheets = 0

    def patient(self, **known: object) -> Patient:
        """Somebody new."""
        sex = "F" if self.rng.random() < 0.5 else "M"
        made = Patient(
            first=str(self.rng.choice(FIRST_NAMES[sex])),
            last=str(self.rng.choice(LAST_NAMES)),
            mrn=f"00{self.rng.integers(100_000, 999_999)}",
            born=date(1931, 1, 1) + timedelta(days=int(self.rng.integers(0, 27_000))),
            sex=sex,
            middle=str(self.rng.choice(list("ABCEJLMR"))),
        )
        return replace(made, **known)  # type: ignore[arg-type]

    def body(self) -> list[str]:
        """The lines of a document not used before, as long as there are any."""
        return next(self._bodies)

    def printed(
        self, who: Patient, lines: list[str] | None = None, layout: str | None = None, what: str = "nmb"
    ) -> Image.Image:
        """A page of text: by the simulator's renderer every other time, unless a layout is asked for."""
        self._sheets += 1
        lines = self.body() if lines is None else lines
        if layout is None and self._sheets % 2:
            header = PageHeader(
                "Alder Grove Hospital (Simulated)",
                f"{who.last.upper()}, {who.first.upper()}",
                who.mrn,
                f"{who.born:%m/%d/%Y}",
                f"A{self._sheets:06d}",
            )
            font = FONTS[self._sheets // 2 % len(FONTS)]
            page = paginate("\n".join(lines), font)[0]
            return render_page(page, font, (150, 170, 200)[self._sheets % 3], header.lines(1, 1))
        layout = layout or draw.LAYOUTS[self._sheets // 2 % len(draw.LAYOUTS)]
        sheet = Sheet(self._sheets // 2, (150, 200)[self._sheets % 2], (9.5, 10.5, 11.5)[self._sheets % 3])
        sheet.text("HARBOR POINT MEDICAL CENTER", size=1.3).text("411 Quay Street, Springfield, Illinois 62701").gap()
        draw.identified(sheet, who, layout, self._sheets, what)
        return sheet.body(lines).image

    def record(self, who: Patient | None, pages: int | None = None) -> str:
        """A new record, filed under `who`."""
        self._records += 1
        record_id = f"R{self._records:04d}"
        if who is not None:
            filed: dict[str, object] = {
                "record_id": record_id, "patient_name": f"{who.first} {who.last}", "mrn": who.mrn,
                "birth_date": who.born.isoformat(), "sex": who.sex, "admission_date": "2026-11-02",
                "discharge_date": "2026-11-09",
            }  # fmt: skip
            self.set.encounters.append(filed | ({} if pages is None else {"pages": pages}))
        return record_id

    def file(
        self, content: Image.Image | bytes, kind: str, record_id: str, *gates: str, ending: str = "png",
        batch: str = BATCH,
    ) -> str:  # fmt: skip
        """Write one file under a name that tells nothing."""
        name = f"{len(self.set.entries):04d}.{ending}"
        path = self.set.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif ending == "jpg":
            content.save(path, "JPEG", quality=85)
        else:
            content.save(path)
        self.set.entries.append(Entry(name, kind, record_id, batch, gates))
        return name


def _bodies(seed: int) -> list[list[str]]:
    """Texts of the simulated network, long enough to fill half a page, one a record."""
    found = []
    for day in simulate(NetworkConfig(seed=seed, encounters=240, planted_faults=False, scanned_pages=0)).days():
        for text in day.tables["scanned_record"]["text"]:
            if len(text) > 700:
                found.append([line for line in text.split("\n") if line.strip()][:40])
    return found
