"""Reading a file of answers: once for its envelopes, once for what it says; whole, or in parts of bounded memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Protocol

from medcode_ml.billing.answers.acknowledgement import AcknowledgementReader
from medcode_ml.billing.answers.claim_status import ClaimStatusReader
from medcode_ml.billing.answers.envelope import Survey, TransactionSet, survey
from medcode_ml.billing.answers.frames import Answers, Rows, together
from medcode_ml.billing.answers.remittance import RemittanceReader
from medcode_ml.billing.answers.segments import Delimiters, Reader, Run
from medcode_ml.contracts.ids import record_hash

CLAIMS_A_PART = 2000


class SetReader(Protocol):
    """Reads the segments of one transaction set into rows."""

    @property
    def control_number(self) -> str | None:
        """Patient control number of the claim that is being read."""

    def segment(self, number: int, elements: list[str]) -> bool:
        """Take one segment; False when it was not understood where it stands."""

    def close(self) -> None:
        """The set is at its end."""


class _Unknown:
    """A set that is no answer: nothing of it is read, its segments are counted with the set."""

    control_number: str | None = None

    def segment(self, number: int, elements: list[str]) -> bool:
        return True

    def close(self) -> None:
        return None


_READERS: dict[str, Callable[[TransactionSet, str, Delimiters, Rows], SetReader]] = {
    "999": AcknowledgementReader, "TA1": AcknowledgementReader, "277": ClaimStatusReader, "835": RemittanceReader
}  # fmt: skip


def read_answers(data: bytes, name: str) -> Answers:
    """Read a file of 999, TA1, 277CA and 835, in any number of interchanges.

    Never raises for what the file holds: what is broken, not understood, or no answer stands in `sets` and `unread`
    with its reason.

    Args:
        data: the file.
        name: its name, for people; it is kept in `files` and says nothing otherwise.
    """
    return together(list(stream_answers(io.BytesIO(data), name)))


def stream_answers(source: BinaryIO, name: str, claims_a_part: int = CLAIMS_A_PART) -> Iterator[Answers]:
    """Read a file part by part: the first part has `files` and `sets`, a payment's row comes after its claims.

    A claim knows from the first pass whether its envelope is sound and its payment balances, so each part can be
    matched as it comes. Parts are cut where the patient control number changes, after about `claims_a_part` claims.

    Args:
        source: a seekable binary file; it is read twice from its beginning.
    """
    source.seek(0)
    found = survey(Reader(source))
    rows = Rows()
    ids = _add_sets(rows, found, name)
    source.seek(0)
    yield from _read(Reader(source).runs(), found, ids, rows, claims_a_part)


def _add_sets(rows: Rows, found: Survey, name: str) -> list[str]:
    """Rows of the file and its sets; returns the id of each set."""
    ids = []
    refused = 0
    for one in found.sets:
        interchange = one.interchange
        ids.append(record_hash("set", found.sha256, one.number))
        status, because = _status(one)
        refused += status == "refused"
        rows.add(
            "sets", set_id=ids[-1], file_sha256=found.sha256, set_number=one.number,
            interchange_sha256=interchange.sha256, sender_id=interchange.sender_id,
            receiver_id=interchange.receiver_id, interchange_control_number=interchange.control_number,
            group_control_number=one.group.number, set_control_number=one.control_number, transaction=one.transaction,
            guide=one.guide or None, test=interchange.test,
            repeated=interchange.repeated, first_segment=one.first, last_segment=one.last,
            status=status, because=because, claims=one.sum.count,
        )  # fmt: skip
    for place, stray in enumerate(found.strays, 1):
        rows.add(
            "unread", file_sha256=found.sha256, unread_number=-place, segment_number=stray.after_segment,
            size=stray.size, original=_storable(stray.original), because=stray.because,
        )  # fmt: skip
    rows.add(
        "files", file_sha256=found.sha256, name=name, bytes=found.size, interchanges=len(found.interchanges),
        transaction_sets=len(found.sets), segments=found.segments, refused=refused,
        outside_parts=len(found.strays),
    )  # fmt: skip
    return ids


def _status(one: TransactionSet) -> tuple[str, list[str]]:
    if one.not_read_because is not None:
        return "not_read", [one.not_read_because, *one.refused_because]
    if one.refused_because:
        return "refused", one.refused_because
    return "read", []


def _read(runs: Iterable[Any], found: Survey, ids: list[str], rows: Rows, at_most: int) -> Iterator[Answers]:
    place, unread = 0, 0
    reader: SetReader | None = None
    for run in runs:
        if not isinstance(run, Run):
            continue
        element, number = run.delimiters.element, run.first - 1
        for written in run.segments:
            number += 1
            while place < len(found.sets) and number > found.sets[place].last:
                if reader is not None:
                    reader.close()
                place, reader = place + 1, None
            if place == len(found.sets) or number < found.sets[place].first:
                continue
            one = found.sets[place]
            written = _storable(written)
            elements = written.split(element)
            if reader is None:
                reader = _reader(one, ids[place], run.delimiters, rows)
            before = reader.control_number if elements[0] == "CLP" else None
            if not reader.segment(number, elements):
                unread += 1
                rows.add(
                    "unread", file_sha256=found.sha256, unread_number=unread, set_id=ids[place],
                    segment_number=number, segment=elements[0][:10], size=len(written),
                    original=written, because="a segment that is not understood where it stands",
                )  # fmt: skip
            if before != reader.control_number and before is not None and rows.count("remittance_claims") >= at_most:
                yield rows.take()
    if reader is not None:
        reader.close()
    yield rows.take()


def _reader(one: TransactionSet, set_id: str, delimiters: Delimiters, rows: Rows) -> SetReader:
    if one.not_read_because is not None:
        return _Unknown()
    return _READERS[one.transaction](one, set_id, delimiters, rows)


def _storable(written: str) -> str:
    """The text as a database can hold it: a NUL character is written as its picture."""
    return written.replace("\x00", "\u2400")
