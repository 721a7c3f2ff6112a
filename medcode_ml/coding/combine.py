"""Combination codes: two conditions that are reported as one (guidelines I.A.15, I.B.9, I.C.4.a, I.C.9)."""

from __future__ import annotations

from collections.abc import Iterable

from medcode_ml.coding.candidates import Candidate, Candidates
from medcode_ml.coding.resolve import Resolver

_DIABETES = ("E08", "E09", "E10", "E11", "E13")

# The classification presumes the link ("with"): complication prefixes -> ending of the diabetes code, and whether the
# complication is then reported beside it.
_DIABETIC: tuple[tuple[tuple[str, ...], str, bool], ...] = (
    (("N18",), ".22", True),
    (("G62.9", "G60.9"), ".42", False),
    (("G58.9",), ".41", False),
    (("G90.9",), ".43", False),
    (("K31.84",), ".43", True),
    (("I73.9",), ".51", False),
    (("H35.00",), ".319", False),
    (("L97.4", "L97.5"), ".621", True),
    (("L97.1", "L97.2", "L97.3", "L97.8", "L97.9", "L98.49"), ".622", True),
    (("R73.9",), ".65", False),
    (("E16.2",), ".649", False),
    (("M86",), ".69", True),
)

# Local infections that name their organism by a second code.
_LOCAL = (
    "I33", "L02", "L03", "L08", "M00", "M86", "N10", "N39.0", "R78.81", "T80.2", "T81.4", "T82.7", "T83.5", "T84.5",
    "T84.6",
)  # fmt: skip
# One condition and a second that it takes in: (first, second, combination, first is replaced, second is replaced).
_PAIRS: tuple[tuple[tuple[str, ...], tuple[str, ...], str, bool, bool], ...] = (
    (("R11.0",), ("R11.10",), "R11.2", True, True),
    (("I34",), ("I35",), "I08.0", True, True),
    (("I34",), ("I07", "I36"), "I08.1", True, True),
    (("I35",), ("I07", "I36"), "I08.2", True, True),
    (("I08.0",), ("I07", "I36"), "I08.3", True, True),
    (("I25.10",), ("I20.0",), "I25.110", True, True),
    (("I25.10",), ("I20.9", "I20.89", "I20.8"), "I25.119", True, True),
    (("J44.9", "J44.1"), ("J18", "J12", "J13", "J14", "J15", "J20", "J16"), "J44.0", False, False),
    (("K57.30",), ("K92.2", "K62.5", "K92.1"), "K57.31", True, True),
    (("K57.32",), ("K92.2", "K92.1"), "K57.33", True, True),
    (("K57.92",), ("K92.2", "K92.1"), "K57.93", True, True),
    (("K25.9",), ("K92.2", "K92.0", "K92.1"), "K25.4", True, True),
    (("K26.9",), ("K92.2", "K92.0", "K92.1"), "K26.4", True, True),
    (("K27.9",), ("K92.2", "K92.0", "K92.1"), "K27.4", True, True),
    (("K29.70",), ("K92.2", "K92.0", "K92.1"), "K29.71", True, True),
    (("I85.00",), ("K92.2", "K92.0"), "I85.01", True, True),
    (("K55.20",), ("K92.2", "K92.1", "K62.5"), "K55.21", True, True),
    (("K70.30",), ("R18.8",), "K70.31", True, True),
    (("N40.0",), ("R33.9", "R39.11", "R39.12", "R39.14", "R39.15", "R39.16", "R35.0", "R35.1"), "N40.1", True, False),
    (("N40.1",), ("R33.9",), "R33.8", False, True),
    (("K80.20",), ("K81.0",), "K80.00", True, True),
    (("K80.20",), ("K81.1",), "K80.10", True, True),
    (("K80.20",), ("K81.9",), "K80.10", True, True),
    (("K21.9",), ("K20.90", "K20.9"), "K21.00", True, True),
    (("F32.A", "F32.9"), ("F33.9",), "F33.9", True, False),
    (("D64.9",), ("N18.3", "N18.4", "N18.5", "N18.6"), "D63.1", True, False),
    (_LOCAL, ("A49.01",), "B95.61", False, True),
    (_LOCAL, ("A49.02",), "B95.62", False, True),
    (("G30",), ("F03.90",), "F02.80", False, True),
    (("G30",), ("F03.A0",), "F02.A0", False, True),
    (("G30",), ("F03.B0",), "F02.B0", False, True),
    (("G30",), ("F03.C0",), "F02.C0", False, True),
    (("A41",), ("R65.21",), "R65.21", False, False),
)
_FAILURE = ("I50",)
_STAGE_5 = ("N18.5", "N18.6")


def combine(candidates: Candidates, resolver: Resolver) -> None:
    """Add the combination codes that the accepted candidates call for and take back what they replace, in place."""
    _hypertension(candidates, resolver)
    _diabetes(candidates, resolver)
    for first, second, made, replace_first, replace_second in _PAIRS:
        ones, others = _having(candidates, first), _having(candidates, second)
        if ones and others and not (set(ones) & set(others)):
            _make(
                candidates,
                resolver,
                made,
                [*ones, *others],
                ones if replace_first else [],
                others if replace_second else [],
            )
    if _having(candidates, ("J44.1", "J44.0")):
        for plain in _having(candidates, ("J44.9",)):
            candidates[plain].reject("the exacerbation or infection says more (rule 24)")


def _having(candidates: Candidates, prefixes: Iterable[str]) -> list[str]:
    wanted = tuple(prefixes)
    return [code for code, c in candidates.items() if c.accepted and code.startswith(wanted)]


def _make(
    candidates: Candidates,
    resolver: Resolver,
    wanted: str,
    parts: list[str],
    *replaced: list[str],
) -> None:
    """Add `wanted` on the evidence of `parts`, and take back the `replaced` ones."""
    code, _ = resolver.resolve(wanted, frozenset(), None)
    if code is None:
        return
    made = candidates.setdefault(code, Candidate(code))
    for part in parts:
        if part == code:
            continue
        # the same mention may stand behind several parts
        known = {(s.facts.document_id, s.mention.start, s.mention.end) for s in made.supports}
        made.supports.extend(
            s for s in candidates[part].carrying if (s.facts.document_id, s.mention.start, s.mention.end) not in known
        )
    if not made.carrying:
        return
    made.settle()
    made.made_of = tuple(sorted({*made.made_of, *(p for p in parts if p != code)}))
    made.reason = f"{' with '.join(made.made_of)}: reported by one code (rule 24)"
    for group in replaced:
        for part in group:
            if part != code:
                candidates[part].reject(f"reported as part of {code}")


def _hypertension(candidates: Candidates, resolver: Resolver) -> None:
    """Hypertension with heart failure or chronic kidney disease: the link is presumed (guideline I.C.9.a)."""
    pressure = _having(candidates, ("I10",))
    failure = _having(candidates, _FAILURE)
    kidney = _having(candidates, ("N18",))
    # parts may have been named together already ("hypertensive heart failure")
    heart_named = _having(candidates, ("I11",))
    kidney_named = _having(candidates, ("I12",))
    if not (pressure or heart_named or kidney_named):
        return
    heart = bool(failure or heart_named)
    late = any(code.startswith(_STAGE_5) for code in kidney)
    both = [*pressure, *heart_named, *kidney_named]
    if heart and (kidney or kidney_named):
        wanted = ("I13.2" if late else "I13.0") if failure else ("I13.11" if late else "I13.10")
        _make(candidates, resolver, wanted, [*both, *failure, *kidney], both)
    elif failure:
        _make(candidates, resolver, "I11.0", [*both, *failure], both)
    elif kidney:
        _make(candidates, resolver, "I12.0" if late else "I12.9", [*both, *kidney], both)


def _diabetes(candidates: Candidates, resolver: Resolver) -> None:
    """Diabetes with a complication that the index lists under "with" (guidelines I.A.15, I.C.4.a)."""
    kinds = {code[:3] for code in _having(candidates, _DIABETES)}
    # a specific type is meant when the note names one; E11 is only the default (guideline I.C.4.a.2)
    if len(kinds) > 1 and "E11" in kinds:
        kinds.discard("E11")
        for code in _having(candidates, ("E11",)):
            other = sorted(kinds)[0] + code[3:]
            if resolver.codes.is_billable(other):
                _make(candidates, resolver, other, [code], [code])
            else:
                candidates[code].reject("another type of diabetes is documented")
    for kind in sorted(kinds):
        for prefixes, ending, stays in _DIABETIC:
            if not (others := _having(candidates, prefixes)):
                continue
            _make(
                candidates,
                resolver,
                kind + ending,
                [*_having(candidates, (kind,))[:1], *others],
                [] if stays else others,
            )
        _plain_diabetes(candidates, kind)


def _plain_diabetes(candidates: Candidates, kind: str) -> None:
    complicated = [c for c in _having(candidates, (kind,)) if c != f"{kind}.9"]
    plain = candidates.get(f"{kind}.9")
    if plain and plain.accepted and complicated:
        plain.reject(f"{complicated[0]} says more (rule 24)")
