"""The frames of a batch of stays as ranking takes them: from the database, from lines, or from labelled files."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class RankingFrames:
    """Stays and what is known of them; every frame has `encounter_id`. Columns as `batch.rank_batch` says.

    Attributes:
        encounters: one row a stay; `patient_id` and `hospital_id` where training or figures keep patients together.
        codes: the codes of each stay in any order; with `frames.PLACE` in labelled stays.
        procedures, medications, microbiology, units, services: None where nothing of the kind is known.
    """

    encounters: pd.DataFrame
    codes: pd.DataFrame
    procedures: pd.DataFrame | None = None
    medications: pd.DataFrame | None = None
    microbiology: pd.DataFrame | None = None
    units: pd.DataFrame | None = None
    services: pd.DataFrame | None = None

    def context(self) -> dict[str, pd.DataFrame | None]:
        """The frames besides encounters and codes, by the argument of `rank_batch` that takes them."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("encounters", "codes")}

    def of(self, encounters: pd.Series[Any] | list[Any]) -> RankingFrames:
        """The frames of the chosen encounters (their ids), in the order of `self.encounters`."""
        chosen = set(encounters)

        def kept(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[frame["encounter_id"].isin(chosen)].reset_index(drop=True)

        held = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: kept(frame) for name, frame in held.items() if frame is not None})
