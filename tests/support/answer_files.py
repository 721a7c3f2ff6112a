"""Small files of answers (835, 999, 277CA) with sound envelopes, and ways to break them. Every name is made up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from medcode_ml.simulation import answer_segments
from medcode_ml.simulation.answer_segments import as_bytes, header, trailer

__all__ = [
    "as_bytes", "claim", "denied", "interchange", "isa", "our_claims", "payment_file", "remittance", "transaction",
]  # fmt: skip
_DAY = date(2026, 11, 20)


def isa(control: int = 1, *, sender: str = "PAYERONE", element: str = "*", component: str = ":") -> list[str]:
    """ISA with an identifier of the sender and a control number; the terminator is not part of it."""
    return [
        answer_segments.isa(
            control, sender=sender, receiver="HOSPITAL", day=_DAY, test=False, element=element, component=component
        )
    ]


def transaction(kind: str, body: Sequence[str], number: int = 1, guide: str = "005010X221A1") -> list[str]:
    """ST, body and SE with the right count."""
    return answer_segments.transaction(kind, body, number, guide)


def interchange(
    sets: Sequence[Sequence[str]], *, control: int = 1, function: str = "HP", guide: str = "005010X221A1",
    sender: str = "PAYERONE",
) -> list[str]:  # fmt: skip
    """Segments of one interchange around transaction sets."""
    return [
        *header(function, guide, control, sender=sender, receiver="HOSPITAL", day=_DAY),
        *(segment for one in sets for segment in one),
        *trailer(control, len(sets)),
    ]


def claim(
    number: str = "C1", charge: str = "1000", paid: str = "700", *, status: str = "1", owed: str = "100",
    adjustments: Sequence[str] = ("CAS*CO*45*200", "CAS*PR*1*100"), payer_number: str = "ICN1",
    more: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """One claim of an 835: 1000 charged, 200 contractual, 100 deductible, 700 paid unless told otherwise."""
    return [
        f"CLP*{number}*{status}*{charge}*{paid}*{owed}*MA*{payer_number}*11*1",
        *adjustments, "NM1*QC*1*DOE*JANE****MI*M1", *more,
    ]  # fmt: skip


def denied(number: str = "C2", charge: str = "500", *adjustments: str, **more: Any) -> list[str]:
    """One denied claim: CO-16 over the whole charge unless told otherwise."""
    told = adjustments or (f"CAS*CO*16*{charge}",)
    return claim(number, charge, "0", status="4", owed="", adjustments=told, **more)


def remittance(
    claims: Sequence[Sequence[str]], paid: str | None = None, *, trace: str = "T1", footer: Sequence[str] = (),
    payer: str = "*XV*P1", number: int = 1,
) -> list[str]:  # fmt: skip
    """An 835 transaction set of one payment; `paid` is worked out from the claims unless it is told."""
    clps = [segment.split("*") for one in claims for segment in one if segment.startswith("CLP*")]
    total = sum((Decimal(parts[4]) for parts in clps), Decimal(0))
    body = [
        f"BPR*I*{paid if paid is not None else total}*C*CHK************20261119", f"TRN*1*{trace}*1512345678",
        "DTM*405*20261119", f"N1*PR*FIRST HEALTH PLAN{payer}", "N3*1 MAIN ST", "N4*BOSTON*MA*021140000",
        "PER*BL*HELP DESK*TE*6175550100", "N1*PE*HARBOUR GENERAL*XX*1234567893", "LX*1",
        *(segment for one in claims for segment in one), *footer,
    ]  # fmt: skip
    return transaction("835", body, number)


def payment_file(claims: Sequence[Sequence[str]], *, control: int = 1, **payment: Any) -> bytes:
    """A file of one 835."""
    return as_bytes(interchange([remittance(claims, **payment)], control=control))


def our_claims(*rows: tuple[str, str, str], **more: Any) -> pd.DataFrame:
    """Our claims as (claim number, payer, charge); other columns by name, the same for all."""
    made = [
        {"claim_number": n, "payer_id": p, "total_charge": Decimal(c), "encounter_id": f"E-{n}", **more}
        for n, p, c in rows
    ]  # fmt: skip
    return pd.DataFrame(made, dtype=object)
