"""Makes the reference tables out of the readers' frames; `reference` decides when and where they are written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

import pandas as pd

from medcode_ml.codes.flat_files import (
    read_clinical_categories,
    read_diagnosis_equivalents,
    read_diagnosis_titles,
    read_drg_weights,
    read_icd9_titles,
    read_procedure_titles,
)
from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.master import read_age_ranges, read_conversions, read_master
from medcode_ml.codes.tabular_xml import TabularFrames, read_tabular

BAKE_VERSION: Final = 4
"""Raise it whenever the baked tables change, so that old ones are left behind."""
_TABULAR_DAY: Final = 20260401  # the tabular list is that of this release
_CATEGORY: Final = 3  # length of a category
_SEVENTH: Final = 8  # length of a dotted code with its seventh character


def bake_tables() -> dict[str, pd.DataFrame]:
    """Make every reference table by name; takes about six seconds."""
    diagnoses = read_master("mce_i10dx_master", with_dot=True)
    procedures = read_master("mce_i10sg_master", with_dot=False)
    tabular = read_tabular()
    titles = _titles_of_codes(diagnoses["code"], tabular)
    return {
        "diagnosis_code": diagnoses,
        "procedure_code": procedures,
        "age_range": read_age_ranges(),
        "diagnosis_title": _title_frame(diagnoses["code"], titles.get),
        "procedure_title": _title_frame(procedures["code"], read_procedure_titles().get),
        "tabular_node": _with_codes(tabular.nodes, diagnoses, titles),
        "tabular_note": tabular.notes.astype({"kind": "category"}),
        "inclusion_term": tabular.inclusion_terms,
        "seventh_character": tabular.seventh_characters,
        "drg_weight": read_drg_weights(),
        "diagnosis_equivalent": read_diagnosis_equivalents(),
        "diagnosis_equivalent_back": read_diagnosis_equivalents(back=True),
        "diagnosis_conversion": read_conversions("icd10cm_conversions", with_dot=True),
        "procedure_conversion": read_conversions("icd10pcs_conversions", with_dot=False),
        "icd9_title": read_icd9_titles(),
        "clinical_category": read_clinical_categories(),
    }


def _title_frame(codes: pd.Series[str], title: Callable[[str], str | None]) -> pd.DataFrame:
    unique = codes.unique()
    return pd.DataFrame({"code": unique, "title": [title(code) for code in unique]}).dropna(ignore_index=True)


def node_of(code: str, nodes: dict[str, str]) -> str | None:
    """The nearest node of the tabular list at or above a dotted code: itself, or its longest prefix that is one."""
    bare = code.replace(".", "")
    for length in range(len(bare), 2, -1):
        candidate = dotted(bare[:length])
        if candidate in nodes:
            return candidate
    return None


def _stem_of(code: str, nodes: dict[str, str]) -> str | None:
    """The node that a seven-character code completes with its seventh character, over placeholders X; else None."""
    if len(code) != _SEVENTH:
        return None
    node = node_of(code, nodes)
    # a shorter node may be the category of a new code, whose meaning it does not tell
    return node if node is not None and set(code[len(node) : -1]) <= set(".X") else None


def _titles_of_codes(codes: pd.Series[str], tabular: TabularFrames) -> dict[str, str]:
    """Titles by billable code.

    The tabular list speaks first, being the newest; seven-character codes, which it does not spell out, take the
    official title or, where that list is too old, the title of the node and the meaning of the seventh character.
    """
    nodes = dict(zip(tabular.nodes["node"], tabular.nodes["title"], strict=True))
    parents = dict(zip(tabular.nodes["node"], tabular.nodes["parent"], strict=True))
    meanings: dict[str, dict[str, str]] = {}
    for node, character, meaning in tabular.seventh_characters.itertuples(index=False):
        meanings.setdefault(node, {})[character] = meaning
    official = read_diagnosis_titles()
    titles: dict[str, str] = {}
    for code in codes.unique():
        if code in nodes:
            titles[code] = nodes[code]
        elif code in official:
            titles[code] = official[code]
        elif (node := _stem_of(code, nodes)) is not None:
            above: str | None = node
            while above is not None and above not in meanings:
                above = parents[above]
            if above is not None and code[-1] in meanings[above]:
                titles[code] = f"{nodes[node]}, {meanings[above][code[-1]]}"
    return titles


def _chapter_of(node: str, parents: dict[str, str | None]) -> str:
    above = parents[node]
    return node if above is None else _chapter_of(above, parents)


def _with_codes(nodes: pd.DataFrame, diagnoses: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Nodes of the tabular list and below them the billable codes that it does not spell out.

    A code of a category newer than the list hangs below the chapter of the category before it.
    """
    known = dict(zip(nodes["node"], nodes["title"], strict=True))
    parents = dict(zip(nodes["node"], nodes["parent"], strict=True))
    categories = sorted(node for node in known if len(node) == _CATEGORY and "-" not in node)
    current = diagnoses.loc[diagnoses["last_day"] >= _TABULAR_DAY, "code"].unique()
    added = []
    for code in current:
        if code not in known:
            before = categories[bisect_left(categories, code[:_CATEGORY]) - 1]
            above = node_of(code, known) or _chapter_of(before, parents)
            added.append((code, above, "code", titles.get(code)))
    below = pd.DataFrame(added, columns=nodes.columns)
    return pd.concat([nodes, below], ignore_index=True).astype({"kind": "category"})
