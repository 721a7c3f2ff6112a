"""Inpatient scenarios of the airways, the pleura and the pulmonary vessels."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study
from medcode_ml.simulation.scenarios.shared_findings import HYPOXIC

SCENARIOS = (
    Scenario(
        name="copd_exacerbation",
        setting="inpatient",
        weight=6,
        ages=(50, 89),
        service="MED",
        complaint=("worsening SOB and cough x {n} days", "dyspnea, wheezing", "can't catch my breath"),
        admitting=("R06.02", "R06.2"),
        hpi=(
            (
                (
                    "{age} yo {man} with long-standing COPD presents with {n} days of increasing dyspnea, "
                    "cough and change in sputum color."
                ),
                (
                    "{age}{sexletter} w/ known severe COPD, FEV1 38% pred, here with {n}d of wheeze, chest "
                    "tightness and thicker sputum."
                ),
            ),
            (
                "Used rescue inhaler q2h at home without relief.",
                "Ran out of {his} maintenance inhaler last week.",
                "Recent sick contact, grandchild with a cold.",
            ),
            (
                "Received duonebs x3 and solumedrol 125 in the ED with partial improvement.",
                "In ED: nebs, steroids, BiPAP trial with relief.",
            ),
        ),
        main=(
            Dx(
                "J44.1",
                ("COPD exacerbation", "AECOPD", "acute flare of COPD", "COPD with acute exac"),
                plan=(
                    "duonebs q4h, pred 40 x5d, azithro",
                    "steroids, scheduled nebs, O2 goal 88-92",
                    "continue nebs and prednisone taper; smoking cessation",
                ),
            ),
        ),
        also=(
            HYPOXIC,
            Dx(
                "J96.22",
                ("acute on chronic hypercapnic resp failure", "acute on chronic hypercarbic RF, pCO2 70s"),
                share=0.2,
                plan=("BiPAP overnight, repeat ABG in am",),
                ops=(Op("5A09457", "BiPAP for about 36 hours"),),
                labs={"pCO2": (62, 84)},
            ),
            Dx("E87.6", ("hypokalemia", "low K"), share=0.12, plan=("replete, recheck in am",), labs={"K": (2.8, 3.3)}),
        ),
        exam={
            "lungs": "diffuse exp wheezes b/l, prolonged expiratory phase, poor air movement, no crackles",
            "general": "sitting up, tripoding, speaking in short sentences",
        },
        vitals={"RR": (22, 32), "HR": (95, 120), "SpO2": (83, 91)},
        labs={"WBC": (8, 14)},
        studies=(
            Study(
                "CXR portable",
                (
                    (
                        "Hyperinflated lungs with flattened diaphragms. No focal airspace opacity. Heart size "
                        "within normal limits."
                    ),
                ),
                ("Hyperinflation without acute infiltrate.", "No acute cardiopulmonary process. No evidence of PTX."),
            ),
        ),
        course=(
            (
                "Improved with nebs and steroids, ambulating on room air by discharge.",
                "Slow to improve, wheezing persisted until day 3.",
            ),
            ("Transitioned to oral prednisone to complete 5 days.",),
        ),
        denies=("chest pain", "fever", "hemoptysis", "leg swelling"),
        drugs=("methylprednisolone 60 mg IV q8h", "ipratropium-albuterol neb q4h", "azithromycin 500 mg PO daily"),
        los=(2, 4, 8),
        leaves={"01": 0.7, "06": 0.2, "03": 0.1},
        has=("copd",),
        without=("asthma",),
        consult="Pulmonary",
    ),
    Scenario(
        name="pulmonary_embolism",
        setting="inpatient",
        weight=3,
        ages=(30, 85),
        service="MED",
        complaint=("sudden SOB and pleuritic chest pain", "shortness of breath x1 day"),
        admitting=("R06.02", "R07.1"),
        hpi=(
            (
                "{age} yo {man} with sudden onset pleuritic {side}-sided chest pain and dyspnea.",
                "{age}{sexletter} with {n} days of exertional dyspnea, near-syncope this morning.",
            ),
            (
                "Recently returned from a 10 hour drive.",
                "Had been mostly in bed after a back strain.",
                "On OCPs until last year.",
            ),
            ("CTPA showed filling defects in the {side} lower lobe pulmonary arteries.",),
        ),
        main=(
            Dx(
                "I26.99",
                ("acute PE", "b/l pulmonary emboli, no RV strain", "submassive PE ruled out, low-risk PE"),
                share=0.75,
                plan=("heparin gtt -> apixaban 10 BID x7d then 5 BID", "apixaban load, hypercoag w/u as outpt"),
            ),
            Dx(
                "I26.09",
                ("acute PE with RV strain", "submassive PE, acute cor pulmonale on echo"),
                share=0.25,
                plan=("heparin gtt, PERT consulted, tele/stepdown",),
                labs={"Troponin": (0.08, 0.6), "BNP": (350, 1400)},
            ),
        ),
        also=(
            Dx(
                "I82.41{side:1|2}",
                ("acute DVT of {side} femoral vein", "{side:R|L} femoral DVT on duplex"),
                share=0.4,
                plan=("anticoag as above",),
            ),
            HYPOXIC,
        ),
        exam={"lungs": "clear b/l, tachypneic", "ext": "{side} calf asymmetric, mildly tender, no pitting"},
        vitals={"HR": (105, 128), "RR": (20, 28), "SpO2": (88, 94)},
        labs={"D-dimer": (1800, 9000)},
        studies=(
            Study(
                "CT angiogram chest",
                (
                    (
                        "Filling defects in segmental branches of the {side} lower lobe. RV/LV ratio 0.8. No "
                        "pleural effusion."
                    ),
                ),
                ("Acute pulmonary emboli, {side} lower lobe. No CT evidence of right heart strain.",),
            ),
        ),
        course=(
            ("Hemodynamically stable throughout, weaned to RA.",),
            ("Counselled on anticoagulation and bleeding precautions.",),
        ),
        denies=("hemoptysis", "leg trauma", "melena", "prior clots"),
        drugs=("heparin infusion 18 units/kg/h", "apixaban 10 mg PO BID"),
        los=(2, 3, 6),
        icu=0.2,
        without=("afib", "hx_dvt"),
        leaves={"01": 0.93, "06": 0.05, "20": 0.02},
    ),
    Scenario(
        name="pneumothorax_spontaneous",
        setting="inpatient",
        weight=1,
        ages=(18, 40),
        service="SURG",
        sex="M",
        complaint=("sudden {side} chest pain",),
        admitting=("R07.1",),
        hpi=(
            ("Tall thin {age} yo {man} with abrupt onset {side}-sided chest pain and SOB while sitting at desk.",),
            ("No trauma.", "Similar smaller episode two years ago, observed only."),
            ("CXR with moderate {side} PTX, pigtail placed in ED.",),
        ),
        main=(
            Dx(
                "J93.11",
                ("primary spontaneous PTX, {side}", "spontaneous pneumothorax {side:R|L} side, no underlying lung dz"),
                plan=("pigtail to suction, daily CXR", "water seal trial today"),
            ),
        ),
        exam={"lungs": "decreased breath sounds on {side}, hyperresonant"},
        vitals={"SpO2": (91, 96), "RR": (20, 26)},
        studies=(
            Study(
                "CXR portable",
                ("{side:Right|Left} pneumothorax measuring 3.5 cm at the apex, no mediastinal shift.",),
                ("Moderate {side} pneumothorax.", "Interval re-expansion following pigtail placement."),
            ),
        ),
        ops=(
            Op(
                "0W9{side:9|B}30Z",
                "{side} pigtail chest tube",
                note=(
                    "14 Fr pigtail placed in the {side} 5th intercostal space, anterior axillary line.",
                    "Rush of air, tube to -20 suction. Post-procedure film with re-expansion.",
                ),
            ),
        ),
        course=(("Lung up on water seal, tube pulled on day of discharge.",),),
        denies=("fever", "trauma", "hemoptysis"),
        drugs=("ketorolac 15 mg IV q6h",),
        los=(2, 3, 5),
        chronic=0.3,
    ),
)
