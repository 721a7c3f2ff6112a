"""Inpatient scenarios of pneumonia, COVID-19 and influenza."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study
from medcode_ml.simulation.scenarios.shared_findings import HYPOXIC

SCENARIOS = (
    Scenario(
        name="pneumonia_community",
        setting="inpatient",
        weight=6,
        ages=(35, 92),
        service="MED",
        complaint=("fever, cough, SOB", "productive cough and fevers x {n} days", "weakness and cough"),
        admitting=("R05.1", "R50.9"),
        hpi=(
            (
                "{age} yo {man} presenting with {n} days of productive cough, subjective fevers and pleuritic pain.",
                "{age}{sexletter} brought in by family for {n}d of cough, rigors and poor PO intake.",
            ),
            ("Sputum is rusty.", "Failed outpatient doxycycline.", "No recent hospitalization."),
            (
                "CXR in ED with {side:RLL|LLL} infiltrate; given ceftriaxone and azithro.",
                "ED workup notable for leukocytosis and a {side:RLL|LLL} opacity.",
            ),
        ),
        main=(
            Dx(
                "J18.9",
                ("CAP", "community acquired pneumonia", "pneumonia, {side:RLL|LLL}", "PNA"),
                share=0.6,
                plan=("ceftriaxone/azithro day 2, narrow when cx back", "continue CTX + azithro x5d, IS, OOB"),
            ),
            Dx(
                "J13",
                ("pneumococcal PNA", "strep pneumo pneumonia, urine antigen positive"),
                share=0.15,
                plan=("narrowed to ampicillin, total 5 days",),
                cultures=(("Sputum", "Streptococcus pneumoniae"),),
            ),
            Dx(
                "J15.9",
                ("bacterial pneumonia", "presumed bacterial PNA"),
                share=0.15,
                plan=("CTX + doxy, transition to PO augmentin",),
            ),
            Dx(
                "J69.0",
                ("aspiration PNA", "aspiration pneumonia after witnessed choking"),
                share=0.10,
                hedge=0.4,
                plan=("unasyn, SLP eval, aspiration precautions",),
                story=("Family describes coughing with meals and a choking episode two nights ago.",),
            ),
        ),
        also=(
            HYPOXIC,
            Dx(
                "N17.9",
                ("AKI", "acute kidney injury, prerenal"),
                share=0.15,
                plan=("IVF, avoid nephrotoxins, trend Cr",),
                labs={"Cr": (1.7, 2.9), "BUN": (32, 60)},
            ),
            Dx(
                "E87.1",
                ("hyponatremia", "low Na, likely SIADH from PNA"),
                share=0.12,
                plan=("fluid restrict, BMP q8h",),
                labs={"Na": (122, 131)},
            ),
            Dx(
                "J91.8",
                ("parapneumonic effusion", "small parapneumonic effusion on {side}"),
                share=0.08,
                plan=("tapped, simple; monitor",),
                ops=(Op("0W9{side:9|B}3ZZ", "bedside thoracentesis, {side}", day=1),),
            ),
        ),
        exam={"lungs": "crackles at {side} base with bronchial breath sounds, dull to percussion"},
        vitals={"T": (38.2, 39.6), "RR": (20, 30), "HR": (98, 122), "SpO2": (86, 93)},
        labs={"WBC": (12.5, 21), "Procalcitonin": (0.6, 6)},
        studies=(
            Study(
                "CXR PA/lateral",
                (
                    "{side:Right|Left} lower lobe consolidation with air bronchograms. No pneumothorax.",
                    "Patchy opacity at the {side} base, new since prior.",
                ),
                (
                    (
                        "{side:RLL|LLL} consolidation compatible with pneumonia in the right clinical "
                        "setting. Follow to resolution."
                    ),
                ),
            ),
        ),
        course=(
            ("Defervesced by hospital day 2.", "Afebrile for 24 h, WBC trending down."),
            ("Switched to PO antibiotics to finish course at home.",),
        ),
        denies=("hemoptysis", "chest pain", "recent travel", "calf pain"),
        drugs=("ceftriaxone 1 g IV daily", "azithromycin 500 mg IV daily"),
        cultures=(("Blood culture", ""),),
        los=(2, 4, 9),
        leaves={"01": 0.68, "06": 0.14, "03": 0.14, "20": 0.04},
        consult="Infectious Disease",
    ),
    Scenario(
        name="covid_pneumonia",
        setting="inpatient",
        weight=3,
        ages=(45, 90),
        service="MED",
        complaint=("cough, fever, SOB, COVID+",),
        admitting=("R05.1", "R06.02"),
        hpi=(
            (
                (
                    "{age} yo {man} tested positive for COVID at home {n} days ago, now with progressive "
                    "dyspnea and fatigue."
                ),
            ),
            ("Unvaccinated this season.", "Had last booster over 2 yrs ago."),
            ("SARS-CoV-2 PCR positive in ED, bilateral ground glass on imaging.",),
        ),
        main=(
            Dx(
                "U07.1",
                ("COVID", "COVID-19 infection, PCR confirmed", "SARS-CoV-2 positive"),
                plan=("dex 6 mg x10d, remdesivir x5d, isolation",),
                brings=(
                    Dx(
                        "J12.82",
                        ("COVID pneumonia", "COVID PNA, b/l GGOs", "viral pneumonia d/t COVID"),
                        plan=("O2, prone as tolerated, IS",),
                    ),
                ),
            ),
        ),
        also=(
            Dx(
                "J96.01",
                ("acute hypoxic respiratory failure", "AHRF on HFNC 40 L"),
                share=0.6,
                plan=("HFNC, wean FiO2",),
                ops=(Op("5A0935A", "high flow nasal cannula"),),
            ),
            Dx("Z28.310", ("unvaccinated for COVID",), share=0.3, place="story", poa="Y"),
            Dx(
                "D69.59",
                ("thrombocytopenia from acute illness", "secondary thrombocytopenia"),
                share=0.05,
                plan=("trend plts",),
                labs={"Plt": (70, 120)},
            ),
        ),
        exam={"lungs": "b/l scattered crackles, no wheeze"},
        vitals={"T": (37.8, 39.2), "RR": (22, 32), "SpO2": (84, 92)},
        labs={"CRP": (60, 190), "Ferritin": (600, 2100), "WBC": (3.1, 8.5)},
        studies=(
            Study(
                "CXR portable",
                ("Bilateral peripheral hazy opacities, lower zone predominant.",),
                ("Multifocal opacities, pattern seen with viral pneumonia.",),
            ),
        ),
        course=(
            ("Oxygen needs peaked on day 3 then improved.", "Weaned to 2 L by discharge."),
            ("Completed remdesivir.",),
        ),
        denies=("chest pain", "loss of consciousness", "diarrhea"),
        drugs=("dexamethasone 6 mg PO daily", "remdesivir 200 mg IV then 100 mg daily", "enoxaparin 40 mg SC daily"),
        los=(3, 6, 14),
        icu=0.2,
        leaves={"01": 0.6, "06": 0.15, "03": 0.15, "20": 0.1},
    ),
    Scenario(
        name="influenza_inpatient",
        setting="inpatient",
        weight=1.5,
        ages=(40, 90),
        service="MED",
        complaint=("flu-like illness, weakness",),
        admitting=("R50.9",),
        hpi=(
            ("{age} yo {man} with {n} days of myalgias, fever, dry cough, rapid flu A positive.",),
            ("Could not keep up with fluids at home.", "Lives in assisted living with several sick residents."),
        ),
        main=(
            Dx(
                "J10.1",
                ("influenza A", "flu A with bronchitis sx", "acute flu A infection"),
                share=0.7,
                plan=("oseltamivir 75 BID x5d, droplet precautions",),
            ),
            Dx(
                "J10.08",
                ("influenza A pneumonia", "flu A with viral pneumonia"),
                share=0.3,
                plan=("oseltamivir, CTX until cx neg",),
            ),
        ),
        also=(
            Dx("E86.0", ("dehydration", "volume depleted, dehydrated"), share=0.5, plan=("LR 100/h",)),
            Dx("J96.01", ("acute hypoxic respiratory failure",), share=0.25, plan=("O2 prn",)),
        ),
        exam={"lungs": "coarse, no focal findings"},
        vitals={"T": (38.3, 39.7), "HR": (95, 118)},
        studies=(
            Study(
                "CXR PA/lateral", ("Mild peribronchial cuffing. No lobar consolidation.",), ("No focal consolidation.",)
            ),
        ),
        course=(("Fever broke on day 2, eating and walking the halls.",),),
        denies=("neck stiffness", "chest pain", "rash"),
        drugs=("oseltamivir 75 mg PO BID",),
        los=(2, 3, 6),
        leaves={"01": 0.8, "03": 0.15, "06": 0.05},
    ),
    Scenario(
        name="respiratory_failure_ventilated_pneumonia",
        setting="inpatient",
        weight=1.2,
        ages=(50, 86),
        service="MICU",
        complaint=("respiratory distress, intubated in ED",),
        admitting=("R06.03",),
        hpi=(
            ("{age} yo {man} found by family in severe respiratory distress, intubated on arrival.",),
            ("Several days of cough and chills beforehand per family.",),
            ("Admitted to MICU on PRVC, FiO2 70%.",),
        ),
        main=(
            Dx(
                "J15.212",
                ("MRSA pneumonia", "PNA, resp cx growing MRSA"),
                share=0.4,
                plan=("vanc, trough per pharmacy",),
                cultures=(("Tracheal aspirate", "Staphylococcus aureus, methicillin resistant"),),
            ),
            Dx(
                "J15.69",
                ("gram negative PNA", "GNR pneumonia, enterobacter"),
                share=0.6,
                plan=("cefepime x7d",),
                cultures=(("Tracheal aspirate", "Enterobacter cloacae"),),
            ),
        ),
        also=(
            Dx(
                "J96.01",
                ("acute hypoxic respiratory failure requiring intubation", "AHRF, vented"),
                plan=("lung protective ventilation, SAT/SBT daily", "extubated to HFNC"),
                ops=(
                    Op("5A1955Z", "mechanical ventilation, 5 days"),
                    Op("0BH17EZ", "endotracheal intubation"),
                    Op("02HV33Z", "{side} IJ central line", day=0),
                ),
            ),
            Dx(
                "E43",
                ("severe protein calorie malnutrition", "severe malnutrition per RD, ASPEN criteria"),
                share=0.3,
                plan=("tube feeds, RD following",),
            ),
            Dx(
                "L89.152",
                ("stage 2 sacral pressure injury, found on day 5",),
                share=0.25,
                poa="N",
                day=5,
                place="nursing",
            ),
            Dx(
                "G93.41",
                ("toxic metabolic encephalopathy", "ICU delirium/metabolic encephalopathy"),
                share=0.2,
                plan=("delirium precautions, minimize sedation",),
            ),
            Dx("N17.9", ("AKI",), share=0.3, plan=("trend Cr, renally dose vanc",), labs={"Cr": (1.9, 3.4)}),
        ),
        exam={"lungs": "ventilated, coarse b/l, thick secretions", "neuro": "sedated, RASS -2, withdraws all 4"},
        vitals={"T": (38.1, 39.4), "HR": (100, 130), "SpO2": (90, 95)},
        labs={"WBC": (14, 26), "Lactate": (1.8, 3.4)},
        studies=(
            Study(
                "CXR portable",
                ("ETT 4 cm above carina. Dense bilateral lower lobe opacities, {side} worse.",),
                ("Multifocal airspace disease. Lines and tubes in place.",),
            ),
        ),
        course=(("Extubated on hospital day 6 after passing SBT.",), ("Deconditioned, PT/OT recommending SNF.",)),
        denies=("drug allergies",),
        drugs=("vancomycin 1.25 g IV q12h", "cefepime 2 g IV q8h", "propofol infusion"),
        los=(8, 11, 18),
        icu=1.0,
        leaves={"03": 0.5, "62": 0.15, "06": 0.1, "20": 0.25},
        consult="Infectious Disease",
    ),
)
