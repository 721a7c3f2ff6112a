"""The 837 files of a day that were sent before its claims are written again: they stay, whatever the day says now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.claims import ClaimFrames
from medcode_ml.billing.gathering import none_of, one_of
from medcode_ml.billing.sent import contents, sent_files
from medcode_ml.billing.x12.loops import VOID
from medcode_ml.contracts import billed
from medcode_ml.store.frames import clear_partition, copy_in, read_partition


@dataclass(frozen=True)
class FilesBefore:
    """Rows of billed.interchange of the files of `day` that were sent."""

    day: date
    files: pd.DataFrame

    @classmethod
    def of(cls, connection: sa.Connection, day: date) -> FilesBefore:
        """Look which files of `day` were sent."""
        numbers = {number for _, number in sent_files(connection, [day])}
        rows = read_partition(connection, billed.interchange, day)
        return cls(day, rows[rows["control_number"].isin(numbers)])

    def clear_others(self, connection: sa.Connection) -> None:
        """Remove the rows of all other files of the day, before they are written anew."""
        clear_partition(connection, billed.interchange, self.day)
        copy_in(connection, billed.interchange, self.files)
        member = billed.interchange_claim.c
        goes = none_of(member.control_number, self._numbers)
        connection.execute(sa.delete(billed.interchange_claim).where(member.received_date == self.day, goes))

    def sequences(self) -> dict[tuple[str, str], int]:
        """Sequence of the last file of each payer and claim type."""
        last: dict[tuple[str, str], int] = {}
        for payer, kind, sequence in self.files[["payer_id", "claim_type", "sequence"]].itertuples(index=False):
            last[payer, kind] = max(int(sequence), last.get((payer, kind), 0))
        return last

    def paths(self) -> list[str]:
        """The files, from the outbox on."""
        return [str(file) for file in self.files["file"]]

    def without_sent(self, connection: sa.Connection, frames: ClaimFrames, claims: pd.DataFrame) -> pd.DataFrame:
        """The claims without those that a file carries as they are now."""
        if self.files.empty:
            return claims
        carried = self._carried(connection, claims["encounter_id"].tolist())
        own = claims[(claims["status"] == "ready") & claims["encounter_id"].isin(carried)]
        now = contents(frames, own)
        as_sent = {
            key
            for key, frequency, number in own[["encounter_id", "frequency_code", "payer_control_number"]].itertuples(
                index=False
            )
            if carried[key][:2] == (frequency, number)
            and (frequency == VOID or carried[key][2] in (None, now.get(key)))
        }
        return claims[~claims["encounter_id"].isin(as_sent)]

    @property
    def _numbers(self) -> list[str]:
        return [str(number) for number in self.files["control_number"]]

    def _carried(self, connection: sa.Connection, encounter_ids: list[str]) -> dict[str, tuple[Any, ...]]:
        """Frequency, payer's control number and content of the claims as they were sent last."""
        member = billed.interchange_claim.c
        query = (
            sa.select(member.encounter_id, member.frequency_code, member.payer_control_number, member.content_sha256)
            .where(member.received_date == self.day, one_of(member.control_number, self._numbers))
            .where(one_of(member.encounter_id, encounter_ids))
            .order_by(member.sequence)
        )
        return {row[0]: tuple(row[1:]) for row in connection.execute(query)}
