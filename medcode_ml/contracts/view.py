"""What a view of schema `mart` is, and what several of them count by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A view of schema `mart`: its comment, its columns with their comments, in order, and its select."""

    name: str
    comment: str
    columns: dict[str, str]
    select: str


#: a claim as it stands now: an encounter that was delivered again on a later day has a claim of each
NEWEST_CLAIM = "SELECT DISTINCT ON (encounter_id) * FROM billed.claim ORDER BY encounter_id, received_date DESC"
#: the last day on which anything was received: what "days waited" counts to, so that a figure is the same tomorrow
AS_OF = """(SELECT max(received_date) FROM (SELECT received_date FROM raw.delivery
                                             UNION ALL SELECT received_date FROM raw.answer_file) received)"""
