"""Parameters of a fitting are refused by name and value, with what to choose instead."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from medcode_ml.models.limits import Limits, check_names, check_numbers, check_whole


class RefusedError(ValueError):
    """The caller's own error."""


@pytest.mark.parametrize(
    ("limits", "inside", "outside", "words"),
    [
        (Limits(least=0), (0, 0.5, 1e9), (-1e-9,), "from 0 on"),
        (Limits(above=0), (1e-9, 3), (0, -1), "above 0"),
        (Limits(above=0, most=1), (0.1, 1), (0, 1.01), "above 0, at most 1"),
        (Limits(least=0, below=1), (0, 0.99), (1, -0.1), "from 0 on, below 1"),
        (Limits(above=0, below=1), (0.5,), (0, 1), "above 0, below 1"),
    ],
)
def test_limits(limits: Limits, inside: tuple[float, ...], outside: tuple[float, ...], words: str) -> None:
    assert all(limits.hold(value) for value in inside)
    assert not any(limits.hold(value) for value in outside)
    assert str(limits) == words


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5", None, True])
def test_what_is_no_number_is_within_no_limits(value: object) -> None:
    """Truth values and text are mistakes of a file of parameters; infinity and nan would fit nothing."""
    assert not Limits(least=0).hold(value)
    with pytest.raises(RefusedError, match=r"network\.rate is .*: choose a number from 0 on"):
        check_numbers(SimpleNamespace(rate=value), {"rate": Limits(least=0)}, RefusedError, "network.")


@pytest.mark.parametrize("value", [1, 2.0, True, "3"])
def test_whole_numbers(value: object) -> None:
    with pytest.raises(RefusedError, match=r"folds is .*: choose a whole number from 2 on"):
        check_whole(SimpleNamespace(folds=value), {"folds": 2}, RefusedError)
    check_whole(SimpleNamespace(folds=2), {"folds": 2}, RefusedError)


def test_names() -> None:
    check_names(["a"], ["b", "a"], "the trees", RefusedError)
    with pytest.raises(RefusedError, match="no parameter 'c', 'd' of the trees; choose among a, b"):
        check_names(["d", "a", "c"], ["b", "a"], "the trees", RefusedError)
