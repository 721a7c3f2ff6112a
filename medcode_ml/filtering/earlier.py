"""What `raw` and `mapped` set aside, as quarantine rows: one place tells a person everything that did not go on."""

from __future__ import annotations

from collections import Counter
from datetime import date

import sqlalchemy as sa

from medcode_ml.contracts.review import NEWEST_DECISION

_LINES = """
INSERT INTO filtered.quarantine (received_date, quarantine_id, stage, record_kind, record_id, rule, severity, owner,
                                 reason, original, releasable)
SELECT received_date, set_aside_id, 'raw', 'line', set_aside_id, rule, 'error', 'interfaces',
       reason || ' (' || source_file || CASE WHEN source_line > 0 THEN ' line ' || source_line ELSE '' END || ')',
       original, false
FROM raw.set_aside WHERE received_date = :day
RETURNING stage, record_kind, rule
"""
# The id is made as contracts.ids.record_hash makes it. A page that a person released is not listed: it was carried.
_PAGES = f"""
INSERT INTO filtered.quarantine (received_date, quarantine_id, stage, record_kind, record_id, hospital_id, rule,
                                 severity, owner, reason, releasable)
SELECT p.received_date,
       left(encode(sha256(convert_to('raw' || chr(31) || p.page_id || chr(31) || p.gate, 'UTF8')), 'hex'), 20),
       'raw', 'page', p.page_id, p.hospital_id, p.gate, 'error',
       'health information management', coalesce(p.gate_reason, ''), p.text IS NOT NULL
FROM raw.page p
WHERE p.received_date = :day AND p.gate IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM ({NEWEST_DECISION}) d WHERE d.record_id = p.page_id AND d.rule = p.gate AND d.outcome = 'released')
RETURNING stage, record_kind, rule
"""
_UNMATCHED = """
INSERT INTO filtered.quarantine (received_date, quarantine_id, stage, record_kind, record_id, encounter_id, hospital_id,
                                 rule, severity, owner, reason, original, candidates, releasable)
SELECT received_date, unmatched_id, 'mapped', record_kind, record_id, encounter_id, hospital_id, rule, 'error',
       CASE record_kind WHEN 'document' THEN 'health information management'
                        WHEN 'diagnosis' THEN 'coding' WHEN 'procedure' THEN 'coding' ELSE 'registration' END,
       reason, original, candidates, false
FROM mapped.unmatched WHERE received_date = :day
RETURNING stage, record_kind, rule
"""


def carry_earlier_quarantine(connection: sa.Connection, day: date) -> Counter[tuple[str, str, str]]:
    """Write the quarantine rows of lines, pages and records set aside on `day` before filtering.

    Returns how many by (stage, record kind, rule).
    """
    found: Counter[tuple[str, str, str]] = Counter()
    for statement in (_LINES, _PAGES, _UNMATCHED):
        counted = f"WITH rows AS ({statement}) SELECT stage, record_kind, rule, count(*) FROM rows GROUP BY 1, 2, 3"
        for stage, kind, rule, number in connection.execute(sa.text(counted), {"day": day}):
            found[(stage, kind, rule)] += number
    return found
