"""Inpatient scenarios of infected wounds, bones, devices and pressure ulcers."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study

SCENARIOS = (
    Scenario(
        name="diabetic_foot_osteomyelitis",
        setting="inpatient",
        weight=2.5,
        ages=(45, 82),
        service="MED",
        complaint=("{side} foot wound, drainage",),
        admitting=("E11.621",),
        hpi=(
            (
                (
                    "{age} yo {man} with longstanding T2DM and neuropathy, non-healing ulcer plantar {side} "
                    "great toe x {n} weeks, now draining with exposed bone."
                ),
            ),
            ("Probe to bone positive, MRI with marrow edema.",),
            ("Podiatry and vascular following.",),
        ),
        main=(
            Dx(
                "E11.69",
                (
                    "T2DM with osteo of {side} foot",
                    "diabetic foot osteomyelitis, {side} 1st toe",
                    "DM2 c/b {side:R|L} foot osteomyelitis",
                ),
                plan=("zosyn/vanc pending bone cx, podiatry for debridement",),
                brings=(
                    Dx(
                        "M86.17{side:1|2}",
                        ("acute osteo of the {side} great toe",),
                        plan=("bone cx, 6 wk abx via PICC vs source control",),
                    ),
                    Dx(
                        "E11.621",
                        ("diabetic foot ulcer {side:R|L}", "DFU {side} plantar hallux"),
                        plan=("offload, wound care",),
                        brings=(
                            Dx(
                                "L97.5{side:1|2}4",
                                (
                                    "ulcer bed {side} foot with bone exposed and necrotic",
                                    "ulcer to bone with necrosis, {side} forefoot",
                                ),
                                plan=("debride",),
                            ),
                        ),
                    ),
                    Dx("E11.42", ("diabetic polyneuropathy", "DPN, insensate to monofilament"), plan=("gabapentin",)),
                ),
            ),
        ),
        also=(
            Dx(
                "E11.65",
                ("hyperglycemia, A1c 11.2", "uncontrolled DM w/ hyperglycemia"),
                share=0.6,
                plan=("basal bolus, endocrine",),
                labs={"Glu": (240, 390), "A1c": (9.2, 13)},
            ),
            Dx(
                "E11.51",
                ("diabetic PAD", "DM with PVD, ABI 0.6 {side}"),
                share=0.35,
                plan=("vascular consult, ASA/statin",),
            ),
            Dx("Z79.4", ("on insulin at home",), share=0.7, place="history"),
        ),
        exam={
            "ext": "{side} plantar hallux ulcer 2 x 1.5 cm, purulent, probes to bone, foul odor",
            "neuro": "absent monofilament b/l feet",
        },
        vitals={"T": (37.4, 38.6), "HR": (86, 106)},
        labs={"WBC": (11, 18), "ESR": (70, 118), "CRP": (60, 200)},
        studies=(
            Study(
                "MRI {side} foot",
                ("Marrow edema and cortical loss of the distal phalanx of the hallux.",),
                ("Findings of osteomyelitis, distal phalanx {side} hallux. No abscess.",),
            ),
        ),
        ops=(
            Op(
                "0Y6{side:P|Q}0Z0",
                "{side} great toe amputation",
                day=2,
                share=0.55,
                note=(
                    "Fish-mouth incision at base of {side} hallux. Disarticulated at MTP joint, cartilage removed.",
                    "Clean margin sent to micro and path. Irrigated, closed loosely. EBL 20 cc.",
                ),
            ),
            Op(
                "0JB{side:Q|R}0ZZ",
                "excisional debridement of {side} foot to subcutaneous tissue",
                day=1,
                share=0.4,
                note=(
                    (
                        "Sharp excision with #15 blade through skin and subcutaneous tissue to bleeding "
                        "margin, 3 x 2 cm, {side} foot."
                    ),
                ),
            ),
        ),
        cultures=(("Bone, {side} hallux", "Staphylococcus aureus"), ("Blood culture", "")),
        course=(
            ("Wound clean at discharge, glucose 140-180.",),
            ("Wound care and non weight bearing in surgical shoe.",),
        ),
        denies=("fever", "chest pain", "trauma"),
        drugs=("piperacillin-tazobactam 4.5 g IV q8h", "vancomycin 1 g IV q12h", "insulin glargine 24 units nightly"),
        los=(4, 7, 12),
        leaves={"01": 0.35, "06": 0.4, "03": 0.25},
        without=("t2dm", "t2dm_neuro", "t2dm_hyper", "pad"),
        has=("htn", "hld"),
        consult="Podiatry",
    ),
    Scenario(
        name="surgical_site_infection",
        setting="inpatient",
        weight=1,
        ages=(35, 80),
        service="SURG",
        complaint=("wound drainage after surgery",),
        admitting=("T81.49XA",),
        hpi=(
            (
                (
                    "{age} yo {man}, POD 9 from open sigmoid resection at outside facility, with redness and "
                    "pus from midline wound."
                ),
            ),
            ("Staples removed at bedside, 40 cc pus.",),
        ),
        main=(
            Dx(
                "T81.41XA",
                ("superficial SSI, midline", "post-op wound infection, superficial"),
                share=0.5,
                plan=("open packing BID, cefazolin",),
            ),
            Dx(
                "T81.42XA",
                ("deep SSI", "deep incisional wound infection after colectomy"),
                share=0.5,
                plan=("OR washout, vac",),
                ops=(
                    Op(
                        "0JB80ZZ",
                        "excisional debridement abdominal wound subcutaneous tissue",
                        day=1,
                        note=(
                            "Midline wound opened, necrotic fat excised sharply to fascia, fascia intact.",
                            "3 L irrigation, negative pressure dressing applied.",
                        ),
                    ),
                ),
            ),
        ),
        also=(
            Dx("B95.61", ("MSSA on wound cx", "wound growing MSSA"), plan=("cefazolin",)),
            Dx("L03.311", ("abdominal wall cellulitis around incision",), share=0.3, plan=("abx",)),
            Dx(
                "Y83.2",
                ("Infection followed {his} bowel resection and anastomosis earlier this month.",),
                place="story",
            ),
        ),
        exam={"abdomen": "midline incision with erythema and purulence, fascia intact, non distended"},
        vitals={"T": (37.8, 38.9), "HR": (90, 112)},
        labs={"WBC": (12, 18)},
        cultures=(("Wound", "Staphylococcus aureus"),),
        course=(("Granulating wound at discharge.",),),
        denies=("obstipation", "vomiting"),
        drugs=("cefazolin 2 g IV q8h",),
        los=(3, 5, 9),
        leaves={"01": 0.3, "06": 0.65, "03": 0.05},
        chronic=2,
    ),
    Scenario(
        name="dialysis_catheter_infection",
        setting="inpatient",
        weight=1.2,
        ages=(40, 80),
        service="MED",
        complaint=("fever and rigors at dialysis",),
        admitting=("R50.9",),
        hpi=(
            ("{age} yo {man} on HD MWF via tunneled {side} IJ catheter, rigors during treatment today.",),
            ("Exit site tender with pus.",),
        ),
        main=(
            Dx(
                "T80.211A",
                (
                    "CLABSI from tunneled HD line",
                    "bloodstream infection from dialysis catheter",
                    "HD catheter related bacteremia",
                ),
                plan=("line out, vanc with HD, line holiday", "vanc post HD x4 wks, TTE neg"),
                ops=(
                    Op("02PY33Z", "removal of tunneled dialysis catheter", day=1),
                    Op("02H633Z", "new tunneled dialysis catheter", day=4),
                    Op("5A1D70Z", "hemodialysis, 3 sessions", day=1),
                ),
            ),
        ),
        also=(
            Dx("R78.81", ("MSSA bacteremia", "bacteremia, staph"), plan=("repeat cx neg x48h",)),
            Dx("B95.61", ("MSSA",), plan=("cefazolin with HD",)),
            Dx(
                "I12.0",
                ("hypertensive ESRD", "ESRD from HTN nephrosclerosis"),
                plan=("HD MWF",),
                brings=(Dx("N18.6", ("ESRD on HD MWF", "ESRD"), plan=("renal following",)),),
            ),
            Dx("Z99.2", ("HD dependent",), place="history"),
            Dx("D63.1", ("anemia of ESRD", "anemia of CKD, on ESA"), plan=("EPO with HD",), labs={"Hgb": (8.2, 9.9)}),
        ),
        exam={"neck": "{side} IJ tunneled catheter, exit site erythema and pus"},
        vitals={"T": (38.4, 39.8), "HR": (98, 122)},
        labs={"WBC": (12, 20), "Cr": (5.5, 9.8), "BUN": (48, 92), "K": (4.6, 5.4)},
        cultures=(("Blood culture", "Staphylococcus aureus"),),
        studies=(
            Study(
                "Transthoracic echo", ("No vegetation. EF 55%.",), ("No echocardiographic evidence of endocarditis.",)
            ),
        ),
        course=(("Cultures cleared after line removal.",),),
        denies=("cough", "back pain"),
        drugs=("vancomycin 1.5 g IV with HD", "epoetin alfa 10,000 units with HD"),
        los=(4, 6, 9),
        leaves={"01": 0.7, "06": 0.15, "03": 0.15},
        without=("htn", "ckd3a", "ckd3b", "ckd4", "esrd", "anemia_ckd", "chf_chronic", "ida"),
        chronic=2,
        consult="Nephrology",
    ),
    Scenario(
        name="pressure_ulcer_septic_snf",
        setting="inpatient",
        weight=0.8,
        ages=(70, 95),
        service="MED",
        origin="5",
        complaint=("infected sacral wound, from SNF",),
        admitting=("L89.159",),
        hpi=(("{age} yo bedbound {man} from SNF with worsening sacral wound, foul drainage.",),),
        main=(
            Dx(
                "L89.154",
                (
                    "stage 4 sacral decub, infected",
                    "stage IV sacral pressure injury with purulence",
                    "sacral decubitus to bone",
                ),
                plan=("surgery for debridement, air mattress, RD",),
                ops=(
                    Op(
                        "0JB90ZZ",
                        "excisional debridement of sacral wound",
                        day=1,
                        note=(
                            "Necrotic skin, fat and fascia excised sharply, 8 x 7 cm, down to bleeding tissue.",
                            "Bone palpable in base. Packed with Dakin gauze.",
                        ),
                    ),
                ),
            ),
        ),
        also=(
            Dx("L03.317", ("cellulitis of the buttock around the wound",), plan=("zosyn",), share=0.7),
            Dx(
                "E43",
                ("severe protein-calorie malnutrition, ASPEN",),
                share=0.5,
                plan=("high protein supplements",),
                brings=(Dx("Z68.1", ("BMI 18.1 today per RD.",), place="nursing"),),
            ),
            Dx("Z74.01", ("bedbound at baseline",), place="history"),
            Dx("Z66", ("DNR/DNI per family", "code status DNR"), share=0.6, plan=("palliative care following",)),
        ),
        exam={
            "skin": "sacral wound 8 x 7 cm with eschar, foul, surrounding erythema",
            "neuro": "contracted, minimally verbal",
        },
        vitals={"T": (37.8, 38.8)},
        labs={"WBC": (12, 19), "Albumin": (1.8, 2.5)},
        cultures=(("Wound", "Proteus mirabilis"),),
        course=(("Wound bed clean after debridement.",),),
        denies=("cough",),
        drugs=("piperacillin-tazobactam 3.375 g IV q6h",),
        los=(4, 7, 12),
        leaves={"03": 0.75, "20": 0.12, "51": 0.13},
        has=("dementia",),
        without=("obesity1", "obesity2", "obesity3"),
    ),
)
