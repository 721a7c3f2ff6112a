"""Outbreaks: stories that no patient brings of itself; a disease wave tells them (`DiseaseWave`)."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study

_HYPOXIA = Dx(
    "J96.01",
    ("acute hypoxic resp failure", "AHRF on HFNC"),
    share=0.55,
    plan=("HFNC, wean as tolerated", "continue HFNC, prone as able"),
    drugs=("albuterol neb q4h prn",),
)
SCENARIOS = (
    Scenario(
        name="legionella_outbreak",
        setting="inpatient",
        weight=0.0,
        ages=(45, 86),
        service="MED",
        complaint=("fever, cough, diarrhea", "high fever, confusion"),
        admitting=("R50.9", "R05.9"),
        hpi=(
            ("{age} yo {man} with {n} days of fevers to 104, dry cough and loose stools, hotel stay last week.",),
            (
                "Third pt this week from the same cooling tower cluster, county aware.",
                "Works at the convention center.",
            ),
        ),
        main=(
            Dx(
                "A48.1",
                ("Legionella PNA", "Legionnaires, urine Ag +", "LP1 pneumonia", "cooling tower PNA, UAg pos"),
                plan=("levaquin x10d", "levofloxacin IV, droplet not needed", "report to county"),
                labs={"Na": (124, 133), "WBC": (11, 19)},
            ),
        ),
        also=(
            _HYPOXIA,
            Dx("E87.1", ("hyponatremia", "low Na from legionella"), share=0.5, plan=("fluid restrict, Na q6h",)),
            Dx("N17.9", ("AKI", "prerenal AKI"), share=0.3, plan=("IVF, hold ACEi",), labs={"Cr": (1.6, 2.8)}),
            Dx("A41.89", ("legionella sepsis", "sepsis from legionella"), share=0.25, plan=("30 cc/kg given",)),
            Dx("Z77.098", ("exposed to cooling tower mist at work",), share=0.2, place="history"),
        ),
        exam={"lungs": "crackles R base, egophony", "neuro": "slow to answer, oriented x2"},
        vitals={"T": (39.1, 40.6), "HR": (78, 102), "RR": (22, 32), "SpO2": (84, 91)},
        studies=(
            Study(
                "Chest X-ray",
                ("Dense right lower lobe consolidation, small effusion.",),
                ("Right lower lobe consolidation.",),
            ),
        ),
        course=(("Defervesced on day {n} of levofloxacin.", "Slow improvement on levofloxacin."),),
        denies=("hemoptysis", "rash", "chest pain"),
        drugs=("levofloxacin 750 mg IV daily",),
        ops=(Op("5A0935A", "high flow nasal oxygen", share=0.4),),
        los=(3, 6, 11),
        icu=0.25,
        leaves={"01": 0.7, "03": 0.15, "06": 0.1, "20": 0.05},
        chronic=2.0,
        without=("copd", "asthma"),
        consult="Infectious Disease",
    ),
    Scenario(
        name="vaping_lung_outbreak",
        setting="inpatient",
        weight=0.0,
        ages=(18, 42),
        service="MED",
        complaint=("SOB, vomiting", "dyspnea, chest tightness, vapes"),
        admitting=("R06.00", "R11.10"),
        hpi=(
            ("{age} yo {man}, daily THC carts from a friend, {n} days of dyspnea, n/v and fevers.",),
            ("Failed azithro from urgent care.", "Two friends admitted with the same."),
        ),
        main=(
            Dx(
                "U07.0",
                ("EVALI", "vape lung", "cart-related lung injury", "vaping assoc lung injury"),
                plan=("solumedrol 60 q12, no more carts", "steroids, stop abx if cx neg"),
            ),
        ),
        also=(
            _HYPOXIA,
            Dx("J68.0", ("chemical pneumonitis", "lipoid pneumonitis on BAL"), share=0.6, plan=("steroids",)),
            Dx("F12.10", ("THC use, daily", "cannabis misuse"), share=0.6, plan=("SW for cessation",)),
            Dx("F17.290", ("nicotine pods, dependent", "vapes nicotine all day"), share=0.5, plan=("patch",)),
            Dx("J80", ("ARDS",), share=0.12, plan=("low Vt ventilation, prone",)),
        ),
        exam={"lungs": "diffuse fine crackles", "abdomen": "soft, mild epigastric tenderness"},
        vitals={"T": (37.8, 39.2), "HR": (104, 132), "RR": (24, 36), "SpO2": (82, 90)},
        labs={"WBC": (12, 21)},
        studies=(
            Study(
                "CT chest",
                ("Diffuse bilateral ground glass opacities with subpleural sparing.",),
                ("Bilateral ground glass opacities.",),
            ),
        ),
        course=(("Brisk response to steroids.", "Weaned to room air on steroids."),),
        denies=("hemoptysis", "leg swelling", "rash"),
        drugs=("methylprednisolone 60 mg IV q12h",),
        los=(3, 5, 9),
        icu=0.35,
        chronic=0.4,
        without=("tobacco", "former_smoker"),
        consult="Pulmonary",
    ),
)
