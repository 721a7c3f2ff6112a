"""Loader of the CMS mapping of ICD-9-CM procedures to ICD-10-PCS, which no package carries.

The file is the one CMS publishes with the 2018 mappings (`gem_i9pcs.txt`): ICD-9-CM code, ICD-10-PCS code and five
flags (approximate, no map, combination, scenario, choice list), separated by white space.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from medcode_ml.codes.loaded import ReferenceFileError, save_loaded

TABLE = "procedure_equivalent"
_LINE = re.compile(r"(\d{3,4})\s+([0-9A-HJ-NP-Z]{7}|NoPCS|NOPCS)\s+([01])([01])([01])(\d)(\d)\s*", re.ASCII)


def load_procedure_map(path: Path) -> int:
    """Load the mapping file and return how many entries it has.

    Raises:
        ReferenceFileError: the file cannot be read, or a line is not written like the mapping.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as unread:
        raise ReferenceFileError(f"the mapping {path.name} cannot be read as text: {type(unread).__name__}") from unread
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise ReferenceFileError(
                f"{path.name} line {number} is no entry of the ICD-9-CM procedure mapping (code, ICD-10-PCS code, five "
                "flags); download gem_i9pcs.txt from CMS again"
            )
        code, target, approximate, no_map, combination, scenario, choice = found.groups()
        none = no_map == "1"
        rows.append((code, None if none else target, approximate == "1", none, combination == "1",
                     int(scenario), int(choice)))  # fmt: skip
    if not rows:
        raise ReferenceFileError(f"{path.name} is empty: download gem_i9pcs.txt from CMS again")
    names = ["code", "target", "approximate", "no_map", "combination", "scenario", "choice_list"]
    save_loaded(TABLE, pd.DataFrame(rows, columns=names))
    return len(rows)
