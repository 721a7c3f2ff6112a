"""What waits for coders: encounters of the worklist, audits not coded yet, and the codes proposed for an encounter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa


def charts_waiting(engine: sa.Engine, hospitals: Sequence[str] | None, limit: int) -> list[dict[str, Any]]:
    """Encounters of mart.coder_worklist, the heaviest first; `hospitals` None is all."""
    return _rows(engine, _WORKLIST, {"hospitals": None if hospitals is None else list(hospitals), "limit": limit})


def audits_waiting(engine: sa.Engine, hospitals: Sequence[str] | None, limit: int) -> list[dict[str, Any]]:
    """Encounters of the audit sample that no auditor closed as final, oldest first; nothing of what was proposed."""
    return _rows(engine, _AUDITS, {"hospitals": None if hospitals is None else list(hospitals), "limit": limit})


def proposals_of(engine: sa.Engine, encounter: str) -> dict[str, Any] | None:
    """The newest coding of an encounter with the codes proposed, in order; None where it was not coded."""
    found = _rows(engine, _CODED, {"encounter": encounter})
    if not found:
        return None
    return {**found[0], "codes": _rows(engine, _PROPOSED, {"encounter": encounter})}


def _rows(engine: sa.Engine, query: sa.TextClause, given: dict[str, Any]) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query, given).mappings()]


_WORKLIST = sa.text("""
SELECT received_date, encounter_id, hospital_id, setting, discharge_date, claim_status, principal_code, runner_up,
       codes_to_review, queries, reasons, at_stake
FROM mart.coder_worklist w
WHERE (CAST(:hospitals AS text[]) IS NULL OR hospital_id = ANY(:hospitals)) LIMIT :limit
""")
_AUDITS = sa.text("""
SELECT s.received_date, s.encounter_id, s.hospital_id
FROM ml.audit_sample s
WHERE (CAST(:hospitals AS text[]) IS NULL OR s.hospital_id = ANY(:hospitals)) AND NOT EXISTS (
    SELECT FROM review.chart c WHERE c.encounter_id = s.encounter_id AND c.kind = 'audit' AND c.outcome = 'final'
)
ORDER BY s.received_date, s.encounter_id LIMIT :limit
""")
_CODED = sa.text("""
SELECT e.encounter_id, f.hospital_id, e.discharge_date, e.code_set_release, e.model_version, e.outcome
FROM coded.encounter e JOIN filtered.encounter f USING (received_date, encounter_id)
WHERE e.encounter_id = :encounter ORDER BY e.received_date DESC LIMIT 1
""")
_PROPOSED = sa.text("""
SELECT v.rank, v.code, v.title, v.poa, v.score, v.band, v.assertion, v.place_reasons, v.code_reason, v.evidence
FROM mart.encounter_code v WHERE v.encounter_id = :encounter AND v.received_date = (
    SELECT max(received_date) FROM coded.encounter WHERE encounter_id = :encounter
) ORDER BY v.rank
""")
