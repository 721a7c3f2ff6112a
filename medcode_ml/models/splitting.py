"""Which labelled encounters a model learns from, is calibrated on and is tested with; frames only, no I/O.

No patient stands on two sides, and the later ones are held out: a model is measured on people it has never seen, at a
time it has not seen, as it will be used. Where the world has changed and a model must learn the change, the test is
drawn from the persons seen since instead (`split_encounters`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

TRAIN, CALIBRATION, TEST = "train", "calibration", "test"
PARTS: Final = (TRAIN, CALIBRATION, TEST)
TEST_SHARE: Final = 0.2
CALIBRATION_SHARE: Final = 0.15
#: of the persons seen since the world changed
RECENT_TEST_SHARE: Final = 1 / 3
RECENT_CALIBRATION_SHARE: Final = 1 / 6
_SEED: Final = 20261001


def held_out(patients: Sequence[str], days: Sequence[date | None], share: float, seed: int) -> list[bool]:
    """Say for each record whether it is held out, about `share` of them.

    All records of a patient go to one side. Patients with dates are held out by their last date, latest first; patients
    without any are drawn. Equal dates are settled by the draw. The same records in another order split alike.

    Args:
        patients: whose record it is.
        days: its date, such as the discharge.
        share: of the records to hold out, above 0 and below 1.
        seed: of the draw.

    Returns:
        One for each record. With two patients or more neither side is empty.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share to hold out must lie between 0 and 1, not at {share}")
    sizes: dict[str, int] = {}
    last: dict[str, date] = {}
    for patient, day in zip(patients, days, strict=True):
        sizes[patient] = sizes.get(patient, 0) + 1
        if day is not None:
            last[patient] = max(day, last.get(patient, date.min))
    names = sorted(sizes)
    drawn = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    held: set[str] = set()
    dated = sorted((p for p in drawn if p in last), key=lambda p: last[p], reverse=True)
    for pool in (dated, [p for p in drawn if p not in last]):
        held |= _until(pool, sizes, share * sum(sizes[p] for p in pool))
    if len(names) > 1 and not held:
        held = {(dated or drawn)[0]}
    elif len(names) > 1 and len(held) == len(names):
        held.discard((drawn if not dated else dated[::-1])[0])
    return [patient in held for patient in patients]


def split_encounters(
    encounters: pd.DataFrame,
    *,
    recent_from: date | None = None,
    learned: Collection[str] = frozenset(),
    test_share: float = TEST_SHARE,
    calibration_share: float = CALIBRATION_SHARE,
) -> pd.Series:
    """Say train, calibration or test for each of `encounters` (encounter_id, person_id, discharge_date).

    All encounters of a person are in one part. Without `recent_from` it is that of the last discharge: the latest
    persons are the test, those before them the calibration, and the model learns from the rest.

    With `recent_from`, the first day of a changed world, the test is a slice of the persons with an encounter received
    since: a third of them, drawn by a hash of the person, without those in `learned`, whom the model in use knows.
    Another sixth of the recent persons and `calibration_share` of the others are for calibration, and everybody else is
    learned from. A model that must learn a changed world cannot be tested only on the time after it: held out by time,
    the test would be all there is of the new world and none of it would be left to learn from. So the test is apart by
    person alone, and the time after it is tested later, in shadow. By the hash a person has the same part at every
    retraining: more days only add persons to the slice, and nobody of it was learned from the time before.

    The same encounters in another order are split alike. No part is empty where there are persons enough (of so few
    that none is drawn the one nearest to it is taken), but there is no test where the model in use knows all recent
    ones.

    Args:
        encounters: encounter_id once each; an encounter without a person is its own. With `recent_from` also
            received_date, the day the encounter was received.
        recent_from: first received day of the recent slice.
        learned: persons that the model in use learned from or was calibrated on.
        test_share: of the encounters, above 0 and below 1; without `recent_from`.
        calibration_share: of the encounters; together with the test below 1.
    """
    if not (0 < test_share < 1 and calibration_share > 0 and test_share + calibration_share < 1):
        raise ValueError(
            f"test share {test_share} and calibration share {calibration_share} must be above 0 and together below 1"
        )
    people = [patient_key(p, e) for p, e in zip(encounters["person_id"], encounters["encounter_id"], strict=True)]
    if recent_from is not None:
        recent = {p for p, day in zip(people, encounters["received_date"], strict=True) if day >= recent_from}
        part_of = _drawn_by_person(set(people), recent, {patient_key(p, "") for p in learned}, calibration_share)
        return pd.Series([part_of[person] for person in people], index=encounters.index, dtype=object)
    days = list(encounters["discharge_date"])
    tested = held_out(people, days, test_share, _SEED)
    earlier = [place for place, held in enumerate(tested) if not held]
    calibrated = held_out(
        [people[p] for p in earlier], [days[p] for p in earlier], calibration_share / (1 - test_share), _SEED
    )
    parts = pd.Series([TEST] * len(people), index=encounters.index, dtype=object)
    for place, held in zip(earlier, calibrated, strict=True):
        parts.iloc[place] = CALIBRATION if held else TRAIN
    return parts


def _drawn_by_person(
    people: Collection[str], recent: Collection[str], learned: Collection[str], calibration_share: float
) -> dict[str, str]:
    """The part of each of `people`, by a draw that is theirs for good."""
    if len(people) == 1:
        return dict.fromkeys(people, TRAIN)
    draw = {person: _draw_of(person) for person in people}
    by_draw = sorted(people, key=lambda person: draw[person])
    may_test = [person for person in by_draw if person in recent and person not in learned]
    tested = {person for person in may_test if draw[person] < RECENT_TEST_SHARE} or set(may_test[:1])
    part_of = {}
    for person in by_draw:
        share = RECENT_CALIBRATION_SHARE if person in recent else calibration_share
        beyond = draw[person] - RECENT_TEST_SHARE  # whoever may not be tested is learned from, not calibrated on
        part_of[person] = TEST if person in tested else CALIBRATION if 0 <= beyond < share else TRAIN
    # without anybody to learn from there is no model: then the last one for calibration goes too
    for part, fewest in ((TRAIN, {CALIBRATION: 1, TEST: 2}), (CALIBRATION, {TRAIN: 2, TEST: 2})):
        held = {other: [p for p in by_draw if part_of[p] == other] for other in PARTS}
        giver = next((held[other] for other, least in fewest.items() if len(held[other]) >= least), None)
        if not held[part] and giver is not None:
            part_of[giver[-1]] = part
    return part_of


def _draw_of(person: str) -> float:
    """A number from 0 to 1 that is the person's at every split."""
    digest = hashlib.sha256(f"{_SEED} {person}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def patient_key(patient: str | None, record: str) -> str:
    """Who a record is about: its patient, or itself where the source names none."""
    return f"record {record}" if patient is None else f"patient {patient}"


def _until(pool: Sequence[str], sizes: dict[str, int], wanted: float) -> set[str]:
    """The first patients of `pool` whose records come nearest to `wanted`."""
    taken: set[str] = set()
    total = 0
    for patient in pool:
        if total + sizes[patient] / 2 > wanted:
            break
        taken.add(patient)
        total += sizes[patient]
    return taken


def folds_of(groups: Sequence[str], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each record, shape (records,); the records of one patient (group) stand in one."""
    _, place = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    order = np.random.default_rng(seed).permutation(int(place.max()) + 1)
    found: npt.NDArray[np.int64] = order[place] % min(folds, len(order))
    return found
