# ruff: noqa: E501  (patterns are read across, not down)
"""Identifiers put into simulated notes at known places: every kind, in the forms that clinicians and clerks write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from medcode_ml.simulation.drawing import pick, whole
from medcode_ml.simulation.names import FIRST_NAMES, LAST_NAMES, STREET_KINDS


@dataclass(frozen=True)
class Planted:
    """One identifier of a text: characters `start` to `end`, its kind, and whether the record's tables hold it."""

    start: int
    end: int
    kind: str
    own: bool


#: sentence with {value} -> kind of the value. `own` values come from the record, `other` ones from no table.
_OWN: Final[dict[str, tuple[str, ...]]] = {
    "name": (
        "Patient: {last_first}", "Name: {LAST}, {FIRST}", "{title} {last} was seen and examined.", "Spoke with {title} {last} at bedside.",
        "PATIENT NAME: {FIRST} {LAST}", "{first} {last} is doing well today.", "Pt {last} tolerating diet.", "{last} was informed of the results.",
        "Re: {first} {last}", "Discussed goals with {first}, who agrees.", "{first_initial}. {last} resting comfortably.",
        "Consent obtained from {first} {last}.", "Patient ({first_initial}.{last_initial}.) stable overnight.", "{LAST} {FIRST} transferred to floor.",
    ),
    "clinician": (
        "Attending: {doc_first}. {doc_last}, MD", "Seen with Dr. {doc_last}.", "Discussed with Dr {doc_last} by phone.", "Electronically signed by {doc_last}, {doc_first}",
        "Dictated by: {doc_first}. {doc_last}", "Per Dr. {doc_first}. {doc_last}, continue current plan.", "cc: {doc_last}", "Plan reviewed with {doc_last}, MD.",
    ),
    "mrn": ("MRN: {mrn}", "MR# {mrn}", "Medical record number {mrn}", "Med Rec No: {mrn}", "Unit No. {mrn}", "({mrn})", "Chart # {mrn}", "Barcode {mrn} scanned."),
    "account": ("Account number: {account}", "Encounter: {account}", "Acct# {account}", "Visit no. {account}"),
    "birth date": ("DOB: {dob:%m/%d/%Y}", "Date of birth {dob:%B} {dob.day}, {dob:%Y}", "DOB {dob:%m-%d-%y}", "Born {dob.day} {dob:%b} {dob:%Y}", "D.O.B. {dob.month}/{dob.day}/{dob:%Y}", "Birthdate: {dob:%Y-%m-%d}"),
    "ssn": ("SSN: {ssn}", "Social security number {ssn}", "SS# {ssn_plain}", "ID verified, {ssn}."),
    "address": ("Address: {street}", "Lives at {street}.", "Home address {street}, second floor.", "Discharged to {street}.", "{street}"),
    "city and ZIP": ("{city}, {state} {zip}", "Lives in {city}.", "Resident of {city}, {state}.", "ZIP code {zip}"),
    "member number": ("Member ID: {member}", "Insurance ID {member}", "Policy # {member}", "Subscriber number: {member}"),
    "hospital": ("{hospital}", "Transferred from {hospital}.", "Return to {hospital} ED for fever.", "Admitted to {hospital_short} last year.", "{HOSPITAL}"),
    "NPI and licence": ("NPI: {npi}", "NPI {npi}", "(NPI# {npi})"),
}  # fmt: skip
_OTHER: Final[dict[str, tuple[str, ...]]] = {
    "name": (
        "Wife {first2} at bedside.", "Daughter, {first2} {last2}, updated.", "Next of kin: {last2}, {first2}", "Lives with son {first2}.", "Emergency contact: {first2} {last2} (sister)",
        "Referred by Dr. {last2}.", "PCP: {first2} {last2}, MD", "Nurse {first2} {last2}, RN aware.", "Spoke to {title2} {last2}.", "{first2} {last2} PA-C evaluated.", "Health care proxy is {first2} {last2}.",
        "Consult called to Dr. {first2} {last2} (neurology).", "Surgeon: {last2}", "{LAST2}, {FIRST2} RN",
    ),
    "date": (
        "Seen {day:%m/%d/%Y}.", "Echo {day:%B} {day.day}, {day:%Y} reviewed.", "Colonoscopy on {day.month}/{day.day}/{day:%y} normal.", "Next visit {day:%Y-%m-%d}.", "CT {day.day}-{day:%b}-{day:%Y} no change.",
        "Last seen in {day:%B} {day:%Y}.", "Cultures from {day.month}/{day.day} negative.", "Signed {day:%m/%d/%y} 14:32", "Labs drawn {day:%b} {day.day}.", "Stent placed {day.month}/{day:%Y}.", "Date: {day:%d} {day:%B} {day:%Y}", "Surgery on {day:%B} {day.day}.",
    ),
    "age 90 and over": ("{old}-year-old as noted above.", "{old} yo, frail.", "Age: {old}", "Patient is {old} years old.", "Aged {old}, lives alone.", "{old} y.o. with above history."),
    "phone and fax": ("Phone: {area}-{three}-{four}", "Call ({area}) {three}-{four} with questions.", "Fax {area}.{three}.{four}", "Cell {area} {three} {four}", "Pager {four}", "Contact {area}-{three}-{four} x{ext}.", "Tel. +1 {area} {three} {four}", "Daughter ({three}-{four}) notified."),
    "e-mail": ("Email: {first2.low}.{last2.low}@example.org", "Portal message sent to {last2.low}{ext}@mail.example.com."),
    "URL": ("See https://portal.example.org/pt/{ext}.", "Video visit link: www.example-clinic.org/{four}"),
    "IP address": ("Device IP 10.{ip}.{ip2}.17 logged.", "Telehealth from 192.168.{ip}.{ip2}"),
    "device": ("Pacemaker serial number PJN{ext}{four}H.", "Implant S/N: {four}-{ext}A", "Lot no. {ext}{four}K", "Insulin pump serial # SP{ext}{four}"),
    "NPI and licence": ("License no. MD{ext}{four}", "DEA: BK{ext}{four}", "Driver's license # S{ext}{four}9"),
    "vehicle": ("License plate {plate}", "VIN 1HGCM82633A{ext}{ip2}1"),
    "hospital": ("Follow up at {saint}.", "Discharged to {nursing}.", "Prior records from {memorial} requested."),
    "city and ZIP": ("Moved here from {town}.", "Daughter lives in {town}.", "Family in {town}, OH."),
}  # fmt: skip
_SAINTS: Final = ("St. Brendan", "Saint Odile", "Mount Carmody", "St. Agatha's")
_TOWNS: Final = ("Worcester", "Toledo", "Galveston", "Spokane", "Albany", "Bakersfield", "Duluth", "Chattanooga")
_FIELD = re.compile(r"\{([^{}:]+)(?::[^{}]*)?\}")


class _Low(str):
    """A name that can be written in lower case inside a format: {first.low}."""

    @property
    def low(self) -> str:
        return re.sub(r"[^a-z]", "", self.lower())


def facts_of(rng: np.random.Generator, record: Mapping[str, str], as_of: date) -> dict[str, object]:
    """Values for the sentences: the record's own, and people, days and numbers of no table.

    `record` has last, first, sex, mrn, account, birth_date, ssn, address, city, state, zip, member, hospital, npi,
    doc_last, doc_first.
    """
    sex = record["sex"] if record["sex"] in ("F", "M") else "F"
    last, first = record["last"], record["first"]
    last2, first2 = pick(rng, LAST_NAMES), pick(rng, FIRST_NAMES[pick(rng, "FM")])
    ssn = record["ssn"] or f"{whole(rng, 100, 665):03d}-{whole(rng, 1, 99):02d}-{whole(rng, 1, 9999):04d}"
    hospital = re.sub(r" *\(.*?\)", "", record["hospital"])
    zip5 = record["zip"][:5] + (f"-{record['zip'][5:9]}" if len(record["zip"]) >= 9 else "")
    return {
        "last": last, "first": first, "LAST": last.upper(), "FIRST": first.upper(), "last_first": f"{last}, {first}",
        "title": "Mr." if sex == "M" else pick(rng, ("Ms.", "Mrs.")), "first_initial": first[0], "last_initial": last[0],
        "mrn": record["mrn"], "account": record["account"], "dob": date.fromisoformat(record["birth_date"]), "ssn": ssn,
        "ssn_plain": ssn.replace("-", ""), "street": _street(rng, record["address"]), "city": record["city"], "state": record["state"],
        "zip": zip5, "member": record["member"], "hospital": hospital, "HOSPITAL": hospital.upper(),
        "hospital_short": " ".join(hospital.split()[:2]), "npi": record["npi"], "doc_last": record["doc_last"], "doc_first": record["doc_first"][:1],
        "last2": _Low(last2), "first2": _Low(first2), "LAST2": last2.upper(), "FIRST2": first2.upper(), "title2": pick(rng, ("Mr.", "Mrs.", "Ms.")),
        "day": as_of - timedelta(days=whole(rng, 1, 1500)), "old": whole(rng, 90, 104), "area": whole(rng, 201, 989), "three": whole(rng, 210, 989),
        "four": f"{whole(rng, 0, 9999):04d}", "ext": whole(rng, 101, 998), "ip": whole(rng, 1, 254), "ip2": whole(rng, 10, 99),
        "saint": f"{pick(rng, _SAINTS)} Hospital", "town": pick(rng, _TOWNS), "nursing": f"{pick(rng, ('Oak', 'Elm', 'Briar'))}wood Nursing Home",
        "memorial": f"{last2} Memorial Hospital", "plate": f"{whole(rng, 101, 998)} {pick(rng, ('KLM', 'TRV', 'BXA'))}",
    }  # fmt: skip


def _street(rng: np.random.Generator, address: str) -> str:
    """The address as registered, or with its street's kind abbreviated, a flat added or in capitals."""
    forms = [address, address, f"{address}, Apt {whole(rng, 1, 40)}", address.upper()]
    short = {"Street": "St", "Avenue": "Ave", "Road": "Rd", "Lane": "Ln", "Court": "Ct", "Drive": "Dr"}
    last = address.split()[-1]
    forms.append(address[: -len(last)] + short.get(last, last))
    return pick(rng, forms) if last in STREET_KINDS else pick(rng, forms[:3])


def plant(rng: np.random.Generator, text: str, facts: Mapping[str, object], count: int) -> tuple[str, list[Planted]]:
    """Put `count` sentences of random kinds between the lines of `text`; return it with what was planted where."""
    lines = text.split("\n")
    chosen: list[tuple[int, str, str, bool]] = []
    for _ in range(count):
        own = rng.random() < 0.55
        forms = _OWN if own else _OTHER
        kind = pick(rng, sorted(forms))
        chosen.append((int(rng.integers(len(lines) + 1)), pick(rng, forms[kind]), kind, own))
    made: list[str] = []
    planted: list[Planted] = []
    at = 0
    by_line: dict[int, list[tuple[str, str, bool]]] = {}
    for line, form, kind, own in chosen:
        by_line.setdefault(line, []).append((form, kind, own))
    for number in range(len(lines) + 1):
        for form, kind, own in by_line.get(number, ()):
            sentence, spans = _filled(form, facts)
            planted += [Planted(at + s, at + e, kind, own) for s, e in (_whole(sentence, *p) for p in spans)]
            made.append(sentence)
            at += len(sentence) + 1
        if number < len(lines):
            made.append(lines[number])
            at += len(lines[number]) + 1
    return "\n".join(made), planted


#: parts of a sentence that are no identifier
_HARMLESS: Final = frozenset({"title", "title2", "state"})


def _filled(form: str, facts: Mapping[str, object]) -> tuple[str, list[tuple[int, int]]]:
    """The sentence with its values, and the characters of each identifier; neighbouring values are one."""
    text, at = "", 0
    spans: list[tuple[int, int]] = []
    for m in _FIELD.finditer(form):
        text += form[at : m.start()]
        value = form[m.start() : m.end()].format(**facts)
        if m.group(1) not in _HARMLESS:
            close = spans and re.fullmatch(r"[\s,./@-]{0,2}", text[spans[-1][1] :])
            if close:
                spans[-1] = (spans[-1][0], len(text) + len(value))
            else:
                spans.append((len(text), len(text) + len(value)))
        text += value
        at = m.end()
    return text + form[at:], spans


def _whole(sentence: str, start: int, end: int) -> tuple[int, int]:
    """The characters up to the next white space or punctuation: "PJN" before a number belongs to it."""
    while start and (sentence[start - 1].isalnum() or sentence[start - 1] in "@/._-+"):
        start -= 1
    while end < len(sentence) and (
        sentence[end].isalnum()
        or (sentence[end] in "@/._-" and sentence[end + 1 : end + 2].isalnum() and sentence[end : end + 5] != "-year")
    ):
        end += 1
    return start, end


_CONFUSED: Final = {"0": "O", "1": "l", "5": "S", "8": "B", "O": "0", "l": "1", "I": "l", "S": "5", "i": "l", "e": "c", "o": "0", "a": "o", "n": "r", "m": "rn", "h": "b", "u": "v"}  # fmt: skip


def misread(rng: np.random.Generator, text: str, planted: list[Planted], share: float) -> tuple[str, list[Planted]]:
    """The text as a scanner might have read it: `share` of the characters that have a look-alike become it."""
    places, made = [0], []
    for character in text:
        new = _CONFUSED.get(character, character) if rng.random() < share else character
        made.append(new)
        places.append(places[-1] + len(new))
    return "".join(made), [Planted(places[p.start], places[p.end], p.kind, p.own) for p in planted]
