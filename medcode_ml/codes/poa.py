"""Diagnoses exempt from reporting whether they were present on admission (rule 26).

The table beside this module, `poa_exempt.csv`, writes the exempt categories of Appendix I of the Official Guidelines
and the CMS exempt list as ranges of codes. Codes that were added to an exempt category later are taken as exempt like
their neighbours.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import lru_cache
from importlib import resources
from typing import Final

from medcode_ml.codes.identifiers import undotted

# Seventh characters of a first encounter: closed, and open fractures of either kind. All others are later encounters.
_FIRST_ENCOUNTER: Final = frozenset("ABC")
_FULL_LENGTH: Final = 7


@lru_cache(maxsize=1)
def _ranges() -> dict[str, list[tuple[str, str, bool]]]:
    """First and last of each range (undotted), and whether only later encounters are exempt, by letter."""
    found: defaultdict[str, list[tuple[str, str, bool]]] = defaultdict(list)
    text = resources.files("medcode_ml.codes").joinpath("poa_exempt.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        first, last = undotted(row["first"]), undotted(row["last"])
        found[first[0]].append((first, last, row["later_encounters_only"] == "yes"))
    return dict(found)


@lru_cache(maxsize=4096)
def is_poa_exempt(code: str) -> bool:
    """True where an ICD-10-CM code (dotted or not) carries no present-on-admission indicator: it is sent blank in 5010.

    Injuries are exempt only for later encounters and sequelae (7th character other than A, B and C).
    """
    bare = undotted(code)
    later = len(bare) == _FULL_LENGTH and bare[-1] not in _FIRST_ENCOUNTER
    return any(
        bare[: len(first)] >= first and bare[: len(last)] <= last and (later or not only_later)
        for first, last, only_later in _ranges().get(bare[:1], ())
    )
