"""The provider taxonomy: its code set is NUCC's, copyright AMA, and not carried here (rule 44); a user loads it.

The file is the CSV that NUCC publishes twice a year, with a column Code and a column Section ("Individual" or
"Non-Individual") or Grouping.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import pandas as pd

from medcode_ml.codes.identifiers import taxonomy_is_valid
from medcode_ml.codes.loaded import ReferenceFileError, loaded_path, loaded_table, save_loaded

TABLE = "taxonomy"
Section = Literal["individual", "organization"]


def load_taxonomy(path: Path) -> int:
    """Load the code set and return how many codes it has. Only codes and their section are kept, no text.

    Raises:
        ReferenceFileError: the file cannot be read, or is not the code set.
    """
    try:
        frame = pd.read_csv(path, dtype=str, encoding="utf-8-sig", encoding_errors="replace", keep_default_na=False)
    except (OSError, ValueError) as unread:
        raise ReferenceFileError(f"the code set {path.name} cannot be read as CSV: {type(unread).__name__}") from unread
    missing = {"Code", "Section"} - set(frame.columns)
    if missing:
        raise ReferenceFileError(
            f"{path.name} has no column {', '.join(sorted(missing))}: it is not the provider taxonomy CSV of NUCC"
        )
    codes = frame["Code"].str.strip().str.upper()
    wrong = codes[~codes.map(taxonomy_is_valid)]
    if len(frame) == 0 or len(wrong):
        where = f"line {int(wrong.index[0]) + 2} is no taxonomy code" if len(wrong) else "it has no codes"
        raise ReferenceFileError(f"{path.name}: {where}; download the code set again")
    individual = frame["Section"].str.strip().str.lower() == "individual"
    section = individual.map({True: "individual", False: "organization"})
    save_loaded(TABLE, pd.DataFrame({"code": codes, "section": section}).drop_duplicates("code"))
    return int(codes.nunique())


def taxonomy_section(code: str) -> Section | None:
    """Who a taxonomy code is for; None where the code set does not hold it. Ask `taxonomy_is_loaded` first."""
    path = loaded_path(TABLE)
    return _sections(path.stat().st_mtime_ns).get(code) if path.is_file() else None


def taxonomy_is_loaded() -> bool:
    """True where a user loaded the code set."""
    return loaded_path(TABLE).is_file()


@lru_cache(maxsize=2)
def _sections(stamp: int) -> dict[str, Section]:
    frame = loaded_table(TABLE)
    return {} if frame is None else dict(zip(frame["code"], frame["section"], strict=True))
