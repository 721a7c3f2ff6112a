"""The promoted amount model, and what it says of a day's claims: predicted amounts, and edits on what lies outside.

Where none is promoted nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.claim_rows import INPATIENT, as_cases, claims_to_price, known_cells
from medcode_ml.billing.amounts.model import KIND, PRICED, load_model
from medcode_ml.billing.amounts.own_claims import price_claims
from medcode_ml.billing.edits.amounts import amount_edits
from medcode_ml.billing.pricing.factors import money
from medcode_ml.contracts import billed
from medcode_ml.models.registry import promoted
from medcode_ml.models.warehouse.stages import champion_folder

if TYPE_CHECKING:
    from medcode_ml.billing.amounts.model import AmountModel
    from medcode_ml.billing.edits.catalogue import Edit

HELD, NO_CONTRACT = "held", "no_contract"
PREDICTED_COLUMNS: Final = tuple(c.name for c in billed.predicted_amount.columns if c.name != "received_date")


@dataclass(frozen=True)
class BilledAmounts:
    """What the model in use says of a batch of claims.

    Attributes:
        predicted: the columns of billed.predicted_amount but received_date, for the claims that are not final.
        edits: by encounter, where an amount of a claim lies outside its interval.
    """

    predicted: pd.DataFrame
    edits: dict[str, list[Edit]] = field(default_factory=dict)


def model_in_use(home: Path | None = None, source: sa.Engine | sa.Connection | None = None) -> AmountModel | None:
    """The promoted model of the registry under `home` (that of the settings by default); None where none is promoted.

    With `source`, a database, its champion: a promotion made anywhere is in use from the next call on.

    Raises:
        ModelFolderError: the promoted version is gone or damaged: never is nothing said in its place.
    """
    folder = promoted(KIND, home) if source is None else champion_folder(source, KIND, home)
    return None if folder is None else model_of(folder)


# the model in use and the one to be promoted: more are never needed at a time
@lru_cache(maxsize=2)
def model_of(folder: Path) -> AmountModel:
    """The model of a registered model folder; loaded once in a process.

    Raises:
        ModelFolderError: it is no sound model folder.
    """
    return load_model(folder)


def billed_amounts(
    connection: sa.Connection, claims: pd.DataFrame, day: date, home: Path | None = None
) -> BilledAmounts:
    """What the model in use says of the inpatient claims of a day: all are priced at once.

    A claim is priced with what is known of its hospital's other claims, never with its own amounts.

    Args:
        connection: the database.
        claims: rows of billed.claim but received_date.
        day: on which their encounters were received.
        home: where the registry lies, by default that of the settings.

    Raises:
        ModelFolderError: the promoted model is gone or damaged.
        ClaimIntervalsError: the promoted model knows means only; one that was trained in the lineage never does.
    """
    nothing = BilledAmounts(pd.DataFrame(columns=list(PREDICTED_COLUMNS), dtype=object))
    model = model_in_use(home, connection)
    if model is None:
        return nothing
    prices = prices_of(connection, claims, day, model)
    if prices.empty:
        return nothing
    dollars = prices.map(lambda amount: money(Decimal(str(amount)))).reset_index()
    grouped = claims[claims["drg"].notna()]
    return BilledAmounts(_not_final(grouped, dollars, model.version), amount_edits(grouped, dollars))


def prices_of(connection: sa.Connection, claims: pd.DataFrame, day: date, model: AmountModel) -> pd.DataFrame:
    """What `model` says of the inpatient claims of a day: `PRICED` by encounter_id, US dollars.

    A claim is priced with what is known of its hospital's other claims, never with its own amounts.

    Raises:
        ClaimIntervalsError: the model knows means only.
    """
    grouped = claims[claims["drg"].notna()]
    if grouped.empty:
        return pd.DataFrame(columns=list(PRICED), index=pd.Index([], name="encounter_id"))
    ids = list(grouped["encounter_id"])
    stays = claims_to_price(connection, ids, day)
    known = known_cells(connection, without=ids)
    asked = grouped.merge(stays[stays["setting"] == INPATIENT], on="encounter_id").set_index("encounter_id")
    return price_claims(model, as_cases(asked), known)


def _not_final(claims: pd.DataFrame, dollars: pd.DataFrame, version: str) -> pd.DataFrame:
    """Rows of billed.predicted_amount for the claims that are held or that no contract prices."""
    rows = claims.merge(dollars[["encounter_id", *PRICED]], on="encounter_id")
    held, unpriced = rows["status"] == HELD, rows["expected_payment"].isna()
    because = pd.Series(NO_CONTRACT, index=rows.index, dtype=object).where(~held, HELD)
    found = rows.assign(predicted_because=because, model_version=version)[held | unpriced]
    return found[list(PREDICTED_COLUMNS)].astype(object).reset_index(drop=True)
