"""Which encounter a record with an unknown number belongs to, and which patient an encounter with an unknown number.

Fellegi and Sunter's weights again, with one difference: a record belongs to one encounter or to none that was
delivered, so the candidates of a record compete, and "none of them" competes with them. How often a level is met by
chance is counted, not guessed: the encounters of the hospital that meet it, out of all of them. Where numbers are
given out in a row, a number one digit off is met by many, and so weighs little by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.mapping import values
from medcode_ml.mapping.identity import folded_number
from medcode_ml.mapping.linkage.normalise import comparable

#: probability from which a record is filed alone, and from which a person is asked
UPPER, LOWER = 0.999, 0.05
#: share of records with an unknown number whose encounter was never delivered
NOT_DELIVERED = 0.2
CANDIDATE_COLUMNS = ("record", "target", "probability", "weight", "band", "reason", "fields")
# a hospital's numbers run through more encounters than one delivery holds: what is rare here is counted against these
_LEAST_COUNT = 1000
_DAYS_BEFORE, _DAYS_AFTER = 1, 5  # a document is written from the day before admission to some days after discharge
_NUMBER = {"same to a scanner": 0.6, "one character differs": 0.35, "different": 0.05}
_MRN = {"same": 0.9, "one character differs": 0.08, "different": 0.02}
_DATE = {"within the stay": 0.97, "outside the stay": 0.03}
_CLINICIAN = {"attending": 0.4, "another": 0.6}
# how often a printed name and birth date are met: between a record and its own patient, and a stranger
_PRINTED = {
    "name and birth date agree": (0.9, 1e-5), "name agrees": (0.06, 1e-3), "birth date agrees": (0.03, 5e-4),
    "disagree": (0.01, 0.99849),
}  # fmt: skip
_NAME = re.compile(
    r"^\W*(?:patient(?: name)?|name|pt)\s*[:#]\s*([A-Za-z0-9'’ \-]{2,40}),\s*([A-Za-z0-9'’\-]{1,30})", re.I | re.M
)
_BORN = re.compile(
    r"\b(?:DOB|D\.O\.B\.|birth ?date|date of birth|born)\s*[:#]?\s*"
    r"([0-9OIlSBZ]{1,4}[/\-][0-9A-Za-z]{1,3}[/\-][0-9OIlSBZ]{2,4})",
    re.I,
)
_HEAD = 1500  # characters of a document in which its head stands


@dataclass(frozen=True)
class _Place:
    """The targets of one hospital, with what is counted about them."""

    targets: pd.DataFrame
    numbers: dict[str, list[int]]
    mrns: dict[str, list[int]]
    starts: np.ndarray
    ends: np.ndarray
    attending: dict[str, int]
    born: dict[str, list[int]]


def candidates_for(unmatched: pd.DataFrame, encounters: pd.DataFrame, patients: pd.DataFrame) -> pd.DataFrame:
    """Return the encounters that documents or lines with an unknown encounter number may belong to.

    `unmatched`: [record, source, hospital_id, encounter_number, mrn, written_date, author_npi, text], `record` unique,
    None where a kind of record has no such column; `encounters` and `patients` as in schema `mapped`. Returns
    CANDIDATE_COLUMNS, `target` the encounter_id, the likeliest of a record first: band `auto` (at most one a record)
    or `review`. `fields` is [{field, level, weight}] and holds no value.
    """
    people = patients.drop_duplicates("patient_id").set_index("patient_id")[["last_name", "first_name", "birth_date"]]
    targets = encounters.join(people, on="patient_id").rename(columns={"encounter_id": "target"})
    return _weighed(unmatched, targets)


def patients_for(unmatched: pd.DataFrame, patients: pd.DataFrame) -> pd.DataFrame:
    """Return the patients that encounters with an unknown record number may be of.

    `unmatched`: [record, source, hospital_id, mrn, text], `text` that of the documents filed under the encounter. As
    `candidates_for`, `target` the patient_id.
    """
    asked = unmatched.assign(encounter_number=unmatched["mrn"], mrn=None, written_date=None, author_npi=None)
    targets = patients.assign(
        target=patients["patient_id"], encounter_number=patients["mrn"], mrn=None, admission_date=None,
        discharge_date=None, attending_npi=None,
    )  # fmt: skip
    return _weighed(asked, targets)


def _weighed(unmatched: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    places = {key: _place(group) for key, group in targets.groupby(["source", "hospital_id"], sort=False)}
    rows = [
        found
        for record in unmatched.to_dict("records")
        if (place := places.get((record["source"], record["hospital_id"]))) is not None
        for found in _of_record(record, place)
    ]
    return pd.DataFrame(rows, columns=list(CANDIDATE_COLUMNS))


def _place(targets: pd.DataFrame) -> _Place:
    from medcode_ml.mapping.linkage.normalise import PATIENT_COLUMNS

    targets = targets.reset_index(drop=True)
    names = pd.DataFrame({c: targets.get(c) for c in PATIENT_COLUMNS}).assign(patient_id=targets["target"])
    known = comparable(names.astype(object).where(names.notna(), None))
    targets = targets.assign(last=known["last_name"], first=known["first_name"], born=known["birth_date"])
    for name in ("encounter_number", "mrn"):
        targets[f"folded_{name}"] = [folded_number(n) if n else "" for n in targets[name]]
    numbers: dict[str, list[int]] = {}
    mrns: dict[str, list[int]] = {}
    for index, column in ((numbers, "folded_encounter_number"), (mrns, "folded_mrn")):
        for at, number in enumerate(targets[column]):
            for key in _near_keys(number):
                index.setdefault(key, []).append(at)
    stays = targets[targets["admission_date"].notna()]
    last = stays["discharge_date"].where(stays["discharge_date"].notna(), stays["admission_date"])
    born: dict[str, list[int]] = {}
    for at, day in enumerate(targets["born"]):
        if day:
            born.setdefault(day, []).append(at)
    return _Place(
        targets, numbers, mrns,
        np.sort([d.toordinal() - _DAYS_BEFORE for d in stays["admission_date"]]),
        np.sort([d.toordinal() + _DAYS_AFTER for d in last]),
        {str(k): int(v) for k, v in targets["attending_npi"].value_counts().items()}, born,
    )  # fmt: skip


def _near_keys(number: str) -> Iterator[str]:
    """The number, and the number without each of its characters: two numbers one slip apart share a key."""
    if number:
        yield number
        yield from {number[:n] + number[n + 1 :] for n in range(len(number))}


def _of_record(record: dict[str, object], place: _Place) -> Iterator[dict[str, object]]:
    from rapidfuzz.distance import OSA

    number = folded_number(str(record["encounter_number"])) if record["encounter_number"] else ""
    mrn = folded_number(str(record["mrn"])) if record["mrn"] else ""
    printed = printed_person(str(record.get("text") or "")[:_HEAD])
    near_number = {at for key in _near_keys(number) for at in place.numbers.get(key, ())}
    near_mrn = {at for key in _near_keys(mrn) for at in place.mrns.get(key, ())}
    candidates = sorted(near_number | near_mrn | set(place.born.get(printed[1] or "", ())))
    if not candidates:
        return
    rows = place.targets.iloc[candidates]
    count = len(place.targets)
    distances = {
        "folded_encounter_number": dict.fromkeys(candidates, 9), "folded_mrn": dict.fromkeys(candidates, 9)
    }  # fmt: skip
    for column, text, near in (("folded_encounter_number", number, near_number), ("folded_mrn", mrn, near_mrn)):
        whole = place.targets[column]
        for at in near:
            distances[column][at] = OSA.distance(text, whole.iat[at])
    tally = {c: np.bincount([min(d, 2) for d in found.values()], minlength=3) for c, found in distances.items()}
    weighed = []
    for at, row in zip(candidates, rows.to_dict("records"), strict=True):
        fields = [
            _counted("encounter_number", _NUMBER, distances["folded_encounter_number"][at], number,
                     row["folded_encounter_number"], tally["folded_encounter_number"], count),
            _counted("mrn", _MRN, distances["folded_mrn"][at], mrn, row["folded_mrn"], tally["folded_mrn"], count),
            _dated(record.get("written_date"), row, place, count),
            _clinician(record.get("author_npi"), row, place, count),
            _by_print(printed, row),
        ]  # fmt: skip
        weighed.append((at, row, [f for f in fields if f is not None]))
    prior = np.log2((1 - NOT_DELIVERED) / count)
    weights = np.array([prior + sum(f[2] for f in fields) for _, _, fields in weighed])
    odds = 2.0 ** np.clip(weights, -200, 200)
    chances = odds / (odds.sum() + NOT_DELIVERED)
    for n in np.argsort(-chances, kind="stable"):
        chance = float(chances[n])
        if chance < LOWER:
            break
        at, row, fields = weighed[n]
        reason = _held(fields)
        yield {
            "record": record["record"], "target": row["target"], "probability": chance,
            "weight": round(float(weights[n]), 3), "band": "auto" if chance >= UPPER and reason is None else "review",
            "reason": reason,
            "fields": [{"field": "prior", "level": "any of the hospital", "weight": round(float(prior), 2)},
                       *({"field": f, "level": v, "weight": round(float(w), 2)} for f, v, w in fields)],
        }  # fmt: skip


_Weighed = tuple[str, str, float]


def _counted(
    field: str, levels: dict[str, float], distance: int, mine: str, theirs: str, tally: np.ndarray, count: int
) -> _Weighed | None:
    if not mine or not theirs:
        return None
    level = list(levels)[min(distance, 2)]
    if distance > 1:
        share = (count - int(tally[:2].sum())) / count
    else:
        share = int(tally[distance]) / max(count, _LEAST_COUNT)
    return field, level, float(np.log2(levels[level] / max(share, 0.5 / count)))


def _dated(written: object, row: dict[str, object], place: _Place, count: int) -> _Weighed | None:
    first, last = row["admission_date"], row["discharge_date"] or row["admission_date"]
    if written is None or pd.isna(written) or first is None or pd.isna(first):
        return None
    day = written.toordinal()  # type: ignore[attr-defined]
    open_then = int(np.searchsorted(place.starts, day, "right") - np.searchsorted(place.ends, day, "left"))
    share = min(max(open_then / count, 0.5 / count), 1 - 0.5 / count)
    within = first - timedelta(_DAYS_BEFORE) <= written <= last + timedelta(_DAYS_AFTER)  # type: ignore[operator]
    level = "within the stay" if within else "outside the stay"
    return "written_date", level, float(np.log2(_DATE[level] / (share if within else 1 - share)))


def _clinician(author: object, row: dict[str, object], place: _Place, count: int) -> _Weighed | None:
    if not author or not row["attending_npi"]:
        return None
    share = min(max(place.attending.get(str(author), 0) / count, 0.5 / count), 1 - 0.5 / count)
    level = "attending" if author == row["attending_npi"] else "another"
    return "author_npi", level, float(np.log2(_CLINICIAN[level] / (share if level == "attending" else 1 - share)))


def printed_person(head: str) -> tuple[tuple[str, str] | None, str | None]:
    """Return (family name, given name) and birth date (YYYYMMDD) as printed at the head of a document."""
    name, born = _NAME.search(head), _BORN.search(head)
    day = None
    if born:
        digits = born[1].upper().translate(str.maketrans("OILSBZ", "011582"))
        try:
            day = f"{values.day(digits):%Y%m%d}"
        except ValueError:
            day = None
    return ((name[1].upper().strip(), name[2].upper().strip()) if name else None), day


def _by_print(printed: tuple[tuple[str, str] | None, str | None], row: dict[str, Any]) -> _Weighed | None:
    from rapidfuzz.distance import OSA, JaroWinkler

    name, born = printed
    if name is None and born is None:
        return None
    same_name = name is not None and row["last"] is not None and row["first"] is not None and (
        JaroWinkler.similarity(name[0], row["last"]) >= 0.9 and JaroWinkler.similarity(name[1], row["first"]) >= 0.88
    )  # fmt: skip
    same_born = born is not None and row["born"] is not None and OSA.distance(born, str(row["born"])) <= 1
    if same_name and same_born:
        level = "name and birth date agree"
    elif same_name:
        level = "name agrees"
    elif same_born:
        level = "birth date agrees"
    else:
        level = "disagree"
    m, u = _PRINTED[level]
    return "printed name and birth date", level, float(np.log2(m / u))


def _held(fields: list[_Weighed]) -> str | None:
    """Why a record is not filed alone, however likely the encounter: the number itself must be a slip away."""
    levels = {f: level for f, level, _ in fields}
    if levels.get("encounter_number", "different") == "different":
        return "the number is another one, not a slip"
    if levels.get("mrn") == "different":
        return "the record number is another patient's"
    if levels.get("printed name and birth date") == "disagree":
        return "the name and birth date printed are another patient's"
    if levels.get("written_date") == "outside the stay":
        return "the date lies outside the stay"
    printed = levels.get("printed name and birth date")
    if levels.get("mrn") == "one character differs" and printed != "name and birth date agree":
        # patients registered one after the other have both numbers nearly alike
        return "the record number is only nearly that of the encounter"
    told = {f for f, level, _ in fields if f != "encounter_number" and level not in ("another", "name agrees")}
    return None if told else "nothing but the number agrees"
