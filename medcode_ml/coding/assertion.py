"""What a mention says: affirmed, uncertain, historical, family, hypothetical or negated, in the manner of ConText.

Trigger phrases stand in `lexicon/triggers.csv`. A trigger reaches over the words before or after it inside its sentence
until a breaking word (`but`, `however`), a trigger that ends its reach, or its longest reach. Pseudo triggers ("no
change", "not only") take the words away from the trigger inside them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache

import ahocorasick

from medcode_ml.coding.lexicon import LexiconError, read_table
from medcode_ml.coding.words import TOKEN, word_set

AFFIRMED, UNCERTAIN, HISTORICAL = "affirmed", "uncertain", "historical"
FAMILY, HYPOTHETICAL, NEGATED = "family", "hypothetical", "negated"

# The strongest first: a negated family history is negated, a suspected disease of the mother is family.
STRENGTH = (NEGATED, FAMILY, HYPOTHETICAL, HISTORICAL, UNCERTAIN, AFFIRMED)
_PSEUDO, _BREAK = "pseudo", "break"
_DIRECTIONS = ("before", "after")

# How many tokens a trigger reaches. Lists of findings are long, so negation reaches far.
_REACH = {NEGATED: 30, FAMILY: 24, HYPOTHETICAL: 20, HISTORICAL: 12, UNCERTAIN: 16}
_REACH_BACK = {NEGATED: 10, FAMILY: 10, HYPOTHETICAL: 8, HISTORICAL: 8, UNCERTAIN: 8}

# Return precautions reach to the end of their sentence; no sentence worth reading is longer.
_FURTHEST = 60

# A verb after a comma or "and" starts a new statement: "no fever, has a cough".
_NEW_STATEMENT = word_set(
    """
    has had have presents presented complains complained reports reported developed develops shows showed
    revealed reveals underwent started admits endorses continues noted is was are were remains became received
    appears
    """
)
# "Return to the ED for ..." speaks to the end of its sentence, whatever verbs follow.
_PRECAUTION = frozenset({"return", "call", "come", "seek", "watch", "precautions", "go", "contact"})
_BACK_TO_PATIENT = frozenset({"but", "however", "patient", "pt"})
_LIST_BREAKS = frozenset({";", ":"})


@dataclass(frozen=True)
class Trigger:
    """A trigger found: tokens `start` up to and without `end`, what it asserts and which way it reaches."""

    start: int
    end: int
    kind: str
    direction: str


class TriggerFinder:
    """Finds the trigger phrases of a token list; build it once by `trigger_finder()`."""

    def __init__(self, phrases: list[tuple[str, str, str]]) -> None:
        """Build from (phrase, kind, direction) rows."""
        self._letters: dict[str, str] = {}
        self._automaton = ahocorasick.Automaton()
        meanings: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        for phrase, kind, direction in phrases:
            words = tuple(w for w in TOKEN.findall(phrase.lower()) if not w.isspace())
            meanings.setdefault(words, []).append((kind, direction))
        for words, kinds in meanings.items():
            word = "".join(self._letters.setdefault(w, chr(0x100 + len(self._letters))) for w in words)
            self._automaton.add_word(word, (len(words), tuple(kinds)))
        self._automaton.make_automaton()

    def find(self, low: list[str]) -> list[Trigger]:
        """Triggers in the lower-case tokens `low`, longest first where they overlap, in text order."""
        get = self._letters.get
        found = [
            (last - length + 1, last + 1, kinds)
            for last, (length, kinds) in self._automaton.iter("".join([get(w, "\x01") for w in low]))
        ]
        found.sort(key=lambda f: (f[0], -f[1]))
        kept: list[tuple[int, int, tuple[tuple[str, str], ...]]] = []
        for phrase in found:
            if kept and phrase[0] < kept[-1][1]:
                if phrase[1] - phrase[0] > kept[-1][1] - kept[-1][0]:
                    kept[-1] = phrase
                continue
            kept.append(phrase)
        return [Trigger(s, e, kind, way) for s, e, kinds in kept for kind, way in kinds if kind != _PSEUDO]


@lru_cache(maxsize=1)
def trigger_finder() -> TriggerFinder:
    """The finder of `lexicon/triggers.csv`."""
    rows: list[tuple[str, str, str]] = []
    for phrases, kind, direction in read_table("triggers", ("phrase", "kind", "direction")):
        if kind not in {*STRENGTH, _PSEUDO, _BREAK} or (kind not in {_PSEUDO, _BREAK} and direction not in _DIRECTIONS):
            raise LexiconError(f"lexicon/triggers.csv: {phrases!r} has kind {kind!r}, direction {direction!r}")
        rows.extend((phrase, kind, direction) for phrase in phrases.split("|"))
    return TriggerFinder(rows)


@dataclass(frozen=True)
class Reach:
    """The tokens a trigger speaks of: `first` up to and without `last`."""

    first: int
    last: int
    kind: str
    trigger: Trigger


def reaches(low: list[str], start: int, end: int, triggers: list[Trigger]) -> list[Reach]:
    """How far each of the sentence's `triggers` reaches; `low` are the document's lower-case tokens.

    The sentence is the tokens `start` up to and without `end`.
    """
    breaks = [t for t in triggers if t.kind == _BREAK]
    # in a sentence without end there are as many breaks as triggers: they are looked up, not walked
    starts = [t.start for t in breaks]
    to_patient = [t.start for t in breaks if low[t.end - 1] in _BACK_TO_PATIENT]
    ends = [t.end for t in breaks]
    out = []
    for trigger in triggers:
        if trigger.kind == _BREAK:
            continue
        if trigger.direction == "after":
            # the trigger stands before what it speaks of
            if trigger.kind == HYPOTHETICAL and low[trigger.start] in _PRECAUTION:
                out.append(Reach(trigger.end, min(end, trigger.end + _FURTHEST - 8), trigger.kind, trigger))
                continue
            stops = to_patient if trigger.kind == FAMILY else starts
            i = bisect_left(stops, trigger.end)
            limit = min(end, trigger.end + _REACH[trigger.kind], stops[i] if i < len(stops) else end)
            out.append(Reach(trigger.end, _statement_end(low, trigger, limit), trigger.kind, trigger))
        else:
            if low[trigger.start] == ":" and trigger.end < end and low[trigger.end] not in {",", ".", ";", "\n"}:
                continue  # "Abdomen: no masses" denies what follows
            i = bisect_right(ends, trigger.start)
            limit = max(start, trigger.start - _REACH_BACK[trigger.kind], ends[i - 1] if i else start)
            if trigger.kind == NEGATED:
                # "chest pain with infarction ruled out" denies the infarction alone
                limit = max([limit, *(i + 1 for i in range(limit, trigger.start) if low[i] in {"with", "without"})])
            out.append(Reach(limit, trigger.start, trigger.kind, trigger))
    return out


def _statement_end(low: list[str], trigger: Trigger, limit: int) -> int:
    """Where a forward reach ends: at a break of the list, or where a new statement begins."""
    family = trigger.kind == FAMILY
    for i in range(trigger.end, limit):
        word = low[i]
        if word in _LIST_BREAKS and not (family and word == ":"):
            return i
        if family:
            continue
        if trigger.kind == HISTORICAL and word in {"with", "now"} and i > trigger.end:
            return i  # "status post nephrolithotomy with postoperative hematuria"
        if word in _NEW_STATEMENT and i > trigger.end:
            before = low[i - 1]
            if before in {",", "and", "who", "which", "she", "he", "patient", "but"}:
                return i
        # one disease is ruled out, the next of a list is not history of the same kind: history ends with its clause
        if trigger.kind in {HISTORICAL, UNCERTAIN} and word in {",", "."} and not _continues_list(low, i, limit):
            return i
    return limit


def _continues_list(low: list[str], comma: int, limit: int) -> bool:
    """Whether a list goes on after `comma`: an "and" or "or" within the next five tokens, no verb before it."""
    for word in low[comma + 1 : min(limit, comma + 7)]:
        if word in {"and", "or"}:
            return True
        if word in _NEW_STATEMENT or word in {"on", "with", "who", "which", "for"}:
            return False
    return False


def _place(reach: Reach) -> int:
    return reach.trigger.start


def assertion_of(first: int, last: int, covering: list[Reach]) -> str:
    """The strongest assertion that reaches the tokens `first` up to and without `last`; affirmed when none does.

    A term may hold the trigger's own words ("no | history of stroke"): it is reached when it goes beyond them.
    `covering` stands in text order.
    """
    best = len(STRENGTH) - 1
    # no trigger further away than the longest reach can speak of these tokens
    near = bisect_left(covering, first - _FURTHEST, key=_place)
    for reach in covering[near : bisect_right(covering, last + _FURTHEST, key=_place)]:
        trigger = reach.trigger
        if trigger.direction == "after":
            meant = trigger.start < first and reach.first < last <= reach.last
        else:
            meant = reach.first <= first < reach.last and last < trigger.end
        if meant:
            best = min(best, STRENGTH.index(reach.kind))
    return STRENGTH[best]
