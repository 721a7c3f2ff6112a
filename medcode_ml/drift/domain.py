"""A classifier that tells the window's documents from the reference's; how well it can is how far they are apart.

It names what is new: ids of the documents most typical of the window and, of the words that tell, the public ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.drift.sketch import Floats
from medcode_ml.drift.words import UNLISTED, count_words, named

FOLDS: Final = 5
_LEAST_DOCUMENTS: Final = 3
"""A word in fewer documents of both together is no feature."""
_EXEMPLARS, _TELLING = 5, 8
_C: Final = 0.05
"""Strength of the classifier's regularisation: there are far more words than documents."""


@dataclass(frozen=True)
class Told:
    """AUC of telling the window from the reference, by documents held out, with its 95% interval (DeLong)."""

    auc: float
    low: float
    high: float
    p_value: float
    statistic: float
    exemplars: tuple[str, ...] = ()
    words: tuple[tuple[str, float], ...] = field(default=())


def tell_apart(reference: Sequence[str], window: Sequence[str], ids: Sequence[str], seed: int = 0) -> Told | None:
    """Train on texts of both sides, one document an encounter; None where either has fewer than two a fold.

    Args:
        reference: texts. window: texts. ids: document ids of the window's texts, for the exemplars. seed: of the folds.
    """
    if min(len(reference), len(window)) < 2 * FOLDS:
        return None
    from scipy.stats import norm
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    words = count_words([*reference, *window])
    held = (words.counts > 0).astype(np.float32)
    kept = np.flatnonzero(np.asarray(held.sum(0)).ravel() >= _LEAST_DOCUMENTS)
    new = np.repeat([0, 1], [len(reference), len(window)])
    if not len(kept):
        return None
    features = held[:, kept].tocsr()
    scores = np.zeros(len(new))
    telling = np.zeros(len(kept))
    for learn, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, new):
        model = LogisticRegression(C=_C, solver="liblinear", class_weight="balanced").fit(features[learn], new[learn])
        scores[test] = model.decision_function(features[test])
        telling += model.coef_[0] / FOLDS
    n, m = int(new.sum()), int((1 - new).sum())
    auc, error = delong(scores[new == 1], scores[new == 0])
    # tested with the error that scores of one distribution have (Mann-Whitney): DeLong's is 0 for a perfect classifier
    z = (auc - 0.5) / float(np.sqrt((n + m + 1) / (12 * n * m)))
    most = np.argsort(-scores[new == 1], kind="stable")[:_EXEMPLARS]
    by_word: dict[str, float] = {}
    for place in np.argsort(-telling, kind="stable")[:_TELLING]:
        word = named(str(words.words[kept[place]]))
        by_word[word] = max(by_word.get(word, 0.0), round(float(telling[place]), 3))
    return Told(
        auc, max(0.0, auc - 1.96 * error), min(1.0, auc + 1.96 * error), float(norm.sf(z)), z,
        tuple(ids[n] for n in most), tuple(sorted(by_word.items(), key=lambda item: (item[0] == UNLISTED, -item[1]))),
    )  # fmt: skip


def delong(positive: npt.ArrayLike, negative: npt.ArrayLike) -> tuple[float, float]:
    """AUC and its standard error (DeLong, DeLong and Clarke-Pearson 1988) from scores of both classes, by ranks."""
    from scipy.stats import rankdata

    x, y = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    n, m = len(x), len(y)
    both: Floats = rankdata(np.concatenate([x, y]))
    of_x = (both[:n] - rankdata(x)) / m
    of_y = 1 - (both[n:] - rankdata(y)) / n
    return float(of_x.mean()), float(np.sqrt(of_x.var(ddof=1) / n + of_y.var(ddof=1) / m))
