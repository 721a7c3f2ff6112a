"""The accounting of every stage: in = carried + set aside, counted from the tables and not from what a run reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from medcode_ml.contracts import ml

#: kinds of record that mapping and filtering carry or set aside, and the raw table each comes from
KINDS = {
    "patient": "patient",
    "encounter": "encounter",
    "document": "scanned_record",
    "procedure": "procedure",
    "diagnosis": "diagnosis",
    "charge": "charge",
    "medication": "medication",
    "microbiology": "microbiology",
    "observation": "observation",
    "unit_stay": "unit_stay",
    "service": "service",
}
#: what one record is where a table may hold several rows of it
_RECORD = {"diagnosis": "DISTINCT (encounter_id, line_number)"}


@dataclass(frozen=True)
class Account:
    """One line of the accounting: of `rows_in` records of `unit`, so many were carried and so many set aside."""

    stage: str
    unit: str
    rows_in: int
    carried: int
    set_aside: int

    @property
    def balances(self) -> bool:
        """Nothing was lost and nothing came from nowhere."""
        return self.rows_in == self.carried + self.set_aside


def accounts(engine: sa.Engine, stage: str, start: date, end: date) -> list[Account]:
    """Count the records of `stage` received from `start` to `end`.

    `stage` is raw, mapped, filtered, coded, ranked, billed, or a table with an accounting of its own: a training set
    (ml.coding_training_set), insurers' files (raw.answer_file) and what they say (billed.remittance).

    Raises:
        ValueError: no such stage.
    """
    if stage not in _QUERIES:
        raise ValueError(f"no accounting for stage {stage!r}: choose one of {', '.join(_QUERIES)}")
    with engine.connect() as connection:
        rows = connection.execute(sa.text(_QUERIES[stage]), {"start": start, "end": end}).all()
    return [Account(stage, unit, int(n), int(carried), int(aside)) for unit, n, carried, aside in rows]


def _count(table: str, what: str = "*", where: str = "true") -> str:
    return f"(SELECT count({what}) FROM {table} WHERE received_date BETWEEN :start AND :end AND {where})"


def _raw() -> str:
    lines = [
        f"SELECT '{name} rows' AS unit, coalesce(sum(rows_in), 0), {_count(f'raw.{name}')}, "
        f"{_count('raw.set_aside', '*', f'table_name = {chr(39)}{name}{chr(39)}')} "
        f"FROM raw.delivery WHERE received_date BETWEEN :start AND :end AND table_name = '{name}'"
        for name in ("hospital", "clinician", "payer", *KINDS.values(), "coder_label", "code_map", "remittance")
    ]
    pages = (
        f"SELECT 'pages', {_count('raw.page')}, {_count('raw.page', '*', 'gate IS NULL AND text IS NOT NULL')}, "
        f"{_count('raw.page', '*', 'gate IS NOT NULL')}"
    )
    return " UNION ALL ".join([*lines, pages])


def _mapped() -> str:
    return " UNION ALL ".join(
        f"SELECT '{kind}', {_count(f'raw.{table}')}, {_count(f'mapped.{kind}', _RECORD.get(kind, '*'))}, "
        f"{_count('mapped.unmatched', 'DISTINCT record_id', f'record_kind = {chr(39)}{kind}{chr(39)}')}"
        for kind, table in KINDS.items()
    )


def _filtered() -> str:
    return " UNION ALL ".join(
        f"SELECT '{kind}', {_count(f'mapped.{kind}')}, {_count(f'filtered.{kind}')}, {_aside_in_filtering(kind)}"
        for kind in KINDS
    )


def _aside_in_filtering(kind: str) -> str:
    where = f"stage = 'filtered' AND record_kind = '{kind}'"
    return _count("filtered.quarantine", "DISTINCT record_id", where)


def _one_for_one(unit: str, before: str, after: str) -> str:
    return f"SELECT '{unit}', {_count(before)}, {_count(after)}, 0"


def _labelled() -> str:
    """Encounters coders labelled, research records that came coded, charts closed as final, each once a day."""
    number = "ltrim(upper(regexp_replace(encounter_number, '[[:space:]./_-]+', '', 'g')), '0')"
    coders = _count("raw.coder_label", f"DISTINCT (received_date, source, hospital_id, {number})")
    came = (
        f"source IN {ml.CODED_SOURCES} AND (received_date, encounter_id) IN "
        "(SELECT received_date, encounter_id FROM filtered.diagnosis)"
    )
    return f"{coders} + {_count('filtered.encounter', '*', came)} + {_reviewed(number, came)}"


def _reviewed(number: str, came: str) -> str:
    """Encounters of charts closed as final on a day that brought no other labels of theirs."""
    number = number.replace("encounter_number", "l.encounter_number")
    return f"""(SELECT count(DISTINCT (c.closed_date, c.encounter_id)) FROM review.chart c
        WHERE c.closed_date BETWEEN :start AND :end AND c.outcome = 'final' AND c.kind = 'review' AND NOT EXISTS (
            SELECT FROM raw.coder_label l JOIN mapped.encounter m
                 ON m.source = l.source AND m.hospital_id = l.hospital_id AND ltrim(m.encounter_number, '0') = {number}
            WHERE l.received_date = c.closed_date AND m.encounter_id = c.encounter_id
        ) AND NOT EXISTS (
            SELECT FROM filtered.encounter
            WHERE received_date = c.closed_date AND encounter_id = c.encounter_id AND {came}
        ))"""


def _training_set(table: str, unit: str = "labelled encounter", before: str | None = None) -> str:
    aside = _count(table, "*", "split IS NULL AND set_aside IS NOT NULL")
    return f"SELECT '{unit}', {before or _labelled()}, {_count(table, '*', 'split IS NOT NULL')}, {aside}"


def _answer_files() -> str:
    """Files that came for the first time, and those that an earlier day brought already."""
    earlier = (
        "EXISTS (SELECT 1 FROM raw.answer_file e WHERE e.file_sha256 = f.file_sha256 "
        "AND e.received_date < f.received_date)"
    )
    return (
        f"SELECT 'answer file', {_count('raw.answer_file')}, "
        f"{_count('raw.answer_file', '*', 'first_received = received_date')}, "
        f"{_count('raw.answer_file f', '*', earlier)}"
    )


def _answers() -> str:
    """Files and delivered payments as they came, against what was made of them: nothing is lost."""
    read = "(received_date, file_sha256)"
    in_sets = f"{read} IN (SELECT received_date, file_sha256 FROM billed.answer_set WHERE file_sha256 IS NOT NULL)"
    files = (
        f"SELECT 'answer file', {_count('raw.answer_file')}, {_count('raw.answer_file', '*', in_sets)}, "
        f"{_count('billed.answer_unread', f'DISTINCT {read}', f'NOT {in_sets}')}"
    )
    rows = "transaction = 'rows'"
    delivered = (
        f"SELECT 'delivered payment', {_count('raw.remittance')}, coalesce(sum(claims - claims_repeated), 0), "
        f"coalesce(sum(claims_repeated), 0) FROM billed.answer_set "
        f"WHERE received_date BETWEEN :start AND :end AND {rows}"
    )
    # a set that is no answer we read may hold claims too: they are set aside with it
    claims = (
        f"SELECT 'answered claim', coalesce(sum(claims) FILTER (WHERE transaction IN ('835', 'rows') "
        f"OR status = 'not_read'), 0), {_count('billed.remittance_claim', '*', _MATCHED)}, "
        f"{_count('billed.remittance_claim', '*', f'NOT {_MATCHED}')} + coalesce(sum(claims_repeated), 0) "
        "+ coalesce(sum(claims) FILTER (WHERE status = 'not_read'), 0) "
        "FROM billed.answer_set WHERE received_date BETWEEN :start AND :end"
    )
    return " UNION ALL ".join([files, delivered, claims])


_MATCHED = "(outcome = 'matched')"

_QUERIES = {
    "raw": _raw(),
    "mapped": _mapped(),
    "filtered": _filtered(),
    "coded": _one_for_one("encounter", "filtered.encounter", "coded.encounter"),
    "ranked": " UNION ALL ".join(
        [
            _one_for_one("encounter", "coded.encounter", "ranked.encounter"),
            f"SELECT 'accepted code', {_count('coded.encounter_code', '*', 'accepted')}, "
            f"{_count('ranked.encounter_code')}, 0",
        ]
    ),
    **{kind.training_set.fullname: _training_set(kind.training_set.fullname) for kind in (ml.CODING, ml.RANKING)},
    ml.amount_training_set.fullname: _training_set(ml.amount_training_set.fullname, "claim", _count("billed.claim")),
    "raw.answer_file": _answer_files(),
    "billed.remittance": _answers(),
    "billed": f"SELECT 'encounter', {_count('ranked.encounter')}, "
    f"{_count('billed.claim', '*', 'status = ' + chr(39) + 'ready' + chr(39))}, "
    f"{_count('billed.claim', '*', 'status = ' + chr(39) + 'held' + chr(39))}",
}

#: tables with an accounting of their own, apart from that of their schema
OWN = frozenset(name for name in _QUERIES if "." in name)
