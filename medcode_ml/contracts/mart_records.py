"""Views of schema `mart` on records: codes with their evidence, what was set aside, who is who, what a day brought."""

from __future__ import annotations

from medcode_ml.contracts.review import NEWEST_DECISION
from medcode_ml.contracts.view import View

encounter_code = View(
    "encounter_code",
    "One row for each code of an encounter in reporting order, with the evidence it rests on",
    {
        "received_date": "day the encounter's record was received",
        "encounter_id": "encounter",
        "rank": "place in the reporting order, 1 first",
        "code": "ICD-10-CM code",
        "title": "title of the code",
        "principal": "this is the principal diagnosis",
        "poa": "present on admission; null when exempt",
        "score": "score of the coder, 0 to 1",
        "band": "auto, review or drop",
        "assertion": "affirmed, uncertain or historical",
        "origin": "documents, or delivered with the record",
        "place_reasons": "why the code stands at this place",
        "eligible": "the code may be principal",
        "principal_share": "share of the code in the choice of the principal",
        "code_reason": "why the code was accepted",
        "evidence": "list of {document_id, start, end, text, section, boxes}",
        "code_set_release": "code set release in force at discharge",
        "model_version": "coder that proposed the code",
    },
    """
    SELECT r.received_date, r.encounter_id, r.rank, r.code, c.title, r.principal, r.poa, c.score, c.band, c.assertion,
           c.origin, r.reasons AS place_reasons, r.eligible, r.principal_share, c.reason AS code_reason,
           (SELECT jsonb_agg(jsonb_build_object('document_id', v.document_id, 'start', v.start_offset,
                     'end', v.end_offset, 'text', v.text, 'section', v.section_type, 'boxes', v.boxes)
                     ORDER BY v.document_id, v.start_offset)
            FROM coded.evidence v
            WHERE v.received_date = r.received_date AND v.encounter_id = r.encounter_id
              AND v.code = r.code) AS evidence,
           e.code_set_release, e.model_version
    FROM ranked.encounter_code r
    JOIN coded.encounter_code c USING (received_date, encounter_id, code)
    JOIN coded.encounter e USING (received_date, encounter_id)
    """,
)

quarantine = View(
    "quarantine",
    "Everything set aside, with its reason and what a person decided about it",
    {
        "received_date": "day the record was received",
        "quarantine_id": "id of the entry",
        "stage": "stage that set it aside",
        "record_kind": "kind of record",
        "record_id": "record, as `medcode quarantine` wants it",
        "encounter_id": "encounter where known",
        "hospital_id": "hospital where known",
        "rule": "name of the rule",
        "severity": "error, or scope: not asked for, which is no fault",
        "owner": "who looks after such records",
        "reason": "what was wrong and what to do",
        "column_name": "column with the fault",
        "original": "original value",
        "candidates": "encounters it may belong to, for a person to choose",
        "releasable": "a person may release it",
        "decision": "released, corrected or rejected; null where it waits",
        "decided_by": "who decided",
        "note": "why",
        "decided_at": "when",
    },
    f"""
    SELECT q.received_date, q.quarantine_id, q.stage, q.record_kind, q.record_id, q.encounter_id, q.hospital_id, q.rule,
           q.severity, q.owner, q.reason, q.column_name, q.original, q.candidates, q.releasable,
           d.outcome AS decision, d.decided_by, d.note, d.decided_at
    FROM filtered.quarantine q
    LEFT JOIN ({NEWEST_DECISION}) d
         ON d.record_id = q.record_id AND d.rule = q.rule AND d.outcome <> 'withdrawn'
    """,
)

person = View(
    "person",
    "One row a patient record: which person it belongs to",
    {
        "person_id": "person",
        "patient_id": "patient record of one hospital",
        "hospital_id": "hospital that registered it",
        "record_count": "patient records of the person",
        "encounter_count": "encounters of the record",
    },
    """
    SELECT p.person_id, p.patient_id, h.hospital_id, p.record_count,
           (SELECT count(*) FROM mapped.encounter e WHERE e.patient_id = p.patient_id) AS encounter_count
    FROM mapped.person p
    JOIN (SELECT DISTINCT patient_id, hospital_id FROM mapped.patient) h USING (patient_id)
    """,
)

link_review = View(
    "link_review",
    "Pairs of patient records that wait for a person to say whether they are one; values only in `medcode link show`",
    {
        "patient_id": "the smaller patient_id of the pair",
        "other_patient_id": "the larger patient_id of the pair",
        "probability": "probability that the two are one person",
        "weight": "match weight: log2 of the Bayes factor, prior included",
        "reason": "rule that keeps the pair from being linked alone; null where the weight does",
        "fields": "[{field, level, weight}]: how each field agrees and what that weighs",
        "model_version": "hash of the parameters and thresholds",
    },
    """
    SELECT l.patient_id, l.other_patient_id, l.probability, l.weight, l.reason, l.fields, l.model_version
    FROM mapped.person_link l
    JOIN mapped.person p USING (patient_id)
    JOIN mapped.person o ON o.patient_id = l.other_patient_id
    WHERE l.band = 'review' AND l.decision IS NULL AND p.person_id <> o.person_id
    """,
)

daily_figure = View(
    "daily_figure",
    "One row a received day and hospital: what came in, what was set aside, what was coded, claimed and expected",
    {
        "received_date": "day the records were received",
        "hospital_id": "hospital",
        "encounters_received": "encounters delivered",
        "documents_received": "documents delivered",
        "pages_received": "page images delivered",
        "pages_set_aside": "pages that a gate set aside",
        "records_quarantined": "entries in quarantine",
        "encounters_coded": "encounters with at least one accepted code",
        "codes_accepted": "codes accepted",
        "claims_ready": "claims that can go out",
        "claims_held": "claims held",
        "total_charge": "charges of all claims, US dollars",
        "expected_payment": "expected payment of the claims that are ready, US dollars",
    },
    """
    WITH keys AS (SELECT DISTINCT received_date, hospital_id FROM raw.encounter),
    encounters AS (SELECT received_date, hospital_id, count(*) AS n FROM raw.encounter GROUP BY 1, 2),
    documents AS (SELECT received_date, hospital_id, count(*) AS n FROM raw.scanned_record GROUP BY 1, 2),
    pages AS (SELECT received_date, hospital_id, count(*) AS n, count(gate) AS gated FROM raw.page GROUP BY 1, 2),
    aside AS (SELECT received_date, hospital_id, count(*) AS n FROM filtered.quarantine GROUP BY 1, 2),
    coded AS (SELECT e.received_date, e.hospital_id, count(*) FILTER (WHERE c.code_count > 0) AS n,
                     sum(c.code_count) AS codes
              FROM coded.encounter c JOIN filtered.encounter e USING (received_date, encounter_id) GROUP BY 1, 2),
    claims AS (SELECT received_date, hospital_id, count(*) FILTER (WHERE status = 'ready') AS ready,
                      count(*) FILTER (WHERE status = 'held') AS held, sum(total_charge) AS charge,
                      sum(expected_payment) FILTER (WHERE status = 'ready') AS payment
               FROM billed.claim GROUP BY 1, 2)
    SELECT k.received_date, k.hospital_id, e.n AS encounters_received, coalesce(d.n, 0) AS documents_received,
           coalesce(p.n, 0) AS pages_received, coalesce(p.gated, 0) AS pages_set_aside,
           coalesce(a.n, 0) AS records_quarantined, coalesce(o.n, 0) AS encounters_coded,
           coalesce(o.codes, 0)::bigint AS codes_accepted, coalesce(c.ready, 0) AS claims_ready,
           coalesce(c.held, 0) AS claims_held, coalesce(c.charge, 0) AS total_charge,
           coalesce(c.payment, 0) AS expected_payment
    FROM keys k
    JOIN encounters e USING (received_date, hospital_id)
    LEFT JOIN documents d USING (received_date, hospital_id)
    LEFT JOIN pages p USING (received_date, hospital_id)
    LEFT JOIN aside a USING (received_date, hospital_id)
    LEFT JOIN coded o USING (received_date, hospital_id)
    LEFT JOIN claims c USING (received_date, hospital_id)
    """,
)
