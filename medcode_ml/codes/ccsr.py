"""Clinical groups of diagnoses: the first CCSR category and the chronic condition indicator, both of AHRQ (2023-2024).

Codes that began later than the lists have neither: None, never a guess from their neighbours.
"""

from __future__ import annotations

from functools import lru_cache

from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.reference import reference_table


@lru_cache(maxsize=1)
def _categories() -> dict[str, str]:
    frame = reference_table("clinical_category", ("code", "category")).dropna()
    return dict(zip(frame["code"], frame["category"], strict=True))


@lru_cache(maxsize=1)
def _chronic() -> dict[str, bool]:
    frame = reference_table("clinical_category", ("code", "chronic")).dropna()
    return {code: bool(flag) for code, flag in zip(frame["code"], frame["chronic"], strict=True)}


def ccsr_category(code: str) -> str | None:
    """First CCSR category of an ICD-10-CM code (dotted or not), such as "CIR019" for I50.23; None where not listed."""
    return _categories().get(dotted(code))


def is_chronic(code: str) -> bool | None:
    """True or False by the refined chronic condition indicator; None where not listed or not determined."""
    return _chronic().get(dotted(code))
