"""Labelled stays as JSON Lines: the input of `medcode rank` with its `codes` in true order, or beside a file of them.

`{"encounter_id", "codes": [in true order], "patient_id"?, "hospital_id"?, "drg"?, …}` with every optional key of
`medcode rank`; a code is a string or an object with `code`. In a folder, `gold.jsonl` has the true orders (and `drg`,
`icd9`: the ICD-9-CM codes in true order) and `encounters_context.jsonl` or `encounters.jsonl` the stays.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from medcode_ml.codes.identifiers import dotted
from medcode_ml.models.labelled_files import Rejected, json_objects, line_of
from medcode_ml.ranking.labelled.icd9 import SEED, Reading, orders_of, readings
from medcode_ml.ranking.labelled.stay import LabelledStay
from medcode_ml.ranking.records import check_record

GOLD: Final = "gold.jsonl"
ENCOUNTERS: Final = ("encounters_context.jsonl", "encounters.jsonl")
_WHAT: Final = "labelled stays"
_ANSWERS: Final = ("drg", "icd9", "split")
"""Keys of a line that belong to the answer, not to what is known of the stay."""
_PLACES: Final = ("rank", "principal", "reasons")


@dataclass
class Found:
    """What was read of one or more files."""

    stays: list[LabelledStay] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class _LineError(ValueError):
    """What is wrong with one line."""


def read_lines(path: Path, *, variants: int = 1, seed: int = SEED) -> Found:
    """Read stays whose lines hold their codes in true order.

    Raises:
        LabelledSourceError: the file cannot be opened.
    """
    found = Found()
    seen: dict[str, int] = {}
    for number, line in json_objects(path, found.rejected, _WHAT):
        try:
            true = _true_codes(line)
            objects = [_without_place(code) for code in line["codes"]]
            record = {key: value for key, value in line.items() if key not in _ANSWERS}
            # sorted by code: the order of the line is the answer
            stay = _stay({**record, "codes": sorted(objects, key=_text)}, true, line)
            _once(stay.encounter_id, number, seen)
        except _LineError as wrong:
            found.rejected.append(Rejected(line_of(path, number), str(wrong)))
            continue
        found.stays += varied(stay, _icd9(line), variants, seed)
    _remark(found)
    return found


def has_folder(folder: Path) -> bool:
    """True for a folder with `gold.jsonl` and the stays."""
    return (folder / GOLD).is_file() and any((folder / name).is_file() for name in ENCOUNTERS)


def read_folder(folder: Path, *, variants: int = 1, seed: int = SEED) -> Found:
    """Read stays of `encounters_context.jsonl` (else `encounters.jsonl`) and their true orders of `gold.jsonl`.

    A stay is rejected without a true order, or with one of other codes; a true order without its stay too.

    Raises:
        LabelledSourceError: a file cannot be opened.
    """
    found = Found()
    gold = folder / GOLD
    source = next(folder / name for name in ENCOUNTERS if (folder / name).is_file())
    truths: dict[str, tuple[int, dict[str, Any]]] = {}
    seen: dict[str, int] = {}
    for number, line in json_objects(gold, found.rejected, _WHAT):
        try:
            identity = _identity(line)
            _once(identity, number, seen)
            _true_codes(line)
        except _LineError as wrong:
            found.rejected.append(Rejected(line_of(gold, number), str(wrong)))
            continue
        truths[identity] = (number, line)
    for number, line in json_objects(source, found.rejected, _WHAT):
        try:
            _, truth = truths.pop(_identity(line), (0, None))
            if truth is None:
                raise _LineError(f"{GOLD} has no codes for this encounter_id, or gave them to an earlier line")
            stay = _stay(line, _true_codes(truth), {**line, **truth})
            if sorted(dotted(_text(code)) for code in line["codes"]) != sorted(stay.codes):
                raise _LineError(f"its codes are not those of {GOLD}, each once: both files must have the same codes")
        except _LineError as wrong:
            found.rejected.append(Rejected(line_of(source, number), str(wrong)))
            continue
        found.stays += varied(stay, _icd9(truth), variants, seed)
    for number, _ in truths.values():
        found.rejected.append(Rejected(line_of(gold, number), f"{source.name} has no stay with this encounter_id"))
    _remark(found)
    return found


def varied(
    stay: LabelledStay, offered: Sequence[Sequence[Reading]], variants: int, seed: int = SEED
) -> list[LabelledStay]:
    """The stay, and up to `variants` - 1 further readings of its codes; each counts 1 / number of them.

    `offered` are the readings of each code in billing order. The record of a further one has its codes sorted.
    """
    if variants < 2:
        return [stay]
    # the same stay gives the same readings, whatever stands around it
    drawn = orders_of(offered, variants, seed ^ zlib.crc32(stay.encounter_id.encode()))
    others = [order for order in drawn if order != stay.codes][: variants - 1]
    weight = 1.0 / (1 + len(others))
    further = [
        replace(stay, codes=order, record={**stay.record, "codes": sorted(order)}, weight=weight, variant=number)
        for number, order in enumerate(others, start=1)
    ]
    return [replace(stay, weight=weight), *further]


def msdrg_number(value: object) -> str | None:
    """A DRG as three digits; None where there is none.

    Raises:
        ValueError: it is no DRG number.
    """
    if value is None or value == "":
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or len(text) > 3:
        raise ValueError("drg is no MS-DRG; give its number such as 291, or leave it out")
    return text.zfill(3)


def _stay(record: Mapping[str, Any], true: tuple[str, ...], answer: Mapping[str, Any]) -> LabelledStay:
    identity = _identity(record)
    try:
        check_record(record)
        drg = msdrg_number(answer.get("drg"))
    except ValueError as wrong:
        raise _LineError(str(wrong)) from wrong
    return LabelledStay(
        encounter_id=identity,
        patient_id=_named(answer, "patient_id") or f"encounter {identity}",
        codes=true,
        record=record,
        hospital=_named(answer, "hospital_id"),
        drg=drg,
    )


def _identity(line: Mapping[str, Any]) -> str:
    identity = line.get("encounter_id")
    if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
        raise _LineError("encounter_id is missing or no text")
    return str(identity)


def _once(identity: str, number: int, seen: dict[str, int]) -> None:
    if identity in seen:
        raise _LineError(f"its encounter_id stands on line {seen[identity]} too; give each stay its own")
    seen[identity] = number


def _true_codes(line: Mapping[str, Any]) -> tuple[str, ...]:
    codes = line.get("codes")
    if not isinstance(codes, list) or not codes:
        raise _LineError("codes is missing, empty or no list; give the codes in true order, principal first")
    return tuple(dict.fromkeys(dotted(_text(code)) for code in codes))


def _text(code: object) -> str:
    text = code.get("code") if isinstance(code, Mapping) else code
    if not isinstance(text, str) or not text.strip():
        raise _LineError('a code is neither a string nor an object {"code", …}')
    return text.strip().upper()


def _without_place(code: object) -> object:
    """A code object without what an earlier ranking said of it: that is an answer too."""
    if not isinstance(code, Mapping):
        return code
    ranked = any(key in code for key in _PLACES)
    return {key: value for key, value in code.items() if key not in _PLACES and not (ranked and key == "score")}


def _icd9(line: Mapping[str, Any]) -> list[tuple[Reading, ...]]:
    codes = line.get("icd9")
    return [readings(code.strip().upper(), "diagnosis") for code in codes or () if isinstance(code, str)]


def _named(line: Mapping[str, Any], key: str) -> str | None:
    value = line.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _LineError(f"{key} is no text")
    return str(value)


def _remark(found: Found) -> None:
    nobody = sum(stay.patient_id == f"encounter {stay.encounter_id}" for stay in found.stays if not stay.variant)
    if nobody:
        found.remarks.append(f"{nobody} stays name no patient_id: each counts as a patient of its own")
