"""The ICD-10-CM tabular list: hierarchy, titles, inclusion terms, instructional notes and seventh characters.

The list is that of April 2026, the newest among the reference packages; codes that begin in October 2026 hang below
their nearest category and have no title. Nodes are codes and categories with their dot ("I50.2"), blocks ("I30-I5A")
and chapters ("9").
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import pandas as pd

from medcode_ml.codes.baking import node_of
from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.note_patterns import pattern_matches
from medcode_ml.codes.reference import reference_table

NoteKind = Literal["excludes1", "excludes2", "code_first", "use_additional", "code_also", "includes"]
_CATEGORY_LENGTH = 3
_FULL_LENGTH = 7


@dataclass(frozen=True, slots=True)
class NoteTarget:
    """One instructional note and the codes it refers to.

    `patterns` are dotted prefixes, "first-last" ranges, or either with a condition (see `note_patterns`); empty where
    the note names no code. `source` is the node it stands under, which may be an ancestor of the code asked about.
    """

    text: str
    patterns: tuple[str, ...]
    source: str = ""

    def matches(self, code: str) -> bool:
        """True where the note refers to `code` (dotted or not)."""
        return any(pattern_matches(pattern, code) for pattern in self.patterns)


class Tabular:
    """Read-only view of the tabular list; get the shared one with `tabular()`.

    Every question takes a code dotted or not, and codes the list does not spell out (seventh characters, codes of other
    releases) are answered from their nearest category. Unknown codes give None or nothing.
    """

    def title(self, code: str) -> str | None:
        """Title of a code, category, block or chapter; None where the list has none for exactly this node."""
        return self._titles.get(self._written(code))

    def parent(self, code: str) -> str | None:
        """The node above, a chapter's being None."""
        node = self._written(code)
        if node in self._parents:
            return self._parents[node]
        return None if "-" in node else node_of(node, self._titles_or_none)

    def ancestors(self, code: str) -> list[str]:
        """The nodes above, nearest first, up to the chapter."""
        found = []
        above = self.parent(code)
        while above is not None:
            found.append(above)
            above = self._parents[above]
        return found

    def children(self, code: str) -> list[str]:
        """The nodes directly below, in the order of the list; billable seven-character codes included."""
        return list(self._children.get(self._written(code), ()))

    def is_leaf(self, code: str) -> bool:
        """True for a node of the list with nothing below it."""
        node = self._written(code)
        return node in self._parents and node not in self._children

    def inclusion_terms(self, code: str) -> list[str]:
        """Inclusion terms that stand under exactly this node."""
        return list(self._inclusion_terms.get(self._written(code), ()))

    def excludes1(self, code: str) -> list[NoteTarget]:
        """Excludes1 notes of the code and its ancestors: never reported together unless unrelated (rule 22)."""
        return self.notes(code, "excludes1")

    def excludes2(self, code: str) -> list[NoteTarget]:
        """Excludes2 notes of the code and its ancestors: not included here, but may be reported together."""
        return self.notes(code, "excludes2")

    def code_first(self, code: str) -> list[NoteTarget]:
        """Code first notes of the code and its ancestors: what they name goes before the code (rule 23)."""
        return self.notes(code, "code_first")

    def use_additional(self, code: str) -> list[NoteTarget]:
        """Use additional code notes of the code and its ancestors: what they name goes after it (rule 23)."""
        return self.notes(code, "use_additional")

    def code_also(self, code: str) -> list[NoteTarget]:
        """Code also notes of the code and its ancestors; they fix no order."""
        return self.notes(code, "code_also")

    def notes(self, code: str, kind: NoteKind) -> list[NoteTarget]:
        """Notes of one kind of the code and its ancestors, nearest first.

        An inherited note that names the code itself is left out: it speaks to its siblings.
        """
        return list(_notes_of(self, self._written(code), kind))

    def seventh_characters(self, code: str) -> dict[str, str]:
        """Seventh characters that a code or category takes, with their meaning; empty where it takes none.

        A definition holds for everything below it until a nearer one replaces it.
        """
        node = self._written(code)
        lineage = [node, *self.ancestors(node)]
        definition = next((self._characters[n] for n in lineage if n in self._characters), None)
        if definition is None:
            return {}
        stem = next((n for n in lineage if len(n.replace(".", "")) < _FULL_LENGTH), node)
        below = [n for n in self._children.get(stem, ()) if len(n.replace(".", "")) == _FULL_LENGTH]
        if not below and stem not in self._children:
            return {}  # complete without one
        if not below:
            return dict(definition)
        used = {n[-1] for n in below}
        return {character: meaning for character, meaning in definition.items() if character in used}

    def terms(self) -> pd.DataFrame:
        """Titles and inclusion terms to look documents up in.

        Returns:
            DataFrame[code, term, kind]: code a dotted code or category, kind "title" or "inclusion". The titles of
            seven-character codes are among them.
        """
        nodes = reference_table("tabular_node")
        titles = nodes.loc[nodes["kind"] == "code", ["node", "title"]].dropna()
        titles = titles.set_axis(["code", "term"], axis=1).assign(kind="title")
        inclusions = reference_table("inclusion_term").set_axis(["code", "term"], axis=1).assign(kind="inclusion")
        return pd.concat([titles, inclusions], ignore_index=True)

    def notes_table(self, kind: NoteKind) -> pd.DataFrame:
        """Every note of one kind where it stands, not inherited: DataFrame[node, text, pattern], a row a pattern."""
        notes = reference_table("tabular_note")
        chosen = notes.loc[notes["kind"] == kind, ["node", "text", "patterns"]]
        exploded = chosen.explode("patterns", ignore_index=True).rename(columns={"patterns": "pattern"})
        return exploded.dropna(ignore_index=True)

    def own_notes(self, node: str, kind: NoteKind) -> tuple[NoteTarget, ...]:
        """Notes of one kind that stand under exactly this node."""
        return self._own_notes.get((node, kind), ())

    def _written(self, code: str) -> str:
        # blocks ("A00-A09") and chapters ("9") are named as they are
        return code if "-" in code or len(code) < _CATEGORY_LENGTH else dotted(code)

    @cached_property
    def _nodes(self) -> pd.DataFrame:
        return reference_table("tabular_node")

    @cached_property
    def _parents(self) -> dict[str, str | None]:
        return dict(zip(self._nodes["node"], self._nodes["parent"], strict=True))

    @cached_property
    def _titles_or_none(self) -> dict[str, str]:
        return dict(zip(self._nodes["node"], self._nodes["title"], strict=True))

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {node: title for node, title in self._titles_or_none.items() if title is not None}

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        below: defaultdict[str, list[str]] = defaultdict(list)
        for node, parent in self._parents.items():
            if parent is not None:
                below[parent].append(node)
        return dict(below)

    @cached_property
    def _inclusion_terms(self) -> dict[str, tuple[str, ...]]:
        frame = reference_table("inclusion_term")
        return {str(node): tuple(group) for node, group in frame.groupby("node", sort=False)["term"]}

    @cached_property
    def _characters(self) -> dict[str, dict[str, str]]:
        frame = reference_table("seventh_character")
        found: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for node, character, meaning in frame.itertuples(index=False):
            found[node][character] = meaning
        return dict(found)

    @cached_property
    def _own_notes(self) -> dict[tuple[str, str], tuple[NoteTarget, ...]]:
        found: defaultdict[tuple[str, str], list[NoteTarget]] = defaultdict(list)
        for node, kind, text, patterns in reference_table("tabular_note").itertuples(index=False):
            found[(node, kind)].append(NoteTarget(text, tuple(patterns), node))
        return {place: tuple(notes) for place, notes in found.items()}


@lru_cache(maxsize=65536)
def _notes_of(tabular_list: Tabular, node: str, kind: NoteKind) -> tuple[NoteTarget, ...]:
    lineage = [node, *tabular_list.ancestors(node)]
    notes = (note for above in lineage for note in tabular_list.own_notes(above, kind))
    return tuple(note for note in notes if note.source == node or not note.matches(node))


@lru_cache(maxsize=1)
def tabular() -> Tabular:
    """Return the tabular list of this process; it reads its tables when first asked."""
    return Tabular()
