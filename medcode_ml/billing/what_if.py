"""What-if: MS-DRG, weight and expected payment with another eligible principal. For review; nothing here is applied.

Candidates come in reporting order, never by what they pay, and the claim keeps its principal (rule 43).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from medcode_ml.billing.grouping import UNGROUPABLE, Grouping, group
from medcode_ml.billing.transmission import MOST_DIAGNOSES, Transmission
from medcode_ml.codes import mce_tables
from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.drg_weights import DrgWeight, drg_weight
from medcode_ml.codes.release import release_on

CANDIDATES = 3
"""So many other principals are tried: the coder's question is between the first few codes."""

Pricer = Callable[[str, DrgWeight | None], Decimal | None]


class WhatIf(NamedTuple):
    """One other principal. `rank` is its place in the reporting order; amounts in US dollars."""

    principal_code: str
    rank: int
    drg: str
    drg_title: str | None
    weight: Decimal | None
    expected_payment: Decimal | None
    difference: Decimal | None


@lru_cache(maxsize=100_000)
def _the_editor_allows(code: str, release_start: date) -> bool:
    """True for a billable code that the editor takes as principal, asked on the first day of a release."""
    return mce_tables.may_be_principal(code, release_start) and CodeSet.on(release_start).is_billable(code)


def what_ifs(
    encounter: dict[str, Any],
    age: int | None,
    transmission: Transmission,
    *,
    eligible: Collection[str] | None,
    most: int,
    pays: Pricer,
    expected: Decimal | None,
) -> list[WhatIf]:
    """The first `most` other principals of a grouped inpatient claim.

    Args:
        eligible: codes that ranking calls eligible; None leaves it to the Medicare Code Editor's tables.
        pays: expected payment by MS-DRG and weight, None where it cannot be worked out.
        expected: expected payment of the claim as it stands.
    """
    principal, discharged = transmission.principal, encounter["discharge_date"]
    if principal is None or discharged is None or most < 1:
        return []
    release = release_on(discharged)
    codes = (principal, *transmission.others, *transmission.left_out)
    tried = {principal.code}
    found: list[WhatIf] = []
    for rank, candidate in enumerate(codes, 1):
        code = candidate.code
        if code in tried:
            continue
        tried.add(code)
        allowed = code in eligible if eligible is not None else _the_editor_allows(code, release.start)
        if not allowed:
            continue
        rest = (*codes[: rank - 1], *codes[rank:])
        room = MOST_DIAGNOSES - 1
        moved = replace(transmission, principal=candidate, others=rest[:room], left_out=rest[room:])
        grouped = group(encounter, age, moved)
        if not isinstance(grouped, Grouping) or grouped.drg in UNGROUPABLE:
            continue
        weight = drg_weight(grouped.drg, release.fiscal_year)
        amount = pays(grouped.drg, weight)
        found.append(
            WhatIf(
                code,
                rank,
                grouped.drg,
                grouped.title or None,
                weight.weight if weight else None,
                amount,
                None if amount is None or expected is None else amount - expected,
            )
        )
        if len(found) == most:
            break
    return found
