"""Schema `mart`: the views that SQL consumers read, every column commented. Nothing else is promised to them."""

from __future__ import annotations

from medcode_ml.contracts.mart_answers import claim_payment, claim_progress, expected_against_paid
from medcode_ml.contracts.mart_claims import claim, coder_worklist, days_not_final_billed, revenue_figure
from medcode_ml.contracts.mart_denials import denial, denial_figure, denial_reason, edit_hit_rate
from medcode_ml.contracts.mart_records import daily_figure, encounter_code, link_review, person, quarantine
from medcode_ml.contracts.mart_review import review_figure, review_reason, review_time
from medcode_ml.contracts.view import View

__all__ = ["VIEWS", "View"]

#: in the order in which they are made: a view stands after those it reads
VIEWS: tuple[View, ...] = (
    claim, encounter_code, quarantine, person, link_review, daily_figure, revenue_figure, days_not_final_billed,
    claim_payment, claim_progress, expected_against_paid, denial, denial_reason, denial_figure, edit_hit_rate,
    coder_worklist, review_figure, review_reason, review_time,
)  # fmt: skip
