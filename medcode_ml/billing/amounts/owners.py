"""Who owns a hospital, by its name and place: what sets its charges more than anything else that is public.

Investor-owned companies mark up most, public and church hospitals least, Maryland sets its hospitals' rates, and a
company does alike in all of its hospitals. `hospital_owners.csv` was written from general knowledge of 2011, without
sight of any charge: a row holds words of a name, city and state where they are needed, the owner (empty where the words
only hint at its kind), and the kind. Owners change: what CMS publishes can be loaded over it (`owners_loaded`).
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from medcode_ml.billing.amounts.owners_loaded import INVESTOR, loaded_kinds

KINDS: Final = (
    INVESTOR, "nonprofit", "church", "academic", "public", "federal", "childrens", "regulated", "memorial",
    "community", "regional",
)  # fmt: skip
"""Kinds of owners; the last three are what a name says where it says no more."""
_UNSURE: Final = frozenset(("", *KINDS[-3:]))
_CITY: Final = 12
"""Letters of a city that are compared: files cut long names."""
_WRITTEN: Final = {
    "SAINT": "ST", "MT": "MOUNT", "HOSP": "HOSPITAL", "CTR": "CENTER", "CNTR": "CENTER", "MED": "MEDICAL",
    "MEM": "MEMORIAL", "REG": "REGIONAL", "UNIV": "UNIVERSITY", "GEN": "GENERAL", "HLTH": "HEALTH",
}  # fmt: skip
_DROPPED: Final = frozenset({"OF", "THE", "AT", "AND", "IN", "FOR", "INC", "LLC", "LP", "LTD", "CORP"})
Texts = npt.NDArray[np.object_]


class Owned(NamedTuple):
    """Owner, such as a company or a church's system, and one of `KINDS`; "" where not known."""

    owner: str
    kind: str


class _Entry(NamedTuple):
    words: frozenset[str]
    city: str
    state: str
    owned: Owned

    def rank(self) -> tuple[bool, bool, bool, bool, int]:
        """Owners before hints, sure ones before others, then the closer place and the longer name."""
        sure = self.owned.kind not in _UNSURE
        return (bool(self.owned.owner), sure, bool(self.city), bool(self.state), sum(map(len, self.words)))


def owners_of(ids: Texts, names: Texts, cities: Texts, states: Texts) -> list[Owned]:
    """The owner of each hospital: by the table, and where CMS' file was loaded its kind by that file.

    Args:
        ids: CMS certification numbers or other identifiers.
        names, cities, states: as they are written; "" where not known. All of shape (p,).
    """
    kinds = loaded_kinds()
    found = []
    for number, name, city, state in zip(ids, names, cities, states, strict=True):
        owned = _owner(str(name), str(city), str(state))
        found.append(_agreed(owned, kinds.get(str(number), "")))
    return found


def _agreed(owned: Owned, kind: str) -> Owned:
    """What the table says, unless the loaded file says otherwise or the table says little."""
    if not kind or (owned.kind not in _UNSURE and (owned.kind == INVESTOR) == (kind == INVESTOR)):
        return owned
    return Owned("", kind)


def _owner(name: str, city: str, state: str) -> Owned:
    words, place, state = frozenset(_words(name)), " ".join(_words(city)), state.upper()
    table = _table()
    # a row without words is of every hospital of its state
    fit = [
        entry
        for word in (*words, "")
        for entry in table.get(word, ())
        if entry.words <= words and entry.state in ("", state)
        and (not entry.city or place.startswith(entry.city[:_CITY]))
    ]  # fmt: skip
    return max(fit, key=lambda e: (e.rank(), e.owned)).owned if fit else Owned("", "")


@lru_cache(maxsize=1)
def _table() -> dict[str, list[_Entry]]:
    """The rows of the table, each under its longest word."""
    held: dict[str, list[_Entry]] = defaultdict(list)
    text = (resources.files(__package__) / "hospital_owners.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        words = _words(row["name"])
        entry = _Entry(frozenset(words), " ".join(_words(row["city"])), row["state"], Owned(row["owner"], row["kind"]))
        held[max(words, key=len, default="")].append(entry)
    return dict(held)


def _words(text: str) -> list[str]:
    found = re.sub(r"[^A-Z0-9 ]", " ", text.upper().replace("'", "").replace("’", "")).split()
    return [_WRITTEN.get(word, word) for word in found if word not in _DROPPED]
