"""Reading the segments of one 835 (005010X221A1) into rows: payment, claims, lines, adjustments, balances (rule 31)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from medcode_ml.billing.answers.balance import (
    ClaimParts,
    Line,
    Parts,
    add_adjustments,
    add_line,
    difference_of,
    notes_of,
    payment_fault,
    unbalanced,
)
from medcode_ml.billing.answers.envelope import TransactionSet
from medcode_ml.billing.answers.frames import REMITTANCE_CLAIM, Rows
from medcode_ml.billing.answers.segments import Delimiters
from medcode_ml.billing.answers.values import ZERO, amount, at, day, quantity, text
from medcode_ml.contracts.ids import record_hash

STATUSES = {
    "1": "processed_as_primary", "2": "processed_as_secondary", "3": "processed_as_tertiary", "4": "denied",
    "19": "processed_as_primary_and_forwarded", "20": "processed_as_secondary_and_forwarded",
    "21": "processed_as_tertiary_and_forwarded", "22": "reversal", "23": "not_our_claim_forwarded",
    "25": "predetermination",
}  # fmt: skip
"""CLP02, claim status."""
GROUPS = ("CO", "OA", "PI", "PR")
_REVENUE = "NU"
#: Adjustments of a CAS: reason, amount and quantity, six times.
_CAS = range(2, 20, 3)
_PLB = range(3, 15, 2)
_INPATIENT_REMARKS = (5, 20, 21, 22, 23)
_OUTPATIENT_REMARKS = (3, 4, 5, 6, 7)
_KNOWN_WITHOUT_A_COLUMN = frozenset({"N3", "N4", "PER", "RDM", "LX", "TS2", "ST", "SE"})


class RemittanceReader:
    """Takes the segments of one transaction set in their order; a claim's rows are added when the next one begins."""

    def __init__(self, one: TransactionSet, set_id: str, delimiters: Delimiters, rows: Rows) -> None:
        self._set, self._set_id, self._rows = one, set_id, rows
        self._component = delimiters.component
        self._payment: dict[str, Any] = {}
        self._faults: list[str] = []
        self._notes: list[str] = []
        self._party: str | None = None
        self._ids: dict[str, list[str]] = {"PR": [], "PE": []}
        self._claim: ClaimParts | None = None
        self._remittance_id: str | None = None
        self._seen: Counter[str] = Counter()
        self._place = 0
        self._plb = 0
        self._currency = "USD"
        self._summary: tuple[int, Decimal | None] | None = None
        self._of_summary: tuple[int, Decimal] = (0, ZERO)
        self._handlers: dict[str, Callable[[int, list[str]], bool]] = {
            "BPR": self._bpr, "TRN": self._trn, "CUR": self._cur, "REF": self._ref, "DTM": self._dtm, "N1": self._n1,
            "TS3": self._ts3, "CLP": self._clp, "CAS": self._cas, "NM1": self._nm1, "MIA": self._mia,
            "MOA": self._moa, "AMT": self._amt, "QTY": self._qty, "SVC": self._svc, "LQ": self._lq, "PLB": self._plb_,
        }  # fmt: skip

    @property
    def control_number(self) -> str | None:
        """Control number of the claim that is being read."""
        return self._claim.values["control_number"] if self._claim else None

    def segment(self, number: int, elements: list[str]) -> bool:
        """Take one segment; False when it was not understood where it stands."""
        handler = self._handlers.get(elements[0])
        if handler is None:
            return elements[0] in _KNOWN_WITHOUT_A_COLUMN
        return handler(number, elements)

    # header -----------------------------------------------------------------------------------------------------

    def _bpr(self, _: int, e: list[str]) -> bool:
        self._payment |= {
            "handling_code": text(e, 1), "paid": self._set.sum.paid, "payment_method": text(e, 4),
            "payment_date": day(at(e, 16)),
        }  # fmt: skip
        return True

    def _trn(self, _: int, e: list[str]) -> bool:
        self._payment |= {"trace_number": text(e, 2), "originator_id": text(e, 3)}
        if at(e, 3):
            # an employer number is written with a 1 before it
            self._ids["PR"] += [at(e, 3), *([at(e, 3)[1:]] if len(at(e, 3)) == 10 and at(e, 3)[0] == "1" else [])]
        return True

    def _cur(self, _: int, e: list[str]) -> bool:
        self._currency = at(e, 2)
        if self._currency != "USD":
            self._faults.append(f"payment: it is in {self._currency or 'no'} currency, not in US dollars")
        return True

    def _n1(self, _: int, e: list[str]) -> bool:
        if self._claim is not None or at(e, 1) not in self._ids:
            return False
        self._party = at(e, 1)
        whose = "payer" if self._party == "PR" else "payee"
        self._payment |= {f"{whose}_name": text(e, 2), f"{whose}_id": text(e, 4)}
        if at(e, 4):
            self._ids[self._party].insert(0, at(e, 4))
        return True

    def _ts3(self, _: int, e: list[str]) -> bool:
        self._close_claim()
        self._close_summary()
        claims = quantity(at(e, 4))
        if claims is not None:
            self._summary = (int(claims), amount(at(e, 5)))
        return True

    def _close_summary(self) -> None:
        """Compare a provider's summary (TS304 claims, TS305 charges) with its claims; a note, rule 31 has none."""
        claims, charge = self._of_summary
        if self._summary is not None and self._summary != (claims, charge):
            self._notes.append(
                f"TS3 counts {self._summary[0]} claims of {self._summary[1]}; {claims} of {charge} follow"
            )
        self._summary, self._of_summary = None, (0, ZERO)

    # claim ------------------------------------------------------------------------------------------------------

    def _clp(self, number: int, e: list[str]) -> bool:
        self._close_claim()
        if self._remittance_id is None:
            self._remittance_id = self._identify()
        self._place += 1
        code = at(e, 2)
        values: dict[str, Any] = {
            "place": self._place, "segment_number": number, "control_number": text(e, 1), "status_code": code or None,
            "status": STATUSES.get(code, "unknown"), "charge": amount(at(e, 3)), "paid": amount(at(e, 4)),
            "patient_responsibility": amount(at(e, 5)), "filing_indicator": text(e, 6),
            "payer_control_number": text(e, 7), "facility_type": text(e, 8), "frequency": text(e, 9),
            "patient_status": text(e, 10), "drg": text(e, 11), "drg_weight": quantity(at(e, 12)),
            "discharge_fraction": quantity(at(e, 13)),
        }  # fmt: skip
        self._claim = ClaimParts(values)
        for column, place in (("charge", 3), ("paid", 4)):
            if values[column] is None:
                self._claim.faults.append(f"claim: CLP{place:02d} ({column}) is missing or no amount")
        if at(e, 5) and values["patient_responsibility"] is None:
            self._claim.faults.append("claim: CLP05 (patient responsibility) is no amount")
        if values["control_number"] is None:
            self._claim.faults.append("claim: CLP01 (patient control number) is empty")
        if values["status"] == "unknown":
            self._claim.faults.append("claim: CLP02 is no claim status")
        return True

    def _identify(self) -> str:
        """The same payment has the same id in whatever file it comes; refused it has another, it may come again."""
        p, own = self._payment, list[str]()
        trace = p.get("trace_number")
        if trace is None:
            self._faults.append("payment: TRN02 (trace number) is missing")
        if not (trace or "").strip("0"):
            # payments of nothing often have no trace number but zeros: their content tells them apart
            own.append(self._set.body_hash)
        if self._set.refused_because:
            own.append(self._set.content_id)
        payer = p.get("originator_id") or p.get("payer_id") or ""
        return record_hash("remittance", payer, str(trace), str(p.get("payment_date")), str(p.get("paid")), *own)

    def _cas(self, number: int, e: list[str]) -> bool:
        of = self._of()
        if of is None or self._claim is None:
            return False
        group = at(e, 1)
        if group not in GROUPS:
            self._claim.faults.append(f"segment {number} (CAS): its group is not {', '.join(GROUPS)}")
        for place in _CAS:
            reason, written = at(e, place), at(e, place + 1)
            if not reason and not written:
                continue
            value = amount(written)
            if value is None or not reason:
                self._claim.faults.append(f"segment {number} (CAS): element {place} has no reason or no amount")
            of.adjustments.append((group, reason, value, quantity(at(e, place + 2))))
        return True

    def _of(self) -> Parts | None:
        if self._claim is None:
            return None
        return self._claim.lines[-1] if self._claim.lines else self._claim

    def _nm1(self, _: int, e: list[str]) -> bool:
        if self._claim is None:
            return False
        if at(e, 1) == "TT":
            self._claim.values["forwarded_to"] = text(e, 9) or text(e, 3)
        elif at(e, 1) == "PR":
            self._claim.values["corrected_payer"] = text(e, 9) or text(e, 3)
        # patient, insured, rendering provider: we know them from the claim
        return at(e, 1) in ("TT", "PR", "QC", "IL", "74", "82", "GB")

    def _adjudication(self, e: list[str], column: str, remarks: tuple[int, ...]) -> bool:
        if self._claim is None:
            return False
        self._claim.remarks += [at(e, place) for place in remarks if at(e, place)]
        figures = {f"{e[0]}{n:02d}": at(e, n) for n in range(1, len(e)) if at(e, n) and n not in remarks}
        self._claim.values[column] = figures
        return True

    def _mia(self, _: int, e: list[str]) -> bool:
        return self._adjudication(e, "inpatient", _INPATIENT_REMARKS)

    def _moa(self, _: int, e: list[str]) -> bool:
        return self._adjudication(e, "outpatient", _OUTPATIENT_REMARKS)

    def _amt(self, _: int, e: list[str]) -> bool:
        of = self._of()
        if of is not None:
            of.amounts[at(e, 1)] = at(e, 2)
        return of is not None

    def _qty(self, _: int, e: list[str]) -> bool:
        of = self._of()
        if of is not None:
            of.quantities[at(e, 1)] = at(e, 2)
        return of is not None

    def _ref(self, _: int, e: list[str]) -> bool:
        of = self._of()
        if of is not None:
            if at(e, 1) in of.references:
                of.references[at(e, 1)] += f" {at(e, 2)}"
            else:
                of.references[at(e, 1)] = at(e, 2)
        elif self._party is not None and at(e, 2):
            self._ids[self._party].append(at(e, 2))
        # before the parties: receiver and version
        return True

    def _dtm(self, _: int, e: list[str]) -> bool:
        value = day(at(e, 2))
        if self._claim is None:
            self._payment["production_date"] = value
            return at(e, 1) == "405"
        if self._claim.lines:
            names = {"150": ("service_from",), "151": ("service_to",), "472": ("service_from", "service_to")}
            where = self._claim.lines[-1].values
        else:
            names = {"232": ("statement_from",), "233": ("statement_to",), "050": ("claim_received_date",), "036": ()}
            where = self._claim.values
        for name in names.get(at(e, 1), ()):
            where[name] = value
        return at(e, 1) in names

    # line -------------------------------------------------------------------------------------------------------

    def _svc(self, number: int, e: list[str]) -> bool:
        if self._claim is None:
            return False
        system, _, rest = at(e, 1).partition(self._component)
        code, *modifiers = rest.split(self._component)
        values: dict[str, Any] = {
            "procedure_system": system or None, "procedure": code or None, "modifiers": [m for m in modifiers[:4] if m],
            "submitted_procedure": text(e, 6), "revenue_code": text(e, 4), "charge": amount(at(e, 2)),
            "paid": amount(at(e, 3)), "units_paid": quantity(at(e, 5)), "units_submitted": quantity(at(e, 7)),
        }  # fmt: skip
        if system == _REVENUE:
            values |= {"procedure_system": None, "procedure": None, "revenue_code": code or None}
        for column, place in (("charge", 2), ("paid", 3)):
            if values[column] is None:
                self._claim.faults.append(f"segment {number} (SVC): SVC{place:02d} ({column}) is missing or no amount")
        self._claim.lines.append(Line(values, number=len(self._claim.lines) + 1))
        return True

    def _lq(self, _: int, e: list[str]) -> bool:
        of = self._of()
        if of is None or at(e, 1) not in ("HE", "RX"):
            return False
        of.remarks.append(at(e, 2))
        return True

    # footer -----------------------------------------------------------------------------------------------------

    def _plb_(self, number: int, e: list[str]) -> bool:
        self._close_claim()
        if self._remittance_id is None:
            self._remittance_id = self._identify()
        for place in _PLB:
            if not at(e, place) and not at(e, place + 1):
                continue
            reason, _, reference = at(e, place).partition(self._component)
            value = amount(at(e, place + 1))
            if value is None:
                self._faults.append(f"segment {number} (PLB): element {place + 1} is no amount")
            self._plb += 1
            self._rows.add(
                "provider_adjustments", remittance_id=self._remittance_id, adjustment_number=self._plb,
                provider_id=text(e, 1), fiscal_period=day(at(e, 2)), reason_code=reason or None,
                reference_number=reference or None, amount=value,
            )  # fmt: skip
        return True

    def _close_claim(self) -> None:
        if self._claim is None:
            return
        claim, self._claim = self._claim, None
        v = claim.values
        key = record_hash(
            "claim", str(self._remittance_id),
            *(str(v[c]) for c in ("control_number", "status_code", "charge", "paid", "payer_control_number")),
        )  # fmt: skip
        self._seen[key] += 1
        claim_id = key if self._seen[key] == 1 else record_hash(key, self._seen[key])
        adjusted = add_adjustments(self._rows, claim_id, claim)
        difference = difference_of(v["charge"], adjusted, v["paid"])
        for line in claim.lines:
            add_line(self._rows, claim_id, line, claim.faults)
        if difference:
            claim.faults.append(unbalanced("claim: CLP03", v["charge"], adjusted, "CLP04", v["paid"], difference))
        claims, charge = self._of_summary
        self._of_summary = (claims + 1, charge + (v["charge"] or ZERO))
        payment = self._payment
        v |= {
            "remittance_claim_id": claim_id, "remittance_id": self._remittance_id, "set_id": self._set_id,
            "payer_ids": self._ids["PR"], "payer_name": payment.get("payer_name"),
            "trace_number": payment.get("trace_number"), "payment_date": payment.get("payment_date"),
            "adjusted": adjusted, "difference": difference, "balanced": not claim.faults,
            "remark_codes": claim.remarks, "amounts": claim.amounts, "quantities": claim.quantities,
            "reference_numbers": claim.references, "faults": claim.faults, "notes": notes_of(v, claim),
            "payment_faults": self._payment_faults(), "envelope_faults": self._set.refused_because,
        }  # fmt: skip
        self._rows.add_row("remittance_claims", tuple(v.get(c) for c in REMITTANCE_CLAIM))

    def _payment_faults(self) -> list[str]:
        """What is wrong with the payment as a whole; its sums are known before its claims are read (`Sum`)."""
        fault = payment_fault(self._set.sum)
        return [*self._faults, *([fault] if fault else [])]

    def close(self) -> None:
        """The set is at its end: add its last claim and the payment."""
        self._close_claim()
        self._close_summary()
        if self._remittance_id is None:
            self._remittance_id = self._identify()
        sums, faults = self._set.sum, self._payment_faults()
        self._rows.add(
            "remittances", remittance_id=self._remittance_id, set_id=self._set_id, payer_ids=self._ids["PR"],
            payee_ids=self._ids["PE"], currency=self._currency, claims=self._place, claims_paid=sums.claims,
            provider_adjustments=sums.adjustments, difference=sums.difference, balanced=not faults, faults=faults,
            envelope_faults=self._set.refused_because, notes=self._notes, **self._payment,
        )  # fmt: skip
