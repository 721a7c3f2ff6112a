"""Reading back an 837 that medcode wrote: the same claims, or every reason why it is not whole.

Reading is strict: a segment more or less than medcode writes is a fault, told by its place. What an 837 does not carry
(age, contract, the hospital's number with us, codes beyond the guide's limits) is None or absent; `transmitted` says
what a claim is after that journey.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from medcode_ml.billing.claims import (
    CODE_COLUMNS,
    ENCOUNTER_COLUMNS,
    LINE_COLUMNS,
    PRIOR_PAYMENT_COLUMNS,
    PROCEDURE_COLUMNS,
    ClaimFrames,
)
from medcode_ml.billing.x12 import institutional, professional
from medcode_ml.billing.x12.cursor import Cursor, SegmentError
from medcode_ml.billing.x12.read_claim import ReadClaim, payer_kind, read_claim
from medcode_ml.billing.x12.rules_837 import ISA_LENGTH, rule_faults, split_segments

READ_COLUMNS = ("claim_number", "drg", "control_number", "set_control_number")
"""Columns of the encounters read, besides `ENCOUNTER_COLUMNS`: what billing had decided and where the claim stood."""
_GUIDES = {institutional.GUIDE: "837I", professional.GUIDE: "837P"}
_OPENING = frozenset({"ISA", "GS", "ST", "HL", "CLM", "SE", "GE", "IEA"})
_MOST_FAULTS_SAID = 20


class Read837Error(ValueError):
    """A file is no whole 837 of medcode's; `faults` are sentences with the place of each, without values."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        said = "; ".join(faults[:_MOST_FAULTS_SAID])
        more = len(faults) - _MOST_FAULTS_SAID
        super().__init__(f"the 837 cannot be read: {said}{f'; and {more} more' if more > 0 else ''}")


def read_837(data: bytes, encounters: Mapping[str, str] | None = None) -> ClaimFrames:
    """Read the claims of an interchange that medcode wrote.

    Args:
        data: the whole file.
        encounters: encounter of each claim number (CLM01), as billed.interchange_claim has them; a claim that is not
            in it, or any without this, has its claim number for an encounter_id.

    Returns:
        The claims in the order of the file; its encounters have `READ_COLUMNS` as well.

    Raises:
        Read837Error: something is missing, broken or not as medcode writes it. Nothing is read in part.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise Read837Error((f"byte {error.start + 1} is no ASCII character",)) from None
    try:
        segments = split_segments(text)
    except ValueError as error:
        raise Read837Error((str(error),)) from None
    nameless = tuple(f"segment {n} has no name" for n, elements in enumerate(segments, start=1) if not elements[0])
    if nameless:  # the reader would take it for the end of the file, and lose the claims behind it
        raise Read837Error(nameless)
    reader = _Reader(segments, text[ISA_LENGTH - 2], encounters or {})
    reader.read()
    faults = tuple(dict.fromkeys([*reader.faults, *rule_faults(text)]))
    if faults:
        raise Read837Error(faults)
    return reader.frames()


class _Reader:
    """The claims read so far, with the hospital and patient whose loop is open."""

    def __init__(self, segments: list[list[str]], component: str, encounters: Mapping[str, str]) -> None:
        self.cursor = Cursor(segments, component)
        self.encounters = encounters
        self.faults: list[str] = []
        self.claims: dict[str, ReadClaim] = {}
        self.envelope: dict[str, Any] = {}
        self.claim_type: str | None = None
        self.provider: dict[str, Any] | None = None
        self.patient: dict[str, Any] | None = None

    def read(self) -> None:
        """Read to the end; after a fault go on at the next loop, so that every fault is told."""
        cursor = self.cursor
        steps = {"ISA": self._isa, "ST": self._set, "HL": self._level, "CLM": self._claim}
        while cursor.name:
            begun = cursor.place
            try:
                if cursor.name in steps:
                    steps[cursor.name]()
                elif cursor.name in _OPENING:
                    cursor.any()
                else:
                    self.patient = None
                    raise cursor.fault("not a segment that medcode writes here; one before it may be missing")
            except SegmentError as fault:
                self.faults.append(str(fault))
                if cursor.place == begun or cursor.name not in _OPENING:
                    cursor.skip_to(_OPENING)
        if not self.claims and not self.faults:
            self.faults.append("the file holds no claim")

    def frames(self) -> ClaimFrames:
        """What was read as frames."""
        encounters, rest = [], ([], [], [], [])  # type: ignore[var-annotated]
        for claim in self.claims.values():
            key = claim.encounter["encounter_id"]
            encounters.append(claim.encounter)
            for rows, own in zip(rest, (claim.codes, claim.procedures, claim.lines, claim.prior_payments), strict=True):
                rows += [(key, *row) for row in own]
        lists = (CODE_COLUMNS, PROCEDURE_COLUMNS, LINE_COLUMNS, PRIOR_PAYMENT_COLUMNS)
        return ClaimFrames(
            pd.DataFrame(encounters, columns=[*ENCOUNTER_COLUMNS, *READ_COLUMNS], dtype=object),
            *(pd.DataFrame(r, columns=list(c), dtype=object) for r, c in zip(rest, lists, strict=True)),
        )

    def _isa(self) -> None:
        self.envelope["control_number"] = self.cursor.any().text(13)

    def _set(self) -> None:
        cursor = self.cursor
        self.provider = self.patient = self.claim_type = None
        opening = cursor.take("transaction set", "ST", "837")
        self.envelope["set_control_number"] = opening.text(2)
        self.claim_type = _GUIDES.get(opening.text(3) or "")
        if self.claim_type is None:
            raise opening.fault(f"ST03 is none of the guides medcode writes: {', '.join(_GUIDES)}")
        cursor.take("beginning of the transaction", "BHT", "0019")
        cursor.take("submitter", "NM1", "41")
        cursor.take("submitter's contact", "PER", "IC")
        cursor.take("receiver", "NM1", "40")

    def _level(self) -> None:
        level = self.cursor.any()
        kind = level.text(3)
        self.patient = None
        if kind == "20":
            self.provider = None
            self.provider = self._read_provider()
        elif kind == "22":
            self.patient = self._read_patient()
        else:
            raise level.fault("medcode writes no other levels than 20 (hospital) and 22 (patient)")

    def _read_provider(self) -> dict[str, Any]:
        cursor = self.cursor
        taxonomy = cursor.take("hospital's taxonomy", "PRV", "BI").needed(3, "taxonomy")
        name = cursor.take("hospital", "NM1", "85")
        street = cursor.take("hospital's address", "N3")
        place = cursor.take("hospital's city", "N4")
        tax = cursor.take("hospital's tax identifier", "REF", "EI")
        return {
            "hospital_id": name.needed(9, "NPI"),
            "hospital_npi": name.needed(9, "NPI"),
            "hospital_name": name.needed(3, "name"),
            "hospital_tax_id": tax.needed(2, "tax identifier"),
            "hospital_taxonomy": taxonomy,
            "hospital_address": street.needed(1, "address"),
            "hospital_city": place.needed(1, "city"),
            "hospital_state": place.needed(2, "state"),
            "hospital_zip": place.needed(3, "ZIP"),
        }

    def _read_patient(self) -> dict[str, Any]:
        cursor = self.cursor
        sbr = cursor.take("subscriber", "SBR")
        name = cursor.take("subscriber's name", "NM1", "IL")
        street = cursor.take("subscriber's address", "N3")
        place = cursor.take("subscriber's city", "N4")
        born = cursor.take("subscriber's birth date and sex", "DMG", "D8")
        payer = cursor.take("payer", "NM1", "PR")
        birth_date, sex = born.day(2, "birth date"), born.needed(3, "sex")
        return {
            "birth_date": birth_date,
            "sex": sex,
            "member_id": name.needed(9, "member identifier"),
            "subscriber_last_name": name.needed(3, "last name"),
            "subscriber_first_name": name.needed(4, "first name"),
            "subscriber_birth_date": birth_date,
            "subscriber_sex": sex,
            "subscriber_address": street.needed(1, "address"),
            "subscriber_city": place.needed(1, "city"),
            "subscriber_state": place.needed(2, "state"),
            "subscriber_zip": place.needed(3, "ZIP"),
            "payer_id": payer.needed(9, "payer's identifier"),
            "payer_name": payer.needed(3, "payer's name"),
            "payer_kind": payer_kind(sbr),
            "insurance_type": sbr.text(5),
        }

    def _claim(self) -> None:
        cursor = self.cursor
        number = cursor.element(1)
        if self.claim_type is None or self.provider is None or self.patient is None:
            raise cursor.fault(f"claim {number} stands below no hospital and patient that could be read")
        try:
            claim = read_claim(cursor, self.claim_type)
        except SegmentError as fault:
            raise SegmentError(f"claim {number}: {fault}") from None
        if number in self.claims:
            raise SegmentError(f"claim {number} stands in the file twice")
        encounter_id = self.encounters.get(number, number)
        known = self.provider | self.patient | claim.encounter | self.envelope
        empty = dict.fromkeys([*ENCOUNTER_COLUMNS, *READ_COLUMNS])
        claim.encounter = empty | known | {"encounter_id": encounter_id, "hac_exempt": False}
        self.claims[number] = claim
