"""Who answers our claims: the inbox of insurers' files, and for the simulated network its simulated payers.

Only composition lives here. A simulated payer reads of a claim what its 837 says; it never sees how we came to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from medcode_ml.billing.answers.arrivals import Arrivals, Inbox
from medcode_ml.billing.answers.kept import KeptFiles
from medcode_ml.contracts import billed, filtered, raw
from medcode_ml.settings import settings

if TYPE_CHECKING:
    from medcode_ml.simulation.payer_decisions import SentClaim, SentLine

SIMULATED = "simulated"
_FIRST_SET = "0001"


def configured_insurers() -> tuple[list[Arrivals], KeptFiles]:
    """Where answers come from by the settings, and where they are kept."""
    chosen = settings()
    arrivals: list[Arrivals] = [Inbox(chosen.answers_inbox)]
    if chosen.source == SIMULATED:
        arrivals.append(SimulatedPayers())
    return arrivals, KeptFiles(chosen.answers_kept_dir)


class SimulatedPayers:
    """The payers of the simulated network. They answer its claims alone, never those of another source. SYNTHETIC."""

    source = SIMULATED
    lasting = False

    def of(self, connection: sa.Connection, day: date) -> Iterable[bytes]:
        """The files that arrive on `day`; claims that were made anew are answered anew."""
        from medcode_ml.simulation.payer_answers import answers_on
        from medcode_ml.simulation.payer_decisions import LONGEST

        return answers_on(day, _sent(connection, day - timedelta(days=LONGEST + 1), day))


def _sent(connection: sa.Connection, first: date, last: date) -> list[SentClaim]:
    """The claims of the simulated network that went out from `first` to `last`, as their payers see them."""
    from medcode_ml.simulation.payer_decisions import SentClaim

    claim, sent, stay = billed.claim.c, billed.interchange_claim.c, filtered.encounter.c
    hospital, payer = raw.delivered_tables["hospital"].c, raw.delivered_tables["payer"].c
    columns: dict[str, Any] = {
        "claim_number": sent.claim_number, "claim_type": claim.claim_type, "frequency": sent.frequency_code,
        "payer_id": claim.payer_id, "payer_name": payer.name, "payer_kind": sa.func.lower(payer.kind),
        "npi": hospital.npi, "hospital": hospital.name, "inpatient": stay.setting == "inpatient",
        "charge": sa.func.coalesce(sent.total_charge, claim.total_charge), "expected": claim.expected_payment,
        "drg": claim.drg, "first_day": stay.admission_date, "last_day": stay.discharge_date,
        "sent_on": claim.received_date, "control_number": sent.control_number,
        "set_control_number": sa.func.coalesce(sent.set_control_number, _FIRST_SET),
    }  # fmt: skip
    query = (
        sa.select(claim.encounter_id, *(column.label(name) for name, column in columns.items()))
        .join_from(billed.claim, billed.interchange_claim, _same_record(sent, claim))
        .join(filtered.encounter, _same_record(stay, claim))
        .join(raw.delivered_tables["hospital"], _of_delivery(hospital, stay, hospital.hospital_id == claim.hospital_id))
        .join(raw.delivered_tables["payer"], _of_delivery(payer, stay, payer.payer_id == claim.payer_id))
        .where(claim.received_date.between(first, last), stay.source == SIMULATED)
    )
    lines = _lines(connection, first, last)
    return [
        SentClaim(
            **{name: row[name] for name in columns}, lines=tuple(lines[row["received_date"], row["encounter_id"]])
        )
        for row in connection.execute(query.add_columns(claim.received_date)).mappings()
    ]


def _lines(connection: sa.Connection, first: date, last: date) -> dict[tuple[date, str], list[SentLine]]:
    from medcode_ml.simulation.payer_decisions import SentLine

    line = billed.claim_line.c
    query = (
        sa.select(
            line.received_date, line.encounter_id, line.line_number, line.revenue_code, line.hcpcs, line.units,
            line.charge, line.service_date,
        )
        .where(line.received_date.between(first, last), line.charge.is_not(None))
        .order_by(line.received_date, line.encounter_id, line.line_number)
    )  # fmt: skip
    found: dict[tuple[date, str], list[SentLine]] = defaultdict(list)
    for received, encounter, *values in connection.execute(query):
        found[received, encounter].append(SentLine(*values))
    return found


def _same_record(other: Any, claim: Any) -> sa.ColumnElement[bool]:
    return sa.and_(other.received_date == claim.received_date, other.encounter_id == claim.encounter_id)


def _of_delivery(table: Any, stay: Any, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.and_(
        condition, table.received_date == stay.received_date, table.source == stay.source, table.copy_number == 1
    )
