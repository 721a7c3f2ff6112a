"""Inpatient scenarios of the kidney, electrolytes, diabetes and other glands."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study

SCENARIOS = (
    Scenario(
        name="dka_type1",
        setting="inpatient",
        weight=2,
        ages=(18, 48),
        service="MED",
        complaint=("vomiting, high sugars",),
        admitting=("R73.9", "R11.2"),
        hpi=(
            (
                "{age} yo {man} with T1DM, missed insulin for {n} days after losing coverage, polyuria and vomiting.",
                "{age}{sexletter} T1DM on pump, site failure overnight, BG reading HIGH.",
            ),
            ("pH 7.08, AG 26, ketones large. Insulin gtt started.",),
        ),
        main=(
            Dx(
                "E10.10",
                ("DKA", "DKA in T1DM, gap 26", "diabetic ketoacidosis, type 1"),
                plan=(
                    "insulin gtt until gap closed, K repletion, transition to SQ",
                    "gap closed x2, SQ basal given, diet",
                ),
            ),
        ),
        also=(
            Dx("N17.9", ("AKI, prerenal",), share=0.3, plan=("resolved w/ IVF",), labs={"Cr": (1.6, 2.6)}),
            Dx("E87.6", ("hypokalemia",), share=0.3, poa="N", day=1, plan=("aggressive K",), labs={"K": (2.9, 3.3)}),
            Dx("E86.0", ("dehydration",), share=0.3, plan=("LR boluses",)),
            Dx(
                "Z91.120",
                ("Rationing {his} insulin because of cost.",),
                share=0.3,
                place="story",
                brings=(Dx("T38.3X6A", ("Took about half the prescribed units this week.",), place="story"),),
            ),
        ),
        exam={"general": "fruity breath, Kussmaul breathing", "abdomen": "mild diffuse tenderness"},
        vitals={"HR": (108, 132), "RR": (22, 32)},
        labs={"Glu": (420, 720), "CO2": (6, 12), "A1c": (9.5, 14), "BHB": (4.5, 9)},
        results=("VBG pH 7.08, ketones large",),
        course=(("Gap closed within 14 h, bridged to SQ insulin.",), ("Diabetes educator met with {him}.",)),
        denies=("fever", "dysuria", "cough"),
        drugs=(
            "insulin regular infusion 0.1 units/kg/h",
            "insulin glargine 20 units daily",
            "potassium chloride 40 mEq IV",
        ),
        los=(1, 2, 5),
        icu=0.5,
        chronic=0.3,
        without=("t2dm", "t2dm_neuro", "t2dm_hyper"),
        leaves={"01": 0.97, "07": 0.03},
    ),
    Scenario(
        name="hhs_type2",
        setting="inpatient",
        weight=1,
        ages=(50, 86),
        service="MED",
        complaint=("weakness, glucose >600",),
        admitting=("R73.9", "R53.1"),
        hpi=(("{age} yo {man} with T2DM, {n} days of polyuria and increasing lethargy, BG 840, osm 342.",),),
        main=(
            Dx(
                "E11.00",
                ("HHS", "hyperosmolar hyperglycemic state, T2DM, no coma"),
                plan=("IVF, insulin gtt, BMP q4h",),
            ),
        ),
        also=(
            Dx("N17.9", ("AKI",), share=0.6, plan=("IVF",), labs={"Cr": (1.9, 3.4), "BUN": (40, 76)}),
            Dx(
                "E87.0", ("hypernatremia, corrected Na 152",), share=0.25, plan=("free water",), labs={"Na": (147, 154)}
            ),
            Dx("Z79.4", ("takes insulin at home",), share=0.6, place="history"),
            Dx("N39.0", ("UTI",), share=0.3, plan=("CTX",), cultures=(("Urine culture", "Escherichia coli"),)),
        ),
        exam={"general": "dry mucosa, drowsy"},
        vitals={"HR": (100, 124), "SBP": (92, 112)},
        labs={"Glu": (620, 980), "A1c": (10, 15)},
        course=(("Osm normalised over 36 h.",),),
        denies=("abdominal pain", "vomiting"),
        drugs=("insulin regular infusion", "0.9% NaCl 250 mL/h"),
        los=(2, 4, 7),
        icu=0.5,
        without=("t2dm", "t2dm_neuro", "t2dm_hyper"),
        has=("htn",),
        leaves={"01": 0.65, "03": 0.2, "06": 0.15},
    ),
    Scenario(
        name="aki_on_ckd",
        setting="inpatient",
        weight=3,
        ages=(58, 90),
        service="MED",
        complaint=("poor PO intake, abnormal labs",),
        admitting=("R79.89", "R63.8"),
        hpi=(
            ("{age} yo {man} with CKD sent by PCP for Cr {n}.1 from baseline 1.8.",),
            ("GI illness for a week while still taking lisinopril and Lasix.", "Started on ibuprofen by urgent care."),
            ("FeNa 0.4, renal US without hydro.",),
        ),
        main=(
            Dx(
                "N17.9",
                ("AKI on CKD", "AKI, prerenal", "acute on chronic kidney injury"),
                share=0.65,
                plan=("IVF, hold ACEi/diuretic, avoid NSAIDs",),
            ),
            Dx(
                "N17.0",
                ("ATN", "AKI from ATN, muddy brown casts"),
                share=0.35,
                plan=("supportive, daily Cr, renal consult",),
            ),
        ),
        also=(
            Dx(
                "E87.5",
                ("hyperkalemia, K 6.1", "high K w/ EKG changes"),
                share=0.35,
                plan=("Ca gluconate, insulin/dextrose, lokelma",),
                labs={"K": (5.7, 6.8)},
            ),
            Dx("E86.0", ("dehydration",), share=0.4, plan=("IVF",)),
            Dx("D63.1", ("anemia of CKD",), share=0.3, plan=("iron studies, ESA outpt",), labs={"Hgb": (8.6, 10.2)}),
        ),
        exam={"general": "dry mucous membranes"},
        vitals={"SBP": (96, 124)},
        labs={"Cr": (3.0, 5.6), "BUN": (52, 98), "CO2": (16, 21)},
        studies=(
            Study(
                "US renal",
                ("Kidneys 9.4 and 9.6 cm, echogenic, no hydronephrosis.",),
                ("Medical renal disease, no obstruction.",),
            ),
        ),
        course=(("Cr improved to near baseline by discharge.",),),
        denies=("hematuria", "flank pain", "urinary retention"),
        drugs=("lactated Ringer's 100 mL/h", "sodium zirconium 10 g PO"),
        los=(2, 4, 8),
        has=("htn", "ckd3b"),
        chronic=3.5,
        without=("anemia_ckd", "esrd", "ida"),
        leaves={"01": 0.7, "06": 0.12, "03": 0.15, "20": 0.03},
        consult="Nephrology",
    ),
    Scenario(
        name="hyponatremia_siadh",
        setting="inpatient",
        weight=1.5,
        ages=(55, 92),
        service="MED",
        complaint=("weakness, fall, Na 118",),
        admitting=("E87.1", "R53.1"),
        hpi=(
            ("{age} yo {man} with {n} days of nausea, unsteadiness, found Na 118.",),
            ("Started sertraline a month ago.", "HCTZ was added by PCP 3 weeks ago."),
        ),
        main=(
            Dx(
                "E87.1",
                ("hyponatremia", "symptomatic hypoosmolar hyponatremia from HCTZ", "low Na, euvolemic"),
                share=0.55,
                plan=("stop HCTZ, Na q4h, correct <8/24h",),
                brings=(
                    Dx(
                        "T50.2X5A",
                        ("Thought to be from {his} thiazide, taken as prescribed.",),
                        place="story",
                        share=0.6,
                    ),
                ),
            ),
            Dx(
                "E22.2",
                ("SIADH", "SIADH from SSRI"),
                share=0.45,
                plan=("1 L fluid restriction, salt tabs",),
                brings=(
                    Dx("T43.225A", ("Sertraline felt to be the culprit, dose was as prescribed.",), place="story"),
                ),
            ),
        ),
        exam={"neuro": "slow but oriented x3, no focal deficit"},
        labs={"Na": (114, 123)},
        results=("Urine osm 480, urine Na 52, serum osm 248",),
        course=(("Na 131 at discharge, gait steady.",),),
        denies=("seizure", "headache", "vomiting"),
        drugs=("3% saline 100 mL bolus", "sodium chloride 1 g PO TID"),
        los=(2, 4, 7),
        icu=0.2,
        leaves={"01": 0.75, "03": 0.15, "06": 0.1},
        without=("chf_chronic",),
        consult="Nephrology",
    ),
    Scenario(
        name="kidney_stone_stent",
        setting="inpatient",
        weight=1,
        ages=(25, 75),
        service="UROL",
        complaint=("{side} flank pain, fever",),
        admitting=("N23",),
        hpi=(("{age} yo {man} with {side} flank pain {n} days, chills, 7 mm {side} UVJ stone on CT.",),),
        main=(
            Dx(
                "N13.6",
                (
                    "obstructing stone with infection, {side}",
                    "infected hydro from ureteral stone",
                    "pyonephrosis {side:R|L}, obstructing calculus",
                ),
                plan=("urgent stent, CTX, ureteroscopy in 2 wks",),
            ),
        ),
        also=(
            Dx(
                "B96.4",
                ("proteus in urine",),
                share=0.3,
                plan=("CTX",),
                cultures=(("Urine culture", "Proteus mirabilis"),),
            ),
        ),
        ops=(
            Op(
                "0T7{side:6|7}8DZ",
                "cystoscopy with {side} ureteral stent",
                day=0,
                note=(
                    (
                        "Cystoscope passed, purulent efflux from {side} UO. Wire past stone, 6 x 26 double-J "
                        "placed with good curl."
                    ),
                ),
            ),
        ),
        exam={"back": "{side} CVAT"},
        vitals={"T": (38.2, 39.4), "HR": (94, 116)},
        labs={"WBC": (13, 20), "Cr": (1.1, 1.4)},
        results=("UA: blood 3+, LE mod, nitrite pos",),
        studies=(
            Study(
                "CT stone protocol",
                ("7 mm calculus at the {side} UVJ with moderate hydroureteronephrosis and stranding.",),
                ("Obstructing {side} distal ureteral calculus.",),
            ),
        ),
        course=(("Afebrile after decompression.",),),
        denies=("gross hematuria", "prior stones"),
        drugs=("ceftriaxone 2 g IV daily", "tamsulosin 0.4 mg PO daily"),
        los=(1, 2, 4),
        chronic=1.2,
    ),
    Scenario(
        name="hypertensive_emergency",
        setting="inpatient",
        weight=1,
        ages=(38, 80),
        service="MED",
        complaint=("severe headache, BP 230s",),
        admitting=("R51.9", "R03.0"),
        hpi=(("{age} yo {man} out of BP meds x {n} weeks, throbbing HA and blurry vision, BP 232/128, Cr up.",),),
        main=(
            Dx(
                "I16.1",
                ("hypertensive emergency", "HTN emergency w/ AKI"),
                plan=("nicardipine gtt, lower MAP 20%, PO regimen",),
            ),
        ),
        also=(
            Dx("N17.9", ("AKI from HTN",), share=0.6, plan=("trend",), labs={"Cr": (1.8, 2.8)}),
            Dx("Z91.148", ("Had not been taking {his} amlodipine or losartan.",), share=0.6, place="story"),
        ),
        exam={"neuro": "non-focal", "heart": "S4, no murmur"},
        vitals={"SBP": (208, 244), "HR": (84, 104)},
        studies=(Study("CT head without contrast", ("No hemorrhage.",), ("No acute intracranial abnormality.",)),),
        course=(("Weaned off drip in 24 h, BP 140s on three agents.",),),
        denies=("chest pain", "weakness", "dyspnea"),
        drugs=("nicardipine infusion", "amlodipine 10 mg PO daily", "labetalol 200 mg PO BID"),
        los=(1, 3, 5),
        icu=0.7,
        has=("htn",),
    ),
    Scenario(
        name="thyroidectomy_goiter",
        setting="inpatient",
        weight=0.5,
        ages=(30, 70),
        service="SURG",
        admission_type="3",
        complaint=("elective thyroid surgery",),
        admitting=("E04.2",),
        hpi=(("{age} yo {man} with enlarging multinodular goiter and compressive symptoms.",),),
        main=(
            Dx(
                "E04.2",
                ("MNG, compressive", "multinodular goiter with dysphagia"),
                plan=("s/p total thyroidectomy, Ca/PTH checks, levothyroxine",),
            ),
        ),
        also=(
            Dx(
                "E89.2",
                ("post surgical low PTH/hypocalcemia",),
                share=0.3,
                poa="N",
                day=1,
                plan=("calcitriol, Ca carbonate",),
                labs={"Ca": (7.1, 7.9)},
            ),
        ),
        ops=(
            Op(
                "0GTK0ZZ",
                "total thyroidectomy",
                day=0,
                note=(
                    (
                        "Collar incision. Both lobes mobilised, RLNs identified with nerve monitor, "
                        "parathyroids preserved with blood supply."
                    ),
                    "Gland removed en bloc, hemostasis, platysma closed. EBL 30 cc.",
                ),
            ),
        ),
        exam={"neck": "dressing dry, no hematoma, voice strong"},
        course=(("Calcium stable on supplements.",),),
        denies=("hoarseness", "stridor"),
        drugs=("levothyroxine 112 mcg PO daily", "calcium carbonate 1 g PO TID"),
        los=(1, 1, 3),
        chronic=1.5,
        without=("hypothyroid",),
        pathology="nodular hyperplasia, no malignancy",
    ),
)
