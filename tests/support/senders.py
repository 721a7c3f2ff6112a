"""Producers that refuse as a broker with its own limits and rights does; what they do not refuse really goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from medcode_ml.streaming.client import BrokerError, Delivered, Outgoing, Refusal, open_producer


class Refusing:
    """Sends by the real producer what `refuses` says nothing against."""

    def __init__(self, refuses: Callable[[Outgoing], Refusal | None]) -> None:
        self._refuses = refuses
        self._own = open_producer()

    def deliver(self, messages: Sequence[Outgoing], seconds: float) -> list[Delivered]:
        """See `client.Sender`."""
        found: list[Delivered] = [self._refuses(one) for one in messages]
        good = [at for at, one in enumerate(found) if one is None]
        for at, one in zip(good, self._own.deliver([messages[at] for at in good], seconds), strict=True):
            found[at] = one
        return found

    def close(self) -> None:
        """See `client.Producer`."""
        self._own.close()


class Failing:
    """A broker that takes nothing at the moment."""

    def __init__(self) -> None:
        self.tries = self.closed = 0

    def deliver(self, messages: Sequence[Outgoing], seconds: float) -> list[Delivered]:
        """See `client.Sender`."""
        self.tries += 1
        raise BrokerError("Kafka: nobody is there")

    def close(self) -> None:
        """See `client.Producer`."""
        self.closed += 1
