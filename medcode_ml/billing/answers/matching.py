"""Answers matched to our claims: by patient control number, payer and charge; sets by their control numbers.

Every row of an answer gets an outcome with its reasons; none is dropped. Rows whose envelope is broken are refused,
claims that do not balance are unbalanced, whoever they belong to: neither is posted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pandas as pd

from medcode_ml.billing.answers.frames import MATCHED, Answers
from medcode_ml.billing.answers.values import ZERO, dollars, same_number

CLAIM_COLUMNS = ("claim_number", "payer_id", "total_charge")
"""Columns that `claims` must have: CLM01, the payer as our 837 names it, CLM02."""
MORE_CLAIM_COLUMNS = ("encounter_id", "payer_name", "control_number", "set_control_number", "sent_on", "sent")
"""Columns that `claims` may have: interchange control number and ST02 of the 837 the claim went out in, its day, and
whether it went out at all; without `sent` all did."""


class ClaimsError(ValueError):
    """The frame of our claims cannot be used."""


@dataclass(frozen=True)
class Matched:
    """Answers whose acknowledgements, claim statuses, remittances and their claims carry the columns of `MATCHED`."""

    answers: Answers

    def claims(self, outcome: str) -> pd.DataFrame:
        """Remittance claims of one outcome: matched, unmatched, unbalanced, refused or repeated."""
        frame = self.answers.remittance_claims
        return frame[frame["outcome"] == outcome]

    @property
    def counts(self) -> dict[str, int]:
        """Remittance claims by outcome; together they are all that came in."""
        return {str(k): int(v) for k, v in self.answers.remittance_claims["outcome"].value_counts().items()}


class OurClaims:
    """Our claims by their number and interchange; made once for all the parts of a stream."""

    def __init__(self, claims: pd.DataFrame, aliases: Mapping[str, str] | None = None) -> None:
        """See `match` for `claims` and `aliases`.

        Raises:
            ClaimsError: `claims` lacks a column, or an amount is a float.
        """
        missing = [c for c in CLAIM_COLUMNS if c not in claims.columns]
        if missing:
            raise ClaimsError(f"claims: {', '.join(missing)} missing; the frame needs {', '.join(CLAIM_COLUMNS)}")
        self._aliases = {_plain(k): _plain(v) for k, v in (aliases or {}).items()}
        self.by_number: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.by_group: dict[str, list[dict[str, Any]]] = defaultdict(list)
        wanted = [*CLAIM_COLUMNS, *(c for c in MORE_CLAIM_COLUMNS if c in claims.columns)]
        values = [claims[c].astype(object).where(claims[c].notna(), None).tolist() for c in wanted]
        for row in zip(*values, strict=True):
            claim = dict(zip(wanted, row, strict=True))
            if not isinstance(claim["total_charge"], Decimal | None):
                raise ClaimsError("claims: total_charge must be a Decimal, never a float (rule 34)")
            self.by_number[str(claim["claim_number"])].append(claim)
            if claim.get("control_number"):
                self.by_group[_number(str(claim["control_number"]))].append(claim)

    def of_payer(
        self, claims: list[dict[str, Any]], ids: Iterable[str | None], name: str | None
    ) -> list[dict[str, Any]]:
        """Those of `claims` that went to a payer known by one of `ids`, or by its name where no identifier tells."""
        known = {_plain(i) for i in ids if i}
        known |= {self._aliases[i] for i in known if i in self._aliases}
        by_id = [c for c in claims if c["payer_id"] and _plain(str(c["payer_id"])) in known]
        if by_id or not name:
            return by_id
        named = {_plain(name), self._aliases.get(_plain(name), "")}
        return [
            c for c in claims
            if _plain(str(c.get("payer_name") or "")) == _plain(name) or _plain(str(c["payer_id"] or "")) in named
        ]  # fmt: skip


def _plain(written: str) -> str:
    return " ".join(written.upper().split())


def _number(written: str) -> str:
    return str(int(written)) if written.isascii() and written.isdigit() else written


def match(answers: Answers, claims: pd.DataFrame | OurClaims, aliases: Mapping[str, str] | None = None) -> Matched:
    """Match what a file says to our claims.

    Args:
        answers: what `read_answers` or `stream_answers` gave; rows that `mark_repeated` marked as repeated stay so.
        claims: one row for each claim that went to a payer, columns `CLAIM_COLUMNS` and any of `MORE_CLAIM_COLUMNS`;
            or the `OurClaims` made of them, for the parts of a stream.
        aliases: identifiers (or names) as payers write them in answers, each with our payer_id.

    Raises:
        ClaimsError: `claims` lacks a column, or an amount is a float.
    """
    ours = claims if isinstance(claims, OurClaims) else OurClaims(claims, aliases)
    return Matched(
        replace(
            answers,
            remittance_claims=_with_outcomes(answers.remittance_claims, _remittances(answers.remittance_claims, ours)),
            claim_statuses=_with_outcomes(answers.claim_statuses, _statuses(answers.claim_statuses, ours)),
            remittances=_with_outcomes(answers.remittances, _payments(answers.remittances)),
            acknowledgements=_with_outcomes(answers.acknowledgements, _sets(answers.acknowledgements, ours)),
        )
    )


Outcome = tuple[str, list[str], str | None, str | None]
_MATCHED: Outcome = ("matched", [], None, None)
_NOT_SENT = "not sent: our claim with this control number is held, it never went out from here"


def _unmatched(because: str) -> Outcome:
    return "unmatched", [because], None, None


def _with_outcomes(frame: pd.DataFrame, outcomes: list[Outcome]) -> pd.DataFrame:
    """Add the columns of `MATCHED`; a row that is marked as repeated keeps its mark."""
    if "outcome" in frame.columns:
        marks = frame[["outcome", "because"]].itertuples(index=False)
        outcomes = [
            (str(mark[0]), mark[1], None, None) if mark[0] == "repeated" else own
            for mark, own in zip(marks, outcomes, strict=True)
        ]
    made = frame.drop(columns=[c for c in MATCHED if c in frame.columns]).copy()
    for place, column in enumerate(MATCHED):
        made[column] = pd.Series([o[place] for o in outcomes], index=made.index, dtype=object)
    return made


# 835 ------------------------------------------------------------------------------------------------------------------


def _remittances(frame: pd.DataFrame, ours: OurClaims) -> list[Outcome]:
    rows = frame.to_dict("records")
    parts = _parts_of_split_claims(rows, ours)
    return [_remittance(row, ours, parts) for row in rows]


def _parts_of_split_claims(rows: list[dict[str, Any]], ours: OurClaims) -> set[str]:
    """Claims that a payer split: several with one control number, other payer control numbers, our charge in sum."""
    by_number: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["status"] != "reversal" and row["control_number"] in ours.by_number and row["charge"] is not None:
            by_number[row["control_number"], tuple(row["payer_ids"])].append(row)
    found: set[str] = set()
    for (number, _), some in by_number.items():
        different = {row["payer_control_number"] for row in some}
        charge = sum((row["charge"] for row in some), ZERO)
        if (
            len(some) > 1
            and len(different) == len(some)
            and any(claim["total_charge"] == charge for claim in ours.by_number[number])
        ):
            found |= {row["remittance_claim_id"] for row in some}
    return found


def _remittance(row: dict[str, Any], ours: OurClaims, parts: set[str]) -> Outcome:
    claim, unmatched = _our_claim(row, ours, parts)
    number, encounter = (str(claim["claim_number"]), claim.get("encounter_id")) if claim else (None, None)
    if row["envelope_faults"]:
        return "refused", list(row["envelope_faults"]), number, encounter
    faults = [*row["faults"], *row["payment_faults"]]
    if faults:
        return "unbalanced", [*faults, *unmatched], number, encounter
    return ("unmatched" if unmatched else "matched"), unmatched, number, encounter


def _our_claim(row: dict[str, Any], ours: OurClaims, parts: set[str]) -> tuple[dict[str, Any] | None, list[str]]:
    """The claim an answer belongs to, or why there is none."""
    candidates = ours.by_number.get(row["control_number"] or "", [])
    if not candidates:
        return None, ["unknown control number: no claim of ours has the CLP01 of this one"]
    candidates = [c for c in candidates if c.get("sent", True)]
    if not candidates:
        return None, [_NOT_SENT]
    of_payer = ours.of_payer(candidates, row["payer_ids"], row["payer_name"])
    if not of_payer:
        return None, ["another payer: our claim with this control number did not go to the payer of this payment"]
    if row["remittance_claim_id"] in parts:
        same = of_payer
    else:
        charge = row["charge"]
        told = -charge if row["status"] == "reversal" and charge is not None and charge < 0 else charge
        same = [c for c in of_payer if c["total_charge"] == told]
        if not same:
            sent = ", ".join(sorted({dollars(c["total_charge"]) for c in of_payer if c["total_charge"] is not None}))
            answered = "no amount" if told is None else dollars(told)
            return None, [f"another amount: CLP03 is {answered}, we sent {sent or 'none'}"]
    if len({_identity(c) for c in same}) > 1:
        return None, [f"ambiguous: {len(same)} claims of ours have this control number, payer and charge"]
    return same[0], []


def _identity(claim: dict[str, Any]) -> tuple[str, str]:
    return str(claim["claim_number"]), str(claim.get("encounter_id"))


def _payments(frame: pd.DataFrame) -> list[Outcome]:
    """A payment is read, unbalanced or refused; its claims are what is matched."""
    return [
        ("refused", list(row["envelope_faults"]), None, None) if row["envelope_faults"]
        else ("read", [], None, None) if row["balanced"]
        else ("unbalanced", list(row["faults"]), None, None)
        for row in frame.to_dict("records")
    ]  # fmt: skip


# 277CA ----------------------------------------------------------------------------------------------------------------


def _statuses(frame: pd.DataFrame, ours: OurClaims) -> list[Outcome]:
    return [_status(row, ours) for row in frame.to_dict("records")]


def _status(row: dict[str, Any], ours: OurClaims) -> Outcome:
    if row["envelope_faults"]:
        return "refused", list(row["envelope_faults"]), None, None
    if row["level"] not in ("claim", "line"):
        number = str(row["batch_number"] or "")
        # the batch number is BHT03 of our 837: interchange control number and ST02
        known = any(number.startswith(str(c["control_number"])) for c in ours.by_group.get(_number(number[:9]), []))
        return _MATCHED if known else _unmatched("unknown batch: no 837 of ours has this BHT03")
    candidates = ours.by_number.get(row["control_number"] or "", [])
    if not candidates:
        return _unmatched("unknown control number: no claim of ours has the TRN02 of this one")
    candidates = [c for c in candidates if c.get("sent", True)]
    if not candidates:
        return _unmatched(_NOT_SENT)
    of_payer = ours.of_payer(candidates, [row["source_id"]], row["source_name"]) or candidates
    if row["level"] == "claim" and row["charge"] is not None:
        same = [c for c in of_payer if c["total_charge"] == row["charge"]]
        if not same:
            return _unmatched(f"another amount: STC04 is {dollars(row['charge'])}, not our charge")
        of_payer = same
    if len({_identity(c) for c in of_payer}) > 1:
        return _unmatched(f"ambiguous: {len(of_payer)} claims of ours have this control number")
    return "matched", [], str(of_payer[0]["claim_number"]), of_payer[0].get("encounter_id")


# 999 ------------------------------------------------------------------------------------------------------------------


def _sets(frame: pd.DataFrame, ours: OurClaims) -> list[Outcome]:
    return [_set(row, ours) for row in frame.to_dict("records")]


def _set(row: dict[str, Any], ours: OurClaims) -> Outcome:
    if row["envelope_faults"]:
        return "refused", list(row["envelope_faults"]), None, None
    number = row["interchange_control_number"] if row["level"] == "interchange" else row["group_control_number"]
    claims = ours.by_group.get(_number(number or ""), [])
    if not claims:
        return _unmatched(f"unknown {row['level'].replace('_', ' ')}: we sent no 837 with this control number")
    if row["level"] == "transaction_set":
        known = {str(c["set_control_number"]) for c in claims if c.get("set_control_number")}
        if known and not any(same_number(str(row["set_control_number"]), one) for one in known):
            return _unmatched("unknown transaction set: our 837 has none with this control number (ST02)")
    return _MATCHED
