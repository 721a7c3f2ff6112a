"""Reads the ICD-10-CM tabular list (the XML in the `simple-icd-10-cm` package) into frames. Only baking calls it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from medcode_ml.codes.note_patterns import patterns_in
from medcode_ml.codes.packages import one_data_file

_RANGE_IN_TITLE: Final = re.compile(r"\s*\([A-Z][0-9A-Z]{2}(-[A-Z][0-9A-Z]{2})?\)\s*$")
_NOTES: Final = {
    "excludes1": "excludes1",
    "excludes2": "excludes2",
    "codeFirst": "code_first",
    "useAdditionalCode": "use_additional",
    "codeAlso": "code_also",
    "includes": "includes",
}


@dataclass
class TabularFrames:
    """The tabular list: nodes (chapters, blocks, categories and codes), notes, inclusion terms, seventh characters."""

    nodes: pd.DataFrame
    notes: pd.DataFrame
    inclusion_terms: pd.DataFrame
    seventh_characters: pd.DataFrame


@dataclass
class _Reader:
    nodes: list[tuple[str, str | None, str, str]] = field(default_factory=list)
    notes: list[tuple[str, str, str, list[str]]] = field(default_factory=list)
    terms: list[tuple[str, str]] = field(default_factory=list)
    characters: list[tuple[str, str, str]] = field(default_factory=list)

    def chapter(self, element: ElementTree.Element) -> None:
        number = _text(element.find("name"))
        self.nodes.append((number, None, "chapter", _title(element)))
        self._own(number, element)
        for section in element.findall("section"):
            self._section(section, number)

    def _section(self, element: ElementTree.Element, chapter: str) -> None:
        first, _, last = element.attrib["id"].partition("-")
        # a block of one category is named like a range, so that it is not taken for the category
        block = f"{first}-{last or first}"
        self.nodes.append((block, chapter, "block", _title(element)))
        self._own(block, element)
        for diagnosis in element.findall("diag"):
            self._diagnosis(diagnosis, block)

    def _diagnosis(self, element: ElementTree.Element, parent: str) -> None:
        code = _text(element.find("name"))
        kind = "placeholder" if element.get("placeholder") == "true" else "code"
        self.nodes.append((code, parent, kind, _title(element)))
        self._own(code, element)
        for child in element.findall("diag"):
            self._diagnosis(child, code)

    def _own(self, node: str, element: ElementTree.Element) -> None:
        for tag, kind in _NOTES.items():
            for holder in element.findall(tag):
                for note in holder.findall("note"):
                    text = _text(note)
                    self.notes.append((node, kind, text, list(patterns_in(text))))
        for holder in element.findall("inclusionTerm"):
            self.terms += [(node, _text(note)) for note in holder.findall("note")]
        for holder in element.findall("sevenChrDef"):
            self.characters += [(node, e.attrib["char"], _text(e)) for e in holder.findall("extension")]


def _text(element: ElementTree.Element | None) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _title(element: ElementTree.Element) -> str:
    return _RANGE_IN_TITLE.sub("", _text(element.find("desc")))


def read_tabular() -> TabularFrames:
    """Parse the tabular list; takes about a second and a half."""
    path = one_data_file("simple_icd_10_cm", ("data",), "icd10c-tabular-*.xml")
    reader = _Reader()
    for chapter in ElementTree.parse(path).getroot().findall("chapter"):
        reader.chapter(chapter)
    return TabularFrames(
        nodes=pd.DataFrame(reader.nodes, columns=["node", "parent", "kind", "title"]),
        notes=pd.DataFrame(reader.notes, columns=["node", "kind", "text", "patterns"]),
        inclusion_terms=pd.DataFrame(reader.terms, columns=["node", "term"]),
        seventh_characters=pd.DataFrame(reader.characters, columns=["node", "character", "meaning"]),
    )
