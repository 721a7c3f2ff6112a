"""Which candidates of an encounter stay: specificity, integral symptoms, what needs company (rules 20, 21, 24)."""

from __future__ import annotations

from functools import lru_cache

from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.alphabetic import FINDING
from medcode_ml.coding.assertion import NEGATED, UNCERTAIN
from medcode_ml.coding.candidates import Candidate, Candidates, accepted
from medcode_ml.coding.prefixes import integral_rows
from medcode_ml.coding.resolve import Resolver

_WEIGHT = ("E66", "E43", "E44", "E45", "E46", "R63.4", "R63.5", "R63.6", "E40", "E41", "E42", "R64", "E65", "F50")
# Infections that ask for their organism beside them.
_LOCAL_INFECTIONS = (
    "E10.62", "E10.69", "E11.62", "E11.69", "G00", "G06", "H", "I33", "I76", "J0", "J12", "J15", "J16", "J18", "J2",
    "J44.0", "J85", "J86", "J9", "K35", "K61", "K65", "K75.0", "K8", "L0", "L89", "L97", "L98.4", "M00", "M46", "M86",
    "N10", "N12", "N15.1", "N3", "N41", "N45", "N61", "N7", "O23", "O86", "R78.81", "T80.2", "T81.4", "T82.6", "T82.7",
    "P3", "T83.5", "T84.5", "T84.6", "T85.7",
)  # fmt: skip
_DIABETES = ("E08", "E09", "E10", "E11", "E13", "O24")

# Codes of a general kind that say nothing beside a specific one: (general, specific ones, why).
_GENERAL: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("K52.9",), ("K50", "K51", "K55.0", "A04", "A09", "A08"), "the colitis is named"),
    (("R52",), ("R07", "R10", "M25.5", "M54", "M79.6", "R51", "G89", "R07.0", "N23"), "the pain is named by its place"),
    (("B99.9",), ("A", "B0", "B1", "B2", "B3", "J18", "J15", "N39.0", "L03", "T81.4", "K65"), "the infection is named"),
    (("T14",), ("S", "T07"), "the injury is named by its place"),
    (("C80.1",), ("C",), "the primary site is named"),
    (("D49",), ("C", "D0", "D1", "D2", "D3"), "the tumor's nature is known"),
    (("C79.9",), ("C77", "C78", "C79.3", "C79.5", "C79.7", "C79.2"), "the metastasis is named by its site"),
    (("R58",), ("K92", "R04", "K62.5", "N93", "R31", "I6", "D62", "H"), "the bleeding is named by its place"),
    (("I82.90",), ("I82.4", "I82.6", "I26", "I81", "I82.2", "I82.3"), "the thrombosis is named by its place"),
    (("L98.9",), ("L0", "L2", "L3", "L4", "L5", "C43", "C44"), "the skin disease is named"),
    (("N28.9",), ("N18", "N17", "N19", "N0", "E11.2"), "the kidney disease is named"),
    (("N19",), ("N17", "N18"), "the kidney failure is named"),
    (("I51.9",), ("I25", "I50", "I42", "I34", "I35", "I48", "I11"), "the heart disease is named"),
    (("K76.9",), ("K70", "K72", "K73", "K74", "K75", "K76.0", "B18"), "the liver disease is named"),
    (("F17.200", "Z72.0"), ("F17.21", "F17.22", "F17.29"), "the tobacco product is named"),
    (("Z87.891",), ("F17.2", "Z72.0"), "the patient smokes"),
    (("J40",), ("J44", "J20", "J42"), "the bronchitis is named"),
    (("I25.9",), ("I25.1", "I25.5", "I25.2"), "the coronary disease is named"),
    (("I48.91",), ("I48.0", "I48.1", "I48.2"), "the kind of fibrillation is named"),
    (("N12",), ("N10", "N11"), "the pyelonephritis is named"),
    (("J11",), ("J09", "J10"), "the influenza virus is identified"),
    (("J40",), ("J09", "J10", "J11"), "the influenza takes in its bronchitis"),
    (("A49.0",), ("A41.0", "B95.6", "J15.21"), "the infection is named by its place"),
    (("A41.50",), ("A41.51", "A41.52", "A41.53"), "the organism is named"),
    (("I21.3",), ("I21.0", "I21.1", "I21.2", "I21.4"), "the infarction is named by its place"),
    (("L03.90",), ("L03.1", "L03.2", "L03.3", "L03.8"), "the cellulitis is named by its place"),
    (("F10.20", "F10.10"), ("F10.22", "F10.23", "F10.21"), "the dependence is named with what it does"),
    (("K46.9",), ("K40", "K41", "K42", "K43", "K44"), "the hernia is named"),
    (("R78.81",), ("A40", "A41"), "the sepsis takes in its bacteremia"),
    (("A41.9",), ("A41.0", "A41.5", "A40", "A41.81", "A41.1"), "the organism is named"),
    (("E66.9",), ("E66.0", "E66.81", "E66.2"), "the obesity is named by its degree"),
    (("D64.9",), ("D50", "D62", "D63", "D51", "D52", "D57", "D61", "D64.81", "D59"), "the anemia is named"),
    (("Z79.84",), ("E10",), "type 1 diabetes is treated with insulin"),
    (("G47.30",), ("G47.33", "G47.31"), "the sleep apnea is named"),
    (("W19",), ("W0", "W10", "W11", "W13", "W17", "W18", "V"), "the fall is described"),
    (("R06.02", "R06.00"), ("R06.01", "R06.03"), "the breathing trouble is named"),
    (("M19.90",), ("M16", "M17", "M18", "M19.0"), "the joint is named"),
    (("G62.9",), ("E11.4", "E10.4", "G62.1", "G62.0"), "the neuropathy has its cause"),
    (("B19.20",), ("B18.2",), "the hepatitis is known to be chronic"),
    (("B19.10",), ("B18.1",), "the hepatitis is known to be chronic"),
    (("K75.9",), ("B1", "K75.4", "K70.1", "K71"), "the hepatitis is named"),
    (("I49.9",), ("I48", "I47", "I49.5", "I44", "I45"), "the rhythm disorder is named"),
    (("I38",), ("I34", "I35", "I36", "I05", "I07", "I08"), "the valve is named"),
    (("F10.10",), ("F10.2",), "dependence takes in abuse"),
    (("F19.10",), ("F11", "F12", "F14", "F15"), "the drug is named"),
    (("I63.9",), ("I63.3", "I63.4", "I63.5", "I63.81"), "the infarction is named"),
)


# Sections that hold the provider's own conclusions.
CONCLUDING = frozenset({"assessment_plan", "impression", "discharge_diagnoses", "postoperative_diagnosis"})
_ASSESSED = CONCLUDING | {"hospital_course", "problem_list", "other"}
_IMPLANTED = ("Z95.1", "Z95.5", "Z95.0", "Z96.641", "Z96.642", "Z96.651", "Z96.652")
_PAST = frozenset({"past_medical_history", "past_surgical_history"})
# What N40.1 asks to be reported beside it.
_PROSTATE_SYMPTOMS = ("R35.0", "R35.1", "R33", "R39.11", "R39.12", "R39.14", "R39.15", "R39.16")
_SYMPTOMS = ("R", "M25.5", "M25.6", "M54.2", "M54.5", "M54.6", "M54.9", "M79.1", "M79.6", "K59.0", "H53.8", "H53.9")


def before_combining(candidates: Candidates, *, concluded: bool, inpatient: bool) -> None:
    """Take back what must not enter a combination, in place.

    `concluded` says that some document has a section of the provider's conclusions.
    """
    _replaced_by_transplant(candidates)
    _done_in_this_stay(candidates)
    if concluded:
        _symptoms_not_assessed(candidates)
        if inpatient:
            _vague_beside_diagnoses(candidates)


def _replaced_by_transplant(candidates: Candidates) -> None:
    here = {c.code for c in accepted(candidates)}
    if "Z94.0" in here and not any(code.startswith("T86.1") for code in here):
        for code in ("N18.6", "Z99.2"):
            if code in here:
                candidates[code].reject("before the kidney transplant (guideline I.C.14.a)")


def _done_in_this_stay(candidates: Candidates) -> None:
    """The stent that an operative note of this very stay puts in is a procedure, not yet a status."""
    for found in accepted(candidates):
        if found.code not in _IMPLANTED:
            continue
        done = any((s.facts.document_type or "").lower().startswith(("operative", "proced")) for s in found.supports)
        if done and not any(s.mention.section in _PAST for s in found.carrying):
            found.reject("done in this stay: a procedure, not yet a status")


def _vague_beside_diagnoses(candidates: Candidates) -> None:
    """Rule 20: pain or infection without a place, and tiredness, say nothing beside the diagnoses of a stay."""
    here = accepted(candidates)
    if not any(not c.code.startswith(_SYMPTOMS) and c.code[0] not in "VWXYZ" for c in here):
        return
    for found in here:
        concludes = any(s.mention.section in CONCLUDING for s in found.carrying)
        if found.code in ("R52", "B99.9") or (found.code == "R53.83" and not concludes):
            found.reject("says nothing beside the diagnoses of the stay (rule 20)")


def _symptoms_not_assessed(candidates: Candidates) -> None:
    """Rule 20: a symptom of the history that the assessment does not take up, where it names a disease."""
    here = accepted(candidates)
    named = any(
        not c.code.startswith(_SYMPTOMS)
        and c.code[0] not in "Z"
        and any(s.mention.section in CONCLUDING for s in c.carrying)
        for c in here
    )
    prostate = any(c.code.startswith("N40") for c in here)
    for found in here:
        sections = {s.mention.section for s in found.carrying}
        if found.code == "R73.03" or (prostate and found.code.startswith(_PROSTATE_SYMPTOMS)):
            continue  # prediabetes is a diagnosis, not a symptom
        if (
            found.code.startswith(_SYMPTOMS)
            and sections.isdisjoint(_ASSESSED)
            and (named or sections != {"chief_complaint"})
        ):
            found.reject("a symptom of the history that the assessment does not take up (rule 20)")


def _findings_beside_diagnoses(candidates: Candidates) -> None:
    """A mass or lesion of a site, found and not assessed, says nothing beside a diagnosis (guidelines I.B.5, III.B)."""
    here = accepted(candidates)
    vague = [
        c for c in here if all(s.mention.kind == FINDING and s.mention.section not in CONCLUDING for s in c.carrying)
    ]
    if any(c not in vague and not c.code.startswith(_SYMPTOMS) and c.code[0] not in "VWXYZ" for c in here):
        for found in vague:
            found.reject("a finding of that site; the diagnosis says what it is (rule 20)")


def settle_acceptance(candidates: Candidates, resolver: Resolver) -> None:
    """Take back what the rules do not let stand, in place; order matters and is the order of the calls."""
    _uncertain_then_ruled_out(candidates)
    _findings_beside_diagnoses(candidates)
    _general_beside_specific(candidates)
    _unspecified_sibling(candidates, resolver)
    _needs_company(candidates)
    _integral_symptoms(candidates)
    _examination_with_findings(candidates, resolver)


def _examination_with_findings(candidates: Candidates, resolver: Resolver) -> None:
    """A routine examination that found something abnormal has its own code."""
    for plain, abnormal in (("Z00.00", "Z00.01"), ("Z00.129", "Z00.121"), ("Z01.419", "Z01.411")):
        found = candidates.get(plain)
        if found and found.accepted and any(c.code.startswith("R") for c in accepted(candidates)):
            made = candidates.setdefault(abnormal, Candidate(abnormal))
            if resolver.codes.is_billable(abnormal):
                made.supports.extend(found.supports)
                made.settle()
                found.reject(f"the examination found something abnormal: {abnormal}")


def _uncertain_then_ruled_out(candidates: Candidates) -> None:
    for found in accepted(candidates):
        if found.assertion == UNCERTAIN and any(s.judgement.assertion == NEGATED for s in found.supports):
            found.reject("suspected, and denied elsewhere in the documents (rule 21)")


def _general_beside_specific(candidates: Candidates) -> None:
    here = accepted(candidates)
    codes = [c.code for c in here]
    for general, specific, why in _GENERAL:
        for found in here:
            if found.accepted and found.code.startswith(general):
                other = next((c for c in codes if c.startswith(specific) and not c.startswith(general)), None)
                if other is not None:
                    found.reject(f"{why}: {other} (rule 24)")


def _unspecified_sibling(candidates: Candidates, resolver: Resolver) -> None:
    """An unspecified code goes when a more specific one of its own branch is accepted."""
    by_category: dict[str, list[str]] = {}
    for found in accepted(candidates):
        by_category.setdefault(found.code[:3], []).append(found.code)
    for codes in by_category.values():
        for code in codes if len(codes) > 1 else ():
            for other in codes:
                if other == code or (branch := _branch(code, other)) is None:
                    continue
                if resolver.unspecified(branch) == code and resolver.says_no_more(code):
                    candidates[code].reject(f"{other} says more (rule 24)")
                    break


@lru_cache(maxsize=50_000)
def _branch(code: str, other: str) -> str | None:
    """The deepest node of the tabular list above both codes, at least their category."""
    above = {other, *tabular().ancestors(other)}
    return next((n for n in tabular().ancestors(code) if n in above and "-" not in n and len(n) >= 3), None)


def _integral_symptoms(candidates: Candidates) -> None:
    """Rule 24: a symptom that belongs to an accepted disease is not reported beside it."""
    here = accepted(candidates)
    codes = [c.code for c in here]
    for symptom, explained_by, why in integral_rows():
        for found in here:
            if found.accepted and found.code.startswith(symptom):
                disease = next((c for c in codes if c != found.code and c.startswith(explained_by)), None)
                if disease is not None:
                    found.reject(f"{why}: {disease} (rule 24)")


def _needs_company(candidates: Candidates) -> None:
    codes = [c.code for c in accepted(candidates)]
    weight = any(c.startswith(_WEIGHT) for c in codes)
    diabetes = any(c.startswith(_DIABETES) for c in codes)
    for found in accepted(candidates):
        if found.code.startswith("Z68") and not weight:
            found.reject("a body mass index is reported only beside a diagnosis of weight (rule 25)")
        if found.code.startswith(("B95", "B96")) and not any(c.startswith(_LOCAL_INFECTIONS) for c in codes):
            found.reject("an organism is reported beside the infection it causes (rule 20)")
        if found.code in ("Z79.84", "Z79.4") and not diabetes:
            found.reject("treatment of a diabetes that no document names (rule 20)")
        if found.code == "Z79.4" and any(c.startswith("E10") for c in codes):
            found.reject("type 1 diabetes implies insulin")
