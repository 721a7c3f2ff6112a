"""What a simulated network is made of: seed, size, days, and the switches that let the world change on a day."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

#: Changes whenever the same configuration would give other bytes, so that an old delivery is not taken for a new one.
GENERATOR = "medcode simulated hospital network 4"


class SimulationError(ValueError):
    """A configuration that cannot be simulated; the message says what to change."""


@dataclass(frozen=True)
class DiseaseWave:
    """From `from_day` (received) on, `share` of the encounters tell the scenario `scenario`.

    Those of `scenarios.outbreaks` never come without a wave: no model has seen their codes before.
    """

    scenario: str
    share: float
    from_day: date


@dataclass(frozen=True)
class NetworkConfig:
    """Configuration of the simulated network; days are received dates.

    Switches and what shifts from their day on (`None`: from the first day):
    `note_style="new"` new headings and bullets, and conditions named in other words (`new_words`), as by physicians
    trained elsewhere; `scanner="worse"` more noise, blur and faint pages, all from a worn machine (coarse, streaked);
    `code_release_shift` conditions whose codes changed on 1 October 2026 come three times as often (a patient mix in
    which the new release shows).
    """

    seed: int = 20261001
    encounters: int = 360
    first_day: date = date(2026, 9, 21)
    last_day: date = date(2026, 10, 18)
    scanned_pages: int = 80
    planted_faults: bool = True
    note_style: Literal["classic", "new"] = "classic"
    note_style_day: date | None = None
    disease_wave: DiseaseWave | None = None
    scanner: Literal["normal", "worse"] = "normal"
    scanner_day: date | None = None
    code_release_shift: bool = False
    code_release_shift_day: date | None = None

    def __post_init__(self) -> None:
        if self.encounters < 1:
            raise SimulationError(f"encounters is {self.encounters}: simulate at least one encounter")
        if self.first_day > self.last_day:
            raise SimulationError(f"first_day {self.first_day} is after last_day {self.last_day}: swap them")
        if self.scanned_pages < 0:
            raise SimulationError(f"scanned_pages is {self.scanned_pages}: it cannot be below 0")
        if self.disease_wave is not None and not 0 < self.disease_wave.share <= 1:
            raise SimulationError(f"the share of the disease wave is {self.disease_wave.share}: choose above 0 up to 1")

    def as_dict(self) -> dict[str, Any]:
        """The configuration as plain values, dates as YYYY-MM-DD."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return plain

    def digest(self) -> str:
        """Hash of generator and configuration: equal digests give equal deliveries, byte for byte."""
        return hashlib.sha256(json.dumps([GENERATOR, self.as_dict()], sort_keys=True).encode()).hexdigest()


def shifted(switched: bool, shift_day: date | None, day: date) -> bool:
    """True where a switch is on and its day has come."""
    return switched and (shift_day is None or day >= shift_day)
