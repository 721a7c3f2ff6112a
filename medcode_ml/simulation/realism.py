"""How close the simulated notes are to real ones: shares that can be measured on any coded notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from medcode_ml.codes.tabular import tabular


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def title_share(
    texts_by_encounter: Mapping[str, Iterable[str]], codes_by_encounter: Mapping[str, Iterable[str]]
) -> float:
    """Share of labels whose code title stands verbatim in the documents of its encounter, case and white space folded.

    Notes written from code titles would score near 1 and make any coder look perfect. Codes without a title in the
    tabular list (unknown, or newer than it) are left out of the count.

    Raises:
        ValueError: no label has a title to look for.
    """
    found = looked = 0
    for encounter, codes in codes_by_encounter.items():
        text = _folded("\n".join(texts_by_encounter.get(encounter, ())))
        for code in codes:
            title = tabular().title(code)
            if title is None:
                continue
            looked += 1
            found += _folded(title) in text
    if not looked:
        raise ValueError("no label has a title in the tabular list: pass ICD-10-CM codes with their dot")
    return found / looked
