"""Orders as figures take them, from the lines that `medcode rank` writes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medcode_ml.models.labelled_files import Rejected, json_objects, line_of


class RankedFileError(ValueError):
    """The ranked encounters cannot be read."""


@dataclass(frozen=True, slots=True)
class RankedStay:
    """One encounter as it was ranked.

    Attributes:
        encounter_id: of the encounter.
        codes: in reporting order, as written.
        has_principal: False where no code was eligible; the first code then stands in for the figures.
        probability: that the principal is right, 0 to 1; None where nothing was said.
        model_version: what ranked.
    """

    encounter_id: str
    codes: tuple[str, ...]
    has_principal: bool = True
    probability: float | None = None
    model_version: str | None = None


def read_ranked(path: Path) -> tuple[list[RankedStay], list[Rejected]]:
    """Read the lines of `medcode rank`; malformed ones, and those of an encounter already read, are rejected.

    A code may be a string too: the list is then the order.

    Raises:
        LabelledSourceError: the file cannot be opened.
        RankedFileError: it holds no good line.
    """
    ranked: dict[str, RankedStay] = {}
    rejected: list[Rejected] = []
    for number, line in json_objects(path, rejected, "what `medcode rank` wrote"):
        try:
            stay = ranked_stay(line)
            if stay.encounter_id in ranked:
                raise ValueError("its encounter_id stands on an earlier line")
        except ValueError as wrong:
            rejected.append(Rejected(line_of(path, number), str(wrong)))
            continue
        ranked[stay.encounter_id] = stay
    if not ranked:
        first = f"; {rejected[0].where}: {rejected[0].reason}" if rejected else ""
        raise RankedFileError(f"{path}: no ranked encounter in it{first}")
    return list(ranked.values()), rejected


def ranked_stays(lines: Sequence[Mapping[str, Any]]) -> list[RankedStay]:
    """What `rank_records` gives, as figures take it.

    Raises:
        ValueError: what is wrong with a line.
    """
    return [ranked_stay(line) for line in lines]


def ranked_stay(line: object) -> RankedStay:
    """One line checked. By `rank` where every code has one, else in the order of the list.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(line, Mapping):
        raise ValueError("not a JSON object; one object a line is wanted")
    identity = line.get("encounter_id")
    if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
        raise ValueError("encounter_id is missing or no text")
    if not isinstance(line.get("codes"), list):
        raise ValueError("codes is missing or no list")
    objects = [{"code": one} if isinstance(one, str) else one for one in line["codes"]]
    if not all(isinstance(one, Mapping) and isinstance(one.get("code"), str) for one in objects):
        raise ValueError('a code is neither a string nor an object {"code", "rank", "principal"}')
    ranks = [one.get("rank") for one in objects]
    if all(type(rank) is int for rank in ranks):
        objects = [objects[place] for place in np.argsort(np.array(ranks, dtype=np.int64), kind="stable")]
    elif any(rank is not None for rank in ranks):
        raise ValueError("the rank of a code is missing or no whole number; give all of them or none")
    told = [one["principal"] for one in objects if "principal" in one]
    version = line.get("model_version")
    return RankedStay(
        encounter_id=str(identity),
        codes=tuple(str(one["code"]) for one in objects),
        has_principal=any(told) if told else bool(objects),
        probability=_probability(line.get("principal_probability")),
        model_version=None if version is None else str(version),
    )


def _probability(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise ValueError("principal_probability is no number from 0 to 1")
    return float(value)
