"""Clinical content of the simulated network, by specialty. No machinery stands here."""

from __future__ import annotations

from medcode_ml.simulation.model import Scenario
from medcode_ml.simulation.scenarios import (
    clinic,
    coronary_valve,
    elective_surgery,
    emergency,
    fractures_trauma,
    gut,
    heart_failure_rhythm,
    liver_pancreas,
    lung_infection,
    lungs,
    mental_health_substance,
    neurology,
    newborn,
    obstetrics,
    oncology,
    outbreaks,
    outpatient_injury,
    outpatient_specialty,
    pediatrics,
    renal_endocrine,
    sepsis,
    wound_device_infection,
)

SCENARIOS: tuple[Scenario, ...] = (
    *clinic.SCENARIOS,
    *coronary_valve.SCENARIOS,
    *elective_surgery.SCENARIOS,
    *emergency.SCENARIOS,
    *fractures_trauma.SCENARIOS,
    *gut.SCENARIOS,
    *heart_failure_rhythm.SCENARIOS,
    *liver_pancreas.SCENARIOS,
    *lung_infection.SCENARIOS,
    *lungs.SCENARIOS,
    *mental_health_substance.SCENARIOS,
    *neurology.SCENARIOS,
    *newborn.SCENARIOS,
    *obstetrics.SCENARIOS,
    *oncology.SCENARIOS,
    *outpatient_injury.SCENARIOS,
    *outpatient_specialty.SCENARIOS,
    *pediatrics.SCENARIOS,
    *renal_endocrine.SCENARIOS,
    *sepsis.SCENARIOS,
    *wound_device_infection.SCENARIOS,
    *outbreaks.SCENARIOS,
)
BY_NAME: dict[str, Scenario] = {s.name: s for s in SCENARIOS}
