"""A synthetic file in the layout of the public provider registry (NPPES), for tests: every row in it is made up.

It lists the simulated network's hospitals and clinicians, with one fault of each kind among the clinicians. Nothing
loads it by default.
"""

from __future__ import annotations

import csv
from pathlib import Path

from medcode_ml.simulation.organisations import HOSPITALS, LEFT, clinicians

FILE_NAME = "npidata_pfile_SIMULATED.csv"
_TAXONOMIES = 15
_HEAD = (
    "NPI", "Entity Type Code", "Replacement NPI", "Employer Identification Number (EIN)",
    "Provider Organization Name (Legal Business Name)", "Provider Last Name (Legal Name)", "Provider First Name",
    "Provider Business Practice Location Address State Name", "Provider Enumeration Date", "Last Update Date",
    "NPI Deactivation Reason Code", "NPI Deactivation Date", "NPI Reactivation Date",
)  # fmt: skip


def registry_header() -> list[str]:
    """The columns written: those that a provider is checked against, spelled and ordered as in the public file."""
    groups = [
        column.format(n)
        for n in range(1, _TAXONOMIES + 1)
        for column in ("Healthcare Provider Taxonomy Code_{}", "Healthcare Provider Primary Taxonomy Switch_{}")
    ]
    return [*_HEAD, *groups]


def write_registry(folder: Path, seed: int) -> dict[str, str]:
    """Write the file into `folder` and return what each spoilt identifier must show: {npi: status or finding}."""
    rows: list[dict[str, str]] = []
    for hospital in HOSPITALS:
        rows.append(
            {
                "NPI": hospital.npi, "Entity Type Code": "2",
                "Provider Organization Name (Legal Business Name)": hospital.name.upper() + ", INC.",
                "Provider Business Practice Location Address State Name": hospital.state,
                "Provider Enumeration Date": "05/23/2006", "Healthcare Provider Taxonomy Code_1": "282N00000X",
                "Healthcare Provider Primary Taxonomy Switch_1": "Y",
            }
        )  # fmt: skip
    staff = [*(c for some in clinicians(seed).values() for c in some), LEFT]
    for person in staff:
        rows.append(
            {
                "NPI": person.npi, "Entity Type Code": "1", "Provider Last Name (Legal Name)": person.last_name.upper(),
                "Provider First Name": person.first_name.upper(), "Provider Enumeration Date": "06/01/2006",
                "Healthcare Provider Taxonomy Code_1": "390200000X",
                "Healthcare Provider Primary Taxonomy Switch_1": "N",
                "Healthcare Provider Taxonomy Code_2": person.taxonomy,
                "Healthcare Provider Primary Taxonomy Switch_2": "Y",
            }
        )  # fmt: skip
    own = {row["NPI"]: row for row in rows}
    deactivated, revived, unlisted, organisation, renamed, retrained = staff[:6]
    # the public file empties every other column of a deactivated identifier
    own[deactivated.npi].clear()
    own[deactivated.npi].update({"NPI": deactivated.npi, "NPI Deactivation Date": "03/15/2025"})
    own[revived.npi].update({"NPI Deactivation Date": "01/10/2019", "NPI Reactivation Date": "02/20/2019"})
    own[organisation.npi].update({"Entity Type Code": "2"})
    own[renamed.npi].update({"Provider Last Name (Legal Name)": "ZYWICKI", "Provider First Name": "QUENTIN"})
    own[retrained.npi].update({"Healthcare Provider Taxonomy Code_2": "163W00000X"})
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE_NAME).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, registry_header(), restval="", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(row for row in rows if row["NPI"] != unlisted.npi)
    return {
        deactivated.npi: "deactivated", revived.npi: "active", unlisted.npi: "not_listed",
        organisation.npi: "other_kind", renamed.npi: "name_agrees", retrained.npi: "taxonomy_agrees",
    }  # fmt: skip
