"""A stay with its codes in true order, and what reading a source of them gives; nothing here opens a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from medcode_ml.models.labelled_files import Rejected


@dataclass(frozen=True, slots=True)
class LabelledStay:
    """One stay whose true order of codes is known.

    Attributes:
        encounter_id: unique in its source, but for the variants of a stay.
        patient_id: whose stay it is; the stay itself, in words, where the source names nobody.
        codes: ICD-10-CM in true order, dotted, principal first, each once.
        record: what `medcode rank` reads of the stay, its `codes` in an order that tells nothing of the true one.
        hospital: where it was; None where that is not known.
        drg: MS-DRG that was recorded, three digits; None without one.
        weight: how much it counts in training: 1, or 1 / number of variants of a stay mapped from ICD-9-CM.
        variant: 0, or the number of a further reading of the stay's ICD-9-CM codes.
    """

    encounter_id: str
    patient_id: str
    codes: tuple[str, ...]
    record: Mapping[str, Any]
    hospital: str | None = None
    drg: str | None = None
    weight: float = 1.0
    variant: int = 0

    @property
    def discharge_date(self) -> date | None:
        """Discharge date of the record; None where it has none."""
        value = self.record.get("discharge_date")
        return date.fromisoformat(str(value)[:10]) if value else None


@dataclass(frozen=True)
class LabelledStays:
    """What a source held.

    Attributes:
        stays: in the order of the source, the variants of a stay behind one another.
        rejected: lines or rows that gave no stay.
        source: the layout in words.
        remarks: what a reader of the figures should know.
    """

    stays: tuple[LabelledStay, ...]
    rejected: tuple[Rejected, ...]
    source: str
    remarks: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 over ids, true orders and records: the same data gives the same, whatever the order of the stays."""
        digest = hashlib.sha256()
        for stay in sorted(self.stays, key=lambda s: (s.encounter_id, s.variant)):
            codes = sorted(json.dumps(code, sort_keys=True, default=str) for code in stay.record.get("codes") or ())
            record = json.dumps({**stay.record, "codes": codes}, sort_keys=True, default=str)
            for part in (stay.encounter_id, str(stay.variant), stay.patient_id, " ".join(stay.codes), record):
                digest.update(part.encode("utf-8", "surrogatepass") + b"\x00")
        return digest.hexdigest()

    def patients(self) -> tuple[str, ...]:
        """Patient of each stay."""
        return tuple(stay.patient_id for stay in self.stays)
