"""What is rehearsed: which world changes on which day, and how it is delivered. Pure; no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from medcode_ml.simulation.config import DiseaseWave, NetworkConfig

NOTE_STYLE, DISEASE_WAVE, SCANNER, CODE_RELEASE, NONE = "note_style", "disease_wave", "scanner", "code_release", "none"
SHIFTS: Final = (NOTE_STYLE, DISEASE_WAVE, SCANNER, CODE_RELEASE, NONE)
#: records received from then on were discharged in the release of April 2026, the slowest of them five days before
_EARLIEST: Final = date(2026, 4, 6)
#: the last day before any record of the release of October 2026 is received
_BEFORE_OCTOBER: Final = date(2026, 10, 2)
#: the day on which the world changes: within one release, so that nothing but the shift is new
_SHIFT_DAY: Final = date(2026, 7, 6)
#: first day on which records discharged in the release of October 2026 are received
_RELEASE_DAY: Final = date(2026, 10, 3)
_LAST: Final = date(2026, 11, 21)
#: days after the shift that are simulated at least: a rehearsal may go on with more days than it began with
_DRAWN: Final = 28
# an outbreak of what the model has never seen: one of a known disease costs it nothing
_WAVE, _WAVE_SHARE = "vaping_lung_outbreak", 0.25
#: encounters with fewer no champion is trained: half of the codes would stand in one encounter alone
_FEWEST: Final = 250


class RehearsalError(ValueError):
    """A rehearsal cannot be held as asked, or did not close its loop: says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """One rehearsal.

    Attributes:
        shift: what changes, one of `SHIFTS`.
        days_before: received days before the change; the first ones teach the first champion.
        quiet: the last of them, on which the champion works in a world that it knows.
        days_after: received days from the change on.
        a_day: encounters a day, about.
        scans: of them with a scanned page, about.
        seed: of the simulated network.
        parameters: of the first champion's training, over its defaults; retrained models take them over.
    """

    shift: str = NOTE_STYLE
    days_before: int = 30
    quiet: int = 6
    days_after: int = 14
    a_day: int = 40
    scans: int = 0
    seed: int = 7
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.shift not in SHIFTS:
            raise RehearsalError(f"there is no shift {self.shift!r}: choose one of {', '.join(SHIFTS)}")
        if not 1 <= self.quiet < self.days_before:
            raise RehearsalError(
                f"{self.quiet} quiet days of {self.days_before} before the shift: at least one, and fewer than all"
            )
        if self.days_after < 1:
            raise RehearsalError(f"{self.days_after} days after the shift: at least one")
        if self.scans < 0 or self.scans > self.a_day:
            raise RehearsalError(f"{self.scans} scans of {self.a_day} encounters a day: choose from 0 to {self.a_day}")
        if self.shift == SCANNER and not self.scans:
            raise RehearsalError("a worse scanner shows on scanned pages alone: give --scans, such as 12 a day")
        if (learned := (self.days_before - self.quiet) * self.a_day) < _FEWEST:
            raise RehearsalError(
                f"about {learned} encounters to learn from, {_FEWEST} are wanted: raise --days-before or --a-day"
            )
        if self.first_day < _EARLIEST:
            most = (self.shift_day - _EARLIEST).days
            raise RehearsalError(f"at most {most} days before the shift, or an older code set release is in them")
        last = _LAST if self.shift == CODE_RELEASE else _BEFORE_OCTOBER
        if self.last_day > last:
            most = (last - self.shift_day).days + 1
            raise RehearsalError(f"at most {most} days after the shift: those of the simulated network end there")

    @property
    def shift_day(self) -> date:
        """First received day of the changed world; of `none`, the day on which it would have changed."""
        return _RELEASE_DAY if self.shift == CODE_RELEASE else _SHIFT_DAY

    @property
    def first_day(self) -> date:
        """First received day."""
        return self.shift_day - timedelta(days=self.days_before)

    @property
    def learned_until(self) -> date:
        """Last received day that the first champion is made from."""
        return self.shift_day - timedelta(days=self.quiet + 1)

    @property
    def last_day(self) -> date:
        """Last received day."""
        return self.shift_day + timedelta(days=self.days_after - 1)

    @property
    def nights(self) -> list[date]:
        """Days that are delivered one after the other, the daemon at work: quiet ones, then those after the shift."""
        first = self.learned_until + timedelta(days=1)
        return [first + timedelta(days=n) for n in range((self.last_day - first).days + 1)]

    def network(self) -> NetworkConfig:
        """The simulated network (synthetic): all days, some more after them, and the switch that changes its world."""
        after = max(self.days_after, _DRAWN)
        days = self.days_before + after
        common: dict[str, Any] = {
            "seed": self.seed, "encounters": self.a_day * days, "first_day": self.first_day,
            "last_day": self.shift_day + timedelta(days=after - 1), "scanned_pages": self.scans * days,
            "planted_faults": False,
        }  # fmt: skip
        switches: dict[str, dict[str, Any]] = {
            NOTE_STYLE: {"note_style": "new", "note_style_day": self.shift_day},
            DISEASE_WAVE: {"disease_wave": DiseaseWave(_WAVE, _WAVE_SHARE, self.shift_day)},
            SCANNER: {"scanner": "worse", "scanner_day": self.shift_day},
            # what is coded otherwise in the new release comes more often, or it would hardly show
            CODE_RELEASE: {"code_release_shift": True, "code_release_shift_day": self.shift_day},
            NONE: {},
        }
        return NetworkConfig(**common, **switches[self.shift])

    def goes_on(self, before: Plan) -> bool:
        """Whether it is `before`, with as many days after the shift or more, on the same network."""
        same = replace(before, days_after=self.days_after) == self and self.network() == before.network()
        return same and self.days_after >= before.days_after

    def to_json(self) -> str:
        """The plan as JSON."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Plan:
        """The plan that `to_json` wrote.

        Raises:
            RehearsalError: it is none.
        """
        try:
            return Plan(**json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            raise RehearsalError(
                "the plan of the rehearsal cannot be read: remove its folder and begin anew"
            ) from error
