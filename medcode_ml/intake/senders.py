"""Which hospital a message comes from: `senders.csv` of the delivery, or the code that the message itself gives.

`senders.csv` has the columns `sender` (the code in the message: HL7 v2 PV1-3.4 or MSH-4, FHIR identifier of the
organisation) and `hospital_id`. It lies in the day's folder, or beside the days for all of them. Where there is one,
only senders it lists are taken; without it the code given is the hospital_id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medcode_ml.intake.delimited import Fault, read_csv
from medcode_ml.intake.source import DeliveryError

SENDERS_FILE: Final = "senders.csv"


@dataclass(frozen=True)
class Senders:
    """Sender code -> hospital_id; None: every code stands for itself."""

    hospitals: Mapping[str, str] | None = None

    def hospital(self, codes: Sequence[str | None]) -> str | None:
        """Hospital of the first code that names one, most exact code first; None where none does."""
        for code in codes:
            if code is not None and (self.hospitals is None or code in self.hospitals):
                return code if self.hospitals is None else self.hospitals[code]
        return None

    def means(self, code: str | None, hospital: str) -> bool:
        """Whether `code` (say the authority that gave a number) is that hospital."""
        return code is not None and (code == hospital or self.hospital([code]) == hospital)


def read_senders(folder: Path, root: Path) -> Senders:
    """The senders of a day's `folder`, else those beside the days, else none.

    Raises:
        DeliveryError: the file has other columns, a line that cannot be read, or lists a sender twice.
    """
    path = next((place / SENDERS_FILE for place in (folder, root) if (place / SENDERS_FILE).is_file()), None)
    if path is None:
        return Senders()

    def fault(header: list[str]) -> Fault | None:
        if sorted(header) == ["hospital_id", "sender"]:
            return None
        return "missing_column", f"{SENDERS_FILE}, line 1: the columns must be sender and hospital_id; correct it"

    read = read_csv(path, SENDERS_FILE, fault)
    if len(read.rejected):
        raise DeliveryError(str(read.rejected["reason"].iloc[0]))
    rows = read.rows
    bad = rows["sender"].isna() | rows["hospital_id"].isna() | rows["sender"].duplicated()
    if bad.any():
        line = int(rows["source_line"][bad].iloc[0])
        raise DeliveryError(
            f"{SENDERS_FILE}, line {line}: sender or hospital_id is missing, or the sender is listed twice; correct it"
        )
    return Senders(dict(zip(rows["sender"], rows["hospital_id"], strict=True)))
