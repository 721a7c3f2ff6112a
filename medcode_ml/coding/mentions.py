"""Reading one document: every term it names, with section, side, assertion and the node it leads to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

from medcode_ml.coding.assertion import (
    AFFIRMED,
    FAMILY,
    HISTORICAL,
    HYPOTHETICAL,
    UNCERTAIN,
    Reach,
    Trigger,
    assertion_of,
    reaches,
)
from medcode_ml.coding.dictionary import Entry, Hit, dictionary
from medcode_ml.coding.heard import heard
from medcode_ml.coding.lexicon import Condition
from medcode_ml.coding.names import names_a_person
from medcode_ml.coding.phrases import index_hits, with_index
from medcode_ml.coding.tokens import Tokens
from medcode_ml.coding.words import BILATERAL, LATERAL, LEFT, RIGHT, canonical, word_set

NO_CODE = "-"
MEDICATION_SECTIONS = frozenset({"medications", "discharge_medications"})
_DOSE = word_set(
    """
    mg mcg g gm ml units unit u tablet tablets tab tabs capsule capsules daily bid tid qid qd qhs qam qpm po p.o
    b.i.d t.i.d q.d q.h.s p.r.n puffs puff patch weekly nightly bedtime twice once subcutaneous subcutaneously
    sq nebs sliding q inhaler infusion pump iu
    """
)
_TAKEN = word_set("takes taking home chronic chronically maintained")
_KEPT_UP = word_set("on continue continued continues continuing resume resumed resumes home outpatient takes taking")
_LEADS_LIST = word_set("include includes included are were : consist")
# What opens a course of treatment, not what the patient lives with.
_GIVEN = word_set(
    """
    given gave received receive started start starting begun began initiated administered treated treatment prescribed
    added loaded therapy switched changed . ; held stopped discontinued
    """
)
_LIST = 20
_MEDICATION_HEADINGS = word_set("medications medication meds")
_ITEM_MARKS = frozenset({"-", "#", "*", "•", "·", "–", "►"})
# What an allergy does, and the words that lead to it: "allergic to sulfa (rash)", "penicillin - anaphylaxis".
_REACTIONS = ("L50", "L27", "L29", "R21", "R11", "R06", "R19.7", "R22", "R23", "R60", "T78", "T88", "J98.01")
_TO_REACTION = word_set("( ) - – : , / = > and or with which causes caused causing gets got reaction reactions to as")
_CLAUSE_ENDS = frozenset({",", "and", ";", ".", ":", "but", "with", "or"})
_SIDE_STOPS = frozenset({",", "and", ";", ".", ":", "but"})
_WINDOW = 6
# Beside an eye these are its sides; elsewhere they are once a day, by mouth, or nothing.
_EYE_SIDES = {**LATERAL, "od": RIGHT, "os": LEFT, "oi": LEFT, "ou": BILATERAL}
_OF_EYE = ("H0", "H1", "H2", "H3", "H4", "H5", "S05", "T15")


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a document: its type and the characters of its text."""

    kind: str
    start: int
    end: int


@dataclass(slots=True)
class Mention:
    """One term found. `start`, `end` are character offsets; `words` are canonical words of its clause.

    `arisen` says that the sentence tells of something that came up after admission; `instead` are the nodes of shorter
    terms that the term takes in.
    """

    start: int
    end: int
    node: str
    kind: str
    term: str
    assertion: str
    section: str
    side: str | None
    words: frozenset[str]
    arisen: bool = False
    instead: tuple[str, ...] = ()


_ARISEN = word_set(
    """
    developed developing hospital-acquired nosocomial postoperative postoperatively postop iatrogenic
    subsequently
    """
)

# Sections whose statements are read as if a trigger stood before them.
_PRIOR = {
    "family_history": FAMILY,
    "past_surgical_history": HISTORICAL,
    "discharge_instructions": HYPOTHETICAL,
}


def read_mentions(text: str, sections: list[Section]) -> list[Mention]:
    """All mentions of `text` in text order. `sections` ascend and do not overlap; text outside is "other"."""
    tokens, triggers = heard(text, tuple(s.start for s in sections))
    if not tokens.words:
        return []
    hits = with_index(dictionary().find(tokens.words, tokens.skip, tokens.lateral), index_hits(tokens))
    if not hits:
        return []
    trigger_starts = [t.start for t in triggers]
    section_starts = [s.start for s in sections]
    mentions: list[Mention] = []
    sentence = (-1, -1)
    covering: list[Reach] = []
    allergen = -1
    terms = {h.start for h in hits}
    for number, hit in enumerate(hits):
        if hit.end == hit.start + 1 and names_a_person(tokens, hit.start, terms):
            continue
        if not sentence[0] <= hit.start < sentence[1]:
            sentence = tokens.sentence_of(hit.start)
            covering = _reaches(tokens, sentence, triggers, trigger_starts)
        i = bisect_right(section_starts, tokens.starts[hit.start]) - 1
        section = sections[i].kind if i >= 0 and tokens.starts[hit.start] < sections[i].end else "other"
        entry = next((e for e in hit.entries if _holds(e.condition, tokens, hit, section, sentence)), None)
        if entry is None or entry.node == NO_CODE:
            continue
        if entry.condition is not None and entry.condition.allergy:
            allergen = hit.end
        elif entry.node.startswith(_REACTIONS) and (
            section == "allergies" or (0 <= allergen <= hit.start and _leads_to_reaction(tokens, allergen, hit.start))
        ):
            # the reaction belongs to the allergy; the next one of a list follows it
            allergen = hit.end
            continue
        before = hits[number - 1].end if number else 0
        after = hits[number + 1].start if number + 1 < len(hits) else len(tokens.words)
        shorter = (
            next((e.node for e in h.entries if _holds(e.condition, tokens, h, section, sentence)), NO_CODE)
            for h in hit.instead
        )
        instead = tuple(node for own in shorter if own != NO_CODE for node in own.split("+"))
        mention = _mention(text, tokens, hit, entry, section, sentence, covering, before, after)
        # one phrase may name two conditions: "anxiety and depression"
        mentions.extend(replace(mention, node=node, instead=instead) for node in entry.node.split("+"))
    return mentions


def _leads_to_reaction(tokens: Tokens, allergen: int, reaction: int) -> bool:
    between = tokens.low[allergen:reaction]
    return len(between) <= 5 and all(w in _TO_REACTION or w.startswith("allerg") for w in between) and bool(between)


def _reaches(
    tokens: Tokens, sentence: tuple[int, int], triggers: list[Trigger], trigger_starts: list[int]
) -> list[Reach]:
    first = bisect_left(trigger_starts, sentence[0])
    last = bisect_left(trigger_starts, sentence[1])
    return reaches(tokens.low, *sentence, triggers[first:last]) if last > first else []


def _mention(
    text: str,
    tokens: Tokens,
    hit: Hit,
    entry: Entry,
    section: str,
    sentence: tuple[int, int],
    covering: list[Reach],
    before: int,
    after: int,
) -> Mention:
    assertion = assertion_of(hit.start, hit.end, covering) if covering else AFFIRMED
    if assertion in (AFFIRMED, HISTORICAL, UNCERTAIN) and section in _PRIOR:
        assertion = _PRIOR[section]
    low = tokens.low
    first = hit.start
    while first > max(sentence[0], before, hit.start - _WINDOW) and low[first - 1] not in _CLAUSE_ENDS:
        first -= 1
    last = hit.end
    # qualifiers may follow in apposition: "heart failure, diastolic, chronic"
    while last < min(sentence[1], after, hit.end + _WINDOW) and low[last] not in {"and", ";", ".", "but"}:
        last += 1
    words = frozenset([canonical(w) for w in tokens.words[first:last]])
    arisen = not _ARISEN.isdisjoint(low[max(sentence[0], hit.start - 12) : hit.end + 3])
    return Mention(
        tokens.starts[hit.start],
        tokens.ends[hit.end - 1],
        entry.node,
        entry.kind,
        entry.term,
        assertion,
        section,
        _side(tokens, hit, entry.node, sentence, before, after),
        words,
        arisen,
    )


def _side(tokens: Tokens, hit: Hit, node: str, sentence: tuple[int, int], before: int, after: int) -> str | None:
    """The side named in the term, just before it, or just after it."""
    low = tokens.low
    sides = _EYE_SIDES if node.startswith(_OF_EYE) else LATERAL
    for i in range(hit.start, hit.end):
        if low[i] in sides:
            return sides[low[i]]
    for i in range(hit.start - 1, max(sentence[0], before, hit.start - 5) - 1, -1):
        if low[i] in sides:
            return sides[low[i]]
        if low[i] in _SIDE_STOPS:
            break
    for i in range(hit.end, min(sentence[1], after, hit.end + 5)):
        if low[i] in sides:
            return sides[low[i]]
        if low[i] in _SIDE_STOPS:
            break
    return None


def _holds(condition: Condition | None, tokens: Tokens, hit: Hit, section: str, sentence: tuple[int, int]) -> bool:
    if condition is None:
        return True
    if condition.sections and section not in condition.sections:
        return False
    if section in condition.not_sections:
        return False
    if condition.caps and not all(
        tokens.words[i].isupper() or not tokens.words[i].isalpha() for i in range(hit.start, hit.end)
    ):
        return False
    if condition.not_heading and _heads_its_line(tokens, hit):
        return False
    if condition.not_before and not condition.not_before.isdisjoint(_just_before(tokens, hit)):
        return False
    if condition.near or condition.not_near:
        around = {
            canonical(w)
            for w in tokens.words[max(sentence[0], hit.start - _WINDOW) : min(sentence[1], hit.end + _WINDOW)]
        }
        if condition.near and condition.near.isdisjoint(around):
            return False
        if not condition.not_near.isdisjoint(around):
            return False
    if condition.dose and section not in MEDICATION_SECTIONS and not _home_medicine(tokens, hit, section, sentence):
        return False
    return not condition.allergy or section == "allergies" or _about_allergy(tokens, hit, sentence)


def _heads_its_line(tokens: Tokens, hit: Hit) -> bool:
    """Whether the term is a heading: alone on its line, or before a colon, and no item of a list."""
    words, start = tokens.words, hit.start
    after = tokens.low[hit.end] if hit.end < len(words) else "\n"
    if after in {"findings", "exam"}:
        return True
    if after == ":":
        item = start and (words[start - 1] in _ITEM_MARKS or (words[start - 1] in {".", ")"} and _number(words, start)))
        return not item
    return after[0] == "\n" and (start == 0 or words[start - 1][0] == "\n")


def _number(words: list[str], start: int) -> bool:
    return start > 1 and words[start - 2].isdigit()


def _just_before(tokens: Tokens, hit: Hit) -> set[str]:
    """The word before the term, "first_second" of the two before it, and `%` or `#` for a percentage or a number."""
    if not hit.start:
        return set()
    last = tokens.low[hit.start - 1]
    found = {last, "#"} if last[0].isdigit() else {last}
    if hit.start > 1:
        found.add(f"{tokens.low[hit.start - 2]}_{last}")
    return found


def _home_medicine(tokens: Tokens, hit: Hit, section: str, sentence: tuple[int, int]) -> bool:
    """Outside a list of medicines: taken regularly, or in a list that a heading in the running text opens."""
    if _in_taken_list(tokens, hit, sentence):
        return True
    if section in {"allergies", "assessment_plan", "impression"}:
        return False
    if not _TAKEN.isdisjoint(tokens.low[max(sentence[0], hit.start - 4) : hit.start]):
        return True
    dosed = not _DOSE.isdisjoint(tokens.low[hit.end : min(len(tokens.low), hit.end + 7)])
    # a list of bare names is short, one with doses may be long
    return any(
        tokens.low[i] in _MEDICATION_HEADINGS and (tokens.words[i].isupper() or ":" in tokens.low[i + 1 : i + 5])
        for i in range(max(0, hit.start - (120 if dosed else 30)), hit.start)
    )


def _in_taken_list(tokens: Tokens, hit: Hit, sentence: tuple[int, int]) -> bool:
    """Whether the medicine stands in a list of what is taken: "on aspirin 81 mg and metformin", "meds include ..."."""
    low = tokens.low
    for i in range(hit.start - 1, max(sentence[0], hit.start - _LIST) - 1, -1):
        word = low[i]
        if word in _KEPT_UP or (word in _LEADS_LIST and low[i - 1] in _MEDICATION_HEADINGS):
            return True
        if word in _GIVEN:
            return False
    return False


def _about_allergy(tokens: Tokens, hit: Hit, sentence: tuple[int, int]) -> bool:
    around = tokens.low[max(sentence[0], hit.start - 25) : min(sentence[1], hit.end + 6)]
    return any(w.startswith(("allerg", "anaphyla", "intoleran")) for w in around)
