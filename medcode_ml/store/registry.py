"""The registry of provider identifiers (NPPES): the monthly public file made into a compact table, and look-ups in it.

The file (`npidata_pfile_*.csv`, some nine million rows and 330 columns) is streamed; what a claim is checked against is
kept as parquet under the reference folder. Nothing of it is carried in the repository.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pandas as pd

from medcode_ml.codes.loaded import ReferenceFileError, loaded_path

TABLE: Final = "npi_registry"
_TAXONOMIES: Final = 15  # places for taxonomy codes in a row of the file
#: column of the file -> column kept
_TEXTS: Final = {
    "Entity Type Code": "entity_type",
    "Replacement NPI": "replacement_npi",
    "Provider Organization Name (Legal Business Name)": "organization",
    "Provider Last Name (Legal Name)": "last_name",
    "Provider First Name": "first_name",
    "Provider Business Practice Location Address State Name": "state",
}
_DATES: Final = {
    "Provider Enumeration Date": "issued",
    "NPI Deactivation Date": "deactivated",
    "NPI Reactivation Date": "reactivated",
}
_CODE, _SWITCH = "Healthcare Provider Taxonomy Code_{}", "Healthcare Provider Primary Taxonomy Switch_{}"
COLUMNS: Final = ("npi", *_TEXTS.values(), *_DATES.values(), "taxonomy", "taxonomies")
"""Columns of the registry: npi (text), entity_type ("1" a person, "2" an organisation), names, state, dates,
taxonomy (the primary one), taxonomies (all, joined by |). Missing is None."""


def load_nppes(path: Path, progress: Callable[[int], None] | None = None) -> int:
    """Make the registry out of the monthly file and return how many identifiers it holds; replaces an earlier one.

    `progress` is told the rows read so far. Memory stays flat whatever the size of the file.

    Raises:
        ReferenceFileError: the file cannot be read, or has other columns than NPPES publishes.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    names = ["NPI", *_TEXTS, *_DATES, *(f.format(n) for n in range(1, _TAXONOMIES + 1) for f in (_CODE, _SWITCH))]
    try:
        header = set(pd.read_csv(path, nrows=0, encoding_errors="replace").columns)
    except (OSError, ValueError) as unread:
        raise ReferenceFileError(f"the registry {path.name} cannot be read: {type(unread).__name__}") from unread
    missing = [n for n in names if n not in header]
    if missing:
        raise ReferenceFileError(
            f"{path.name} has no column {missing[0]!r} (and {len(missing) - 1} more): it is not the npidata_pfile of "
            "NPPES"
        )
    target = loaded_path(TABLE)
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_suffix(f".{os.getpid()}.making")
    schema = pa.schema([(c, pa.date32() if c in _DATES.values() else pa.string()) for c in COLUMNS])
    rows = 0
    try:
        reader = csv.open_csv(
            path,
            csv.ReadOptions(block_size=16 << 20, use_threads=False),
            csv.ParseOptions(newlines_in_values=True),
            csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string())),
        )
        with parquet.ParquetWriter(making, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_pydict(_kept(batch), schema=schema))
                rows += batch.num_rows
                if progress is not None:
                    progress(rows)
        os.replace(making, target)
    except (pa.ArrowInvalid, OSError) as broken:
        raise ReferenceFileError(
            f"the registry {path.name} is broken after about {rows} rows ({type(broken).__name__}); download it again"
        ) from broken
    finally:
        making.unlink(missing_ok=True)
    return rows


def _kept(batch: Any) -> dict[str, Any]:
    """The kept columns of one batch of the file."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def text(name: str) -> Any:
        trimmed = pc.utf8_trim_whitespace(batch.column(name))
        return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)

    made = {"npi": text("NPI"), **{kept: text(name) for name, kept in _TEXTS.items()}}
    for name, kept in _DATES.items():
        stamps = pc.strptime(text(name), format="%m/%d/%Y", unit="s", error_is_null=True)
        made[kept] = pc.cast(stamps, pa.date32())
    codes = [text(_CODE.format(n)) for n in range(1, _TAXONOMIES + 1)]
    primary = [pc.if_else(pc.equal(text(_SWITCH.format(n)), "Y"), code, pa.scalar(None, pa.string()))
               for n, code in enumerate(codes, 1)]  # fmt: skip
    made["taxonomy"] = pc.coalesce(*primary, codes[0])
    joined = pc.binary_join_element_wise(*codes, "|", null_handling="replace", null_replacement="")
    made["taxonomies"] = pc.utf8_trim(pc.replace_substring_regex(joined, r"\|+", "|"), "|")
    return made


def registry_of(npis: Iterable[str]) -> pd.DataFrame | None:
    """Return the registry's rows (`COLUMNS`, dates as datetime.date) of identifiers; None where none is loaded."""
    path = loaded_path(TABLE)
    if not path.is_file():
        return None
    from pyarrow import compute as pc
    from pyarrow import dataset

    wanted = sorted({n for n in npis if n})
    table = dataset.dataset(path).to_table(filter=pc.field("npi").isin(wanted), use_threads=False)
    frame = table.to_pandas(date_as_object=True).astype(object)
    return frame.where(frame.notna(), None)
