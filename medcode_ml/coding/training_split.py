"""Which labelled encounters a coding model learns from, is calibrated on and is tested with; frames only, no I/O."""

from __future__ import annotations

import pandas as pd

from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.coding.labelled.splitting import split_by_patient_and_time

TRAIN, CALIBRATION, TEST = "train", "calibration", "test"
PARTS = (TRAIN, CALIBRATION, TEST)
TEST_SHARE = 0.2
CALIBRATION_SHARE = 0.15
_SEED = 20261001


def split_encounters(
    encounters: pd.DataFrame, *, test_share: float = TEST_SHARE, calibration_share: float = CALIBRATION_SHARE
) -> pd.Series:
    """Say train, calibration or test for each of `encounters` (encounter_id, person_id, discharge_date).

    All encounters of a person are in one part, that of the last discharge: the latest persons are the test, those
    before them the calibration, and the model learns from the rest. So it is measured on people it has never seen, at a
    time it has not seen, as it will be used. The same encounters in another order are split alike.

    Args:
        encounters: encounter_id once each.
        test_share: of the encounters, above 0 and below 1.
        calibration_share: of the encounters; together with the test below 1.
    """
    if not (0 < test_share < 1 and calibration_share > 0 and test_share + calibration_share < 1):
        raise ValueError(
            f"test share {test_share} and calibration share {calibration_share} must be above 0 and together below 1"
        )
    columns = (encounters[c] for c in ("encounter_id", "person_id", "discharge_date"))
    notes = [
        LabelledNote(encounter, "", (), patient_id=person, discharge_date=day)
        for encounter, person, day in zip(*columns, strict=True)
    ]
    earlier, tested = split_by_patient_and_time(notes, test_share, _SEED)
    learned, calibrated = split_by_patient_and_time(earlier, calibration_share / (1 - test_share), _SEED)
    part_of = {
        note.record_id: part
        for part, own in ((TRAIN, learned), (CALIBRATION, calibrated), (TEST, tested))
        for note in own
    }
    parts = [part_of[encounter] for encounter in encounters["encounter_id"]]
    return pd.Series(parts, index=encounters.index, dtype=object)
