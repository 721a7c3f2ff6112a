"""ICD-9-CM codes of a labelled stay turned into ICD-10-CM and ICD-10-PCS by the general equivalence mappings.

By default each code is read as the alternative that says least: nothing in an old stay tells more. As coders chose
from all alternatives, a stay can also be read several times over, each time with others of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from medcode_ml.codes.crosswalk import Alternative, Kind, icd9_alternatives
from medcode_ml.codes.reference import reference_table

SEED: Final = 20261122
_ICD9: Final = ("ICD-9-CM", "ICD-9-PCS", "ICD-9")
_TRIES: Final = 4
"""Draws for each variant that is wanted: draws may repeat one another."""

Reading = tuple[str, ...]


def is_icd9(system: object) -> bool:
    """True for the name of ICD-9-CM, its diagnoses or procedures."""
    return str(system or "").strip().upper() in _ICD9


def readings(code: str, kind: Kind) -> tuple[Reading, ...]:
    """What a code may stand for, the reading that says least first; empty where the map has nothing for it.

    A reading is one code, or the codes of a combination that are needed together: of each of its choice lists one. Of
    combinations only the first code of each list is taken for each scenario. The map of procedures is there only once
    a user has loaded it.
    """
    return _diagnosis(code) if kind == "diagnosis" else _read(icd9_alternatives(code, kind), {})


@lru_cache(maxsize=20_000)
def _diagnosis(code: str) -> tuple[Reading, ...]:
    return _read(icd9_alternatives(code, "diagnosis"), _titles())


def _read(alternatives: Sequence[Alternative], titles: Mapping[str, str]) -> tuple[Reading, ...]:
    offered = [a for a in alternatives if a.target is not None]
    single = [(str(a.target),) for a in offered if not a.combination]
    # a sort keeps the order of the map among equals
    single.sort(key=lambda one: "unspecified" not in titles.get(one[0], "").lower())
    return tuple(dict.fromkeys(single + _combined([a for a in offered if a.combination])))


def _combined(offered: Sequence[Alternative]) -> list[Reading]:
    scenarios: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for one in offered:
        scenarios[one.scenario].setdefault(one.choice_list, str(one.target))
    return [tuple(target for _, target in sorted(lists.items())) for _, lists in sorted(scenarios.items())]


@lru_cache(maxsize=1)
def _titles() -> dict[str, str]:
    frame = reference_table("diagnosis_title", ("code", "title"))
    return dict(zip(frame["code"], frame["title"], strict=True))


def orders_of(offered: Sequence[Sequence[Reading]], variants: int = 1, seed: int = SEED) -> list[tuple[str, ...]]:
    """Orders of a stay out of the readings of its codes in billing order; each code stands once, where it comes first.

    Args:
        offered: the readings of each code, the default first; codes without one are left out.
        variants: at most so many orders.
        seed: of the draws.

    Returns:
        The default order first, then distinct further ones, every reading of a code equally likely.
    """
    known = [own for own in offered if own]
    if not known:
        return []
    found: dict[tuple[str, ...], None] = {_joined([own[0] for own in known]): None}
    sizes = np.array([len(own) for own in known])
    if variants > 1 and (sizes > 1).any():
        generator = np.random.default_rng(seed)
        for _ in range(_TRIES * variants):
            drawn = generator.integers(sizes)
            found.setdefault(_joined([own[place] for own, place in zip(known, drawn, strict=True)]))
            if len(found) >= variants:
                break
    return list(found)


def _joined(parts: Sequence[Reading]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for part in parts for code in part))
