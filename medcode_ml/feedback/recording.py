"""Charts and decisions into the tables: checked against what is known, each record whole or not at all, none twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.identifiers import written_code
from medcode_ml.codes.release import NoReleaseError
from medcode_ml.contracts import review
from medcode_ml.feedback.charts import Chart, DecisionError, seconds_by_clock
from medcode_ml.feedback.reading import Known, Taken, document_lengths, known_encounters, lock_encounters
from medcode_ml.feedback.records import ChartRecord, ChartRecordError, Decision, read_chart
from medcode_ml.feedback.words import AUDIT, CLIENT, CLOCK, CLOSED, FINAL, OPENED, REVIEW
from medcode_ml.store.copying import copy_in

_CLOCKS_APART: Final = timedelta(minutes=5)
"""What the clock of a client may be ahead of ours."""


@dataclass(frozen=True)
class Recorded:
    """What became of a record.

    Attributes:
        state: open, final or given_back.
        decisions: new ones. known: those that had come before.
        codes: the codes of the encounter in the coder's order; empty unless the chart is final.
    """

    encounter_id: str
    chart_id: str
    state: str
    decisions: int
    known: int
    codes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As command line and API answer."""
        return {
            "encounter_id": self.encounter_id, "chart_id": self.chart_id, "state": self.state,
            "decisions_recorded": self.decisions, "decisions_known": self.known, "codes": list(self.codes),
        }  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """Why a record was not taken: where, what and what to do, without any of its values."""

    reason: str


@dataclass(frozen=True)
class Door:
    """The way a record came in: page, api or file; who sent it; when; and how long a pause may be to count as work."""

    source: str
    sent_by: str
    now: datetime
    idle_seconds: float


def record_charts(engine: sa.Engine, records: Sequence[Mapping[str, Any]], door: Door) -> list[Recorded | Refused]:
    """Record charts as `records.read_chart` describes them, in one transaction; one answer each, in their order.

    A record is taken whole or refused with its reason; a refused one costs no other. What had come before is known and
    changes nothing, so a batch may be sent again.
    """
    read: list[ChartRecord | Refused] = []
    for record in records:
        try:
            read.append(read_chart(record))
        except ChartRecordError as error:
            read.append(Refused(str(error)))
    charts = [one for one in read if isinstance(one, ChartRecord)]
    with engine.begin() as connection:
        lock_encounters(connection, (c.encounter_id for c in charts))
        known = known_encounters(connection, (c.encounter_id for c in charts))
        named = [d.document_id for c in charts for d in c.decisions if d.document_id is not None]
        desk = _Desk(known, document_lengths(connection, named) if named else {}, door)
        found = [desk.take(one) if isinstance(one, ChartRecord) else one for one in read]
        for table, rows in ((review.chart, desk.charts), (review.decision, desk.made), (review.chart_code, desk.codes)):
            copy_in(connection, table, pd.DataFrame(rows, columns=[c.name for c in table.columns], dtype=object))
    return found


class _Desk:
    """Takes records one after the other; rows to write gather in `charts`, `made` and `codes`."""

    def __init__(self, known: dict[str, Known], documents: dict[str, tuple[str, int]], door: Door) -> None:
        self._known, self._documents, self._door = known, documents, door
        self.charts: list[dict[str, Any]] = []
        self.made: list[dict[str, Any]] = []
        self.codes: list[dict[str, Any]] = []

    def take(self, record: ChartRecord) -> Recorded | Refused:
        """Take a record in, or say why not."""
        known = self._known.get(record.encounter_id)
        if known is None:
            return Refused("encounter_id: no encounter of that id was carried by filtering; see mart.quarantine")
        before = known.decisions.get(record.chart_id, [])
        there = {taken.decision_id for taken in before}
        new = [d for d in record.decisions if d.decision_id not in there]
        closing = known.closings.get(record.chart_id)
        if closing is not None:
            same = (closing["closed_at"], closing["outcome"]) == (record.closed_at, record.outcome)
            if new or (record.closed_at is not None and not same):
                return Refused("the chart is closed: open another of the encounter, by a new opened_at")
            return Recorded(record.encounter_id, record.chart_id, closing["outcome"], 0, len(record.decisions))
        if (fault := self._fault(record, known)) is not None:
            return Refused(fault)
        chart = Chart(record.kind, known.listed)
        try:
            for taken in before:
                chart.decide(taken)
        except DecisionError:
            return Refused("the encounter was coded again since the chart was opened: open another, by a new opened_at")
        written: list[Decision] = []
        for decision in new:
            where = f"decision {record.decisions.index(decision) + 1}: "
            try:
                one = replace(decision, code=self._code(decision, known))
                chart.decide(one)
            except DecisionError as error:
                return Refused(f"{where}{error}")
            written.append(one)
        if record.outcome == FINAL and (fault := chart.faults_of_final()) is not None:
            return Refused(fault)
        return self._keep(record, known, chart, written, len(record.decisions) - len(new))

    def _fault(self, record: ChartRecord, known: Known) -> str | None:
        """Why the record does not fit the encounter and its charts, or None."""
        times = (record.opened_at, record.closed_at, *(d.decided_at for d in record.decisions))
        latest = max(at for at in times if at is not None)
        if latest > self._door.now + _CLOCKS_APART:
            return "a time lies in the future: set the client's clock"
        if record.opened_at.date() < known.received_date:
            return "opened_at: lies before the day the encounter was received"
        if known.discharge_date is None:
            return "the encounter has no discharge date, which decides the code set: correct it in the quarantine first"
        opening = known.openings.get(record.chart_id)
        version = opening["version"] if opening is not None else known.version
        if version != known.version:
            return "the encounter was coded again since the chart was opened: open another, by a new opened_at"
        if record.kind == AUDIT:
            return self._audit_fault(record, known)
        if record.model_version is not None and record.model_version != known.version:
            return "model_version: the encounter was coded by another version since; show its codes anew"
        return None

    @staticmethod
    def _audit_fault(record: ChartRecord, known: Known) -> str | None:
        if known.audit is None:
            return "kind: the encounter is not in the audit sample; `medcode drift audit` lists it"
        if record.model_version is not None:
            return "model_version: an auditor codes without proposals, so there is no version that was seen"
        events = [*known.openings.values(), *known.closings.values()]
        if any(e["kind"] == REVIEW and e["coder"] == record.coder for e in events):
            return "coder: has reviewed the encounter and seen its proposals; another coder must audit it"
        return None

    def _code(self, decision: Decision, known: Known) -> str:
        """The code as it is written, billable at discharge.

        Raises:
            DecisionError: it is none, or not one of the day.
        """
        code = written_code(decision.code)
        if code is None:
            raise DecisionError("code: not written like an ICD-10-CM code")
        assert known.discharge_date is not None
        try:
            why = CodeSet.on(known.discharge_date).why_not_billable(code)
        except NoReleaseError as error:
            raise DecisionError(f"code: {error}") from None
        if why is not None and code not in known.listed:
            raise DecisionError(f"code: {why} The code set is that of the discharge date.")
        if decision.document_id is not None:
            assert decision.end is not None
            encounter, characters = self._documents.get(decision.document_id, ("", 0))
            if encounter != known.encounter_id or decision.end > characters:
                raise DecisionError("evidence: lies in no document of the encounter")
        return code

    def _keep(
        self, record: ChartRecord, known: Known, chart: Chart, new: Sequence[Decision], repeated: int
    ) -> Recorded:
        opening = known.openings.get(record.chart_id)
        row = self._chart_row(record, known)
        if opening is None:
            known.openings[record.chart_id] = row
            self.charts.append(row)
        taken = known.decisions.setdefault(record.chart_id, [])
        for decision in new:
            at = decision.decided_at or record.closed_at
            assert at is not None
            taken.append(Taken(decision.decision_id, decision.code, decision.outcome, decision.reason, decision.place,
                               decision.poa, at))  # fmt: skip
            self.made.append(self._decision_row(record, known, decision, len(taken), at))
        codes: tuple[str, ...] = ()
        if record.closed_at is not None:
            seconds = record.active_seconds
            by = CLIENT
            if seconds is None:
                times = [t.decided_at for t in taken]
                seconds = seconds_by_clock(record.opened_at, times, record.closed_at, self._door.idle_seconds)
                by = CLOCK
            closing = {
                **row, "event": CLOSED, "closed_at": record.closed_at, "closed_date": record.closed_at.date(),
                "outcome": record.outcome, "seconds": round(seconds, 3), "seconds_source": by,
            }  # fmt: skip
            known.closings[record.chart_id] = closing
            self.charts.append(closing)
            if record.outcome == FINAL:
                codes = tuple(chart.order)
                ids = {"chart_id": record.chart_id, "encounter_id": record.encounter_id}
                self.codes += [{**ids, **one} for one in chart.codes()]
        state = record.outcome or "open"
        return Recorded(record.encounter_id, record.chart_id, state, len(new), repeated, codes)

    def _chart_row(self, record: ChartRecord, known: Known) -> dict[str, Any]:
        stratum, weight = known.audit if record.kind == AUDIT and known.audit is not None else (None, None)
        return {
            "chart_id": record.chart_id, "event": OPENED, "encounter_id": record.encounter_id,
            "hospital_id": known.hospital_id, "kind": record.kind, "coder": record.coder, "version": known.version,
            "source": self._door.source, "sent_by": self._door.sent_by, "opened_at": record.opened_at,
            "stratum": stratum, "weight": weight, "recorded_at": self._door.now.astimezone(UTC),
        }  # fmt: skip

    def _decision_row(
        self, record: ChartRecord, known: Known, decision: Decision, number: int, at: datetime
    ) -> dict[str, Any]:
        # an auditor saw nothing of what was proposed
        seen = None if record.kind == AUDIT else known.listed.get(decision.code)
        return {
            "decision_id": decision.decision_id, "chart_id": record.chart_id, "number": number,
            "encounter_id": record.encounter_id, "code": decision.code, "outcome": decision.outcome,
            "reason": decision.reason, "place": decision.place, "poa": decision.poa,
            "document_id": decision.document_id, "start_offset": decision.start, "end_offset": decision.end,
            "version": None if record.kind == AUDIT else known.version, "band": None if seen is None else seen.band,
            "score": None if seen is None else seen.score, "coder": record.coder, "source": self._door.source,
            "sent_by": self._door.sent_by, "decided_at": at,
        }  # fmt: skip
