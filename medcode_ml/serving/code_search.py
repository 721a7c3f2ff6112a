"""Looking up codes by day, and searching them by the words of their titles and inclusion terms."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from medcode_ml.codes.codeset import CodeSet, System
from medcode_ml.codes.identifiers import dotted, icd10cm_has_format, icd10pcs_has_format, undotted
from medcode_ml.codes.release import release_on

_WORD: Final = re.compile(r"[a-z0-9]+")
_MOST_WORDS: Final = 12


class _Terms:
    """Terms by word: the rows of a word's terms, words sorted so that a beginning finds all that begin so."""

    def __init__(self, codes: list[str], terms: list[str], kinds: list[str]) -> None:
        self.codes, self.terms, self.kinds = codes, terms, kinds
        rows: dict[str, list[int]] = {}
        self.lengths = np.ones(len(terms), dtype=np.int64)
        for row, term in enumerate(terms):
            words = set(_WORD.findall(term.lower()))
            self.lengths[row] = max(1, len(words))
            for word in words:
                rows.setdefault(word, []).append(row)
        self.words = sorted(rows)
        self.rows = {word: np.array(found, dtype=np.int64) for word, found in rows.items()}

    def matching(self, wanted: list[str]) -> npt.NDArray[np.int64]:
        """Rows that have a word beginning with each of `wanted`, the closest first."""
        found: npt.NDArray[np.int64] | None = None
        whole = np.zeros(len(self.terms), dtype=np.int64)
        for word in wanted:
            at = bisect_left(self.words, word)
            some: list[npt.NDArray[np.int64]] = []
            while at < len(self.words) and self.words[at].startswith(word):
                some.append(self.rows[self.words[at]])
                at += 1
            own = np.unique(np.concatenate(some)) if some else np.empty(0, dtype=np.int64)
            if word in self.rows:
                whole[self.rows[word]] += 1
            found = own if found is None else np.intersect1d(found, own, assume_unique=True)
        if found is None or not len(found):
            return np.empty(0, dtype=np.int64)
        # whole words before beginnings, short terms before long ones
        order = np.lexsort((found, self.lengths[found], -whole[found]))
        ordered: npt.NDArray[np.int64] = found[order]
        return ordered


@lru_cache(maxsize=2)
def _terms(system: System) -> _Terms:
    if system == "ICD-10-PCS":
        from medcode_ml.codes.reference import reference_table

        frame = reference_table("procedure_title")
        return _Terms(frame["code"].tolist(), frame["title"].tolist(), ["title"] * len(frame))
    from medcode_ml.codes.tabular import tabular

    frame = tabular().terms()
    return _Terms(frame["code"].tolist(), frame["term"].tolist(), frame["kind"].tolist())


def search_codes(query: str, day: date, system: System, most: int) -> list[dict[str, Any]]:
    """Codes of `day` whose title or inclusion terms hold every word of `query` (words may be begun only).

    A query that is the beginning of a code lists the codes that begin so.

    Raises:
        NoReleaseError: no release is known for the day.
    """
    codes = CodeSet.on(day, system)
    bare = undotted(query.strip().upper())
    found: dict[str, dict[str, Any]] = {}
    if 1 <= len(bare) <= 7 and bare.isalnum() and any(c.isdigit() for c in bare):
        listed = [str(c) for c in codes.codes if undotted(str(c)).startswith(bare)][:most]
        found = {code: _hit(codes, code, "", "code") for code in listed}
    words = _WORD.findall(query.lower())[:_MOST_WORDS]
    terms = _terms(system)
    for row in terms.matching(words).tolist() if words else []:
        if len(found) >= most:
            break
        code = terms.codes[row]
        # what ended or has not begun is not offered; a category is, as the way to its codes
        if code not in found and (codes.is_billable(code) or (system == "ICD-10-CM" and _has_codes(codes, code))):
            found[code] = _hit(codes, code, terms.terms[row], terms.kinds[row])
    return list(found.values())


def code_facts(code: str, day: date, system: System) -> dict[str, Any] | None:
    """All that is known of a code on `day`; None for what is written like no code of the system.

    Raises:
        NoReleaseError: no release is known for the day.
    """
    written = code.strip().upper()
    codes = CodeSet.on(day, system)
    if system == "ICD-10-PCS":
        if not icd10pcs_has_format(written):
            return None
        return _told(codes, written)
    from medcode_ml.codes.tabular import tabular

    if not icd10cm_has_format(undotted(written)):
        return None
    written = dotted(undotted(written))
    listed = tabular()
    if listed.title(written) is None and not codes.is_billable(written) and not listed.ancestors(written):
        return None
    notes = {
        kind: [{"text": n.text, "codes": list(n.patterns), "source": n.source} for n in listed.notes(written, kind)]
        for kind in ("includes", "excludes1", "excludes2", "code_first", "use_additional", "code_also")
    }
    return {
        **_told(codes, written),
        "title": codes.title(written) or listed.title(written),
        "ancestors": [{"code": above, "title": listed.title(above)} for above in listed.ancestors(written)],
        "children": listed.children(written),
        "inclusion_terms": listed.inclusion_terms(written),
        "seventh_characters": listed.seventh_characters(written),
        "notes": notes,
    }


def _told(codes: CodeSet, code: str) -> dict[str, Any]:
    return {
        "code": code,
        "system": codes.system,
        "title": codes.title(code),
        "billable": codes.is_billable(code),
        "not_billable_because": codes.why_not_billable(code),
        "release": codes.release.name,
        "release_from": codes.release.start.isoformat(),
        "release_to": codes.release.end.isoformat(),
    }


def _hit(codes: CodeSet, code: str, term: str, kind: str) -> dict[str, Any]:
    from medcode_ml.codes.tabular import tabular

    title = codes.title(code) or (tabular().title(code) if codes.system == "ICD-10-CM" else None)
    return {"code": code, "title": title, "billable": codes.is_billable(code), "matched": kind, "term": term or title}


def _has_codes(codes: CodeSet, code: str) -> bool:
    prefix = undotted(code)
    listed = _bare(release_on(codes.release.start).start)
    at = bisect_left(listed, prefix)
    return at < len(listed) and listed[at].startswith(prefix)


@lru_cache(maxsize=4)
def _bare(day: date) -> list[str]:
    return sorted(undotted(str(c)) for c in CodeSet.on(day).codes)
