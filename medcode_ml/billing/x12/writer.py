"""One interchange as it grows: envelope, control numbers, hierarchy of hospitals, patients and claims (rules 28, 32).

Claims are added in any number of goes, so that any number of them is written in constant memory. The same claims on
the same day give the same bytes. Which claims go into which interchange is the business of `interchange`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from medcode_ml.billing.claims import ClaimFrames
from medcode_ml.billing.x12 import institutional, professional
from medcode_ml.billing.x12.loops import ORIGINAL, ReadyClaim, provider_loop, subscriber_loop
from medcode_ml.billing.x12.parties import Receiver, Sender
from medcode_ml.billing.x12.segments import COMPONENT, ELEMENT, REPETITION, TERMINATOR, segment, x12_text
from medcode_ml.billing.x12.writable import Refused, unwritable

CLAIM_TYPES = {"837I": institutional, "837P": professional}
MOST_CLAIMS_A_PATIENT = 100
MOST_CLAIMS_A_TRANSACTION = 5000
MEMBER_COLUMNS = (
    "encounter_id", "claim_number", "control_number", "sequence", "set_control_number", "frequency_code",
    "payer_control_number", "total_charge", "content_sha256", "diagnoses",
)  # fmt: skip
"""Columns of billed.interchange_claim: which claim went out where, and its codes in transmitted order."""
_CONTROL_NUMBERS = 999_999_999
_CLAIM_COLUMNS = (
    "encounter_id", "claim_number", "claim_type", "drg", "status", "frequency_code", "payer_control_number",
    "delay_reason",
)  # fmt: skip


class InterchangeError(ValueError):
    """The claims cannot be written into one interchange."""


def control_number(payer_id: str, claim_type: str, day: date, sequence: int = 1) -> str:
    """Interchange control number (ISA13), nine digits: always the same for a payer, claim type, day and `sequence`.

    Args:
        sequence: 1 for the first interchange of that day, counted on when one has taken all it may carry.
    """
    named = f"{payer_id}|{claim_type}|{day.isoformat()}" + (f"|{sequence}" if sequence > 1 else "")
    digest = hashlib.sha256(named.encode()).digest()
    return f"{int.from_bytes(digest[:8], 'big') % _CONTROL_NUMBERS + 1:09d}"


def ready_claims(frames: ClaimFrames, claims: pd.DataFrame) -> list[ReadyClaim]:
    """Put the ready claims of billed.claim together with their frames.

    Raises:
        InterchangeError: a ready claim has no encounter in `frames`.
    """
    own = [name for name in _CLAIM_COLUMNS if name in claims.columns]
    columns = [claims[name].astype(object).where(claims[name].notna(), None).tolist() for name in own]
    rows = [dict(zip(own, values, strict=True)) for values in zip(*columns, strict=True)]
    ready: dict[str, dict[str, Any]] = {str(row["encounter_id"]): row for row in rows if row["status"] == "ready"}
    cases = {case.encounter_id: case for case in frames.only(list(ready)).cases()}
    missing = len(ready.keys() - cases.keys())
    if missing:
        raise InterchangeError(f"{missing} ready claims have no encounter in the frames")
    return [ReadyClaim.of(cases[key], row) for key, row in ready.items()]


class Placed(NamedTuple):
    """A claim that can be written, with the loops of hospital and patient above it; claims alike in them share them."""

    provider: str
    patient: str
    encounter_id: str
    claim: ReadyClaim


def placed(claims: Sequence[ReadyClaim]) -> tuple[list[Placed], list[Refused]]:
    """Part the claims that can be written from those that cannot; the former by hospital, patient and encounter."""
    fit: list[Placed] = []
    refused: list[Refused] = []
    for claim in claims:
        reasons, key = unwritable(claim), claim.case.encounter_id
        if reasons:
            refused.append(Refused(key, claim.claim_number, tuple(reasons)))
        else:
            fit.append(Placed(provider_loop(claim.case.encounter), subscriber_loop(claim), key, claim))
    fit.sort(key=lambda one: one[:3])
    return fit, refused


def content_hash(one: Placed, text: str | None = None) -> str:
    """Hash of what a claim says to its payer but for its frequency: equal for a replacement that changed nothing.

    Args:
        text: loop 2300 of the claim as written, where it is at hand.
    """
    claim = one.claim
    if text is None or claim.frequency != ORIGINAL:
        plain = claim._replace(frequency=ORIGINAL, payer_control_number=None)
        text = "".join(CLAIM_TYPES[claim.claim_type].claim_loop(plain))
    return hashlib.sha256(f"{one.provider}{one.patient}{text}".encode("ascii")).hexdigest()


@dataclass
class InterchangeWriter:
    """One interchange as it grows: `open`, `add` as often as there are claims, `close`; each gives the text to append.

    `claims`, `total_charge` (US dollars) and `transactions` tell what has been written so far.
    """

    sender: Sender
    receiver: Receiver
    claim_type: str
    control_number: str
    when: datetime
    sequence: int = 1
    claims: int = 0
    total_charge: Decimal = Decimal("0.00")
    transactions: int = 0
    _segments: int = 0
    _level: int = 0
    _parent: int = 0
    _in_transaction: int = 0
    _of_patient: int = 0
    _provider: str = ""
    _patient: str = ""
    _hash: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        number = self.control_number
        if not (number.isascii() and number.isdigit() and len(number) == 9 and int(number) > 0):
            raise InterchangeError("a control number has nine digits and is not zero")
        if self.claim_type not in CLAIM_TYPES:
            raise InterchangeError(f"a claim type is one of {', '.join(CLAIM_TYPES)}, not {self.claim_type}")

    @property
    def sha256(self) -> str:
        """Hash of the text so far as ASCII bytes."""
        return str(self._hash.hexdigest())

    @property
    def file_name(self) -> str:
        """File name: claim type and control number, nothing about patients."""
        return f"{self.claim_type}-{self.control_number}.x12"

    def open(self) -> str:
        """ISA and GS."""
        sender, receiver, when = self.sender, self.receiver, self.when
        sender_id, receiver_id = x12_text(sender.identifier, 15), x12_text(receiver.identifier, 15)
        isa = ELEMENT.join(
            [
                *("ISA", "00", " " * 10, "00", " " * 10),
                *(sender.qualifier, f"{sender_id:<15}", receiver.qualifier, f"{receiver_id:<15}"),
                *(f"{when:%y%m%d}", f"{when:%H%M}", REPETITION, "00501", self.control_number, "0"),
                *("T" if sender.test else "P", COMPONENT + TERMINATOR),
            ]
        )
        guide = CLAIM_TYPES[self.claim_type].GUIDE
        day, clock = f"{when:%Y%m%d}", f"{when:%H%M}"
        return self._given(isa + segment("GS", "HC", sender_id, receiver_id, day, clock, self._group, "X", guide))

    def add(self, claims: Sequence[Placed]) -> tuple[str, list[tuple[Any, ...]]]:
        """Return the text of these claims and their rows of `MEMBER_COLUMNS`.

        Hospital and patient are written anew only where they change from claim to claim: give the claims as `placed`
        sorts them.

        Raises:
            InterchangeError: a claim has another claim type.
        """
        parts: list[str] = []
        members: list[tuple[Any, ...]] = []
        loop = CLAIM_TYPES[self.claim_type].claim_loop
        for one in claims:
            claim = one.claim
            if claim.claim_type != self.claim_type:
                raise InterchangeError(
                    f"one interchange carries one claim type; this is {self.claim_type}, a claim is {claim.claim_type}"
                )
            self._to_level(one, parts)
            text = "".join(loop(claim))
            self._segments += text.count(TERMINATOR)
            parts.append(text)
            self.claims += 1
            self._in_transaction += 1
            self._of_patient += 1
            self.total_charge += claim.total_charge
            members.append(self._member(one, text))
        return self._given("".join(parts)), members

    def close(self) -> str:
        """SE, GE and IEA with their counts (rule 32).

        Raises:
            InterchangeError: no claim was added.
        """
        if not self.claims:
            raise InterchangeError("an interchange carries at least one claim")
        end = segment("GE", str(self.transactions), self._group) + segment("IEA", "1", self.control_number)
        return self._given(self._end_transaction() + end)

    @property
    def _group(self) -> str:
        return str(int(self.control_number))

    @property
    def _set(self) -> str:
        return f"{self.transactions:04d}"

    def _given(self, text: str) -> str:
        self._hash.update(text.encode("ascii"))
        return text

    def _member(self, one: Placed, text: str) -> tuple[Any, ...]:
        claim = one.claim
        return (
            claim.case.encounter_id, claim.claim_number, self.control_number, self.sequence, self._set, claim.frequency,
            claim.payer_control_number, claim.total_charge, content_hash(one, text),
            [d.code for d in claim.transmission.diagnoses],
        )  # fmt: skip

    def _to_level(self, one: Placed, parts: list[str]) -> None:
        """Begin a transaction set, hospital or patient where the claim needs another."""
        above: list[str] = []
        if self._in_transaction in (0, MOST_CLAIMS_A_TRANSACTION):
            if self.claims:
                parts.append(self._end_transaction())
            above.append(self._begin_transaction())
        if one.provider != self._provider:
            self._level += 1
            self._provider, self._parent, self._patient = one.provider, self._level, ""
            above.append(f"HL*{self._level}**20*1~{one.provider}")
        if one.patient != self._patient or self._of_patient == MOST_CLAIMS_A_PATIENT:
            self._level += 1
            self._patient, self._of_patient = one.patient, 0
            above.append(f"HL*{self._level}*{self._parent}*22*0~{one.patient}")
        for text in above:
            self._segments += text.count(TERMINATOR)
        parts += above

    def _begin_transaction(self) -> str:
        self.transactions += 1
        self._segments = self._level = self._in_transaction = self._of_patient = 0
        self._provider = self._patient = ""
        sender, receiver, when = self.sender, self.receiver, self.when
        sender_id, receiver_id = x12_text(sender.identifier, 80), x12_text(receiver.identifier, 80)
        reference = f"{self.control_number}{self._set}"
        return "".join(
            (
                segment("ST", "837", self._set, CLAIM_TYPES[self.claim_type].GUIDE),
                segment("BHT", "0019", "00", reference, f"{when:%Y%m%d}", f"{when:%H%M}", "CH"),
                segment("NM1", "41", "2", x12_text(sender.name, 60), "", "", "", "", "46", sender_id),
                segment("PER", "IC", x12_text(sender.contact_name, 60), "TE", sender.contact_phone),
                segment("NM1", "40", "2", x12_text(receiver.name, 60), "", "", "", "", "46", receiver_id),
            )
        )

    def _end_transaction(self) -> str:
        return segment("SE", str(self._segments + 1), self._set)


def raise_refused(refused: Sequence[Refused]) -> None:
    """Raise an `InterchangeError` that names every claim refused and why; do nothing when there is none."""
    if refused:
        said = "; ".join(f"claim {one.claim_number}: {', '.join(one.reasons)}" for one in refused)
        raise InterchangeError(f"{len(refused)} ready claims cannot be written: {said}")
