"""The answers stage: what arrived on a day becomes rows of `billed`, each answer once, in one transaction a day.

A day is read against what earlier days hold, never later ones, so that a day that runs again gives the same rows; days
that had taken an answer for new before an earlier day brought it run again by themselves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.answers import warehouse
from medcode_ml.billing.answers.delivered import answers_from_rows
from medcode_ml.billing.answers.denials import denials
from medcode_ml.billing.answers.frames import MATCHED, Answers, frame, together
from medcode_ml.billing.answers.kept import KeptFiles
from medcode_ml.billing.answers.matching import Matched, OurClaims, match
from medcode_ml.billing.answers.reading import CLAIMS_A_PART, stream_answers
from medcode_ml.billing.answers.repeated import IDS, Seen, mark_repeated, without_repeated
from medcode_ml.billing.answers.values import ZERO
from medcode_ml.contracts import answers
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.frames import clear_partition, copy_in, days_of, read_partition

#: table of every frame but the files, which are landed before, and the sets, which are written when a file is through
_WRITTEN = {
    "acknowledgements": answers.acknowledgement, "acknowledgement_faults": answers.acknowledgement_fault,
    "claim_statuses": answers.claim_status, "remittances": answers.remittance,
    "remittance_claims": answers.remittance_claim, "remittance_lines": answers.remittance_line,
    "adjustments": answers.remittance_adjustment, "provider_adjustments": answers.provider_adjustment,
    "unread": answers.answer_unread,
}  # fmt: skip

#: acknowledgements and payments belong to no single claim; `repeated` of a set is said by its status
_NOT_WRITTEN = (*MATCHED, "repeated")


@dataclass
class _Tally:
    """What came of the days that were asked for."""

    rows: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    denied: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    paid: Decimal = ZERO
    unbalanced: int = 0
    rejected: int = 0

    def add(self, marked: Matched, found: pd.DataFrame) -> None:
        """Add a part; rows are counted where they are written."""
        told = marked.answers
        self.outcomes.update(marked.counts)
        self.paid += sum(marked.claims("matched")["paid"], ZERO)
        self.unbalanced += int((told.remittances["outcome"] == "unbalanced").sum())
        statuses = told.claim_statuses
        claims = (statuses["level"] == "claim") & (statuses["outcome"] == "matched")
        self.rejected += int((claims & (statuses["status"] == "rejected")).sum())
        for key, amount in zip(found["denial_key"], found["amount"], strict=True):
            count, sums = self.denied.get(key, (0, ZERO))
            self.denied[key] = count + 1, sums + (amount or ZERO)


def run_answers(engine: sa.Engine, start: date, end: date, kept: KeptFiles) -> StageResult:
    """Read, balance, match and write what arrived from `start` to `end`, files and delivered rows; find the denials.

    Answers are matched to claims made up to their day. Memory is that of one part of a file (2,000 claims).

    Raises:
        KeptFileError: a file that arrived is no longer kept.
    """
    tally = _Tally()
    for day in days_of(start, end):
        _run_day(engine, day, kept, tally)
    again: list[date] = []
    with engine.connect() as connection:
        again = warehouse.days_to_run_again(connection, start, end)
    for day in again:
        _run_day(engine, day, kept, _Tally())
    with engine.connect() as connection:
        waits = warehouse.answered(connection, start, end)
    figures: dict[str, float | int | str] = {
        **{f"claims_{outcome}": tally.outcomes[outcome] for outcome in sorted(tally.outcomes)},
        "claims_rejected_by_277CA": tally.rejected,
        "paid_matched_usd": str(tally.paid),
        "payments_unbalanced": tally.unbalanced,
        "denied_usd": str(sum((amount for _, amount in tally.denied.values()), ZERO)),
        "later_days_put_right": len(again),
        **waits,
    }
    ordered = sorted(tally.denied.items(), key=lambda item: (-item[1][1], item[0]))
    listing = tuple((key, str(amount), count) for key, (count, amount) in ordered)
    header = ("denial (group, CARC, RARC)", "US dollars", "denials")
    return StageResult("answers", start, end, dict(tally.rows), figures, (header, listing))


def _run_day(engine: sa.Engine, day: date, kept: KeptFiles, tally: _Tally) -> None:
    with engine.begin() as connection:
        for table in answers.READ:
            clear_partition(connection, table, day)
        writer = _Writer(connection, day, tally)
        for row in read_partition(connection, answers.answer_file, day).to_dict("records"):
            with kept.open(row["file_sha256"]) as source:
                for part in stream_answers(source, row["name"]):
                    writer.take(_with_a_word_on_nothing(part, row["file_sha256"]), row["source"])
        rows = warehouse.delivered_rows(connection, day)
        for source_name, some in rows.groupby("source", sort=True):
            writer.take(answers_from_rows(some), str(source_name))
        writer.close()


def _with_a_word_on_nothing(part: Answers, sha256: str) -> Answers:
    """A file in which nothing stands says so."""
    if not len(part.files) or len(part.sets) or len(part.unread):
        return part
    said = {"file_sha256": sha256, "unread_number": -1, "segment_number": 0, "size": 0, "because": "the file is empty"}
    return replace(part, unread=frame([tuple(said.get(c) for c in part.unread)], tuple(part.unread)))


class _Writer:
    """Writes the answers of one day in the caller's transaction: small files together, large ones part by part."""

    def __init__(self, connection: sa.Connection, day: date, tally: _Tally) -> None:
        self._connection, self._day, self._tally = connection, day, tally
        self._seen = Seen()
        self._parts: list[Answers] = []
        self._waiting = 0
        self._sets: list[pd.DataFrame] = []
        self._sources: dict[str, str] = {}
        self._repeated: Counter[str] = Counter()

    def take(self, part: Answers, source: str) -> None:
        """Take a part of a file of `source`; what waits is written once it is large enough."""
        self._sources.update(dict.fromkeys(part.sets["set_id"], source))
        self._parts.append(part)
        self._waiting += sum(len(getattr(part, name)) for name in IDS)
        if self._waiting >= CLAIMS_A_PART:
            self._flush()

    def close(self) -> None:
        """Write what waits, and the sets of the day: how many of their claims were repeated is known by now."""
        self._flush()
        if self._sets:
            told = pd.concat(self._sets, ignore_index=True)
            counts = [self._repeated[one] for one in told["set_id"]]
            sources = [self._sources[one] for one in told["set_id"]]
            self._write(answers.answer_set, told.assign(source=sources, claims_repeated=counts))

    def _flush(self) -> None:
        if not self._parts:
            return
        part, self._parts, self._waiting = together(self._parts), [], 0
        warehouse.recall(self._connection, self._day, part, self._seen)
        ours = OurClaims(warehouse.our_claims(self._connection, self._day, part))
        matched = match(mark_repeated(part, self._seen), ours)
        self._repeated.update(matched.claims("repeated")["set_id"])
        self._sets.append(matched.answers.sets)
        new = without_repeated(matched.answers)
        found = self._denials(Matched(new))
        self._tally.add(matched, found)
        for name, table in _WRITTEN.items():
            self._write(table, getattr(new, name))
        self._write(answers.denial, found)

    def _denials(self, new: Matched) -> pd.DataFrame:
        encounters = new.claims("matched")["encounter_id"].dropna()
        codes, edits = warehouse.codes_and_edits(self._connection, self._day, encounters)
        return denials(new, codes, edits)

    def _write(self, table: sa.Table, rows: pd.DataFrame) -> None:
        unknown = [c for c in _NOT_WRITTEN if c in rows.columns and c not in table.columns]
        made = rows.drop(columns=unknown).assign(received_date=self._day)
        self._tally.rows[table.name] += copy_in(self._connection, table, made)
