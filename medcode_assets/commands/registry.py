"""`medcode registry load`: reference files that users download themselves, because no package carries them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Reference files that no package carries: provider registry, taxonomy, procedure mapping.")


class NothingToLoadError(ValueError):
    """No file was named."""


@app.callback()
def _group() -> None:
    """Reference files that no package carries: provider registry, taxonomy, procedure mapping."""


@app.command()
def load(
    nppes: Annotated[Path | None, typer.Option(help="npidata_pfile CSV of NPPES (CMS, monthly).")] = None,
    taxonomy: Annotated[Path | None, typer.Option(help="Provider taxonomy CSV of NUCC.")] = None,
    procedure_map: Annotated[Path | None, typer.Option(help="gem_i9pcs.txt of CMS (2018 mappings).")] = None,
) -> None:
    """Load reference files; each replaces the one loaded before.

    Examples:

        medcode registry load --nppes npidata_pfile_20050523-20261108.csv

        medcode registry load --taxonomy nucc_taxonomy_261.csv --procedure-map gem_i9pcs.txt
    """
    from tqdm import tqdm

    from medcode_ml.codes.procedure_map import load_procedure_map
    from medcode_ml.codes.taxonomy import load_taxonomy
    from medcode_ml.store.registry import load_nppes

    if nppes is None and taxonomy is None and procedure_map is None:
        raise NothingToLoadError("name a file: --nppes, --taxonomy or --procedure-map")
    if nppes is not None:
        with tqdm(unit=" identifiers", disable=None) as bar:


            def told(done: int) -> None:
                bar.update(done - bar.n)

            rows = load_nppes(nppes, told)
        typer.echo(f"{rows:,} provider identifiers")
    if taxonomy is not None:
        typer.echo(f"{load_taxonomy(taxonomy):,} taxonomy codes")
    if procedure_map is not None:
        typer.echo(f"{load_procedure_map(procedure_map):,} entries of the procedure mapping")
