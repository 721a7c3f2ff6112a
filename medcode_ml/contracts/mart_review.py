"""Views of schema `mart` on what coders decided: agreement with the proposals, reasons, and the time charts take."""

from __future__ import annotations

from medcode_ml.contracts.view import View

_Z = 1.959964
#: each closed chart counts for its day, its week and all time, for its hospital and for all
_PERIODS = """
    SELECT t.chart_id, t.kind, t.outcome, t.seconds, t.seconds_source, t.version, p.period, h.hospital_id,
           CASE WHEN p.period <> 'all' THEN date_trunc(p.period, t.closed_date)::date END AS period_start
    FROM review.chart t
    CROSS JOIN (VALUES ('day'), ('week'), ('all')) p (period)
    CROSS JOIN LATERAL (VALUES (t.hospital_id), ('all')) h (hospital_id)
    WHERE t.event = 'closed'
"""


def _wilson(sign: str) -> str:
    """An end of Wilson's 95% interval of number / of."""
    return (
        f"CASE WHEN of > 0 THEN (share + {_Z**2 / 2:.6f} / of {sign} {_Z} * sqrt(share * (1 - share) / of "
        f"+ {_Z**2 / 4:.6f} / (of::double precision * of))) / (1 + {_Z**2:.6f} / of) END"
    )


_PERIOD = {
    "period": "day, week, or all time",
    "period_start": "first day of the period, by the UTC day of closing; null for all time",
    "hospital_id": "hospital, or all",
}

review_figure = View(
    "review_figure",
    "Coders against proposals, in charts closed as final: shares with Wilson's 95% interval",
    {
        **_PERIOD,
        "version": "coder whose proposals were reviewed",
        "band": "auto, review, or all",
        "figure": "accepted, rejected, reordered (of the codes proposed), untouched (of those of the auto band: kept "
        "without a word), added (of the codes reported), principal_agreement, unchanged (of the charts: same codes in "
        "the same order)",
        "number": "codes or charts of which it is so",
        "of": "codes or charts counted",
        "share": "number / of",
        "low": "lower end of the interval; codes of one chart are not independent, so it is rather too narrow",
        "high": "upper end of the interval",
    },
    f"""
    WITH period AS ({_PERIODS}),
    chart AS (SELECT * FROM period WHERE kind = 'review' AND outcome = 'final'),
    proposed AS (
        SELECT c.period, c.period_start, c.hospital_id, c.version, b.band, k.outcome, k.moved
        FROM chart c JOIN review.chart_code k USING (chart_id)
        CROSS JOIN LATERAL (VALUES (k.band), ('all')) b (band)
        WHERE k.band IS NOT NULL
    ), whole AS (
        SELECT c.period, c.period_start, c.hospital_id, c.version, c.chart_id,
               count(*) FILTER (WHERE k.place IS NOT NULL) AS reported,
               count(*) FILTER (WHERE k.outcome = 'added') AS added,
               bool_or(k.place = 1 AND k.proposed_place = 1) AS same_principal,
               bool_and(k.place IS NOT DISTINCT FROM k.proposed_place) AS unchanged
        FROM chart c JOIN review.chart_code k USING (chart_id) GROUP BY 1, 2, 3, 4, 5
    ), counted AS (
        SELECT period, period_start, hospital_id, version, band, f.figure,
               count(*) FILTER (WHERE f.so) AS number, count(*) AS of
        FROM proposed
        CROSS JOIN LATERAL (VALUES ('accepted', outcome IN ('accepted', 'kept')), ('rejected', outcome = 'rejected'),
                                   ('reordered', moved)) f (figure, so)
        GROUP BY 1, 2, 3, 4, 5, 6
        UNION ALL
        SELECT period, period_start, hospital_id, version, band, 'untouched',
               count(*) FILTER (WHERE outcome = 'kept'), count(*)
        FROM proposed WHERE band = 'auto' GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        SELECT period, period_start, hospital_id, version, 'all', 'added', sum(added)::bigint, sum(reported)::bigint
        FROM whole GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT period, period_start, hospital_id, version, 'all', f.figure, count(*) FILTER (WHERE f.so), count(*)
        FROM whole
        CROSS JOIN LATERAL (VALUES ('principal_agreement', same_principal), ('unchanged', unchanged)) f (figure, so)
        GROUP BY 1, 2, 3, 4, 6
    ), shared AS (SELECT *, number::double precision / nullif(of, 0) AS share FROM counted)
    SELECT period, period_start, hospital_id, version, band, figure, number, of, share,
           greatest(0, {_wilson("-")}) AS low, least(1, {_wilson("+")}) AS high
    FROM shared
    """,
)

review_reason = View(
    "review_reason",
    "Why coders rejected proposed codes, in charts closed as final",
    {
        **_PERIOD,
        "version": "coder whose proposals were rejected",
        "band": "auto or review",
        "reason": "reason of the rejection",
        "codes": "codes rejected for it",
        "share": "of the rejected codes of the band",
    },
    f"""
    WITH period AS ({_PERIODS})
    SELECT c.period, c.period_start, c.hospital_id, c.version, k.band, k.reason, count(*) AS codes,
           count(*)::double precision
               / sum(count(*)) OVER (PARTITION BY c.period, c.period_start, c.hospital_id, c.version, k.band) AS share
    FROM period c JOIN review.chart_code k USING (chart_id)
    WHERE c.kind = 'review' AND k.outcome = 'rejected' GROUP BY 1, 2, 3, 4, 5, 6
    """,
)

review_time = View(
    "review_time",
    "How long coders work on a chart; of what was given back only the number",
    {
        **_PERIOD,
        "kind": "review, or audit (coded without proposals)",
        "charts": "charts closed as final",
        "given_back": "charts given back",
        "median_seconds": "median of the seconds a final chart took",
        "p90_seconds": "nine of ten final charts took no longer",
        "charts_per_hour": "final charts by the hours they took together",
        "by_clock": "share of the final charts whose seconds are from opening to closing, pauses cut; of the others "
        "the client counted the active ones",
    },
    f"""
    WITH period AS ({_PERIODS})
    SELECT period, period_start, hospital_id, kind, count(*) FILTER (WHERE outcome = 'final') AS charts,
           count(*) FILTER (WHERE outcome = 'given_back') AS given_back,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE outcome = 'final') AS median_seconds,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE outcome = 'final') AS p90_seconds,
           count(*) FILTER (WHERE outcome = 'final') * 3600
               / nullif(sum(seconds) FILTER (WHERE outcome = 'final'), 0) AS charts_per_hour,
           avg((seconds_source = 'clock')::int) FILTER (WHERE outcome = 'final')::double precision AS by_clock
    FROM period GROUP BY 1, 2, 3, 4
    """,
)
