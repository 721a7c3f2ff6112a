"""Whom a version knows: persons whose encounters it learned from or was calibrated on, as they are linked now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.ml import ModelTables
from medcode_ml.contracts.ml import model as registry_model
from medcode_ml.models.splitting import CALIBRATION, TRAIN
from medcode_ml.store.frames import read_frame


def learned_persons(source: sa.Engine | sa.Connection, of: ModelTables, version: str) -> frozenset[str]:
    """Persons that `version` learned from or was calibrated on; none where its encounters are not written down.

    A link made since counts: a person is known to the version if any record of the person is.
    """
    rows = _LEARNED.format(training_set=of.training_set.fullname, model_encounter=of.model_encounter.fullname)
    found = read_frame(source, sa.text(rows), {"version": version, "parts": [TRAIN, CALIBRATION]})
    return frozenset(found["person_id"])


@dataclass(frozen=True)
class NewToBoth:
    """The encounters of a test on which a version may be compared with the champion, and in words which they are."""

    encounters: frozenset[str]
    said: str = ""


def new_to_both(
    engine: sa.Engine, of: ModelTables, version: str, champion: str | None, test: pd.DataFrame
) -> NewToBoth:
    """The encounters of the test of `version` that are news to the champion as well.

    Left out are those of persons the champion learned from or was calibrated on: of these it would know too much. Where
    the test of the version is a recent slice, encounters from before that are left out too: the champion is to be
    beaten in the world as it is now.

    Args:
        engine: the database.
        of: the tables of the kind.
        version: the candidate; nobody of its test is among those it learned from.
        champion: the model in use, None where there is none.
        test: the test as `encounters_of_version` gives it.
    """
    everyone = frozenset(test["encounter_id"])
    if champion is None or test.empty:
        return NewToBoth(everyone)
    known = learned_persons(engine, of, champion)
    persons = read_frame(engine, sa.text(_PERSONS), {"patients": sorted({*test["patient_id"].dropna()})})
    person_of = dict(zip(persons["patient_id"], persons["person_id"], strict=True))
    recent_from = _recent_from(engine, version)
    kept, seen, older = [], 0, 0
    columns = (test[c] for c in ("encounter_id", "patient_id", "person_id", "encounter_received"))
    for encounter, patient, person, received in zip(*columns, strict=True):
        if not known.isdisjoint({person_of.get(patient, patient), person}):
            seen += 1
        elif recent_from is not None and received is not None and received < recent_from:
            older += 1
        else:
            kept.append(encounter)
    words = [f"{len(kept)} of {len(test)} encounters of the test, of persons that neither learned from"]
    if recent_from is not None:
        words.append(f"received since {recent_from}; {older} older ones left out")
    words.append(f"{seen} of persons the champion learned from left out" if known else _UNKNOWN)
    return NewToBoth(frozenset(kept), "; ".join(words))


def _recent_from(engine: sa.Engine, version: str) -> date | None:
    with engine.connect() as connection:
        query = sa.select(registry_model.c.recent_from).where(registry_model.c.version == version)
        return connection.execute(query).scalar_one_or_none()


_UNKNOWN = "what the champion learned from is not written in the database"
#: an encounter may have left the training set since; the person it then had is linked on
_LEARNED = """
SELECT DISTINCT coalesce(p.person_id, t.patient_id, e.person_id) AS person_id
FROM {model_encounter} e
LEFT JOIN (SELECT DISTINCT encounter_id, patient_id FROM {training_set} WHERE patient_id IS NOT NULL) t
     USING (encounter_id)
LEFT JOIN mapped.person p ON p.patient_id = coalesce(t.patient_id, e.person_id)
WHERE e.version = :version AND e.part = ANY(:parts)
"""
_PERSONS = "SELECT patient_id, person_id FROM mapped.person WHERE patient_id = ANY(:patients)"
