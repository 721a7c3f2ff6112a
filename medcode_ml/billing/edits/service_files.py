"""Loading the files CMS publishes: NCCI procedure-to-procedure edits, medically unlikely edits, coverage articles.

Each load replaces what was loaded before. Codes, dates and numbers are kept, no text of the AMA's (rule 44).
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from medcode_ml.billing.edits.service_tables import (
    COVERAGE_COLUMNS,
    COVERAGE_TABLE,
    NO_LAST_DAY,
    SERVICES,
    UNIT_COLUMNS,
    Services,
    encoded,
    encoded_pair,
    pair_table,
    unit_table,
)
from medcode_ml.codes.identifiers import undotted
from medcode_ml.codes.loaded import ReferenceFileError, save_loaded

_CODE = re.compile(r"[0-9A-Z]{5}", re.ASCII)
_DAY = re.compile(r"[0-9]{8}", re.ASCII)
_PAIR_FIELDS = ["column_1", "column_2", "before_1996", "first_day", "last_day", "modifier", "rationale"]
_MODIFIERS = {"0": False, "1": True}
# Placeholder of coverage articles that name no diagnosis.
_NO_DIAGNOSIS = "XX000"


def load_pairs(paths: Sequence[Path], services: Services) -> int:
    """Load the parts of a quarter's procedure-to-procedure file (text or zip); return how many pairs are kept.

    Pairs deleted on their first day and those to which modifiers do not apply (indicator 9) were never in force.

    Raises:
        ReferenceFileError: a file cannot be read or is no such file.
    """
    if services not in SERVICES:
        raise ReferenceFileError(f"{services!r} is not one of {', '.join(SERVICES)}")
    if not paths:
        raise ReferenceFileError("name the parts of the procedure-to-procedure file, f1 to f4 of the quarter")
    parts = [_pair_rows(path) for path in paths]
    rows = pd.concat(parts, ignore_index=True).drop_duplicates()
    rows = rows[rows["modifier"].isin(_MODIFIERS) & (rows["last_day"] > rows["first_day"])]
    rows["modifier_allowed"] = rows["modifier"] == "1"
    kept = rows[["pair", "first_day", "last_day", "modifier_allowed", "source"]].sort_values(
        ["pair", "first_day"], ascending=[True, False]
    )
    save_loaded(pair_table(services), kept.astype({"source": "category"}))
    return len(kept)


def _pair_rows(path: Path) -> pd.DataFrame:
    no_file = f"{path.name} has no line with two codes, a first day and a modifier indicator between tabs"
    try:
        frame = pd.read_csv(
            io.StringIO(_text(path, (".txt",))), sep="\t", header=None, names=_PAIR_FIELDS, dtype=str,
            quoting=csv.QUOTE_NONE, keep_default_na=False, usecols=range(6), index_col=False, skip_blank_lines=True,
        )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as unread:
        raise ReferenceFileError(f"{no_file}: it is not a procedure-to-procedure file of CMS") from unread
    frame = frame.apply(lambda column: column.str.strip())
    codes = frame["column_1"].str.fullmatch(_CODE.pattern) & frame["column_2"].str.fullmatch(_CODE.pattern)
    data = codes & frame["first_day"].str.fullmatch(_DAY.pattern)
    if not data.any():
        raise ReferenceFileError(f"{no_file}: it is not a procedure-to-procedure file of CMS")
    first = int(data.to_numpy().argmax())
    wrong = ~data.to_numpy()[first:]
    if wrong.any():
        line = first + int(wrong.argmax()) + 1
        raise ReferenceFileError(f"{path.name}: record {line} is not in the layout of the file; download it again")
    frame = frame[data]
    deleted = frame["last_day"].where(frame["last_day"].str.fullmatch(_DAY.pattern), str(NO_LAST_DAY))
    number = {code: encoded(code) for code in pd.unique(frame[["column_1", "column_2"]].to_numpy().ravel())}
    one, two = frame["column_1"].map(number).astype("int64"), frame["column_2"].map(number).astype("int64")
    return pd.DataFrame({
        "pair": encoded_pair(one, two),  # type: ignore[arg-type]
        "first_day": frame["first_day"].astype("int32"),
        "last_day": deleted.astype("int32"),
        "modifier": frame["modifier"],
        "source": f"NCCI {path.stem}",
    })  # fmt: skip


def load_unit_limits(path: Path) -> tuple[Services, int]:
    """Load a quarter's medically unlikely edits (CSV or zip); return whose services it is of and how many codes.

    Raises:
        ReferenceFileError: the file cannot be read or is no such file.
    """
    services: Services | None = None
    kept: list[tuple[str, int, bool, str]] = []
    for row in csv.reader(io.StringIO(_text(path, (".csv", ".txt")))):
        cells = [cell.strip() for cell in row]
        if services is None:
            services = _services_of(cells)
        elif len(cells) >= 3 and _CODE.fullmatch(cells[0]) and cells[1].isdigit():
            kept.append((cells[0], int(cells[1]), cells[2][:1] in ("2", "3"), f"MUE {path.stem}"))
        elif any(cells):
            raise ReferenceFileError(f"{path.name}: a line after the heading has no code and number of units")
    if services is None or not kept:
        raise ReferenceFileError(
            f"{path.name} has no heading with MUE Values for practitioner or hospital services: it is not a file of "
            "medically unlikely edits of CMS"
        )
    frame = pd.DataFrame(kept, columns=list(UNIT_COLUMNS)).drop_duplicates("code", keep="last")
    save_loaded(unit_table(services), frame)
    return services, len(frame)


def _services_of(heading: list[str]) -> Services | None:
    """Whose services a heading names; None where it is no heading of the file."""
    if len(heading) < 3 or "MUE VALUES" not in " ".join(heading[1].upper().split()):
        return None
    return "practitioner" if "PRACTITIONER" in heading[1].upper() else "hospital"


def load_coverage(folder: Path, contractors: Sequence[str] = ()) -> int:
    """Load the coverage articles of the Medicare Coverage Database; return how many articles are kept.

    Args:
        folder: folder or zip with article_x_hcpc_code.csv and article_x_icd10_covered.csv.
        contractors: contractor_id of the hospital's Medicare contractors, which then needs article_x_contractor.csv;
            without any, the articles of all contractors.

    Raises:
        ReferenceFileError: a file is missing or has another layout.
    """
    services = _article_table(folder, "article_x_hcpc_code.csv", "hcpc_code_id")
    diagnoses = _article_table(folder, "article_x_icd10_covered.csv", "icd10_code_id")
    diagnoses = diagnoses[diagnoses["icd10_code_id"] != _NO_DIAGNOSIS]
    kept = set(services["article_id"]) & set(diagnoses["article_id"])
    if contractors:
        theirs = _article_table(folder, "article_x_contractor.csv", "contractor_id")
        kept &= set(theirs.loc[theirs["contractor_id"].isin([str(c) for c in contractors]), "article_id"])
    if not kept:
        raise ReferenceFileError(f"{folder.name} has no article with services and the diagnoses that cover them")
    rows = [
        frame.loc[frame["article_id"].isin(kept), ["article_id", code]]
        .rename(columns={"article_id": "policy", code: name})
        .drop_duplicates()
        for frame, code, name in ((services, "hcpc_code_id", "hcpcs"), (diagnoses, "icd10_code_id", "diagnosis"))
    ]
    rows[1]["diagnosis"] = rows[1]["diagnosis"].map(undotted)
    table = pd.concat(rows, ignore_index=True).reindex(columns=list(COVERAGE_COLUMNS)).fillna("")
    table["policy"] = "article A" + table["policy"]
    save_loaded(COVERAGE_TABLE, table)
    return len(kept)


def _article_table(folder: Path, name: str, code: str) -> pd.DataFrame:
    """Newest version of each article: article_id and `code`, as text."""
    text = io.StringIO(_member(folder, name))
    frame = pd.read_csv(text, dtype=str, keep_default_na=False, on_bad_lines="error")
    missing = {"article_id", code} - set(frame.columns)
    if missing:
        raise ReferenceFileError(f"{name} has no column {', '.join(sorted(missing))}; it is of another database")
    if "article_version" in frame.columns:
        version = pd.to_numeric(frame["article_version"], errors="coerce").fillna(0)
        frame = frame[version == version.groupby(frame["article_id"]).transform("max")]
    frame = frame[["article_id", code]].apply(lambda column: column.str.strip().str.upper())
    return frame[(frame["article_id"] != "") & (frame[code] != "")]


def _text(path: Path, endings: tuple[str, ...]) -> str:
    """Text of a file, or of the first member of a zip with one of `endings`."""
    try:
        if not zipfile.is_zipfile(path):
            return path.read_bytes().decode("utf-8", errors="replace")
        with zipfile.ZipFile(path) as archive:
            names = [n for n in _names(archive) if n.lower().endswith(endings)]
            if not names:
                raise ReferenceFileError(f"{path.name} holds no file ending in {' or '.join(endings)}")
            return archive.read(names[0]).decode("utf-8", errors="replace")
    except (OSError, zipfile.BadZipFile) as unread:
        raise ReferenceFileError(f"{path.name} cannot be read: {type(unread).__name__}") from unread


def _member(folder: Path, name: str) -> str:
    """Text of the file `name` in a folder or zip."""
    try:
        if folder.is_dir():
            return (folder / name).read_bytes().decode("utf-8", errors="replace")
        with zipfile.ZipFile(folder) as archive:
            found = [n for n in _names(archive) if n.rsplit("/", 1)[-1] == name]
            if not found:
                raise ReferenceFileError(f"{folder.name} holds no {name}")
            return archive.read(found[0]).decode("utf-8", errors="replace")
    except (OSError, zipfile.BadZipFile) as unread:
        raise ReferenceFileError(f"{name} cannot be read in {folder.name}: {type(unread).__name__}") from unread


def _names(archive: zipfile.ZipFile) -> Iterator[str]:
    return (n for n in archive.namelist() if not n.endswith("/"))
