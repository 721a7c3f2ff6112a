"""Patients of the simulated network: who they are, how they are insured and which chronic conditions they bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from medcode_ml.simulation.drawing import chance, pick, pick_by, whole
from medcode_ml.simulation.names import FIRST_NAMES, LAST_NAMES, STREET_KINDS, STREETS
from medcode_ml.simulation.organisations import HOSPITALS, PAYERS, Hospital, Payer
from medcode_ml.simulation.scenarios.chronic import POOL, Chronic

_MBI_LETTERS = "ACDEFGHJKMNPQRTUVWXY"
_NEVER_ISSUED = "1EG4TE5MK73"  # the number CMS prints on its specimen card
_MEDICARE_AGE = 65


@dataclass(frozen=True)
class Person:
    """A patient as registered at one hospital."""

    hospital: Hospital
    mrn: str
    last_name: str
    first_name: str
    birth_date: date
    sex: str
    ssn: str
    address: str
    city: str
    zip: str
    payer: Payer
    member_id: str
    chronic: tuple[Chronic, ...]
    state: str = ""
    """State of the address where it is not the hospital's."""
    known_as: str = ""
    """Identity of the person where an earlier registration gave it."""

    @property
    def identity(self) -> str:
        """Who the person is, whatever number this registration has: hospital and number of the first registration."""
        return self.known_as or f"{self.hospital.hospital_id}/{self.mrn}"

    def row(self) -> dict[str, str]:
        """Row of the delivered table `patient`, without a death date."""
        return {
            "hospital_id": self.hospital.hospital_id,
            "mrn": self.mrn,
            "last_name": self.last_name,
            "first_name": self.first_name,
            "birth_date": self.birth_date.isoformat(),
            "sex": self.sex,
            "death_date": "",
            "ssn": self.ssn,
            "address": self.address,
            "city": self.city,
            "state": self.state or self.hospital.state,
            "zip": self.zip,
        }


def mbi(rng: np.random.Generator) -> str:
    """A member number in the form of a Medicare Beneficiary Identifier (rule 36)."""
    forms = {"C": "123456789", "A": _MBI_LETTERS, "N": "0123456789", "E": _MBI_LETTERS + "0123456789"}
    made = "".join(pick(rng, forms[place]) for place in "CAENAENAANN")
    return mbi(rng) if made == _NEVER_ISSUED else made


def _member_id(rng: np.random.Generator, payer: Payer) -> str:
    if payer.kind == "medicare":
        return mbi(rng)
    prefix = {"medicaid": "MD", "commercial": "X"}[payer.kind]
    return f"{prefix}{whole(rng, 10**8, 10**9 - 1)}"


def _mrn(hospital: Hospital, number: int) -> str:
    if "-" in hospital.mrn:
        return hospital.mrn.format(number // 10_000, number // 100 % 100, number % 100)
    return hospital.mrn.format(number)


def spare_mrn(hospital: Hospital, number: int) -> str:
    """A record number that `draw_person` gives nobody: for the person of encounter `number` known in another way."""
    return _mrn(hospital, 20_000 + number * 7 + len(HOSPITALS) + 1)


def _payer(rng: np.random.Generator, age: int) -> Payer:
    shares = (
        (0.86, 0.04, 0.05, 0.05)
        if age >= _MEDICARE_AGE
        else (0.05, 0.3, 0.33, 0.32)
        if age >= 18
        else (0.0, 0.5, 0.25, 0.25)
    )
    return pick_by(rng, PAYERS, shares)


def chronic_conditions(rng: np.random.Generator, age: int, sex: str, mean: float) -> tuple[Chronic, ...]:
    """Draw about `mean` chronic conditions fit for age and sex, at most one of a group."""
    if age < 18 or mean <= 0:
        return ()
    fit = [c for c in POOL if age >= c.from_age and c.sex in ("any", sex)]
    wanted = int(rng.poisson(mean * min(1.2, 0.35 + age / 90)))
    found: list[Chronic] = []
    groups: set[str] = set()
    for _ in range(3 * wanted):
        if len(found) >= wanted or not fit:
            break
        one = pick_by(rng, fit, [c.dx.share for c in fit])
        fit.remove(one)
        if one.group and one.group in groups:
            continue
        groups.add(one.group)
        found.append(one)
    return tuple(found)


def draw_person(
    rng: np.random.Generator,
    number: int,
    hospital: Hospital,
    sex: str,
    ages: tuple[int, int],
    mean_chronic: float,
    on: date,
) -> Person:
    """Draw a patient of an age within `ages` years on the day `on`; `number` makes the record number unique."""
    sex = sex if sex in ("F", "M") else pick(rng, "FM")
    low, high = ages
    newborn = high == 0
    age = 0 if newborn else whole(rng, low, high)
    birth = on if newborn else _born(on, age, whole(rng, 1, 360))
    payer = _payer(rng, age)
    town, zip5 = pick(rng, hospital.towns)
    first = pick(rng, FIRST_NAMES[sex])
    return Person(
        hospital=hospital,
        mrn=_mrn(hospital, 20_000 + number * 7 + HOSPITALS.index(hospital)),
        last_name=pick(rng, LAST_NAMES),
        first_name=("Babygirl" if sex == "F" else "Babyboy") if newborn else first,
        birth_date=birth,
        sex=sex,
        ssn=f"{whole(rng, 100, 665):03d}-{whole(rng, 1, 99):02d}-{whole(rng, 1, 9999):04d}"
        if not newborn and chance(rng, 0.4)
        else "",
        address=f"{whole(rng, 2, 980)} {pick(rng, STREETS)} {pick(rng, STREET_KINDS)}",
        city=town,
        zip=f"{zip5}{whole(rng, 1000, 9899)}" if chance(rng, 0.6) else zip5,
        payer=payer,
        member_id=_member_id(rng, payer),
        chronic=chronic_conditions(rng, age, sex, mean_chronic),
    )


def _born(on: date, age: int, days: int) -> date:
    year = on.year - age - 1
    return on.replace(year=year, day=min(on.day, 28)) + timedelta(days=days)
