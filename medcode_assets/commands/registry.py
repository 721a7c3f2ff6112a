"""`medcode registry load`: reference files that users download themselves, because no package carries them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Reference files that no package carries: provider registry, taxonomy, owners of hospitals.")


class NothingToLoadError(ValueError):
    """No file was named."""


@app.callback()
def _group() -> None:
    """Reference files that no package carries: provider registry, taxonomy, owners of hospitals."""


@app.command()
def load(
    nppes: Annotated[Path | None, typer.Option(help="npidata_pfile CSV of NPPES (CMS, monthly).")] = None,
    taxonomy: Annotated[Path | None, typer.Option(help="Provider taxonomy CSV of NUCC.")] = None,
    procedure_map: Annotated[Path | None, typer.Option(help="gem_i9pcs.txt of CMS (2018 mappings).")] = None,
    hospital_owners: Annotated[
        Path | None, typer.Option(help="Hospital General Information CSV of CMS: owners, for prices by the model.")
    ] = None,
    hospital_pairs: Annotated[
        list[Path] | None, typer.Option(help="Part of a quarter's NCCI pairs for hospitals (CMS); again for each part.")
    ] = None,
    practitioner_pairs: Annotated[
        list[Path] | None, typer.Option(help="Part of a quarter's NCCI pairs for practitioners; again for each part.")
    ] = None,
    unit_limits: Annotated[
        list[Path] | None, typer.Option(help="A quarter's medically unlikely edits (CMS); again for others.")
    ] = None,
    coverage: Annotated[
        Path | None, typer.Option(help="Folder or zip of the articles of the Medicare Coverage Database.")
    ] = None,
    contractor: Annotated[
        list[str] | None, typer.Option(help="contractor_id whose coverage articles count; default is all.")
    ] = None,
) -> None:
    """Load reference files; each replaces the one loaded before.

    Examples:

        medcode registry load --nppes npidata_pfile_20050523-20261108.csv

        medcode registry load --taxonomy nucc_taxonomy_261.csv --procedure-map gem_i9pcs.txt

        medcode registry load --hospital-owners Hospital_General_Information.csv

        medcode registry load --hospital-pairs f1.zip --hospital-pairs f2.zip --unit-limits mue.zip --coverage lcd.zip
    """
    from tqdm import tqdm

    from medcode_ml.billing.amounts.owners_loaded import load_hospital_owners
    from medcode_ml.codes.procedure_map import load_procedure_map
    from medcode_ml.codes.taxonomy import load_taxonomy
    from medcode_ml.store.registry import load_nppes

    named = (nppes, taxonomy, procedure_map, hospital_owners, hospital_pairs, practitioner_pairs, unit_limits, coverage)
    if not any(named):
        raise NothingToLoadError(
            "name a file: --nppes, --taxonomy, --procedure-map, --hospital-owners or one of those for edits"
        )
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
    if hospital_owners is not None:
        typer.echo(f"owners of {load_hospital_owners(hospital_owners):,} hospitals")
    _load_edits(hospital_pairs or [], practitioner_pairs or [], unit_limits or [], coverage, contractor or [])


def _load_edits(
    hospital: list[Path], practitioner: list[Path], limits: list[Path], coverage: Path | None, contractors: list[str]
) -> None:
    """What the edits of services are made of."""
    from medcode_ml.billing.edits.service_files import load_coverage, load_pairs, load_unit_limits

    if hospital:
        typer.echo(f"{load_pairs(hospital, 'hospital'):,} pairs of services for hospitals")
    if practitioner:
        typer.echo(f"{load_pairs(practitioner, 'practitioner'):,} pairs of services for practitioners")
    for path in limits:
        services, codes = load_unit_limits(path)
        typer.echo(f"unit limits of {codes:,} codes, {services}")
    if coverage is not None:
        typer.echo(f"{load_coverage(coverage, contractors):,} coverage articles")
