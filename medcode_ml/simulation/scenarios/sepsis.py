"""Inpatient scenarios of sepsis by source, and of kidney and skin infection."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study

_SHOCK = Dx(
    "R65.21",
    ("septic shock", "septic shock on levophed"),
    share=0.3,
    plan=("levophed, MAP >65, stress dose steroids",),
    story=("Hypotensive after 30 cc/kg, central line placed and norepinephrine started.",),
    ops=(Op("02HV33Z", "{side} IJ central line"),),
    drugs=("norepinephrine infusion",),
    labs={"Lactate": (4.2, 8.5)},
)
_AKI = Dx(
    "N17.9",
    ("AKI", "acute kidney injury from sepsis"),
    plan=("Cr trending down w/ IVF", "hold ACEi, renally dose abx"),
    labs={"Cr": (1.9, 3.8), "BUN": (34, 72)},
)
_LACTIC = Dx("E87.20", ("lactic acidosis", "lactate 4, acidosis"), share=0.15, plan=("trend lactate",))
_ENCEPH = Dx(
    "G93.41",
    ("septic encephalopathy", "metabolic encephalopathy 2/2 infection"),
    share=0.25,
    plan=("treat infection, reorient",),
    story=("Family says {he} is not {himself}, pulling at lines and not knowing where {he} is.",),
)

SCENARIOS = (
    Scenario(
        name="sepsis_urinary",
        setting="inpatient",
        weight=5,
        ages=(55, 94),
        service="MED",
        complaint=("fever, confusion", "AMS and hypotension from facility"),
        admitting=("A41.9", "R41.82"),
        hpi=(
            (
                "{age} yo {man} sent in with fever to 39, rigors and lethargy.",
                "{age}{sexletter} from SNF with {n} days of foul urine, now febrile and less responsive.",
            ),
            (
                "UA grossly positive, lactate elevated, 30 cc/kg given.",
                "Met SIRS with T, HR and WBC; code sepsis called.",
            ),
        ),
        main=(
            Dx(
                "A41.51",
                ("sepsis d/t E coli", "E. coli urosepsis with bacteremia", "sepsis, GN bacteremia (E coli)"),
                share=0.5,
                plan=("CTX, narrow per sensitivities, 7-10 d",),
                cultures=(("Blood culture", "Escherichia coli"), ("Urine culture", "Escherichia coli")),
            ),
            Dx(
                "A41.9",
                ("sepsis from UTI", "sepsis 2/2 urinary source, cx pending"),
                share=0.35,
                plan=("CTX 1 g q24, f/u cultures",),
                cultures=(("Urine culture", ""),),
            ),
            Dx(
                "A41.59",
                ("Klebsiella sepsis", "sepsis, Klebsiella in blood"),
                share=0.15,
                plan=("CTX -> PO cipro",),
                cultures=(("Blood culture", "Klebsiella pneumoniae"),),
            ),
        ),
        also=(
            Dx("N39.0", ("UTI", "complicated UTI", "urinary source"), share=0.65, plan=("as above",)),
            Dx(
                "R65.20",
                ("severe sepsis", "sepsis w/ organ dysfunction (AKI)"),
                share=0.35,
                plan=("lactate cleared",),
                brings=(_AKI, Dx("E87.20", ("lactic acidosis",), share=0.3, plan=("resolved",)), _ENCEPH),
            ),
            Dx("E86.0", ("dehydration",), share=0.15, plan=("IVF",)),
        ),
        exam={"abdomen": "soft, suprapubic tenderness, no rebound", "general": "ill appearing, drowsy but arousable"},
        vitals={"T": (38.4, 40.1), "HR": (105, 134), "SBP": (84, 104), "RR": (20, 28)},
        labs={"WBC": (14, 27), "Lactate": (2.1, 3.9)},
        results=("UA: large LE, nitrite pos, WBC >100, many bacteria",),
        course=(
            ("Defervesced within 48 h, pressures stable.",),
            ("Transitioned to PO antibiotics to complete 10 days.",),
        ),
        denies=("cough", "headache", "diarrhea"),
        drugs=("ceftriaxone 2 g IV daily", "lactated Ringer's 30 mL/kg bolus"),
        los=(3, 5, 9),
        icu=0.15,
        leaves={"01": 0.45, "03": 0.35, "06": 0.14, "20": 0.06},
        chronic=3.5,
        consult="Infectious Disease",
    ),
    Scenario(
        name="sepsis_pneumonia_shock",
        setting="inpatient",
        weight=2.5,
        ages=(50, 92),
        service="MICU",
        complaint=("SOB, fever, hypotension",),
        admitting=("A41.9", "R06.02"),
        hpi=(
            ("{age} yo {man} with {n} days of cough and fevers, found hypotensive and hypoxic at home.",),
            ("CXR with multilobar PNA. Broad abx within the hour.",),
        ),
        main=(
            Dx(
                "A41.9",
                ("sepsis d/t pneumonia", "sepsis 2/2 multilobar PNA"),
                share=0.6,
                plan=("vanc/cefepime, MRSA swab",),
                cultures=(("Blood culture", ""),),
            ),
            Dx(
                "A40.3",
                ("pneumococcal sepsis", "strep pneumo bacteremia with sepsis"),
                share=0.4,
                plan=("narrow to CTX",),
                cultures=(("Blood culture", "Streptococcus pneumoniae"),),
            ),
        ),
        also=(
            Dx("J18.9", ("multilobar PNA", "pneumonia"), plan=("as above, sputum cx",)),
            Dx(
                "R65.21",
                _SHOCK.says,
                share=0.55,
                plan=_SHOCK.plan,
                story=_SHOCK.story,
                ops=_SHOCK.ops,
                drugs=_SHOCK.drugs,
                labs=_SHOCK.labs,
                brings=(
                    Dx(
                        "J96.01",
                        ("acute hypoxic respiratory failure, intubated",),
                        plan=("lung protective vent", "SBT daily"),
                        ops=(Op("5A1945Z", "mechanical ventilation, 3 days"), Op("0BH17EZ", "endotracheal intubation")),
                    ),
                    _AKI,
                    _LACTIC,
                ),
            ),
            Dx("D69.6", ("thrombocytopenia",), share=0.15, plan=("trend, no heparin",), labs={"Plt": (58, 118)}),
            Dx(
                "E43",
                ("severe malnutrition", "severe protein-calorie malnutrition per dietitian"),
                share=0.15,
                plan=("RD consult, supplements",),
                brings=(Dx("Z68.1", ("BMI 17.2 on admission weight.",), place="nursing", poa="Y"),),
            ),
        ),
        exam={"lungs": "b/l rhonchi, bronchial breath sounds {side} base", "general": "toxic"},
        vitals={"T": (38.5, 40), "HR": (110, 140), "SBP": (70, 94), "SpO2": (82, 90), "RR": (26, 36)},
        labs={"WBC": (16, 31), "Procalcitonin": (6, 40)},
        studies=(
            Study(
                "CXR portable", ("Multilobar consolidation, {side} greater than {other}.",), ("Multifocal pneumonia.",)
            ),
        ),
        course=(
            ("Pressors off on day 3.", "Slow improvement, out of unit on day 5."),
            ("Course further notable for deconditioning.",),
        ),
        denies=("abdominal pain", "dysuria"),
        drugs=("vancomycin 1.5 g IV load", "cefepime 2 g IV q8h"),
        los=(5, 8, 15),
        icu=0.85,
        leaves={"01": 0.3, "03": 0.35, "06": 0.1, "20": 0.25},
        consult="Critical Care",
    ),
    Scenario(
        name="cellulitis_leg",
        setting="inpatient",
        weight=3,
        ages=(35, 88),
        service="MED",
        complaint=("red swollen {side} leg", "{side} leg redness and pain x {n} days"),
        admitting=("L03.11{side:5|6}",),
        hpi=(
            ("{age} yo {man} with {n} days of spreading erythema and warmth of {side} lower leg after a scratch.",),
            ("Failed 3 days of PO keflex.", "No bites or water exposure."),
            ("No gas on film, no crepitus.",),
        ),
        main=(
            Dx(
                "L03.11{side:5|6}",
                ("{side} leg cellulitis", "cellulitis {side:R|L} LE", "LE cellulitis failing PO abx"),
                plan=("IV cefazolin, mark borders, elevate", "vanc until MRSA swab back, then cefazolin"),
            ),
        ),
        also=(
            Dx(
                "I87.2",
                ("chronic venous stasis", "venous insufficiency changes b/l LE"),
                share=0.25,
                plan=("compression once infection resolves",),
            ),
            Dx("B35.1", ("toenail onychomycosis",), share=0.12, plan=("podiatry outpt",)),
        ),
        exam={
            "skin": "{side} shin with well demarcated erythema 14 x 20 cm, warm, no fluctuance",
            "ext": "pulses palpable",
        },
        vitals={"T": (37.6, 38.7), "HR": (84, 108)},
        labs={"WBC": (11, 17.5), "CRP": (45, 160)},
        studies=(
            Study(
                "Venous duplex {side} lower extremity", ("Veins compressible throughout.",), ("No evidence of DVT.",)
            ),
        ),
        course=(("Erythema receding within drawn borders.",), ("Discharged on cephalexin to complete 10 days.",)),
        denies=("chills", "chest pain", "IV drug use"),
        drugs=("cefazolin 2 g IV q8h",),
        los=(2, 3, 6),
        leaves={"01": 0.82, "06": 0.14, "03": 0.04},
        cultures=(("Blood culture", ""),),
        advice=("Return if redness spreads past the line or fever recurs.",),
    ),
    Scenario(
        name="pyelonephritis",
        setting="inpatient",
        weight=2,
        ages=(18, 70),
        sex="F",
        service="MED",
        complaint=("flank pain and fever",),
        admitting=("R50.9",),
        hpi=(
            ("{age} yo {man} with {n} days of dysuria then {side} flank pain, chills, vomiting.",),
            ("Unable to keep PO antibiotics down.",),
            ("CVA tenderness on {side}, UA positive.",),
        ),
        main=(
            Dx(
                "N10",
                ("acute pyelo, {side:R|L}", "pyelonephritis", "{side} pyelo, E coli"),
                plan=("CTX, antiemetics, PO when tolerating",),
            ),
        ),
        also=(
            Dx("B96.20", ("E coli in urine",), share=0.6, plan=("pan-sensitive",)),
            Dx("E86.0", ("dehydration",), share=0.3, plan=("IVF",)),
            Dx("E87.6", ("hypokalemia from emesis",), share=0.15, plan=("replete",), labs={"K": (2.9, 3.3)}),
        ),
        exam={"back": "{side} CVA tenderness"},
        vitals={"T": (38.3, 39.6), "HR": (96, 118)},
        labs={"WBC": (13, 19)},
        results=("UA: LE large, nitrite pos, WBC 50-100, bacteria 3+",),
        studies=(
            Study(
                "CT abdomen/pelvis",
                ("Striated enhancement of the {side} kidney, perinephric stranding. No stone or hydronephrosis.",),
                ("{side:Right|Left} pyelonephritis without abscess.",),
            ),
        ),
        cultures=(("Urine culture", "Escherichia coli"),),
        course=(("Afebrile by day 2, tolerating diet.",),),
        denies=("vaginal discharge", "hematuria", "chest pain"),
        drugs=("ceftriaxone 1 g IV daily", "ondansetron 4 mg IV prn"),
        los=(2, 3, 4),
        chronic=0.7,
    ),
)
