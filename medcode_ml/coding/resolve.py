"""From a node of the tabular list to one billable code of a release, by what stands around the mention.

Rule 24: laterality, acuity, stage and seventh character are taken from the words near the mention; where the note says
no more, the unspecified code of the node is reported, never a guess at a finer one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Set as AbstractSet
from datetime import date
from functools import lru_cache

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.tabular import tabular
from medcode_ml.coding.words import BILATERAL, LEFT, RIGHT, canonical_words, word_set

# Words of a title that tell nothing about which child a note means.
_EMPTY = word_set(
    """
    unspecified other specified with without and or not elsewhere classified encounter initial subsequent
    sequela as due type nos nec mention complication part site any mainly a be so stated side eye ear limb
    female male acquired condition disease disorder code episode primary
    """
)
_SIDES = frozenset({LEFT, RIGHT, BILATERAL})
# The guidelines take the right side as dominant and the left as not, where the note is silent (I.C.6.a).
_SIDE_WORDS = {
    LEFT: frozenset({LEFT, "unilateral", "nondominant"}),
    RIGHT: frozenset({RIGHT, "unilateral", "dominant"}),
    BILATERAL: frozenset({BILATERAL}),
}
_SUBSEQUENT = frozenset({"healing", "aftercare", "follow", "followup", "postop", "postoperative"})
_LATE = frozenset({"sequela", "sequelae", "late", "malunion", "nonunion"})
_NOT_SO = re.compile(r"\bnot (?:specified|stated|intractable|having achieved)\b")
_ROUND = re.compile(r"\([^)]*\)|\[[^\]]*\]")


@lru_cache(maxsize=200_000)
def _title_words(node: str) -> frozenset[str]:
    title = tabular().title(node)
    return frozenset(w for w in canonical_words(_ROUND.sub("", title)) if w[0].isalnum()) if title else frozenset()


class Resolver:
    """Makes billable codes of one release out of nodes; get it with `Resolver.on`."""

    def __init__(self, codes: CodeSet) -> None:
        """Work on the billable codes of `codes`."""
        self.codes = codes
        self._sorted: list[str] = [str(c) for c in codes.codes]
        self._children: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {}
        self._default: dict[str, str | None] = {}
        self._wordings: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {}

    @staticmethod
    def on(day: date) -> Resolver:
        """The resolver of the release in force on `day`, shared. Raises NoReleaseError outside the known releases."""
        return _resolver(CodeSet.on(day))

    def below(self, node: str) -> bool:
        """Whether any billable code of the release is `node` or stands below it."""
        i = bisect_left(self._sorted, node)
        return i < len(self._sorted) and self._sorted[i].startswith(node)

    def in_release(self, node: str) -> str | None:
        """`node`, or the nearest of its ancestors that this release knows; None when not even the category is known."""
        if self.below(node):
            return node
        return next((a for a in tabular().ancestors(node) if "-" not in a and len(a) >= 3 and self.below(a)), None)

    def _covers(self, category: str) -> bool:
        """Whether `category` has a code for what it does not spell out, so that it can stand for a later child."""
        leaf = self.unspecified(category)
        return leaf is not None and (leaf == category or self.says_no_more(leaf) or "ther" in self._title(leaf))

    def resolve(self, node: str, words: AbstractSet[str], side: str | None) -> tuple[str | None, bool]:
        """The billable code that `node` means among canonical `words` and a `side`, and whether the words chose it.

        Returns (None, False) when the release has no code for it.
        """
        start = self.in_release(node)
        if start is None or (start != node and not self._covers(start)):
            return None, False
        here = self._on_side(start, side) if side else start
        chosen = here != start
        sides = _SIDE_WORDS.get(side or "", frozenset())
        for _ in range(5):
            if self.codes.is_billable(here):
                return here, chosen
            child = self._child_by_words(here, words, sides)
            if child is None:
                break
            here, chosen = child, True
        if seventh := self._by_seventh(here, words):
            return seventh, chosen
        leaf = self.unspecified(here)
        if leaf is None or not sides:
            return leaf, chosen
        # the unspecified child may itself have sides: unspecified breast, right
        parent = leaf
        while len(parent) > len(here) + 1 and (parent := parent[:-1].rstrip(".")):
            child = self._child_by_words(parent, frozenset(), sides)
            if child and child.startswith(here):
                found, _ = self.resolve(child, words, None)
                return found, True
        return leaf, chosen

    def resolve_all(self, node: str, words: AbstractSet[str], side: str | None) -> list[tuple[str, bool]]:
        """As `resolve`, but both codes where both sides are named and the category has no code for both."""
        if side == BILATERAL:
            right, left = self.resolve(node, words, RIGHT), self.resolve(node, words, LEFT)
            both, _ = self.resolve(node, words, BILATERAL)
            if right[1] and left[1] and right[0] != left[0] and (both is None or "ilateral" not in self._title(both)):
                return [(code, True) for code, _ in (right, left) if code is not None]
        code, chosen = self.resolve(node, words, side)
        return [] if code is None else [(code, chosen)]

    def _title(self, code: str) -> str:
        return self.codes.title(code) or tabular().title(code) or ""

    def _on_side(self, node: str, side: str) -> str:
        """The brother of an "unspecified side" node that names `side`; `node` itself where there is none."""
        title = _title_words(node)
        parent = tabular().parent(node)
        if "unspecified" not in title or side in title or parent is None or "-" in parent or len(parent) < 5:
            return node
        child = self._child_by_words(parent, frozenset(), _SIDE_WORDS.get(side, frozenset()))
        return child if child is not None and self.below(child) else node

    def _child_by_words(self, node: str, words: AbstractSet[str], sides: AbstractSet[str]) -> str | None:
        best, best_count = None, 0
        for child, telling in self._telling(node):
            if not telling:
                continue
            asked = telling & _SIDES
            if asked and not (asked <= sides):
                continue
            if all(w in words or w in sides for w in telling) and len(telling) > best_count:
                best, best_count = child, len(telling)
        return best

    def _telling(self, node: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """Children of `node` in the release with the words that tell each from its parent."""
        known = self._children.get(node)
        if known is None:
            own = _title_words(node)
            children = [c for c in tabular().children(node) if len(c) < 8 and self.below(c)]
            # what the unspecified brother says as well tells nothing: "of unspecified radius", "of right radius"
            said = (tabular().title(node) or "").lower().count("unspecified")
            plain = next(
                (_title_words(c) for c in children if self._title(c).lower().count("unspecified") > said), frozenset()
            )
            rows = []
            for child in children:
                title = _title_words(child)
                told = title - own - _EMPTY - plain
                # a child that tells nothing is never chosen by words, nor is "other"
                rows.append((child, frozenset(told) if "other" not in title - own else frozenset()))
            known = self._children[node] = tuple(rows)
        return known

    def _by_seventh(self, node: str, words: AbstractSet[str]) -> str | None:
        children = [c for c in tabular().children(node) if len(c) == 8 and self.codes.is_billable(c)]
        if not children:
            return None
        letters = {c[-1]: c for c in children}
        if words & _LATE and "S" in letters:
            return letters["S"]
        if words & _SUBSEQUENT and "D" in letters:
            return letters["D"]
        if "open" in words and "B" in letters:
            return letters["B"]
        return next((letters[c] for c in "A09XZ" if c in letters), children[0])

    def unspecified(self, node: str) -> str | None:
        """The code of `node` that says nothing more than `node`; the first billable one when none says so."""
        if node not in self._default:
            self._default[node] = self._unspecified(node)
        return self._default[node]

    def by_words(self, category: str, words: AbstractSet[str], most: int) -> list[str]:
        """Billable codes of `category` all of whose telling words are among `words`, those that tell most first."""
        if category not in self._wordings:
            own = _title_words(category)
            rows = []
            i = bisect_left(self._sorted, category)
            for code in self._sorted[i : bisect_left(self._sorted, category + "~")]:
                title = _title_words(code[:7])
                telling = title - own - _EMPTY
                if telling and "other" not in title - own:
                    rows.append((code, telling))
            rows.sort(key=lambda row: -len(row[1]))
            self._wordings[category] = tuple(rows)
        found = []
        for code, telling in self._wordings[category]:
            if telling <= words:
                found.append(code)
                if len(found) == most:
                    break
        return found

    def says_no_more(self, code: str) -> bool:
        """Whether `code` is one for what is not specified, by its title or its terms."""
        title = self._title(code).lower()
        if any(word in title for word in ("unspecified", "without complication", "uncomplicated", "without angina")):
            return True
        return any(term.endswith("NOS") for term in tabular().inclusion_terms(code))

    def _unspecified(self, node: str) -> str | None:
        if self.codes.is_billable(node):
            return node
        if seventh := self._by_seventh(node, frozenset()):
            return seventh
        children = [c for c in tabular().children(node) if self.below(c)]
        if not children:
            i = bisect_left(self._sorted, node)
            under = self._sorted[i : bisect_left(self._sorted, node + "~")]
            return next((c for c in under if "nspecified" in (self.codes.title(c) or "")), under[0] if under else None)
        own = _title_words(node)
        # max keeps the first of equals: the order of the list
        return self.unspecified(max(children, key=lambda c: self._plainness(c, own)))

    def _plainness(self, child: str, own: frozenset[str]) -> float:
        title = (tabular().title(child) or "").lower()
        new = _title_words(child) - own
        score = 0.0
        if "unspecified" in new:
            score += 3
        if "with unspecified" in title and "with" in new:
            score += 2
        elif "with" in new and "unspecified" not in title.split(" with ")[0]:
            score -= 3
        elif "without" in new or "uncomplicated" in new or _NOT_SO.search(title):
            score += 2.5
        # "Heart failure NOS" names the node it stands under, "Myelofibrosis NOS" a disease of its own
        named = [set(canonical_words(t)) - {"nos"} for t in tabular().inclusion_terms(child) if t.endswith("NOS")]
        if any(words <= own for words in named):
            score += 2  # "Pulmonary embolism NOS" is the node itself
        elif any(words & own for words in named):
            score += 1
        if "unspecified" in title and not new - _EMPTY:
            score += 1  # "other and unspecified": the second of the two
        if "other" in new:
            score -= 1
        elif "other" in own and "unspecified" not in own | new and title.startswith("other"):
            score += 1
        score -= 0.05 * len(new - _EMPTY)
        return score + {"9": 0.5, "0": 0.3}.get(child[-1], 0.0)


@lru_cache(maxsize=40)
def _resolver(codes: CodeSet) -> Resolver:
    return Resolver(codes)
