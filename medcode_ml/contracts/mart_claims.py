"""Views of schema `mart` on claims: what is billed, what waits for a coder, what is discharged and not billed."""

from __future__ import annotations

from medcode_ml.contracts.view import NEWEST_CLAIM, View

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
        "control_number": "interchange that carried the claim last; null when it has not gone out",
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
    LEFT JOIN (SELECT DISTINCT ON (received_date, encounter_id) received_date, encounter_id, control_number
               FROM billed.interchange_claim ORDER BY received_date, encounter_id, sequence DESC) i
         ON i.received_date = c.received_date AND i.encounter_id = c.encounter_id
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
        "total_charge": "charges of the claim, US dollars",
        "reasons": "why it is here, as a list: held, rejected (999 or 277CA), denied, principal, codes, query",
        "rejected_because": "what the 999 or 277CA says of a rejected claim; null where none rejects it",
        "denials": "denials that stand, as group-CARC-RARC; null where there is none",
        "denials_for_coders": "of these, those that coders can answer",
        "amount_denied": "amount of the denials that stand, US dollars",
        "at_stake": "US dollars: the amount denied where the payer denied, else the charges of the claim",
    },
    """
    WITH denied AS (
        SELECT claim_received_date AS received_date, encounter_id, jsonb_agg(DISTINCT denial_key) AS denials,
               count(DISTINCT denial_key) FILTER (WHERE for_coders) AS for_coders, sum(amount) AS amount
        FROM mart.denial WHERE stands GROUP BY 1, 2
    ), reason AS (
        SELECT received_date, encounter_id, 1 AS place, 'held' AS reason, 0 AS number, NULL::jsonb AS told, 0 AS amount
        FROM billed.claim WHERE status = 'held'
        UNION ALL
        SELECT received_date, encounter_id, 2, 'rejected', 0, because, 0
        FROM mart.claim_progress WHERE payment = 'waiting' AND (syntax = 'rejected' OR acceptance = 'rejected')
        UNION ALL
        SELECT received_date, encounter_id, 3, 'denied', for_coders, denials, amount FROM denied
        UNION ALL
        SELECT received_date, encounter_id, 4, 'principal', 0, NULL, 0 FROM ranked.encounter WHERE needs_review
        UNION ALL
        SELECT received_date, encounter_id, 5, 'codes', count(*), NULL, 0 FROM coded.encounter_code
        WHERE accepted AND band = 'review' GROUP BY 1, 2
        UNION ALL
        SELECT received_date, encounter_id, 6, 'query', count(*), NULL, 0 FROM coded.query GROUP BY 1, 2
    ), waiting AS (
        SELECT received_date, encounter_id, jsonb_agg(reason ORDER BY place) AS reasons,
               min(place) AS first_place, coalesce(sum(number) FILTER (WHERE reason = 'codes'), 0)::bigint AS codes,
               coalesce(sum(number) FILTER (WHERE reason = 'query'), 0)::bigint AS queries,
               coalesce(sum(number) FILTER (WHERE reason = 'denied'), 0)::bigint AS for_coders, sum(amount) AS denied,
               (array_agg(told) FILTER (WHERE reason = 'rejected'))[1] AS rejected_because,
               (array_agg(told) FILTER (WHERE reason = 'denied'))[1] AS denials
        FROM reason GROUP BY 1, 2
    )
    SELECT c.received_date, c.encounter_id, c.hospital_id, e.setting, c.discharge_date, c.status AS claim_status,
           c.held_because, c.principal_code, r.runner_up, r.principal_probability, r.review_reason AS principal_review,
           w.codes AS codes_to_review, w.queries, c.total_charge, w.reasons, w.rejected_because, w.denials,
           w.for_coders AS denials_for_coders, w.denied AS amount_denied,
           CASE WHEN w.denials IS NULL THEN c.total_charge ELSE w.denied END AS at_stake
    FROM waiting w
    JOIN billed.claim c USING (received_date, encounter_id)
    JOIN filtered.encounter e USING (received_date, encounter_id)
    JOIN ranked.encounter r USING (received_date, encounter_id)
    ORDER BY least(w.first_place, 4) = 4, w.first_place > 1, at_stake DESC, c.received_date, c.encounter_id
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
        "oldest_held": "first discharge among the claims held; for the days waited see days_not_final_billed",
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

days_not_final_billed = View(
    "days_not_final_billed",
    "One row a received day, hospital and payer: discharged and not final billed (DNFB) at the end of that day",
    {
        "day": "day on which something was received; the figures are those at its end",
        "hospital_id": "hospital",
        "payer_id": "first payer; null where the record names none",
        "accounts": "encounters discharged and delivered by that day whose claim had not gone out",
        "accounts_set_aside": "of these, without a claim: set aside with a reason, see mart.quarantine",
        "accounts_held": "of these, with a claim that is held, see mart.coder_worklist",
        "accounts_not_sent": "of these, with a claim that is ready and in no 837",
        "charges": "their charges, US dollars",
        "mean_days": "mean of the days from discharge to that day",
        "max_days": "days since the oldest discharge among them",
        "average_daily_charges": "charges that came in (discharged, delivered) in the 90 days to that day, a day, US "
        "dollars; divided by the days since the hospital's first account where these are fewer",
        "days": "charges / average_daily_charges: days of revenue that are not final billed; of several rows together "
        "the sum of the one by the sum of the other",
    },
    f"""
    WITH known AS (
        -- an encounter as it was delivered last, on the day it was first delivered as discharged
        SELECT DISTINCT ON (encounter_id) encounter_id, received_date, hospital_id, payer_id, discharge_date,
               greatest(min(received_date) OVER (PARTITION BY encounter_id), discharge_date) AS since
        FROM mapped.encounter WHERE discharge_date IS NOT NULL ORDER BY encounter_id, received_date DESC
    ), ours AS (
        SELECT encounter_id, status, total_charge FROM ({NEWEST_CLAIM}) newest
    ), sent AS (
        SELECT encounter_id, min(received_date) AS sent_on FROM billed.interchange_claim GROUP BY 1
    ), not_asked_for AS (
        SELECT DISTINCT received_date, encounter_id FROM filtered.quarantine
        WHERE severity = 'scope' AND record_kind = 'encounter'
    ), charged AS (
        -- what was charged on encounters that have no claim
        SELECT received_date, encounter_id, sum(charge) AS charges FROM mapped.charge h
        WHERE NOT EXISTS (SELECT 1 FROM ours o WHERE o.encounter_id = h.encounter_id) GROUP BY 1, 2
    ), account AS (
        SELECT k.encounter_id, k.hospital_id, k.payer_id, k.discharge_date, k.since,
               greatest(s.sent_on, k.since) AS until, s.sent_on IS NOT NULL AS billed,
               coalesce(o.status, 'set aside') AS status, coalesce(o.total_charge, h.charges, 0) AS charges
        FROM known k
        LEFT JOIN ours o USING (encounter_id)
        LEFT JOIN sent s USING (encounter_id)
        LEFT JOIN charged h USING (received_date, encounter_id)
        LEFT JOIN not_asked_for n USING (received_date, encounter_id)
        WHERE n.encounter_id IS NULL
    ), opened AS (
        SELECT hospital_id, min(since) AS first_day FROM account GROUP BY 1
    ), days AS (
        SELECT received_date AS day FROM raw.delivery UNION SELECT received_date FROM raw.answer_file
    ), cells AS (
        SELECT DISTINCT d.day, a.hospital_id, a.payer_id FROM days d
        JOIN (SELECT hospital_id, payer_id, min(since) AS first_day FROM account GROUP BY 1, 2) a
             ON d.day >= a.first_day
    ), income AS (
        SELECT day, hospital_id, payer_id, bool_or(is_cell) AS is_cell,
               sum(sum(charges)) OVER (PARTITION BY hospital_id, payer_id ORDER BY day
                                       RANGE BETWEEN INTERVAL '89 days' PRECEDING AND CURRENT ROW) AS charges
        FROM (SELECT since AS day, hospital_id, payer_id, charges, false AS is_cell FROM account
              UNION ALL SELECT day, hospital_id, payer_id, 0, true FROM cells) movement
        GROUP BY 1, 2, 3
    ), waiting AS (
        SELECT d.day, a.hospital_id, a.payer_id, count(*) AS accounts,
               count(*) FILTER (WHERE a.status = 'set aside') AS set_aside,
               count(*) FILTER (WHERE a.status = 'held') AS held,
               count(*) FILTER (WHERE a.status = 'ready') AS not_sent,
               sum(a.charges) AS charges, avg(d.day - a.discharge_date)::double precision AS mean_days,
               max(d.day - a.discharge_date) AS max_days
        FROM account a
        JOIN days d ON d.day >= a.since AND (NOT a.billed OR d.day < a.until)
        WHERE NOT a.billed OR a.until > a.since
        GROUP BY 1, 2, 3
    )
    SELECT i.day, i.hospital_id, i.payer_id, coalesce(w.accounts, 0) AS accounts,
           coalesce(w.set_aside, 0) AS accounts_set_aside, coalesce(w.held, 0) AS accounts_held,
           coalesce(w.not_sent, 0) AS accounts_not_sent, coalesce(w.charges, 0) AS charges, w.mean_days, w.max_days,
           round(a.daily, 2) AS average_daily_charges,
           (coalesce(w.charges, 0) / nullif(a.daily, 0))::double precision AS days
    FROM income i
    JOIN opened o USING (hospital_id)
    CROSS JOIN LATERAL (SELECT i.charges / least(90, i.day - o.first_day + 1) AS daily) a
    LEFT JOIN waiting w ON w.day = i.day AND w.hospital_id = i.hospital_id
         AND w.payer_id IS NOT DISTINCT FROM i.payer_id
    WHERE i.is_cell
    """,
)
