"""Schema `mart`: the views that SQL consumers read, every column commented. Nothing else is promised to them."""

from __future__ import annotations

from dataclasses import dataclass

from medcode_ml.contracts.review import NEWEST_DECISION


@dataclass(frozen=True)
class View:
    """A view of schema `mart`: its comment, its columns with their comments, in order, and its select."""

    name: str
    comment: str
    columns: dict[str, str]
    select: str


claim = View(
    "claim",
    "One row a claim: who bills whom, for what stay, grouped and priced how, ready or held",
    {
        "received_date": "day the encounter's record was received",
        "encounter_id": "encounter",
        "claim_number": "patient control number (CLM01)",
        "claim_type": "837I or 837P",
        "hospital_id": "billing hospital",
        "hospital_name": "name of the billing hospital",
        "payer_id": "payer",
        "payer_name": "name of the payer",
        "setting": "inpatient or outpatient",
        "admission_date": "admission or visit date",
        "discharge_date": "discharge date; decides code set, editor and grouper",
        "status": "ready or held",
        "held_because": "what holds the claim, as a list of sentences",
        "principal_code": "principal diagnosis, ICD-10-CM",
        "drg": "MS-DRG",
        "drg_title": "title of the MS-DRG",
        "mdc": "major diagnostic category",
        "weight": "relative weight of the MS-DRG",
        "total_charge": "sum of the line charges, US dollars",
        "expected_payment": "expected payment, US dollars",
        "contract": "payer contract it was priced by",
        "control_number": "interchange that carried the claim; null when it has not gone out",
    },
    """
    SELECT c.received_date, c.encounter_id, c.claim_number, c.claim_type, c.hospital_id, h.name AS hospital_name,
           c.payer_id, p.name AS payer_name, e.setting, e.admission_date, c.discharge_date, c.status, c.held_because,
           c.principal_code, c.drg, c.drg_title, c.mdc, c.weight, c.total_charge, c.expected_payment, c.contract,
           i.control_number
    FROM billed.claim c
    JOIN filtered.encounter e USING (received_date, encounter_id)
    LEFT JOIN raw.hospital h ON h.received_date = c.received_date AND h.source = e.source
         AND h.hospital_id = c.hospital_id AND h.copy_number = 1
    LEFT JOIN raw.payer p ON p.received_date = c.received_date AND p.source = e.source
         AND p.payer_id = c.payer_id AND p.copy_number = 1
    LEFT JOIN billed.interchange_claim i ON i.received_date = c.received_date AND i.encounter_id = c.encounter_id
    """,
)

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

coder_worklist = View(
    "coder_worklist",
    "Encounters that wait for a coder: why, how much is at stake, and since when; the heaviest first",
    {
        "received_date": "day the encounter's record was received",
        "encounter_id": "encounter",
        "hospital_id": "hospital",
        "setting": "inpatient or outpatient",
        "discharge_date": "discharge date",
        "claim_status": "ready or held",
        "held_because": "what holds the claim",
        "principal_code": "principal diagnosis proposed",
        "runner_up": "next eligible principal",
        "principal_probability": "probability that the principal is right, where a model ranked",
        "principal_review": "why a coder should decide on the principal, the rivals side by side",
        "codes_to_review": "accepted codes in the review band",
        "queries": "open questions to the clinician",
        "total_charge": "charges at stake, US dollars",
    },
    """
    SELECT c.received_date, c.encounter_id, c.hospital_id, e.setting, c.discharge_date, c.status AS claim_status,
           c.held_because, c.principal_code, r.runner_up, r.principal_probability,
           r.review_reason AS principal_review, coalesce(k.codes_to_review, 0) AS codes_to_review,
           coalesce(q.queries, 0) AS queries, c.total_charge
    FROM billed.claim c
    JOIN filtered.encounter e USING (received_date, encounter_id)
    JOIN ranked.encounter r USING (received_date, encounter_id)
    LEFT JOIN (SELECT received_date, encounter_id, count(*) AS codes_to_review FROM coded.encounter_code
               WHERE accepted AND band = 'review' GROUP BY 1, 2) k USING (received_date, encounter_id)
    LEFT JOIN (SELECT received_date, encounter_id, count(*) AS queries FROM coded.query GROUP BY 1, 2) q
         USING (received_date, encounter_id)
    WHERE c.status = 'held' OR r.needs_review OR k.codes_to_review > 0 OR q.queries > 0
    ORDER BY (c.status = 'held') DESC, c.total_charge DESC
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

revenue_figure = View(
    "revenue_figure",
    "One row a hospital and month of discharge: how clean the claims are, what waits, how grave the cases",
    {
        "discharge_month": "first day of the month of discharge",
        "hospital_id": "billing hospital",
        "claims": "claims of the month",
        "claims_ready": "claims that can go out",
        "claims_held": "claims held: discharged, not final billed",
        "clean_claim_rate": "share of the claims without an edit of level error",
        "charges_held": "charges of the claims held, US dollars",
        "oldest_held": "first discharge that is not final billed; days from it to today are the days waiting",
        "grouped": "inpatient claims with an MS-DRG",
        "case_mix_index": "mean relative weight of the grouped claims",
        "mcc_share": "share of the grouped claims in a DRG with MCC",
        "cc_share": "share of the grouped claims in a DRG with CC, or with CC or MCC",
        "expected_payment": "expected payment of the claims that are ready, US dollars",
    },
    """
    SELECT date_trunc('month', c.discharge_date)::date AS discharge_month, c.hospital_id, count(*) AS claims,
           count(*) FILTER (WHERE c.status = 'ready') AS claims_ready,
           count(*) FILTER (WHERE c.status = 'held') AS claims_held,
           (count(*) FILTER (WHERE NOT EXISTS (
               SELECT 1 FROM billed.claim_edit e
               WHERE e.received_date = c.received_date AND e.encounter_id = c.encounter_id AND e.level = 'error'
           )))::double precision / count(*) AS clean_claim_rate,
           coalesce(sum(c.total_charge) FILTER (WHERE c.status = 'held'), 0) AS charges_held,
           min(c.discharge_date) FILTER (WHERE c.status = 'held') AS oldest_held,
           count(c.weight) AS grouped, avg(c.weight)::double precision AS case_mix_index,
           (avg((c.drg_title ~* 'W(ITH)? MCC')::int) FILTER (WHERE c.weight IS NOT NULL))
               ::double precision AS mcc_share,
           (avg((c.drg_title ~* 'W(ITH)? CC')::int) FILTER (WHERE c.weight IS NOT NULL))
               ::double precision AS cc_share,
           coalesce(sum(c.expected_payment) FILTER (WHERE c.status = 'ready'), 0) AS expected_payment
    FROM billed.claim c
    GROUP BY 1, 2
    """,
)

VIEWS: tuple[View, ...] = (
    claim, encounter_code, quarantine, person, link_review, coder_worklist, daily_figure, revenue_figure,
)  # fmt: skip
