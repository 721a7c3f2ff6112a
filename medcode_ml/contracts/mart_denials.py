"""Views of schema `mart` on denials: each with its reason, their rates, and which edits foretell them (rule 33)."""

from __future__ import annotations

from medcode_ml.contracts.view import NEWEST_CLAIM, View

denial = View(
    "denial",
    "One row a denial: an adjustment that denies a claim, a line or part of one, with the codes and edits behind it",
    {
        "received_date": "day the answer arrived",
        "remittance_claim_id": "claim of the payment",
        "adjustment_number": "adjustment of that claim",
        "encounter_id": "encounter",
        "claim_received_date": "day the encounter's record was received, the last where it was delivered again",
        "claim_number": "patient control number (CLM01)",
        "hospital_id": "billing hospital",
        "payer_id": "payer",
        "payment_date": "day of the payment",
        "kind": "claim (denied whole), line (a line unpaid) or reduction (paid in part)",
        "group_code": "CO contractual, PR patient, OA other, PI payer initiated",
        "reason_code": "CARC",
        "remark_codes": "RARCs, as a list",
        "denial_key": "group, CARC and RARCs, as CO-16-M76+N290",
        "amount": "amount denied, US dollars",
        "line_number": "line of the payment's claim; null where the whole claim is meant",
        "procedure": "procedure of the line",
        "revenue_code": "revenue code of the line",
        "drg": "DRG the payer worked with",
        "for_coders": "the reason is one that coders can answer",
        "codes": "our diagnoses on the claim, in reporting order",
        "edits": "names of the edits we had raised on the claim",
        "because": "what is doubtful about the denial, as a list of sentences",
        "initial": "it came with the first payment that answers the claim",
        "stands": "no reversal took it back, and no other payment paid the claim afterwards",
    },
    f"""
    WITH answer AS MATERIALIZED (
        SELECT * FROM mart.claim_payment
    ), paid_last AS (
        SELECT DISTINCT ON (encounter_id) encounter_id, remittance_id, turn FROM answer
        WHERE verdict = 'paid' AND paid > 0 AND NOT taken_back ORDER BY encounter_id, turn DESC
    ), ours AS (
        {NEWEST_CLAIM}
    )
    SELECT d.received_date, d.remittance_claim_id, d.adjustment_number, d.encounter_id,
           o.received_date AS claim_received_date, d.claim_number, o.hospital_id, o.payer_id, d.payment_date, d.kind,
           d.group_code, d.reason_code, d.remark_codes, d.denial_key, d.amount, d.line_number, d.procedure,
           d.revenue_code, d.drg, d.for_coders, d.codes, d.edits, d.because, a.initial,
           NOT a.taken_back AND NOT coalesce(p.turn > a.turn AND p.remittance_id <> a.remittance_id, false) AS stands
    FROM billed.denial d
    JOIN answer a USING (remittance_claim_id)
    LEFT JOIN paid_last p ON p.encounter_id = d.encounter_id
    LEFT JOIN ours o ON o.encounter_id = d.encounter_id
    """,
)

denial_reason = View(
    "denial_reason",
    "One row a month of payment, hospital, payer, reason and kind: how often it denies and how much",
    {
        "month": "first day of the month of payment",
        "hospital_id": "billing hospital",
        "payer_id": "payer",
        "denial_key": "group, CARC and RARCs, as CO-16-M76+N290",
        "kind": "claim (denied whole), line (a line unpaid) or reduction (paid in part)",
        "for_coders": "the reason is one that coders can answer",
        "claims": "claims denied for it",
        "adjustments": "adjustments that give it",
        "amount": "amount denied, US dollars",
        "amount_standing": "of that, what no reversal and no later payment took back, US dollars",
        "claims_answered": "claims of hospital and payer that an 835 answered in the month",
        "claim_share": "claims / claims_answered",
    },
    f"""
    WITH answered AS (
        SELECT date_trunc('month', coalesce(a.payment_date, a.received_date))::date AS month, c.hospital_id, c.payer_id,
               count(DISTINCT a.encounter_id) AS claims
        FROM mart.claim_payment a
        JOIN ({NEWEST_CLAIM}) c USING (encounter_id)
        WHERE a.verdict <> 'reversed'
        GROUP BY 1, 2, 3
    ), denied AS (
        SELECT date_trunc('month', coalesce(payment_date, received_date))::date AS month, hospital_id, payer_id,
               denial_key, kind, bool_or(for_coders) AS for_coders, count(DISTINCT encounter_id) AS claims,
               count(*) AS adjustments, sum(amount) AS amount,
               coalesce(sum(amount) FILTER (WHERE stands), 0) AS amount_standing
        FROM mart.denial GROUP BY 1, 2, 3, 4, 5
    )
    SELECT d.month, d.hospital_id, d.payer_id, d.denial_key, d.kind, d.for_coders, d.claims, d.adjustments, d.amount,
           d.amount_standing, a.claims AS claims_answered, d.claims::double precision / a.claims AS claim_share
    FROM denied d
    LEFT JOIN answered a ON a.month = d.month AND a.hospital_id IS NOT DISTINCT FROM d.hospital_id
         AND a.payer_id IS NOT DISTINCT FROM d.payer_id
    """,
)

denial_figure = View(
    "denial_figure",
    "One row a month of the first answer, hospital and payer: denials, whole and in part, and what came of them",
    {
        "month": "first day of the month in which the claims were first answered",
        "hospital_id": "billing hospital",
        "payer_id": "payer",
        "claims_answered": "claims first answered by an 835 in the month",
        "claims_denied": "of these, denied whole in the first answer",
        "claims_denied_in_part": "of these, with an unpaid line in the first answer, and not denied whole",
        "claims_reduced": "of these, paid in part for a reason that is no ordinary one, and with no line unpaid",
        "initial_denial_rate": "(claims_denied + claims_denied_in_part) / claims_answered",
        "claims_still_denied": "of claims_denied, those whose last answer is a denial",
        "final_denial_rate": "claims_still_denied / claims_answered",
        "charges_answered": "charges of the claims in their first answer, US dollars",
        "amount_denied": "amount that the first answers denied, whole and by line, US dollars",
        "amount_reduced": "amount by which the first answers paid less, US dollars",
        "amount_denial_rate": "amount_denied / charges_answered",
    },
    """
    WITH denied AS (
        SELECT remittance_claim_id, bool_or(kind = 'line') AS line,
               sum(amount) FILTER (WHERE kind <> 'reduction') AS amount,
               sum(amount) FILTER (WHERE kind = 'reduction') AS reduced
        FROM billed.denial GROUP BY 1
    ), first_answer AS (
        -- a claim that the payer split is denied whole only where every part is
        SELECT a.encounter_id, min(coalesce(a.payment_date, a.received_date)) AS day,
               bool_and(a.verdict = 'denied') AS whole,
               bool_or(a.verdict = 'denied' OR coalesce(d.line, false)) AS some, coalesce(sum(d.reduced), 0) AS reduced,
               sum(a.charge) AS charge, coalesce(sum(d.amount), 0) AS amount
        FROM mart.claim_payment a
        LEFT JOIN denied d USING (remittance_claim_id)
        WHERE a.initial
        GROUP BY a.encounter_id
    )
    SELECT date_trunc('month', f.day)::date AS month, p.hospital_id, p.payer_id, count(*) AS claims_answered,
           count(*) FILTER (WHERE f.whole) AS claims_denied,
           count(*) FILTER (WHERE f.some AND NOT f.whole) AS claims_denied_in_part,
           count(*) FILTER (WHERE f.reduced > 0 AND NOT f.some) AS claims_reduced,
           count(*) FILTER (WHERE f.some)::double precision / count(*) AS initial_denial_rate,
           count(*) FILTER (WHERE f.whole AND p.payment = 'denied') AS claims_still_denied,
           count(*) FILTER (WHERE f.whole AND p.payment = 'denied')::double precision / count(*) AS final_denial_rate,
           sum(f.charge) AS charges_answered, sum(f.amount) AS amount_denied, sum(f.reduced) AS amount_reduced,
           (sum(f.amount) / nullif(sum(f.charge), 0))::double precision AS amount_denial_rate
    FROM first_answer f
    JOIN mart.claim_progress p USING (encounter_id)
    GROUP BY 1, 2, 3
    """,
)

edit_hit_rate = View(
    "edit_hit_rate",
    "One row an edit and level: does it foretell denials? Denied share of the claims with it, and of the others",
    {
        "edit_number": "number of the edit in the catalogue",
        "edit": "name of the edit",
        "level": "error, warning or information",
        "claims": "claims that carried it",
        "answered": "of these, answered by an 835; an error holds its claim until a person releases it",
        "denied": "of these, denied whole or by a line, in whatever answer",
        "share": "denied / answered",
        "share_without": "denied share of the answered claims that did not carry it",
        "difference": "share - share_without: clearly above 0 where the edit is worth its interruption",
        "difference_low": "lower bound of the difference, 95% (Newcombe's interval of two Wilson intervals)",
        "difference_high": "upper bound of the difference, 95%",
    },
    """
    WITH answered AS (
        SELECT encounter_id, bool_or(d.remittance_claim_id IS NOT NULL) AS denied
        FROM mart.claim_payment a
        LEFT JOIN (SELECT DISTINCT remittance_claim_id FROM billed.denial WHERE kind <> 'reduction') d
             USING (remittance_claim_id)
        GROUP BY encounter_id
    ), everyone AS (
        SELECT count(*) AS answered, count(*) FILTER (WHERE denied) AS denied FROM answered
    ), carried AS (
        SELECT DISTINCT edit_number, edit, level, encounter_id FROM billed.claim_edit
    ), counted AS (
        SELECT c.edit_number, c.edit, c.level, count(*) AS claims, count(a.encounter_id) AS answered,
               count(*) FILTER (WHERE a.denied) AS denied
        FROM carried c LEFT JOIN answered a USING (encounter_id)
        GROUP BY 1, 2, 3
    ), shares AS (
        SELECT k.edit_number, k.edit, k.level, k.claims, k.answered, k.denied,
               nullif(k.answered, 0)::double precision AS n, nullif(e.answered - k.answered, 0)::double precision AS m,
               k.denied::double precision / nullif(k.answered, 0) AS p,
               (e.denied - k.denied)::double precision / nullif(e.answered - k.answered, 0) AS q
        FROM counted k CROSS JOIN everyone e
    ), wilson AS (
        -- 1.96 standard errors: 3.8416 is its square
        SELECT s.*,
               (p + 1.9208 / n - 1.96 * sqrt(p * (1 - p) / n + 0.9604 / (n * n))) / (1 + 3.8416 / n) AS p_low,
               (p + 1.9208 / n + 1.96 * sqrt(p * (1 - p) / n + 0.9604 / (n * n))) / (1 + 3.8416 / n) AS p_high,
               (q + 1.9208 / m - 1.96 * sqrt(q * (1 - q) / m + 0.9604 / (m * m))) / (1 + 3.8416 / m) AS q_low,
               (q + 1.9208 / m + 1.96 * sqrt(q * (1 - q) / m + 0.9604 / (m * m))) / (1 + 3.8416 / m) AS q_high
        FROM shares s
    )
    SELECT edit_number, edit, level, claims, answered, denied, p AS share, q AS share_without, p - q AS difference,
           p - q - sqrt((p - p_low) ^ 2 + (q_high - q) ^ 2) AS difference_low,
           p - q + sqrt((p_high - p) ^ 2 + (q - q_low) ^ 2) AS difference_high
    FROM wilson
    """,
)
