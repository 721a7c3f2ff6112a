"""Claims of the database as cases: what a day brought, who the hospitals are, and what their claims were charged.

A hospital of the network is named by source and id: its dollars are those of its own years, so it is never taken for
the hospital of the same number in a file of other years.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.cases import COLUMNS, KNOWN
from medcode_ml.store.frames import read_frame

CASE_TEXTS: Final = ("provider_name", "city", "state", "zip")
INPATIENT: Final = "inpatient"


def claims_of_day(connection: sa.Connection, day: date) -> pd.DataFrame:
    """The claims received on `day` with what was paid for them so far.

    Columns: encounter_id, patient_id, source, hospital_id, setting, discharge_date, drg, status, frequency_code,
    charges, allowed (paid and the patient's share, of the newest payment that balances and was not taken back), and
    expected (the payment by contract); US dollars.
    """
    return read_frame(connection, sa.text(_CLAIMS), {"day": day})


def claims_to_price(connection: sa.Connection, encounters: Collection[str], day: date) -> pd.DataFrame:
    """source and setting of encounters received on `day`, and `CASE_TEXTS` of their hospitals, by encounter_id."""
    return read_frame(connection, sa.text(_STAYS), {"day": day, "ids": sorted(encounters)})


def known_cells(
    connection: sa.Connection, *, without: Collection[str] = (), among: Collection[str] | None = None
) -> pd.DataFrame:
    """Mean amounts by hospital and DRG of the claims that can be learned from, as cases.

    What the window of the last split set aside counts as well: a price is not to change because a model is trained on
    newer claims. A training names those it learns from.

    Args:
        connection: the database.
        without: encounters whose claims do not count, such as those to be priced.
        among: of these encounters only.
    """
    given = {"without": sorted(without), "all": among is None, "among": [] if among is None else sorted(among)}
    rows = read_frame(connection, sa.text(_CELLS), given)
    return as_cases(rows, rows["discharges"], rows["charges"], rows["payments"])


def hospitals_of(connection: sa.Connection, claims: pd.DataFrame) -> pd.DataFrame:
    """`claims` (source, hospital_id) with `CASE_TEXTS` of their hospitals as they were delivered last."""
    facts = read_frame(connection, sa.text(_HOSPITALS))
    return claims.merge(facts, on=["source", "hospital_id"], how="left")


def as_cases(
    claims: pd.DataFrame,
    discharges: Sequence[int] | pd.Series | int = 1,
    charges: pd.Series | None = None,
    payments: pd.Series | None = None,
) -> pd.DataFrame:
    """Cases by `cases.COLUMNS` with the index of `claims` (source, hospital_id, drg, `CASE_TEXTS`).

    Amounts that are not given are not known.
    """
    found = claims.reindex(columns=["drg", *CASE_TEXTS]).assign(
        provider_id=[f"{s}/{h}" for s, h in zip(claims["source"], claims["hospital_id"], strict=True)],
        referral_region=None,
        total_discharges=discharges,
        **{KNOWN["charges"]: _dollars(charges), KNOWN["payments"]: _dollars(payments)},
    )
    return found.astype(object).where(lambda f: f.notna(), None)[list(COLUMNS)]


def _dollars(amounts: pd.Series | None) -> pd.Series | None:
    """Amounts as floats, missing where there is none above 0: a price is a ratio to it."""
    if amounts is None:
        return None
    values = pd.to_numeric(amounts, errors="coerce").astype(float)
    return values.where(values > 0)


#: of a claim paid twice the newest payment counts; of one taken back none does
_CLAIMS = """
WITH answered AS (
    SELECT DISTINCT ON (encounter_id) encounter_id, paid + patient_responsibility AS allowed
    FROM billed.remittance_claim r
    WHERE outcome = 'matched' AND balanced AND (status = 'processed' OR status LIKE 'processed_as_primary%')
          AND NOT EXISTS (SELECT FROM billed.remittance_claim b WHERE b.encounter_id = r.encounter_id
                          AND b.status = 'reversal' AND b.payment_date >= r.payment_date)
    ORDER BY encounter_id, payment_date DESC NULLS LAST, remittance_claim_id
)
SELECT c.encounter_id, e.patient_id, e.source, c.hospital_id, e.setting, c.discharge_date, c.drg, c.status,
       c.frequency_code, c.total_charge AS charges, a.allowed, c.expected_payment AS expected
FROM billed.claim c JOIN filtered.encounter e USING (received_date, encounter_id)
LEFT JOIN answered a USING (encounter_id)
WHERE c.received_date = :day ORDER BY c.encounter_id
"""
_FACTS = "name AS provider_name, city, state, zip"
_STAYS = f"""
SELECT e.encounter_id, e.source, e.setting, {_FACTS} FROM filtered.encounter e
LEFT JOIN raw.hospital h ON h.received_date = e.received_date AND h.source = e.source
     AND h.hospital_id = e.hospital_id AND h.copy_number = 1
WHERE e.received_date = :day AND e.encounter_id = ANY(:ids) ORDER BY e.encounter_id
"""
_HOSPITALS = f"""
SELECT DISTINCT ON (source, hospital_id) source, hospital_id, {_FACTS} FROM raw.hospital
WHERE copy_number = 1 ORDER BY source, hospital_id, received_date DESC
"""
_CELLS = f"""
WITH cell AS (
    SELECT source, hospital_id, drg, count(*) AS discharges, avg(charges) AS charges, avg(payments) AS payments
    FROM ml.amount_training_set t
    WHERE (split IS NOT NULL OR set_aside = 'before_window')
          AND NOT EXISTS (SELECT FROM unnest(CAST(:without AS text[])) other WHERE other = t.encounter_id)
          AND (:all OR encounter_id IN (SELECT unnest(CAST(:among AS text[]))))
    GROUP BY source, hospital_id, drg
)
SELECT cell.*, f.provider_name, f.city, f.state, f.zip FROM cell
LEFT JOIN ({_HOSPITALS}) f USING (source, hospital_id) ORDER BY source, hospital_id, drg
"""
