"""The filtering stage: a day of `mapped` becomes a day of `filtered`, with everything set aside in one quarantine.

Only the columns that rules ask about are read; what every rule lets through is carried inside the database. Patients
first, then encounters, then what hangs on them, each in batches of a key range.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import filtered, mapped
from medcode_ml.contracts.stage import StageResult
from medcode_ml.filtering.apply import KEYS, Cascade, Judged, judge, summed
from medcode_ml.filtering.context import encounters_with_context, read_stays, with_stays
from medcode_ml.filtering.corrections import corrected_columns
from medcode_ml.filtering.earlier import carry_earlier_quarantine
from medcode_ml.filtering.rule import Rule, rules
from medcode_ml.store.decisions import newest_decisions
from medcode_ml.store.frames import clear_partition, copy_in, copy_out, days_of
from medcode_ml.store.ranges import KeyRange, key_ranges

WRITTEN = (*KEYS, "quarantine", "rule_count")
BATCH = 40_000
"""Mapped rows in a batch, about."""
_OF_ENCOUNTERS = tuple(kind for kind in KEYS if kind not in ("patient", "encounter"))
_LEFT_OUT = "filtering_left_out"
"""Temporary table of the day's records that are not carried as they stand in `mapped`."""


def run_filtering(engine: sa.Engine, start: date, end: date, batch: int = BATCH) -> StageResult:
    """Filter the records received from `start` to `end`, day by day; each day is replaced in one transaction."""
    rows: Counter[str] = Counter(dict.fromkeys(WRITTEN, 0))
    by_rule: Counter[tuple[str, str, str]] = Counter()
    for day in days_of(start, end):
        with engine.begin() as connection:
            run = _Day(connection, day, batch)
            run.filter()
        rows.update(run.rows)
        by_rule.update(run.by_rule)
    listing = tuple((*key, n) for key, n in sorted(by_rule.items(), key=lambda item: -item[1]))
    return StageResult("filtering", start, end, dict(rows), {}, (("stage", "record", "rule", "set aside"), listing))


class _Day:
    """One day on its way from `mapped` to `filtered`."""

    def __init__(self, connection: sa.Connection, day: date, batch: int) -> None:
        self.connection = connection
        self.day = day
        self.batch = batch
        self.rules = rules()
        self.decisions = newest_decisions(connection)
        self.rows: Counter[str] = Counter()
        self.by_rule: Counter[tuple[str, str, str]] = Counter()
        self.counts: list[dict[str, Any]] = []

    def filter(self) -> None:
        """Filter everything received on the day."""
        for name in WRITTEN:
            clear_partition(self.connection, getattr(filtered, name), self.day)
        self.connection.execute(
            sa.text(
                f"CREATE TEMPORARY TABLE {_LEFT_OUT} (kind text, id text, line integer, part integer) ON COMMIT DROP"
            )
        )
        self.by_rule.update(carry_earlier_quarantine(self.connection, self.day))
        for part in self._parts(("patient",), ("patient_id",)):
            self._judge("patient", self._read("patient", part), ())
        self._carry("patient")
        for part in self._parts(("encounter",), ("encounter_id",)):
            self._encounters(part)
        self._carry("encounter")
        for part in self._parts(_OF_ENCOUNTERS, ("encounter_id",)):
            self._records(part)
        for kind in _OF_ENCOUNTERS:
            self._carry(kind)
        self.connection.execute(sa.text(f"DROP TABLE {_LEFT_OUT}"))
        counts = pd.DataFrame(summed(self.counts), dtype=object)
        self.rows["rule_count"] += copy_in(self.connection, filtered.rule_count, counts.assign(received_date=self.day))
        self.rows["quarantine"] = sum(self.by_rule.values())

    def _parts(self, kinds: tuple[str, ...], key: tuple[str, ...]) -> list[KeyRange]:
        return list(key_ranges(self.connection, self.day, [getattr(mapped, k) for k in kinds], key, self.batch))

    def _encounters(self, part: KeyRange) -> None:
        stays = copy_out(self.connection, encounters_with_context(self.day, part))
        waiting = ~stays["patient_carried"].to_numpy(dtype=bool)
        known = stays["carried_before"].to_numpy(dtype=bool)
        self._judge("encounter", stays, (("already_received", known), ("patient_set_aside", waiting & ~known)))

    def _records(self, part: KeyRange) -> None:
        """Documents and lines of one range of encounters."""
        stays = read_stays(self.connection, self.day, part)
        for kind in _OF_ENCOUNTERS:
            frame = self._read(kind, part)
            if frame.empty:
                continue
            asked = with_stays(frame, stays)
            waits = ~asked["carried"].to_numpy(dtype=bool)
            self._judge(kind, asked, (("encounter_set_aside", waits),))

    def _read(self, kind: str, part: KeyRange) -> pd.DataFrame:
        """The columns of `mapped.<kind>` that the rules of the kind name, with what every rule needs."""
        table = getattr(mapped, kind)
        asked = _asked(kind, self.rules) | corrected_columns(kind, self.decisions)
        names = [c for c in table.columns if c.name in asked]
        return copy_out(self.connection, sa.select(*names).where(part.of(table, self.day)).order_by(*table.primary_key))

    def _judge(self, kind: str, frame: pd.DataFrame, cascades: tuple[Cascade, ...]) -> None:
        judged = judge(kind, frame, self.rules, self.decisions, cascades)
        self.counts += judged.counts
        copy_in(self.connection, filtered.quarantine, judged.quarantine.assign(received_date=self.day))
        self.by_rule.update(("filtered", kind, rule) for rule in judged.quarantine["rule"])
        self._leave_out(kind, judged)
        if judged.mended.any():
            self._carry_mended(kind, judged)

    def _leave_out(self, kind: str, judged: Judged) -> None:
        key = judged.frame.loc[judged.aside | judged.mended, list(KEYS[kind])]
        if key.empty:
            return
        names = ["kind", *("id", "line", "part")[: len(KEYS[kind])]]
        left_out = key.set_axis(names[1:], axis=1).assign(kind=kind)
        copy_in(self.connection, _LEFT_OUT_TABLE, left_out)

    def _carry(self, kind: str) -> None:
        """Carry the day's records of `kind` that are not left out, inside the database."""
        source, target = getattr(mapped, kind), getattr(filtered, kind)
        names = [c.name for c in target.columns]
        left = _LEFT_OUT_TABLE.c
        same = [source.c[c] == left[n] for c, n in zip(KEYS[kind], ("id", "line", "part"), strict=False)]
        rows = sa.select(*[source.c[n] for n in names]).where(
            source.c.received_date == self.day, ~sa.exists().where(left.kind == kind, *same)
        )
        done = self.connection.execute(
            sa.insert(target).from_select(names, rows), execution_options={"preserve_rowcount": True}
        )
        self.rows[kind] += done.rowcount

    def _carry_mended(self, kind: str, judged: Judged) -> None:
        """Carry the records that rules repaired, with what they put right."""
        source, target = getattr(mapped, kind), getattr(filtered, kind)
        key = list(KEYS[kind])
        mended = judged.frame[judged.mended]
        ids = sa.literal(list(dict.fromkeys(mended[key[0]])), sa.ARRAY(sa.Text))
        names = [c for c in source.columns if c.name in target.columns]
        query = sa.select(*names).where(source.c.received_date == self.day, source.c[key[0]] == sa.func.any(ids))
        whole = copy_out(self.connection, query)
        at = pd.MultiIndex.from_frame(whole[key]).get_indexer(pd.MultiIndex.from_frame(mended[key]))
        whole = whole.iloc[at].reset_index(drop=True)
        changed = [c for c in mended.columns if c in whole.columns and c not in key]
        whole = whole.assign(**{c: mended[c].to_numpy(dtype=object) for c in changed})
        self.rows[kind] += copy_in(self.connection, target, whole)


_LEFT_OUT_TABLE = sa.Table(
    _LEFT_OUT, sa.MetaData(), sa.Column("kind", sa.Text), sa.Column("id", sa.Text), sa.Column("line", sa.Integer),
    sa.Column("part", sa.Integer),
)  # fmt: skip


def _asked(kind: str, asked_rules: tuple[Rule, ...]) -> set[str]:
    """Names of the columns that the rules of `kind` ask about, with the key and what every record has."""
    names = {*KEYS[kind], "encounter_id", "hospital_id", "repairs", "unreadable"}
    for rule in asked_rules:
        if rule.record == kind:
            names |= {*rule.columns, *rule.when}
            if rule.check == "range":
                names |= {"name", "unit"}
    return names
