"""The dictionary: every term as a word sequence, found in a token stream by one Aho-Corasick automaton.

Each known word is a pair of characters of a private alphabet, so that the automaton runs over words. Which release
is in force does not matter here: a term leads to a node of the tabular list, `resolve` makes a billable code of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import ahocorasick
import pandas as pd

from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.lexicon import Condition, lexicon_entries
from medcode_ml.coding.terms import EXACT, PERMUTED, SIMPLIFIED, Key, variants
from medcode_ml.coding.words import LATERAL, canonical, word_set

_BASE = 224
_UNKNOWN = "\x01\x01"

LEXICON, TITLE, INCLUSION, SHORTENED, TURNED = "lexicon", "title", "inclusion term", "simplified title", "turned title"

# Chapters that only claim a term nobody else claims: pregnancy, the newborn, external causes, status.
_LAST_CHAPTERS = ("O", "P", "V", "W", "X", "Y", "Z")

# Titles that are everyday words of a note; the lexicon says where one of them means a code.
_COMMON = frozenset(
    (canonical(word),)
    for word in word_set(
        """
        adult child male female disease disorder disorders injury symptom symptoms finding findings lesion mass organ
        single multiple isolation screening examination history care surgery operation procedure complication
        dependence abuse use drug alcohol tobacco problem stress sequelae encounter pregnancy normal delivery birth
        death fetus newborn twin family donor observation aftercare rehabilitation dialysis transplant removal
        insertion adjustment fitting blood skin bone eye ear lung liver kidney heart brain tissue joint muscle hand
        foot arm leg head neck trunk thorax abdomen back pelvis knee hip ankle wrist elbow shoulder finger toe thumb
        acute chronic mild moderate severe recurrent unspecified localized generalized diffuse bathing cooking running
        walking swimming exercise sport car bus train bicycle tree dog cat knife fire water heat cold contact strain
        reaction change failure block shock loss deficiency excess obstruction sign hunger thirst stable labile
        counseling admission retention rotation position presentation exhaustion nevus factor syndrome infant parent
        sibling spouse student military reading writing mathematics expression recreation hobby discord conflict
        separation placement reduction enlargement atrophy hypertrophy displacement rupture perforation stenosis
        stricture calculus polyp cyst prolapse hernia adhesion spasm tear sprain rest posture travel smoke
        arrest litigation prosecution immersion screaming her2 cyclone twister runaway worry suicide starvation
        astragalus pannus sighing hostility
        """
    )
)
_MODIFIERS = word_set(
    """
    acute chronic and with without or not as needed applicable general other type 1 2 3 4 subacute recurrent mild
    moderate severe left right bilateral primary secondary unspecified specified late early upper lower anterior
    posterior medial lateral superior inferior proximal distal initial stage grade bone skin adult child
    """
)
# Only a word that is a disease by its ending may stand for a title that said more.
_DISEASE_LIKE = re.compile(
    r"(itis|osis|asis|esis|oma|emia|pathy|algia|odynia|uria|plegia|paresis|rrhea|rrhagia|cele|ectasis|penia|trophy|plasia"
    r"|megaly|ptosis|phobia|mania|phagia|phasia|opia|syndrome|asthma|fever)$"
)
_SUBSTANCE = re.compile(r"T(3[6-9]|4\d|5\d|6[0-5])")


@dataclass(frozen=True)
class Entry:
    """What a word sequence means: a node of the tabular list, where the term comes from, when it counts.

    Several nodes are joined by "+"; the node "-" is a sequence that means no code ("history of present illness").
    """

    node: str
    kind: str
    term: str
    condition: Condition | None = None


@dataclass(frozen=True)
class Hit:
    """A word sequence found: tokens `start` up to and without `end`, with its meanings in order of preference.

    `size` words made it; `places` are their tokens where others stand between them, else empty; `instead` are the
    shorter terms that it takes in.
    """

    start: int
    end: int
    entries: tuple[Entry, ...]
    size: int = 1
    places: tuple[int, ...] = ()
    instead: tuple[Hit, ...] = ()


class Dictionary:
    """All terms in one automaton; build it once a process by `dictionary()`."""

    def __init__(self, entries: dict[Key, tuple[Entry, ...]]) -> None:
        """Build the alphabet and the automaton from `entries`."""
        self._letter: dict[str, str] = {}
        self._raw: dict[str, str] = {}
        self._automaton = ahocorasick.Automaton()
        for key, meanings in entries.items():
            word = "".join(self._letter_of(w) for w in key)
            self._automaton.add_word(word, (len(key), meanings))
        self._automaton.make_automaton()
        self.size = len(entries)

    def _letter_of(self, word: str) -> str:
        letter = self._letter.get(word)
        if letter is None:
            # two characters of disjoint ranges: a node has few children, and no match can begin inside a word
            high, low = divmod(len(self._letter), _BASE)
            letter = self._letter[word] = chr(0x1000 + high) + chr(0x100 + low)
        return letter

    def letters(self, words: list[str]) -> list[str]:
        """The two characters of each word, `_UNKNOWN` for an unknown word or a break."""
        raw = self._raw
        out = []
        for word in words:
            letter = raw.get(word)
            if letter is None:
                letter = self._letter.get(canonical(word), _UNKNOWN)
                if len(raw) < 400_000:
                    raw[word] = letter
            out.append(letter)
        return out

    def find(self, words: list[str], skip: list[bool], lateral: list[bool]) -> list[Hit]:
        """Longest terms in `words`, none overlapping; `skip` words are passed over, `lateral` words may be.

        More words win, then the earlier: "Colles fracture of the wrist" is no unspecified fracture of the wrist.
        """
        letters = self.letters(words)
        found: dict[tuple[int, int], tuple[int, tuple[Entry, ...]]] = {}
        places = [i for i, s in enumerate(skip) if not s]
        self._collect(letters, places, found)
        if any(lateral):
            without = [i for i in places if not lateral[i]]
            self._collect(letters, without, found)
        taken = bytearray(len(words))
        hits = []
        for (start, end), (size, entries) in sorted(found.items(), key=lambda f: (-f[1][0], f[0])):
            if taken[start] or taken[end - 1] or any(taken[start:end]):
                continue
            if end - start > size and _is_cause(words, start, end) and not _says_cause(entries):
                continue
            taken[start:end] = b"\x01" * (end - start)
            hits.append(Hit(start, end, entries, size))
        hits.sort(key=lambda h: h.start)
        return hits

    def _collect(
        self, letters: list[str], places: list[int], found: dict[tuple[int, int], tuple[int, tuple[Entry, ...]]]
    ) -> None:
        for end, (length, entries) in self._automaton.iter("".join([letters[i] for i in places])):
            last = end >> 1
            found.setdefault((places[last - length + 1], places[last] + 1), (length, entries))


def _is_cause(words: list[str], start: int, end: int) -> bool:
    """Whether "secondary to" stands among the words: what follows is a cause, not a secondary disease."""
    return any(words[i].lower() == "to" and words[i - 1].lower() == "secondary" for i in range(start + 1, end))


def _says_cause(entries: tuple[Entry, ...]) -> bool:
    return any("secondary to" in entry.term.lower() for entry in entries)


def _nearest_common(nodes: Iterable[str]) -> str | None:
    """The deepest node of the tabular list above all `nodes`, at least a category; None when they share none."""
    tree = tabular()
    first, *rest = nodes
    for node in (first, *tree.ancestors(first)):
        if len(node) < 3 or "-" in node:
            return None
        if all(other == node or node in tree.ancestors(other) for other in rest):
            return node
    return None


def _settle(claims: list[tuple[int, str, str, str]]) -> Entry | None:
    """Choose among (rank, kind, node, term) claims to one sequence: the closest term, own chapter before O, P and Z."""
    if len(claims) == 1:
        _, kind, node, term = claims[0]
        return Entry(node, kind, term)
    best = min(claim[0] for claim in claims)
    closest = [c for c in claims if c[0] == best]
    preferred = [c for c in closest if not c[2].startswith(_LAST_CHAPTERS)] or closest
    nodes = sorted({c[2] for c in preferred}, key=lambda n: (len(n), n))
    shared = nodes[0] if len(nodes) == 1 else _nearest_common(nodes)
    if shared is None:
        return None
    _, kind, _, term = preferred[0]
    return Entry(shared, kind, term)


def _can_stand(key: Key, distance: int, code: str) -> bool:
    """Whether `key` may be looked for: no everyday word, no bare modifiers, no substance for its poisoning."""
    if _MODIFIERS.issuperset(key):
        return False
    if len(key) > 1:
        return True
    word = key[0]
    if len(word) < 4 or key in _COMMON or _SUBSTANCE.match(code):
        return False
    return distance == EXACT or _DISEASE_LIKE.search(word) is not None


@lru_cache(maxsize=1)
def dictionary() -> Dictionary:
    """The dictionary of all terms of the tabular list and the lexicon."""
    terms = tabular().terms()
    claims: dict[Key, list[tuple[int, str, str, str]]] = {}
    titles = set(terms.loc[terms["kind"] == "title", "term"])
    for code, term, kind in _worth_reading(terms):
        lateral = kind == "title" and _names_a_side(term, titles)
        for key, distance in variants(term, lateral=lateral):
            if not _can_stand(key, distance, code):
                continue
            how = (TITLE if kind == "title" else INCLUSION, SHORTENED, TURNED)[distance]
            claims.setdefault(key, []).append((distance, how, code, term))
    entries: dict[Key, tuple[Entry, ...]] = {}
    for key, claimed in claims.items():
        if (entry := _settle(claimed)) is not None:
            entries[key] = (entry,)
    for own in lexicon_entries():
        entry = Entry(own.code, LEXICON, own.term, own.condition)
        before = entries.get(own.key, ())
        if own.condition is None:
            # without a condition the lexicon's word is final
            entries[own.key] = (*(e for e in before if e.condition is not None), entry)
        else:
            conditional = tuple(e for e in before if e.condition is not None)
            entries[own.key] = (*conditional, entry, *(e for e in before if e.condition is None))
    return Dictionary(entries)


def _worth_reading(terms: pd.DataFrame) -> Iterable[tuple[str, str, str]]:
    """Rows (code, term, kind) whose wording can stand in a note: no 7th-character titles, no external-cause titles."""
    code = terms["code"]
    wanted = (code.str.len() < 8) & ~(code.str.contains(r"^[V-Y]") & (terms["kind"] == "title"))
    chosen = terms[wanted]
    return zip(chosen["code"], chosen["term"], chosen["kind"], strict=True)


def _names_a_side(title: str, titles: set[str]) -> bool:
    """Whether `title` is one of a left/right pair, so that its side only chooses among brothers."""
    low = title.lower()
    if not any(word in low for word in LATERAL):
        return False
    swapped = title.replace("right", "\0").replace("left", "right").replace("\0", "left")
    return (swapped != title and swapped in titles) or title.replace("bilateral", "right") in titles


__all__ = ["EXACT", "PERMUTED", "SIMPLIFIED", "Dictionary", "Entry", "Hit", "dictionary"]
