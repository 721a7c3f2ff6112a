"""Who sends and who receives an interchange."""

from __future__ import annotations

from dataclasses import dataclass

_ID_LENGTH = 15


class PartyError(ValueError):
    """A sender or receiver cannot be written into an interchange header."""


def _check_id(identifier: str, whose: str) -> None:
    if not 2 <= len(identifier) <= _ID_LENGTH:
        raise PartyError(f"the {whose}'s identifier must have 2 to {_ID_LENGTH} characters, it has {len(identifier)}")


@dataclass(frozen=True, slots=True)
class Sender:
    """The submitter. `qualifier` is the kind of identifier (ISA05), `test` marks the interchange as a test (ISA15)."""

    identifier: str
    name: str
    contact_name: str
    contact_phone: str
    qualifier: str = "ZZ"
    test: bool = True

    def __post_init__(self) -> None:
        _check_id(self.identifier, "sender")
        if not (self.contact_phone.isdigit() and len(self.contact_phone) == 10):
            raise PartyError("the sender's contact_phone must be ten digits without hyphens")


@dataclass(frozen=True, slots=True)
class Receiver:
    """The payer or clearinghouse. `qualifier` is the kind of identifier (ISA07)."""

    identifier: str
    name: str
    qualifier: str = "ZZ"

    def __post_init__(self) -> None:
        _check_id(self.identifier, "receiver")
