"""Any number of claims as interchanges: one for each payer, claim type and day; batches in, pieces of text out.

Memory stays constant: every payer and claim type of the day has one interchange open, and a piece names the
interchange it is appended to. Within a batch claims stand by hospital and patient; over the stream in the order of the
batches.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd

from medcode_ml.billing.claims import ClaimFrames
from medcode_ml.billing.x12.parties import Receiver, Sender
from medcode_ml.billing.x12.segments import x12_text
from medcode_ml.billing.x12.writable import Refused
from medcode_ml.billing.x12.writer import (
    MEMBER_COLUMNS,
    MOST_CLAIMS_A_TRANSACTION,
    InterchangeError,
    InterchangeWriter,
    Placed,
    control_number,
    placed,
    raise_refused,
    ready_claims,
)

MOST_CLAIMS_AN_INTERCHANGE = 20 * MOST_CLAIMS_A_TRANSACTION
Batch = tuple[ClaimFrames, pd.DataFrame]
"""Frames and their rows of billed.claim."""


class Piece(NamedTuple):
    """Text to append to an interchange; `members` are rows of `MEMBER_COLUMNS` of the claims in it.

    `sequence` counts the interchanges of a payer and claim type, 1 first. With the `last` piece the `writer` holds
    the figures of the whole interchange.
    """

    payer_id: str
    sequence: int
    writer: InterchangeWriter
    text: str
    members: list[tuple[Any, ...]]
    last: bool


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
    sequence: int = 1

    @property
    def sha256(self) -> str:
        """Hash of the text as ASCII bytes."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()

    @property
    def file_name(self) -> str:
        """File name: claim type and control number, nothing about patients."""
        return f"{self.claim_type}-{self.control_number}.x12"


def member_frame(members: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows of `MEMBER_COLUMNS` as a frame."""
    return pd.DataFrame(members, columns=list(MEMBER_COLUMNS), dtype=object)


class _Open:
    """The interchange that is open for a payer and claim type."""

    def __init__(self, payer_id: str, payer_name: str, sender: Sender, day: date, when: datetime, after: int) -> None:
        self.payer_id, self.sender, self.day, self.when = payer_id, sender, day, when
        self.receiver = Receiver(x12_text(payer_id, 15).ljust(2, "0"), payer_name)
        self.sequence = after
        self.writer: InterchangeWriter | None = None

    def add(self, claims: list[Placed], most: int) -> Iterator[Piece]:
        """Pieces for the claims; the interchange is closed and another begun when it has taken `most`."""
        start = 0
        while start < len(claims):
            opened = ""
            if self.writer is None:
                self.sequence += 1
                kind = claims[0].claim.claim_type
                number = control_number(self.payer_id, kind, self.day, self.sequence)
                self.writer = InterchangeWriter(self.sender, self.receiver, kind, number, self.when, self.sequence)
                opened = self.writer.open()
            some = claims[start : start + most - self.writer.claims]
            start += len(some)
            text, members = self.writer.add(some)
            yield Piece(self.payer_id, self.sequence, self.writer, opened + text, members, last=False)
            if self.writer.claims == most:
                yield from self.close()

    def close(self) -> Iterator[Piece]:
        """The last piece of the interchange that is open, if one is."""
        if self.writer is not None:
            text = self.writer.close()
            yield Piece(self.payer_id, self.sequence, self.writer, text, [], last=True)
            self.writer = None


def stream_interchanges(
    batches: Iterable[Batch],
    sender: Sender,
    day: date,
    when: datetime,
    most_claims: int = MOST_CLAIMS_AN_INTERCHANGE,
    after: Mapping[tuple[str, str], int] | None = None,
) -> Iterator[Piece | Refused]:
    """Yield pieces of the interchanges of a day, and the ready claims that could not be written; held ones stay.

    Args:
        batches: frames with their rows of billed.claim; one is held in memory at a time.
        day: day of billing; with payer and claim type it gives the control number.
        when: date and time of the envelope.
        most_claims: claims of an interchange; one that is full is closed and another begun.
        after: sequence of the last interchange of payer and claim type that the day has already; 0 where it has none.

    Raises:
        InterchangeError: a ready claim has no encounter, or two interchanges would have one control number.
    """
    if most_claims < 1:
        raise InterchangeError("an interchange carries at least one claim")
    opened: dict[tuple[str, str], _Open] = {}
    numbers: dict[str, tuple[str, str, int]] = {}
    for frames, claims in batches:
        made: list[Piece | Refused] = []
        with _collector_paused():
            fit, refused = placed(ready_claims(frames, claims))
            made += refused
            for party, group in groupby(sorted(fit, key=_party), key=_party):
                some = list(group)
                if party not in opened:
                    name = str(some[0].claim.case.encounter["payer_name"])
                    opened[party] = _Open(party[0], name, sender, day, when, (after or {}).get(party, 0))
                for piece in opened[party].add(some, most_claims):
                    _is_its_own(piece, party, numbers)
                    made.append(piece)
            del fit
        yield from made
    for one in opened.values():
        yield from one.close()


def interchanges(
    frames: ClaimFrames, claims: pd.DataFrame, sender: Sender, day: date, when: datetime
) -> Iterator[Interchange]:
    """Yield one interchange for each payer and claim type among the ready claims of a batch; held ones stay.

    Args:
        day: day of billing; with payer and claim type it gives the control number.
        when: date and time of the envelope.

    Raises:
        InterchangeError: a ready claim cannot be written; the message names each and why.
    """
    texts: dict[str, list[str]] = {}
    members: dict[str, list[tuple[Any, ...]]] = {}
    refused: list[Refused] = []
    finished: list[Piece] = []
    for piece in stream_interchanges([(frames, claims)], sender, day, when):
        if isinstance(piece, Refused):
            refused.append(piece)
            continue
        number = piece.writer.control_number
        texts.setdefault(number, []).append(piece.text)
        members.setdefault(number, []).extend(piece.members)
        if piece.last:
            finished.append(piece)
    raise_refused(refused)
    for piece in finished:
        writer = piece.writer
        number = writer.control_number
        yield Interchange(
            piece.payer_id, writer.claim_type, number, "".join(texts[number]), writer.claims,
            writer.total_charge, member_frame(members[number]), piece.sequence,
        )  # fmt: skip


def write_837(
    frames: ClaimFrames, claims: pd.DataFrame, sender: Sender, receiver: Receiver, control: str, when: datetime
) -> str:
    """Write the claims into one interchange.

    Args:
        frames: the frames the claims were billed from.
        claims: rows of billed.claim, all ready and of one payer and claim type.
        control: interchange control number, nine digits (`control_number`).
        when: date and time of the envelope; give one of the day to get the same bytes again.

    Raises:
        InterchangeError: a claim is held or cannot be written, or they differ in claim type, or there is none.
    """
    held = int((claims["status"] != "ready").sum())
    if held:
        raise InterchangeError(f"{held} of {len(claims)} claims are held; only ready claims go into an interchange")
    ready, refused = placed(ready_claims(frames, claims))
    raise_refused(refused)
    types = {one.claim.claim_type for one in ready}
    if len(types) != 1:
        raise InterchangeError(f"one interchange carries one claim type, these claims have {sorted(types) or 'none'}")
    writer = InterchangeWriter(sender, receiver, types.pop(), control, when)
    return writer.open() + writer.add(ready)[0] + writer.close()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the cyclic collector from looking through a batch while it is made, a third of the time otherwise.

    A batch holds no cycles: it is freed all the same when it is done with.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _party(one: Placed) -> tuple[str, str]:
    return str(one.claim.case.encounter["payer_id"]), one.claim.claim_type


def _is_its_own(piece: Piece, party: tuple[str, str], numbers: dict[str, tuple[str, str, int]]) -> None:
    """Control numbers are hashes; two of a day that fall together would be one file, so that is refused."""
    mine = (*party, piece.sequence)
    number = piece.writer.control_number
    if numbers.setdefault(number, mine) != mine:
        raise InterchangeError(f"two interchanges of the day would have the control number {number}")
