"""What a shadow run decides: coders' MS-DRGs against the shift, and where a version goes next; worked by hand."""

from __future__ import annotations

import pytest

from medcode_ml.lifecycle import next_step
from medcode_ml.models.warehouse.promotion import Gate
from medcode_ml.models.warehouse.shadow import AGREES, RAN, AgainstCoders, agreement_gate
from medcode_ml.models.warehouse.stages import CANDIDATE, CHAMPION, RETIRED, SHADOW

LEVEL = 0.05 / 14


def test_the_chance_is_that_of_mcnemars_exact_test() -> None:
    assert AgainstCoders(10, 5, 5, 0).chance(5) == pytest.approx(1 / 32)
    # 4 or more of 5 fall to one side: (5 + 1) / 32
    assert AgainstCoders(10, 5, 4, 1).chance(4) == pytest.approx(6 / 32)
    assert AgainstCoders(10, 5, 0, 0).chance(0) == 1.0, "where the two are never apart nothing is learned"


def test_the_least_gain_is_that_of_the_exact_interval() -> None:
    # all 5 of 5 won: the lower end is the fifth root of the level
    assert AgainstCoders(50, 5, 5, 0).least_gain(0.05) == pytest.approx((2 * 0.05**0.2 - 1) * 5 / 50)
    assert AgainstCoders(50, 5, 0, 5).least_gain(0.05) == pytest.approx(-5 / 50)
    assert AgainstCoders(50, 5, 0, 0).least_gain(0.05) == 0.0


@pytest.mark.parametrize(
    ("share", "coders", "passed"),
    [
        (0.04, AgainstCoders(), True),
        (0.12, AgainstCoders(), False),
        # many change, and the coders show that it is for the better
        (0.12, AgainstCoders(100, 30, 20, 4), True),
        # 15 to 5 may be chance, and yet loses no 5 of 100
        (0.12, AgainstCoders(100, 30, 15, 5), True),
        # 11 to 9 may lose 8 of 100
        (0.12, AgainstCoders(100, 30, 11, 9), False),
        # too few labelled encounters, however they fall
        (0.12, AgainstCoders(100, 19, 19, 0), False),
        # as many lost as won: it only pays otherwise (rule 43)
        (0.12, AgainstCoders(100, 60, 20, 20), False),
        # few change, and the coders show that it is for the worse
        (0.04, AgainstCoders(900, 30, 4, 20), False),
        (0.04, AgainstCoders(900, 30, 5, 15), True),
        (0.12, AgainstCoders(100, 0, 0, 0), False),
    ],
)
def test_many_changes_pass_only_where_the_coders_show_them_right(
    share: float, coders: AgainstCoders, passed: bool
) -> None:
    assert agreement_gate(share, 300, 0.05, coders, LEVEL).passed is passed


def test_the_gate_says_its_numbers() -> None:
    said = agreement_gate(0.12, 300, 0.05, AgainstCoders(100, 30, 20, 4), LEVEL).said
    assert said == (
        "12.0% of 300 encounters get another MS-DRG, at most 5.0%; of 30 of them that coders labelled 20 get the "
        "coders' MS-DRG by it and 4 lose it: +16.0% of 100, at worst +2.4%, above -5.0%"
    )
    assert agreement_gate(0.12, 300, 0.05, AgainstCoders(100, 8, 8, 0), LEVEL).said.endswith("20 are needed to tell")
    assert "worse with p = 0.021, not below 0.0036" in agreement_gate(
        0.04, 300, 0.05, AgainstCoders(100, 30, 5, 15), LEVEL
    ).said  # fmt: skip


def gates(**failed: str) -> list[Gate]:
    return [Gate(name, name not in failed, failed.get(name, "")) for name in ("enough_labels", RAN, AGREES)]


@pytest.mark.parametrize(
    ("stage", "failed", "days", "person", "to"),
    [
        (CANDIDATE, {}, 0, False, CHAMPION),
        (CANDIDATE, {}, 0, True, SHADOW),
        (CANDIDATE, {RAN: "0 days"}, 0, False, SHADOW),
        (CANDIDATE, {"enough_labels": "3"}, 0, False, None),
        (CANDIDATE, {"enough_labels": "3", RAN: "0 days"}, 0, False, None),
        (SHADOW, {RAN: "1 day"}, 1, False, SHADOW),
        (SHADOW, {}, 3, False, CHAMPION),
        (SHADOW, {}, 3, True, SHADOW),
        (SHADOW, {}, 99, True, SHADOW),
        (SHADOW, {AGREES: "shift"}, 13, False, SHADOW),
        (SHADOW, {AGREES: "shift"}, 14, False, RETIRED),
        (SHADOW, {AGREES: "shift"}, 14, True, RETIRED),
        # another champion since: its days beside that one count anew
        (SHADOW, {RAN: "1 day"}, 14, False, SHADOW),
        (SHADOW, {RAN: "1 day", AGREES: "shift"}, 14, False, SHADOW),
        (SHADOW, {"enough_labels": "3"}, 13, False, None),
        (SHADOW, {"enough_labels": "3"}, 14, False, RETIRED),
        (CHAMPION, {}, 3, False, None),
        (RETIRED, {}, 3, False, None),
    ],
)
def test_where_a_version_goes_next(stage: str, failed: dict[str, str], days: int, person: bool, to: str | None) -> None:
    step = next_step("v", stage, gates(**failed), days=days, most_days=14, person=person)
    assert step.to == to
    assert all(name in step.said for name in failed)
