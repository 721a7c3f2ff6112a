"""Which words are clinical, which are ordinary English, and which are names of people.

Clinical words come from the titles of the code sets and a small list of our own (`clinical_words.txt`), English ones
from the word lists of the language model, names from the United States census lists in the package `names`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from medcode_ml.codes.reference import reference_table

#: surnames and given names at or above these ranks are names first, whatever else the word lists say of them
COMMON_LAST, COMMON_FIRST, RARE_LAST = 5000, 1200, 60_000
_ENDINGS: Final = (
    ("ies", "y"), ("es", "e"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""),
    ("ly", ""), ("er", ""), ("'s", ""), ("’s", ""),
)  # fmt: skip
#: ends of non-proprietary drug names (United States Adopted Names stems)
_DRUG: Final = re.compile(
    r"\w{2,}(?:olol|pril|sartan|statin|azole|cillin|mycin|micin|oxacin|mab|tinib|parin|xaban|gatran|gliptin|gliflozin|"
    r"glutide|tidine|prazole|setron|triptan|azepam|zolam|barbital|dipine|thiazide|semide|terol|tropium|sone|olone|"
    r"caine|profen|cycline|vir|nazole|dronate|fibrate|zosin|lukast|platin|rubicin|taxel|codone|morphone|formin|"
    r"glitazone|pamide|amine|idine|azine|oxetine|triptyline|apine|idone|peridol|cept|stim|poetin|penem)"
)


class Word(enum.Enum):
    """What a capitalised word most likely is."""

    WORD = "word"  # clinical or English, no common name
    NAME = "name"  # a name that is no word
    EPONYM = "eponym"  # both: Graves, White, Young
    UNKNOWN = "unknown"  # in no list


@dataclass(frozen=True)
class Vocabulary:
    """Word lists, lower case. `nouns` are English words that the model's lists know as nouns only: towns and people are
    among them. `first` and `last` hold ranks of census names."""

    clinical: frozenset[str]
    english: frozenset[str]
    nouns: frozenset[str]
    first: dict[str, int]
    last: dict[str, int]

    def of(self, word: str) -> Word:
        """Class of a word, whatever its case; a possessive is taken off."""
        low = re.sub(r"['’]s$", "", word.lower()).strip(".-")
        is_word = self._is_word(low)
        name = self.is_common_name(low)
        if is_word:
            return Word.EPONYM if name else Word.WORD
        if name or low in self.first or self.last.get(re.sub(r"['’]", "", low), RARE_LAST) < RARE_LAST:
            return Word.NAME
        if "-" in low:
            parts = {self.of(p) for p in low.split("-") if len(p) > 1}
            return (
                Word.NAME
                if Word.NAME in parts and Word.WORD not in parts
                else Word.WORD
                if Word.WORD in parts
                else Word.UNKNOWN
            )
        return Word.UNKNOWN

    def is_common_name(self, low: str) -> bool:
        """True for names that many people bear."""
        low = re.sub(r"['’]", "", low)
        return self.last.get(low, COMMON_LAST) < COMMON_LAST or self.first.get(low, COMMON_FIRST) < COMMON_FIRST

    def is_first(self, word: str) -> bool:
        """True for a given name of the census list."""
        return re.sub(r"['’.]", "", word.lower()) in self.first

    def is_last(self, word: str) -> bool:
        """True for a surname of the census list."""
        return re.sub(r"['’.]", "", word.lower()) in self.last

    def may_be_proper(self, word: str) -> bool:
        """True where nothing but a noun list speaks against a proper name: Worcester, Duluth, Raj."""
        low = re.sub(r"['’]s$", "", word.lower())
        return self.of(word) is not Word.WORD or (low in self.nouns and not self.is_clinical(low))

    def is_clinical(self, word: str) -> bool:
        """True for words of code titles, the own list, and drug names by their ending."""
        low = word.lower()
        return self._any_form(low, self.clinical) or _DRUG.fullmatch(low) is not None

    def _is_word(self, low: str) -> bool:
        if low in self.english or low in self.clinical:
            return True
        if low in self.first or low in self.last:
            return False if self.is_common_name(low) else self._any_form(low, self.english)
        return (
            self._any_form(low, self.english) or self._any_form(low, self.clinical) or _DRUG.fullmatch(low) is not None
        )

    @staticmethod
    def _any_form(low: str, known: frozenset[str]) -> bool:
        if low in known:
            return True
        for ending, instead in _ENDINGS:
            if low.endswith(ending) and len(low) - len(ending) >= 2:
                stem = low[: len(low) - len(ending)] + instead
                if stem in known:
                    return True
                if ending in ("ed", "ing") and len(stem) > 3 and stem[-1] == stem[-2] and stem[:-1] in known:
                    return True
        return False


def build_vocabulary(lookups: Any, function_words: Iterable[str]) -> Vocabulary:
    """Make the vocabulary out of the language model's lemma tables, its function words and the reference tables."""
    first, last = _census()
    clinical = _clinical(first, last) | set(_own_words())
    nouns: set[str] = set()
    others: set[str] = {w.lower() for w in function_words}
    index, forms = lookups.get_table("lemma_index"), lookups.get_table("lemma_exc")
    for part in ("adj", "adv", "verb"):
        others |= set(index[part]) | set(forms[part])
    nouns |= set(index["noun"]) | set(forms["noun"])
    common = {n for n, r in last.items() if r < COMMON_LAST} | {n for n, r in first.items() if r < COMMON_FIRST}
    # the noun list of the model holds famous people and towns in lower case: a common name there is no word by that
    english = frozenset(w for w in others | (nouns - common) if w.replace("-", "").isalpha())
    return Vocabulary(frozenset(clinical), english, frozenset(nouns - others), first, last)


@lru_cache(maxsize=1)
def _census() -> tuple[dict[str, int], dict[str, int]]:
    """Ranks of given names and surnames, lower case; the lists lie in the package `names`."""
    import names

    folder = Path(names.__file__).parent

    def ranks(file: str) -> dict[str, int]:
        lines = (folder / file).read_text(encoding="ascii").splitlines()
        return {line.split()[0].lower(): int(line.split()[3]) for line in lines if line.strip()}

    first = ranks("dist.male.first")
    for name, rank in ranks("dist.female.first").items():
        first[name] = min(rank, first.get(name, rank))
    return first, ranks("dist.all.last")


def _clinical(first: dict[str, int], last: dict[str, int]) -> set[str]:
    """Words of code titles. A word that titles only ever write with a capital may be an eponym's name."""
    lower: set[str] = set()
    capital: set[str] = set()
    for table, column in (("diagnosis_title", "title"), ("icd9_title", "title"), ("inclusion_term", "term")):
        for word in set(re.findall(r"[A-Za-z]+", " ".join(t for t in reference_table(table)[column] if t))):
            (lower if word[0].islower() else capital).add(word.lower())
    for table in ("procedure_title", "drg_weight"):
        capital |= {
            w.lower() for w in re.findall(r"[A-Za-z]+", " ".join(t for t in reference_table(table)["title"] if t))
        }
    return lower | {w for w in capital if w not in first and w not in last} | (capital & set(first) & lower)


def _own_words() -> list[str]:
    text = files("medcode_ml.filtering.deidentify").joinpath("clinical_words.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [w.lower() for w in " ".join(lines).split()]
