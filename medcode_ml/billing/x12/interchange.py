"""Interchanges: envelope, control numbers, and the hierarchy of hospitals, patients and claims (rules 28, 32).

One interchange for each payer, claim type and day. The same claims on the same day give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

import pandas as pd

from medcode_ml.billing.claims import ClaimFrames
from medcode_ml.billing.x12 import institutional, professional
from medcode_ml.billing.x12.loops import ReadyClaim, provider_loop, subscriber_loop
from medcode_ml.billing.x12.parties import Receiver, Sender
from medcode_ml.billing.x12.segments import COMPONENT, ELEMENT, REPETITION, TERMINATOR, segment, x12_text

CLAIM_TYPES = {"837I": institutional, "837P": professional}
MOST_CLAIMS_A_PATIENT = 100
MOST_CLAIMS_A_TRANSACTION = 5000
_CONTROL_NUMBERS = 999_999_999


class InterchangeError(ValueError):
    """The claims cannot be written into one interchange."""


@dataclass(frozen=True)
class Interchange:
    """One written interchange. `members` has the columns of billed.interchange_claim; amounts in US dollars."""

    payer_id: str
    claim_type: str
    control_number: str
    text: str
    claims: int
    total_charge: Decimal
    members: pd.DataFrame

    @property
    def sha256(self) -> str:
        """Hash of the text as ASCII bytes."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()

    @property
    def file_name(self) -> str:
        """File name: claim type and control number, nothing about patients."""
        return f"{self.claim_type}-{self.control_number}.x12"


def control_number(payer_id: str, claim_type: str, day: date) -> str:
    """Interchange control number (ISA13), nine digits: always the same for a payer, claim type and day."""
    digest = hashlib.sha256(f"{payer_id}|{claim_type}|{day.isoformat()}".encode()).digest()
    return f"{int.from_bytes(digest[:8], 'big') % _CONTROL_NUMBERS + 1:09d}"


def ready_claims(frames: ClaimFrames, claims: pd.DataFrame) -> list[ReadyClaim]:
    """Put the ready claims of billed.claim together with their frames, in the order they are written.

    Raises:
        InterchangeError: a ready claim has no encounter in `frames`.
    """
    rows: dict[str, dict[str, Any]] = {
        str(row["encounter_id"]): row for row in claims[claims["status"] == "ready"].to_dict("records")
    }
    cases = {case.encounter_id: case for case in frames.only(list(rows)).cases()}
    missing = len(rows.keys() - cases.keys())
    if missing:
        raise InterchangeError(f"{missing} ready claims have no encounter in the frames")
    return sorted((ReadyClaim.of(cases[key], row) for key, row in rows.items()), key=_order)


def _order(claim: ReadyClaim) -> tuple[Any, ...]:
    return (_provider(claim), _patient(claim), claim.case.encounter_id)


def _provider(claim: ReadyClaim) -> tuple[str, ...]:
    e = claim.case.encounter
    return tuple(str(e[c]) for c in ("hospital_npi", "hospital_tax_id", "hospital_taxonomy", "hospital_name"))


def _patient(claim: ReadyClaim) -> tuple[str, ...]:
    e = claim.case.encounter
    columns = ("payer_id", "member_id", "subscriber_last_name", "subscriber_first_name", "subscriber_birth_date")
    return (*(str(e[c]) for c in columns), str(e["payer_kind"]), str(len(claim.case.prior_payments)))


def write_837(
    frames: ClaimFrames,
    claims: pd.DataFrame,
    sender: Sender,
    receiver: Receiver,
    control: str,
    when: datetime,
) -> str:
    """Write the claims into one interchange.

    Args:
        frames: the frames the claims were billed from.
        claims: rows of billed.claim, all ready and of one payer and claim type.
        control: interchange control number, nine digits (`control_number`).
        when: date and time of the envelope; give one of the day to get the same bytes again.

    Raises:
        InterchangeError: a claim is held, or they differ in claim type, or there is none.
    """
    held = int((claims["status"] != "ready").sum())
    if held:
        raise InterchangeError(f"{held} of {len(claims)} claims are held; only ready claims go into an interchange")
    return "".join(segments_837(ready_claims(frames, claims), sender, receiver, control, when))


def segments_837(
    claims: Sequence[ReadyClaim], sender: Sender, receiver: Receiver, control: str, when: datetime
) -> Iterator[str]:
    """Yield the segments of one interchange, for streaming into a file; see `write_837`."""
    types = {claim.claim_type for claim in claims}
    if len(types) != 1:
        raise InterchangeError(f"one interchange carries one claim type, these claims have {sorted(types) or 'none'}")
    if not (control.isascii() and control.isdigit() and len(control) == 9 and int(control) > 0):
        raise InterchangeError("a control number has nine digits and is not zero")
    guide = CLAIM_TYPES[types.pop()].GUIDE
    sender_id, receiver_id = x12_text(sender.identifier, 15), x12_text(receiver.identifier, 15)
    group = str(int(control))
    yield ELEMENT.join(
        [
            *("ISA", "00", " " * 10, "00", " " * 10),
            *(sender.qualifier, f"{sender_id:<15}", receiver.qualifier, f"{receiver_id:<15}"),
            *(f"{when:%y%m%d}", f"{when:%H%M}", REPETITION, "00501", control, "0", "T" if sender.test else "P"),
            COMPONENT + TERMINATOR,
        ]
    )
    yield segment("GS", "HC", sender_id, receiver_id, f"{when:%Y%m%d}", f"{when:%H%M}", group, "X", guide)
    transactions = range(0, len(claims), MOST_CLAIMS_A_TRANSACTION)
    for number, start in enumerate(transactions, 1):
        st = f"{number:04d}"
        count = 0
        some = claims[start : start + MOST_CLAIMS_A_TRANSACTION]
        for text in _transaction(some, sender, receiver, f"{control}{st}", st, guide, when):
            count += 1
            yield text
        yield segment("SE", str(count + 1), st)
    yield segment("GE", str(len(transactions)), group)
    yield segment("IEA", "1", control)


def _transaction(
    claims: Sequence[ReadyClaim],
    sender: Sender,
    receiver: Receiver,
    reference: str,
    st: str,
    guide: str,
    when: datetime,
) -> Iterator[str]:
    yield segment("ST", "837", st, guide)
    yield segment("BHT", "0019", "00", reference, f"{when:%Y%m%d}", f"{when:%H%M}", "CH")
    sender_id, receiver_id = x12_text(sender.identifier, 80), x12_text(receiver.identifier, 80)
    yield segment("NM1", "41", "2", x12_text(sender.name, 60), "", "", "", "", "46", sender_id)
    yield segment("PER", "IC", x12_text(sender.contact_name, 60), "TE", sender.contact_phone)
    yield segment("NM1", "40", "2", x12_text(receiver.name, 60), "", "", "", "", "46", receiver_id)
    level = 0
    for _, of_provider in groupby(claims, key=_provider):
        provider = list(of_provider)
        level += 1
        parent = level
        yield from provider_loop(level, provider[0].case.encounter)
        for _, of_patient in groupby(provider, key=_patient):
            patient = list(of_patient)
            for start in range(0, len(patient), MOST_CLAIMS_A_PATIENT):
                some = patient[start : start + MOST_CLAIMS_A_PATIENT]
                level += 1
                yield from subscriber_loop(level, parent, some[0])
                for claim in some:
                    yield from CLAIM_TYPES[claim.claim_type].claim_loop(claim)


def interchanges(
    frames: ClaimFrames, claims: pd.DataFrame, sender: Sender, day: date, when: datetime
) -> Iterator[Interchange]:
    """Yield one interchange for each payer and claim type among the ready claims, in their order; held ones stay.

    Args:
        day: day of billing; with payer and claim type it gives the control number.
        when: date and time of the envelope.
    """

    def party(claim: ReadyClaim) -> tuple[str, str]:
        return str(claim.case.encounter["payer_id"]), claim.claim_type

    ready = sorted(ready_claims(frames, claims), key=party)
    for (payer_id, claim_type), group in groupby(ready, key=party):
        some = list(group)
        control = control_number(payer_id, claim_type, day)
        receiver = Receiver(x12_text(payer_id, 15).ljust(2, "0"), str(some[0].case.encounter["payer_name"]))
        members = [
            (c.case.encounter_id, c.claim_number, control, [d.code for d in c.transmission.diagnoses]) for c in some
        ]
        yield Interchange(
            payer_id,
            claim_type,
            control,
            "".join(segments_837(some, sender, receiver, control, when)),
            len(some),
            sum((c.case.total_charge for c in some), Decimal("0.00")),
            pd.DataFrame(
                members, columns=["encounter_id", "claim_number", "control_number", "diagnoses"], dtype=object
            ),
        )
