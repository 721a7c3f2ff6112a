"""Ids and the normal forms they are made from: one record has one id, however its number was written."""

from __future__ import annotations

import re

from medcode_ml.contracts.ids import record_hash

_SEPARATORS = re.compile(r"[\s\-./_]+")
# What a reader of scanned pages takes for one another (rule 40).
_CONFUSIONS = str.maketrans("OQISBZ", "001582")


def normal_number(number: str) -> str:
    """Return a record number in upper case without separators and leading zeros: `mr-00123` is `MR00123`."""
    text = _SEPARATORS.sub("", number).upper()
    return text.lstrip("0") or text


def folded_number(number: str) -> str:
    """Return the normal form with letters that scanners confuse turned into digits (O and 0 are one)."""
    text = _SEPARATORS.sub("", number).upper().translate(_CONFUSIONS)
    return text.lstrip("0") or text


def patient_id(source: str, hospital_id: str, mrn: str) -> str:
    """Return medcode's id of a patient as one hospital knows it."""
    return record_hash("patient", source, hospital_id, normal_number(mrn))


def encounter_id(source: str, hospital_id: str, encounter_number: str) -> str:
    """Return medcode's id of an encounter."""
    return record_hash("encounter", source, hospital_id, normal_number(encounter_number))


def document_id(source: str, hospital_id: str, record_id: str) -> str:
    """Return medcode's id of a document."""
    return record_hash("document", source, hospital_id, record_id)
