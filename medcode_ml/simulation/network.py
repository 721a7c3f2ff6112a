"""The simulated hospital network: encounters day by day, as delivered tables, pages to draw and the truth behind them.

Nothing is read from the clock; equal configurations give equal networks. An encounter depends on the seed and its own
number only, so a network of any size is made one day at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pandas as pd

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.simulation import labels
from medcode_ml.simulation.combining import RECODED
from medcode_ml.simulation.config import NetworkConfig, SimulationError, shifted
from medcode_ml.simulation.drawing import chance, pick_by, whole
from medcode_ml.simulation.faults import Planner, Rows
from medcode_ml.simulation.model import Dx, Scenario
from medcode_ml.simulation.notes import Document, Writer
from medcode_ml.simulation.observations import observation_rows
from medcode_ml.simulation.organisations import (
    HOSPITALS,
    Hospital,
    clinician_rows,
    clinicians,
    code_map_rows,
    hospital_rows,
    payer_rows,
)
from medcode_ml.simulation.people import Person, draw_person, spare_mrn
from medcode_ml.simulation.registrations import AGAIN_SHARE, ALIKE_SHARE, look_alike, registered_again
from medcode_ml.simulation.remittances import PAYS_BY_ROWS, Claim, remittance_row
from medcode_ml.simulation.rows import TRUTH_COLUMNS, Row, encounter_rows
from medcode_ml.simulation.scanning import EXPECTED, Scan, Scanner, opaque, page_fault
from medcode_ml.simulation.scenarios import BY_NAME, SCENARIOS
from medcode_ml.simulation.stays import Stay, draw_stay, length_of_stay

_WOMEN_AND_CHILDREN = ("OB", "NEWBORN", "NICU", "PEDS", "GYN")
_RETURN_SHARE = 0.15
_RELEASE_SHIFT_FACTOR = 3.0
_INPATIENT_BURDEN = 2.2  # patients of a ward bring more chronic conditions than those of a clinic


@dataclass(frozen=True)
class DayDelivery:
    """What the network delivers on one day: tables in the documented layout, scans to draw, and the truth."""

    received: date
    tables: dict[str, pd.DataFrame]
    scans: tuple[Scan, ...]
    truth: dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Network:
    """A network that is simulated as its days are asked for; `days()` can be run through again and again."""

    config: NetworkConfig
    received: np.ndarray = field(repr=False)
    """Day number of each encounter, counted from the first day, ascending. Shape (encounters,)."""

    def days(self, first: date | None = None) -> Iterator[DayDelivery]:
        """Deliveries in order of their day, days without an encounter as well; only from `first` on where it is given.

        Encounters are then the same as in the whole network; payments for those left out, and scans, are not.
        """
        run = _Run(self.config)
        last = (self.config.last_day - self.config.first_day).days
        starts = np.searchsorted(self.received, np.arange(last + 2))
        skipped = 0 if first is None else max(0, (first - self.config.first_day).days)
        for number in range(skipped, last + 1):
            yield run.day(
                self.config.first_day + timedelta(days=number),
                range(int(starts[number]), int(starts[number + 1])),
                self.received,
            )

    def tables(self) -> dict[str, pd.DataFrame]:
        """All delivered tables of all days, with `received_date` in front. For networks that fit in memory."""
        parts: defaultdict[str, list[pd.DataFrame]] = defaultdict(list)
        for day in self.days():
            for name, frame in day.tables.items():
                parts[name].append(frame.assign(received_date=day.received))
        return {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}


def simulate(config: NetworkConfig) -> Network:
    """Return the network of a configuration.

    Raises:
        SimulationError: the disease wave names a scenario that does not exist.
    """
    wave = config.disease_wave
    if wave is not None and wave.scenario not in BY_NAME:
        raise SimulationError(
            f"no scenario {wave.scenario!r} for the disease wave: choose one of {', '.join(sorted(BY_NAME))}"
        )
    rng = np.random.default_rng([config.seed, 7_000])
    received = np.sort(rng.integers(0, (config.last_day - config.first_day).days + 1, config.encounters))
    return Network(config, received)


def _holds_recoded(scenario: Scenario) -> bool:
    def walk(dx: Dx) -> bool:
        return dx.code in RECODED or any(walk(b) for b in dx.brings)

    return any(walk(dx) for dx in (*scenario.main, *scenario.also))


@lru_cache(maxsize=16)
def _menu(hospital_id: str, shift: bool) -> tuple[tuple[Scenario, ...], tuple[float, ...]]:
    women_and_children = hospital_id == "CASC"
    # what has no weight comes only as a disease wave
    fit = tuple(s for s in SCENARIOS if s.weight and (not women_and_children or s.service in _WOMEN_AND_CHILDREN))
    factor = {True: 1.0 if women_and_children else 0.5, False: 1.0}
    weights = tuple(
        s.weight
        * factor[s.service in _WOMEN_AND_CHILDREN]
        * (_RELEASE_SHIFT_FACTOR if shift and _holds_recoded(s) else 1.0)
        for s in fit
    )
    return fit, weights


@dataclass(frozen=True)
class _Outline:
    """What is settled about an encounter before it is drawn in full."""

    scenario: Scenario
    person: Person
    discharge: date
    days: int
    status: str


class _Run:
    """One pass through the days; holds what later days need of earlier ones."""

    def __init__(self, config: NetworkConfig) -> None:
        self.config = config
        self.staff = clinicians(config.seed)
        self.scanner = Scanner(config.seed, config.scanned_pages, config.encounters)
        self.planner = Planner(config.seed, config.encounters if config.planted_faults else 0)
        self.due: defaultdict[date, list[Claim]] = defaultdict(list)
        self.registered: set[tuple[str, str]] = set()

    def day(self, received: date, indexes: range, received_days: np.ndarray) -> DayDelivery:
        """Everything delivered on one day."""
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        truth: defaultdict[str, list[Row]] = defaultdict(list)
        rows["hospital"], rows["payer"], rows["clinician"] = (
            hospital_rows(),
            payer_rows(),
            clinician_rows(self.config.seed),
        )
        rows["code_map"] = code_map_rows()
        scans: list[Scan] = []
        for index in indexes:
            self._encounter(index, received, received_days, rows, truth, scans)
        rows["patient"] = list({(r["hospital_id"], r["mrn"]): r for r in rows["patient"]}.values())
        rows["remittance"] = self._payments(received)
        return DayDelivery(
            received,
            {name: pd.DataFrame(rows[name], columns=delivered_columns(name), dtype=object) for name in DELIVERED},
            tuple(scans),
            {name: pd.DataFrame(truth[name], columns=columns, dtype=object) for name, columns in TRUTH_COLUMNS.items()},
        )

    def _outline(self, index: int, received: date) -> tuple[_Outline, np.random.Generator]:
        """The outline of an encounter as if its patient were new to the network."""
        config = self.config
        rng = np.random.default_rng([config.seed, index, 1])
        hospital: Hospital = pick_by(rng, HOSPITALS, [h.share for h in HOSPITALS])
        wave = config.disease_wave
        struck = wave is not None and received >= wave.from_day and chance(rng, wave.share)
        if wave is not None and struck:
            scenario = BY_NAME[wave.scenario]
        else:
            scenario = pick_by(
                rng,
                *_menu(
                    hospital.hospital_id, shifted(config.code_release_shift, config.code_release_shift_day, received)
                ),
            )
        discharge = received - timedelta(days=whole(rng, 2, 5))
        days = length_of_stay(rng, scenario)
        status = (
            pick_by(rng, list(scenario.leaves), list(scenario.leaves.values()))
            if scenario.setting == "inpatient"
            else "01"
        )
        admission = discharge - timedelta(days=days)
        person = draw_person(
            rng,
            index,
            hospital,
            scenario.sex,
            scenario.ages,
            scenario.chronic * (_INPATIENT_BURDEN if days else 1.0),
            admission,
        )
        return _Outline(scenario, person, discharge, days, status), rng

    def _returning(self, index: int, outline: _Outline, rng: np.random.Generator, received_days: np.ndarray) -> Person:
        """The patient of an outpatient visit: now and then one who was in hospital or seen before."""
        if outline.scenario.setting == "inpatient" or not chance(rng, _RETURN_SHARE):
            return outline.person
        low, high = outline.scenario.ages
        for _ in range(4):
            earlier = int(rng.random() * index)
            before, _ = self._outline(earlier, self.config.first_day + timedelta(days=int(received_days[earlier])))
            years = (outline.discharge - before.person.birth_date).days / 365.25
            fits = max(low, 1) <= years < high + 1 and outline.scenario.sex in ("any", before.person.sex)
            if (
                fits
                and before.status != "20"
                and before.discharge < outline.discharge
                and before.person.hospital is outline.person.hospital
            ):
                return before.person
        return outline.person

    def _otherwise_known(self, index: int, outline: _Outline, received_days: np.ndarray) -> Person:
        """The patient of an encounter: now and then one registered before, under another number, or a look-alike."""
        rng = np.random.default_rng([self.config.seed, index, 9_001])
        drawn, low, high = rng.random(), *outline.scenario.ages
        if drawn >= AGAIN_SHARE + ALIKE_SHARE or not high:
            return outline.person
        new = replace(outline.person, mrn=spare_mrn(outline.person.hospital, index))
        for _ in range(12):
            earlier = int(rng.random() * index)
            before, _ = self._outline(earlier, self.config.first_day + timedelta(days=int(received_days[earlier])))
            if before.status == "20" or before.discharge >= outline.discharge or not before.scenario.ages[1]:
                continue
            person = (
                registered_again(rng, before.person, new.hospital, new.mrn, outline.discharge)
                if drawn < AGAIN_SHARE
                else look_alike(rng, before.person, new)
            )
            years = (outline.discharge - person.birth_date).days / 365.25
            if max(low, 1) <= years < high + 1 and person.sex == outline.person.sex:
                # the story is drawn for this encounter: what its patient brings must fit it
                brings = tuple(c for c in outline.person.chronic if years >= c.from_age)
                return replace(person, chronic=brings)
        return outline.person

    def _encounter(
        self,
        index: int,
        received: date,
        received_days: np.ndarray,
        rows: defaultdict[str, list[Row]],
        truth: defaultdict[str, list[Row]],
        scans: list[Scan],
    ) -> None:
        config = self.config
        outline, rng = self._outline(index, received)
        person = self._returning(index, outline, rng, received_days) if index else outline.person
        if person is outline.person and index:
            person = self._otherwise_known(index, outline, received_days)
        staff = self.staff[person.hospital.hospital_id]
        stay = draw_stay(
            rng,
            index,
            outline.scenario,
            person,
            received,
            outline.discharge,
            outline.days,
            staff,
            outline.status == "20",
            outline.status,
        )
        documents = Writer(
            rng, stay, staff, shifted(config.note_style == "new", config.note_style_day, received)
        ).write()
        record_ids = [f"{person.hospital.hospital_id}-{opaque(config.seed, index, n)}" for n in range(len(documents))]
        coder = labels.coder_of(rng, person.hospital.hospital_id)
        own, own_truth = encounter_rows(
            rng, stay, documents, record_ids, labels.label(rng, stay.codes, stay.discharge), coder
        )
        own["observation"] = observation_rows(config.seed, stay)
        planted = self.planner.plant(Rows(stay, own))
        if planted is not None:
            fault, table, record = planted
            own_truth["faults"].append(
                {
                    "hospital_id": person.hospital.hospital_id,
                    "encounter_number": stay.encounter_number,
                    "table_name": table,
                    "record": record,
                    "kind": fault.kind,
                    "expected": fault.expected,
                }
            )
        elif self.scanner.due(index):
            scans.append(self._scan(stay, documents, own, own_truth, rng))
        self._bill_later(stay, own["charge"], received, rng)
        if (registration := (person.hospital.hospital_id, person.mrn)) not in self.registered:
            self.registered.add(registration)
            own_truth["persons"] = [{"hospital_id": registration[0], "mrn": registration[1], "person": person.identity}]
        for name, some in own.items():
            rows[name] += some
        for name, some in own_truth.items():
            truth[name] += some

    def _scan(
        self,
        stay: Stay,
        documents: tuple[Document, ...],
        own: dict[str, list[Row]],
        truth: dict[str, list[Row]],
        rng: np.random.Generator,
    ) -> Scan:
        """Put one document of the encounter on paper: its row carries files in place of text."""
        config = self.config
        place = int(rng.random() * len(documents))
        hospital = stay.person.hospital
        other = draw_person(rng, stay.index + config.encounters, hospital, "any", (30, 80), 0, stay.admission)
        worse = shifted(config.scanner == "worse", config.scanner_day, stay.received)
        scan = self.scanner.scan(stay, documents[place], own["scanned_record"][place]["record_id"], other, worse)
        row = own["scanned_record"][place]
        row.update(text="", files="|".join(f.path for f in scan.files), page_count=str(scan.page_count))
        day = stay.received.isoformat()
        truth["pages"] += [
            {
                "file": f"{day}/{file.path}",
                "page": str(n),
                "record_id": scan.record_id,
                "fault": page_fault(scan, file.truncated, page.fault, n, file.path),
                "text": "\n".join((*page.header, "", *page.lines)).strip(),
            }
            for file in scan.files
            for n, page in enumerate(file.pages, 1)
        ]
        if scan.fault in EXPECTED:
            truth["faults"].append(
                {
                    "hospital_id": hospital.hospital_id,
                    "encounter_number": stay.encounter_number,
                    "table_name": "scanned_record",
                    "record": scan.record_id,
                    "kind": scan.fault,
                    "expected": EXPECTED[scan.fault],
                }
            )
        return scan

    def _bill_later(self, stay: Stay, charges: list[Row], received: date, rng: np.random.Generator) -> None:
        total = sum((Decimal(row["charge"]) for row in charges), Decimal(0))
        paid_on = received + timedelta(days=whole(rng, 9, 18))
        payer = stay.person.payer
        if paid_on <= self.config.last_day and payer.payer_id in PAYS_BY_ROWS:
            self.due[paid_on].append(
                Claim(
                    stay.person.hospital.hospital_id,
                    stay.encounter_number,
                    payer.payer_id,
                    payer.contract,
                    stay.scenario.setting == "inpatient",
                    stay.days,
                    total,
                )
            )

    def _payments(self, received: date) -> list[Row]:
        claims = sorted(self.due.pop(received, []), key=lambda c: (c.payer_id, c.hospital_id, c.encounter_number))
        rng = np.random.default_rng([self.config.seed, received.toordinal(), 3])
        lines: defaultdict[str, int] = defaultdict(int)
        found = []
        for claim in claims:
            lines[claim.payer_id] += 1
            found.append(remittance_row(rng, claim, received, lines[claim.payer_id]))
        return found
