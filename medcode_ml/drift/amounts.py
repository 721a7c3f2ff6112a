"""What the model of amounts says of claims and what is found: blocks of a day; no I/O.

Estimated errors rest on one assumption: that the log of an amount lies around its price as the 90% interval says, each
side half a normal distribution with a twentieth of the claims beyond its end. How far that is from what is found in
the reference is known there (`scales`), and carried over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from medcode_ml.drift.figures import ESTIMATED, REALISED
from medcode_ml.drift.frames import FEWEST_TO_SCALE
from medcode_ml.drift.sketch import Floats
from medcode_ml.drift.units import ALL, Block

TARGETS: Final = ("charges", "payments")
_TWENTIETH: Final = 1.6448536269514722
"""Standard deviations beyond which a twentieth of a normal distribution lies."""


def amount_blocks(
    priced: pd.DataFrame, answered: pd.DataFrame, scales: Mapping[str, float] | None = None
) -> list[Block]:
    """Blocks of a day of the model of amounts.

    Args:
        priced: claims of the day: hospital_id, mdc, payer_id, for each of `TARGETS` the price and its `_low` and
            `_high`, and charges_found: what was charged. US dollars, missing None.
        answered: claims, of whatever day, that insurers paid on this day: hospital_id, payments with its ends, and
            payments_found: what was allowed.
        scales: by target: what estimated errors are multiplied by.
    """
    found = []
    if len(priced):
        values: dict[str, Floats] = {}
        rows: dict[str, Floats] = {}
        for target in TARGETS:
            price, low, high = _ends(priced, target)
            # widths are not tested one by one: they narrow by a hair with each claim that becomes known, all at once
            values[f"log_{target}"] = np.log10(price)
            rows[f"{ESTIMATED}_{target}"] = estimated_errors(price, low, high, (scales or {}).get(target, 1.0))
        more, sums = _found(priced, "charges")
        categories = {name: priced[name].to_numpy(object) for name in ("mdc", "payer_id")}
        found.append(_block(priced, values | more, rows | sums, categories))
    if len(answered):
        found.append(_block(answered, *_found(answered, "payments")))
    return found


def fit_amount_scales(priced: pd.DataFrame, answered: pd.DataFrame) -> dict[str, float]:
    """Found over estimated errors of a reference by target, relative to the amounts; 1 with few claims.

    Args:
        priced, answered: as in `amount_blocks`.
    """
    scales = {}
    for target, frame in (("charges", priced), ("payments", answered)):
        own = frame[pd.to_numeric(frame[f"{target}_found"]).notna()]
        if len(own) < FEWEST_TO_SCALE:
            continue
        estimated = estimated_errors(*_ends(own, target), 1.0).sum(0)
        realised = _found(own, target)[1][f"{REALISED}_{target}"].sum(0)
        scales[target] = float(realised[0] / realised[1] / (estimated[0] / estimated[1]))
    return scales


def estimated_errors(price: Floats, low: Floats, high: Floats, scale: float) -> Floats:
    """Rows of expected errors (columns of `figures`), each given price and interval alone. Shape (n, 7).

    With sigma up and down from the ends, E|Y - p| = p (e^(up^2/2) Phi(up) - e^(down^2/2) Phi(-down)); the others follow
    in the same way from the mean of e^(s |Z|), which is 2 e^(s^2/2) Phi(s).
    """
    up, down = np.log(high / price) / _TWENTIETH, np.log(price / low) / _TWENTIETH
    error = price * (_mean(up) - _mean(-down))
    amount = price * (_mean(up) + _mean(-down))
    squared = price**2 * (_mean(2 * up) - 2 * _mean(up) + 0.5 + 0.5 - 2 * _mean(-down) + _mean(-2 * down))
    relative = _mean(down) - _mean(-up)
    squared_relative = _mean(2 * down) - 2 * _mean(down) + 0.5 + 0.5 - 2 * _mean(-up) + _mean(-2 * up)
    one = np.ones(len(price))
    return np.column_stack(
        [scale * error, amount, scale * relative, 0.9 * one, one, scale**2 * np.maximum(squared - error**2, 0.0),
         scale**2 * np.maximum(squared_relative - relative**2, 0.0)]
    )  # fmt: skip


def _mean(sigma: Floats) -> Floats:
    """Half of the mean of e^(sigma |Z|), Z standard normal: what one side of the price gives to a mean."""
    from scipy.special import ndtr

    return np.asarray(np.exp(sigma**2 / 2) * ndtr(sigma), np.float64)


def _found(frame: pd.DataFrame, target: str) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """How far the amounts that were found are from their prices, in powers of ten, and rows of their errors."""
    price, low, high = _ends(frame, target)
    amount = pd.to_numeric(frame[f"{target}_found"]).to_numpy(np.float64)
    amount = np.where(amount > 0, amount, np.nan)
    error, one, zero = np.abs(price - amount), np.ones(len(frame)), np.zeros(len(frame))
    inside = np.where(np.isfinite(amount), (amount >= low) & (amount <= high), np.nan)
    rows = np.column_stack([error, amount, error / amount, inside, one, zero, zero])
    return {f"{target}_off": np.log10(amount / price)}, {f"{REALISED}_{target}": rows}


def _ends(frame: pd.DataFrame, target: str) -> tuple[Floats, Floats, Floats]:
    price, low, high = (pd.to_numeric(frame[f"{target}{end}"]).to_numpy(np.float64) for end in ("", "_low", "_high"))
    return price, np.minimum(low, price), np.maximum(high, price)


def _block(
    frame: pd.DataFrame,
    values: dict[str, Floats],
    rows: dict[str, Floats],
    categories: dict[str, np.ndarray[tuple[int], np.dtype[np.object_]]] | None = None,
) -> Block:
    kind = np.full(len(frame), ALL, dtype=object)
    return Block(frame["hospital_id"].to_numpy(object), kind, values, categories or {}, rows)
