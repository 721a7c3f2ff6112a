"""Views of schema `mart` on insurers' answers: where each claim stands, what was paid, what was expected."""

from __future__ import annotations

from medcode_ml.contracts.view import AS_OF, NEWEST_CLAIM, View

VARIANCE_SHARE = "0.05"
VARIANCE_DOLLARS = "10.00"
"""A payment is as expected where it is off by no more than the larger of this share and this amount."""

claim_payment = View(
    "claim_payment",
    "One row for each time an 835 answers a claim of ours, in turn: paid, denied, reversed or corrected",
    {
        "received_date": "day the answer arrived",
        "remittance_claim_id": "claim of the payment",
        "remittance_id": "payment",
        "encounter_id": "encounter",
        "claim_number": "patient control number (CLM01)",
        "turn": "place among the answers on the claim, 1 first: by payment date, then as they came; reversals first",
        "payment_date": "day of the payment",
        "status": "status of the claim as the payer wrote it (CLP02), in words",
        "verdict": "paid, denied (the whole claim, whatever CLP02 says), forwarded or reversed",
        "initial": "the payment is the first that answers the claim",
        "taken_back": "a later reversal takes this answer back",
        "charge": "charge answered, US dollars",
        "paid": "paid, US dollars; negative in a reversal",
        "patient_responsibility": "left to the patient, US dollars",
        "drg": "DRG the payer worked with",
        "payer_control_number": "the payer's number of the claim",
    },
    """
    WITH in_turn AS (
        SELECT r.*, row_number() OVER (
                   PARTITION BY r.encounter_id
                   ORDER BY r.payment_date NULLS LAST, r.received_date, s.file_sha256, s.set_number, r.remittance_id,
                            r.status <> 'reversal', r.place, r.remittance_claim_id) AS turn
        FROM billed.remittance_claim r
        LEFT JOIN billed.answer_set s USING (received_date, set_id)
        WHERE r.outcome = 'matched' AND r.status <> 'predetermination'
    ), reversals AS (
        -- a reversal under a number that nothing stands under takes back all that came before it
        SELECT t.*, t.status = 'reversal' AND coalesce(lag(t.status) OVER (
                        PARTITION BY t.encounter_id, t.payer_control_number ORDER BY t.turn) = 'reversal', true)
                    AS of_all
        FROM in_turn t
    ), denied AS (
        SELECT DISTINCT remittance_claim_id FROM billed.denial WHERE kind = 'claim'
    )
    SELECT v.received_date, v.remittance_claim_id, v.remittance_id, v.encounter_id, v.claim_number, v.turn,
           v.payment_date, v.status,
           CASE WHEN v.status = 'reversal' THEN 'reversed'
                WHEN v.status = 'not_our_claim_forwarded' THEN 'forwarded'
                WHEN v.status = 'denied' OR d.remittance_claim_id IS NOT NULL THEN 'denied'
                ELSE 'paid' END AS verdict,
           v.status NOT IN ('reversal', 'not_our_claim_forwarded') AND v.remittance_id = first_value(v.remittance_id)
               OVER (PARTITION BY v.encounter_id
                     ORDER BY v.status IN ('reversal', 'not_our_claim_forwarded'), v.turn) AS initial,
           v.status <> 'reversal' AND v.turn < greatest(
               max(v.turn) FILTER (WHERE v.status = 'reversal') OVER (
                   PARTITION BY v.encounter_id, v.payer_control_number),
               max(v.turn) FILTER (WHERE v.of_all) OVER (PARTITION BY v.encounter_id), 0) AS taken_back,
           v.charge, v.paid, v.patient_responsibility, v.drg, v.payer_control_number
    FROM reversals v
    LEFT JOIN denied d USING (remittance_claim_id)
    """,
)

claim_progress = View(
    "claim_progress",
    "One row a claim: sent, acknowledged, accepted, paid or denied, and what it waits for (rule 32)",
    {
        "received_date": "day the encounter's record was received, the last where it was delivered again",
        "encounter_id": "encounter",
        "claim_number": "patient control number (CLM01)",
        "hospital_id": "billing hospital",
        "payer_id": "payer",
        "discharge_date": "discharge date",
        "status": "ready or held, as it stands now",
        "sent_on": "received day whose 837 carried the claim last; null when it has not gone out",
        "frequency_code": "1 original, 7 replacement or 8 void, as sent last",
        "control_number": "interchange that carried it last",
        "syntax": "999: accepted, rejected or waiting; null when it has not gone out",
        "acceptance": "277CA: accepted, rejected or waiting; null when it has not gone out",
        "payment": "835: paid, denied, reversed, forwarded or waiting; null when it has not gone out",
        "answers": "times an 835 answered it",
        "first_answered_on": "payment date of the first 835 on it",
        "total_charge": "sum of the line charges, US dollars",
        "expected_payment": "expected payment, US dollars",
        "paid": "paid in sum: payments, reversals and corrections together, US dollars",
        "patient_responsibility": "left to the patient by the answers that stand, US dollars",
        "waiting_for": "the next answer due: 999, 277CA or 835; null where none is due",
        "days_waited": "days from sent_on to the last day on which anything was received, where an answer is due",
        "because": "what the 999 and the 277CA have to say: sentences, and statuses as category-code-entity",
    },
    f"""
    WITH ours AS (
        {NEWEST_CLAIM}
    ), sent AS (
        SELECT DISTINCT ON (encounter_id) encounter_id, received_date AS sent_on, frequency_code, control_number,
               set_control_number, count(*) OVER (PARTITION BY encounter_id) AS times
        FROM billed.interchange_claim ORDER BY encounter_id, received_date DESC, sequence DESC
    ), sets AS (
        SELECT DISTINCT control_number, set_control_number FROM sent
    ), acknowledged AS (
        -- the answer on the set goes before that on its group, that before a rejected interchange; the last one holds
        SELECT DISTINCT ON (s.control_number, s.set_control_number) s.control_number, s.set_control_number,
               CASE WHEN a.status IN ('accepted', 'accepted_with_errors') THEN 'accepted'
                    WHEN a.status = 'rejected' THEN 'rejected' ELSE 'waiting' END AS syntax,
               a.reasons
        FROM sets s
        JOIN billed.acknowledgement a ON a.outcome = 'matched' AND ltrim(s.control_number, '0')
             = ltrim(CASE a.level WHEN 'interchange' THEN a.interchange_control_number
                     ELSE a.group_control_number END, '0')
        LEFT JOIN billed.answer_set f ON f.received_date = a.received_date AND f.set_id = a.set_id
        WHERE (a.level = 'transaction_set' AND ltrim(a.set_control_number, '0') = ltrim(s.set_control_number, '0'))
           OR a.level = 'group'
           OR (a.level = 'interchange' AND a.status = 'rejected')
        ORDER BY s.control_number, s.set_control_number,
                 CASE a.level WHEN 'transaction_set' THEN 1 WHEN 'group' THEN 2 ELSE 3 END,
                 a.received_date DESC, f.file_sha256 DESC, f.set_number DESC
    ), accepted AS (
        SELECT DISTINCT ON (c.encounter_id) c.encounter_id,
               CASE WHEN c.status IN ('accepted', 'rejected') THEN c.status ELSE 'waiting' END AS acceptance, c.reasons
        FROM billed.claim_status c
        JOIN sent s USING (encounter_id)
        LEFT JOIN billed.answer_set f ON f.received_date = c.received_date AND f.set_id = c.set_id
        WHERE c.outcome = 'matched' AND c.level = 'claim'
              -- what was said of the claim before it was sent again is past; BHT03 begins with our interchange's number
              AND (s.times = 1 OR c.batch_number IS NULL OR starts_with(c.batch_number, s.control_number))
        ORDER BY c.encounter_id, c.received_date DESC, f.file_sha256 DESC, f.set_number DESC, c.place DESC
    ), paid AS (
        SELECT encounter_id, count(*) AS answers, min(payment_date) AS first_answered_on,
               (array_agg(verdict ORDER BY turn DESC))[1] AS payment, sum(paid) AS paid,
               coalesce(sum(patient_responsibility) FILTER (WHERE verdict <> 'reversed' AND NOT taken_back), 0)
                   AS patient_responsibility
        FROM mart.claim_payment GROUP BY encounter_id
    ), told AS (
        SELECT o.received_date, o.encounter_id, o.claim_number, o.hospital_id, o.payer_id, o.discharge_date, o.status,
               s.sent_on, s.frequency_code, s.control_number, coalesce(a.syntax, 'waiting') AS syntax,
               coalesce(c.acceptance, 'waiting') AS acceptance, coalesce(p.payment, 'waiting') AS payment,
               coalesce(p.answers, 0) AS answers, p.first_answered_on, o.total_charge, o.expected_payment,
               p.paid, p.patient_responsibility,
               coalesce(a.reasons, '[]') || coalesce(
                   (SELECT jsonb_agg(concat_ws('-', r.reason ->> 'category', r.reason ->> 'status',
                                               r.reason ->> 'entity') ORDER BY r.place)
                    FROM jsonb_array_elements(c.reasons) WITH ORDINALITY AS r(reason, place)
                    WHERE c.acceptance <> 'accepted'), '[]') AS because
        FROM ours o
        LEFT JOIN sent s USING (encounter_id)
        LEFT JOIN acknowledged a ON a.control_number = s.control_number
             AND a.set_control_number IS NOT DISTINCT FROM s.set_control_number
        LEFT JOIN accepted c USING (encounter_id)
        LEFT JOIN paid p USING (encounter_id)
    ), implied AS (
        -- a later answer implies the earlier ones
        SELECT t.*,
               CASE WHEN t.acceptance = 'waiting' AND t.payment <> 'waiting' THEN 'accepted' ELSE t.acceptance END
                   AS accepted,
               CASE WHEN t.syntax = 'waiting' AND (t.acceptance <> 'waiting' OR t.payment <> 'waiting') THEN 'accepted'
                    ELSE t.syntax END AS acknowledged
        FROM told t
    ), due AS (
        SELECT i.*, CASE WHEN i.sent_on IS NULL OR i.acknowledged = 'rejected' OR i.accepted = 'rejected' THEN NULL
                         WHEN i.payment NOT IN ('waiting', 'reversed') THEN NULL
                         WHEN i.accepted = 'accepted' THEN CASE WHEN i.frequency_code <> '8' THEN '835' END
                         WHEN i.acknowledged = 'accepted' THEN '277CA' ELSE '999' END AS waiting_for
        FROM implied i
    )
    SELECT received_date, encounter_id, claim_number, hospital_id, payer_id, discharge_date, status, sent_on,
           frequency_code, control_number, CASE WHEN sent_on IS NOT NULL THEN acknowledged END AS syntax,
           CASE WHEN sent_on IS NOT NULL THEN accepted END AS acceptance,
           CASE WHEN sent_on IS NOT NULL THEN payment END AS payment, answers, first_answered_on, total_charge,
           expected_payment, paid, patient_responsibility, waiting_for,
           CASE WHEN waiting_for IS NOT NULL THEN {AS_OF} - sent_on END AS days_waited, because
    FROM due
    """,
)

expected_against_paid = View(
    "expected_against_paid",
    "One row a claim that an 835 paid or denied: what its contract led to expect against what the payer allowed",
    {
        "encounter_id": "encounter",
        "claim_number": "patient control number (CLM01)",
        "hospital_id": "billing hospital",
        "payer_id": "payer",
        "contract": "payer contract the claim was priced by",
        "discharge_date": "discharge date",
        "first_answered_on": "payment date of the first 835 on it",
        "payment": "paid or denied",
        "drg": "MS-DRG the claim was priced by",
        "drg_paid": "DRG the payer worked with",
        "total_charge": "sum of the line charges, US dollars",
        "expected_payment": "expected payment, the patient's share in it, US dollars",
        "paid": "paid in sum, US dollars",
        "patient_responsibility": "left to the patient, US dollars",
        "allowed": "paid + patient_responsibility, US dollars",
        "difference": "allowed - expected_payment, US dollars; null where nothing was expected",
        "share": "allowed / expected_payment; null where nothing was expected",
        "variance": f"denied, underpaid, overpaid or as_expected; off by no more than {VARIANCE_SHARE} of what was "
        f"expected or {VARIANCE_DOLLARS} dollars is as expected; null where nothing was expected",
    },
    f"""
    SELECT p.encounter_id, p.claim_number, p.hospital_id, p.payer_id, c.contract, p.discharge_date, p.first_answered_on,
           p.payment, c.drg, a.drg AS drg_paid, p.total_charge, p.expected_payment, p.paid, p.patient_responsibility,
           m.allowed, m.allowed - p.expected_payment AS difference,
           (m.allowed / nullif(p.expected_payment, 0))::double precision AS share,
           CASE WHEN p.payment = 'denied' THEN 'denied'
                WHEN p.expected_payment IS NULL THEN NULL
                WHEN abs(m.allowed - p.expected_payment)
                     <= greatest({VARIANCE_SHARE} * p.expected_payment, {VARIANCE_DOLLARS}) THEN 'as_expected'
                WHEN m.allowed < p.expected_payment THEN 'underpaid' ELSE 'overpaid' END AS variance
    FROM mart.claim_progress p
    JOIN billed.claim c USING (received_date, encounter_id)
    CROSS JOIN LATERAL (SELECT p.paid + p.patient_responsibility AS allowed) m
    LEFT JOIN (SELECT DISTINCT ON (encounter_id) encounter_id, drg FROM mart.claim_payment
               WHERE verdict IN ('paid', 'denied') ORDER BY encounter_id, turn DESC) a USING (encounter_id)
    WHERE p.payment IN ('paid', 'denied')
    """,
)
