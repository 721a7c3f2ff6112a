"""Which of our document types a sender's code means: the table `document_types.csv` beside this module.

Systems: HL70270 (HL7 v2 document type, TXA-2), HL70074 (diagnostic service section, OBR-24) and LOINC. A code that is
not in the table but is the name of one of our types is taken as that; anything else is `other`.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib.resources import files
from typing import Final

from medcode_ml.contracts.raw import DELIVERED

DOCUMENT_TYPES: Final = frozenset(kind.strip() for kind in DELIVERED["scanned_record"][2]["document_type"].split(","))
OTHER: Final = "other"


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str], str]:
    text = files("medcode_ml.intake").joinpath("document_types.csv").read_text("utf-8")
    return {(row["system"], row["code"]): row["document_type"] for row in csv.DictReader(text.splitlines())}


def document_type(system: str, *codes: str | None) -> str | None:
    """Our type of the first of `codes` that the table of `system`, or LOINC, knows; None where none does."""
    for code in codes:
        if code is not None:
            found = _table().get((system, code.upper())) or _table().get(("LOINC", code))
            if found is None and code.lower() in DOCUMENT_TYPES:
                found = code.lower()
            if found is not None:
                return found
    return None
