"""Persons registered more than once, as registration desks do it, and different persons who look alike.

Every draw comes from a stream of its own, so that the rest of the network stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from medcode_ml.simulation.drawing import chance, pick, pick_by, whole
from medcode_ml.simulation.names import FIRST_NAMES, LAST_NAMES, NICKNAMES, STREET_KINDS, STREETS
from medcode_ml.simulation.organisations import HOSPITALS, Hospital
from medcode_ml.simulation.people import Person, draw_person

#: shares of encounters whose patient the network knows under another number, or who only looks like one it knows
AGAIN_SHARE, ALIKE_SHARE = 0.06, 0.015
_SHORT = {"Street": "St", "Avenue": "Ave", "Road": "Rd", "Lane": "Ln", "Court": "Ct", "Drive": "Dr"}
_KEYS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry", "u": "yi",
    "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
_ADULT = 18


@dataclass(frozen=True)
class Registration:
    """A row of the registry with the person behind it."""

    row: dict[str, str]
    person: str


def registered_again(rng: np.random.Generator, person: Person, hospital: Hospital, mrn: str, on: date) -> Person:
    """The same person registered anew, under `mrn` at `hospital` on the day `on`, with what goes wrong at a desk."""
    first, last, born, sex = person.first_name, person.last_name, person.birth_date, person.sex
    if sex == "F" and (on - born).days > 365 * _ADULT and chance(rng, 0.08):
        other = pick(rng, LAST_NAMES)
        last = f"{last}-{other}" if chance(rng, 0.25) else other
    elif chance(rng, 0.04):
        last = mistyped(rng, last)
    if first in NICKNAMES and chance(rng, 0.12):
        first = pick(rng, NICKNAMES[first])
    elif chance(rng, 0.04):
        first = mistyped(rng, first)
    elif chance(rng, 0.05):
        first = first[0] if chance(rng, 0.3) else f"{first} {pick(rng, 'ABCDEJLMRST')}"
    if chance(rng, 0.015):
        first, last = last, first
    if chance(rng, 0.04):
        born = _another_date(rng, born, on)
    if chance(rng, 0.005):
        sex = "M" if sex == "F" else "F"
    ssn = person.ssn
    if ssn and chance(rng, 0.3):
        ssn = ""
    elif ssn and chance(rng, 0.04):
        ssn = _one_digit(rng, ssn)
    moved = chance(rng, 0.25 if hospital is not person.hospital else 0.12)
    again = replace(
        person, hospital=hospital, mrn=mrn, first_name=first, last_name=last, birth_date=born, sex=sex, ssn=ssn,
        state="" if moved else person.row()["state"], known_as=person.identity,
    )  # fmt: skip
    return _moved(rng, again) if moved else replace(again, address=_rewritten(rng, again.address))


def look_alike(rng: np.random.Generator, person: Person, other: Person) -> Person:
    """Somebody else, registered as `other` is, who looks like `person`: twin, father or son, or a namesake."""
    kind = pick_by(rng, ("twin", "parent or child", "namesake"), (0.4, 0.3, 0.3))
    if kind == "namesake":
        return replace(other, first_name=person.first_name, last_name=person.last_name, sex=person.sex)
    home = replace(
        other, last_name=person.last_name, sex=person.sex, address=person.address, city=person.city, zip=person.zip,
        state=person.row()["state"],
    )  # fmt: skip
    if kind == "twin":
        sex = person.sex if chance(rng, 0.65) else ("M" if person.sex == "F" else "F")
        names = [n for n in FIRST_NAMES[sex] if n != person.first_name]
        near = [n for n in names if n[0] == person.first_name[0]]
        first = pick(rng, near) if near and chance(rng, 0.4) else pick(rng, names)
        return replace(home, first_name=first, sex=sex, birth_date=person.birth_date, ssn=_next_number(person.ssn))
    years = whole(rng, 20, 36)
    born = person.birth_date + timedelta(
        days=int(years * 365.25) * (1 if chance(rng, 0.5) else -1) + whole(rng, 0, 300)
    )
    suffix = " Jr" if born > person.birth_date and chance(rng, 0.5) else ""
    return replace(home, first_name=person.first_name, last_name=person.last_name + suffix, birth_date=born)


def registry(seed: int, persons: int, again: float, alike: float, on: date) -> list[Registration]:
    """A registry without encounters: `persons` people of whom shares are registered twice or have a look-alike."""
    found: list[Registration] = []
    shares = [h.share for h in HOSPITALS]
    for number in range(persons):
        rng = np.random.default_rng([seed, number, 9_002])
        hospital = pick_by(rng, HOSPITALS, shares)
        person = draw_person(rng, 3 * number, hospital, "any", (0 if chance(rng, 0.1) else 1, 95), 0, on)
        found.append(Registration(person.row(), person.identity))
        if chance(rng, again):
            new = draw_person(rng, 3 * number + 1, pick_by(rng, HOSPITALS, shares), "any", (1, 95), 0, on)
            second = registered_again(rng, person, new.hospital, new.mrn, on)
            found.append(Registration(second.row(), second.identity))
        if chance(rng, alike):
            new = draw_person(rng, 3 * number + 2, person.hospital, person.sex, (1, 95), 0, on)
            other = look_alike(rng, person, new)
            if other.birth_date <= on:
                found.append(Registration(other.row(), other.identity))
    return found


def mistyped(rng: np.random.Generator, word: str) -> str:
    """The word with one slip of the keyboard: a neighbouring key, a letter left out, doubled, or two transposed."""
    if len(word) < 3:
        return word
    at = whole(rng, 1, len(word) - 2)
    slip = whole(rng, 0, 3)
    if slip == 0:
        return word[:at] + pick(rng, _KEYS.get(word[at].lower(), word[at])) + word[at + 1 :]
    if slip == 1:
        return word[:at] + word[at + 1 :]
    if slip == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _another_date(rng: np.random.Generator, born: date, on: date) -> date:
    kind = pick_by(rng, ("swapped", "digit", "year"), (0.35, 0.4, 0.25))
    if kind == "swapped" and born.day <= 12:
        wrong = born.replace(month=born.day, day=born.month)
    elif kind == "year":
        wrong = born.replace(year=born.year + pick(rng, (-10, -1, 1, 10)), day=min(born.day, 28))
    else:
        wrong = born.replace(day=(born.day + pick(rng, (1, 2, 10)) - 1) % 28 + 1)
    return wrong if wrong <= on else born


def _one_digit(rng: np.random.Generator, number: str) -> str:
    at = pick(rng, [n for n, c in enumerate(number) if c.isdigit() and n not in (0, 4, 5)])
    return number[:at] + str((int(number[at]) + whole(rng, 1, 8)) % 10) + number[at + 1 :]


def _next_number(ssn: str) -> str:
    """The number a twin is given: the next one."""
    return f"{ssn[:-4]}{int(ssn[-4:]) % 9998 + 1:04d}" if ssn else ""


def _moved(rng: np.random.Generator, person: Person) -> Person:
    town, zip5 = pick(rng, person.hospital.towns)
    address = f"{whole(rng, 2, 980)} {pick(rng, STREETS)} {pick(rng, STREET_KINDS)}"
    return replace(person, address=address, city=town, zip=zip5)


def _rewritten(rng: np.random.Generator, address: str) -> str:
    head, _, kind = address.rpartition(" ")
    if chance(rng, 0.3):
        return f"{head} {_SHORT.get(kind, kind)}"
    if chance(rng, 0.1):
        return f"{address} Apt {whole(rng, 1, 40)}"
    return f"{mistyped(rng, head)} {kind}" if chance(rng, 0.04) else address
