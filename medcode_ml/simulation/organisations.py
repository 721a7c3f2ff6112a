"""Hospitals, payers and clinicians of the simulated network. Every name, number and address is made up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from medcode_ml.codes.identifiers import npi_check_digit
from medcode_ml.simulation.names import FIRST_NAMES, LAST_NAMES


@dataclass(frozen=True)
class Hospital:
    """A hospital, its numbering and its price level. `mrn` and `account` are templates with `{:d}` forms."""

    hospital_id: str
    name: str
    nine: str
    tax_id: str
    address: str
    city: str
    state: str
    zip: str
    mrn: str
    account: str
    price_level: float
    towns: tuple[tuple[str, str], ...]
    hac_exempt: bool = False
    share: float = 0.25

    @property
    def npi(self) -> str:
        """The facility's NPI, check digit computed."""
        return npi(self.nine)


@dataclass(frozen=True)
class Payer:
    """A payer with the name of its contract in the payers file."""

    payer_id: str
    name: str
    kind: str
    contract: str


@dataclass(frozen=True)
class Clinician:
    """A clinician; `habit` (0-99) fixes the habits of writing."""

    npi: str
    last_name: str
    first_name: str
    taxonomy: str
    hospital_id: str
    field: str
    habit: int


HOSPITALS = (
    Hospital(
        "HARB",
        "Harborview Point Medical Center (Simulated)",
        "146371028",
        "042718366",
        "410 Quay Street",
        "Eastport",
        "MA",
        "021520410",
        "{:08d}",
        "7{:09d}",
        1.25,
        (("Eastport", "02152"), ("Millbrook", "02155"), ("Granby Falls", "02169")),
        share=0.38,
    ),
    Hospital(
        "STLU",
        "Saint Lucan Regional Hospital (Simulated)",
        "157920463",
        "311886045",
        "1200 Mercy Avenue",
        "Fairmont Heights",
        "OH",
        "441131200",
        "M{:07d}",
        "SL{:08d}",
        0.9,
        (("Fairmont Heights", "44113"), ("Lorraine Park", "44052"), ("Medway", "45341")),
        share=0.27,
    ),
    Hospital(
        "PECA",
        "Pecan Valley Community Hospital (Simulated)",
        "173058294",
        "742290517",
        "88 County Road 12",
        "San Arroyo",
        "TX",
        "786660088",
        "{:02d}-{:02d}-{:02d}",
        "P{:07d}-26",
        0.75,
        (("San Arroyo", "78666"), ("Wimber Creek", "78676"), ("Lulingdale", "78648")),
        share=0.22,
    ),
    Hospital(
        "CASC",
        "Cascade Children's and Women's Hospital (Simulated)",
        "169284751",
        "911403378",
        "27 Fir Terrace",
        "Tolmie",
        "WA",
        "984050027",
        "CW{:06d}",
        "C26{:07d}",
        1.1,
        (("Tolmie", "98405"), ("Fircrest Bay", "98466"), ("Puyalla", "98371")),
        hac_exempt=True,
        share=0.13,
    ),
)
PAYERS = (
    Payer("MCRA1", "Medicare Part A (simulated contractor)", "medicare", "medicare_ipps"),
    Payer("MCAID", "State Medicaid (simulated)", "medicaid", "medicaid_percent"),
    Payer("NEHP7", "Northern Evergreen Health Plan (simulated)", "commercial", "commercial_per_diem"),
    Payer("UNIC3", "Unity Casualty and Life (simulated)", "commercial", "commercial_case_rate"),
)
#: codes of a hospital's own system: local code -> ICD-10-PCS code
LOCAL_SYSTEM = "SLPROC"
LOCAL_HOSPITAL = "STLU"
LOCAL_CODES = {
    "TX-RBC": "30233N1",
    "HD-INT": "5A1D70Z",
    "CVC-SVC": "02HV33Z",
    "VENT-D2": "5A1945Z",
    "ETT-ORAL": "0BH17EZ",
    "EEG-ROUT": "4A10X4Z",
    "PARA-LV": "0W9G3ZZ",
    "CATH-L": "4A023N7",
}
_FIELDS = (
    ("MED", "207R00000X", 4),
    ("CMED", "207RC0000X", 1),
    ("SURG", "208600000X", 2),
    ("ORTHO", "207X00000X", 1),
    ("ED", "207P00000X", 2),
    ("OB", "207V00000X", 2),
    ("PEDS", "208000000X", 2),
    ("RAD", "2085R0202X", 1),
    ("PATH", "207ZP0102X", 1),
    ("CLINIC", "207Q00000X", 2),
)


#: from when on hospitals, payers and the hospital's own codes are what they are
_OPENED, _CONTRACTED, _CONVERTED, _LEFT_ON = "2008-05-23", "2021-01-01", "2017-10-01", "2025-06-30"
#: what a local code stood for before ICD-10-PCS was changed: code, ICD-10-PCS code, first and last day
_FORMER_MEANINGS = (("HD-INT", "5A1D00Z", "2015-10-01", "2017-09-30"),)


def npi(nine: str) -> str:
    """Nine digits with their check digit (rule 35)."""
    return f"{nine}{npi_check_digit(nine)}"


#: whose privileges have ended, and who writes no document of the network
LEFT = Clinician(npi("188804417"), "Farnsworth", "Della", "207R00000X", "HARB", "MED", 50)


@lru_cache(maxsize=4)
def clinicians(seed: int) -> dict[str, tuple[Clinician, ...]]:
    """Clinicians of each hospital, 18 a hospital, drawn from the seed."""
    rng = np.random.default_rng([seed, 7_001])
    found: dict[str, tuple[Clinician, ...]] = {}
    serial = 0
    for hospital in HOSPITALS:
        staff = []
        for field, taxonomy, count in _FIELDS:
            for _ in range(count):
                serial += 1
                nine = f"1{int(rng.integers(10**5)):05d}{serial:03d}"
                last, first = LAST_NAMES[int(rng.integers(len(LAST_NAMES)))], FIRST_NAMES["FM"[int(rng.integers(2))]]
                staff.append(
                    Clinician(
                        npi(nine),
                        last,
                        first[int(rng.integers(len(first)))],
                        taxonomy,
                        hospital.hospital_id,
                        field,
                        int(rng.integers(100)),
                    )
                )
        found[hospital.hospital_id] = tuple(staff)
    return found


def hospital_rows() -> list[dict[str, str]]:
    """Rows of the delivered table `hospital`."""
    return [
        {
            "hospital_id": h.hospital_id,
            "name": h.name,
            "npi": h.npi,
            "tax_id": h.tax_id,
            "taxonomy": "282N00000X",
            "address": h.address,
            "city": h.city,
            "state": h.state,
            "zip": h.zip,
            "hac_exempt": "Y" if h.hac_exempt else "",
            "effective_from": _OPENED,
            "effective_to": "",
        }
        for h in HOSPITALS
    ]


def payer_rows() -> list[dict[str, str]]:
    """Rows of the delivered table `payer`."""
    return [
        {"payer_id": p.payer_id, "name": p.name, "kind": p.kind, "contract": p.contract, "effective_from": _CONTRACTED,
         "effective_to": ""}
        for p in PAYERS
    ]  # fmt: skip


def code_map_rows() -> list[dict[str, str]]:
    """Rows of the delivered table `code_map`."""
    spans = [(local, code, _CONVERTED, "") for local, code in LOCAL_CODES.items()]
    return [
        {
            "hospital_id": LOCAL_HOSPITAL,
            "code_system": LOCAL_SYSTEM,
            "code": local,
            "target_system": "ICD-10-PCS",
            "target_code": code,
            "effective_from": first,
            "effective_to": last,
        }
        for local, code, first, last in (*spans, *_FORMER_MEANINGS)
    ]


def clinician_rows(seed: int) -> list[dict[str, str]]:
    """Rows of the delivered table `clinician`: the staff, and one who has left."""
    staff = [c for some in clinicians(seed).values() for c in some]
    return [
        {
            "npi": c.npi,
            "last_name": c.last_name,
            "first_name": c.first_name,
            "taxonomy": c.taxonomy,
            "hospital_id": c.hospital_id,
            "effective_from": _OPENED if c is not LEFT else _CONTRACTED,
            "effective_to": "" if c is not LEFT else _LEFT_ON,
        }
        for c in (*staff, LEFT)
    ]
