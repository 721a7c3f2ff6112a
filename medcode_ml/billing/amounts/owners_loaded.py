"""The kind of owner of each hospital as CMS publishes it, loaded by a user over the table that is shipped.

The file is "Hospital General Information" of the Provider Data Catalog: a CSV with the certification number (Facility
ID, before 2019 Provider ID) and the column Hospital Ownership.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import pandas as pd

from medcode_ml.codes.loaded import ReferenceFileError, loaded_path, loaded_table, save_loaded

TABLE: Final = "hospital_owner"
INVESTOR: Final = "investor"
_NUMBERS: Final = ("Facility ID", "Provider ID", "Provider Number")
_OWNERSHIP: Final = "Hospital Ownership"
_KINDS: Final = (
    ("proprietary", INVESTOR), ("physician", INVESTOR), ("church", "church"), ("voluntary", "nonprofit"),
    ("federal", "federal"), ("veterans", "federal"), ("defense", "federal"), ("tribal", "federal"),
    ("government", "public"),
)  # fmt: skip
"""Words of an ownership, the first that stands in it counts."""
_CCN: Final = 6


def load_hospital_owners(path: Path) -> int:
    """Load the file in place of the one before and return how many hospitals it has.

    Raises:
        ReferenceFileError: the file cannot be read, is another one, or has an ownership that is not known.
    """
    try:
        frame = pd.read_csv(path, dtype=str, encoding="utf-8-sig", encoding_errors="replace", keep_default_na=False)
    except (OSError, ValueError) as unread:
        raise ReferenceFileError(f"{path.name} cannot be read as CSV: {type(unread).__name__}") from unread
    number = next((name for name in _NUMBERS if name in frame.columns), None)
    if number is None or _OWNERSHIP not in frame.columns or frame.empty:
        raise ReferenceFileError(
            f"{path.name} has no rows with {_NUMBERS[0]} and {_OWNERSHIP}: it is not Hospital General Information of "
            "CMS; download it from the Provider Data Catalog"
        )
    kinds = frame[_OWNERSHIP].map(_kind)
    unknown = frame.index[(kinds == "") & (frame[_OWNERSHIP].str.strip() != "")]
    if len(unknown):
        row = int(unknown[0])
        raise ReferenceFileError(
            f"{path.name}, line {row + 2}: the ownership {frame[_OWNERSHIP][row]!r} is not known; download the file "
            "again"
        )
    ids = frame[number].str.strip().str.zfill(_CCN)
    held = pd.DataFrame({"provider_id": ids, "kind": kinds})[kinds != ""].drop_duplicates("provider_id")
    save_loaded(TABLE, held)
    return len(held)


def loaded_kinds() -> dict[str, str]:
    """Kind by certification number; nothing where nobody loaded the file. Shared: do not change it."""
    path = loaded_path(TABLE)
    return _kinds(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=2)
def _kinds(path: Path, stamp: int) -> dict[str, str]:
    frame = loaded_table(TABLE)
    return {} if frame is None else dict(zip(frame["provider_id"], frame["kind"], strict=True))


def _kind(ownership: str) -> str:
    text = ownership.lower()
    return next((kind for word, kind in _KINDS if word in text), "")
