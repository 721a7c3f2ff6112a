"""Lines of `medcode price`: JSON objects in, objects with the six amounts out. The files are the caller's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from medcode_ml.billing.amounts.by_weight import price_by_weight
from medcode_ml.billing.amounts.cases import COLUMNS, AmountCaseError, checked, frame_of
from medcode_ml.billing.amounts.model import PRICED
from medcode_ml.billing.amounts.weights import grouped
from medcode_ml.contracts.characters import has_half_character

if TYPE_CHECKING:
    from medcode_ml.billing.amounts.model import AmountModel

BY_WEIGHT = "weight"
"""Model version of a price by the grouper's weight."""
_MOST = 10**15
"""No amount and no identifier of digits is as large; a float holds every whole number up to it."""


def check_case(record: Mapping[str, Any], model: AmountModel | None = None) -> None:
    """Raise `AmountCaseError` where a line is no case that can be priced, by `model` or by the weight."""
    for key in COLUMNS:
        value = record.get(key)
        if isinstance(value, str) and has_half_character(value):
            raise AmountCaseError(f"{key} holds half of a surrogate pair; write the whole character")
        if isinstance(value, int) and abs(value) > _MOST:
            raise AmountCaseError(f"{key} is beyond any number of a case")
    drg = checked(record)["drg"]
    if not (grouped(drg) is not None or (model is not None and model.basis.knows(drg))):
        raise AmountCaseError(f"drg has no weight{' and was not learned' if model is not None else ''}")


def price_records(records: Sequence[Mapping[str, Any]], model: AmountModel | None = None) -> list[dict[str, Any]]:
    """Price cases given as objects; by the grouper's weight where no `model` is given.

    Returns:
        One object for each, in the order given: every key is carried through, with `model.PRICED` in US dollars and
        `model_version`.

    Raises:
        AmountCaseError: a record cannot be priced (`check_case`).
    """
    for record in records:
        check_case(record, model)
    if not records:
        return []
    frame = frame_of([checked(record) for record in records])
    prices = (price_by_weight(frame) if model is None else model.price(frame)).round(2)
    version = BY_WEIGHT if model is None else model.version
    return [
        {**record, **price, "model_version": version}
        for record, price in zip(records, prices[list(PRICED)].to_dict("records"), strict=True)
    ]
