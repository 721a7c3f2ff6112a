"""The ontology coder: the whole ICD-10-CM code set of a day, terms and rules only, nothing trained."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from medcode_ml.codes.release import release_on
from medcode_ml.coding.assertion import trigger_finder
from medcode_ml.coding.dictionary import dictionary
from medcode_ml.coding.encounter import CodedEncounter, Document, code_encounter
from medcode_ml.coding.resolve import Resolver

MODEL_VERSION = "ontology-3"


@dataclass(frozen=True)
class OntologyCoder:
    """Codes encounters in one release; get it with `for_day`. The dictionary is shared by all releases."""

    release: str
    resolver: Resolver

    @staticmethod
    def for_day(day: date) -> OntologyCoder:
        """The coder of the code set in force on `day`, the discharge date (rule 1).

        The first call of a process builds the dictionary. Raises `NoReleaseError` where no release is known.
        """
        return _coder(release_on(day).name, release_on(day).start)

    def code(self, documents: list[Document], setting: str | None, *, asking: bool = True) -> CodedEncounter:
        """Code one encounter's documents; `setting` is "inpatient" or "outpatient", None counts as not inpatient.

        Without `asking` the queries are left to the caller.
        """
        return code_encounter(documents, setting, self.resolver, asking=asking)


@lru_cache(maxsize=40)
def _coder(release: str, start: date) -> OntologyCoder:
    dictionary()
    trigger_finder()
    # some million objects that live as long as the process: the collector need not walk them again and again
    gc.collect()
    gc.freeze()
    return OntologyCoder(release, Resolver.on(start))
