"""Our own checks of a written 837 that the guide's maps do not make (rules 27-32): sums, repeats, code forms.

Works on the text alone, so it also judges interchanges written by others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from medcode_ml.codes.identifiers import npi_is_valid, revenue_code_is_valid

ISA_LENGTH = 106
_ICD9 = frozenset({"BK", "BJ", "PR", "BN", "BF", "BR", "BQ"})
_ICD10_DIAGNOSES = frozenset({"ABK", "ABJ", "APR", "ABN", "ABF"})
_ICD10 = _ICD10_DIAGNOSES | {"BBR", "BBQ"}
#: Most codes of a qualifier in one institutional claim (rule 27).
_MOST = {"ABK": 1, "ABJ": 1, "APR": 3, "ABN": 12, "ABF": 24, "DR": 1, "BBR": 1, "BBQ": 24}
_MOST_PROFESSIONAL = 12
_MOST_POINTERS = 4
_MOST_LINES = 999
_MOST_CLAIMS = 100
# Replacement and void of an earlier claim (CLM05-3).
_ABOUT_ANOTHER = frozenset({"7", "8"})
_POA = frozenset({"", "Y", "N", "U", "W"})


class _Claim:
    """What is gathered of one claim until the next begins."""

    def __init__(self, number: str, charge: str, kind: str) -> None:
        self.number, self.charge, self.kind = number, charge, kind
        self.codes: Counter[str] = Counter()
        self.lines: list[str] = []
        self.faults: list[str] = []
        self.frequency = ""
        self.replaces = False
        self.earlier: list[_Earlier] = []
        self.adjusting: _Earlier | None = None


class _Earlier:
    """What an earlier payer paid and adjusted, on the claim and on its lines."""

    def __init__(self) -> None:
        self.payer_id = ""
        self.paid: str | None = None
        self.adjusted: list[str] = []


def split_segments(text: str) -> list[list[str]]:
    """Cut an interchange into segments of elements by the delimiters its ISA names; components stay joined.

    Raises:
        ValueError: the text does not begin with a whole ISA segment.
    """
    if len(text) < ISA_LENGTH or not text.startswith("ISA"):
        raise ValueError("the text does not begin with an ISA segment of 106 characters")
    element, terminator = text[3], text[ISA_LENGTH - 1]
    parts = (part.strip("\r\n") for part in text.split(terminator))
    return [part.split(element) for part in parts if part]


def is_nested(segments: list[list[str]]) -> bool:
    """True when ISA, GS, ST and their ends stand inside each other; pyx12 cannot follow a file where they do not."""
    ends, inside = {"SE": "ST", "GE": "GS", "IEA": "ISA"}, list[str]()
    parents = {"ISA": None, "GS": "ISA", "ST": "GS"}
    for name, *_ in segments:
        if name in parents:
            if (inside[-1] if inside else None) != parents[name]:
                return False
            inside.append(name)
        elif name in ends:
            if not inside or inside.pop() != ends[name]:
                return False
        elif not inside or inside[-1] != "ST":
            return False
    return not inside


def rule_faults(text: str) -> list[str]:
    """Return what is wrong with an 837 by our rules, as sentences with the claim or segment they concern.

    Raises:
        ValueError: the text does not begin with a whole ISA segment.
    """
    segments, component = split_segments(text), text[ISA_LENGTH - 2]
    return [*_envelope_faults(segments), *_claim_faults(segments, component)]


def _is_icd10(code: str) -> bool:
    """True for a code that cannot be ICD-9: another letter first than its V and E, or over five characters."""
    return (code[:1].isalpha() and code[0] not in "VE") or len(code) > 5


def _at(elements: list[str], place: int) -> str:
    return elements[place] if place < len(elements) else ""


def _envelope_faults(segments: list[list[str]]) -> Iterator[str]:
    """Counts and control numbers of SE, GE and IEA (rule 32)."""
    opened: dict[str, str] = {}
    counted = {"ST": 0, "GS": 0}
    since_st = 0
    for elements in segments:
        name = elements[0]
        since_st += 1
        if name == "ISA":
            opened["ISA"], counted["GS"] = _at(elements, 13), 0
        elif name == "GS":
            opened["GS"], counted["ST"] = _at(elements, 6), 0
            counted["GS"] += 1
        elif name == "ST":
            opened["ST"], since_st = _at(elements, 2), 1
            counted["ST"] += 1
        elif name in ("SE", "GE", "IEA"):
            opener, count = {"SE": ("ST", since_st), "GE": ("GS", counted["ST"]), "IEA": ("ISA", counted["GS"])}[name]
            if _at(elements, 1) != str(count):
                yield f"{name}01 says {_at(elements, 1)}, counted {count}"
            if opened.pop(opener, None) != _at(elements, 2):
                yield f"{name}02 {_at(elements, 2)} is not the control number of its {opener}"
    for opener in opened:
        yield f"{opener} is not closed"


def _claim_faults(segments: list[list[str]], component: str) -> Iterator[str]:
    claim: _Claim | None = None
    kind, patient_claims = "", 0
    provider = False
    for elements in [*segments, ["SE"]]:
        name = elements[0]
        if name in ("CLM", "HL", "SE") and claim is not None:
            yield from _finished(claim)
            claim = None
        if name == "ST":
            kind = _at(elements, 3)
        elif name == "HL":
            patient_claims, provider = 0, _at(elements, 3) == "20"
        elif name == "N4" and provider and claim is None:
            provider = False
            if len(_at(elements, 3)) != 9:
                yield "the billing provider's ZIP (N403) is not nine digits"
        elif name == "NM1" and _at(elements, 8) == "XX" and not npi_is_valid(_at(elements, 9)):
            yield f"NM109 of entity {_at(elements, 1)} is no valid NPI"
        elif name == "CLM":
            patient_claims += 1
            claim = _Claim(_at(elements, 1), _at(elements, 2), kind)
            if patient_claims == _MOST_CLAIMS + 1:
                claim.faults.append(f"more than {_MOST_CLAIMS} claims of one patient")
            qualifier = "A" if "X223" in kind else "B"
            facility = [*_at(elements, 5).split(component), "", ""]
            claim.frequency = facility[2]
            if facility[1] != qualifier:
                claim.faults.append(f"CLM05-2 is not {qualifier}")
        elif claim is not None:
            _gather(claim, elements, component)


def _gather(claim: _Claim, elements: list[str], component: str) -> None:
    name = elements[0]
    _gather_payers(claim, elements)
    if name == "HI":
        for composite in elements[1:]:
            parts = composite.split(component)
            qualifier, code = parts[0], _at(parts, 1)
            claim.codes[qualifier] += 1
            if "." in code:
                claim.faults.append(f"HI {qualifier}: {code} has a decimal point")
            if qualifier in _ICD9 and _is_icd10(code):
                claim.faults.append(f"HI {qualifier} is for ICD-9 and carries {code}")
            if qualifier in _ICD10_DIAGNOSES and _at(parts, 8) not in _POA:
                claim.faults.append(
                    f"HI {qualifier}: present on admission is {_at(parts, 8)!r}, not Y, N, U, W or blank"
                )
    elif name == "SV2":
        claim.lines.append(_at(elements, 3))
        if not revenue_code_is_valid(_at(elements, 1)):
            claim.faults.append("SV201 is no revenue code of four digits")
    elif name == "SV1":
        claim.lines.append(_at(elements, 2))
        pointers = [p for p in _at(elements, 7).split(component) if p]
        diagnoses = claim.codes["ABK"] + claim.codes["ABF"]
        if not 1 <= len(pointers) <= _MOST_POINTERS or not all(
            p.isdigit() and 1 <= int(p) <= diagnoses for p in pointers
        ):
            claim.faults.append("SV107 must point to one to four of the claim's diagnoses")


def _gather_payers(claim: _Claim, elements: list[str]) -> None:
    """What earlier payers decided, and the claim that is replaced: SBR, AMT, NM1, SVD, CAS and REF below a claim."""
    name, first = elements[0], _at(elements, 1)
    if name == "SBR":
        claim.adjusting = _Earlier()
        claim.earlier.append(claim.adjusting)
    elif name == "LX":
        claim.adjusting = None
    elif name == "SVD":
        claim.adjusting = next((e for e in claim.earlier if e.payer_id == first), None)
    elif name == "REF" and first == "F8" and not claim.earlier and not claim.lines:
        claim.replaces = True
    elif claim.adjusting is None:
        return
    elif name == "AMT" and first == "D":
        claim.adjusting.paid = _at(elements, 2)
    elif name == "NM1" and first == "PR":
        claim.adjusting.payer_id = _at(elements, 9)
    elif name == "CAS":
        claim.adjusting.adjusted += elements[3::3]


def _payer_faults(claim: _Claim) -> Iterator[str]:
    """What an earlier payer paid and all its adjustments make the charge of the claim (rule 31)."""
    if claim.frequency in _ABOUT_ANOTHER and not claim.replaces:
        yield f"frequency {claim.frequency} without the payer's control number of the claim it is about (REF*F8)"
    for place, earlier in enumerate(claim.earlier, 1):
        if earlier.paid is None and not earlier.adjusted:
            continue
        try:
            adjusted = sum((Decimal(a) for a in earlier.adjusted), Decimal(0))
            balanced = Decimal(earlier.paid or "0") + adjusted == Decimal(claim.charge)
        except InvalidOperation:
            yield f"earlier payer {place}: a payment or adjustment is no amount"
            continue
        if not balanced:
            yield f"earlier payer {place}: CLM02 is {claim.charge}, paid {earlier.paid} and adjusted {adjusted}"


def _finished(claim: _Claim) -> Iterator[str]:
    where = f"claim {claim.number}"
    faults = [*claim.faults, *_payer_faults(claim)]
    if claim.codes["ABK"] != 1 and not claim.codes["BK"]:
        faults.append("there is not exactly one principal diagnosis (ABK)")
    if any(claim.codes[q] for q in _ICD9) and any(claim.codes[q] for q in _ICD10):
        faults.append("ICD-9 and ICD-10 qualifiers stand in one claim")
    if "X223" in claim.kind:
        faults += [
            f"{claim.codes[q]} codes with {q}, at most {most}" for q, most in _MOST.items() if claim.codes[q] > most
        ]
    elif claim.codes["ABK"] + claim.codes["ABF"] > _MOST_PROFESSIONAL:
        faults.append(f"more than {_MOST_PROFESSIONAL} diagnoses")
    if len(claim.lines) > _MOST_LINES:
        faults.append(f"{len(claim.lines)} lines, at most {_MOST_LINES}")
    try:
        total = sum((Decimal(line) for line in claim.lines), Decimal(0))
        if Decimal(claim.charge) != total:
            faults.append(f"CLM02 is {claim.charge}, the lines add up to {total}")
        if any(line.startswith("-") for line in (claim.charge, *claim.lines)):
            faults.append("CLM02 or a line charge is negative")
    except InvalidOperation:
        faults.append("CLM02 or a line charge is no amount")
    for fault in faults:
        yield f"{where}: {fault}"
