"""Edits of the services on outpatient and professional lines by Medicare's tables (NCCI pairs and units, coverage).

Inpatient hospital claims are paid by stay and know none of these. The tables are in `service_tables`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from medcode_ml.billing.claims import Case, Line
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.edits.service_tables import Services, ServiceTables
from medcode_ml.billing.transmission import Transmission
from medcode_ml.codes.codeset import yyyymmdd
from medcode_ml.codes.identifiers import undotted

PAIR_MODIFIERS = frozenset(
    ("LT", "RT", "LC", "LD", "RC", "LM", "RI", "FA", "TA", "24", "25", "57", "58", "78", "79", "27", "59", "91")
) | {
    place + end
    for place, ends in (("E", "1234"), ("F", "123456789"), ("T", "123456789"), ("X", "ESPU"))
    for end in ends
}
"""Modifiers that say that two services were apart (NCCI Policy Manual, chapter I, section E)."""
NOTICE_MODIFIERS = frozenset(("GA", "GX", "GY", "GZ"))
"""Modifiers by which the provider says itself that Medicare may not cover the service."""


def services_of(case: Case) -> Services:
    """Whose tables a claim is edited by."""
    return "practitioner" if case.encounter["claim_type"] == "837P" else "hospital"


def has_services(case: Case) -> bool:
    """True for a claim that the tables are about."""
    return not case.inpatient and case.encounter["payer_kind"] != "self_pay" and any(line.hcpcs for line in case.lines)


def service_edits(case: Case, transmission: Transmission, tables: ServiceTables) -> Iterator[Edit]:
    """Yield the edits of a claim that `has_services` by the tables of `services_of`.

    Medicaid and commercial payers follow pairs and units too, with versions of their own; coverage is Medicare's.
    """
    by_day: defaultdict[int, list[Line]] = defaultdict(list)
    for line in case.lines:
        day = line.service_date or case.encounter["discharge_date"]
        if line.hcpcs and day is not None:
            by_day[yyyymmdd(day)].append(line)
    for day, lines in sorted(by_day.items()):
        yield from _pair_edits(lines, day, tables)
        yield from _unit_edits(lines, tables)
    if case.encounter["payer_kind"] == "medicare":
        yield from _coverage_edits(case, transmission, tables)


def _pair_edits(lines: list[Line], day: int, tables: ServiceTables) -> Iterator[Edit]:
    first = {line.hcpcs: line for line in reversed(lines) if line.hcpcs}
    if len(first) < 2:
        return
    for pair in tables.pairs_among(list(reversed(first)), day):
        one, two = first[pair.column_one], first[pair.column_two]
        words: dict[str, Any] = {"line": two.line_number, "other": pair.column_one, "other_line": one.line_number}
        if not pair.modifier_allowed:
            yield found("ncci_pair", pair.column_two, source=pair.source, **words)
        elif not any(
            PAIR_MODIFIERS.intersection(line.modifiers)
            for line in lines
            if line.hcpcs in (pair.column_one, pair.column_two)
        ):
            yield found("ncci_pair_without_modifier", pair.column_two, source=pair.source, **words)


def _unit_edits(lines: list[Line], tables: ServiceTables) -> Iterator[Edit]:
    counted: dict[str, Decimal] = {}
    for line in lines:
        code = line.hcpcs
        limit = tables.units.get(code) if code else None
        if code is None or limit is None or line.units is None:
            continue
        before = counted.get(code, Decimal(0))
        units = Decimal(line.units) + (before if limit.by_day else 0)
        counted[code] = units
        # of several lines the one that passes the limit is named, and only that
        if units > limit.most and not (limit.by_day and before > limit.most):
            per = "on one day" if limit.by_day else "on one line"
            words: dict[str, Any] = {"line": line.line_number, "units": f"{units:f}", "most": limit.most, "per": per}
            yield found("units_unlikely", code, source=limit.source, **words)


def _coverage_edits(case: Case, transmission: Transmission, tables: ServiceTables) -> Iterator[Edit]:
    diagnoses = {undotted(d.code) for d in transmission.diagnoses}
    for line in case.lines:
        policies = tables.policies.get(line.hcpcs, ()) if line.hcpcs else ()
        if not policies or not line.hcpcs or NOTICE_MODIFIERS.intersection(line.modifiers):
            continue
        if all(diagnoses.isdisjoint(covered) for _, covered in policies):
            named = ", ".join(policy for policy, _ in policies[:3])
            yield found("diagnosis_does_not_cover", line.hcpcs, line=line.line_number, policy=named)
