"""Which contract a payer pays by: the payer book, filled from a payers file by `load_payers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from medcode_ml.billing.payers_file import PayersFileError, read_payers
from medcode_ml.billing.pricing.terms import Contract

__all__ = ["PayerBook", "PayersFileError", "UnknownPayer", "load_payers"]

SAMPLE = "payers.yaml"
SELF_PAY = "self_pay"


@dataclass(frozen=True, slots=True)
class UnknownPayer:
    """Why no contract was found, as a sentence."""

    why: str


@dataclass(frozen=True)
class PayerBook:
    """Contracts by name, and the contract and own days for filing of each payer that the file names."""

    contracts: Mapping[str, Contract]
    payers: Mapping[str, str]
    file: str
    filing_days: Mapping[str, int] = field(default_factory=dict)

    def timely_filing_days(self, payer_id: str | None, contract: Contract) -> int | None:
        """Days after discharge that a payer takes claims: its own, else the contract's; None where neither says."""
        return self.filing_days.get(payer_id or "", contract.timely_filing_days)

    def contract_of(self, payer_id: str | None, kind: str | None, contract: str | None) -> Contract | UnknownPayer:
        """Return the contract a claim is priced by.

        The contract named with the payer decides; without one the payers file's entry for the payer does, and last the
        first contract for the payer's kind (medicare, medicaid, commercial).
        """
        if contract:
            found = self._named(contract)
            return found or UnknownPayer(
                f"Contract {contract} is not in {self.file}, which has {', '.join(sorted(self.contracts))}."
            )
        if payer_id and payer_id in self.payers:
            return self.contracts[self.payers[payer_id]]
        for candidate in self.contracts.values():
            if kind and kind in candidate.kinds:
                return candidate
        return UnknownPayer(f"Payer {payer_id or '(none)'} names no contract and is not in {self.file}.")

    def _named(self, name: str) -> Contract | None:
        if name in self.contracts:
            return self.contracts[name]
        return next((c for c in self.contracts.values() if name in c.also_called), None)


def load_payers(path: Path | None = None) -> PayerBook:
    """Read a payers file; the packaged sample without one.

    Raises:
        PayersFileError: the file is absent or has a fault; the message names file, line and what to do.
    """
    if path is None:
        text, name = (resources.files("medcode_ml.billing") / SAMPLE).read_text(encoding="utf-8"), SAMPLE
    else:
        try:
            text, name = path.read_text(encoding="utf-8"), path.name
        except (OSError, UnicodeDecodeError) as error:
            raise PayersFileError(f"payers file {path}: cannot be read as UTF-8 text ({error})") from error
    contracts, payers, filing_days = read_payers(text, name, path.parent if path else None)
    return PayerBook(contracts, payers, name, filing_days)
