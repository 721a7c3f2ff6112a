"""The figures of a run, counted from the tables: what the report, the README and the marts page show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa


@dataclass(frozen=True)
class RunFigures:
    """What came in, what was set aside, and what came out, for received days `first` to `last`.

    Amounts are US dollars. `quarantined` and `held` are (name, count) by falling count.
    """

    encounters_in: int
    documents_in: int
    pages_in: int
    pages_read: int
    quarantined: tuple[tuple[str, int], ...]
    encounters_coded: int
    codes_accepted: int
    evidence: int
    queries: int
    grouped: int
    claims_ready: int
    claims_held: int
    held: tuple[tuple[str, int], ...]
    expected_payment: Decimal
    total_charge: Decimal
    interchanges: int
    label_encounters: int
    code_precision: float | None
    code_recall: float | None
    principal_agreement: float | None


def run_figures(engine: sa.Engine, first: date, last: date) -> RunFigures:
    """Count the figures of the days `first` to `last`."""
    days = {"first": first, "last": last}

    with engine.connect() as connection:

        def one(query: str) -> int:
            return int(connection.execute(sa.text(query), days).scalar_one() or 0)

        def count(table: str, where: str = "true") -> int:
            return one(f"SELECT count(*) FROM {table} WHERE received_date BETWEEN :first AND :last AND {where}")

        def listed(query: str) -> tuple[tuple[str, int], ...]:
            return tuple((str(name), int(n)) for name, n in connection.execute(sa.text(query), days))

        money = connection.execute(
            sa.text(
                "SELECT coalesce(sum(expected_payment) FILTER (WHERE status = 'ready'), 0), "
                "coalesce(sum(total_charge), 0) FROM billed.claim WHERE received_date BETWEEN :first AND :last"
            ),
            days,
        ).one()
        labels = connection.execute(sa.text(_AGREEMENT), days).one()
        return RunFigures(
            encounters_in=count("raw.encounter"),
            documents_in=count("raw.scanned_record"),
            pages_in=count("raw.page"),
            pages_read=count("raw.page", "text IS NOT NULL"),
            quarantined=listed(
                "SELECT rule || ' (' || string_agg(n || ' ' || record_kind, ', ' ORDER BY n DESC, record_kind) || ')', "
                "sum(n) FROM (SELECT rule, record_kind, count(*) AS n FROM filtered.quarantine "
                "WHERE received_date BETWEEN :first AND :last GROUP BY 1, 2) k GROUP BY rule ORDER BY 2 DESC, 1"
            ),
            encounters_coded=count("coded.encounter", "code_count > 0"),
            codes_accepted=count("coded.encounter_code", "accepted"),
            evidence=count("coded.evidence"),
            queries=count("coded.query"),
            grouped=count("billed.claim", "drg NOT IN ('998', '999')"),
            claims_ready=count("billed.claim", "status = 'ready'"),
            claims_held=count("billed.claim", "status = 'held'"),
            held=listed(
                "SELECT edit, count(DISTINCT encounter_id) FROM billed.claim_edit WHERE level = 'error' "
                "AND received_date BETWEEN :first AND :last GROUP BY 1 ORDER BY 2 DESC, 1"
            ),
            expected_payment=Decimal(money[0]),
            total_charge=Decimal(money[1]),
            interchanges=count("billed.interchange"),
            label_encounters=int(labels.encounters or 0),
            code_precision=_share(labels.hits, labels.proposed),
            code_recall=_share(labels.hits, labels.labelled),
            principal_agreement=_share(labels.principal_hits, labels.encounters),
        )


def _share(part: int | None, whole: int | None) -> float | None:
    return float(part or 0) / float(whole) if whole else None


# Agreement with the hospital's coders, whose labels carry errors themselves: encounters that were coded and labelled.
_AGREEMENT = """
WITH labelled AS (
    SELECT DISTINCT e.received_date, e.encounter_id, l.code, l.line_number::int = 1 AS principal
    FROM raw.coder_label l
    JOIN mapped.encounter e ON e.received_date = l.received_date AND e.source = l.source
         AND e.hospital_id = l.hospital_id
         AND e.encounter_number = ltrim(upper(regexp_replace(l.encounter_number, '[-_./ ]', '', 'g')), '0')
    JOIN ranked.encounter r ON r.received_date = e.received_date AND r.encounter_id = e.encounter_id
    WHERE l.received_date BETWEEN :first AND :last
), proposed AS (
    SELECT r.received_date, r.encounter_id, r.code, r.principal FROM ranked.encounter_code r
    WHERE (r.received_date, r.encounter_id) IN (SELECT received_date, encounter_id FROM labelled)
)
SELECT (SELECT count(DISTINCT (received_date, encounter_id)) FROM labelled) AS encounters,
       (SELECT count(DISTINCT (received_date, encounter_id, code)) FROM labelled) AS labelled,
       (SELECT count(*) FROM proposed) AS proposed,
       (SELECT count(*) FROM proposed p WHERE EXISTS (SELECT 1 FROM labelled l WHERE l.received_date = p.received_date
            AND l.encounter_id = p.encounter_id AND l.code = p.code)) AS hits,
       (SELECT count(*) FROM proposed p JOIN labelled l USING (received_date, encounter_id, code)
            WHERE p.principal AND l.principal) AS principal_hits
"""
