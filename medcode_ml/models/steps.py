"""The bar over the named steps of a training."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def steps(names: Sequence[str], progress: bool) -> Iterator[Callable[[str], None]]:
    """Show how far a training is: the function that is given is called with the name of each step as it begins.

    Args:
        names: every step, in the order they are taken; some may be passed over.
        progress: show the bar.
    """
    with tqdm(total=len(names), unit="step", disable=not progress, file=sys.stderr) as bar:

        def step(name: str) -> None:
            bar.set_description(name)
            bar.update(names.index(name) - bar.n)

        yield step
        bar.update(len(names) - bar.n)
