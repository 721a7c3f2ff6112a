"""Listwise losses, one a file, of one signature: `loss(scores, gains, mask)`. Imports torch: import it late.

scores, gains: float tensors (lists, longest); mask: bool of the same shape, True on real rows. What stands on padding
is never looked at. Returned is a scalar: the mean over the lists that have something to teach, 0 where none has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch

from medcode_ml.ranking.losses.approx_ndcg import approx_ndcg
from medcode_ml.ranking.losses.lambda_loss import lambda_loss
from medcode_ml.ranking.losses.listmle import listmle
from medcode_ml.ranking.losses.softmax import softmax

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

LOSSES: Final[Mapping[str, Loss]] = {
    "approx_ndcg": approx_ndcg,
    "lambda": lambda_loss,
    "listmle": listmle,
    "softmax": softmax,
}
READ_ONLY_THE_ORDER: Final = frozenset({"listmle"})
"""Losses that look at which gain is greater, not at how great it is: they learn most from one that tells all places."""
