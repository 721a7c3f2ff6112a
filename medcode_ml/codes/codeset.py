"""The billable codes of a day: ICD-10-CM and ICD-10-PCS releases, chosen by discharge date (rules 1, 3 and 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.codes.identifiers import dotted, icd10cm_has_format, icd10pcs_has_format, undotted
from medcode_ml.codes.reference import reference_table
from medcode_ml.codes.release import Release, release_on

System = Literal["ICD-10-CM", "ICD-10-PCS"]
_TABLES: dict[str, tuple[str, str]] = {
    "ICD-10-CM": ("diagnosis_code", "diagnosis_title"),
    "ICD-10-PCS": ("procedure_code", "procedure_title"),
}
_MAX_LENGTH = 7


def yyyymmdd(day: date) -> int:
    """A date as the integer that the reference tables carry."""
    return day.year * 10_000 + day.month * 100 + day.day


def _spoken(day: int) -> str:
    return f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}"


@lru_cache(maxsize=2)
def _titles(system: System) -> dict[str, str]:
    frame = reference_table(_TABLES[system][1])
    return dict(zip(frame["code"], frame["title"], strict=True))


@dataclass(frozen=True, eq=False)
class CodeSet:
    """The codes of one system that are billable in one release. Get it with `CodeSet.on`; shared, read-only."""

    system: System
    release: Release
    codes: npt.NDArray[np.object_] = field(repr=False)
    """Billable codes, sorted; ICD-10-CM with the dot. Shape (codes,)."""

    @staticmethod
    def on(day: date, system: System = "ICD-10-CM") -> CodeSet:
        """Return the codes in force on `day`, the discharge date. Cached for each release.

        Raises:
            NoReleaseError: no release is known for the day.
            ValueError: another system than ICD-10-CM or ICD-10-PCS.
        """
        if system not in _TABLES:
            raise ValueError(f"no code set {system!r}: choose one of {', '.join(_TABLES)}")
        return _load(release_on(day), system)

    def is_billable(self, code: str) -> bool:
        """True where the code is valid and complete on the day. The dot may be left out, but not misplaced."""
        return code in self._index

    def billable_mask(self, codes: pd.Series[Any]) -> pd.Series[bool]:
        """`is_billable` of a whole column; missing values give False. Same index as `codes`."""
        values = codes.astype(object)
        places = self._index.get_indexer(values.where(values.notna(), ""))
        return pd.Series(places >= 0, index=codes.index, name=codes.name)

    def title(self, code: str) -> str | None:
        """Official title of a billable code of this release.

        None for an unknown code, and for codes that no list of titles among the reference packages has: the diagnoses
        new in October 2026, about 760 of the newest procedures, and a handful retired before 2020.
        """
        return _titles(self.system).get(self._written(code)) if self.is_billable(code) else None

    def why_not_billable(self, code: str) -> str | None:
        """Say in a sentence why a code cannot be billed on the day, or None where it can."""
        if self.is_billable(code):
            return None
        if self.system == "ICD-10-PCS":
            if not icd10pcs_has_format(code):
                return f"{code} is not an ICD-10-PCS code: seven characters, digits and letters without I and O."
        elif not icd10cm_has_format(code) or ("." in code and dotted(code) != code):
            return f"{code} is not written like an ICD-10-CM code: letter, two characters, a dot and up to four more."
        written = self._written(code)
        spans = reference_table(_TABLES[self.system][0], ("code", "first_day", "last_day"))
        known = spans[spans["code"] == written]
        if not known.empty:
            return self._not_on_this_day(written, known)
        longer = self._longer(written)
        if longer:
            example = f"such as {longer[0]}" if len(longer) > 1 else f"{longer[0]}"
            what = "a 7th character" if self._needs_seventh(written, longer) else "more characters"
            return f"{written} is a category and needs {what}, {example}, to be billed."
        return f"{written} is not in {self.system} {self.release.name}, nor in any other release."

    def _not_on_this_day(self, code: str, spans: pd.DataFrame) -> str:
        start = yyyymmdd(self.release.start)
        later = spans[spans["first_day"] > start]
        if len(later) == len(spans):
            told = f"it begins on {_spoken(int(later['first_day'].min()))}"
        else:
            told = f"it ended on {_spoken(int(spans.loc[spans['last_day'] < start, 'last_day'].max()))}"
        longer = self._longer(code)
        instead = f" Use a more specific code below it, such as {longer[0]}." if longer else ""
        return f"{code} is not valid in {self.system} {self.release.name}: {told}.{instead}"

    def _longer(self, code: str) -> list[str]:
        prefix = undotted(code)
        bare = self._bare
        first, last = np.searchsorted(bare, [prefix, prefix + "~"])
        return [str(c) for c in self.codes[first:last] if str(c) != code]

    def _needs_seventh(self, code: str, longer: list[str]) -> bool:
        bare = undotted(code)
        return all(len(undotted(c)) == _MAX_LENGTH and set(undotted(c)[len(bare) : -1]) <= {"X"} for c in longer)

    def _written(self, code: str) -> str:
        return dotted(code) if self.system == "ICD-10-CM" else code

    @cached_property
    def _bare(self) -> npt.NDArray[np.str_]:
        return np.array([undotted(c) for c in self.codes], dtype="U7")

    @cached_property
    def _index(self) -> pd.Index[Any]:
        """Both spellings of every code, hashed once."""
        return pd.Index(dict.fromkeys([*self.codes, *map(undotted, self.codes)]), dtype=object)


@lru_cache(maxsize=16)
def _load(release: Release, system: System) -> CodeSet:
    frame = reference_table(_TABLES[system][0], ("code", "first_day", "last_day"))
    # every span begins and ends with a release, so its first day stands for all of it
    day = yyyymmdd(release.start)
    valid = frame.loc[(frame["first_day"] <= day) & (frame["last_day"] >= day), "code"]
    codes = valid.unique().astype(object)
    # sorted without the dot, as the tabular list is; the dot of a dotted code always stands fourth
    codes.sort()
    codes.setflags(write=False)
    return CodeSet(system, release, codes)
