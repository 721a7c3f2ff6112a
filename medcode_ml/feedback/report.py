"""What the tables say of coders and proposals: figures of reviews, time, and audits, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.identifiers import written_code
from medcode_ml.contracts.mart_review import review_figure, review_reason, review_time
from medcode_ml.contracts.view import View
from medcode_ml.feedback.agreement import AuditFrames, agreement
from medcode_ml.models.warehouse.labels import newest_coder_labels
from medcode_ml.store.frames import read_frame


@dataclass(frozen=True)
class FeedbackReport:
    """Figures of one period, as the views of the same names have them; `audits` by `agreement.COLUMNS`, of all time.

    Attributes:
        open_charts: opened and not closed yet.
    """

    shares: pd.DataFrame
    reasons: pd.DataFrame
    times: pd.DataFrame
    audits: pd.DataFrame
    open_charts: int


def feedback_report(engine: sa.Engine, period: str = "all", hospital: str | None = None) -> FeedbackReport:
    """The figures of a period (day, week, all), of one hospital or each of them and all together."""
    audits = audit_figures(engine)
    if hospital is not None:
        audits = audits[audits["hospital_id"] == hospital].reset_index(drop=True)
    shares, reasons, times = (_view(engine, v, period, hospital) for v in (review_figure, review_reason, review_time))
    with engine.connect() as connection:
        waiting = int(connection.execute(_OPEN, {"hospital": hospital}).scalar_one())
    return FeedbackReport(shares, reasons, times, audits, waiting)


def audit_figures(engine: sa.Engine) -> pd.DataFrame:
    """Figures of the audit sample by `agreement.COLUMNS`."""
    with engine.connect() as connection:
        return agreement(audit_frames(connection))


def audit_frames(connection: sa.Connection) -> AuditFrames:
    """The encounters audited, with what the first coder gave them: the newest of a chart and of delivered labels."""
    encounters = read_frame(connection, _AUDITED)
    ids = sorted(encounters["encounter_id"])
    codes = read_frame(connection, _CODES, {"charts": sorted(encounters["chart_id"])})
    reviewed = read_frame(connection, _REVIEWED, {"ids": ids})
    delivered = newest_coder_labels(connection, ids)
    delivered["code"] = [written_code(code) or code for code in delivered["code"]]
    # a chart counts before labels of its day or an earlier one, as in what is learned from
    by_labels = delivered.groupby("encounter_id")["received_date"].first().to_dict()
    charted = {
        encounter
        for encounter, day in reviewed.groupby("encounter_id")["received_date"].first().items()
        if day >= by_labels.get(encounter, day)
    }
    first = pd.concat(
        [reviewed[reviewed["encounter_id"].isin(charted)], delivered[~delivered["encounter_id"].isin(charted)]],
        ignore_index=True,
    ).drop_duplicates(["encounter_id", "code"])
    columns = ["encounter_id", "hospital_id", "version", "weight"]
    return AuditFrames(encounters[columns], codes, first[["encounter_id", "code", "place"]])


def charts_of(engine: sa.Engine, encounter: str) -> pd.DataFrame:
    """Charts of an encounter, oldest first: opened_at, kind, coder, version, closed_at, outcome, seconds, chart_id."""
    return read_frame(engine, _CHARTS, {"encounter": encounter})


def decisions_of(engine: sa.Engine, encounter: str) -> pd.DataFrame:
    """Decisions on an encounter in their order: decided_at, coder, outcome, code, reason, place, band, score."""
    return read_frame(engine, _DECISIONS, {"encounter": encounter})


def codes_of(engine: sa.Engine, encounter: str) -> pd.DataFrame:
    """Codes of the chart closed as final last: place, code, outcome, reason, band, proposed_place, poa, kind, coder."""
    return read_frame(engine, _FINAL, {"encounter": encounter})


def _view(engine: sa.Engine, view: View, period: str, hospital: str | None) -> pd.DataFrame:
    kept = [name for name in view.columns if name != "period"]
    keys = ", ".join(name for name in kept if name not in ("number", "of", "share", "low", "high"))
    query = f"""SELECT {", ".join(kept)} FROM mart.{view.name} WHERE period = :period
        AND (CAST(:hospital AS text) IS NULL OR hospital_id = :hospital) ORDER BY {keys}"""
    return read_frame(engine, sa.text(query), {"period": period, "hospital": hospital})


_OPEN = sa.text("""
SELECT count(*) FROM review.chart o
WHERE event = 'opened' AND (CAST(:hospital AS text) IS NULL OR hospital_id = :hospital) AND NOT EXISTS (
    SELECT FROM review.chart c WHERE c.chart_id = o.chart_id AND c.event = 'closed'
)
""")
_AUDITED = sa.text("""
SELECT DISTINCT ON (encounter_id) encounter_id, chart_id, hospital_id, coalesce(version, 'none') AS version, weight
FROM review.chart WHERE event = 'closed' AND kind = 'audit' AND outcome = 'final'
ORDER BY encounter_id, closed_at DESC, chart_id
""")
_CODES = sa.text("""
SELECT encounter_id, code, band, proposed_place, place FROM review.chart_code WHERE chart_id = ANY(:charts)
""")
_REVIEWED = sa.text("""
SELECT c.encounter_id, c.closed_date AS received_date, k.code, k.place
FROM (SELECT DISTINCT ON (encounter_id) encounter_id, chart_id, closed_date FROM review.chart
      WHERE encounter_id = ANY(:ids) AND event = 'closed' AND kind = 'review' AND outcome = 'final'
      ORDER BY encounter_id, closed_at DESC, chart_id) c
JOIN review.chart_code k USING (chart_id) WHERE k.place IS NOT NULL
""")
_CHARTS = sa.text("""
SELECT o.opened_at, o.kind, o.coder, o.version, c.closed_at, c.outcome, c.seconds, o.source, o.chart_id
FROM review.chart o LEFT JOIN review.chart c ON c.chart_id = o.chart_id AND c.event = 'closed'
WHERE o.event = 'opened' AND o.encounter_id = :encounter ORDER BY o.opened_at, o.chart_id
""")
_DECISIONS = sa.text("""
SELECT d.decided_at, d.coder, d.outcome, d.code, d.reason, d.place, d.band, d.score FROM review.decision d
JOIN review.chart o ON o.chart_id = d.chart_id AND o.event = 'opened'
WHERE d.encounter_id = :encounter ORDER BY o.opened_at, d.chart_id, d.number
""")
_FINAL = sa.text("""
SELECT k.place, k.code, k.outcome, k.reason, k.band, k.proposed_place, k.poa, c.kind, c.coder
FROM (SELECT chart_id, kind, coder FROM review.chart WHERE encounter_id = :encounter AND outcome = 'final'
      ORDER BY closed_at DESC, chart_id LIMIT 1) c
JOIN review.chart_code k USING (chart_id) ORDER BY k.place NULLS LAST, k.code
""")
