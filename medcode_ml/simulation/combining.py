"""From conditions as clinicians name them to the codes of the encounter in reporting order.

Combination codes by the Official Guidelines for Coding and Reporting: hypertension with heart failure and kidney
disease (I.C.9.a), diabetes "with" kidney disease and peripheral angiopathy (I.A.15), COPD with lower respiratory
infection (J44.0), and the codes that the release of 1 October 2026 split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from medcode_ml.codes.poa import is_poa_exempt

_FY2027 = date(2026, 10, 1)
#: code up to 30 September 2026 -> code from 1 October 2026
RECODED: dict[str, str] = {"I42.0": "I42.09", "Z68.1": "Z68.18", "M72.2": "M72.20"}
_LUNG_INFECTION = ("J12", "J13", "J14", "J15", "J16", "J17", "J18", "J20", "J21", "J10.0")
_EXTERNAL_CAUSE = ("V", "W", "X", "Y")
_LATE_Z = (
    "Z79",
    "Z86",
    "Z87",
    "Z85",
    "Z88",
    "Z91",
    "Z92",
    "Z95",
    "Z99",
    "Z66",
    "Z68",
    "Z74",
    "Z77",
    "Z28",
    "Z37",
    "Z3A",
    "Z17",
    "Z72",
    "Z51.5",
    "Z51.81",
    "Z23",
)


@dataclass(frozen=True)
class Coded:
    """A code of the encounter with its present-on-admission indicator (empty where exempt)."""

    code: str
    poa: str


def code_on(code: str, discharge: date) -> str:
    """The code in force at discharge."""
    return RECODED.get(code, code) if discharge >= _FY2027 else code


class _Codes:
    """The codes being combined, and which code each condition ended in."""

    def __init__(self, codes: list[Coded]) -> None:
        self.codes = codes
        self.became: dict[str, str] = {}

    def first(self, *prefixes: str) -> int | None:
        """Place of the first code under one of the prefixes."""
        return next((n for n, c in enumerate(self.codes) if c.code.startswith(prefixes)), None)

    def replace(self, place: int, code: str) -> None:
        self.became[self.codes[place].code] = code
        self.codes[place] = replace(self.codes[place], code=code)

    def move_before(self, code: str, *prefixes: str) -> None:
        """Put `code` right before the first code under the prefixes, where it does not already stand before it."""
        here, target = self.first(code), self.first(*prefixes)
        if here is not None and target is not None and here > target:
            self.codes.insert(target, self.codes.pop(here))


def _hypertension(codes: _Codes) -> None:
    here, heart, kidney = codes.first("I10"), codes.first("I50"), codes.first("N18")
    if here is None or (heart is None and kidney is None):
        return
    late = kidney is not None and codes.codes[kidney].code in ("N18.5", "N18.6")
    if heart is not None:
        combined = "I11.0" if kidney is None else "I13.2" if late else "I13.0"
    else:
        combined = "I12.0" if late else "I12.9"
    codes.replace(here, combined)
    codes.move_before(combined, *(("I50", "N18") if heart is not None else ("N18",)))


def _diabetes(codes: _Codes) -> None:
    if codes.first("E11") is None:
        return
    vessels = codes.first("I73.9")
    if vessels is not None:
        codes.replace(vessels, "E11.51")
    kidney = codes.first("N18")
    if kidney is not None and codes.first("E11.22") is None:
        plain = codes.first("E11.9")
        if plain is not None:
            codes.replace(plain, "E11.22")
        else:
            codes.codes.insert(kidney, Coded("E11.22", "Y"))
        codes.move_before("E11.22", "N18")
    plain = codes.first("E11.9")
    if plain is not None and any(c.code.startswith("E11.") and c.code != "E11.9" for c in codes.codes):
        codes.became["E11.9"] = next(c.code for c in codes.codes if c.code.startswith("E11.") and c.code != "E11.9")
        principal = plain == 0
        del codes.codes[plain]
        if principal:
            codes.codes.insert(0, codes.codes.pop(codes.first("E11") or 0))


def _lungs(codes: _Codes) -> None:
    if codes.first(*_LUNG_INFECTION) is None:
        return
    plain, flare = codes.first("J44.9"), codes.first("J44.1")
    if plain is not None:
        codes.replace(plain, "J44.0")
    elif flare is not None and codes.first("J44.0") is None:
        codes.codes.insert(flare, Coded("J44.0", "Y"))


def _once(codes: list[Coded]) -> list[Coded]:
    seen: dict[str, Coded] = {}
    for one in codes:
        seen.setdefault(one.code, one)
    return list(seen.values())


def combine(codes: list[tuple[str, str]], discharge: date) -> tuple[list[Coded], dict[str, str]]:
    """Codes of the encounter in reporting order, and what each condition's code became where it was combined.

    Args:
        codes: (code, POA indicator) of the conditions, principal first.
        discharge: discharge date, which decides the release.
    """
    work = _Codes(_once([Coded(code_on(code, discharge), poa) for code, poa in codes]))
    _hypertension(work)
    _diabetes(work)
    _lungs(work)
    found = _once(work.codes)
    principal, rest = found[0], found[1:]
    rank = {c.code: 2 if c.code[0] in _EXTERNAL_CAUSE else 1 if c.code.startswith(_LATE_Z) else 0 for c in rest}
    ordered = [principal, *sorted(rest, key=lambda c: rank[c.code])]
    became = {old: code_on(old, discharge) for old, _ in codes}
    became = {old: work.became.get(new, new) for old, new in became.items()}
    return [replace(c, poa="" if is_poa_exempt(c.code) else c.poa) for c in ordered], became
