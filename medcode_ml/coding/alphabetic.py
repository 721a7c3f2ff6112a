"""The alphabetic index: a condition and a site make a term ("Abscess, liver K75.0").

The classification's index lists its terms by condition and then by site; `lexicon/index.csv` and
`lexicon/neoplasm.csv` do the same, `lexicon/condition.csv` and `lexicon/site.csv` say how clinicians write the two.
Finding a pair in a sentence is the business of `phrases`.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest

from medcode_ml.coding.dictionary import Dictionary, Entry
from medcode_ml.coding.lexicon import LexiconError, read_table
from medcode_ml.coding.terms import Key
from medcode_ml.coding.words import canonical_words

INDEX, FINDING, CONDITION, SITE = "index", "index finding", "condition", "site"
"""Where a term comes from; a finding ("mass", "thickening") asks for a diagnosis and is none beside one."""

BEHAVIOURS = ("malignant", "secondary", "in situ", "benign", "uncertain", "unspecified")
"""Conditions that are the columns of the table of neoplasms."""


class AlphabeticIndex:
    """Conditions and sites as words, and what a pair of them leads to; get it by `alphabetic_index()`."""

    def __init__(self) -> None:
        """Read the four tables. Raises `LexiconError` where one names what another does not define."""
        self._above: dict[str, dict[str, str]] = {CONDITION: {}, SITE: {}}
        words: dict[Key, dict[str, list[str]]] = {}
        self._findings: set[str] = set()
        columns = {SITE: (SITE, "words", "within"), CONDITION: (CONDITION, "words", "within", "kind")}
        for kind in (SITE, CONDITION):
            for name, spellings, within, *more in read_table(kind, columns[kind]):
                if more == ["finding"]:
                    self._findings.add(name)
                self._above[kind][name] = within
                for spelling in spellings.split("|"):
                    names = words.setdefault(canonical_words(spelling), {}).setdefault(kind, [])
                    if name not in names:
                        names.append(name)
        for kind, above in self._above.items():
            for name, within in above.items():
                if within and within not in above:
                    raise LexiconError(f"lexicon/{kind}.csv: {name!r} stands within {within!r}, which has no line")
        self._nodes = dict(self._read())
        self.parts = Dictionary(
            {
                key: tuple(Entry("|".join(names), kind, " ".join(key)) for kind, names in kinds.items())
                for key, kinds in words.items()
            }
        )

    def _read(self) -> list[tuple[tuple[str, str], str]]:
        rows = []
        for conditions, sites, code in read_table("index", ("condition", "site", "code")):
            for condition in conditions.split("|"):
                for site in sites.split("|"):
                    rows.append(((self._known(CONDITION, condition), self._known(SITE, site)), code))
        for site, *codes in read_table("neoplasm", ("site", *(b.replace(" ", "_") for b in BEHAVIOURS))):
            for behaviour, code in zip(BEHAVIOURS, codes, strict=True):
                if code:
                    rows.append(((self._known(CONDITION, behaviour), self._known(SITE, site)), code))
        return rows

    def _known(self, kind: str, name: str) -> str:
        if name not in self._above[kind]:
            raise LexiconError(f"lexicon/index.csv or neoplasm.csv names the {kind} {name!r}, which {kind}.csv lacks")
        return name

    @property
    def nodes(self) -> dict[tuple[str, str], str]:
        """Every (condition, site) of the index and the node of the tabular list it leads to."""
        return self._nodes

    def _chain(self, kind: str, name: str) -> list[str]:
        out = [name]
        while (name := self._above[kind][name]) and name not in out:
            out.append(name)
        return out

    @lru_cache(maxsize=100_000)  # noqa: B019 - one index lives as long as the process
    def look_up(self, condition: str, site: str) -> Entry | None:
        """What the `|`-joined names of a condition and of a site lead to, the nearest site first.

        A site without a line of its own takes that of the site it stands within; a condition then that of the wider
        condition. None where the index has nothing.
        """
        levels = list(zip_longest(*(self._chain(SITE, s) for s in site.split("|"))))
        named = [self._chain(CONDITION, c) for c in condition.split("|")]
        for conditions in zip_longest(*named):
            for sites in levels:
                for c in conditions:
                    for s in sites:
                        if (node := self._nodes.get((c, s))) is not None:
                            return Entry(node, FINDING if c in self._findings else INDEX, f"{c}, {s}")
        return None


@lru_cache(maxsize=1)
def alphabetic_index() -> AlphabeticIndex:
    """The index of the lexicon's tables, read once a process."""
    return AlphabeticIndex()
