"""Charge lines of an encounter by revenue code: made-up prices at the hospital's level.

Outpatient lines carry HCPCS level II codes only (CPT is not ours to ship).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

import numpy as np

from medcode_ml.simulation.drawing import between, whole
from medcode_ml.simulation.stays import Stay

_INTENSIVE = ("ICU",)


def _money(rng: np.random.Generator, base: float, level: float) -> Decimal:
    return Decimal(round(base * level * between(rng, 0.92, 1.08) * 100)) / 100


def charge_rows(rng: np.random.Generator, stay: Stay) -> list[dict[str, str]]:
    """Rows of the delivered table `charge`, every charge above zero."""
    level = stay.person.hospital.price_level
    lines: list[tuple[str, str, int, Decimal, date]] = []

    def add(revenue_code: str, hcpcs: str, units: int, each: float, day: int = 0) -> None:
        price = _money(rng, each, level)
        lines.append((revenue_code, hcpcs, units, price * units, stay.admission + timedelta(days=min(day, stay.days))))

    if stay.days:
        _inpatient(rng, stay, add)
    for line in stay.scenario.charges:
        operation = next((p.day for p in stay.performed if p.op.note), 0)
        add(line.revenue_code, line.hcpcs, line.units, line.charge, operation)
    if not stay.days:
        for number, study in enumerate(stay.studies):
            # plain films and scans of a visit go under supply codes of level II only where one exists; contrast is one
            if study.name.startswith("CT") and number == 0:
                add("0255", "Q9967", 100, 0.9)
    number_of_lines = enumerate(sorted(lines, key=lambda x: (x[4], x[0])), 1)
    return [
        {
            "hospital_id": stay.person.hospital.hospital_id,
            "encounter_number": stay.encounter_number,
            "line_number": str(n),
            "revenue_code": revenue_code,
            "hcpcs": hcpcs,
            "modifiers": "PT" if hcpcs == "G0121" and any(c.code.startswith("D12") for c in stay.codes) else "",
            "units": str(units),
            "charge": f"{charge:.2f}",
            "service_date": on.isoformat(),
        }
        for n, (revenue_code, hcpcs, units, charge, on) in number_of_lines
    ]


class _Add(Protocol):
    """Adds a charge line: revenue code, HCPCS, units, price of one, day of the stay."""

    def __call__(self, revenue_code: str, hcpcs: str, units: int, each: float, day: int = 0) -> None: ...


def _inpatient(rng: np.random.Generator, stay: Stay, add: _Add) -> None:
    intensive = min(
        stay.days,
        sum(
            -(-hours // 24)
            for name, _, hours in stay.units
            if any(word in name for word in _INTENSIVE) and "Neonatal" not in name
        ),
    )
    service = stay.scenario.service
    if service not in ("NEWBORN", "NICU"):
        if intensive:
            add("0200", "", intensive, 4650.0)
        if stay.days - intensive:
            room = {"OB": "0112", "PSYCH": "0124", "PEDS": "0113"}.get(service, "0120" if stay.index % 3 else "0110")
            add(room, "", stay.days - intensive, 1890.0)
    add("0250", "", whole(rng, 4, 10) + 3 * stay.days, between(rng, 38, 140))
    add("0300", "", 4 + 3 * stay.days, 46.0)
    if stay.cultures:
        add("0306", "", len(stay.cultures), 118.0)
    if stay.studies:
        kind = (
            "0350"
            if any(s.name.startswith("CT") for s in stay.studies)
            else "0610"
            if any(s.name.startswith("MRI") for s in stay.studies)
            else "0320"
        )
        add(kind, "", len(stay.studies), 1240.0 if kind != "0320" else 310.0)
    if stay.scenario.admission_type in ("1", "5") and service not in ("OB", "NEWBORN", "NICU"):
        add("0450", "", 1, 1680.0)
    operation = next((p for p in stay.performed if p.op.note), None)
    priced = {line.revenue_code for line in stay.scenario.charges}
    if operation is not None:
        if not priced & {"0360", "0481"}:
            add("0360", "", 1, 8600.0, operation.day)
        add("0370", "", 1, 1750.0, operation.day)
        add("0710", "", 1, 980.0, operation.day)
    codes = {p.code for p in stay.performed}
    if "30233N1" in codes:
        add("0390", "", 2, 640.0, 1)
    if any(c.startswith(("5A19", "5A09")) for c in codes):
        add("0410", "", max(1, stay.days // 2), 520.0)
    if any(c.startswith("5A1D") for c in codes):
        add("0801", "", 3, 890.0, 1)
    if stay.days >= 3 and service not in ("NEWBORN", "NICU", "OB", "PEDS", "PSYCH"):
        add("0420", "", min(stay.days, 6), 210.0, 1)
    if service in ("CMED", "CSURG"):
        add("0730", "", 2, 185.0)
    add("0270", "", whole(rng, 2, 12), 64.0)
