"""What is to be said of a batch of claims as a whole, and of several batches together; never about one claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Notes:
    """Claims without a second opinion by grouper version, and which of Medicare's tables are samples."""

    without_second: Mapping[str, int] = field(default_factory=dict)
    tables: tuple[str, ...] = ()

    def __add__(self, other: Notes) -> Notes:
        """Of both batches together; a table is named once."""
        counted = Counter(self.without_second)
        counted.update(other.without_second)
        return Notes(dict(counted), tuple(dict.fromkeys((*self.tables, *other.tables))))

    def sentences(self) -> tuple[str, ...]:
        """For the log, the asset's metadata and the command line."""
        second = [
            f"The second grouper does not know {version}: {count} claim{'s' if count > 1 else ''} without a second "
            "opinion."
            for version, count in sorted(self.without_second.items())
        ]
        return (*second, *self.tables)
