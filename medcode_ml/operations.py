"""What can be asked of records, one function for all: code, rank, bill and price, as command line, stream and API do.

A record that cannot be answered gets its reason and never costs another its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from medcode_ml.logs import logger
from medcode_ml.pipeline import code_notes, note_fault

if TYPE_CHECKING:
    from medcode_ml.billing.amounts.model import AmountModel
    from medcode_ml.billing.payers import PayerBook
    from medcode_ml.coding.model import CodingModel
    from medcode_ml.coding.suspension import Suspension
    from medcode_ml.ranking.model import RankingModel

CODE: Final = "code"
RANK: Final = "rank"
BILL: Final = "bill"
PRICE: Final = "price"
Record = Mapping[str, Any]
_log = logger("operations")


@dataclass(frozen=True)
class Models:
    """What answers: trained models, None where ontology, guidelines or weights do it, and the payers' contracts.

    `suspension` holds the drift alarms that stand about the coder; None where nobody asked a database (files).
    """

    coding: CodingModel | None
    ranking: RankingModel | None
    amounts: AmountModel | None
    payers: PayerBook
    suspension: Suspension | None = None


@dataclass(frozen=True)
class Unanswered:
    """A record without an answer: why, without any of its values; `ours` where the fault is medcode's."""

    reason: str
    ours: bool = False


Answer = dict[str, Any] | Unanswered


def answer_records(
    operation: str, records: Sequence[Record], models: Models, as_of: date | None = None
) -> list[Answer]:
    """Answer records of one operation, together; one answer each, in their order.

    Args:
        operation: code, rank, bill or price.
        records: objects as the command of the same name reads them.
        models: what answers.
        as_of: code: discharge date of notes without one; bill: day of billing. Default today, or for `code` the day of
            the model's code set where it was trained on undated notes.

    Raises:
        ValueError: there is no such operation.
    """
    if operation not in _RUN:
        raise ValueError(f"there is no operation {operation!r}: choose one of {', '.join(_RUN)}")
    fault, run = _RUN[operation]
    reasons = [fault(record, models) for record in records]
    sound = [record for record, reason in zip(records, reasons, strict=True) if reason is None]
    found = iter(_together(run, sound, models, as_of))
    return [next(found) if reason is None else Unanswered(reason) for reason in reasons]


_Run = Callable[[Sequence[Record], Models, date | None], list[Answer]]


def _together(run: _Run, records: Sequence[Record], models: Models, as_of: date | None) -> list[Answer]:
    """All at once; where that fails, in halves, so that what fails alone costs itself only."""
    if not records:
        return []
    try:
        return run(records, models, as_of)
    except Exception as error:
        if len(records) == 1:
            return [failed(run.__name__.strip("_"), error)]
    half = len(records) // 2
    return [*_together(run, records[:half], models, as_of), *_together(run, records[half:], models, as_of)]


def failed(operation: str, error: Exception) -> Unanswered:
    """What a record gets that medcode failed on; the log gets the fault, without anything of the record."""
    # the type and the place alone: the message of an error may hold what a patient's record says
    _log.error("a record failed in %s: %s at %s", operation, type(error).__name__, _place(error))
    return Unanswered("medcode failed on this record; the fault is logged under its type", ours=True)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"


def _note_fault(record: Record, models: Models) -> str | None:
    return note_fault(record)


def _rank_fault(record: Record, models: Models) -> str | None:
    from medcode_ml.ranking.records import RankRecordError, check_record

    try:
        check_record(record)
    except RankRecordError as error:
        return str(error)
    return None


def _case_fault(record: Record, models: Models) -> str | None:
    from medcode_ml.billing.amounts.cases import AmountCaseError
    from medcode_ml.billing.amounts.records import check_case

    try:
        check_case(record, models.amounts)
    except AmountCaseError as error:
        return str(error)
    return None


def _code(records: Sequence[Record], models: Models, as_of: date | None) -> list[Answer]:
    from medcode_ml.coding.suspension import suspend_answer

    model = models.coding
    answers = code_notes(records, as_of or (model.day if model is not None else None) or date.today(), model)
    return [suspend_answer(a, record, models.suspension) for a, record in zip(answers, records, strict=True)]


def _rank(records: Sequence[Record], models: Models, as_of: date | None) -> list[Answer]:
    from medcode_ml.documentation import with_documents
    from medcode_ml.ranking.records import rank_records

    return list(rank_records(with_documents(records), models.ranking))


def _bill(records: Sequence[Record], models: Models, as_of: date | None) -> list[Answer]:
    from medcode_ml.billing.records import bill_records

    billed = bill_records(records, as_of or date.today(), models.payers)
    refused: dict[int, Answer] = {r.place: Unanswered(r.reason) for r in billed.rejected}
    found = iter(billed.answers)
    return [refused[place] if place in refused else next(found) for place in range(len(records))]


def _price(records: Sequence[Record], models: Models, as_of: date | None) -> list[Answer]:
    from medcode_ml.billing.amounts.records import price_records

    return list(price_records(records, models.amounts))


def _readable(record: Record, models: Models) -> str | None:
    return None  # billing reads and refuses in one pass


_RUN: Final[Mapping[str, tuple[Callable[[Record, Models], str | None], _Run]]] = {
    CODE: (_note_fault, _code),
    RANK: (_rank_fault, _rank),
    BILL: (_readable, _bill),
    PRICE: (_case_fault, _price),
}
