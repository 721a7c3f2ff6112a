"""Codes as a person reads them: "J18.9 (Pneumonia, unspecified organism)". Look-ups only."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.release import NoReleaseError
from medcode_ml.codes.tabular import tabular


@lru_cache(maxsize=100_000)
def diagnosis(code: str, day: date | None) -> str:
    """A diagnosis with its title on `day`, or the code alone where no list has a title for it."""
    written = dotted(code)
    title = None
    if day is not None:
        try:
            title = CodeSet.on(day).title(written)
        except NoReleaseError:
            # a day without a release has an edit of its own; the tabular list still knows most titles
            title = None
    title = title or tabular().title(written)
    return f"{written} ({title})" if title else written


@lru_cache(maxsize=100_000)
def procedure(code: str, day: date) -> str:
    """An ICD-10-PCS code with its title on `day`, or the code alone."""
    title = CodeSet.on(day, "ICD-10-PCS").title(code)
    return f"{code} ({title})" if title else code


@lru_cache(maxsize=100_000)
def why_not_billable(code: str, day: date, is_procedure: bool = False) -> str | None:
    """Why a code cannot be billed on `day`, None where it can be."""
    return CodeSet.on(day, "ICD-10-PCS" if is_procedure else "ICD-10-CM").why_not_billable(code)
