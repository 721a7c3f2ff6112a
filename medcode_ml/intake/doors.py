"""The doors for messages beside the table files of a day: which files each one takes, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from medcode_ml.intake.gathering import Gathering
from medcode_ml.intake.senders import read_senders

HL7_SUFFIXES: Final = (".hl7",)
FHIR_SUFFIXES: Final = (".ndjson", ".fhir.json")
MESSAGE_SUFFIXES: Final = (*HL7_SUFFIXES, *FHIR_SUFFIXES)
MESSAGE_TABLES: Final = frozenset({"patient", "encounter", "scanned_record", "observation"})
"""Delivered tables that messages fill."""


def gather_messages(
    folder: Path,
    root: Path,
    messages: Sequence[Path],
    attachments_dir: Path,
    path_of: Callable[[str], Path],
    results_beside_table: bool,
) -> Gathering:
    """Read the message files of a day's `folder` under `root`, HL7 v2 before FHIR, each in the order of their names.

    Raises:
        DeliveryError: senders.csv cannot be used; nothing that a message holds raises.
    """
    from medcode_ml.intake.fhir import FhirDoor
    from medcode_ml.intake.hl7 import Hl7Door

    gathering = Gathering(results_beside_table=results_beside_table)
    senders = read_senders(folder, root)
    named = [(path, f"{folder.name}/{path.name}") for path in messages]
    hl7 = Hl7Door(gathering, senders, attachments_dir)
    for path, file in named:
        if path.name.lower().endswith(HL7_SUFFIXES):
            hl7.take(path, file)
    resources = [(path, file) for path, file in named if path.name.lower().endswith(FHIR_SUFFIXES)]
    if resources:
        FhirDoor(gathering, senders, attachments_dir, path_of).take(resources)
    return gathering
