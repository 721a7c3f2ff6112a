"""Claims as the model of amounts prices them, with what was charged and paid: the frames of its days.

The stage prices all claims of a day and keeps the prices of those that are not final. Those are few, and their amounts
are not known: so what is watched are the final ones, priced here by the stage's own code.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.claim_rows import as_cases, claims_of_day, hospitals_of, known_cells
from medcode_ml.billing.amounts.in_use import model_of
from medcode_ml.billing.amounts.model import PRICED
from medcode_ml.billing.amounts.own_claims import price_claims
from medcode_ml.drift.frames import AMOUNTS
from medcode_ml.drift.reading import not_learned_from
from medcode_ml.models.registry import registered
from medcode_ml.settings import settings
from medcode_ml.store.frames import read_frame

_KEPT = ("encounter_id", "hospital_id", "mdc", "payer_id", "charges_found", "payments_found", *PRICED)


def amount_frames(
    connection: sa.Connection,
    day: date,
    version: str,
    *,
    since: date | None = None,
    only: Collection[str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames of `amounts.amount_blocks`: final inpatient claims of the day, and claims that were paid on it.

    Claims that `version` learned from are not among them; all others are priced by it, with what is known of their
    hospitals' other claims.

    Args:
        connection: the database. day: received day. version: of the model of amounts.
        since: claims received before are not asked for when they are paid on the day: they are of another world.
        only: these claims of the day; paid are then those of them that were paid, whenever that was.

    Raises:
        ModelFolderError: the version is gone or damaged.
    """
    unlearned = not_learned_from(AMOUNTS, "c")
    given: dict[str, Any] = {"day": day, "version": version, "since": since or date.min}
    claims = read_frame(connection, sa.text(_CLAIMS.format(where="c.received_date = :day", unlearned=unlearned)), given)
    if only is None:
        paid = read_frame(connection, sa.text(_PAID), given)
        given["ids"] = sorted(set(paid["encounter_id"]))
        where = "c.encounter_id = ANY(:ids) AND c.received_date BETWEEN :since AND :day"
        earlier = read_frame(connection, sa.text(_CLAIMS.format(where=where, unlearned=unlearned)), given)
        earlier = earlier.drop_duplicates("encounter_id", keep="last")
    else:
        claims = claims[claims["encounter_id"].isin(only)]
        paid = claims_of_day(connection, day)[["encounter_id", "allowed"]].dropna()
        earlier = claims
    answered = earlier.merge(paid.rename(columns={"allowed": "payments_found"}), on="encounter_id")
    both = pd.concat([claims.assign(at="day"), answered.assign(at="paid")], ignore_index=True)
    if both.empty:
        return pd.DataFrame(columns=list(_KEPT)), pd.DataFrame(columns=list(_KEPT))
    priced = _priced(connection, both, version).reindex(columns=["at", *_KEPT])
    of = {at: priced.loc[priced["at"] == at, list(_KEPT)].reset_index(drop=True) for at in ("day", "paid")}
    return of["day"], of["paid"]


def paid_fingerprint(connection: sa.Connection, day: date) -> str:
    """Number and hash of the payments of the day: another one means that answers came, or were taken back, since."""
    query = f"SELECT count(*), coalesce(sum(hashtextextended(p::text, 0)), 0) FROM ({_PAID}) p"
    count, hashed = connection.execute(sa.text(query), {"day": day}).one()
    return f"{count} {hashed}"


def _priced(connection: sa.Connection, claims: pd.DataFrame, version: str) -> pd.DataFrame:
    """The claims with their prices by `PRICED`; those with a DRG that cannot be priced are left out."""
    model = model_of(registered(AMOUNTS, version, settings().home))
    known = known_cells(connection, without=list(set(claims["encounter_id"])))
    prices = price_claims(model, as_cases(hospitals_of(connection, claims)), known)
    return claims.join(prices, how="inner")


_CLAIMS = """
SELECT c.encounter_id, e.source, c.hospital_id, c.drg, c.mdc, c.payer_id, c.total_charge AS charges_found
FROM billed.claim c JOIN filtered.encounter e USING (received_date, encounter_id)
WHERE {where} AND c.status = 'ready' AND c.frequency_code <> '8' AND c.drg IS NOT NULL AND e.setting = 'inpatient'
      AND {unlearned}
ORDER BY c.encounter_id, c.received_date
"""
#: of a claim paid twice on a day the newest payment counts; of one taken back none does
_PAID = """
SELECT DISTINCT ON (encounter_id) encounter_id, paid + patient_responsibility AS allowed
FROM billed.remittance_claim r
WHERE received_date = :day AND outcome = 'matched' AND balanced
      AND (status = 'processed' OR status LIKE 'processed_as_primary%')
      AND NOT EXISTS (SELECT FROM billed.remittance_claim b WHERE b.encounter_id = r.encounter_id
                      AND b.status = 'reversal' AND b.payment_date >= r.payment_date)
ORDER BY encounter_id, payment_date DESC NULLS LAST, remittance_claim_id
"""
