"""How far the probabilities of listed codes lie from what the coders gave: the Brier score, a proper one.

Nobody lowers its expectation by saying anything but what is believed (Brier 1950), so it falls where probabilities come
to mean what they say, which figures of accepted codes do not see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from medcode_ml.coding.figures.marked import Floats, PredictedCode
from medcode_ml.coding.labelled.note import LabelledNote

Predicted = Mapping[str, Sequence[PredictedCode]]


def squared_errors(gold: Sequence[LabelledNote], coders: Sequence[Predicted]) -> tuple[Floats, Floats]:
    """Squared errors of the probabilities of several coders on the same codes, summed by note.

    A note's codes are those that any of the coders lists; who does not list one gives it the probability 0, so that
    nobody gains by listing more or less than another. True codes that none of them lists would cost all of them alike
    and are left out, as disputed codes are.

    Args:
        gold: notes with their true codes, each record_id once.
        coders: of each coder every listed code by record_id, its score a probability; of a code listed twice the best.

    Returns:
        The sums, shape (coders, notes), and the number of codes, shape (notes,): sums over sums are the Brier score.
    """
    errors, codes = np.zeros((len(coders), len(gold))), np.zeros(len(gold))
    for number, note in enumerate(gold):
        true = set(note.codes)
        disputed = set(note.disputed) - true
        lists = [_chances(predicted.get(note.record_id, ()), disputed) for predicted in coders]
        together = dict.fromkeys(code for own in lists for code in own)
        codes[number] = len(together)
        for place, own in enumerate(lists):
            errors[place, number] = sum((own.get(code, 0.0) - (code in true)) ** 2 for code in together)
    return errors, codes


def _chances(listed: Sequence[PredictedCode], disputed: set[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in listed:
        if one.code not in disputed:
            found[one.code] = max(one.score, found.get(one.code, 0.0))
    return found
