"""What a mention is worth: the code it supports, its assertion, whether it may carry the code (rules 20, 21, 25)."""

from __future__ import annotations

from dataclasses import dataclass

from medcode_ml.coding.assertion import AFFIRMED, FAMILY, HISTORICAL, HYPOTHETICAL, NEGATED, UNCERTAIN
from medcode_ml.coding.mentions import Mention
from medcode_ml.coding.prefixes import CONFIRMED_ONLY, FROM_OTHERS, family_code, history_code, is_chronic

INPATIENT = "inpatient"

# Sections that state what was concluded, where an uncertain diagnosis counts as one at discharge (rule 21).
_CONCLUSIONS = frozenset(
    {
        "assessment_plan",
        "impression",
        "hospital_course",
        "discharge_diagnoses",
        "postoperative_diagnosis",
        "problem_list",
        "other",
    }
)
# Sections that hold findings, not diagnoses (rule 20).
_FINDINGS = frozenset({"results", "vital_signs"})
_UNADDRESSED = frozenset({"review_of_systems", "physical_exam", "vital_signs"})
# A progress note tells how the patient feels; only what it assesses is a diagnosis.
_DAILY = ("progress", "daily")
_ASSESSED_DAILY = frozenset({"assessment_plan", "impression", "problem_list"})
# Documents that are not the provider's own (rule 25), by the start of their type.
_NOT_PROVIDER = ("lab", "radiolog", "imaging", "patholog", "nurs", "ecg", "ekg", "echo", "microbiolog")
_STATUS = ("Z",)
_QUIT = frozenset({"quit", "stopped", "former", "formerly", "ex", "ago", "past", "remote", "previous", "prior"})
_STATUS_AFTER = ("Z89", "Z90", "Z93", "Z94", "Z95", "Z96", "Z98")


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What of a document decides how its mentions count."""

    document_id: str
    document_type: str | None
    setting: str | None

    @property
    def by_provider(self) -> bool:
        """Whether the document is the provider's own documentation (rule 25)."""
        return not (self.document_type or "").lower().startswith(_NOT_PROVIDER)

    @property
    def concludes(self) -> bool:
        """Whether the document speaks for the time of discharge: a discharge summary, or the only note there is."""
        kind = (self.document_type or "").lower()
        return not kind or "discharge" in kind or "summary" in kind or kind == "other"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`code` is what the mention supports; `carries` whether it may be reported on this mention."""

    code: str
    assertion: str
    carries: bool
    reason: str


def judge(mention: Mention, code: str, facts: DocumentFacts) -> Judgement:
    """Judge one mention of `code` in the document described by `facts`."""
    judged = _by_assertion(mention, code, facts)
    if not judged.carries:
        return judged
    if not facts.by_provider and not judged.code.startswith(FROM_OTHERS):
        kind = (facts.document_type or "report").replace("_", " ")
        return Judgement(judged.code, judged.assertion, False, f"only a {kind} names it; the provider has to (rule 25)")
    if mention.section in _FINDINGS and not judged.code.startswith(FROM_OTHERS):
        return Judgement(
            judged.code,
            judged.assertion,
            False,
            "a finding among the results; the provider has to say what it means (rule 20)",
        )
    if mention.section == "procedures" and judged.code.startswith(_STATUS_AFTER):
        return Judgement(judged.code, judged.assertion, False, "done in this stay: a procedure, not yet a status")
    if mention.section in _UNADDRESSED and judged.code.startswith("R"):
        return Judgement(
            judged.code, judged.assertion, False, "a sign found on examination that nobody assessed (rule 20)"
        )
    if (
        (facts.document_type or "").lower().startswith(_DAILY)
        and facts.setting == INPATIENT
        and judged.code.startswith("R")
        and mention.kind != "measurement"
        and mention.section not in _ASSESSED_DAILY
    ):
        return Judgement(judged.code, judged.assertion, False, "how the patient felt that day, not assessed (rule 20)")
    return judged


def _by_assertion(mention: Mention, code: str, facts: DocumentFacts) -> Judgement:
    said = mention.assertion
    if said == NEGATED:
        return Judgement(code, NEGATED, False, "the note denies it")
    if said == HYPOTHETICAL:
        return Judgement(code, HYPOTHETICAL, False, "the note speaks of what could happen, not of what is")
    if said == FAMILY:
        return _family(code)
    if said == HISTORICAL or (mention.section == "past_medical_history" and _over(code)):
        if code.startswith(("F17", "Z72.0")) and not _QUIT.isdisjoint(mention.words):
            return Judgement("Z87.891", HISTORICAL, True, "past smoking: personal history")
        return _historical(code, triggered=said == HISTORICAL)
    if said == UNCERTAIN:
        return _uncertain(mention, code, facts)
    return Judgement(code, AFFIRMED, True, "the provider states it")


def _family(code: str) -> Judgement:
    if code.startswith(("Z80", "Z81", "Z82", "Z83", "Z84")):
        return Judgement(code, FAMILY, True, "family history")
    target = None if code.startswith(("R", "S", "T")) else family_code(code)
    if target is None:
        return Judgement(code, FAMILY, False, "said of a relative")
    if not target.startswith("Z80"):
        return Judgement(
            target, FAMILY, False, "said of a relative; reported only where it matters to this encounter (rule 20)"
        )
    return Judgement(target, FAMILY, True, "said of a relative: family history")


def _over(code: str) -> bool:
    """Whether a disease listed as past history is taken to be over unless the note says otherwise."""
    if code == "R73.03":
        return False  # prediabetes lasts
    if code.startswith("C"):
        return not code.startswith(("C77", "C78", "C79", "C90", "C91.1", "C92.1"))
    return code.startswith(("R", "S", "T")) or (history_code(code) is not None and not is_chronic(code))


def _historical(code: str, *, triggered: bool) -> Judgement:
    if code.startswith(_STATUS):
        return Judgement(code, AFFIRMED, True, "the note states it")
    target = history_code(code)
    if target is not None and not (is_chronic(code) and not code.startswith(("I63", "I61", "I60", "G45"))):
        return Judgement(target, HISTORICAL, True, "past disease: personal history")
    if is_chronic(code):
        return Judgement(code, AFFIRMED, True, "a lasting disease that the history lists")
    if triggered or code.startswith(("R", "S", "T")):
        return Judgement(code, HISTORICAL, False, "past and over")
    return Judgement(code, AFFIRMED, True, "the history lists it")


def _uncertain(mention: Mention, code: str, facts: DocumentFacts) -> Judgement:
    if code.startswith(CONFIRMED_ONLY):
        return Judgement(code, UNCERTAIN, False, "coded only when confirmed (rule 21)")
    if facts.setting != INPATIENT:
        return Judgement(code, UNCERTAIN, False, "uncertain, and the visit is not inpatient (rule 21)")
    if not facts.concludes or mention.section not in _CONCLUSIONS:
        return Judgement(code, UNCERTAIN, False, "uncertain, and not in what was concluded at discharge (rule 21)")
    return Judgement(
        code, UNCERTAIN, True, "uncertain at discharge, coded as if established for an inpatient (rule 21)"
    )
