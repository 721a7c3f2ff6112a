"""Which labelled encounters a model learns from, is calibrated on and is tested with; frames only, no I/O.

No patient stands on two sides, and the later ones are held out: a model is measured on people it has never seen, at a
time it has not seen, as it will be used.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

TRAIN, CALIBRATION, TEST = "train", "calibration", "test"
PARTS: Final = (TRAIN, CALIBRATION, TEST)
TEST_SHARE: Final = 0.2
CALIBRATION_SHARE: Final = 0.15
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
    encounters: pd.DataFrame, *, test_share: float = TEST_SHARE, calibration_share: float = CALIBRATION_SHARE
) -> pd.Series:
    """Say train, calibration or test for each of `encounters` (encounter_id, person_id, discharge_date).

    All encounters of a person are in one part, that of the last discharge: the latest persons are the test, those
    before them the calibration, and the model learns from the rest. The same encounters in another order are split
    alike.

    Args:
        encounters: encounter_id once each; an encounter without a person is its own.
        test_share: of the encounters, above 0 and below 1.
        calibration_share: of the encounters; together with the test below 1.
    """
    if not (0 < test_share < 1 and calibration_share > 0 and test_share + calibration_share < 1):
        raise ValueError(
            f"test share {test_share} and calibration share {calibration_share} must be above 0 and together below 1"
        )
    people = [patient_key(p, e) for p, e in zip(encounters["person_id"], encounters["encounter_id"], strict=True)]
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
