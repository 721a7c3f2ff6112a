"""Streams of the simulated network for the drift benchmark: days of encounters, coded, as the drift library takes them.

All of it is synthetic. Scanned pages are drawn and read for real where a network has any.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from medcode_ml.codes.release import release_on
from medcode_ml.coding.batch import code_batch, sections_by_document
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.proposals.charts import LabelledChart
from medcode_ml.contracts.ids import record_hash
from medcode_ml.drift.frames import CodingFrames
from medcode_ml.drift.units import age_bands
from medcode_ml.intake.gates import gate_pages
from medcode_ml.intake.pages import read_files
from medcode_ml.mapping.sections import split_documents
from medcode_ml.models.warehouse.labels import codes_in_release
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.delivery import page_file_bytes
from medcode_ml.simulation.network import DayDelivery, simulate

if TYPE_CHECKING:
    from medcode_ml.coding.model import CodingModel


@dataclass(frozen=True)
class Stream:
    """Coded days of one network; the frames of all days together, and the received day of each encounter."""

    frames: CodingFrames
    day_of: dict[str, date]

    @property
    def days(self) -> list[date]:
        """Days with an encounter, in order."""
        return sorted(set(self.day_of.values()))

    def of(self, encounters: set[str]) -> CodingFrames:
        """The frames of some encounters."""

        def own(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[frame["encounter_id"].isin(encounters)].reset_index(drop=True)

        f = self.frames
        return CodingFrames(
            *(own(part) for part in (f.encounters, f.codes, f.documents, f.pages, f.labelled, f.labelled_codes))
        )

    def by_day(self, permuted: int | None = None) -> dict[date, CodingFrames]:
        """The frames of each day; `permuted` (a seed) deals the encounters out to the days anew, as many to each."""
        ids = sorted(self.day_of)
        days = np.array([self.day_of[e] for e in ids], dtype=object)
        if permuted is not None:
            days = np.random.default_rng(permuted).permutation(days)
        kept: dict[date, set[str]] = {}
        for encounter, day in zip(ids, days, strict=True):
            kept.setdefault(day, set()).add(encounter)
        return {day: self.of(kept[day]) for day in sorted(kept)}


def simulated(
    config: NetworkConfig, model: CodingModel | None, first: date | None = None, last: date | None = None
) -> Stream:
    """Simulate, read and code a network, the days `first` to `last` where they are given (without scanned pages)."""
    tables = _delivered(config) if config.scanned_pages else _plain(config, first, last)
    encounters, documents, labels = tables["encounter"], tables["document"], tables["label"]
    batch = code_batch(
        documents[["document_id", "encounter_id", "text", "setting", "discharge_date", "document_type"]],
        split_documents(documents[["document_id", "text"]]),
        model=model,
    )
    known = encounters.merge(
        batch.encounters[["encounter_id", "document_count", "outcome"]].rename(columns={"document_count": "read"}),
        on="encounter_id",
    )
    known["document_count"] = known.pop("read")
    known["code_set_release"] = [release_on(d).name for d in known["discharge_date"]]
    labelled = known[["encounter_id", "hospital_id", "discharge_date"]].merge(labels, on="encounter_id")
    labelled["codes"] = [
        codes_in_release(codes, day)[0]
        for codes, day in zip(labelled["codes"], labelled["discharge_date"], strict=True)
    ]
    own_documents = documents[documents["encounter_id"].isin(set(known["encounter_id"]))]
    frames = CodingFrames(
        known.drop(columns=["received", "birth_date"]),
        batch.codes[["encounter_id", "code", "score", "band", "accepted", "document_types"]],
        own_documents[["document_id", "encounter_id", "hospital_id", "document_type", "text"]],
        tables["page"],
        labelled[["encounter_id", "hospital_id", "codes"]],
        batch.codes[["encounter_id", "code", "score", "accepted"]],
    )  # fmt: skip
    return Stream(frames, dict(zip(known["encounter_id"], known["received"], strict=True)))


def charts_of(config: NetworkConfig) -> list[LabelledChart]:
    """The network's encounters as charts to learn from, with what its coders gave them."""
    return [chart for _, chart in dated_charts(config)]


def dated_charts(
    config: NetworkConfig, first: date | None = None, last: date | None = None
) -> list[tuple[date, LabelledChart]]:
    """The network's encounters with received day and coders' codes, of the days `first` to `last` where they are given.

    A patient is who it truly is, however often the hospitals registered the person.
    """
    tables = (_delivered if config.scanned_pages else _plain)(config, first, last)
    documents = tables["document"]
    sections = sections_by_document(split_documents(documents[["document_id", "text"]]))
    labels = dict(zip(tables["label"]["encounter_id"], tables["label"]["codes"], strict=True))
    charts = []
    for encounter, group in documents.groupby("encounter_id", sort=True):
        day = group["discharge_date"].iloc[0]
        codes = codes_in_release(labels.get(encounter, []), day)[0]
        if not codes:
            continue
        own = tuple(
            Document(d.document_id, d.text, d.document_type, sections.get(d.document_id, ()))
            for d in group.itertuples()
        )
        setting, patient = group["setting"].iloc[0], f"{config.seed} {group['patient'].iloc[0]}"
        chart = LabelledChart(encounter, patient, own, setting, day, tuple(codes))
        charts.append((group["received_date"].iloc[0], chart))
    return sorted(charts, key=lambda one: one[0])


def _days(config: NetworkConfig, first: date | None, last: date | None) -> Iterator[DayDelivery]:
    return takewhile(lambda day: last is None or day.received <= last, simulate(config).days(first))


def _tables(days: Iterable[DayDelivery]) -> dict[str, pd.DataFrame]:
    parts: defaultdict[str, list[pd.DataFrame]] = defaultdict(list)
    for day in days:
        for name in ("encounter", "patient", "scanned_record", "coder_label"):
            parts[name].append(day.tables[name].assign(received_date=day.received))
        parts["person"].append(day.truth["persons"])
    return {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}


def _plain(config: NetworkConfig, first: date | None = None, last: date | None = None) -> dict[str, pd.DataFrame]:
    return _frames(config, _tables(_days(config, first, last)), None)


def _delivered(config: NetworkConfig, first: date | None = None, last: date | None = None) -> dict[str, pd.DataFrame]:
    """The network with its pages drawn and read."""
    days = list(_days(config, first, last))
    with tempfile.TemporaryDirectory() as folder:
        files: list[tuple[str, Path]] = []
        for day in days:
            for scan in day.scans:
                for file in scan.files:
                    path = Path(folder) / Path(file.path).name
                    path.write_bytes(page_file_bytes(file))
                    files.append((scan.record_id, path))
        read = gate_pages(read_files([(path.name, path) for _, path in files], 1, 40.0), None, None)
    read["record_id"] = [files[n][0] for n in read["file_number"]]
    return _frames(config, _tables(days), read)


def _frames(
    config: NetworkConfig, tables: dict[str, pd.DataFrame], read: pd.DataFrame | None
) -> dict[str, pd.DataFrame]:
    stays = tables["encounter"].drop_duplicates(["hospital_id", "encounter_number"]).copy()
    people = tables["patient"].drop_duplicates(["hospital_id", "mrn"])[["hospital_id", "mrn", "birth_date", "sex"]]
    stays = stays.merge(people, on=["hospital_id", "mrn"], how="left")
    keys = stays[["hospital_id", "encounter_number"]].itertuples(index=False, name=None)
    stays["encounter_id"] = [record_hash(config.seed, *key) for key in keys]
    for name in ("discharge_date", "birth_date"):
        stays[name] = [date.fromisoformat(d) if d else None for d in stays[name]]
    stays["age_band"] = age_bands(stays["birth_date"], stays["discharge_date"])
    own = ["hospital_id", "encounter_number", "encounter_id", "setting", "discharge_date", "mrn"]
    documents = tables["scanned_record"].merge(stays[own].drop(columns="mrn"), on=["hospital_id", "encounter_number"])
    documents["document_id"] = [record_hash(config.seed, r) for r in documents["record_id"]]
    registered = documents["hospital_id"] + "/" + documents["mrn"]
    known = tables["person"].drop_duplicates(["hospital_id", "mrn"])
    person = dict(zip(known["hospital_id"] + "/" + known["mrn"], known["person"], strict=True))
    documents["patient"] = [person.get(one, one) for one in registered]
    page = pd.DataFrame(
        columns=["encounter_id", "hospital_id", "record_id", "document_type", "confidence", "gate"], dtype=object
    )
    if read is not None:
        texts = read[read["text"].notna()].groupby("record_id")["text"].agg("\n\n".join)
        scanned = documents["record_id"].map(texts)
        documents["text"] = documents["text"].where(documents["text"].fillna("") != "", scanned)
        page = read.merge(documents[["record_id", "encounter_id", "hospital_id", "document_type"]], on="record_id")
        page = page[["encounter_id", "hospital_id", "record_id", "document_type", "confidence", "gate"]]
    documents = documents[documents["text"].fillna("") != ""]
    labels = tables["coder_label"].merge(stays[["hospital_id", "encounter_number", "encounter_id"]])
    labels["line"] = labels["line_number"].astype(int)
    by = labels.sort_values("line").groupby("encounter_id")["code"].agg(list).rename("codes").reset_index()
    named = {"payer_id": "payer", "received_date": "received"}
    kept = ["encounter_id", "hospital_id", "setting", "discharge_date", "service", "admission_type", "payer_id", "sex",
            "birth_date", "age_band", "discharge_status", "received_date"]  # fmt: skip
    return {"encounter": stays[kept].rename(columns=named), "document": documents, "label": by, "page": page}
