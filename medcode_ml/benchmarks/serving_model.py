"""A coding model of synthetic notes, for measuring speed where no other model is at hand; it is no good for coding."""

from __future__ import annotations

import json
from pathlib import Path


def train_on_synthetic(folder: Path, encounters: int = 150) -> Path:
    """Train on the notes of a simulated network with their true codes and return the model folder."""
    from medcode_ml.learning import train_coding
    from medcode_ml.simulation.config import NetworkConfig
    from medcode_ml.simulation.network import simulate

    config = NetworkConfig(seed=7, encounters=encounters, scanned_pages=0, planted_faults=False)
    lines = folder.with_suffix(".jsonl")
    with lines.open("w", encoding="utf-8") as out:
        for day in simulate(config).days():
            key = ["hospital_id", "encounter_number"]
            codes = day.truth["codes"].groupby(key)["code"].agg(list).to_dict() if len(day.truth["codes"]) else {}
            for row in day.tables["scanned_record"].itertuples():
                own = codes.get((row.hospital_id, row.encounter_number))
                if row.text and own:
                    line = {"record_id": row.record_id, "text": row.text, "codes": own, "patient_id": row.mrn}
                    out.write(json.dumps({**line, "discharge_date": "2026-03-01"}) + "\n")
    train_coding([lines], folder)
    return folder
