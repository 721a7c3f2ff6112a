"""What the words of a stay mean: names of drugs, services, units and kinds of admission, codes of procedures.

Each is looked up once in the tables of `knowledge.py`, whatever the number of stays that use it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from medcode_ml.ranking.knowledge import ignored_drugs, operations, procedure_groups, services, therapies, units

_ELECTIVE: Final = re.compile(r"^(3|elective.*|surgical same day.*|scheduled|planned)$")
_URGENT: Final = re.compile(r"^(2|urgent|direct obs.*|ambulatory obs.*|observation.*)$")
_EMERGENCY: Final = re.compile(r"^(1|5|emergency.*|eu obs.*|ew emer.*|direct emer.*|trauma.*)$")
_BIOPSY: Final = re.compile(r"^0.[9BD]...X")


@lru_cache(maxsize=65536)
def therapy_bits(name: str) -> int:
    """Return the therapies that a drug name belongs to, as bits; 0 for drugs that say nothing."""
    if ignored_drugs().search(name):
        return 0
    return sum(therapy.bit for therapy in therapies() if therapy.drugs.search(name))


def _named(system: str) -> str:
    return {"HCPCS": "CPT", "ICD9": "ICD-9-CM", "ICD10": "ICD-10-PCS"}.get(system.upper(), system.upper())


@lru_cache(maxsize=65536)
def operation_bits(system: str, code: str) -> int:
    """Return the operations that a procedure code belongs to, as bits; 0 for procedures of other code systems."""
    written, named = code.replace(".", "").upper(), _named(system)
    if named == "ICD-10-PCS":
        return sum(operation.bit for operation in operations() if operation.pcs.match(written))
    return sum(operation.bit for operation in operations() if named == "ICD-9-CM" and operation.icd9.match(written))


@lru_cache(maxsize=65536)
def procedure_meaning(system: str, code: str) -> tuple[int, str]:
    """Return body systems (bits) and role: therapeutic, diagnostic, access, support, imaging or unknown."""
    written, named = code.replace(".", "").upper(), _named(system)
    meaning = (0, "unknown")
    for group in procedure_groups():
        if group.system == named and group.holds(written):
            meaning = (group.systems, group.role)
    # drainage, excision and extraction of the medical and surgical section say by their qualifier that they only look
    biopsy = named == "ICD-10-PCS" and _BIOPSY.match(written) is not None
    return (meaning[0], "diagnostic") if biopsy and meaning[1] == "therapeutic" else meaning


@lru_cache(maxsize=4096)
def service_meaning(name: str) -> tuple[str, int]:
    """Return the kind (medical, surgical, ...) and body systems (bits) of a hospital service; ("unknown", 0) if new."""
    lowered = name.strip().lower()
    for service in services():
        if re.match(service.pattern, lowered):
            return service.kind, service.systems
    return "unknown", 0


@lru_cache(maxsize=4096)
def unit_meaning(name: str) -> tuple[str, int]:
    """Return the kind (medical, surgical, mixed, ...) and body systems (bits) of a care unit; ("unknown", 0) if new."""
    lowered = name.strip().lower()
    for unit in units():
        if re.search(unit.pattern, lowered):
            return unit.kind, unit.systems
    return "unknown", 0


@lru_cache(maxsize=1024)
def admission_kind(text: str) -> str:
    """Return elective, urgent, emergency or unknown for an admission type as delivered or as the UB-04 digit."""
    lowered = text.strip().lower().removesuffix(".0")
    if _ELECTIVE.match(lowered):
        return "elective"
    if _URGENT.match(lowered):
        return "urgent"
    return "emergency" if _EMERGENCY.match(lowered) else "unknown"
